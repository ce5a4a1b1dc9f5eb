"""The tasks of GLUE (arXiv 1804.07461) and SNLI (arXiv 1508.05326) in the layouts in which they are published.

One entry of `TASKS` says everything about a task; the order of its labels is that of the label ids. Nothing is quoted
in these files: a double quote is a character of the text. STS-B is a regression task; its scores from 0 to 5 become six
classes by rounding, halves up. Test files hold no labels and are left alone. Nothing here needs TensorFlow.
"""

import math
import os
from dataclasses import dataclass, field
from typing import Callable, Dict, Optional, Tuple

from data import text
from runtime.errors import UserError

TRAIN = "train"


def _tsv_files():
    return {TRAIN: ("train.tsv",), "dev": ("dev.tsv",)}


@dataclass(frozen=True)
class GlueTask:
    """One task as it is published. ``labels`` is {what the files say: name of the class}, in the order of the ids."""

    name: str
    folders: Tuple[str, ...]  # what the folder of the task may be called
    layout: text.Layout
    labels: Dict[str, str]
    files: Dict[str, Tuple[str, ...]] = field(default_factory=_tsv_files)  # {part: names, the first there counts}
    read_label: Optional[Callable[[str], str]] = None  # from the label column to the keys of ``labels``

    def find(self, folder: str) -> Dict[str, str]:
        """{part: path} of the files of the task in its folder.

        Raises UserError when the training file is missing; other parts may be.
        """
        paths = {part: [os.path.join(folder, name) for name in names] for part, names in self.files.items()}
        found = {part: next(filter(os.path.isfile, places), None) for part, places in paths.items()}
        if found[TRAIN] is None:
            raise UserError(
                "%s: no such file; the training rows of %s, as published, are needed." % (paths[TRAIN][0], self.name)
            )
        return {part: path for part, path in found.items() if path}


def nearest_score(score: str) -> str:
    """The class of an STS-B score. Raises ValueError, which says so, when the text is no number from 0 to 5."""
    try:
        value = float(score)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= 5.0:
        raise ValueError("scores are numbers from 0 to 5")
    return str(math.floor(value + 0.5))


def _columns(*texts: str, label: str = "label", **options) -> text.Layout:
    """One or two text columns (in lower case, as headers are read) and that of the label."""
    return text.Layout(texts[:1], texts[1:], (label,), pair=len(texts) == 2, quoted=False, **options)


def _same(*labels: str) -> Dict[str, str]:
    """Labels that are the names of their classes."""
    return {label: label for label in labels}


_ENTAILMENT = _same("entailment", "not_entailment")
_NLI = _same("contradiction", "entailment", "neutral")
# "-" is the label of a pair on which the annotators disagreed.
_NLI_LAYOUT = _columns("sentence1", "sentence2", label="gold_label", skip_labels=("-",))

TASKS = {
    task.name: task
    for task in (
        GlueTask(
            "cola", ("CoLA",), _columns("sentence", header=("source", "label", "mark", "sentence")),
            {"0": "unacceptable", "1": "acceptable"},
        ),
        GlueTask("sst2", ("SST-2",), _columns("sentence"), {"0": "negative", "1": "positive"}),
        GlueTask(
            "mrpc", ("MRPC",), _columns("#1 string", "#2 string", label="quality"),
            {"0": "not_equivalent", "1": "equivalent"},
        ),
        GlueTask(
            "qqp", ("QQP",), _columns("question1", "question2", label="is_duplicate"),
            {"0": "not_duplicate", "1": "duplicate"},
        ),
        GlueTask(
            "stsb", ("STS-B",), _columns("sentence1", "sentence2", label="score"), _same(*"012345"),
            read_label=nearest_score,
        ),
        GlueTask(
            "mnli", ("MNLI", "multinli_1.0"), _NLI_LAYOUT, _NLI,
            {
                TRAIN: ("train.tsv", "multinli_1.0_train.jsonl"),
                "dev_matched": ("dev_matched.tsv", "multinli_1.0_dev_matched.jsonl"),
                "dev_mismatched": ("dev_mismatched.tsv", "multinli_1.0_dev_mismatched.jsonl"),
            },
        ),
        GlueTask("qnli", ("QNLI",), _columns("question", "sentence"), _ENTAILMENT),
        GlueTask("rte", ("RTE",), _columns("sentence1", "sentence2"), _ENTAILMENT),
        GlueTask(
            "wnli", ("WNLI",), _columns("sentence1", "sentence2"), {"0": "not_entailment", "1": "entailment"}
        ),
        GlueTask(
            "snli", ("SNLI", "snli_1.0"), _NLI_LAYOUT, _NLI,
            {
                TRAIN: ("snli_1.0_train.jsonl", "original/snli_1.0_train.jsonl", "train.tsv"),
                "dev": ("snli_1.0_dev.jsonl", "original/snli_1.0_dev.jsonl", "dev.tsv"),
            },
        ),
    )
}


def get_task(name: str) -> GlueTask:
    """The task of that name. Raises UserError for an unknown one."""
    if name not in TASKS:
        raise UserError("--tasks: unknown task %r; known: %s." % (name, ", ".join(TASKS)))
    return TASKS[name]


def folder_of(task: GlueTask, folder: str) -> Optional[str]:
    """The folder of a task inside ``folder`` (glue_data, for instance), or ``folder`` itself; None without it."""
    inside = next(filter(os.path.isdir, (os.path.join(folder, name) for name in task.folders)), None)
    if inside is None and os.path.basename(os.path.abspath(folder)) in task.folders:
        return folder
    return inside
