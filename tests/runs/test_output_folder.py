"""Output folders: those that can be written, and those that cannot; whose files are in them."""
import json
import os

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


def test_no_name():
    with pytest.raises(UserError, match="--output_dir is empty: name a folder"):
        output_folder.check("")


def test_making_twice(tmp_path):
    for _ in range(2):
        output_folder.make(str(tmp_path / "new" / "below"))
    assert (tmp_path / "new" / "below").is_dir()


def put(folder, name, content):
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.mark.parametrize("results", [{"run_id": "a", "metrics": None}, {"error": "no memory", "split": 0}])
def test_files_of_earlier_versions(results, tmp_path):
    put(tmp_path, "results.json", results)
    assert output_folder.made_earlier(str(tmp_path)) == ["results.json"]
    put(tmp_path, "predictions.tsv", "")
    put(tmp_path, "predictions_new.tsv", "")
    assert output_folder.made_earlier(str(tmp_path)) == ["results.json", "predictions.tsv"]


@pytest.mark.parametrize("results", ["", "{", [], {}, {"run_id": "a"}, {"error": "theirs"}])
def test_files_of_others(results, tmp_path):
    put(tmp_path, "results.json", results)
    put(tmp_path, "predictions.tsv", "")
    assert output_folder.made_earlier(str(tmp_path)) == []


def test_one_making_after_the_other(tmp_path):
    folder = str(tmp_path / "run")
    for names in (["results.json", "predictions.tsv"], ["results.json"]):
        with output_folder.making(folder, names) as work:
            for name in names:
                with open(os.path.join(work, name), "w") as file:
                    file.write(str(len(names)))
        assert sorted(os.listdir(folder)) == [".made.json"] + sorted(names)
    with output_folder.making(folder, ()):
        pass
    assert os.listdir(folder) == [] and os.listdir(str(tmp_path)) == ["run"]
