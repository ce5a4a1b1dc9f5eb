"""Labelled or unlabelled text from JSON, JSON lines, CSV, TSV or plain text files, each also gzip-compressed.

Columns are called sentence1 (or text), sentence2 (or text2; optional) and label, unless a `Layout` says otherwise;
others are ignored.

.json   a list of objects, as LEOPARD publishes it, one object alone, or as .jsonl
.jsonl  one object a line; blank lines are skipped
.csv    a header line, then rows; a field that begins with a double quote ends with one and doubles those inside it
.tsv    the same with tabs
.txt    one unlabelled text a line, a tab before the second text of a pair; blank lines are skipped

Files are UTF-8, with or without a byte order mark; data/text_lines.py says where lines end. All but .json are read row
by row, so that a file may be larger than the memory. A lone surrogate, which JSON can spell and UTF-8 cannot, becomes
U+FFFD. Nothing here needs TensorFlow.
"""

import csv
import json
import os
import re
from dataclasses import dataclass, field
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Union

from data import columns, tasks
from data.text_lines import LONE_RETURN, STDIN, fault, is_compressed, lines, named, opened, without_lone_returns
from data.visible import is_empty, trimmed
from runtime import schema
from runtime.errors import UserError

csv.field_size_limit(2**31 - 1)  # texts may be longer than the 131,072 characters that it starts with
ZERO = "holds a zero character: take it out, or save the file as UTF-8"
LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # json.loads joins those that make a pair


@dataclass(frozen=True)
class TextExample:
    """One text or pair of texts; ``label`` is None when it is unlabelled, ``where`` tells its place in its source."""

    text_a: str
    text_b: Optional[str] = None
    label: Optional[str] = None
    where: str = field(default="", compare=False)


@dataclass(frozen=True)
class Layout:
    """Where a file's rows have their texts and labels.

    Of several names of a column the first that the file has counts. Those of delimited files are in lower case, because
    headers are read so.
    """

    text_a: Tuple[str, ...] = ("sentence1", "text")
    text_b: Tuple[str, ...] = ("sentence2", "text2")
    label: Tuple[str, ...] = ("label",)
    pair: bool = False  # whether every row needs a second text; otherwise a row may have one
    header: Optional[Tuple[str, ...]] = None  # the columns of a delimited file without a header line
    quoted: bool = True  # whether double quotes mean something in a .tsv file; otherwise every line is a row
    skip_labels: Tuple[str, ...] = ()  # labels of rows that are left out
    blank_rows: bool = False  # whether blank lines and rows without a text count too; otherwise not, and are errors

    def wanted(self, labelled: bool) -> List[Tuple[str, ...]]:
        """The names of each column that must be there."""
        return [self.text_a] + [self.text_b] * self.pair + [self.label] * labelled


class RowFault(UserError):
    """Why the row at ``where`` cannot be used; ``reason`` is the same for all rows with this fault."""

    def __init__(self, source: str, where: str, what: str, reason: str):
        super().__init__(str(fault(source, where, what)))
        self.where, self.reason = where, reason


Row = Tuple[str, Union[Dict[str, object], RowFault, None]]  # (where it stands, {column: value}, None for a blank line)
DEFAULT_LAYOUT = Layout()


def is_labelled_format(path) -> bool:
    """Whether files of this kind hold labels: all but .txt and "-" (standard input) do."""
    return _format(os.fspath(path)) != ".txt"


def kind_of_rows(is_pair: bool) -> str:
    """What rows are called in messages."""
    return "pairs of texts" if is_pair else "single texts"


def stem(path) -> str:
    """The name of a file without its folder, .gz and the extension that tells the format; "stdin" for "-"."""
    path = os.fspath(path)
    return "stdin" if path == STDIN else os.path.basename(_parts(path)[0])


def read_text(path, labelled: bool = True) -> List[TextExample]:
    """The texts of a file in its order; the format follows from the extension, "-" is standard input read as .txt.

    With ``labelled`` every row needs a label, without it labels are left out. Either all rows are pairs or none is; an
    empty second text counts as none. Raises UserError naming the file and the row (counted from 0) or line (from 1).
    """
    path = os.fspath(path)
    rows = list(iter_text(path, labelled=labelled))
    if not rows:
        raise tasks.file_error(named(path), "holds no texts.")
    _check_pairs(path, rows)
    _check_minus_one(path, rows)
    return [example for _, example in rows]


