"""TFRecord files of tokenized examples: one schema, and reading, writing and padding derived from it.

A record is a ``tf.train.Example`` of int64 features; others than those of ``SCHEMA`` (``ex_id``) are ignored.
Small files (the downstream tasks) are read as a whole by ``read_records``; of large ones (meta-training) a
``RecordFile`` reads some records at a time. Both check every value.
"""

import itertools
import os
import struct
from typing import Iterable, Iterator, List, Optional, Tuple

import numpy as np
from google.protobuf.message import DecodeError

from data import tasks
from data.examples import SCHEMA, Examples, Field
from runtime.cells import shown
from runtime.compat import tf
from runtime.errors import UserError, listed, reason, writing
from runtime.files import atomic_path, file_sha256

LENGTH_BYTES = 8
HEADER_BYTES = LENGTH_BYTES + 4  # length and its checksum, before each record
FRAME_BYTES = HEADER_BYTES + 4  # and the data's checksum, after it


def read_records(
    path,
    max_seq_length: int = 128,
    num_labels: Optional[int] = None,
    vocab_size: Optional[int] = None,
    most: Optional[int] = None,
) -> Examples:
    """All records of a file, or the first ones, ``most`` at most, checked.

    Labels are checked against ``num_labels`` and token ids against ``vocab_size`` where these are given. Raises
    UserError for a missing, empty or damaged file and names the first record that does not fit (they count from 0).
    """
    path = os.fspath(path)
    return decode(path, enumerate(itertools.islice(_serialized(path), most)), max_seq_length, num_labels, vocab_size)


def decode(
    path: str,
    numbered: Iterable[Tuple[int, bytes]],
    max_seq_length: int = 128,
    num_labels: Optional[int] = None,
    vocab_size: Optional[int] = None,
) -> Examples:
    """Examples from the bytes of some records of a file, given as (number, bytes); checked as by ``read_records``."""
    columns = {field.name: [] for field in SCHEMA}
    numbers = []
    for number, serialized in numbered:
        numbers.append(number)
        try:
            features = tf.train.Example.FromString(serialized).features.feature
        except DecodeError:
            raise UserError("%s: record %d is no tf.train.Example; convert the text anew." % (path, number)) from None
        for field in SCHEMA:
            values = features[field.name].int64_list.value  # an absent feature reads as an empty one
            if len(values) != (max_seq_length if field.per_token else 1):
                raise _misfit(path, number, field, serialized, max_seq_length)
            columns[field.name].append(np.array(values[:], dtype=np.int64))
    limits = {"input_ids": vocab_size, "label_ids": num_labels}
    arrays = {}
    for field in SCHEMA:
        array = np.stack(columns.pop(field.name))
        array = array if field.per_token else array[:, 0]
        limit = limits.get(field.name)
        _check_values(path, numbers, field, array, field.highest if limit is None else limit - 1)
        arrays[field.name] = array.astype(field.dtype)
    return Examples(**arrays)


class RecordFile:
    """A record file that is read at random. Opening it walks over all frames once: checksums, but no decoding.

    Raises UserError for a missing, empty or damaged file.
    """

    def __init__(self, path):
        self.path = os.fspath(path)
        frames = [len(serialized) + FRAME_BYTES for serialized in _serialized(self.path)]
        self._offsets = np.cumsum([0] + frames)

    @property
    def size(self) -> int:
        return len(self._offsets) - 1

    def examples(self, numbers, max_seq_length: int, num_labels=None, vocab_size=None) -> Examples:
        """The records of the given numbers, in that order, checked as by ``read_records``."""

        def read(file):
            for number in numbers:
                start, end = self._offsets[number], self._offsets[number + 1]
                file.seek(start + HEADER_BYTES)
                yield int(number), file.read(end - start - FRAME_BYTES)

        with open(self.path, "rb") as file:
            return decode(self.path, read(file), max_seq_length, num_labels, vocab_size)


def write_records(path, examples: Examples) -> None:
    """Writes a file of records, whole or not at all; the same examples give the same bytes.

    Missing folders are made. Raises UserError when there is nothing to write or the place cannot be written to.
    """
    path = os.fspath(path)
    if not examples.size:
        raise UserError("%s: no examples to write." % path)
    with writing(path, flag=None):
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        with atomic_path(path) as work, tf.python_io.TFRecordWriter(work) as writer:
            for serialized in serialize(examples):
                writer.write(serialized)


def serialize(examples: Examples) -> Iterator[bytes]:
    """Yields the bytes of each record."""
    for row in range(examples.size):
        yield _example(examples, row).SerializeToString(deterministic=True)


