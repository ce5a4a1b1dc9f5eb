"""Reading text: what is refused and where the message points, then quoting, line ends and pairs."""

import gzip
import io
import json
import os
import sys

import pytest

from data.text import Layout, TextExample, column_names, is_labelled_format, iter_text, labels_in_order, read_text, stem
from runtime.errors import UserError
from tokenization import Tokenizer


def save(tmp_path, name, content):
    path = tmp_path / name
    if not isinstance(content, (bytes, str)):
        content = json.dumps(content)
    data = content.encode("utf-8") if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return str(path)


def error_of(path, labelled=True):
    with pytest.raises(UserError) as error:
        read_text(path, labelled)
    message = str(error.value)
    assert "\n" not in message and message.startswith(path), message
    return message


ROW = {"sentence1": "a", "label": "x"}


@pytest.mark.parametrize(
    "name, content, words",
    [
        # the file as such
        ("t.csv", "", ["is empty"]),
        ("t.json", " \n", ["is empty"]),
        ("t.json", [], ["holds no texts"]),
        ("disaster_train_0_16.json", [], ["holds no texts", "is an empty list; use another split"]),
        ("t.csv", "text,label\n", ["holds no texts"]),
        ("t.csv.gz", "", ["is empty"]),
        ("t.docx", "a", ["unknown kind", ".csv, .json, .jsonl, .tsv, .txt"]),
        ("t", "a", ["unknown kind"]),
        ("t.txt", "a\n", ["hold no labels", ".csv"]),
        ("t.csv", b"text,label\na,x\n\xe9t\xe9,x\n", ["line 3", "0xe9", "not UTF-8"]),
        ("t.csv", "text,label\na,x\n".encode("utf-16"), ["t.csv: is UTF-16 text", "iconv -f UTF-16"]),
        # JSON
        ("t.json", '[{"sentence1": "a",\n "label" "x"}]', ["invalid JSON", "line 2 column 10"]),
        ("t.json", {"text": {"0": "a"}, "label": {"0": "x"}}, ["no list of objects", "orient", ".jsonl"]),
        ("t.json", {"data": [ROW]}, ["no list of objects"]),
        ("t.json", '"a"', ["no list of objects"]),
        ("t.json", {"sentence1": "a"}, ["row 0", "no column label"]),
        ("t.json", [ROW, "a"], ["row 1 (the first is 0)", "no JSON object"]),
        ("t.json", [ROW, {"sent1": "a", "label": "x"}], ["row 1", "no column sentence1 or text", "sent1, label"]),
        ("t.json", [ROW, {"sentence1": "a"}], ["row 1", "no column label", "sentence1"]),
        ("t.json", [{}], ["row 0", "columns are: none"]),
        ("t.json", [ROW, {"sentence1": " ", "label": "x"}], ["row 1", "text is empty"]),
        ("t.json", [ROW, {"sentence1": None, "label": "x"}], ["row 1", "text is empty"]),
        ("t.json", [ROW, {"sentence1": 3, "label": "x"}], ["row 1", "sentence1 is 3"]),
        ("t.json", [ROW, {"sentence1": "a", "label": ""}], ["row 1", "label is missing"]),
        ("t.json", [ROW, {"sentence1": "a", "label": None}], ["row 1", "label is missing"]),
        ("t.json", [ROW, {"sentence1": "a", "label": 1.0}], ["row 1", "label is 1.0"]),
        ("t.json", '[{"sentence1": "a", "label": NaN}]', ["row 0", "label is NaN"]),
        ("t.json", "[" * 100000, ["invalid JSON", "nested too deeply"]),
        ("t.jsonl", '{"a":' * 100000, ["line 1", "nested too deeply"]),
        ("t.json", '{"text": "a", "label": "x"}\n{"text": 3, "label": "x"}\n', ["line 2", "text is 3"]),
        ("t.json", '{"text": "a", "label": "x"}\n{"text"\n', ["line 2", "invalid JSON"]),
        ("t.json", [ROW, {"sentence1": "a", "label": ["x"]}], ["row 1", 'label is ["x"]']),
        ("t.json", [dict(ROW, sentence2="b"), ROW], ["row 1", "no second text", "1 of 2"]),
        ("t.jsonl", '{"text": "a", "label": "x"}\n\n{"text"\n', ["line 3", "invalid JSON"]),
        ("t.jsonl", '{"text": "a", "label": "x"}\n7\n', ["line 2", "no JSON object"]),
        # CSV, TSV
        ("t.csv", "text\na\n", ["header", "no column label", "columns are: text"]),
        ("t.csv", "a great film,pos\n", ["header", "no column sentence1 or text", "a great film, pos"]),
        ("t.csv", "text,label,label\na,x,y\n", ["header", "twice"]),
        ("t.csv", "text,label\na,x\nb, c,x\n", ["line 3", "3 fields where the header has 2"]),
        ("t.csv", "text,label\n\na,x\nb\n", ["line 4", "1 fields"]),
        ("t.csv", 'text,label\n"two\nlines",x\n,x\n', ["line 4", "text is empty"]),
        ("t.csv", 'text,label\n"a" b,x\n', ["line 2", "double quote"]),
        ("t.csv", 'text,label\na,x\n"never closed,x\nb,x\n', ["line 3", "double quote"]),
        ("t.csv", "text,label\na,\n", ["line 2", "label is missing"]),
        ("t.csv", "text,text2,label\na,b,x\na,,x\n", ["line 3", "no second text"]),
        ("t.tsv", "text,label\na,x\n", ["header", "no column", "text,label", "separated by ','", ".csv"]),
        ("t.csv", "text;label\na;x\n", ["header", "separated by ';'", "commas"]),
        ("t.csv", '"text";"text2";"label"\na;b;x\n', ["line 1", "columns are separated by ','"]),
        ("t.csv", "text\tlabel\na\tx\n", ["header", "separated by '\\t'", ".tsv"]),
        ("t.csv", "text|label\na|x\n", ["header", "separated by '|'"]),
        ("t.csv", "a;b\na;x\n", ["header", "columns are: a;b."]),
        ("t.csv", "text,text,label\na,b,x\n", ["header", "column text occurs twice"]),
        ("t.csv", "text,text2,text2,label\na,b,c,x\n", ["header", "column text2 occurs twice"]),
        ("t.csv", "text,label,,\na, b,x,\n", ["line 2", "3 fields where the header has 2"]),
        ("t.csv", "text,label\na,0\nb,-1\nc,1\n", ["line 3", "label is -1", "no label"]),
        ("t.json", [dict(ROW, label=label) for label in (0, 1, 2, -1)], ["row 3", "label is -1"]),
        ("t.jsonl", '{"text": "a", "label": -1}\n', ["line 1", "label is -1"]),
        ("t.tsv", 'text\tlabel\n"open\tx\nb"\tx\n', ["line 2", "not closed"]),
    ],
)
def test_labelled_text_that_is_refused(tmp_path, name, content, words):
    message = error_of(save(tmp_path, name, content))
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("t.txt", "\n \n", ["is empty"]),
        ("t.txt", "a\n\tb\n", ["line 2", "text is empty"]),
        ("t.txt", "a\tb\n\nc\n", ["line 3", "no second text"]),
        ("t.txt", "a\tb\tc\n", ["line 1", "more than one tab"]),
        ("t.csv", "label\nx\n", ["no column sentence1 or text"]),
        ("t.json", [{"sentence1": ""}], ["row 0", "text is empty"]),
    ],
)
def test_unlabelled_text_that_is_refused(tmp_path, name, content, words):
    message = error_of(save(tmp_path, name, content), labelled=False)
    assert all(word in message for word in words), message