def iter_text(
    path,
    layout: Layout = DEFAULT_LAYOUT,
    labelled: bool = True,
    reject: Optional[Callable[[RowFault], None]] = None,
) -> Iterator[Tuple[str, Optional[TextExample]]]:
    """Yields (where it stands, example) of the rows of a file, one by one; None for those of Layout.blank_rows.

    A row that cannot be used is handed to ``reject`` and left out; without ``reject`` it is an error. Raises UserError
    when the file as such cannot be read or has another layout.
    """
    for where, row in _rows(os.fspath(path), layout, labelled):
        try:
            if layout.blank_rows and is_blank(row, layout):
                yield where, None
                continue
            found = example_of(path, where, row, layout, labelled)
        except RowFault as error:
            if reject is None:
                raise
            reject(error)
        else:
            yield where, found


def is_blank(row, layout: Layout) -> bool:
    """Whether a row is a blank line, or has the columns of the texts but no first text."""
    if not isinstance(row, dict):
        return row is None
    value = next((row[name] for name in layout.text_a if name in row), row)
    return value is None or (isinstance(value, str) and is_empty(value))


def column_names(path, quoted: bool = True) -> List[str]:
    """The columns of a file: those of its header (in lower case), or of its first object; ``quoted`` as in Layout."""
    path = os.fspath(path)
    first = None
    for _, row in _READERS[_format(path)](path, Layout(quoted=quoted), []):
        if not isinstance(row, RowFault):
            return list(row)
        first = first or row
    raise first or tasks.file_error(named(path), "holds no texts.")


def example_of(source: str, where: str, row, layout: Layout, labelled: bool = True) -> TextExample:
    """The example in a row; ``source`` and ``where`` are for errors. Raises RowFault when the row cannot be used."""
    if isinstance(row, RowFault):
        raise row
    lacking = columns.lacking(row, layout.wanted(labelled))
    if lacking:
        raise RowFault(source, where, lacking, "missing column")
    text_a = _text(source, where, row, layout.text_a)
    if not text_a:
        raise RowFault(source, where, "the text is empty; leave the row out.", "missing text")
    text_b = _text(source, where, row, layout.text_b)
    if layout.pair and not text_b:
        raise RowFault(source, where, "the second text is empty; leave the row out.", "missing text")
    return TextExample(text_a, text_b, _label(source, where, row, layout) if labelled else None, where)


def labels_in_order(examples: Sequence[TextExample]) -> List[str]:
    """The labels that occur, sorted as strings, not in order of appearance: the order of the rows has no effect."""
    return sorted({example.label for example in examples if example.label is not None})


def check_labels(labels: Sequence[str]) -> None:
    """Raises UserError unless the names given with --labels are different and not empty."""
    if not all(labels) or len(set(labels)) < len(labels):
        raise UserError("--labels=%s: names must be different and not empty." % ",".join(labels))


def _parts(path: str) -> Tuple[str, str]:
    """(all before the extension that tells the format, the extension)"""
    return os.path.splitext(path[: -len(".gz")] if is_compressed(path) else path)


def _format(path: str) -> str:
    if path == STDIN:
        return ".txt"
    kind = _parts(path)[1].lower()
    if kind not in _READERS:
        if os.path.exists(path):  # a folder, or a pipe, has another way out
            tasks.require(path)
        raise UserError(
            "%s: unknown kind of file; text is read from %s (each also with .gz)." % (path, ", ".join(sorted(_READERS)))
        )
    return kind


def _rows(path: str, layout: Layout, labelled: bool) -> Iterator[Row]:
    kind = _format(path)
    if labelled and kind == ".txt":
        raise UserError("%s: .txt files hold no labels; give .csv, .tsv, .json or .jsonl for those." % named(path))
    return _READERS[kind](path, layout, layout.wanted(labelled))


def _empty(path: str) -> UserError:
    return tasks.file_error(named(path), "is empty.")


