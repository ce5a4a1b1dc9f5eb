#!/usr/bin/env python3
"""Few-shot text classification with a meta-trained BERT: fine-tune on a k-shot task, evaluate, predict.

  python run_classifier_multitask.py --flagfile=presets/hybrid_smlmt_finetune.flags --do_eval \\
      --task_eval_files=airline_train_0_4.tf_record,airline_eval.tf_record --supervised_data_dir=DIR \\
      --warm_start_model_dir=MODEL --bert_config_file=bert_config.json --test_num_labels=3 --output_dir=output/airline

The program turns flags into frozen settings, settings into a run, and results into lines. `run_finetune.sh` picks the
flags for the 17 tasks of the papers.
"""
import contextlib
import os
import sys

from runtime.errors import UserError, exit_code, importing, listed

with importing(__name__):
    from runtime.compat import tf  # noqa: I001 (first, for it checks the versions of Python and TensorFlow)

    from absl import flags, logging

from command_line import program, program_flags, settings
from runs import (
    evaluation,
    finetuning,
    meta_training,
    prediction,
    prediction_lines,
    prediction_places,
    self_check,
    suggestion,
)
from runtime import run_files
from runtime.cells import one_line, shown
from runtime.installation import renamed
from runtime.sessions import unused_gpus
from training import cluster

FLAGS = flags.FLAGS
program_flags.define(FLAGS)

MODES = ("do_train", "do_eval", "do_score", "do_suggest", "do_predict")
EXAMPLES_SHOWN = 5
LABELS_SHOWN = 20


def main(argv, values=FLAGS, known=None):
    """Does what flags ask for.

    Args:
      argv: arguments that are no flags, the program's name first.
      values: absl.flags.FlagValues with the flags of program_flags.py.
      known: what was read of files before, as for runs.task_data.Reader.

    Raises:
      UserError: a mistake in flags or files.
    """
    if len(argv) > 1:
        raise UserError("unknown argument %s: flags begin with --." % argv[1])
    for name in program_flags.NO_EFFECT:
        if values[name].present:
            logging.info("--%s has no effect.", name)
    if not any(values[mode].value for mode in MODES):
        raise UserError("nothing to do: give one of --%s (--help lists the flags)." % ", --".join(MODES))
    program_flags.start_debugging(values)
    program_flags.check(values)
    asked = settings.prediction_settings(values) if values.do_predict else None
    if asked:
        prediction_places.check(asked)  # before the training
    if values.do_suggest:
        suggestion.check(settings.suggestion_settings(values))
    rows_to = prediction_lines.stream_of(asked.output, sys.stdout) if asked else None
    with contextlib.redirect_stdout(sys.stderr) if rows_to else contextlib.nullcontext():  # nothing between the rows
        if values.do_train:
            run_training(settings.training_settings(values))
        if values.do_eval and not values.do_train:  # with --do_train the evaluation is the meta-validation
            run_finetuning(settings.run_settings(values), known)
        if values.do_score:
            run_evaluation(settings.score_settings(values), known)
        if values.do_suggest:
            run_suggestion(settings.suggestion_settings(values), known)
        if asked:
            run_prediction(asked, known, rows_to)


def run_training(asked):
    """Trains on many tasks; where TF_CONFIG names several machines, as one process of a run that they share."""
    note = None if "CUDA_VISIBLE_DEVICES" in os.environ else unused_gpus()  # whoever hides some knows of them
    if note:
        print(note, file=sys.stderr)
    ended = meta_training.run(asked, cluster.parse(os.environ.get("TF_CONFIG", "")))
    if not ended.is_complete:
        print("stopped and saved: run the same command again to go on")
    elif ended.exported:
        print("%s is complete; the exported model: %s" % (ended.title, shown(ended.exported)))
    else:
        print("%s is complete" % ended.title)


def run_finetuning(asked, known):
    """Fine-tunes and evaluates."""
    result = finetuning.run(asked, known)
    if result.evaluation:
        print_examples(result.scores, result.evaluation)
    print_summary(result.summary, asked)


def run_evaluation(asked, known):
    """Evaluates a fine-tuned model."""
    found = evaluation.run(asked, known)
    print_examples(found.scores, found.rows)
    print_metrics(found.summary)
    for path in found.paths:
        print("  %s" % shown(path))


def run_suggestion(asked, known):
    """Says which texts to label next."""
    found = suggestion.run(asked, known)
    print("%d of %d texts to label next: fill in the column %s of" % (found.chosen, found.rows, suggestion.LABEL))
    print("  %s" % shown(found.path))


def run_prediction(asked, known, rows_to):
    """Predicts with a fine-tuned model; `rows_to` is the stream that gets all rows, None: some are shown."""
    prediction_lines.tell(prediction.run(asked, known, rows_to), rows_to, asked.min_confidence)


# Output.


def print_examples(scores, rows):
    """Shows the predictions of a few of task_data.Rows, spread over them; none where the texts are not known."""
    texts = rows.texts or ()
    for row in range(0, len(texts), -(-len(texts) // EXAMPLES_SHOWN) or 1):
        guess, truth = scores.predictions[row], scores.labels[row]
        verdict = "" if guess == truth else " (true: %s)" % one_line(rows.labels[truth])
        text = one_line(" ||| ".join(part for part in texts[row] if part))
        label = one_line(rows.labels[guess])
        print("  %3.0f%% %s%s: %s" % (100 * scores.probabilities[row, guess], label, verdict, text[:90]))


def print_summary(summary, asked):
    """Says in a few lines how a fine-tuning run ended, and where its files are."""
    metrics = summary["metrics"]
    if metrics:
        print_metrics(summary)
    else:
        names, rows = summary["config"]["labels"], summary["data"]["train"]["examples"]
        labels = listed([one_line(name) for name in names], LABELS_SHOWN)
        print(
            "trained on %d rows of %d classes (%s), not evaluated, %.0f s"
            % (rows, len(names), labels, summary["seconds"]["total"])
        )
    for line in self_check.lines(summary["self_check"]) if summary["self_check"] else ():
        print(line)
    left = [run_files.RESULTS] + [run_files.PREDICTIONS] * bool(metrics) + [run_files.MODEL] * asked.keep_model
    for name in left:
        print("  %s" % shown(os.path.join(asked.output_dir, name)))


def print_metrics(summary):
    """Says in a line what an evaluation came to."""
    metrics, rows = summary["metrics"], summary["data"]["eval"]["examples"]
    low, high = metrics["accuracy_interval_95"]
    print(
        "accuracy %.4f (95%% interval %.4f to %.4f), macro-F1 %.4f, loss %.4f on %d rows, %.0f s"
        % (metrics["accuracy"], low, high, metrics["macro_f1"], metrics["loss"], rows, summary["seconds"]["total"])
    )


def run_main(*arguments):
    """Runs `main` and exits with errors.exit_code unless that is 0."""
    code = exit_code(lambda: main(*arguments))
    if code:
        sys.exit(code)


def prepare_output():
    """Makes standard output and the log such as a program's own should be."""
    if sys.stdout:
        sys.stdout.reconfigure(errors="backslashreplace")  # texts are shown, whatever the terminal can
    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    tf.logging.set_verbosity(tf.logging.FATAL)  # what it reports as an error is raised too, and becomes one line


if __name__ == "__main__":
    __doc__ = renamed(__doc__)  # which --help shows
    prepare_output()
    program.start(run_main)
