"""Texts to predict, row by row: every row and line counts, blank ones too, so that each has its row of predictions.

Nothing here holds a file as a whole, but for .json (data/text.py).
"""
import os
from typing import Iterable, Iterator, List, NamedTuple, Optional, TypeVar

from data import tasks, text
from data.text_lines import named

LAYOUT = text.Layout(blank_rows=True)
BLOCK = 1024  # rows that are held at a time
FIRST_BLOCKS = 4  # batches in the first block: a reader who waits is not kept waiting for a whole one
Row = TypeVar("Row")


class Census(NamedTuple):
    """What a file holds."""

    rows: int  # blank ones among them
    is_pair: bool  # whether they have two texts


def read(path) -> Iterator[Optional[text.TextExample]]:
    """Yields the rows of a file in its order, None for a blank one; "-" is standard input, one text a line.

    Either all rows are pairs or none is. Raises UserError naming the file and the row or line, where it comes to it.
    """
    path = os.fspath(path)
    is_pair = None
    for where, example in text.iter_text(path, LAYOUT, labelled=False):
        if example is not None:
            has_pair = example.text_b is not None
            if is_pair not in (None, has_pair):
                found, before = text.kind_of_rows(has_pair), text.kind_of_rows(is_pair)
                raise text.RowFault(path, where, "holds %s, but the rows before it %s." % (found, before), "mixed rows")
            is_pair = has_pair
        yield example
    if is_pair is None:
        raise tasks.file_error(named(path), "holds no texts.")


def census(path) -> Census:
    """Reads and checks a whole file; UserError as for `read`."""
    rows, is_pair = 0, False
    for example in read(path):
        rows += 1
        is_pair = is_pair or (example is not None and example.text_b is not None)
    return Census(rows, is_pair)


def blocks(rows: Iterable[Row], batch_size: int, most: Optional[int] = None) -> Iterator[List[Row]]:
    """Cuts rows into lists of whole batches: few at first, then about `most` (BLOCK) rows, the last one as it comes."""
    most = -(-(most or BLOCK) // batch_size) * batch_size
    size, block = min(FIRST_BLOCKS * batch_size, most), []
    for row in rows:
        block.append(row)
        if len(block) == size:
            yield block
            size, block = min(2 * size, most), []
    if block:
        yield block
