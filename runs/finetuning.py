"""One fine-tuning run, from its frozen settings to what it leaves: model/, predictions.tsv and results.json."""
import os
import time
from typing import NamedTuple, Optional

from absl import logging

from data.records import Examples
from data.text_lines import named
from learner import configs
from learner.finetuning import expected_steps, goes_uphill
from runs import identity, model_folder, onnx_export, output_folder, results, self_check, task_data
from runs.scores import Scores
from runtime import run_files
from runtime.errors import UserError
from runtime.files import read_json, write_json
from runtime.waiting import waiting
from training import finetuner


class RunRows(NamedTuple):
    """The rows of a run."""

    train: task_data.Rows
    evaluation: Optional[task_data.Rows]
    names: Optional[Examples] = None  # texts that tell the classes' names


class Result(NamedTuple):
    """What came out of a run."""

    summary: dict  # what results.json holds
    scores: Optional[Scores]  # of the evaluation rows, None without any
    evaluation: Optional[task_data.Rows]


def run(settings, known=None):
    """Fine-tunes, evaluates and writes what a run leaves.

    Args:
      settings: command_line.settings.RunSettings.
      known: rows that were read before, as for task_data.Reader.

    Returns:
      Result.

    Raises:
      UserError: something cannot be used, read or written, or the output folder holds another run; what was in the
        folder is then as it was before.
    """
    begun = time.time()
    weights = identity.weight_files(settings.finetuning)
    output_folder.check(settings.output_dir)
    check_onnx(settings)
    task = read_task(settings, reader_of(settings, known))
    warn_of_schedule(settings, task.train.examples.size)
    run_identity = identity.identify(settings, task.train.labels, weights)
    if settings.keep_model:
        model_folder.check(run_identity.description)
    is_other_model = refuse_other_model(run_identity)
    refuse_lost_start(settings, weights)
    with output_folder.replacing(settings.output_dir, is_other_model=is_other_model) as work:
        refuse_other_model(run_identity)  # once more: now nobody else writes
        outcome, checked = train(run_identity, task, output_folder.model_dir(work) if settings.keep_model else None)
        result = judge(run_identity, task, outcome, begun, checked)
        write(work, result)
        if settings.keep_onnx:
            add_onnx(output_folder.model_dir(work), result.summary)
    return result


def check_onnx(settings):
    """UserError where --keep_onnx is given and cannot be done."""
    if not settings.keep_onnx:
        return
    if not settings.keep_model:
        raise UserError("--keep_onnx and --keep_model=false exclude each other.")
    if not os.path.isfile(settings.vocab_file):
        raise UserError("--keep_onnx needs the vocabulary, and --vocab_file=%s is no file." % settings.vocab_file)
    onnx_export.check_packages()


def add_onnx(model_dir, summary):
    """Puts model.onnx and the model card into the folder of a model, with what results.json says of it."""
    with onnx_export.opened(model_dir, "--keep_onnx") as model:
        onnx_export.add(model._replace(results=summary), model_dir)


def reader_of(settings, known=None):
    """task_data.Reader of RunSettings; `known` as there."""
    return task_data.Reader(settings.text, settings.vocab_file, settings.bert_config.vocab_size, known or {})


def read_task(settings, reader):
    """RunRows of RunSettings; the training file names the labels where the settings do not.

    Raises:
      UserError: a file cannot be used, or there is one label alone.
    """
    train = reader.labelled(settings.train_file, settings.labels, settings.num_labels)
    if len(train.labels) < 2:
        raise UserError(
            "%s: has the label %r alone; a classifier needs two labels or more."
            % (named(settings.train_file), train.labels[0])
        )
    task_data.check_segments(train.examples, settings.bert_config, settings.train_file)
    names = reader.names(settings.finetuning.label_names, train.labels)
    if not settings.eval_file:
        return RunRows(train, None, names)
    evaluation = reader.labelled(settings.eval_file, train.labels, settings.num_labels)
    task_data.check_segments(evaluation.examples, settings.bert_config, settings.eval_file)
    return RunRows(train, evaluation, names)


