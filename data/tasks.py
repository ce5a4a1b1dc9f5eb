"""Registry of the 17 downstream tasks of LEOPARD: labels, files, sizes and the known defects of the public data.

The order of a task's labels is the order of the label ids in the released records (checked row by row against the JSON
files by tests/data/test_tasks.py). The four sentiment tasks call their labels by each other's name: ids stay as they
were published, and `Task.names` are what the classes are. Besides the defects listed here, a few training texts also
stand in the evaluation files, and some evaluation texts stand there twice, now and then with two labels. Nothing in
this module needs TensorFlow.
"""

import difflib
import os
import re
from dataclasses import dataclass
from typing import Dict, NamedTuple, Optional, Tuple

from runtime.errors import UserError
from runtime.installation import FINETUNE

PUBLIC_SPLITS = tuple(range(10))
PUBLIC_SHOTS = (4, 8, 16)  # examples a class
DATA_URL = "https://github.com/iesl/leopard/archive/master.zip"


class Defect(NamedTuple):
    """What is wrong with one file of the public data, as parts of a sentence, and what to do instead."""

    file_name: str
    problem: str
    way_out: str


class FilePart(NamedTuple):
    """Which part of which task a file name stands for; ``split`` and ``k`` are None for "eval"."""

    task: "Task"
    part: str  # "train" or "eval"
    split: Optional[int]
    k: Optional[int]


@dataclass(frozen=True)
class Task:
    """One classification task. ``labels[i]`` is the label with id i; ``eval_size`` is None when it is not known."""

    name: str
    labels: Tuple[str, ...]
    pair: bool
    json_prefix: str  # the JSON files' names begin with it; record files begin with the task's name
    eval_size: Optional[int]
    defects: Tuple[Defect, ...]
    right_names: Tuple[str, ...] = ()  # in the order of the ids, where the public files' are wrong

    @property
    def num_labels(self) -> int:
        return len(self.labels)

    @property
    def names(self) -> Tuple[str, ...]:
        """What the classes are, in the order of the ids: what is shown, and used as text."""
        return self.right_names or self.labels

    @property
    def misnaming(self) -> Optional[str]:
        """The defect of labels that the public files call by wrong names, as a sentence; None without it."""
        if not self.right_names:
            return None
        pairs = ", ".join("%s is %s" % pair for pair in zip(self.labels, self.right_names))
        return "known defect of the public data: the files of %s have their labels' names swapped (%s)" % (
            self.name, pairs
        )

    def json_file(self, leopard_dir, part: str, split: Optional[int] = None, k: Optional[int] = None) -> str:
        """Path of the text of ``part`` ("train" with split and k, or "eval"); the file itself may be missing.

        ``leopard_dir`` is the folder that holds ``data/``, or one that itself holds ``json/`` or ``tf_record/``.
        Raises UserError for a split or k that is not public (see ``check_split``).
        """
        return self._file(leopard_dir, "json", self.json_prefix, part, split, k)

    def record_file(self, leopard_dir, part: str, split: Optional[int] = None, k: Optional[int] = None) -> str:
        """Path of the TFRecord file of ``part``; arguments and errors as for ``json_file``."""
        return self._file(leopard_dir, "tf_record", self.name, part, split, k)

    def _file(self, leopard_dir, kind, prefix, part, split, k) -> str:
        if part not in ("train", "eval"):
            raise ValueError('part is "train" or "eval", not %r' % (part,))
        stem = "%s_eval" % prefix if part == "eval" else "%s_train_%s_%s" % (prefix, split, k)
        path = os.path.join(_data_folder(os.fspath(leopard_dir)), kind, self.name, "%s.%s" % (stem, kind))
        if part == "train":
            check_split(split, k, path)
        return path


def _data_folder(leopard_dir: str) -> str:
    below = os.path.join(leopard_dir, "data")
    for folder in (below, leopard_dir):
        if any(os.path.isdir(os.path.join(folder, kind)) for kind in ("json", "tf_record")):
            return folder
    return below


def _registry() -> Dict[str, Task]:
    tasks = {}

    def add(name, labels, eval_size, pair=False, json_prefix=None, defects=(), right_names=()):
        named = tuple(Defect(*defect) for defect in defects)
        tasks[name] = Task(name, tuple(labels), pair, json_prefix or name, eval_size, named, right_names)

    add("airline", ("negative", "neutral", "positive"), 7320)
    add("conll", ("I-ORG", "I-MISC", "I-PER", "I-LOC"), 5648, pair=True, json_prefix="conll_c")
    no_split = "use another split, or k=4 or k=8"
    add(
        "disaster",
        ("Relevant", "Not Relevant"),
        5430,
        defects=(
            ("disaster_train_0_16.tf_record", "is no TFRecord file but JSON of another task", no_split),
            ("disaster_train_0_16.json", "is an empty list", no_split),
        ),
    )
    emotions = "empty sadness enthusiasm neutral worry love happiness hate surprise relief anger fun boredom"
    convert_emotion = (
        "convert its text: scripts/convert_text.py --task=emotion --input=emotion_eval.json "
        "--output=emotion_eval.tf_record --vocab_file=VOCAB"
    )
    never = ("emotion_eval.tf_record", "was never released", convert_emotion)
    add("emotion", emotions.split(), None, defects=(never,))
    add("political_audience", ("national", "constituency"), 1034)
    add("political_bias", ("neutral", "partisan"), 1346)
    messages = "policy attack support information mobilization personal other media constituency"
    add("political_message", messages.split(), 450)
    for domain, size in (("books", 1391), ("dvd", 5020), ("electronics", None), ("kitchen", None)):
        add("rating_" + domain, ("2", "4", "5"), size)
    add("restaurant", "Amenity Cuisine Dish Hours Location Price Rating Restaurant_Name".split(), 2591, pair=True)
    add("scitail", ("neutral", "entails"), 2126, pair=True)
    for domain in ("books", "dvd", "electronics", "kitchen"):
        name = "sentiment_" + domain
        three = (name + "_eval.json", "has 3 rows of the 1000", "use %s_eval.tf_record" % name)
        defects = (three,) if domain == "electronics" else ()
        add(name, ("positive", "negative"), 1000, defects=defects, right_names=("negative", "positive"))
    return tasks


