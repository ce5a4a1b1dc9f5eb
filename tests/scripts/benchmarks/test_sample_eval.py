"""Copies of LEOPARD tasks with fewer evaluation rows."""

import json
import os
import sys

import pytest
import sample_eval


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    """The folder of a task of 30 evaluation rows and one split, below tmp_path/in."""
    folder = tmp_path / "in" / "data" / "json" / "scitail"
    folder.mkdir(parents=True)
    rows = [{"sentence1": str(i), "sentence2": "b", "label": "neutral"} for i in range(30)]
    (folder / "scitail_eval.json").write_text(json.dumps(rows))
    (folder / "scitail_train_0_4.json").write_text("[]")
    return folder


@pytest.fixture(name="run")
def fixture_run(tmp_path, monkeypatch):
    """Runs the program with flags that can be changed; returns the exit code."""

    def run(**changes):
        flags = dict(leopard_dir=tmp_path / "in", output_dir=tmp_path / "out", tasks="scitail", rows=8)
        flags.update(changes)
        monkeypatch.setattr(sys, "argv", ["sample_eval.py"] + ["--%s=%s" % item for item in flags.items()])
        return sample_eval.main()

    return run


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize("changes, words", [
    (dict(rows=0), "--rows=0: from 1"),
    (dict(rows=-3), "--rows=-3: from 1"),
    (dict(seed=-1), "--seed=-1: from 0"),
    (dict(tasks="scitail,skitail"), "Unknown task 'skitail'"),
    (dict(tasks="airline"), "airline_eval.json: no such file"),
])
def test_flags_that_make_no_sense(tmp_path, folder, run, capsys, changes, words):
    assert run(**changes) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line and not (tmp_path / "out").exists()


@pytest.mark.parametrize("content, words", [
    ('[{"sentence1": "cut', "cannot be read"), ('{"a": 1}', "no JSON list"), ("", "cannot be read"),
])
def test_files_that_are_no_rows(tmp_path, folder, run, capsys, content, words):
    (folder / "scitail_eval.json").write_text(content)
    assert run() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "scitail_eval.json" in line and words in line and not (tmp_path / "out").exists()


def test_places_that_cannot_take_the_copy(tmp_path, folder, run, capsys):
    before = contents(folder)
    assert run(output_dir=tmp_path / "in") == 2
    assert "--output_dir" in capsys.readouterr().err and contents(folder) == before
    (tmp_path / "file").write_text("")
    assert run(output_dir=tmp_path / "file" / "below") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: --output_dir: ") and "cannot be written (Not a directory)" in line


def test_rows_stay_in_order_and_training_files_as_they_are(tmp_path, folder, run, capsys):
    assert not run() and capsys.readouterr().out == "scitail: 8 of 30 evaluation rows\n"
    out = tmp_path / "out" / "data" / "json" / "scitail"
    assert sorted(os.listdir(str(out))) == ["scitail_eval.json", "scitail_train_0_4.json"]
    kept = [int(row["sentence1"]) for row in json.loads((out / "scitail_eval.json").read_text())]
    assert len(set(kept)) == 8 and kept == sorted(kept)
