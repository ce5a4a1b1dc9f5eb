"""What the classes are called, as texts that an encoder reads."""
import dataclasses
from typing import Sequence, Tuple

import numpy as np

from data import encoding
from data.examples import Examples
from data.text import TextExample
from runtime.errors import UserError

AUTO = ("auto",)  # in the place of names: the labels themselves


def resolve(names: Sequence[str], labels: Sequence[str]) -> Tuple[str, ...]:
    """The names in the order of the labels' ids; UserError unless there is one for each label, none of them empty.

    Args:
      names: as --label_names gives them, or AUTO.
      labels: the labels in the order of their ids.
    """
    if tuple(names) == AUTO:
        return tuple(labels)
    if len(names) != len(labels):
        raise UserError(
            "--label_names=%s: %d names, but the task has %d labels: %s."
            % (",".join(names), len(names), len(labels), ", ".join(labels))
        )
    if not all(name.strip() for name in names):
        raise UserError("--label_names=%s: a name is empty." % ",".join(names))
    return tuple(names)


def encode(names: Sequence[str], tokenizer, max_seq_length: int) -> Examples:
    """A text for each class that tells its name, as rows whose label ids count up; arguments as of encoding.encode."""
    texts = [TextExample("This text is %s." % name.lower().replace("_", " ")) for name in names]
    encoded = encoding.encode(texts, tokenizer, (), max_seq_length, "--label_names")
    return dataclasses.replace(encoded, label_ids=np.arange(len(names), dtype=np.int32))