def test_missing_and_damaged_files(tmp_path):
    assert "no such file" in error_of(str(tmp_path / "missing.csv"))
    whole = gzip.compress(b"text,label\n" + b"a,x\n" * 50)
    for name, data in (("cut.csv.gz", whole[:-9]), ("bad.csv.gz", whole[:12])):
        (tmp_path / name).write_bytes(data)
        assert "cannot be read" in error_of(str(tmp_path / name))


CSV = 'text,text2,label\r\n"He said ""no"", twice","b\nc",x\r\n\r\nd,e,y\r\n'
PAIRS = [TextExample('He said "no", twice', "b\nc", "x"), TextExample("d", "e", "y")]
ROWS = [dict(sentence1=each.text_a, sentence2=each.text_b, label=each.label) for each in PAIRS]


@pytest.mark.parametrize(
    "name, content",
    [
        ("t.csv", CSV),
        ("t.csv", "\ufeff" + CSV.replace("\r\n", "\n")),
        ("t.csv.gz", CSV),
        ("t.CSV", 'id, Label ,sentence2,SENTENCE1\n1,x,"b\nc","He said ""no"", twice"\n2,y,e,d'),
        ("t.tsv", 'text\ttext2\tlabel\n"He said ""no"", twice"\t"b\nc"\tx\nd\te\ty\n'),
        ("t.json", ROWS),
        ("t.json.gz", [dict(text=a, text2=b, label=" %s " % label) for a, b, label in (row.values() for row in ROWS)]),
        ("t.jsonl", "\ufeff" + "\r\n\r\n".join(json.dumps(row) for row in ROWS)),
    ],
)
def test_every_format_gives_the_same(tmp_path, name, content):
    path = save(tmp_path, name, content)
    assert read_text(path) == PAIRS
    assert read_text(path, labelled=False) == [TextExample(each.text_a, each.text_b) for each in PAIRS]


