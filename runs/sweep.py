"""Many fine-tuning runs, one after the other in one process: which are done, how one is made, what it leaves."""
import os
import time
from typing import NamedTuple

from command_line import program_flags, public_task, recipes
from command_line.settings import RunSettings, run_settings
from data import records
from data.tasks import get_task
from learner.finetuning import expected_steps
from runs import finetuning, identity, output_folder, schemas
from runs.sweep_keys import Key
from runtime import folders, schema
from runtime.errors import UserError, reason
from runtime.files import read_json, write_json
from runtime.run_files import PREDICTIONS, RESULTS
from training import finetuner as finetuners

RUNS = 10  # of one graph, about: the splits of a task
WAIT = 60.0  # seconds for another sweep, which may be writing the same run


class Job(NamedTuple):
    """A run, its folder, and its settings."""

    key: Key
    folder: str
    settings: RunSettings


class Jobs:
    """Finds the settings of runs; looks for a model's weights only once.

    Args:
      output_dir: of the sweep.
      encoder: of recipes.ENCODERS, for models that are not for one encoder.
      environment: mapping that may have BERT_DIR and LEOPARD_DIR.
      model_dirs: {model: folder of its export}.
      more: further arguments of the main program, which win.
    """

    def __init__(self, output_dir, encoder, environment, model_dirs, more=()):
        self._output_dir, self._encoder, self._environment = output_dir, encoder, environment
        self._model_dirs, self._more = model_dirs, list(more)
        self._found = {}  # {model: flags, or the UserError}
        self._noted = set()  # evaluation files whose defects were told

    def job(self, key):
        """The Job of a Key; UserError when something that it needs is missing or does not fit."""
        encoder = recipes.MODELS[key.model].encoder or self._encoder
        task = get_task(key.task)
        files = public_task.data_files(task, key.split, key.k, encoder, self._environment)
        if files[1] not in self._noted:
            self._noted.add(files[1])
            public_task.note_defect(files[1])
        chosen = public_task.split_flags(task, key.k, key.model, files, self._weights(key.model, encoder))
        folder = key.folder(self._output_dir)
        chosen.update(do_eval=True, output_dir=folder)
        return Job(key, folder, run_settings(program_flags.parse(self._more, chosen)))

    def _weights(self, model, encoder):
        if model not in self._found:
            environment = dict(self._environment, MODEL_DIR=self._model_dirs.get(model))
            try:
                self._found[model] = public_task.encoder_flags(model, encoder, environment)
            except UserError as error:
                self._found[model] = error
        if isinstance(self._found[model], UserError):
            raise self._found[model]
        return self._found[model]


def jobs_to_do(keys, jobs, runner):
    """(Jobs that are not done, those of them with a result of something else, {key: why it cannot be done})."""
    to_do, others, failures = [], [], {}
    for key in keys:
        try:
            job = jobs.job(key)
            if not runner.is_finished(job):
                to_do.append(job)
        except UserError as error:
            failures[key] = str(error)
        except OtherResult:
            others.append(job)
            to_do.append(job)
    return to_do, others, failures


def make_room(others, overwrite):
    """Removes the results that Jobs would replace; UserError when there are some and that is not wished."""
    if others and not overwrite:
        raise UserError(
            "--output_dir: %s is of other settings, weights or data (%d such files); choose another folder or give "
            "--overwrite." % (os.path.join(others[0].folder, RESULTS), len(others))
        )
    for job in others:
        discard(job.folder)


class OtherResult(Exception):
    """A results file is about other settings, weights or data; the argument is the run's Job."""


