"""Validation of checkpoints during training, and the export of the best one as a model."""
import contextlib
import os

import numpy as np

from learner.classifier import INPUTS
from runtime import checkpoints, files, folders, saved_model, schema
from runtime.compat import tf
from runtime.errors import UserError
from runtime.run_files import MODEL
from runtime.sessions import session_config
from training.plan import Judged
from training.scalars import Scalars
from training.task_feed import validation_data

BEST = "best.json"  # below the output directory
HISTORY = "validation.json"
NAMES = (MODEL, BEST, HISTORY)
KIND = "meta-trained model"
# What is said of a step in BEST, and of every one in HISTORY.
ENTRY = schema.fields(
    {"step": schema.whole()},
    {
        "query_accuracy": schema.none_or(schema.real(0, 1)), "query_loss": schema.none_or(schema.real()),
        "validated": schema.flag,
    },
)
EVENTS = "eval"  # folder beside the checkpoints


def judge(plan, checkpoint):
    """Judged with numbers: the means over the validation tasks of a plan.Plan with a checkpoint's weights."""
    with _graph():
        tasks = tf.data.make_initializable_iterator(validation_data(plan.validation, plan.run))
        (task,) = tasks.get_next()
        judged = plan.judge(task)
        with _restored(plan, checkpoint) as session:
            session.run(tasks.initializer)
            sums = np.zeros(len(Judged._fields), np.float32)
            for _ in plan.validation:
                sums += session.run(judged)
    return Judged(*[float(mean) for mean in sums / np.float32(len(plan.validation))])


def export(plan, checkpoint, folder):
    """Writes what a plan.Plan serves with a checkpoint's weights as a SavedModel; the folder must not exist."""
    with _graph():
        inputs = {name: tf.placeholder(tf.int32, [None, plan.run.max_seq_length], name=name) for name in INPUTS}
        outputs = plan.serve(inputs)
        with _restored(plan, checkpoint) as session:
            saved_model.write(session, inputs, outputs, folder)
    for name, content in plan.beside.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)


@contextlib.contextmanager
def _graph():
    """A graph of this process alone, which counts the steps as that of the training does."""
    with tf.Graph().as_default():
        tf.train.get_or_create_global_step()
        yield


@contextlib.contextmanager
def _restored(plan, checkpoint):
    """Session over the graph with the checkpoint's weights."""
    with tf.Session(config=session_config(plan.bert_config, plan.config)) as session:
        try:
            checkpoints.load(tf.train.Saver(), session, checkpoint)
        except checkpoints.UNREADABLE as error:
            raise checkpoints.damaged_own(checkpoint, error) from None
        yield session


def exported(output_dir):
    """Which model a finished run has exported to a folder, and why that one, in words."""
    best, history = _judged(output_dir)
    if best is None:
        return "of which no %s tells any more" % BEST
    if best.get("query_accuracy") is None:
        return "the last step's (%d), as there are no validation tasks" % best["step"]
    return "that of step %d, whose query accuracy %.4f is the best of %d validations" % (
        best["step"], best["query_accuracy"], len(history or ())
    )


def _judged(output_dir):
    """The contents of best.json and validation.json, None for one that is not there; UserError for a damaged one."""
    found = []
    for name, check in ((BEST, ENTRY), (HISTORY, schema.array(ENTRY))):
        path = os.path.join(output_dir, name)
        try:
            found.append(schema.load(path, check))
        except FileNotFoundError:
            found.append(None)
        except (OSError, schema.Malformed) as error:
            raise UserError(
                "--output_dir: %s cannot be read (%s): move it away to have checkpoints judged anew." % (path, error)
            ) from None
    return found


def made_earlier(output_dir):
    """Names of those files of a run that a version without .made.json left in its folder."""
    best, history = [files.read_json(os.path.join(output_dir, name)) for name in (BEST, HISTORY)]
    found = [os.path.join(MODEL, name) for name in checkpoints.made_earlier(os.path.join(output_dir, MODEL))]
    found += [BEST] * (isinstance(best, dict) and "step" in best)
    return found + [HISTORY] * (isinstance(history, list) and all(isinstance(entry, dict) for entry in history))


class Validator:
    """Judges checkpoints by their mean query accuracy and keeps the best one as an exported model.

    Without validation tasks every checkpoint counts as the best so far.

    Args:
      judge: function of a checkpoint's prefix -> Judged; None without validation tasks.
      export: function (prefix, folder to make) that exports a checkpoint as a model.
      prefix: of the checkpoints, without the step.
      output_dir: existing folder; gets model/, best.json and validation.json (every result, in order).
      done: step of the newest checkpoint; what was judged after it belongs to checkpoints that are gone.
    """

    def __init__(self, judge, export, prefix, output_dir, done):
        self._judge, self._export, self._prefix, self._output_dir = judge, export, prefix, output_dir
        folders.tidy(output_dir)  # a run that goes on may have nothing more to export
        folders.check(output_dir, KIND, folders.SHARED, NAMES, made_earlier)
        best, history = _judged(output_dir)
        self._history = [entry for entry in history or [] if entry["step"] <= done]
        self._best = best if best and best["step"] <= done else None

    def validate(self, step):
        """Judges the checkpoint of a step, unless it was done before; exports it where it is the best so far."""
        if any(entry["step"] == step for entry in self._history):
            return
        checkpoint = "%s-%d" % (self._prefix, step)
        if self._judge:
            found = self._judge(checkpoint)
            loss = found.loss if np.isfinite(found.loss) else None  # NaN is no JSON
            entry = {"step": step, "query_accuracy": found.accuracy, "query_loss": loss}
            is_best = self._best is None or found.accuracy > self._best["query_accuracy"]
            note = "query accuracy %.4f, loss %.4f%s" % (*found, ", the best so far" if is_best else "")
            with Scalars(os.path.join(os.path.dirname(self._prefix), EVENTS)) as scalars:
                scalars.write(step, {"query_accuracy": found.accuracy, "query_loss": found.loss})
        else:
            entry, is_best, note = {"step": step, "validated": False}, True, "no validation tasks, exported as it is"
        print("step %d: %s" % (step, note), flush=True)
        try:
            if is_best:
                self._replace_model(checkpoint, entry)
                self._best = entry
            else:
                files.write_json(self._path(HISTORY), self._history + [entry])
        except (tf.errors.OpError, OSError) as error:
            raise checkpoints.cannot_save("model of step %d" % step, self._output_dir, error) from None
        self._history.append(entry)

    def _replace_model(self, checkpoint, entry):
        """Puts a checkpoint's model and what is said about it into their places, together."""
        with folders.atomic_folder(self._output_dir, KIND, folders.SHARED, NAMES, made_earlier) as work:
            self._export(checkpoint, os.path.join(work, MODEL))
            files.write_json(os.path.join(work, BEST), entry)
            files.write_json(os.path.join(work, HISTORY), self._history + [entry])

    def _path(self, name):
        return os.path.join(self._output_dir, name)