def warn_of_schedule(settings, rows):
    """Tells of sizes with which the published schedule goes astray, and of epochs that it leaves out.

    Args:
      settings: command_line.settings.RunSettings.
      rows: to train on.
    """
    epochs = settings.finetuning.num_train_epochs
    if epochs != int(epochs):
        logging.warning(
            "--num_train_epochs=%g: fine-tuning runs whole epochs, as published: %d%s.", epochs, int(epochs),
            ", which trains nothing" * (epochs < 1),
        )
    train, evaluation = settings.finetuning.train_batch_size, settings.finetuning.eval_batch_size
    if train != evaluation and not isinstance(settings.classifier, configs.SoftmaxConfig):
        logging.warning(
            "--train_batch_size=%d and --eval_batch_size=%d differ: the schedule of the rates counts by the latter, as "
            "published, so that they can end early or turn negative.", train, evaluation,
        )
    if goes_uphill(rows, settings.finetuning, settings.classifier):
        logging.warning(
            "--eval_batch_size=%d is more than the rows of all epochs (%d rows, --num_train_epochs=%g): all rates are "
            "negative then, as published, and training makes the model worse: take smaller batches or more epochs.",
            evaluation, rows, epochs,
        )


def refuse_other_model(run_identity):
    """Whether the output folder holds a model of another run; UserError when that may not be replaced."""
    settings = run_identity.settings
    model_dir = output_folder.model_dir(settings.output_dir)
    if not os.path.lexists(model_dir):
        return False
    if not os.path.isdir(model_dir):
        raise UserError("--output_dir: %s is no folder; choose another folder." % model_dir)
    stored = read_json(os.path.join(model_dir, run_files.MODEL_FILE))
    same = isinstance(stored, dict) and stored.get("run_id") == run_identity.run_id
    if not same and not settings.overwrite:
        raise output_folder.other_model(settings.output_dir)
    return not same


def refuse_lost_start(settings, weights):
    """UserError when the weights that the run starts from would go with the earlier model."""
    model_dir = os.path.realpath(output_folder.model_dir(settings.output_dir))
    for flag, path in weights.items():
        if not settings.keep_model and os.path.realpath(path).startswith(model_dir + os.sep):
            raise UserError(
                "--keep_model=false would remove %s, which --%s names: choose another --output_dir." % (model_dir, flag)
            )


def train(run_identity, task, model_dir):
    """Fine-tunes.

    Args:
      model_dir: folder to make for the model, None: it is not kept.

    Returns:
      (finetuner.Finetuned, what self_check.check found or None where it was not asked for)
    """
    settings, checked = run_identity.settings, None
    if model_dir:
        os.mkdir(model_dir)
    rows, evaluation = task.train.examples, task.evaluation and task.evaluation.examples
    with waiting("preparing graph and weights"):
        steps = expected_steps(rows.size, settings.finetuning)
        tuner = finetuner.Finetuner(
            settings.bert_config, settings.classifier, settings.finetuning, len(run_identity.labels), steps
        )
    with tuner:
        outcome = tuner.run(settings.finetuning, rows, evaluation, model_dir, names=task.names)
        if settings.self_check:
            checked = self_check.check(tuner, settings.finetuning, rows, task.names, outcome.held_out)
    if model_dir:
        more = {"run_id": run_identity.run_id, "pair": task.train.examples.has_pairs}
        more.update(model_folder.temperature(outcome.temperature))
        model_folder.add_settings(model_dir, dict(run_identity.description, **more), settings.vocab_file)
    return outcome, checked


def judge(run_identity, task, outcome, begun, checked=None):
    """The Result of a run.

    Args:
      outcome: finetuner.Finetuned.
      begun: time when the run began, seconds.
      checked: what self_check.check found, or None.
    """
    scores, sizes = None, {"train": task.train.examples.size}
    if task.evaluation:
        scores = Scores(outcome.logits, task.evaluation.examples.label_ids, outcome.temperature)
        sizes["eval"] = task.evaluation.examples.size
    summary = results.summarize(run_identity, sizes, outcome, scores, time.time() - begun, checked)
    return Result(summary, scores, task.evaluation)


def write(work, result, predictions=True):
    """Writes results.json and predictions.tsv into the work folder of a run.

    Args:
      predictions: whether they are wanted, where there were rows to predict.
    """
    if predictions and result.evaluation:
        rows = result.evaluation
        results.write_predictions(
            os.path.join(work, run_files.PREDICTIONS), result.scores.probabilities, rows.labels,
            rows.examples.label_ids, rows.texts,
        )
    write_json(os.path.join(work, run_files.RESULTS), result.summary)