class Runner:
    """Makes runs in this process; keeps the last graph, and the last evaluation rows.

    Args:
      keep_predictions: write predictions.tsv too; else an earlier one goes with the results that it belongs to.
    """

    def __init__(self, keep_predictions=False):
        self.keep_predictions = keep_predictions
        self._checksums = {}  # {path: SHA-256}
        self._graph = (None, None)  # what it was made for, finetuners.Finetuner
        self._evaluation = (None, None)  # where the rows come from, task_data.Rows

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._drop_graph()

    def is_finished(self, job):
        """Whether the run's result is there.

        Raises:
          OtherResult: there is one, but of other settings, weights or data.
          UserError: the weights or the data of the run cannot be read.
        """
        folders.tidy(job.folder)
        run_id = stored_run_id(job.folder)
        if run_id is None:
            return False
        if run_id != self._identity(job.settings).run_id:
            raise OtherResult(job)
        return not self.keep_predictions or os.path.exists(os.path.join(job.folder, PREDICTIONS))

    def run(self, job):
        """Makes one run and writes its results, or why there are none; returns the reason or None.

        Raises:
          UserError: the results cannot be written.
        """
        try:
            result = self._run(job.settings)
        except UserError as error:
            return record_failure(job.key, job.folder, str(error))
        except Exception as error:  # whatever it is, it is this run's; the others go on
            self._drop_graph()
            return record_failure(job.key, job.folder, "%s: %s" % (type(error).__name__, reason(error)))
        result.summary.update(job.key._asdict())
        with output_folder.replacing(job.folder, WAIT) as work:
            finetuning.write(work, result, self.keep_predictions)
        return None

    def _run(self, settings):
        begun = time.time()
        reader = finetuning.reader_of(settings)
        train = reader.labelled(settings.train_file, settings.labels, settings.num_labels)
        names = reader.names(settings.finetuning.label_names, train.labels)
        task = finetuning.RunRows(train, self._evaluation_rows(settings, reader), names)
        run_identity = self._identity(settings)
        finetuner = self._finetuner(run_identity, RUNS * expected_steps(train.examples.size, settings.finetuning))
        outcome = finetuner.run(
            settings.finetuning, train.examples, task.evaluation.examples, show=False, names=names
        )
        return finetuning.judge(run_identity, task, outcome, begun)

    def _identity(self, settings):
        """Of the weights as they are now, for they may be exported anew meanwhile."""
        weights = identity.weight_files(settings.finetuning)

        def checksum(path):
            if path in weights.values() or path not in self._checksums:
                self._checksums[path] = records.sha256(path)
            return self._checksums[path]

        return identity.identify(settings, settings.labels, weights, checksum)

    def _evaluation_rows(self, settings, reader):
        source = settings.eval_file, settings.labels, reader
        if self._evaluation[0] != source:
            self._evaluation = source, reader.labelled(settings.eval_file, settings.labels, settings.num_labels)
        return self._evaluation[1]

    def _finetuner(self, run_identity, steps):
        settings, labels = run_identity.settings, len(run_identity.labels)
        weights = {part: sha for part, sha in run_identity.checksums.items() if part not in ("train", "eval")}
        start = finetuners.start_of(settings.finetuning), weights
        made_for = settings.bert_config, settings.classifier, start, labels
        if self._graph[0] != made_for:
            self._drop_graph()
            finetuner = finetuners.Finetuner(
                settings.bert_config, settings.classifier, settings.finetuning, labels, steps
            )
            self._graph = made_for, finetuner
        return self._graph[1]

    def _drop_graph(self):
        if self._graph[1]:
            self._graph[1].close()
        self._graph = (None, None)


def stored_run_id(folder):
    """The fingerprint of the run whose result is in a folder, or None."""
    folders.recover(folder)
    content = read_json(os.path.join(folder, RESULTS))
    return content.get("run_id") if isinstance(content, dict) and "metrics" in content else None


def discard(folder):
    """Removes the result of a run; UserError when that fails."""
    with output_folder.replacing(folder, WAIT):
        pass  # nothing is made in its place


def record_failure(key, folder, reason):
    """Writes why a run has no result, unless one is there, and returns it; the next call tries the run again."""
    if stored_run_id(folder) is None:
        with output_folder.replacing(folder, WAIT) as work:
            write_json(os.path.join(work, RESULTS), dict(key._asdict(), error=reason))
    return reason


def accuracy(folder):
    """The accuracy of the run whose result is in a folder; UserError where it has none."""
    path = os.path.join(folder, RESULTS)
    try:
        return schema.load(path, schemas.ACCURATE)["metrics"]["accuracy"]
    except (OSError, schema.Malformed) as error:
        raise UserError("%s cannot be read (%s): delete it to run it again." % (path, error)) from None
