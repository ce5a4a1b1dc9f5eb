"""Declared content of JSON files."""
import dataclasses
import os
import time

import hostile_json
import pytest

from runtime import schema

DOCUMENT = {"name": "a", "size": 3, "part": 0.5, "on": True, "labels": ["x", "y"], "more": {"of": [1]}, "maybe": None}
CHECK = schema.fields(
    {
        "name": schema.text(1, 10), "size": schema.whole(1, 10), "part": schema.real(0, 1), "on": schema.flag,
        "labels": schema.array(schema.text(1, 5), 1, 3, distinct=True),
        "more": schema.fields({"of": schema.array(schema.whole(0, 5), 1)}), "maybe": schema.none_or(schema.text(1)),
    }
)
TAKEN = {"on=True", "maybe='x'", "maybe='\\ud800'", "labels.0='x'", "labels.0='\\ud800'", "labels.1='\\ud800'",
         "more.of.0=0", "name='x'", "name='\\ud800'", "part=0", "without labels.0",
         "without labels.1", "more.of with an item twice"}


def test_a_document_is_taken_as_it_is(tmp_path):
    (tmp_path / "a.json").write_bytes(hostile_json._dumped(DOCUMENT))
    assert schema.load(str(tmp_path / "a.json"), CHECK) == DOCUMENT


def test_every_mutation_is_one_line_or_harmless():
    taken = set()
    for what, content in hostile_json.mutations(DOCUMENT):
        try:
            schema.loads(content, CHECK)
        except schema.Malformed as error:
            assert "\n" not in str(error) and len(str(error)) < 300, (what, error)
        else:
            taken.add(what)
    assert taken <= TAKEN, taken - TAKEN


@pytest.mark.parametrize("content, words", [
    ('{"name": 1}', "size is missing|name is 1; a text of 1 to 10"),
    ('{"a": 1, "a": 2}', "the key 'a' stands there twice"),
    ('{"a": NaN}', "NaN is no number"),
    ('{"a": 1e999}', "is missing"),
    ("[" * 100000, "nested too deeply"),
])
def test_errors_name_the_place(content, words):
    with pytest.raises(schema.Malformed, match=words):
        schema.loads(content, CHECK)


def test_what_stands_twice_in_a_large_file_is_found_in_one_pass():
    """Comparing each with all took an hour of a file of a million."""
    names = ["k%d" % number for number in range(200000)] + ["k199999"]
    begun = time.process_time()
    with pytest.raises(schema.Malformed, match="the list has 'k199999' twice"):
        schema.array(schema.text(), distinct=True)(names)
    with pytest.raises(schema.Malformed, match="the key 'k199999' stands there twice"):
        schema.loads("{%s}" % ",".join('"%s": 1' % name for name in names))
    assert time.process_time() - begun < 10.0


def test_places():
    for value, words in (
        (dict(DOCUMENT, labels=["x", "y", "x"]), "labels has 'x' twice"),
        (dict(DOCUMENT, labels=["x", 3]), r"labels\[1\] is 3; a text"),
        (dict(DOCUMENT, more={"of": [9]}), r"more.of\[0\] is 9; a whole number from 0 to 5"),
        (dict(DOCUMENT, other=1), "other is unknown"),
        (dict(DOCUMENT, part=float("inf")), "part is inf; a number from 0 to 1"),
    ):
        with pytest.raises(schema.Malformed, match=words):
            CHECK(value)


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file(kind, tmp_path):
    hostile_json.put_no_file(tmp_path / "a", kind)
    with pytest.raises(schema.Malformed, match="no regular file"):
        schema.load(str(tmp_path / "a"))


def test_missing_and_large_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        schema.load(str(tmp_path / "a"))
    os.symlink("nowhere", str(tmp_path / "link"))
    with pytest.raises(FileNotFoundError):
        schema.load(str(tmp_path / "link"))
    (tmp_path / "b").write_text("[1, 2, 3]")
    with pytest.raises(schema.Malformed, match="larger than 8 bytes"):
        schema.load(str(tmp_path / "b"), most_bytes=8)


def test_dataclasses():
    @dataclasses.dataclass
    class Settings:
        size: int
        rate: float = 0.5
        name: str = None
        on: bool = False

    check = schema.of_dataclass(Settings, {"size": schema.whole(1, 9)})
    check({"size": 1, "rate": 1, "name": None, "on": True})
    for wrong in ({}, {"size": 0}, {"size": True}, {"size": 1, "rate": "1"}, {"size": 1, "on": 1}, {"size": 1, "x": 1}):
        with pytest.raises(schema.Malformed):
            check(wrong)
    schema.of_dataclass(Settings, more=True)({"size": -1, "x": 1})
