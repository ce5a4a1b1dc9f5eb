"""Labelled or unlabelled text from JSON, JSON lines, CSV, TSV or plain text files, each also gzip-compressed.

Columns are called sentence1 (or text), sentence2 (or text2; optional) and label; others are ignored.

.json   a list of objects, as LEOPARD publishes it
.jsonl  one object a line; blank lines are skipped
.csv    a header line, then rows; a field that begins with a double quote ends with one and doubles those inside it
.tsv    the same with tabs
.txt    one unlabelled text a line, a tab before the second text of a pair; blank lines are skipped

Files are UTF-8, with or without a byte order mark; lines end with LF or CRLF. Nothing here needs TensorFlow.
"""

import csv
import gzip
import io
import json
import os
import sys
import zlib
from dataclasses import dataclass
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from data import tasks
from errors import UserError

TEXT_A = ("sentence1", "text")
TEXT_B = ("sentence2", "text2")
LABEL = ("label",)
STDIN = "-"

Row = Tuple[str, Dict[str, object]]  # (where it stands, {column: value})


@dataclass(frozen=True)
class TextExample:
    """One text or pair of texts; ``label`` is None when it is unlabelled."""

    text_a: str
    text_b: Optional[str] = None
    label: Optional[str] = None


def is_labelled_format(path) -> bool:
    """Whether files of this kind hold labels: all but .txt and "-" (standard input) do."""
    return _format(os.fspath(path)) != ".txt"


def read_text(path, labelled: bool = True) -> List[TextExample]:
    """The texts of a file in its order; the format follows from the extension, "-" is standard input read as .txt.

    With ``labelled`` every row needs a label, without it labels are left out. Either all rows are pairs or none is; an
    empty second text counts as none. Raises UserError naming the file and the row (counted from 0) or line (from 1).
    """
    path = os.fspath(path)
    kind = _format(path)
    if labelled and kind == ".txt":
        raise UserError("%s: .txt files hold no labels; give .csv, .tsv, .json or .jsonl for those." % _name(path))
    content = _content(path)
    wanted = [TEXT_A, LABEL] if labelled else [TEXT_A]
    rows = [(where, _example(path, where, row, labelled)) for where, row in _READERS[kind](path, content, wanted)]
    if not rows:
        raise tasks.file_error(_name(path), "holds no texts.")
    _check_pairs(path, rows)
    return [example for _, example in rows]


def labels_in_order(examples: Sequence[TextExample]) -> List[str]:
    """The labels that occur, sorted as strings, not in order of appearance: the order of the rows has no effect."""
    return sorted({example.label for example in examples if example.label is not None})


def _name(path: str) -> str:
    return "standard input" if path == STDIN else path


def _error(path: str, where: str, fault: str) -> UserError:
    return UserError("%s: %s: %s" % (_name(path), where, fault))


def _format(path: str) -> str:
    if path == STDIN:
        return ".txt"
    kind = os.path.splitext(path[: -len(".gz")] if path.endswith(".gz") else path)[1].lower()
    if kind not in _READERS:
        raise UserError(
            "%s: unknown kind of file; text is read from %s (each also with .gz)." % (path, ", ".join(sorted(_READERS)))
        )
    return kind