@pytest.mark.parametrize("indent", [None, 1])
def test_json_of_one_object_is_one_row(tmp_path, indent):
    path = save(tmp_path, "t.json", json.dumps({"Text": "a", "label": 1, "id": None}, indent=indent) + "\n")
    assert read_text(path) == [TextExample("a", None, "1")]


def test_plain_text(tmp_path):
    path = save(tmp_path, "t.txt", "\ufeffone \u2028 line\x85 \r\n\r\n\u00fcber\n")
    expected = [TextExample("one \u2028 line\x85 "), TextExample("\u00fcber")]
    assert read_text(path, labelled=False) == expected
    path = save(tmp_path, "t.txt.gz", "a\tb\nc\td")
    assert read_text(path, labelled=False) == [TextExample("a", "b"), TextExample("c", "d")]


def test_pipes_and_folders_without_an_ending_are_told_as_such(tmp_path):
    os.mkfifo(str(tmp_path / "pipe"))
    for path, words in (("pipe", "is a pipe or device: name a file, or - "), ("", "is a folder; name a file in it"),
                        ("none", "unknown kind of file")):
        assert words in error_of(str(tmp_path / path))
    assert "is a pipe or device" in error_of("/dev/null")


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\u00e9t\u00e9\nb\n".encode("utf-8"))))
    assert read_text("-", labelled=False) == [TextExample("\u00e9t\u00e9"), TextExample("b")]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(UserError, match="standard input: is empty"):
        read_text("-", labelled=False)


def test_empty_second_column_means_single_texts(tmp_path):
    assert read_text(save(tmp_path, "t.csv", "text,text2,label\na,,x\nb, ,y\n"))[1] == TextExample("b", None, "y")
    assert read_text(save(tmp_path, "t.json", [dict(ROW, sentence2=None)])) == [TextExample("a", None, "x")]


@pytest.mark.parametrize("name", ["t.csv", "t.tsv"])
def test_long_fields(tmp_path, name):
    """Longer than the csv module takes unless it is told to."""
    path, words = tmp_path / name, "word " * 40000
    path.write_text("text%slabel\n%s%sx\n" % (",\t"[name == "t.tsv"], words, ",\t"[name == "t.tsv"]))
    assert read_text(str(path))[0].text_a == words


def test_labels(tmp_path):
    rows = [TextExample("a", label=label) for label in ("b", "10", "2", "b")]
    assert labels_in_order(rows) == ["10", "2", "b"]
    assert labels_in_order([TextExample("a")]) == []
    assert read_text(save(tmp_path, "t.json", [dict(ROW, label=5)]))[0].label == "5"
    assert all(map(is_labelled_format, ("a.csv", "a.json.gz")))
    assert not any(map(is_labelled_format, ("a.txt", "a.txt.gz", "-")))


@pytest.mark.parametrize("name", ["t.json", "t.jsonl"])
def test_lone_surrogates_can_be_written_and_give_the_same_tokens(tmp_path, name):
    row = {"text": "a\ud83db \ude00", "text2": "\U0001f600 c", "label": "x\udfff"}
    content = json.dumps([row] if name == "t.json" else row)
    assert "\\ud83d\\ude00 c" in content  # a pair, which stays
    found, = read_text(save(tmp_path, name, content))
    assert found == TextExample("a\ufffdb \ufffd", "\U0001f600 c", "x\ufffd")
    tokenizer = Tokenizer({token: index for index, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "ab"])})
    assert tokenizer.encode(found.text_a, found.text_b) == tokenizer.encode(row["text"], row["text2"])