TASKS: Dict[str, Task] = _registry()


def get_task(name: str) -> Task:
    """The task of that name; UserError with the names and the closest match for any other."""
    if name in TASKS:
        return TASKS[name]
    close = difflib.get_close_matches(str(name).lower(), TASKS, n=1)
    hint = " Did you mean %s?" % close[0] if close else ""
    raise UserError("Unknown task %r.%s Tasks: %s." % (name, hint, ", ".join(TASKS)))


def check_split(split: int, k: int, path: Optional[str] = None) -> None:
    """Raises UserError unless split (0..9) and k (4, 8, 16) are public or the file ``path`` was supplied by hand."""
    if split in PUBLIC_SPLITS and k in PUBLIC_SHOTS:
        return
    if split not in PUBLIC_SPLITS:
        raise UserError("Split %s does not exist: the splits are 0 to 9." % (split,))
    if k == 32:
        if path is not None and os.path.isfile(path):
            return
        place = path or "tf_record/TASK/TASK_train_%s_32.tf_record (json/TASK/TASK_train_%s_32.json)" % (split, split)
        raise UserError(
            "No files with k=32 are public (k is 4, 8 or 16): put your own at %s, or name your files by "
            "--task_eval_files=TRAIN,EVAL." % place
        )
    raise UserError(
        "k=%s does not exist: k (examples a class) is 4, 8 or 16, or 32 with files of your own; other files are named "
        "by --task_eval_files=TRAIN,EVAL." % (k,)
    )


def identify(path) -> Optional[FilePart]:
    """Which task and part a file name of the public layout stands for; None for any other name."""
    match = re.match(r"(.+?)_(?:eval|train_(\d+)_(\d+))\.(json|tf_record)$", os.path.basename(os.fspath(path)))
    if not match:
        return None
    prefix, split, k, kind = match.groups()
    for task in TASKS.values():
        if prefix == (task.json_prefix if kind == "json" else task.name):
            if split is None:
                return FilePart(task, "eval", None, None)
            return FilePart(task, "train", int(split), int(k))
    return None


def misnamed(labels, path, name: Optional[str] = None) -> Optional[Task]:
    """The task whose right names these labels are, where its public files have wrong ones; else None.

    Args:
      labels: names in the order of their ids.
      path: a file, whose name tells the task. Text under another name is a user's own, whose labels may be right.
      name: of the task, which tells it of records under another name.
    """
    part, path = identify(path), os.fspath(path)
    is_known = part or (name and path.endswith((".tf_record", ".tfrecord")))
    task = (part.task if part else get_task(name)) if is_known else None
    return task if task and task.right_names and tuple(labels) == task.right_names else None


def known_defect(path) -> Optional[Defect]:
    """The defect that the public file of this name is known for, or None."""
    part = identify(path)
    defects = part.task.defects if part else ()
    return next((defect for defect in defects if defect.file_name == os.path.basename(os.fspath(path))), None)


def file_error(path, fault: str) -> UserError:
    """The error "PATH: fault", with the known defect of the public file of this name (if any) behind it."""
    defect = known_defect(path)
    known = " Known defect of the public data: %s %s; %s." % defect if defect else ""
    return UserError("%s: %s%s" % (path, fault, known))


def require(path) -> str:
    """Returns the path of an existing file.

    Raises UserError for a missing one: the path, what should be there, and its known defect or how to get the data.
    """
    path = os.fspath(path)
    if os.path.isfile(path):
        return path
    if os.path.isdir(path):
        raise UserError("%s: is a folder; name a file in it." % path)
    if os.path.exists(path):
        raise UserError("%s: is a pipe or device: name a file, or - and send it to standard input." % path)
    part = identify(path)
    if part is None:
        raise UserError("%s: no such file; check the path." % path)
    content = "text" if path.endswith(".json") else "records"
    if part.part == "eval":
        what = "evaluation %s of task %s" % (content, part.task.name)
    else:
        what = "training %s of task %s, split %d, k=%d" % (content, part.task.name, part.split, part.k)
    fault = "no such file (the %s)." % what
    if known_defect(path) is None:
        fault += " %s fetches the public data (%s), or point LEOPARD_DIR at a copy of it." % (FINETUNE, DATA_URL)
    raise file_error(path, fault)