def _content(path: str) -> str:
    """The decoded file without a byte order mark."""
    if path == STDIN:
        data = sys.stdin.buffer.read()
    else:
        opener = gzip.open if path.endswith(".gz") else open
        try:
            with opener(tasks.require(path), "rb") as file:
                data = file.read()
        except (OSError, EOFError, zlib.error) as error:
            raise UserError("%s: cannot be read (%s)." % (path, getattr(error, "strerror", None) or error)) from None
    if not data.strip():
        raise tasks.file_error(_name(path), "is empty.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        fault = "byte 0x%02x is not UTF-8; save the file as UTF-8 (iconv -t UTF-8)." % data[error.start]
        raise _error(path, "line %d" % line, fault) from None


def _lines(content: str) -> Iterator[Tuple[int, str]]:
    """(number, line) of the lines that are not blank. Only LF ends a line: texts may hold U+0085 or U+2028."""
    for number, line in enumerate(content.split("\n"), start=1):
        if line.strip():
            yield number, line[:-1] if line.endswith("\r") else line


def _read_json(path: str, content: str, wanted) -> Iterator[Row]:
    try:
        rows = json.loads(content)
    except ValueError as error:
        raise UserError("%s: invalid JSON: %s." % (path, error)) from None
    if not isinstance(rows, list):
        raise UserError("%s: the JSON is no list of rows; one object a line is read from .jsonl files." % path)
    for index, row in enumerate(rows):
        yield _checked_object(path, "row %d (the first is 0)" % index, row, wanted)


def _read_jsonl(path: str, content: str, wanted) -> Iterator[Row]:
    for number, line in _lines(content):
        where = "line %d" % number
        try:
            row = json.loads(line)
        except ValueError as error:
            raise _error(path, where, "invalid JSON: %s." % error) from None
        yield _checked_object(path, where, row, wanted)


def _checked_object(path: str, where: str, row, wanted) -> Row:
    if not isinstance(row, dict):
        raise _error(path, where, "is no JSON object with sentence1 and label.")
    _check_columns(path, where, row, wanted)
    return where, row


def _read_csv(path: str, content: str, wanted, delimiter: str = ",") -> Iterator[Row]:
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    header = None
    start = 1
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            hint = "a field that begins with a double quote must end with one and double those inside it"
            raise _error(path, "line %d" % start, "%s (%s)." % (str(error).rstrip("."), hint)) from None
        if fields is None:
            return
        where = "line %d" % start
        start = reader.line_num + 1
        if not any(field.strip() for field in fields):
            continue
        if header is None:
            header = [field.strip().lower() for field in fields]
            _check_columns(path, "header", header, wanted)
            if len(set(header)) < len(header):
                raise _error(path, "header", "a column occurs twice: %s." % ", ".join(header))
            continue
        if len(fields) != len(header):
            counts = (len(fields), len(header), ", ".join(header))
            raise _error(path, where, "%d fields where the header has %d (%s)." % counts)
        if delimiter == "\t" and any("\t" in field and "\n" in field for field in fields):
            raise _error(path, where, "a quoted field goes on over tabs and lines: a double quote is not closed.")
        yield where, dict(zip(header, fields))


def _read_tsv(path: str, content: str, wanted) -> Iterator[Row]:
    return _read_csv(path, content, wanted, delimiter="\t")


def _read_txt(path: str, content: str, wanted) -> Iterator[Row]:
    for number, line in _lines(content):
        fields = line.split("\t")
        if len(fields) > 2:
            raise _error(path, "line %d" % number, "more than one tab; one separates the texts of a pair.")
        yield "line %d" % number, dict(zip(("text", "text2"), fields))


_READERS = {".json": _read_json, ".jsonl": _read_jsonl, ".csv": _read_csv, ".tsv": _read_tsv, ".txt": _read_txt}


def _check_columns(path: str, where: str, columns, wanted) -> None:
    for names in wanted:
        if not any(name in columns for name in names):
            there = ", ".join(map(str, columns)) or "none"
            raise _error(path, where, "no column %s; the columns are: %s." % (" or ".join(names), there))


def _example(path: str, where: str, row: Dict[str, object], labelled: bool) -> TextExample:
    text_a = _text(path, where, row, TEXT_A)
    if not text_a:
        raise _error(path, where, "the text is empty; leave the row out.")
    label = _label(path, where, row) if labelled else None
    return TextExample(text_a, _text(path, where, row, TEXT_B), label)


def _text(path: str, where: str, row: Dict[str, object], names: Sequence[str]) -> Optional[str]:
    """The first of the columns ``names`` that the row has; None when it is absent or blank."""
    name = next((name for name in names if name in row), None)
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise _error(path, where, "%s is %s; a string is needed." % (name, json.dumps(value)[:40]))
    return value if value and value.strip() else None


def _label(path: str, where: str, row: Dict[str, object]) -> str:
    value = row.get("label")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is not None and not isinstance(value, str):
        raise _error(path, where, "the label is %s; a string is needed." % json.dumps(value)[:40])
    if not value or not value.strip():
        raise _error(path, where, "the label is missing.")
    return value.strip()


def _check_pairs(path: str, rows: Sequence[Tuple[str, TextExample]]) -> None:
    pairs = sum(example.text_b is not None for _, example in rows)
    if pairs in (0, len(rows)):
        return
    lacking = next(where for where, example in rows if example.text_b is None)
    raise _error(path, lacking, "no second text, while %d of %d rows have one." % (pairs, len(rows)))