@pytest.mark.parametrize(
    "path, name",
    [
        ("a/reviews.2023.csv", "reviews.2023"), ("reviews.2024.json.gz", "reviews.2024"), ("new.TXT", "new"),
        ("data/eval.tf_record", "eval"), ("-", "stdin"),
    ],
)
def test_stem(path, name):
    assert stem(path) == name


# --- other layouts, row by row ---------------------------------------------------------------------------------------
LAYOUT = Layout(("question",), ("answer",), ("gold",), pair=True, quoted=False, skip_labels=("-",))


@pytest.mark.parametrize(
    "name, content, layout, expected",
    [
        ("t.tsv", 'gold\tQuestion\tanswer\r\nx\t"a\tb"c\r\n', LAYOUT, TextExample('"a', 'b"c', "x")),
        ("t.tsv", "gold\tquestion\tanswer\nx\ta\rb\u2028\tc\n", LAYOUT, TextExample("a\rb\u2028", "c", "x")),
        ("t.tsv", "x\ta\n", Layout(("text",), (), header=("label", "text")), TextExample("a", None, "x")),
        ("t.csv", "x,\"a\nb\"\n", Layout(("text",), (), header=("label", "text")), TextExample("a\nb", None, "x")),
        ("t.jsonl", '{"Text": "a", "text2": "b", "label": 3}', Layout(("Text",), ()), TextExample("a", None, "3")),
    ],
)
def test_other_layouts(tmp_path, name, content, layout, expected):
    assert [example for _, example in iter_text(save(tmp_path, name, content), layout)] == [expected]


def test_rows_that_cannot_be_used_are_handed_over(tmp_path):
    lines = ["gold,question,answer", "x,a,b", "x,a", "-,a,b", "x, ,b", "x,a,", ",a,b", "", "y,a,b,c", "y,c,d"]
    path = save(tmp_path, "t.tsv", "\n".join(lines).replace(",", "\t"))
    faults = []
    rows = list(iter_text(path, LAYOUT, reject=faults.append))
    assert rows == [("line 2", TextExample("a", "b", "x")), ("line 10", TextExample("c", "d", "y"))]
    assert [(fault.where, fault.reason) for fault in faults] == [
        ("line 3", "wrong number of fields"), ("line 4", "label -"), ("line 5", "missing text"),
        ("line 6", "missing text"), ("line 7", "missing label"), ("line 9", "wrong number of fields"),
    ]
    with pytest.raises(UserError, match="line 3: 2 fields where the header has 3"):
        list(iter_text(path, LAYOUT))
    path = save(tmp_path, "t.jsonl", '{"text": "a"}\n{"text": 3, "label": "x"}\n{"text": "a", "label": {}}\n')
    faults = []
    assert not list(iter_text(path, reject=faults.append))
    assert [fault.reason for fault in faults] == ["missing column", "text that is no string", "label that is no string"]


def test_rows_come_before_the_file_ends(tmp_path):
    """Nothing but .json is read as a whole: what is wrong far behind is noticed when its turn comes."""
    lines = b'{"text": "a", "label": "x"}\n' * 5000
    path = save(tmp_path, "t.jsonl", lines + b'{"text": "\xff", "label": "x"}\n')
    rows = iter_text(path)
    assert next(rows) == ("line 1", TextExample("a", None, "x"))
    with pytest.raises(UserError, match="line 5001: byte 0xff is not UTF-8"):
        list(rows)
    path = save(tmp_path, "t.csv.gz", b"text,label\n" + b"a,x\n" * 5000 + b"\xe9,x\n")
    with pytest.raises(UserError, match="line 5002: byte 0xe9 is not UTF-8"):
        list(iter_text(path))


def test_a_column_of_texts_may_hold_its_name(tmp_path):
    table = save(tmp_path, "t.csv", "text\na\ntext\n")
    assert [row.text_a for row in read_text(table, labelled=False)] == ["a", "text"]


