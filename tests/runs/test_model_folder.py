"""The folder of a fine-tuned model."""
import json
import os

import pytest
import tiny

from command_line.settings import TextSettings
from learner.configs import FinetuneConfig, SoftmaxConfig
from runs import model_folder
from runtime.errors import UserError
from runtime.paths import ROOT

LABELS = ("up", "größer")


@pytest.fixture
def stored(tmp_path):
    return tiny.write(tmp_path, LABELS)


@pytest.mark.parametrize("classifier", [tiny.LEARNER, SoftmaxConfig(fix_bert=True)])
def test_what_is_described_is_loaded(classifier, stored, tmp_path):
    text = TextSettings(True, 9)
    content = model_folder.description(stored.bert_config, classifier, FinetuneConfig(seed=4), LABELS, text)
    model_folder.add_settings(str(tmp_path), dict(content, pair=True, label_kind="U"), "")
    found = model_folder.load(str(tmp_path))
    assert (found.bert_config, found.config, found.labels) == (stored.bert_config, classifier, LABELS)
    assert (found.text, found.finetuning["seed"], found.pair, found.label_kind) == (text, 4, True, "U")
    again = model_folder.description(found.bert_config, found.config, found.finetuning, found.labels, found.text)
    assert again == content


def test_a_temperature_is_kept_where_there_is_one(stored, tmp_path):
    assert stored.temperature == 1.0 and model_folder.temperature(1.0) == {}
    content = json.loads((tmp_path / "model.json").read_text())
    for value, fits in ((0.37, True), (-1.0, False), (0.0, False), ("1", False)):
        model_folder.add_settings(str(tmp_path), dict(content, **model_folder.temperature(value)), "")
        if fits:
            assert model_folder.load(str(tmp_path)).temperature == value
        else:
            with pytest.raises(UserError, match="model.json is damaged .*temperature"):
                model_folder.load(str(tmp_path))


def test_models_of_earlier_versions_do_not_tell_everything(stored):
    assert (stored.pair, stored.label_kind, stored.finetuning) == (None, "U", {})


def test_vocabulary(stored, tmp_path):
    assert stored.vocab_file == str(tmp_path / "vocab.txt")
    os.remove(stored.vocab_file)
    assert stored.vocab_file is None


def test_no_model(tmp_path):
    with pytest.raises(UserError, match="--model_dir: no fine-tuned model in .* .model.json is missing"):
        model_folder.load(str(tmp_path))
    with pytest.raises(UserError, match="^here: no"):
        model_folder.load(str(tmp_path), "here")


@pytest.mark.parametrize("key, value", [("learner", None), ("labels", 3), ("text", {"max_seq_length": 9, "case": 1})])
def test_damaged_settings(key, value, stored, tmp_path):
    content = json.loads((tmp_path / "model.json").read_text())
    content[key] = value
    if value is None:
        del content[key]
    (tmp_path / "model.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="--model_dir: .*model.json is damaged"):
        model_folder.load(str(tmp_path))


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_model_takes_the_place_of_another_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "new" / "model"
    for number in "12":
        with model_folder.replacing(str(folder), "save") as work:
            with open(os.path.join(work, number), "w"):
                pass
            assert os.path.isdir(str(folder)) == (number == "2")
        assert sorted(os.listdir(str(folder))) == [".made.json", number]
        assert os.listdir(str(tmp_path / "new")) == ["model"]
    with pytest.raises(KeyboardInterrupt):
        with model_folder.replacing(str(folder), "save") as work:
            raise KeyboardInterrupt
    assert sorted(os.listdir(str(folder))) == [".made.json", "2"] and os.listdir(str(tmp_path / "new")) == ["model"]


def test_a_model_of_an_earlier_version_is_replaced_and_a_users_files_stay(stored, tmp_path):
    (tmp_path / "notes").write_text("mine")
    (tmp_path / "data").mkdir()
    with model_folder.replacing(str(tmp_path), "save") as work:
        with open(os.path.join(work, "model.json"), "w") as file:
            file.write("new")
    assert sorted(os.listdir(str(tmp_path))) == [".made.json", "data", "model.json", "notes"]


@pytest.mark.parametrize("content", [
    {"class_name": "Sequential"}, [], {"bert_config": {}, "labels": ["a"]},
    {"learner": {}, "labels": ["a"], "text": {}},
    {"bert_config": {}, "learner": {}, "labels": "ud", "text": {}},
])
def test_another_programs_folder_is_not_a_models(content, tmp_path):
    (tmp_path / "model.json").write_text(json.dumps(content))
    (tmp_path / "vocab.txt").write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(UserError, match="^save: .* is there, and holds no model that could be replaced"):
        with model_folder.replacing(str(tmp_path), "save"):
            pass
    assert contents(tmp_path) == before


def test_places_of_the_machine_that_made_it_stay_there(tmp_path):
    starts = {"init_checkpoint": "/home/me/bert/model.ckpt", "warm_start_model_dir": os.path.join(ROOT, "data", "m")}
    content = {"finetuning": dict(starts, seed=3), "labels": ["a"]}
    model_folder.add_settings(str(tmp_path), content, "")
    told = json.loads((tmp_path / "model.json").read_text())
    expected = {"init_checkpoint": "model.ckpt", "warm_start_model_dir": os.path.join("data", "m"), "seed": 3}
    assert told == {"finetuning": expected, "labels": ["a"]} and content["finetuning"]["seed"] == 3
    for finetuning in ({"init_checkpoint": "bert/model.ckpt", "warm_start_model_dir": None}, {}):
        model_folder.add_settings(str(tmp_path), {"finetuning": finetuning}, "")
        assert json.loads((tmp_path / "model.json").read_text()) == {"finetuning": finetuning}
