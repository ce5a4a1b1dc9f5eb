"""The results files of runs: found, read, and told apart by model, task, k and split."""
import os
import re
from dataclasses import dataclass, field
from typing import List, Mapping, NamedTuple, Optional, Tuple

from data.tasks import TASKS, identify
from runs import schemas
from runtime import folders, schema
from runtime.errors import UserError
from runtime.run_files import RESULTS

FOUR_FOLDERS = "MODEL/TASK/K/SPLIT/" + RESULTS
TWO_FOLDERS = "MODEL/TASK_SPLIT_K/" + RESULTS  # as run_finetune.sh writes them


@dataclass(frozen=True)
class Run:
    """One fine-tuned and evaluated model. Numbers are fractions, not percent."""

    model: str
    task: str
    k: int  # examples a class
    split: int
    path: str  # of the results file, below the results folder
    accuracy: float
    macro_f1: float
    loss: float
    rows: int  # evaluated
    labels: Tuple[str, ...]
    confusion: Tuple[Tuple[int, ...], ...]  # [true class][predicted class]
    calibration_bins: Tuple[Mapping, ...] = ()  # as runs.confidence describes them; none of earlier versions
    by_min_confidence: Tuple[Mapping, ...] = ()
    warm_start_model_dir: Optional[str] = None
    learner: Mapping[str, object] = field(default_factory=dict)  # settings of the LearnerConfig, where there is one


class Failure(NamedTuple):
    """A run that ended without a result."""

    path: str
    reason: str


def read_runs(results_dir: str) -> Tuple[List[Run], List[Failure]]:
    """All runs below a folder, ordered by model, task, k and split.

    Which run a file is about stands in its keys "model", "task", "k" and "split", and what is missing there in its
    path, FOUR_FOLDERS or TWO_FOLDERS. A file without "metrics" is a failed run.

    Raises:
      UserError: there are no results, a file cannot be read, does not tell which run it is about, or tells what
        another one tells.
    """
    if not os.path.isdir(results_dir):
        raise UserError("--results_dir: %s is not a directory." % results_dir)
    runs, failures = {}, []
    for path in _find(results_dir):
        content = _content(os.path.join(results_dir, path))
        if "metrics" not in content:
            failures.append(Failure(path, str(content.get("error") or "the file has no metrics")))
            continue
        run = _run(content, path, results_dir)
        if run is None:
            continue
        key = (run.model, task_order(run.task), run.k, run.split)
        if key in runs:
            raise UserError("%s and %s are both about model %s, task %s, k=%d, split %d: move one away."
                            % (runs[key].path, path, run.model, run.task, run.k, run.split))
        runs[key] = run
    if not runs:
        raise UserError("--results_dir: no run with results below %s (%s)." % (results_dir, FOUR_FOLDERS))
    return [runs[key] for key in sorted(runs)], failures


def task_order(task: str) -> Tuple[int, str]:
    """Sorts tasks as the registry does; others come last, by name."""
    return (list(TASKS).index(task) if task in TASKS else len(TASKS)), task


def _find(results_dir):
    for root, below, names in os.walk(results_dir):
        below[:] = sorted(name for name in below if not name.startswith("."))  # those are of runs that are at work
        if RESULTS in names:
            yield os.path.relpath(os.path.join(root, RESULTS), results_dir)


def _content(path):
    folders.recover(os.path.dirname(path))
    try:
        content = schema.load(path)
    except (OSError, ValueError) as error:
        raise UserError("%s cannot be read (%s): delete it, or run it again." % (path, error)) from None
    if not isinstance(content, dict):
        raise UserError("%s is no results file: it holds no JSON object." % path)
    return content


def _run(content, path, results_dir) -> Optional[Run]:
    """The run of a results file; None, and a line, for one of the user's own files, which is of no task."""
    names = dict(_names_in_path(os.path.join(os.path.abspath(results_dir), path)))
    names.update((key, content[key]) for key in ("model", "task", "k", "split") if content.get(key) is not None)
    lacking = [key for key in ("model", "task", "k", "split") if key not in names]
    if lacking and _is_own(content):
        print("%s: of own files (%s), not of a task: left out." % (path, content["data"]["train"]["path"]))
        return None
    if lacking:
        raise UserError("%s: neither its keys nor its path tell the %s; results are in %s or %s."
                        % (path, ", ".join(lacking), FOUR_FOLDERS, TWO_FOLDERS))
    try:
        schemas.results(content)
        metrics, config = content["metrics"], content.get("config") or {}
        learner, finetuning = config.get("learner") or {}, config.get("finetuning") or {}
        confusion = tuple(map(tuple, metrics["confusion"]))
        return Run(
            model=str(names["model"]),
            task=str(names["task"]),
            k=int(names["k"]),
            split=int(names["split"]),
            path=path,
            accuracy=float(metrics["accuracy"]),
            macro_f1=float(metrics["macro_f1"]),
            loss=float(metrics["loss"]),
            rows=sum(map(sum, confusion)),
            labels=tuple(map(str, config.get("labels") or range(len(confusion)))),
            confusion=confusion,
            calibration_bins=tuple(metrics.get("calibration_bins", ())),
            by_min_confidence=tuple(metrics.get("by_min_confidence", ())),
            warm_start_model_dir=finetuning.get("warm_start_model_dir"),
            learner=learner,
        )
    except (TypeError, ValueError, OverflowError) as error:  # of what its path or keys say, or of schema
        raise UserError("%s is no results file of a fine-tuning run (%s)." % (path, error)) from None


def _is_own(content) -> bool:
    """Whether a results file that names no task is of a training file that is none of a task's."""
    try:
        return not content.get("task") and identify(content["data"]["train"]["path"]) is None
    except (KeyError, TypeError, AttributeError):
        return False


def _names_in_path(path):
    """Pairs (key, value) that the folders of a results file tell."""
    folders = os.path.dirname(path).split(os.sep)
    last_two = re.match(r"(.+)_(\d+)_(\d+)$", folders[-1])
    if last_two and len(folders) >= 2:
        return zip(("task", "split", "k", "model"), last_two.groups() + (folders[-2],))
    numbers = [re.match(r"\D*(\d+)$", folder) for folder in folders[-2:]]  # 4, k4, split_0
    if len(folders) >= 4 and all(numbers):
        return zip(("model", "task", "k", "split"), folders[-4:-2] + [number.group(1) for number in numbers])
    return ()