def test_column_names(tmp_path):
    assert column_names(save(tmp_path, "t.csv", "Text , label\na,b,c\na,b\n")) == ["text", "label"]
    assert column_names(save(tmp_path, "t.tsv", 'a\tb\n"\tc\n'), quoted=False) == ["a", "b"]
    assert column_names(save(tmp_path, "t.jsonl", '{"B": 1, "a": 2}\n')) == ["B", "a"]
    for content, fault in (("a,b\n", "holds no texts"), ("a,b\nc\nd\n", "line 2: 1 fields"), ("", "is empty")):
        with pytest.raises(UserError, match=fault):
            column_names(save(tmp_path, "t.csv", content))


@pytest.mark.parametrize(
    "name, content, expected",
    [
        # a carriage return alone is part of a text
        ("t.csv", "text,label\na\rb,x\nc,y\n", [("a\rb", "x"), ("c", "y")]),
        ("t.csv", "text,label\r\na\rb,x\r\nc,y\r\n", [("a\rb", "x"), ("c", "y")]),
        ("t.csv", 'text,label\n"a\rb\r\nc",x\n"\rd",y', [("a\rb\r\nc", "x"), ("\rd", "y")]),
        ("t.tsv", "text\tlabel\na\r\rb\tx\nc\ty\n", [("a\r\rb", "x"), ("c", "y")]),
        ("t.csv", "text,label\na\r,x\n\rb,y\n", [("a\r", "x"), ("\rb", "y")]),
        # and ends lines where nothing else does
        ("t.csv", "text,label\ra,x\rb,y\r", [("a", "x"), ("b", "y")]),
        ("t.csv", "text,label\ra,x\rb,y", [("a", "x"), ("b", "y")]),
        ("t.tsv", "text\tlabel\ra\tx\rb\ty\r", [("a", "x"), ("b", "y")]),
        ("t.jsonl", '{"text": "a", "label": "x"}\r{"text": "b", "label": "y"}\r', [("a", "x"), ("b", "y")]),
        # columns that are not used
        ("t.csv", "text,label,,\na,x,,\nb,y\n", [("a", "x"), ("b", "y")]),
        ("t.csv", "text,label\na,x,,,\nb,y\n", [("a", "x"), ("b", "y")]),
        ("t.csv", ",text,,label\n0,a,z,x\n1,b,z,y\n", [("a", "x"), ("b", "y")]),
        ("t.csv", "note,text,note,label\n1,a,2,x\n1,b,2,y\n", [("a", "x"), ("b", "y")]),
        ("t.tsv", "text\tlabel\t\t\na\tx\t\t\nb\ty\t\t\n", [("a", "x"), ("b", "y")]),
        ("t.csv", "sentence1,text,text,label\na,c,d,x\nb,c,d,y\n", [("a", "x"), ("b", "y")]),
        # names as people write them
        ("t.json", [{"Text": "a", "Label": "x"}, {" TEXT ": "b", "label": "y"}], [("a", "x"), ("b", "y")]),
        ("t.jsonl", '{"Sentence1": "a", "LABEL": "x"}\n', [("a", "x")]),
        ("t.json", [{"text": "a", "Text": "b", "label": "x"}], [("a", "x")]),
        ("t.CSV.GZ", "text,label\na,x\n", [("a", "x")]),
        ("t.JsonL", '{"text": "a", "label": "x"}\n', [("a", "x")]),
        ("t.json", '{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n', [("a", "x"), ("b", "y")]),
        # labels
        ("t.json", [{"text": "a", "label": True}, {"text": "b", "label": False}], [("a", "True"), ("b", "False")]),
        ("t.csv", "text,label\na,-1\nb,1\n", [("a", "-1"), ("b", "1")]),
        ("t.csv", "text,label\na,-1\nb,5\n", [("a", "-1"), ("b", "5")]),
        ("t.csv", "text,label\na,-1\nb,pos\n", [("a", "-1"), ("b", "pos")]),
    ],
)
def test_tables_as_they_come(tmp_path, name, content, expected):
    path = save(tmp_path, name, content)
    if name.endswith(".GZ"):
        with open(path, "wb") as file:
            file.write(gzip.compress(content.encode("utf-8")))
    assert [(example.text_a, example.label) for example in read_text(path)] == expected


@pytest.mark.parametrize("content, expected", [("a\rb\nc\n", ["a\rb", "c"]), ("a\rb\r", ["a", "b"]), ("a\r", ["a"])])
def test_carriage_returns_of_plain_text(tmp_path, content, expected):
    assert [example.text_a for example in read_text(save(tmp_path, "t.txt", content), labelled=False)] == expected
    table = save(tmp_path, "t.csv", "text%s%s" % ("\n" if "\n" in content else "\r", content))
    assert [example.text_a for example in read_text(table, labelled=False)] == expected


