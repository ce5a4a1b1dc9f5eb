"""Few-shot text classification with a meta-trained BERT: fine-tune on a k-shot task, evaluate, predict.

  python run_classifier_multitask.py --flagfile=presets/hybrid_smlmt_finetune.flags --do_eval \\
      --task_eval_files=airline_train_0_4.tf_record,airline_eval.tf_record --supervised_data_dir=DIR \\
      --warm_start_model_dir=MODEL --bert_config_file=bert_config.json --test_num_labels=3 --output_dir=output/airline

The program turns flags into frozen settings, settings into a run, and results into files. `run_finetune.sh`
picks the flags for the 17 tasks of the papers.
"""
import dataclasses
import json
import os
import shutil
import sys
import tempfile
import time

from runtime.errors import UserError, exit_code, reason

try:
    from runtime.compat import tf  # noqa: I001 (first, for it checks the versions of Python and TensorFlow)

    from absl import app, flags, logging
except (UserError, ImportError) as error:
    if __name__ != "__main__":
        raise
    print("error: %s" % error, file=sys.stderr)
    sys.exit(2)

from command_line import program_flags
from learner import configs
from runs import results
from runtime import files

FLAGS = flags.FLAGS
program_flags.define(FLAGS)

PREDICTIONS = "predictions.tsv"
META_FILE = "meta_training.json"
EXAMPLES_SHOWN = 5


def main(argv):
    if len(argv) > 1:
        raise UserError("unknown argument %s: flags begin with --." % argv[1])
    for name in program_flags.NO_EFFECT:
        if FLAGS[name].present:
            logging.info("--%s has no effect.", name)
    if not (FLAGS.do_train or FLAGS.do_eval or FLAGS.do_predict):
        raise UserError("nothing to do: give --do_train, --do_eval or --do_predict (--help lists the flags).")
    program_flags.start_debugging(FLAGS)
    program_flags.check(FLAGS)
    if FLAGS.do_train:
        run_meta_training()
    if FLAGS.do_eval and not FLAGS.do_train:  # with --do_train the evaluation is the meta-validation
        run_finetuning()
    if FLAGS.do_predict:
        run_prediction()


def run_meta_training():
    """Trains on many tasks, or goes on where an earlier run of the same settings stopped; exports the best model.

    Meta-trains, or with --classifier=softmax trains one softmax layer a task.
    Where TF_CONFIG names several machines, this is one process of a run that they share.
    """
    from command_line import settings
    from training import cluster, loop, meta_training, multitask_training, validation

    machines = cluster.parse(os.environ.get("TF_CONFIG", ""))
    bert_config, config = settings.bert_settings(FLAGS), settings.classifier_settings(FLAGS)
    run = settings.meta_training_settings(FLAGS)
    settings.check_head_widths(bert_config, config)
    check_output_dir()
    description = {"bert_config": dataclasses.asdict(bert_config), "meta_training": dataclasses.asdict(run)}
    description.update(configs.described(config))
    refuse_other_training(description, machines.is_chief)
    kind = multitask_training if FLAGS.classifier == configs.SOFTMAX else meta_training
    plan = kind.make_plan(bert_config, config, run)
    make_output_dir()
    if machines.is_chief:
        files.write_json(os.path.join(FLAGS.output_dir, META_FILE), description)
    finished = loop.train(plan, FLAGS.output_dir, machines, FLAGS.cpu_devices, FLAGS.worker_timeout)
    if finished and machines.is_chief:
        model = os.path.join(FLAGS.output_dir, validation.MODEL)
        print("%s is complete; the exported model: %s, %s" % (plan.title, model, validation.exported(FLAGS.output_dir)))
    elif finished:
        print("%s is complete" % plan.title)
    else:
        print("stopped and saved: run the same command again to go on")


def refuse_other_training(description, is_chief):
    """UserError when --output_dir holds checkpoints of other settings, or a model of another run.

    Settings that a first attempt left without any checkpoint are overlooked, but not by a worker that is not the chief:
    they may be those that the chief has just written.
    """
    from training import loop

    stored = files.read_json(os.path.join(FLAGS.output_dir, META_FILE))
    if stored == json.loads(json.dumps(description)):
        return
    has_begun = tf.train.latest_checkpoint(os.path.join(FLAGS.output_dir, loop.CHECKPOINTS))
    if has_begun or (stored is not None and not is_chief):
        raise UserError(
            "--output_dir: %s holds a meta-training run of other settings (%s); choose another folder."
            % (FLAGS.output_dir, META_FILE)
        )
    if os.path.lexists(os.path.join(FLAGS.output_dir, "model")) and not FLAGS.overwrite:
        raise other_model()


