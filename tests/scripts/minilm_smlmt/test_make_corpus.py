"""The corpus from Debian packages: what is taken from each source's layout."""

import os
import sys

import make_corpus
import pytest

from runtime.errors import UserError

SENSE = "%s 00 a %s | %s  \n"
WORDNET = (
    "  1 a line of the licence  \n"
    + SENSE % ("00000010", "01 good 0 001 ! 00000020 a 0101", 'having worth; "a good knife"; "good news"')
    + SENSE % ("00000020", "02 bad 0 big(p) 0 001 ! 00000010 a 0101", "having none")
    + SENSE % ("00000030", "01 Evil 0 002 ! 00000010 a 0101 & 00000020 a 0000", "worse")
    + SENSE % ("00000040", "01 plain 0 001 & 00000010 a 0000", "without antonym")
)


@pytest.mark.parametrize(
    "reader, text, expected",
    [
        (
            make_corpus.wordnet,
            WORDNET,
            ["having worth", "a good knife", "good news", "having none", "worse", "without antonym"],
        ),
        (make_corpus.gcide, "One {word}.\n[1913 Webster]\n\n  Two.", ["One word.\n", "  Two."]),
        (make_corpus.fortunes, "One\n%\nTwo 5% of\n", ["One\n", "\nTwo 5% of\n"]),
        (make_corpus.verses, "Ge1:1 In the beginning\n", ["In the beginning"]),
        (make_corpus.help_page, '<p>menu</p><p class="paragraph">A <b>bold</b> word.</p>', ["A bold word."]),
        (
            make_corpus.descriptions,
            "Package: a\nDescription-en: short\n One\n line.\n .\n Two.\n\nPackage: b\n",
            [" One\n line.\n", "\n Two.\n"],
        ),
    ],
)
def test_what_a_source_gives(reader, text, expected):
    assert list(reader(text)) == expected


def test_antonyms_share_a_cluster_with_the_antonyms_of_antonyms(tmp_path):
    folder = tmp_path / "usr" / "share" / "wordnet"
    folder.mkdir(parents=True)
    for part in ("adj", "adv", "noun", "verb"):
        (folder / ("data." + part)).write_text(WORDNET if part == "adj" else "")
    clusters = make_corpus.antonym_clusters(str(tmp_path))
    assert clusters == {"bad": 0, "evil": 0, "good": 0}


def test_antonyms_need_wordnet(tmp_path):
    with pytest.raises(UserError, match="--antonyms needs the package wordnet-base"):
        make_corpus.antonym_clusters(str(tmp_path))


@pytest.mark.parametrize("flag", ["output", "antonyms"])
@pytest.mark.parametrize("place", ["missing", "file"])
def test_folders_that_are_not_there(tmp_path, monkeypatch, capsys, flag, place):
    (tmp_path / "file").write_text("")
    flags = dict({"packages": tmp_path, "output": tmp_path / "c.txt"}, **{flag: tmp_path / place / "x.txt"})
    monkeypatch.setattr(sys, "argv", ["make_corpus.py"] + ["--%s=%s" % item for item in flags.items()])
    assert make_corpus.main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: --%s: " % flag) and line.endswith("%s." % (tmp_path / place))
    assert os.listdir(str(tmp_path)) == ["file"]


def test_a_folder_without_packages_is_an_error_and_leaves_nothing(tmp_path, monkeypatch, capsys):
    flags = ["--packages=%s" % tmp_path, "--output=%s" % (tmp_path / "c.txt")]
    monkeypatch.setattr(sys, "argv", ["make_corpus.py"] + flags)
    assert make_corpus.main() == 2
    assert "--packages" in capsys.readouterr().err and not os.listdir(str(tmp_path))
