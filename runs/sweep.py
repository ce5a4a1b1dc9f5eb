"""Many fine-tuning runs, one after the other in one process: which are done, how one is made, what it leaves."""
import os
import time
from typing import List, NamedTuple

from command_line import program_flags, public_task, recipes
from data import records
from data.tasks import TASKS, get_task
from runs import results, run_plan, task_data
from runs.scores import Scores
from runtime.errors import UserError, reason
from runtime.files import read_json, write_json
from training import finetuner as estimators

RESULTS, PREDICTIONS = "results.json", "predictions.tsv"


class Key(NamedTuple):
    """Which run of a sweep."""

    model: str
    task: str
    k: int  # examples a class
    split: int

    def folder(self, output_dir):
        """Where it leaves its results."""
        return os.path.join(output_dir, self.model, self.task, str(self.k), str(self.split))


class Job(NamedTuple):
    """A run, its folder, and the main program's arguments for it."""

    key: Key
    folder: str
    arguments: List[str]


def keys(models, tasks, ks, splits) -> List[Key]:
    """All runs, those that can share a graph one behind the other."""
    order = sorted(tasks, key=lambda name: (get_task(name).num_labels, list(TASKS).index(name)))
    return [Key(model, task, k, split) for model in models for task in order for k in ks for split in splits]


class Commands:
    """Finds the arguments of runs; looks for a model's weights only once.

    Args:
      output_dir: of the sweep.
      encoder: of recipes.ENCODERS, for models that are not for one encoder.
      environment: mapping that may have BERT_DIR and LEOPARD_DIR.
      model_dirs: {model: folder of its export}.
      more: further arguments, which win.
    """

    def __init__(self, output_dir, encoder, environment, model_dirs, more=()):
        self._output_dir, self._encoder, self._environment = output_dir, encoder, environment
        self._model_dirs, self._more = model_dirs, list(more)
        self._found = {}  # {model: flags, or the UserError}
        self._noted = set()  # evaluation files whose defects were told

    def job(self, key):
        """The Job of a Key; UserError when something that it needs is missing."""
        encoder = recipes.MODELS[key.model].encoder or self._encoder
        task = get_task(key.task)
        files = public_task.data_files(task, key.split, key.k, encoder, self._environment)
        if files[1] not in self._noted:
            self._noted.add(files[1])
            public_task.note_defect(files[1])
        flags = public_task.split_flags(task, key.k, key.model, files, self._weights(key.model, encoder))
        folder = key.folder(self._output_dir)
        return Job(key, folder, ["--do_eval"] + flags + self._more + ["--output_dir=" + folder])

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
        self._graph = (None, None)  # what it was made for, estimators.Finetuner
        self._evaluation = (None, None)  # where the rows come from, (Examples, texts)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._drop_graph()

    def is_finished(self, job):
        """Whether the run's result is there.

        Raises:
          OtherResult: there is one, but of other settings, weights or data.
          UserError: the settings, the weights or the data of the run cannot be read.
        """
        run_id = stored_run_id(job.folder)
        if run_id is None:
            return False
        plan = run_plan.make_plan(program_flags.parse(job.arguments))
        if run_id != run_plan.fingerprint(run_plan.describe(plan), self._sums(plan)):
            raise OtherResult(job)
        return not self.keep_predictions or os.path.exists(os.path.join(job.folder, PREDICTIONS))

    def run(self, job):
        """Makes one run and writes its results, or why there are none; returns the reason or None.

        Raises:
          UserError: the results cannot be written.
        """
        try:
            summary = self._run(job)
        except UserError as error:
            return record_failure(job.key, job.folder, str(error))
        except Exception as error:  # whatever it is, it is this run's; the others go on
            self._drop_graph()
            return record_failure(job.key, job.folder, "%s: %s" % (type(error).__name__, reason(error)))
        if not self.keep_predictions:
            _remove(job.folder, PREDICTIONS)
        _write(job.folder, dict(summary, **job.key._asdict()))
        return None

    def _run(self, job):
        begun = time.time()
        flags = program_flags.parse(job.arguments)
        plan = run_plan.make_plan(flags)
        train, labels, _ = task_data.load_examples(flags, plan.train_file, plan.labels, plan.bert_config)
        evaluation, texts = self._evaluation_rows(flags, plan)
        checksums = self._sums(plan)
        outcome = self._finetuner(plan, checksums).run(plan.run, train, evaluation, show=False)
        scores = Scores(outcome.logits, evaluation.label_ids)
        if self.keep_predictions:
            path = os.path.join(_made(job.folder), PREDICTIONS)
            results.write_predictions(path, scores.probabilities, labels, evaluation.label_ids, texts)
        sizes = {"train": train.size, "eval": evaluation.size}
        return run_plan.summarize(plan, flags, checksums, sizes, outcome, scores, time.time() - begun)

    def _sums(self, plan):
        """{part: SHA-256} of Plan.files: weights as they are now, for they may be exported anew meanwhile."""
        files = plan.files()
        for part, path in files.items():
            if part in plan.weights or path not in self._checksums:
                self._checksums[path] = records.sha256(path)
        return {part: self._checksums[path] for part, path in files.items()}

    def _evaluation_rows(self, flags, plan):
        source = (plan.eval_file, plan.labels, plan.text, flags.vocab_file, plan.bert_config.vocab_size)
        if self._evaluation[0] != source:
            rows, _, texts = task_data.load_examples(flags, plan.eval_file, plan.labels, plan.bert_config)
            self._evaluation = source, (rows, texts)
        return self._evaluation[1]

    def _finetuner(self, plan, checksums):
        start = estimators.start_of(plan.run), [checksums[part] for part in plan.weights]
        made_for = (plan.bert_config, plan.config, start, len(plan.labels))
        if self._graph[0] != made_for:
            self._drop_graph()
            finetuner = estimators.Finetuner(plan.bert_config, plan.config, plan.run, len(plan.labels))
            self._graph = made_for, finetuner
        return self._graph[1]

    def _drop_graph(self):
        if self._graph[1]:
            self._graph[1].close()
        self._graph = (None, None)


def stored_run_id(folder):
    """The fingerprint of the run whose result is in a folder, or None."""
    content = read_json(os.path.join(folder, RESULTS))
    return content.get("run_id") if isinstance(content, dict) and "metrics" in content else None


def discard(folder):
    """Removes the result of a run; UserError when that fails."""
    _remove(folder, PREDICTIONS)  # first: it is never beside the results of another run
    _remove(folder, RESULTS)


def record_failure(key, folder, reason):
    """Writes why a run has no result, unless one is there, and returns it; the next call tries the run again."""
    if stored_run_id(folder) is None:
        _write(folder, dict(key._asdict(), error=reason))
    return reason


def _made(folder):
    """Makes the folder of a run, and removes the files that a killed one did not finish."""
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):
        if name.startswith(("." + RESULTS, "." + PREDICTIONS)):
            os.remove(os.path.join(folder, name))
    return folder


def _write(folder, content):
    try:
        write_json(os.path.join(_made(folder), RESULTS), content)
    except OSError as error:
        raise _unwritable(folder, error) from None


def _remove(folder, name):
    try:
        os.remove(os.path.join(folder, name))
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _unwritable(folder, error) from None


def _unwritable(folder, error):
    return UserError("--output_dir: cannot write to %s (%s)." % (folder, error.strerror))


def accuracy(folder):
    """The accuracy of the run whose result is in a folder."""
    return read_json(os.path.join(folder, RESULTS))["metrics"]["accuracy"]