def run_finetuning():
    """Fine-tunes, evaluates, and writes model/, predictions.tsv and results.json."""
    from data import records
    from runs import run_plan, task_data
    from runs.scores import Scores

    begun = time.time()
    plan = run_plan.make_plan(FLAGS)
    run = plan.run
    check_output_dir()
    train, labels, _ = task_data.load_examples(FLAGS, plan.train_file, plan.labels, plan.bert_config)
    evaluation = texts = None
    if plan.eval_file:
        evaluation, _, texts = task_data.load_examples(FLAGS, plan.eval_file, labels, plan.bert_config)
    plan = plan._replace(labels=labels)
    if run.train_batch_size != run.eval_batch_size and FLAGS.classifier != configs.SOFTMAX:
        logging.warning(
            "--train_batch_size=%d and --eval_batch_size=%d differ: the schedule of the rates counts by the latter, as "
            "published, so that they can end early or turn negative.", run.train_batch_size, run.eval_batch_size,
        )
    checksums = {part: records.sha256(path) for part, path in plan.files().items()}
    description = run_plan.describe(plan)
    run_id = run_plan.fingerprint(description, checksums)
    refuse_other_model(run_id)
    refuse_lost_start(plan)

    outcome = train_and_keep(plan, train, evaluation, dict(description, run_id=run_id, pair=train.has_pairs))
    scores, sizes = None, {"train": train.size}
    predictions = os.path.join(FLAGS.output_dir, PREDICTIONS)
    try:
        if evaluation:
            scores, sizes["eval"] = Scores(outcome.logits, evaluation.label_ids), evaluation.size
            results.write_predictions(predictions, scores.probabilities, labels, evaluation.label_ids, texts)
        elif os.path.exists(predictions):
            os.remove(predictions)  # of an earlier run
        summary = run_plan.summarize(plan, FLAGS, checksums, sizes, outcome, scores, time.time() - begun)
        files.write_json(os.path.join(FLAGS.output_dir, "results.json"), summary)
    except OSError as error:
        raise unwritable(error) from error
    if texts:
        print_examples(scores, labels, texts)
    print_summary(summary)


def train_and_keep(plan, train, evaluation, description):
    """Fine-tunes and, with --keep_model, puts the model in its place; returns estimators.Finetuned.

    What was in --output_dir stays as it was where anything fails.
    """
    from runs import model_folder
    from runtime import checkpoints
    from training import finetuner

    is_new = not os.path.isdir(FLAGS.output_dir)
    work_dir = make_work_dir()
    model_dir = os.path.join(FLAGS.output_dir, "model")
    try:
        outcome = finetuner.finetune(
            plan.bert_config, plan.config, plan.run, train, evaluation, len(plan.labels), work_dir
        )
        if FLAGS.keep_model:
            model_folder.describe(work_dir, description, FLAGS.vocab_file)
            os.chmod(work_dir, 0o755)
            checkpoints.replace_directory(work_dir, model_dir)
        else:  # an earlier model is one of the same run, or --overwrite was given
            for folder in (work_dir, model_dir):
                shutil.rmtree(folder, ignore_errors=True)
    except BaseException as error:
        shutil.rmtree(work_dir, ignore_errors=True)
        if is_new and not os.listdir(FLAGS.output_dir):
            os.rmdir(FLAGS.output_dir)
        if isinstance(error, OSError):
            raise unwritable(error) from error
        raise
    return outcome


def run_prediction():
    """Predicts with a fine-tuned model and writes labels by name with probabilities."""
    from command_line import settings
    from data.text import stem
    from runs import model_folder, task_data
    from runs.scores import Scores
    from training import finetuner

    model_dir = FLAGS.model_dir or os.path.join(FLAGS.output_dir, "model")
    stored = model_folder.load(model_dir)
    bert_config, label_names, text = stored.bert_config, stored.labels, stored.text
    check_output_dir()
    if FLAGS["max_seq_length"].present:
        text["max_seq_length"] = FLAGS.max_seq_length
        settings.check_positions(FLAGS, bert_config, os.path.join(model_dir, model_folder.MODEL_FILE))
    vocab_file = stored.vocab_file
    if vocab_file is None:  # fine-tuned on records
        vocab_file = FLAGS.vocab_file if FLAGS["vocab_file"].present else os.path.join(model_dir, "vocab.txt")
    examples, _, texts = task_data.load_examples(
        FLAGS, FLAGS.predict_file, label_names, bert_config, vocab_file, text, labelled=False
    )
    if stored.pair not in (None, examples.has_pairs):
        kinds = ("single texts", "pairs of texts")
        raise UserError(
            "--predict_file: %s holds %s, but the model was fine-tuned on %s."
            % (FLAGS.predict_file, kinds[examples.has_pairs], kinds[stored.pair])
        )
    logits = finetuner.predict(
        bert_config, stored.config, len(label_names), stored.checkpoint, examples, FLAGS.predict_batch_size
    )
    make_output_dir()
    name = PREDICTIONS
    if os.path.exists(os.path.join(FLAGS.output_dir, "results.json")):  # keep the evaluation's predictions
        name = "predictions_%s.tsv" % stem(FLAGS.predict_file)
    target = os.path.join(FLAGS.output_dir, name)
    scores = Scores(logits, logits.argmax(axis=1))  # there are no true labels
    try:
        results.write_predictions(target, scores.probabilities, label_names, texts=texts)
    except OSError as error:
        raise unwritable(error) from error
    if texts:
        print_examples(scores, label_names, texts)
    print("%d predictions: %s" % (examples.size, target))


