"""What users hand to FewShotClassifier, checked: texts, labels and parameters.

Mistakes are ValueErrors, what looks like one is a warning.
"""
import collections.abc
import math
import numbers
import os
import warnings

import numpy as np

from data import label_doubts, unknown_words
from data.text import LONE_SURROGATE, TextExample, kind_of_rows
from data.visible import is_empty
from runtime import run_files, schema

# How the names in model.json become labels again, by the kind of their numpy type.
LABEL_KINDS = {"U": str, "i": int, "u": int, "b": lambda name: name == "True"}
NEEDED = "labels are strings, integers or booleans, all of one kind"


def read_texts(X):
    """TextExamples without labels of texts [n] or pairs [n, 2]."""
    rows = _rows(X, "X", "texts")
    examples = []
    for number, row in enumerate(rows):
        parts = (row,) if isinstance(row, str) else tuple(row) if isinstance(row, (tuple, list, np.ndarray)) else ()
        if len(parts) not in (1, 2) or not all(isinstance(part, str) for part in parts):
            raise ValueError("X: row %d is %.40r; a string, or a pair of strings, is needed" % (number, row))
        if any(is_empty(part) for part in parts):
            raise ValueError("X: row %d has an empty text" % number)
        examples.append(TextExample(parts[0], parts[1] if len(parts) > 1 else None, where="row %d" % number))
    if not examples:
        raise ValueError("X is empty: at least one text is needed")
    pairs = sum(example.text_b is not None for example in examples)
    if pairs not in (0, len(examples)):
        raise ValueError("X: %d of %d rows are pairs; either all rows are, or none" % (pairs, len(examples)))
    return examples


def read_labels(y):
    """Labels [n] as an array of strings, integers or booleans; those of an array keep their type."""
    rows = _rows(y, "y", "labels")
    if getattr(rows, "ndim", 1) > 1:
        if rows.shape[1:] != (1,):
            raise ValueError("y has %d columns: one label a row is needed" % np.prod(rows.shape[1:]))
        rows = rows[:, 0]
    missing = next((number for number, label in enumerate(rows) if _is_missing(label)), None)
    if missing is not None:
        raise ValueError("y: row %d has no label (%r)" % (missing, rows[missing]))
    kinds = [_kind(number, label) for number, label in enumerate(rows)]
    other = next((number for number, kind in enumerate(kinds) if kind != kinds[0]), None)
    if other is not None:
        raise ValueError("y: row %d is %r, but row 0 is %r: %s" % (other, rows[other], rows[0], NEEDED))
    is_plain = isinstance(rows, np.ndarray) and rows.dtype.kind in LABEL_KINDS
    labels = rows if is_plain else np.asarray(list(rows)) if len(rows) else np.zeros([0], "U1")
    if labels.dtype.kind not in LABEL_KINDS:
        raise ValueError("y: the integers are too large for 64 bits")
    try:
        if len(labels):
            run_files.LABELS([str(label) for label in np.unique(labels)], "y")
    except schema.Malformed as error:
        raise ValueError(str(error)) from None
    return labels


def check_kind(examples, fitted):
    """ValueError where TextExamples are pairs and the model was fitted on single texts, or the other way round.

    Args:
      fitted: whether it was fitted on pairs; None: it does not tell.
    """
    is_pair = examples[0].text_b is not None
    if fitted not in (None, is_pair):
        found, known = kind_of_rows(is_pair), kind_of_rows(fitted)
        raise ValueError("X holds %s, but the model was fitted on %s" % (found, known))


# The place that warnings name is the caller of the classifier's method, whose helper calls these.
_CALLER = 4


def warn_of_labels(examples, labels):
    """Warns of what looks like a mistake in the labels [n] of TextExamples [n]."""
    rows = [TextExample(row.text_a, row.text_b, str(label), row.where) for row, label in zip(examples, labels)]
    for doubt in label_doubts.doubts(rows):
        warnings.warn("y: %s." % doubt, stacklevel=_CALLER)