def sha256(path) -> str:
    """The file's SHA-256 in hexadecimal digits. Raises UserError for a missing file."""
    return file_sha256(tasks.require(path))


def _example(examples: Examples, row: int):
    feature = {}
    for field in SCHEMA:
        values = np.atleast_1d(getattr(examples, field.name)[row]).tolist()
        feature[field.name] = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    return tf.train.Example(features=tf.train.Features(feature=feature))


def _serialized(path: str):
    """Yields the records' bytes (checksums verified); UserError for whatever is wrong with the file as such."""
    tasks.require(path)
    size = os.path.getsize(path)
    if not size:
        raise tasks.file_error(path, "is empty (0 bytes); fetch or convert it again.")
    count = end = 0
    try:
        for serialized in _fitting(path, size):
            yield serialized
            count += 1
            end += len(serialized) + FRAME_BYTES
        whole = end == size  # TensorFlow takes a last frame cut within its first bytes for the end of the file
    except tf.errors.DataLossError:
        whole = False
    except tf.errors.OpError as error:
        raise UserError("%s: cannot be read (%s)." % (path, reason(error))) from None
    if not whole and not count:
        raise tasks.file_error(path, "is not a TFRecord file%s." % _looks_like(path))
    if not whole:
        raise tasks.file_error(
            path, "is damaged or cut short after %d whole records; fetch or convert it again." % count
        )


def _fitting(path: str, size: int):
    """As TensorFlow's iterator, up to a record that claims to be longer than the file: it would make room for that."""
    iterator = tf.python_io.tf_record_iterator(path)
    end = 0
    with open(path, "rb") as file:
        while end + FRAME_BYTES <= size:
            (length,) = struct.unpack("<Q", os.pread(file.fileno(), LENGTH_BYTES, end))
            if length > size - end - FRAME_BYTES:
                return
            serialized = next(iterator, None)
            if serialized is None:
                return
            end += FRAME_BYTES + length
            yield serialized


def _looks_like(path: str) -> str:
    with open(path, "rb") as file:
        start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] in (b"[", b"{"):
        return ": it looks like JSON (scripts/convert_text.py makes records from labelled text)"
    if start[:1] == b"<":
        return ": it looks like a web page, perhaps a failed download"
    if start[:2] == b"\x1f\x8b":
        return ": it looks gzip-compressed; unpack it first"
    return ", or its first record is damaged or cut short"


def _misfit(path: str, number: int, field: Field, serialized: bytes, max_seq_length: int) -> UserError:
    """Why the feature ``field`` of a record has not the expected number of int64 values."""
    where = "%s: record %d" % (path, number)
    features = tf.train.Example.FromString(serialized).features.feature
    if field.name not in features:
        names = listed([shown(name)[:40] for name in sorted(features)], 8) or "none"
        needed = ", ".join(each.name for each in SCHEMA)
        return UserError("%s has no feature %s (it has: %s); %s are needed." % (where, field.name, names, needed))
    kind = features[field.name].WhichOneof("kind")
    if kind not in (None, "int64_list"):
        return UserError("%s: feature %s is a %s; it must be an int64_list." % (where, field.name, kind))
    length = len(features[field.name].int64_list.value)
    if not field.per_token:
        return UserError("%s: feature %s holds %d values; exactly one is needed." % (where, field.name, length))
    return UserError(
        "%s: %s has length %d, but the sequence length is %d: pass --max_seq_length=%d, or convert the text anew."
        % (where, field.name, length, max_seq_length, length)
    )


def _check_values(path: str, numbers: List[int], field: Field, array: np.ndarray, highest: Optional[int]) -> None:
    highest = np.iinfo(field.dtype).max if highest is None else highest
    wrong = np.argwhere((array < 0) | (array > highest))
    if not wrong.size:
        return
    value, number = int(array[tuple(wrong[0])]), numbers[int(wrong[0][0])]
    if value < 0 or field.highest is not None:
        way_out = "0 to %d is allowed: convert the text anew (scripts/convert_text.py)" % highest
    elif field.name == "label_ids":
        way_out = (
            "with %d classes labels are 0 to %d: set --test_num_labels to the task's number of classes (in "
            "meta-training the file's name, or FILE.json beside it, tells it), or use the task's own file"
            % (highest + 1, highest)
        )
    else:
        way_out = (
            "the model's vocabulary (vocab_size of its config) has %d entries: the file was made with another one. "
            "Convert the task's text with the model's own vocab.txt (scripts/convert_text.py)" % (highest + 1)
        )
    raise UserError("%s: record %d has %s %d, but %s." % (path, number, field.name, value, way_out))
