"""scripts/make_splits.py: from labelled files to split files."""
import json
import os

import make_splits
import pytest

from command_line import public_task, recipes
from data import tasks, text


@pytest.fixture(name="given")
def fixture_given(tmp_path):
    """Flags that draw k=2 from a file with four texts of each label, one of them in the evaluation file."""
    rows = ["text,label"] + ["%s %d,%s" % (label, number, label) for number in range(4) for label in ("yes", "no")]
    (tmp_path / "all.csv").write_text("\n".join(rows))
    (tmp_path / "eval.csv").write_text("text,label\nYES 0,yes\n")
    return {"task": "mine", "input": tmp_path / "all.csv", "eval": tmp_path / "eval.csv", "k": 2, "splits": 3,
            "output_dir": tmp_path / "out"}


def run(capsys, given, **changes):
    """(exit code, lines of output, errors)."""
    flags = ["--%s=%s" % item for item in dict(given, **changes).items() if item[1] is not None]
    code = make_splits.main(flags)
    captured = capsys.readouterr()
    return code, captured.out.splitlines(), captured.err


def test_files(given, capsys):
    code, lines, _ = run(capsys, given, format="csv")
    assert code == 0 and lines[-1] == "left out: 1 rows of the evaluation file, 0 under several labels, 0 repeated"
    assert [os.path.basename(line) for line in lines[:-1]] == ["mine_train_%d_2.csv" % split for split in range(3)]
    for path in lines[:-1]:
        rows = text.read_text(path)
        assert sorted(row.label for row in rows) == ["no", "no", "yes", "yes"]
        assert "yes 0" not in {row.text_a for row in rows}


def test_without_an_evaluation_file_it_says_so(given, capsys):
    code, lines, _ = run(capsys, given, eval=None)
    assert code == 0 and "without --eval" in lines[-1]


def test_several_files(given, capsys, tmp_path):
    (tmp_path / "more.jsonl").write_text('{"text": "yes 9", "label": "yes"}\n{"text": "no 9", "label": "no"}\n')
    flags = ["--%s=%s" % item for item in dict(given, k=5, eval=None).items() if item[0] != "input" and item[1]]
    assert make_splits.main(flags + ["--input", str(given["input"]), str(tmp_path / "more.jsonl")]) == 0


def test_labels_of_a_registered_task(given, capsys, tmp_path):
    code, _, errors = run(capsys, given, task="airline")
    assert code == 2 and "all.csv: line 2 has the label 'yes'" in errors
    rows = [{"sentence1": "%s text" % label, "label": label} for label in ("positive", "negative", "neutral")]
    (tmp_path / "airline.json").write_text(json.dumps(rows))
    code, lines, _ = run(capsys, given, task="airline", input=tmp_path / "airline.json", k=1, splits=1)
    assert code == 0 and os.path.basename(lines[0]) == "airline_train_0_1.json"


def test_own_splits_are_found_by_their_task(given, tmp_path, capsys):
    """As JSON in the folder of the public data, whichever encoder is used."""
    task = tasks.get_task("airline")
    folder = os.path.dirname(task.json_file(tmp_path, "eval"))
    rows = [{"sentence1": "%s %d" % (label, number), "label": label} for label in task.labels for number in range(32)]
    (tmp_path / "all.json").write_text(json.dumps(rows))
    code, lines, _ = run(
        capsys, given, task="airline", input=tmp_path / "all.json", k=32, splits=1, output_dir=folder, eval=None
    )
    assert code == 0
    for path in (task.json_file(tmp_path, "eval"), task.record_file(tmp_path, "eval")):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w"):
            pass
    for encoder in recipes.ENCODERS:
        assert public_task.data_files(task, 0, 32, encoder, {"LEOPARD_DIR": str(tmp_path)})[0] == lines[0]


@pytest.mark.parametrize("changes, words", [
    (dict(k=4), "k=4, but fewer usable texts for: yes 3"),
    (dict(k=0), "--k=0"),
    (dict(splits=0), "--splits=0"),
    (dict(seed=-1), "--seed=-1"),
    (dict(task="../mine"), "--task=../mine"),
    (dict(input="/nowhere.csv"), "/nowhere.csv: no such file"),
])
def test_mistakes(given, capsys, changes, words):
    code, _, errors = run(capsys, given, **changes)
    assert code == 2 and words in errors and errors.count("\n") == 1
    assert not os.path.exists(str(given["output_dir"]))


def test_single_texts_and_pairs_do_not_mix(given, capsys, tmp_path):
    (tmp_path / "pairs.csv").write_text("text,text2,label\na,b,yes\n")
    flags = ["--%s=%s" % item for item in given.items() if item[0] != "input"]
    assert make_splits.main(flags + ["--input", str(given["input"]), str(tmp_path / "pairs.csv")]) == 2
    assert "others pairs" in capsys.readouterr().err


def test_wrong_use(capsys):
    assert make_splits.main(["--k=4"]) == 2
    assert capsys.readouterr().err
