"""Text of SMLMT tasks: sentences, files."""
import bz2
import gzip
import io
import json
import lzma
import os
import zipfile

import pytest
from smlmt_program import (  # noqa: F401 (the fixture)
    fixture_folder,
    run,
    tokenizer,
)

from data.smlmt import corpus
from runtime.errors import UserError


@pytest.mark.parametrize(
    "text, sentences",
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("Mr. Smith met J. R. Brown at 5 p.m. on Monday.", ["Mr. Smith met J. R. Brown at 5 p.m. on Monday."]),
        ("So did I. She left.", ["So did I.", "She left."]),
        ("It cost 3.5 dollars... and more.", ["It cost 3.5 dollars... and more."]),
        ("\u201cWhat?\u201d \u201cThat.\u201d", ["\u201cWhat?\u201d", "\u201cThat.\u201d"]),
        ("No end", ["No end"]),
        ("  ", []),
    ],
)
def test_sentences(text, sentences):
    assert corpus.split_sentences(text) == sentences


def test_files_of_a_folder_in_order(tmp_path):
    for name in ("b/wiki_1", "b/wiki_0", "a/x.txt", "z.txt", ".hidden", "b/.git/x", "b.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    found = [os.path.relpath(path, str(tmp_path)) for path in corpus.files(str(tmp_path))]
    assert found == ["a/x.txt", "b/wiki_0", "b/wiki_1", "b.txt", "z.txt"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no files"):
        corpus.files(str(tmp_path / "empty"))


def test_layouts_of_one_text_give_one_result(folder):
    expected = run(folder)
    text = (folder / "text.txt").read_text()
    lines = text.splitlines()
    layouts = folder / "layouts"
    layouts.mkdir()
    (layouts / "text.gz").write_bytes(gzip.compress(text.encode("ascii")))
    (layouts / "crlf.txt").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode("ascii"))
    (layouts / "paragraphs.txt").write_text("\n\n".join(" ".join(lines[i : i + 9]) for i in range(0, len(lines), 9)))
    articles = [{"id": str(i), "title": "T", "text": "\n".join(lines[i : i + 9])} for i in range(0, len(lines), 9)]
    (layouts / "wiki_00").write_text("\n".join(json.dumps(article) for article in articles))
    (layouts / "doc_00").write_text('<doc id="1" title="T">\n%s\n</doc>\n' % text)
    (layouts / "twice.txt").write_text(text + text)  # equal sentences count once
    for name in sorted(os.listdir(str(layouts))):
        made = run(folder, input=layouts / name, overwrite=True)
        assert made["files"] == expected["files"], name
        assert made["corpus"]["sentences"] == expected["corpus"]["sentences"], name
    assert run(folder, input=layouts / "text.gz", overwrite=True)["corpus"] == expected["corpus"]


def test_long_sentences_are_cut_between_words():
    reader = corpus.SentenceReader(tokenizer(), 12, 2)  # room for 10 letters
    assert list(reader.sentences("abc de fgh ij klm")) == [["abc", "de", "fgh", "ij"]]
    assert list(reader.sentences("abc defghijk lm")) == []  # what is left is too short
    assert list(reader.sentences("abc , 12 d")) == [["abc", ",", "12", "d"]]  # only words of letters count


def read_all(path):
    return [paragraph for paragraph in corpus.Corpus(corpus.files(str(path))).paragraphs()]


@pytest.mark.parametrize("ending, pack", [("bz2", bz2.compress), ("xz", lzma.compress), ("GZ", gzip.compress)])
def test_compressed_files(tmp_path, ending, pack):
    (tmp_path / ("a.txt." + ending)).write_bytes(pack(b"one\ntwo\n"))
    assert read_all(tmp_path) == ["one", "two"]
    (tmp_path / ("a.txt." + ending)).write_bytes(pack(b"one\ntwo\n" * 9999)[:-20])
    with pytest.raises(UserError, match="a.txt.%s: cannot be read" % ending):
        read_all(tmp_path)
    (tmp_path / ("a.txt." + ending)).write_bytes(b"plain text\n")
    with pytest.raises(UserError, match="a.txt.%s: cannot be read" % ending):
        read_all(tmp_path)


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    return buffer.getvalue()


@pytest.mark.parametrize("name, content, words", [
    ("a.txt", zipped(), "is a workbook (.xlsx, .ods) or a ZIP archive"),
    ("a.xlsx", zipped(), "is a workbook"),
    ("a.txt.gz", gzip.compress(zipped()), "is a workbook"),
    ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is a workbook (.xls)"),
    ("a.txt", "\ufeffone\ntwo\n".encode("utf-16-le"), "is UTF-16 text: give --encoding=utf-16"),
    ("a.txt", "\ufeffone\ntwo\n".encode("utf-16-be"), "is UTF-16 text"),
    ("a.txt", "one\ntwo\n".encode("utf-16-be"), "is UTF-16 text"),
    ("a.txt", "one\ntwo\n".encode("utf-32"), "is UTF-32 text: give --encoding=utf-32"),
    ("a.bz2", bz2.compress("\ufeffone".encode("utf-16-le")), "is UTF-16 text"),
    ("a.txt", gzip.compress(b"one\n"), "is compressed: let its name end with .gz"),
    ("a", bz2.compress(b"one\n", 5), "is compressed: let its name end with .bz2"),
    ("a.txt", lzma.compress(b"one\n"), "is compressed: let its name end with .xz"),
    ("a.txt", b"\x28\xb5\x2f\xfd\x00", "is compressed by zstd: unpack it"),
    ("a.parquet", b"PAR1\x15\x04", "is a Parquet table"),
    ("a.pdf", b"%PDF-1.7\n\xe2\xe3\xcf\xd3\n", "is a PDF document"),
])
def test_files_of_another_kind_are_told(name, content, words, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        read_all(tmp_path)
    assert words in str(error.value) and "a" in str(error.value).split(": ")[0]


@pytest.mark.parametrize("encoding, content", [
    ("utf-16", "\ufeffone\n".encode("utf-16-le")), ("utf-16-le", "one\n".encode("utf-16-le")),
    ("utf-32", "one\n".encode("utf-32")), ("latin-1", b"one\n"), ("utf-8", b"\xef\xbb\xbfone\n"),
])
def test_the_encoding_that_is_named_is_believed(encoding, content, tmp_path):
    (tmp_path / "a").write_bytes(content)
    found = list(corpus.Corpus([str(tmp_path / "a")], encoding).paragraphs())
    assert [text.lstrip("\ufeff") for text in found] == ["one"]


@pytest.mark.parametrize("content", [b"<html> is a tag\n", b"PAR1 is a word\n", b"%PDF-1.7 is a version\n", b""])
def test_texts_that_begin_like_something_else(content, tmp_path):
    (tmp_path / "a").write_bytes(content)
    assert read_all(tmp_path) == content.decode().split("\n")[:-1]


def test_no_encoding_makes_a_workbook_a_text(tmp_path):
    (tmp_path / "a").write_bytes(zipped())
    with pytest.raises(UserError, match="is a workbook"):  # every byte is a letter of latin-1
        list(corpus.Corpus([str(tmp_path / "a")], "latin-1").paragraphs())


def test_links_in_a_folder(tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a").write_text("one\n")
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "more" / "up").symlink_to("..")
    (tmp_path / "twice").symlink_to("more/a")
    (tmp_path / ".hidden").symlink_to("nowhere")
    assert [os.path.relpath(path, str(tmp_path)) for path in corpus.files(str(tmp_path))] == ["more/a", "twice"]
    (tmp_path / "dead").symlink_to("nowhere")
    with pytest.raises(UserError, match="dead is a link to a file that is gone"):
        corpus.files(str(tmp_path))


def test_pipes_are_not_waited_for(tmp_path):
    (tmp_path / "texts").mkdir()
    pipe = str(tmp_path / "texts" / "a.txt")
    os.mkfifo(pipe)
    for path in (pipe, str(tmp_path / "texts")):
        with pytest.raises(UserError, match="a.txt is a pipe or device"):
            corpus.files(path)


def test_names_that_are_not_utf8(tmp_path):
    with open(os.path.join(os.fsencode(str(tmp_path)), b"caf\xe9"), "w") as file:
        file.write("one\n")
    with pytest.raises(UserError, match="a name that is not UTF-8 cannot be written down"):
        corpus.files(str(tmp_path))


def test_json_that_is_nested_too_deeply(tmp_path):
    (tmp_path / "a.json").write_text("[" * 100000)
    with pytest.raises(UserError, match="line 1 is no JSON object"):
        read_all(tmp_path)