def _lines(path: str, layout: Layout) -> Iterator[Tuple[int, str]]:
    """(number, line) of the lines, blank ones where they count; only LF ends one: texts may hold U+0085 or U+2028."""
    has_rows = False
    with opened(path) as stream:
        for number, line in enumerate(lines(stream), start=1):
            if line.strip():
                has_rows = True
                line = line[:-1] if line.endswith("\n") else line
                yield number, line[:-1] if line.endswith("\r") else line
            elif layout.blank_rows:
                yield number, ""
    if not has_rows:
        raise _empty(path)


def _read_json(path: str, layout: Layout, wanted) -> Iterator[Row]:
    with opened(path) as stream:
        content = stream.read()
    if not content.strip():
        raise _empty(path)
    try:
        rows = _loads(content)
    except (ValueError, RecursionError) as error:
        if content.lstrip().startswith("{") and "\n" in content.strip():  # one object a line, as datasets are exported
            yield from _read_jsonl(path, layout, wanted)
            return
        raise UserError("%s: invalid JSON: %s." % (named(path), _json_fault(error))) from None
    if isinstance(rows, dict) and not any(isinstance(value, (dict, list)) for value in rows.values()):
        rows = [rows]  # one object alone, as a file of one line of .jsonl has it; pandas' columns are dicts or lists
    if not isinstance(rows, list):
        what = 'the JSON is no list of objects (pandas: orient="records"); one object a line is read from .jsonl files.'
        raise UserError("%s: %s" % (named(path), what))
    for index, row in enumerate(rows):
        yield _checked_object(path, "row %d (the first is 0)" % index, row, layout)


def _read_jsonl(path: str, layout: Layout, wanted) -> Iterator[Row]:
    for number, line in _lines(path, layout):
        where = "line %d" % number
        if not line:
            yield where, None
            continue
        try:
            row = _loads(line)
        except (ValueError, RecursionError) as error:
            raise fault(path, where, "invalid JSON: %s." % _json_fault(error)) from None
        yield _checked_object(path, where, row, layout)


def _loads(content: str):
    """The value of JSON; ValueError for an object with a key twice, of which one would be lost."""
    return json.loads(content, object_pairs_hook=schema.without_doubles)


