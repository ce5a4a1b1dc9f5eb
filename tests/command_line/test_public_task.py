"""What one of the 17 tasks needs: models, weights, files."""
import os

import pytest
from leopard_layout import fixture_environment, fixture_leopard  # noqa: F401

from command_line import public_task, recipes
from data import tasks
from fetch import catalogue, shipped
from fetch import minilm as fetch_minilm
from runtime.errors import UserError

TASK = tasks.TASKS["sentiment_electronics"]


@pytest.fixture(autouse=True)
def minilm(monkeypatch):
    monkeypatch.setattr(fetch_minilm, "ensure_minilm", lambda: "/minilm")
    monkeypatch.setattr(shipped, "ensure_whole", lambda model, encoder: "/whole of %s and %s" % (model, encoder))


@pytest.mark.parametrize(
    "environment, expected",
    [
        ({}, ("hybrid-smlmt", "bert")),
        ({"ENCODER": "minilm"}, ("minilm-smlmt", "minilm")),
        ({"ENCODER": "", "MODEL": "proto"}, ("proto", "bert")),
        ({"ENCODER": "minilm", "MODEL": "minilm"}, ("minilm", "minilm")),
        ({"MODEL": "minilm"}, ("minilm", "minilm")),
    ],
)
def test_choice_of_a_model(environment, expected):
    assert public_task.choose_model(environment) == expected


@pytest.mark.parametrize(
    "environment, words",
    [
        ({"ENCODER": "gpt"}, "ENCODER=gpt: use bert or minilm"),
        ({"ENCODER": "minilm", "MODEL": "leopard"}, "MODEL=leopard: is for ENCODER=bert; .* one of minilm-smlmt"),
        ({"ENCODER": "bert", "MODEL": "minilm"}, "MODEL=minilm: is for ENCODER=minilm; with ENCODER=bert use"),
        ({"MODEL": "nonsense"}, "MODEL=nonsense: use one of hybrid.*, minilm-smlmt, "),
    ],
)
def test_models_that_are_not_there(environment, words):
    with pytest.raises(UserError, match=words):
        public_task.choose_model(environment)


@pytest.mark.parametrize("model", sorted(recipes.MODELS))
def test_weights_of_each_model(model, monkeypatch):
    """Those that are not meta-trained start from the encoder, others from an export."""
    monkeypatch.setattr(catalogue, "ensure_model", lambda name: "/released/" + name)
    recipe = recipes.MODELS[model]
    encoder = recipe.encoder or "bert"
    folder = {"bert": "/bert", "minilm": "/minilm"}[encoder]
    environment = {"BERT_DIR": "/bert"}
    if recipe.meta_trained and not recipe.shipped and not recipe.released:
        with pytest.raises(UserError, match="was never released: meta-train it, and name its export by MODEL_DIR"):
            public_task.encoder_flags(model, encoder, environment)
        environment["MODEL_DIR"] = "/mine"
    flags = public_task.encoder_flags(model, encoder, environment)
    assert flags.pop("vocab_file") == os.path.join(folder, "vocab.txt")
    assert flags.pop("do_lower_case", False) == (encoder == "minilm")
    if not recipe.meta_trained:
        assert flags.pop("init_checkpoint") == os.path.join(folder, "bert_model.ckpt")
    else:
        export = "/released/%s" % recipe.released if recipe.released else "/mine"
        if recipe.shipped:
            export = "/whole of %s and /minilm" % recipe.shipped
        assert flags.pop("warm_start_model_dir") == export
        assert flags.pop("bert_config_file") == os.path.join(folder, "bert_config.json")
    assert flags == {}


def test_model_dir_comes_before_what_is_shipped_or_released():
    environment = {"BERT_DIR": "/bert", "MODEL_DIR": "/mine"}
    for model, encoder in (("hybrid-smlmt", "bert"), ("minilm-smlmt", "minilm")):
        assert public_task.encoder_flags(model, encoder, environment)["warm_start_model_dir"] == "/mine"


def test_nothing_is_fetched_for_a_model_that_is_not_there(monkeypatch):
    monkeypatch.setattr(public_task.catalogue, "ensure_bert", lambda: pytest.fail("fetched"))
    with pytest.raises(UserError, match="MODEL_DIR: /nowhere/model is no folder"):
        public_task.encoder_flags("hybrid-smlmt", "bert", {"MODEL_DIR": "/nowhere/model"})


def test_files(leopard, tmp_path):
    environment = {"LEOPARD_DIR": str(leopard)}
    records = TASK.record_file(leopard, "train", 0, 4), TASK.record_file(leopard, "eval")
    text = TASK.json_file(leopard, "train", 0, 4), TASK.json_file(leopard, "eval")
    assert public_task.data_files(TASK, 0, 4, "bert", environment) == records
    os.remove(records[0])
    assert public_task.data_files(TASK, 0, 4, "bert", environment) == (text[0], records[1])
    with pytest.raises(UserError, match="split 1, k=4"):
        public_task.data_files(TASK, 1, 4, "bert", environment)
    with pytest.raises(UserError, match="LEOPARD_DIR: .*none is not a directory"):
        public_task.data_files(TASK, 0, 4, "bert", {"LEOPARD_DIR": str(tmp_path / "none")})


def test_known_defects_are_told(leopard, capsys):
    public_task.note_defect(TASK.record_file(leopard, "eval"))
    assert capsys.readouterr().err == ""
    public_task.note_defect(TASK.json_file(leopard, "eval"))
    assert "note: " in capsys.readouterr().err


def test_flags_of_a_split():
    weights = {"vocab_file": "vocab.txt", "do_lower_case": True}
    flags = public_task.split_flags(TASK, 4, "leopard", ("train.json", "eval.json"), weights)
    expected = dict(recipes.preset_flags("leopard"), **recipes.schedule_flags("leopard", 4, 2))
    expected.update(weights, task_name=TASK.name, task_eval_files="train.json,eval.json")
    assert flags == expected