# Output.


def check_output_dir():
    """UserError unless --output_dir is, or can be made, a folder to write to; makes nothing yet."""
    if not FLAGS.output_dir:
        raise UserError("--output_dir is empty: name a folder.")
    folder = os.path.abspath(FLAGS.output_dir)
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise unwritable(error) from error


def make_output_dir():
    try:
        os.makedirs(FLAGS.output_dir, exist_ok=True)
    except OSError as error:
        raise unwritable(error) from error


def make_work_dir():
    """Makes the folder of an unfinished run in --output_dir, and sweeps out what an interrupted run left there."""
    from runtime import checkpoints

    make_output_dir()
    try:
        checkpoints.sweep_unfinished(FLAGS.output_dir)
        return checkpoints.make_unfinished(FLAGS.output_dir)
    except OSError as error:
        raise unwritable(error) from error


def unwritable(error):
    return UserError(
        "--output_dir: cannot write to %s (%s); choose another folder." % (FLAGS.output_dir, reason(error))
    )


def refuse_other_model(run_id):
    """UserError when --output_dir holds a model of another run."""
    from runs import model_folder

    path = os.path.join(FLAGS.output_dir, "model", model_folder.MODEL_FILE)
    if not os.path.lexists(os.path.dirname(path)):
        return
    if not os.path.isdir(os.path.dirname(path)):
        raise UserError("--output_dir: %s is no folder; choose another folder." % os.path.dirname(path))
    stored = files.read_json(path)
    same = isinstance(stored, dict) and stored.get("run_id") == run_id
    if not same and not FLAGS.overwrite:
        raise other_model()


def refuse_lost_start(plan):
    """UserError when the weights that the run starts from would go with the earlier model."""
    model_dir = os.path.realpath(os.path.join(FLAGS.output_dir, "model"))
    for flag, path in plan.weights.items():
        if not FLAGS.keep_model and os.path.realpath(path).startswith(model_dir + os.sep):
            raise UserError(
                "--keep_model=false would remove %s, which --%s names: choose another --output_dir." % (model_dir, flag)
            )


def other_model():
    return UserError(
        "--output_dir: %s holds the model of another run; choose another folder or give --overwrite."
        % FLAGS.output_dir
    )


def print_examples(scores, label_names, texts):
    """Shows a few predictions, spread over the rows."""
    rows = range(0, len(texts), -(-len(texts) // EXAMPLES_SHOWN))
    for row in rows:
        guess, truth = scores.predictions[row], scores.labels[row]
        verdict = "" if guess == truth else " (true: %s)" % label_names[truth]
        text = " ".join(" ||| ".join(part for part in texts[row] if part).split())
        print("  %3.0f%% %s%s: %s" % (100 * scores.probabilities[row, guess], label_names[guess], verdict, text[:90]))


def print_summary(summary):
    """Says in a few lines how the run ended, and where its files are."""
    metrics, data, seconds = summary["metrics"], summary["data"], summary["seconds"]["total"]
    if metrics:
        low, high = metrics["accuracy_interval_95"]
        print(
            "accuracy %.4f (95%% interval %.4f to %.4f), macro-F1 %.4f, loss %.4f on %d rows, %.0f s"
            % (metrics["accuracy"], low, high, metrics["macro_f1"], metrics["loss"], data["eval"]["examples"], seconds)
        )
    else:
        labels = summary["config"]["labels"]
        print(
            "trained on %d rows of %d classes (%s), not evaluated, %.0f s"
            % (data["train"]["examples"], len(labels), ", ".join(labels), seconds)
        )
    for name in ["results.json"] + [PREDICTIONS] * bool(metrics) + ["model"] * FLAGS.keep_model:
        print("  %s" % os.path.join(FLAGS.output_dir, name))


def run_main(argv):
    """Runs `main` and exits with errors.exit_code unless that is 0."""
    code = exit_code(lambda: main(argv))
    if code:
        sys.exit(code)


if __name__ == "__main__":
    if sys.stdout:
        sys.stdout.reconfigure(errors="backslashreplace")  # texts are shown, whatever the terminal can
    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    tf.logging.set_verbosity(tf.logging.FATAL)  # what it reports as an error is raised too, and becomes one line
    app.run(run_main)
