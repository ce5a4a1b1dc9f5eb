"""Output folders: those that can be written, and those that cannot; whose files are in them."""
import os

import kills
import pytest

from runs import output_folder
from runtime.errors import UserError


def test_a_folder_that_can_be_made_is_not_made(tmp_path):
    for folder in (tmp_path, tmp_path / "new" / "below"):
        output_folder.check(str(folder))
    assert os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize("below", ["", "below"])
def test_a_file_in_its_place(below, tmp_path):
    (tmp_path / "file").write_text("mine")
    folder = os.path.join(str(tmp_path / "file"), below) if below else str(tmp_path / "file")
    for call in (output_folder.check, output_folder.make):
        with pytest.raises(UserError, match="--output_dir: .*file"):
            call(folder)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_place_whose_name_is_not_utf8(tmp_path, monkeypatch):
    place = tmp_path / "caf\udce9"
    place.mkdir()
    monkeypatch.chdir(str(place))
    for folder in ("out", str(place / "out")):
        with pytest.raises(UserError, match="not UTF-8 cannot be written down: rename the file or folder"):
            output_folder.check(folder)
    output_folder.check(str(tmp_path / "out"))
    assert not list(place.iterdir())


def test_no_name():
    with pytest.raises(UserError, match="--output_dir is empty: name a folder"):
        output_folder.check("")


def test_making_twice(tmp_path):
    for _ in range(2):
        output_folder.make(str(tmp_path / "new" / "below"))
    assert (tmp_path / "new" / "below").is_dir()


def test_one_making_after_the_other(tmp_path):
    folder = str(tmp_path / "run")
    for names in (["results.json", "predictions.tsv"], ["results.json"], []):
        with output_folder.replacing(folder) as work:
            for name in names:
                with open(os.path.join(work, name), "w") as file:
                    file.write(str(len(names)))
        assert sorted(os.listdir(folder)) == [".made.json"] * bool(names) + sorted(names)
    assert os.listdir(str(tmp_path)) == ["run"]


OLD = {"results.json": '{"run_id": "old"}', "predictions.tsv": "row\tprediction\tp(a)\n",
       "model/model.ckpt.index": "old",
       "model/model.json": '{"bert_config": {}, "learner": {}, "text": {}, "labels": ["a"]}'}
NEW = {"results.json": '{"run_id": "new"}', "model/model.json": "new", "model/vocab.txt": "new"}
MINE = {"out/notes": "mine", "out/model/notes": "mine", "out/model.old/a": "mine", "out/.unfinished-mine/a": "mine"}


def put(folder, files):
    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)


def replace(folder):
    with output_folder.replacing(os.path.join(folder, "out")) as work:
        put(work, NEW)


def found(folder):
    output_folder.check(os.path.join(folder, "out"))
    paths = {name: os.path.join(folder, "out", name) for name in dict(OLD, **NEW)}
    return {name: open(path).read() for name, path in paths.items() if os.path.exists(path)}


@pytest.mark.parametrize("before", [{}, OLD])
def test_a_run_that_is_killed_at_any_operation_leaves_one_run_whole(before, tmp_path, monkeypatch):
    """Over nothing, and over the run of a version that made no list of its files."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    foreign = {name: text for name, text in MINE.items() if before or not name.startswith("out/model/")}
    case = kills.Case("run", lambda folder: put(os.path.join(folder, "out"), before), replace, found, foreign)
    assert kills.kill_everywhere(case, str(tmp_path)) >= 30
