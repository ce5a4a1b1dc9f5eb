"""Labelled sets of topics from Debian packages: what is taken from each source's layout."""
import json

import make_topics
import pytest

WORDNET = "  1 a line of the licence  \n" + "".join(
    "00000010 %02d n 01 word 0 000 | %s  \n" % sense
    for sense in [
        (5, 'any of various wild cats; "a cat"; "two"'), (13, "too short here"), (38, "move on foot at speed"),
        (43, "fall as small pieces of ice"), (3, "something that is known to be"),
    ]
)
ENTRY = "Package: %s\nDescription-md5: 0\nDescription-en: %s\n%s\n"
LONG = " Plays a %s that has more\n words than a short line.\n .\n Another paragraph.\n"
DESCRIPTIONS = "".join(
    ENTRY % entry
    for entry in [
        ("chess", "a game", LONG % "board game"), ("chess-data", "data files of a game", LONG % "second game"),
        ("twin", "the same", LONG % "board game"), ("libchess", "a library", LONG % "library"),
        ("short", "Sends letters", " All of them.\n"), ("unknown", "nowhere", LONG % "riddle"),
        ("empty", "nothing", ""),
    ]
)
INDEX = "".join(
    "Package: %s\nVersion: 1\nSection: %s\nDescription: a\n\n" % item
    for item in [
        ("chess", "games"), ("chess-data", "games"), ("twin", "games"), ("libchess", "libs"), ("short", "mail"),
        ("empty", "mail"),
    ]
)


def test_definitions_by_the_file_they_stand_in():
    assert list(make_topics.definitions(WORDNET)) == [
        ("animal", "any of various wild cats"), ("vmotion", "move on foot at speed"),
        ("vweather", "fall as small pieces of ice"), ("Tops", "something that is known to be"),
    ]


def test_descriptions_of_software_by_section():
    assert list(make_topics.descriptions(DESCRIPTIONS, INDEX)) == [
        ("games", "Plays a board game that has more words than a short line."), ("mail", "Sends letters. All of them."),
    ]


def test_sayings_without_authors():
    text = "Too short.\n%\nA saying that\nis long enough.\n\t\t-- Someone\n%\n" + "long " * 101
    assert list(make_topics.sayings("love", text)) == [("love", "A saying that is long enough.")]


def test_topics_of_enough_rows_and_as_many_of_each_at_most():
    rows = [("large", "text %d" % row) for row in range(100)] + [("small", "text %d" % row) for row in range(59)]
    rows += [("repeated", "text %d" % (row % 10)) for row in range(100)]
    found = make_topics.chosen(rows, 70)
    assert len(found) == len(set(found)) == 70 and {topic for topic, _ in found} == {"large"}
    assert found == make_topics.chosen(rows[::-1], 70) and found != sorted(found)


@pytest.fixture(name="run")
def fixture_run(tmp_path, monkeypatch):
    """Runs the program on a folder of packages that holds WordNet, many times over; returns the exit code."""

    def unpack(folder, target):
        data = make_topics.os.path.join(target, "usr/share/wordnet")
        make_topics.os.makedirs(data)
        lines = ["00000010 05 n 01 word 0 000 | an animal that has the number %d" % number for number in range(80)]
        with open(data + "/data.noun", "w") as file:
            file.write("\n".join(lines))

    monkeypatch.setattr(make_topics.make_corpus, "unpack", unpack)

    def run(**changes):
        flags = dict(packages=tmp_path, output_dir=tmp_path / "out", rows=70)
        flags.update(changes)
        return make_topics.main(["--%s=%s" % item for item in flags.items()])

    return run


def test_files(tmp_path, run, capsys):
    assert run() == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["wordnet.jsonl"]  # no rows, no file
    rows = [json.loads(line) for line in (tmp_path / "out" / "wordnet.jsonl").read_text().splitlines()]
    assert len(rows) == 70 and {row["label"] for row in rows} == {"animal"}
    assert "wordnet        70 rows,   1 topics" in capsys.readouterr().out


@pytest.mark.parametrize("changes, words", [
    (dict(descriptions="a"), "--descriptions and --index belong together"),
    (dict(descriptions="missing", index="missing"), "--descriptions: there is no file missing"),
    (dict(output_dir="file/below"), "--output_dir: cannot write to "),
])
def test_mistakes_end_in_a_line(tmp_path, run, capsys, changes, words):
    (tmp_path / "file").write_text("")
    if "output_dir" in changes:
        changes = dict(output_dir=tmp_path / changes["output_dir"])
    assert run(**changes) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: " + words)