def _json_fault(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _checked_object(path: str, where: str, row, layout: Layout) -> Row:
    """The row with the names of its columns as the layout spells them: {"Text": ...} has a text, as in a header."""
    if not isinstance(row, dict):
        raise fault(path, where, "is no JSON object with sentence1 and label.")
    names = {name for group in (layout.text_a, layout.text_b, layout.label) for name in group}
    spelt = {key: key if key in names else key.strip().lower() for key in row}
    return where, {spelt[key] if spelt[key] in names - set(row) else key: value for key, value in row.items()}


def _read_csv(path: str, layout: Layout, wanted) -> Iterator[Row]:
    return _named(path, _quoted_fields(path, ",", layout), layout, wanted)


def _read_tsv(path: str, layout: Layout, wanted) -> Iterator[Row]:
    fields = _quoted_fields(path, "\t", layout) if layout.quoted else _plain_fields(path, layout)
    return _named(path, fields, layout, wanted)


def _plain_fields(path: str, layout: Layout) -> Iterator[Tuple[str, List[str]]]:
    """(where, fields) of a file in which tabs separate fields and nothing is quoted."""
    for number, line in _lines(path, layout):
        yield "line %d" % number, line.split("\t") if line else []


def _quoted_fields(path: str, delimiter: str, layout: Layout) -> Iterator[Tuple[str, List[str]]]:
    """(where, fields) of a file in which a quoted field may hold delimiters and line ends; none for a blank line."""
    has_rows = False
    with opened(path) as stream:
        reader = csv.reader(without_lone_returns(lines(stream)), delimiter=delimiter, strict=True)
        start = 1
        while True:
            try:
                fields = next(reader, None)
            except csv.Error as error:
                what = str(error).rstrip(".")
                if "NUL" in what:
                    what = ZERO
                else:
                    what += " (a field that begins with a double quote must end with one and double those inside it"
                    what += "; columns are separated by %r)" % delimiter
                raise fault(path, "line %d" % start, what + ".") from None
            if fields is None:
                break
            where = "line %d" % start
            start = reader.line_num + 1
            if not any(field.strip() for field in fields):
                if layout.blank_rows:
                    yield where, []
                continue
            has_rows = True
            if any("\0" in field for field in fields):  # which Python 3.7 cannot read
                raise fault(path, where, ZERO + ".")
            if delimiter == "\t" and any("\t" in field and "\n" in field for field in fields):
                raise fault(path, where, "a quoted field goes on over tabs and lines: a double quote is not closed.")
            yield where, [field.replace(LONE_RETURN, "\r") for field in fields]
    if not has_rows:
        raise _empty(path)


def _named(path: str, rows: Iterator[Tuple[str, List[str]]], layout: Layout, wanted) -> Iterator[Row]:
    """Fields by the names of their columns."""
    header, origin = layout.header, "layout"
    if header is None:
        where, fields = next(each for each in rows if each[1])
        names = [field.strip().lower() for field in fields]
        header, origin = columns.header(path, names, wanted, wanted + [layout.text_b]), "header"
    for where, fields in rows:
        while len(fields) > len(header) and not fields[-1].strip():  # spreadsheets fill rows up
            fields.pop()
        if not fields:
            yield where, None
        elif len(fields) == len(header):
            is_again = origin == "header" and columns.is_header(fields, header)
            yield where, RowFault(path, where, columns.AGAIN, "header again") if is_again else dict(zip(header, fields))
        else:
            what = "%d fields where the %s has %d (%s)." % (len(fields), origin, len(header), ", ".join(header))
            yield where, RowFault(path, where, what, "wrong number of fields")


def _read_txt(path: str, layout: Layout, wanted) -> Iterator[Row]:
    for number, line in _lines(path, layout):
        fields = line.split("\t")
        if len(fields) > 2:
            raise fault(path, "line %d" % number, "more than one tab; one separates the texts of a pair.")
        yield "line %d" % number, dict(zip(("text", "text2"), fields))


_READERS = {".json": _read_json, ".jsonl": _read_jsonl, ".csv": _read_csv, ".tsv": _read_tsv, ".txt": _read_txt}


def _text(source: str, where: str, row: Dict[str, object], names: Sequence[str]) -> Optional[str]:
    """The first of the columns ``names`` that the row has; None when it is absent or blank."""
    name = next((name for name in names if name in row), None)
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        what = "%s is %s; a string is needed." % (name, json.dumps(value, default=str)[:40])
        raise RowFault(source, where, what, "text that is no string")
    if value and "\0" in value:
        raise RowFault(source, where, ZERO + ".", "zero character")
    return LONE_SURROGATE.sub("\ufffd", value) if value and not is_empty(value) else None


def _label(source: str, where: str, row: Dict[str, object], layout: Layout) -> str:
    value = next(row[name] for name in layout.label if name in row)
    if isinstance(value, int):  # True and False are spelt as in tables of pandas
        return str(value)
    if value is not None and not isinstance(value, str):
        what = "the label is %s; a string is needed." % json.dumps(value, default=str)[:40]
        raise RowFault(source, where, what, "label that is no string")
    label = trimmed(LONE_SURROGATE.sub("\ufffd", value or ""))
    if "\0" in label:
        raise RowFault(source, where, "the label %r holds a zero character: take it out." % label, "zero character")
    if not label:
        raise RowFault(source, where, "the label is missing.", "missing label")
    if label in layout.skip_labels:
        raise RowFault(source, where, "rows with the label %s are left out." % label, "label " + label)
    return label


def _check_pairs(path: str, rows: Sequence[Tuple[str, TextExample]]) -> None:
    pairs = sum(example.text_b is not None for _, example in rows)
    if pairs in (0, len(rows)):
        return
    lacking = next(where for where, example in rows if example.text_b is None)
    raise fault(path, lacking, "no second text, while %d of %d rows have one." % (pairs, len(rows)))


def _check_minus_one(path: str, rows: Sequence[Tuple[str, TextExample]]) -> None:
    """UserError for the label -1 beside 0, 1, ...: rows without a label have it in exports of Hugging Face datasets.

    -1 and 1 alone are two classes.
    """
    labels = {example.label for _, example in rows}
    others = labels - {"-1"}
    if "-1" not in labels or others != set(map(str, range(len(others)))):
        return
    where = next(where for where, example in rows if example.label == "-1")
    raise fault(
        path, where, "the label is -1, which exports of datasets write for no label: leave such rows out; if it is a "
        "class, write a word for it."
    )