def warn_of_unknown(encoded, tokenizer):
    """Warns where much of records.Examples is unknown to a tokenizer."""
    doubt = unknown_words.doubt(unknown_words.share_of(encoded, tokenizer), tokenizer)
    if doubt:
        warnings.warn("X: %s" % doubt, stacklevel=_CALLER)


def warn_of_batch(batch_size, epochs, rows):
    """Warns of a batch of more rows than all epochs have together, in training on so many rows."""
    warnings.warn(
        "batch_size=%d is more than the rows of all epochs (%d rows, epochs=%g): training makes the model worse; take "
        "smaller batches or more epochs" % (batch_size, rows, epochs), stacklevel=_CALLER,
    )


def check_number(name, value, least, most=None, whole=True, none=True):
    """ValueError unless a parameter is a number in its bounds, or None where `none` allows it."""
    if value is None and none:
        return
    kind = numbers.Integral if whole else numbers.Real
    is_number = isinstance(value, kind) and not isinstance(value, (bool, np.bool_)) and math.isfinite(value)
    if not is_number or value < least or (most is not None and value > most):
        bounds = "at least %d" % least if most is None else "from %d to %d" % (least, most)
        needed = "an integer" if whole else "a number"
        raise ValueError("%s=%r: %s %s is needed%s" % (name, value, needed, bounds, ", or None" if none else ""))


def check_folder(name, value):
    """ValueError unless a parameter is None or a path."""
    if value is not None and not isinstance(value, (str, os.PathLike)):
        raise ValueError("%s=%r: the path of a folder is needed, or None" % (name, value))


def _rows(values, name, what):
    """A sequence or array of what was given, whose order counts."""
    unordered = isinstance(values, (collections.abc.Mapping, collections.abc.Set))
    is_text = isinstance(values, (str, bytes))
    if unordered or is_text or not hasattr(values, "__len__") or getattr(values, "ndim", 1) == 0:
        raise ValueError("%s is a list or array of %s, not %.60r" % (name, what, values))
    rows = values.to_numpy() if hasattr(values, "to_numpy") else values
    if not (isinstance(rows, np.ndarray) or hasattr(rows, "__getitem__")):
        rows = list(rows)
    if hasattr(rows, "toarray"):  # SciPy's, of numbers
        raise ValueError("%s is a sparse matrix: a list or array of %s is needed" % (name, what))
    return rows


def _kind(number, label):
    """Kind of one label, as LABEL_KINDS has them; ValueError for what is none."""
    if isinstance(label, str):
        if "\0" in label:  # which numpy drops at the end
            raise ValueError("y: row %d: the label %r holds a zero character" % (number, label))
        if LONE_SURROGATE.search(label):  # which no file of predictions can hold
            raise ValueError("y: row %d: the label %r holds a lone surrogate, which is no character" % (number, label))
        return "U"
    if isinstance(label, (bool, np.bool_)):
        return "b"
    if isinstance(label, numbers.Integral):
        return "i"
    raise ValueError("y: row %d is %.40r: %s" % (number, label, NEEDED))


def _is_missing(label):
    """Whether a label is what stands for none: None, not a number, pandas' own, or blank."""
    if isinstance(label, str):
        return is_empty(label)
    is_nan = isinstance(label, numbers.Real) and math.isnan(label)
    return label is None or is_nan or type(label).__name__ in ("NAType", "NaTType")


def read_names(names, labels):
    """A tuple of what the classes are called, in the order of the labels; empty for None.

    Args:
      names: a list in that order, a dict of all labels, or None.
      labels: list.
    """
    if names is None:
        return ()
    if isinstance(names, dict):
        found = [names[label] for label in labels if label in names]
    else:
        found = [] if isinstance(names, str) else list(names)
    if len(found) != len(labels) or not all(isinstance(name, str) and name.strip() for name in found):
        raise ValueError('label_names=%r: "auto", None, or a text for each of %s' % (names, labels))
    return tuple(found)