@pytest.mark.parametrize("name, content, words", [
    ("t.csv", "text,Category\na,x\n", ["no column label", "text, category", "The first line names the columns"]),
    ("t.csv", "sep=,\ntext,label\na,x\n", ["columns are: sep=, ", "The first line is for a spreadsheet"]),
    ("t.csv", "sep=;\ntext;label\na;x\n", ["columns are: sep=;", "The first line is for a spreadsheet"]),
    ("t.csv", "text,label\na,x\ntext,label\nb,y\n", ["line 3: the header again", "joined"]),
    ("t.tsv", "id\tText\tlabel\n1\ta\tx\n\ufeffID\ttext\tLabel \n1\tb\ty\n", ["line 3: the header again"]),
    ("t.csv", b"text,label\na\0b,x\n", ["line 2", "zero character"]),
    ("t.tsv", b"text\tlabel\na\tx\0\n", ["line 2", "zero character"]),
    ("t.jsonl", '{"text": "a", "label": "x\\u0000"}\n', ["line 1", "zero character"]),
    ("t.jsonl", '{"text": "a\\u0000", "label": "x"}\n', ["line 1", "zero character"]),
    ("t.json", '[{"text": "a", "text2": "\\u0000", "label": "x"}]', ["row 0", "zero character"]),
    ("t.jsonl", '{"text": "a", "label": "x"}\n{"text": "a", "label": "x", "text": "b"}\n',
     ["line 2", "the key 'text' stands there twice"]),
    ("t.json", '[{"text": "a", "label": "x", "label": "y"}]', ["the key 'label' stands there twice"]),
    ("t.csv", "text,label\na,\u200b\n", ["line 2", "the label is missing"]),
    ("t.csv", "text,label\n\ufeff \u200b,x\n", ["line 2", "the text is empty"]),
    ("t.json", '{"text": ["a", "b"], "label": ["x", "y"]}', ['orient="records"']),
    ("t.json", '[["a", "x"], ["b", "y"]]', ["row 0", "no JSON object"]),
    ("t.csv", "text,label\na, really,x\n", ["line 2", "3 fields where the header has 2"]),
    ("t.csv", "text,label\na,x\n\x1a", ["line 3", "1 fields"]),
])
def test_tables_from_the_wild_that_are_refused(name, content, words, tmp_path):
    told = error_of(save(tmp_path, name, content))
    assert not [word for word in words if word not in told], told


@pytest.mark.parametrize("name, content, expected", [
    ("t.csv", "id,id,text,label\n1,1,a,x\n", [("a", "x")]),
    ("t.csv", ",text,label\n0,a,x\n", [("a", "x")]),  # pandas' index
    ("t.csv", "text,label\nlabel,text\ntext,x\n", [("label", "text"), ("text", "x")]),
    ("t.csv", " Text , LABEL \na,x\n", [("a", "x")]),
    ("t.csv", "text,label\r\na,x\nb,y\r\n", [("a", "x"), ("b", "y")]),
    ("t.csv", "text,label\na, x \nb,y\u200b\nc,\u00a0z\n", [("a", "x"), ("b", "y"), ("c", "z")]),
    ("t.csv", "text,label\n5,1\n&quot;a&quot;,2\n", [("5", "1"), ("&quot;a&quot;", "2")]),
    ("t.csv", 'text,label\na "good" film,x\n5" screen,y\n', [('a "good" film', "x"), ('5" screen', "y")]),
    ("t.csv", "text,label\na\u2028b\x0cc,\U0001f600\n", [("a\u2028b\x0cc", "\U0001f600")]),
    ("t.csv", "," * 20000 + "text,label\n" + "," * 20000 + "a,x\n", [("a", "x")]),
    ("t.jsonl", '{"text": "%s", "label": "x"}\n' % ("word " * 200000), [("word " * 200000, "x")]),
], ids=range(11))
def test_tables_from_the_wild_that_are_read(name, content, expected, tmp_path):
    rows = read_text(save(tmp_path, name, content))
    assert [(row.text_a, row.label) for row in rows] == expected
