"""Evaluations of a trained model as a function of settings: what is left, and rows and folders that are refused."""
import csv
import dataclasses
import json
import os
import shutil

import numpy as np
import pytest
import tiny

from command_line.settings import ScoreSettings
from data.text_lines import SPOOL
from runs import evaluation, model_folder
from runtime.errors import UserError
from runtime.files import file_sha256

ROWS = "text,label\ngood film,up\n\nbad film,down\nbad,up\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    tiny.write(folder, ["up", "down"])
    return str(folder)


def settings(model, path, content=ROWS, **changes):
    path.write_text(content)
    places = dict(model_dir=model, score_file=str(path), output_dir=str(path.parent / "out"))
    return ScoreSettings(**dict(places, batch_size=2, vocab_file=None, max_seq_length=None, **changes))


def test_what_is_left(model, tmp_path):
    asked = settings(model, tmp_path / "a.csv")
    for _ in range(2):  # the second in the place of the first
        found = evaluation.run(asked)
        assert found.paths == tuple(str(tmp_path / "out" / name) for name in ("evaluation_a.json", "evaluation_a.tsv"))
    assert sorted(os.listdir(asked.output_dir)) == [".made.json", "evaluation_a.json", "evaluation_a.tsv"]
    with open(found.paths[0]) as file:
        summary = json.load(file)
    assert summary["data"]["eval"] == {
        "path": asked.score_file, "sha256": file_sha256(asked.score_file), "examples": 3
    }
    assert summary["metrics"]["per_class"]["up"]["rows"] == 2 and np.sum(summary["metrics"]["confusion"]) == 3
    with open(found.paths[1], newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["label"] for row in rows] == ["up", "down", "up"]
    assert summary["metrics"]["accuracy"] == np.mean([row["label"] == row["prediction"] for row in rows])


def test_standard_input_is_called_so(model, tmp_path):
    folder = tmp_path / (SPOOL + "1")
    folder.mkdir()
    asked = dataclasses.replace(settings(model, folder / "stdin.csv"), output_dir=str(tmp_path / "out"))
    assert evaluation.run(asked).summary["data"]["eval"]["path"] == "standard input"
    single = changed(model, tmp_path / "model", pair=False)
    asked = settings(str(single), folder / "stdin.csv", "text,text2,label\ngood,film,up\n")
    with pytest.raises(UserError, match="^standard input: holds pairs"):
        evaluation.run(asked)


@pytest.mark.parametrize(
    "content, words",
    [
        ("text,label\ngood,up\nbad,flat\n", "a.csv: line 3 has the unknown label 'flat'; known: up, down"),
        ("text,label\ngood,UP\n", "unknown label 'UP'"),
        ("text,label\ngood,\n", "a.csv: line 2.*label is missing"),
        ("text,label\n,up\n", "a.csv: line 2.*text is empty"),
        ("text,label\n\n\n", "a.csv: holds no texts"),
        ("text\ngood\n", "a.csv: .*no column label"),
        ("text,text2,label\ngood,film,up\n", "a.csv: holds pairs of texts, but the model was fine-tuned on single"),
    ],
)
def test_rows_that_cannot_be_judged(content, words, model, tmp_path):
    mine = tmp_path / "model"
    shutil.copytree(model, str(mine))
    told = json.loads((mine / "model.json").read_text())
    (mine / "model.json").write_text(json.dumps(dict(told, pair=False)))
    with pytest.raises(UserError, match=words):
        evaluation.run(settings(str(mine), tmp_path / "a.csv", content))
    assert sorted(os.listdir(str(tmp_path))) == ["a.csv", "model"]


def test_a_file_of_the_users_in_the_way(model, tmp_path):
    asked = settings(model, tmp_path / "a.csv")
    os.mkdir(asked.output_dir)
    mine = tmp_path / "out" / "evaluation_a.tsv"
    mine.write_text("mine")
    with pytest.raises(UserError, match="--output_dir: .*evaluation_a.tsv is there"):
        evaluation.run(asked)
    assert mine.read_text() == "mine" and os.listdir(asked.output_dir) == ["evaluation_a.tsv"]


# --- folders that are no whole model ---------------------------------------------------------------------------------
def half_copied(folder):
    (folder / "model.ckpt.data-00000-of-00001").unlink()


def cut_short(folder):
    path = folder / "model.ckpt.data-00000-of-00001"
    path.write_bytes(path.read_bytes()[:-100])


def without_vocabulary(folder):
    (folder / "vocab.txt").unlink()


def of_another_model(folder):
    """Weights of three classes beside the settings of two."""
    other = folder.parent / "other"
    other.mkdir()
    tiny.write(other, ["a", "b", "c"])
    for name in ("model.ckpt.index", "model.ckpt.data-00000-of-00001"):
        shutil.copy(str(other / name), str(folder / name))


def of_a_strange_version(folder):
    told = json.loads((folder / "model.json").read_text())
    told["learner"]["a_new_kind_of_head"] = 3
    (folder / "model.json").write_text(json.dumps(told))


def empty(folder):
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize("harm, words", [
    (half_copied, "--model_dir: .*cannot be read"),
    (cut_short, "--model_dir: .*cannot be read"),
    (without_vocabulary, "vocab.txt"),
    (of_another_model, "--model_dir: .*has 1 variables of another shape: .*label_embedding"),
    (of_a_strange_version, "--model_dir: .*model.json is of a later version, or damaged .*a_new_kind_of_head"),
    (empty, "--model_dir: no fine-tuned model"),
])
def test_folders_that_are_no_whole_model(harm, words, model, tmp_path):
    mine = tmp_path / "model"
    shutil.copytree(model, str(mine))
    harm(mine)
    with pytest.raises(UserError, match=words) as error:
        evaluation.run(settings(str(mine), tmp_path / "a.csv"))
    assert "\n" not in str(error.value) and not (tmp_path / "out").exists()


def changed(model, folder, **more):
    """A copy of a model, whose model.json says more."""
    shutil.copytree(model, str(folder))
    told = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(dict(told, **more)))
    return folder


def test_settings_of_the_training_of_a_later_version_mean_nothing_here_and_are_passed_over(model, tmp_path):
    mine = changed(model, tmp_path / "model", finetuning={"new": 1})
    assert model_folder.load(str(mine)).finetuning == {"new": 1}
    assert evaluation.run(settings(str(mine), tmp_path / "a.csv")).rows.examples.size == 3
