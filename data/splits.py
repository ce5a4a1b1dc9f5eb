"""k-shot training splits drawn from labelled text, written in the layout of the public ones."""
import csv
import json
import os
from typing import Dict, List, NamedTuple, Sequence

import numpy as np

from data import tasks
from data.overlap import label_sets, text_key
from data.text import TextExample, read_text
from runtime import claims
from runtime.errors import UserError, writing
from runtime.files import atomic_file

FORMATS = ("json", "csv")


class Pool(NamedTuple):
    """What splits are drawn from, and what was left out of it."""

    by_label: Dict[str, List[TextExample]]
    repeated: int  # rows whose text is there already
    ambiguous: int  # rows whose text stands in the file under several labels
    excluded: int  # rows whose text stands in the evaluation file


def make_pool(examples: Sequence[TextExample], evaluation: Sequence[TextExample], labels: Sequence[str]) -> Pool:
    """Sorts the rows by label, and leaves out those that no training split should hold.

    Texts are the same whatever their letter case and blanks (see ``data.overlap``).

    Args:
      examples: labelled texts to draw from.
      evaluation: texts that no split may hold; may be empty.
      labels: every label that occurs.
    """
    held_out = {text_key(example) for example in evaluation}
    known = label_sets((text_key(example), example.label) for example in examples)
    by_label, seen = {label: [] for label in labels}, set()
    repeated = ambiguous = excluded = 0
    for example in examples:
        key = text_key(example)
        if key in held_out:
            excluded += 1
        elif len(known[key]) > 1:
            ambiguous += 1
        elif key in seen:
            repeated += 1
        else:
            seen.add(key)
            by_label[example.label].append(example)
    return Pool(by_label, repeated, ambiguous, excluded)


def some(rows: Sequence, most: int, seed: int) -> List:
    """At most so many of the rows, drawn, in their order."""
    kept = np.sort(np.random.RandomState(seed).permutation(len(rows))[:most])
    return [rows[row] for row in kept]


def draw(pool: Pool, split: int, k: int, seed: int, fewer: bool = False) -> List[TextExample]:
    """k examples of each label without replacement, in random order.

    A split depends on its number, k, the seed and the pool only: more splits leave the first ones as they are.

    Args:
      fewer: whether a label may have fewer than k texts, of which all are taken then.

    Raises:
      UserError: a label has fewer than k texts.
    """
    short = ["%s %d" % (label, len(rows)) for label, rows in pool.by_label.items() if len(rows) < k]
    if short and not fewer:
        left_out = "%d repeated, %d with several labels, %d of the evaluation file" % pool[1:]
        raise UserError("k=%d, but fewer usable texts for: %s (left out: %s)." % (k, ", ".join(short), left_out))
    random = np.random.RandomState([seed, split, k])
    drawn = [rows[index] for rows in pool.by_label.values() for index in random.permutation(len(rows))[:k]]
    return [drawn[index] for index in random.permutation(len(drawn))]


def file_name(task: str, split: int, k: int, kind: str) -> str:
    """TASK_train_SPLIT_K.json or .csv; a task of the registry has its public prefix."""
    prefix = tasks.TASKS[task].json_prefix if task in tasks.TASKS and kind == "json" else task
    return "%s_train_%d_%d.%s" % (prefix, split, k, kind)


def rows_of(examples: Sequence[TextExample], kind: str) -> List[Dict[str, str]]:
    """Rows as the public JSON files have them (without processed_sent), or with the columns of CSV files."""
    names = {"json": ("sentence1", "sentence2", "label"), "csv": ("text", "text2", "label")}[kind]
    return [
        {name: value for name, value in zip(names, (each.text_a, each.text_b, each.label)) if value is not None}
        for each in examples
    ]


def write(path: str, examples: Sequence[TextExample], kind: str) -> None:
    """Writes one split, whole or not at all."""
    rows = rows_of(examples, kind)
    with atomic_file(path, newline="") as file:
        if kind == "json":
            json.dump(rows, file)
        else:
            # All fields quoted: unquoted, a carriage return in a text would end the row.
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n", quoting=csv.QUOTE_ALL)
            writer.writeheader()
            writer.writerows(rows)


def make_splits(
    task: str,
    pool: Pool,
    k: int,
    splits: int,
    seed: int,
    output_dir: str,
    kind: str = "json",
    overwrite: bool = False,
) -> List[str]:
    """Draws and writes splits 0 to ``splits - 1``; returns their paths.

    Raises:
      UserError: see ``draw``; a file of another split is in the place of one (unless ``overwrite``), or nothing can be
        written there. No file is touched before all splits are drawn.
    """
    drawn = {}
    for split in range(splits):
        drawn[os.path.join(output_dir, file_name(task, split, k, kind))] = draw(pool, split, k, seed)
    with writing(output_dir):
        os.makedirs(output_dir, exist_ok=True)
    with claims.alone_in(output_dir), writing(output_dir):  # splits of two programs would be mixed
        for path, examples in drawn.items():
            if os.path.exists(path) and not overwrite and read_text(path) != examples:
                raise UserError("%s exists and holds another split: choose another folder, or give --overwrite." % path)
        for path, examples in drawn.items():
            write(path, examples, kind)
    return list(drawn)
