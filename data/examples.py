"""Tokenized, padded examples in memory, and the one schema of their features. Nothing here needs TensorFlow."""

from dataclasses import dataclass
from typing import Mapping, Optional, Sequence

import numpy as np


@dataclass(frozen=True)
class Field:
    """One feature of a record: int64 in files, ``dtype`` in memory; ``highest`` None: depends on model or task."""

    name: str
    per_token: bool  # [max_seq_length] or scalar
    padding: int = 0
    highest: Optional[int] = None  # the lowest value is 0 for all
    dtype: type = np.int32

    def shape(self, max_seq_length: int) -> tuple:
        return (max_seq_length,) if self.per_token else ()


SCHEMA = (
    Field("input_ids", per_token=True),
    Field("input_mask", per_token=True, highest=1),
    Field("segment_ids", per_token=True, highest=1),
    Field("label_ids", per_token=False),
)


@dataclass(frozen=True, eq=False)
class Examples:
    """Tokenized, padded examples; all arrays int32. Raises ValueError when the shapes or types do not fit."""

    input_ids: np.ndarray  # [n, seq]
    input_mask: np.ndarray  # [n, seq], 1 for tokens and 0 for padding
    segment_ids: np.ndarray  # [n, seq], 1 for the second text
    label_ids: np.ndarray  # [n]

    def __post_init__(self):
        for field in SCHEMA:
            array = getattr(self, field.name)
            shape = self.input_ids.shape[:1] + field.shape(self.input_ids.shape[-1])
            if array.shape != shape or array.dtype != field.dtype or self.input_ids.ndim != 2:
                raise ValueError("%s is %s %s, not int32 %s" % (field.name, array.dtype, array.shape, shape))

    @property
    def size(self) -> int:
        return len(self.label_ids)

    @property
    def max_seq_length(self) -> int:
        return self.input_ids.shape[1]

    @property
    def has_pairs(self) -> bool:
        """Whether rows have a second text."""
        return bool(np.any(self.segment_ids))

    def take(self, indices) -> "Examples":
        """The rows at ``indices`` [m], in that order. Raises IndexError outside [-n, n)."""
        rows = np.asarray(indices, dtype=np.int64)
        return Examples(**{field.name: getattr(self, field.name)[rows] for field in SCHEMA})

    def trimmed_length(self) -> int:
        """Number of leading columns that hold every token of every row, at least 1: the rest is padding."""
        used = np.flatnonzero(self.input_mask.any(axis=0))
        return int(used[-1]) + 1 if used.size else 1


def pad(rows: Sequence[Mapping[str, object]], max_seq_length: int) -> Examples:
    """Examples from rows {name: list of up to max_seq_length ints, or int for a scalar}, padded at the end.

    Raises ValueError when a list is too long (truncation is the tokenizer's task).
    """
    columns = {}
    for field in SCHEMA:
        column = np.full((len(rows),) + field.shape(max_seq_length), field.padding, dtype=field.dtype)
        for index, row in enumerate(rows):
            if not field.per_token:
                column[index] = row[field.name]
                continue
            values = row[field.name]
            if len(values) > max_seq_length:
                raise ValueError("row %d: %d %s do not fit %d" % (index, len(values), field.name, max_seq_length))
            column[index, : len(values)] = values
        columns[field.name] = column
    return Examples(**columns)
