"""The rows of a benchmark at matched shots: those that are judged, and the k-shot splits, drawn once and stored.

A set is a task of LEOPARD, whose published splits are taken, or labelled text of one's own: two files, or one that
judged rows are drawn from too. Every method reads the same files, OUTPUT_DIR/data/SET/eval.json and train_K_SPLIT.json.
Nothing here needs TensorFlow.
"""
import dataclasses
import os
import re
from typing import List, NamedTuple, Sequence, Tuple

from data import splits, tasks, text
from runtime.errors import UserError, writing

LAYOUT = text.Layout(text_b=("sentence2", "text2", "text_b"))
SEED = 0


class SetSource(NamedTuple):
    """Where a set comes from."""

    name: str
    paths: Tuple[str, ...]  # labelled files, (TRAIN,) or (TRAIN, TEST); none of a task of LEOPARD


class StoredSplit(NamedTuple):
    """One training split of a set."""

    name: str  # of the set
    k: int
    split: int


@dataclasses.dataclass(frozen=True)
class RowStore:
    """The stored rows of all sets, below the folder of a benchmark."""

    output_dir: str

    def folder(self, name):
        return os.path.join(self.output_dir, "data", name)

    def eval_file(self, name):
        """The rows of a set that are judged."""
        return os.path.join(self.folder(name), "eval.json")

    def train_file(self, run):
        """The rows of a StoredSplit that are trained on."""
        return os.path.join(self.folder(run.name), "train_%d_%d.json" % (run.k, run.split))

    def runs(self, names, ks, numbers) -> List[StoredSplit]:
        """The StoredSplits whose rows are there: split by split, so that what a stop leaves is of all sets."""
        every = [StoredSplit(name, k, split) for split in numbers for k in ks for name in names]
        return [run for run in every if os.path.isfile(self.train_file(run))]


def sources(values: Sequence[str]) -> List[SetSource]:
    """What values of --sets name: tasks of LEOPARD, commas between them, NAME=FILE or NAME=TRAIN,TEST."""
    found = []
    for value in values:
        name, own, files = value.partition("=")
        if own and not (re.match(r"\w[\w.-]*$", name) and 1 <= len(files.split(",")) <= 2 and all(files.split(","))):
            raise UserError("--sets=%s: write NAME=FILE or NAME=TRAIN,TEST, or tasks of LEOPARD." % value)
        found += [SetSource(name, tuple(files.split(",")))] if own else [
            SetSource(tasks.get_task(task).name, ()) for task in value.split(",")
        ]
    names = [source.name for source in found]
    if len(set(names)) < len(names):
        raise UserError("--sets: two sets are called %s." % max(names, key=names.count))
    return found


def store(source: SetSource, to: RowStore, ks: Sequence[int], numbers: Sequence[int], rows: int, leopard_dir: str):
    """Stores the rows of a set.

    Args:
      ks, numbers: rows a class, and which splits.
      rows: judged rows, at most; the same are drawn each time.
      leopard_dir: folder of the LEOPARD data.

    Raises:
      UserError: files cannot be used, or other rows are stored there.
    """
    runs = [StoredSplit(source.name, k, split) for k in ks for split in numbers]
    judged, drawn = _own(source, runs, rows) if source.paths else _public(source, runs, rows, leopard_dir)
    files = {to.eval_file(source.name): judged}
    files.update((to.train_file(run), examples) for run, examples in drawn.items())
    there = [path for path in files if os.path.exists(path)]
    for path in there:
        if text.read_text(path) != files[path]:
            raise UserError("%s holds other rows: choose another --output_dir." % path)
    with writing(to.output_dir):
        os.makedirs(to.folder(source.name), exist_ok=True)
        for path in set(files) - set(there):
            splits.write(path, files[path], "json")


def _public(source, runs, rows, leopard_dir):
    """(judged rows, {run: training rows}) of a task of LEOPARD, without splits whose files are known to be broken."""
    task = tasks.get_task(source.name)
    judged = splits.some(text.read_text(tasks.require(task.json_file(leopard_dir, "eval"))), rows, SEED)
    paths = {run: task.json_file(leopard_dir, "train", run.split, run.k) for run in runs}
    return judged, {
        run: text.read_text(tasks.require(path)) for run, path in paths.items() if not tasks.known_defect(path)
    }


def _own(source, runs, rows):
    """(judged rows, {run: training rows}) of labelled files: k rows of each label, all of one that has fewer."""
    parts = [[example for _, example in text.iter_text(tasks.require(path), LAYOUT)] for path in source.paths]
    most = rows if len(parts) > 1 else min(rows, len(parts[0]) // 2)
    judged = splits.some(parts[-1], most, SEED)
    pool = splits.make_pool(parts[0], judged, text.labels_in_order(parts[0]))
    known = [label for label, examples in pool.by_label.items() if examples]
    judged = [example for example in judged if example.label in known]
    if len(known) < 2 or not judged:
        raise UserError("--sets: %s has too few rows to draw from beside those that are judged." % source.name)
    return judged, {run: splits.draw(pool, run.split, run.k, SEED, fewer=True) for run in runs}
