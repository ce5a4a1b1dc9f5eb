"""An encoder of the user's own: which model it is fine-tuned as, and with which flags."""
import json
import os

import pytest
import tiny

from command_line import own_encoder, presets, public_task, recipes
from learner import configs
from runtime.errors import UserError
from runtime.paths import PRESETS

SMALL = dict(tiny.TEXT_SIZES, hidden_size=384, num_hidden_layers=6, max_position_embeddings=512)
CASED = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "The"] + ["word" + chr(97 + number) for number in range(20)]


def converted(folder, vocab=CASED, **sizes):
    """A folder as scripts/convert_checkpoint.py leaves it, but for the weights."""
    folder.mkdir()
    (folder / "bert_config.json").write_text(json.dumps(dict(SMALL, **sizes)))
    (folder / "vocab.txt").write_text("\n".join(vocab) + "\n")
    (folder / "bert_model.ckpt.index").write_text("")
    return str(folder)


def exported(folder, preset="minilm_metatrain", kind=configs.LearnerConfig, **sizes):
    """The folder of a run of meta-training whose model says what it is."""
    folder.mkdir()
    model = converted(folder / "model", **sizes)
    settings = configs.from_flags(kind, presets.read(os.path.join(PRESETS, preset + ".flags")))
    (folder / "model" / "export.json").write_text(json.dumps(configs.described(settings)))
    return model


def picked(environment):
    """(model, flags beside those of its preset)"""
    model, encoder = public_task.choose_for_texts(environment)
    assert encoder == own_encoder.NAME and public_task.choose_model(environment) == (model, encoder)
    return model, public_task.encoder_flags(model, encoder, environment)


@pytest.mark.parametrize("model", ["minilm-heads", "minilm", "bert-minilm"])
def test_an_encoder_of_the_small_ones_sizes_is_used_as_the_small_one(model, tmp_path):
    folder = converted(tmp_path / "mine", [word.lower() if word == "The" else word for word in CASED])
    found_model, flags = picked({"ENCODER_DIR": folder, "MODEL": model if model != "minilm-heads" else None})
    assert found_model == model
    assert flags.pop("init_checkpoint") == os.path.join(folder, "bert_model.ckpt")
    for name in ("bert_config.json", "vocab.txt"):
        assert flags.pop(name.split(".")[0].replace("vocab", "vocab_file").replace("config", "config_file")) == (
            os.path.join(folder, name)
        )
    preset = recipes.preset_flags(model)
    assert {name: preset[name] for name in flags} == flags  # do_lower_case among them


def test_other_sizes(tmp_path):
    base = converted(tmp_path / "base", num_hidden_layers=12, hidden_size=768, max_position_embeddings=100)
    _, flags = picked({"ENCODER_DIR": base})
    assert (flags["feature_layers"], flags["label_emb_size"]) == ("8:0.74,12:0.64", 1536)
    assert (flags["min_layer_with_grad"], flags["max_seq_length"], flags["do_lower_case"]) == (12, 100, False)
    _, flags = picked({"ENCODER_DIR": converted(tmp_path / "flat", num_hidden_layers=1)})
    assert (flags["feature_layers"], flags["label_emb_size"]) == ("1:0.64", 384)


@pytest.mark.parametrize("preset, kind, model", [
    ("minilm_metatrain", configs.LearnerConfig, "minilm-smlmt"),
    ("hybrid_smlmt_metatrain", configs.LearnerConfig, "hybrid-smlmt"),
    ("leopard_metatrain", configs.LearnerConfig, "leopard"),
    ("proto_metatrain", configs.LearnerConfig, "proto"),
    ("mtbert_train", configs.SoftmaxConfig, "mtbert"),
])
def test_an_export_is_fine_tuned_as_it_was_trained(preset, kind, model, tmp_path):
    folder = exported(tmp_path / "meta", preset, kind)
    for named in (folder, str(tmp_path / "meta")):
        found, flags = picked({"MODEL_DIR": named})
        assert found == model and flags["warm_start_model_dir"] == folder and "init_checkpoint" not in flags
        fine_tuning = recipes.preset_flags(model)
        settings = [configs.from_flags(kind, dict(fine_tuning, **more)) for more in ({}, flags)]
        assert settings[0] == settings[1]  # nothing else than the published presets
    assert picked({"MODEL_DIR": folder, "MODEL": "smlmt"})[0] == "smlmt"


def test_an_export_of_other_heads(tmp_path):
    folder = exported(tmp_path / "meta", num_hidden_layers=4)
    path = tmp_path / "meta" / "model" / "export.json"
    settings = json.loads(path.read_text())
    settings["learner"].pop("feature_layers")  # left out where it is empty
    path.write_text(json.dumps(dict(settings, learner=dict(settings["learner"], label_emb_size=384))))
    _, flags = picked({"MODEL_DIR": folder})
    assert (flags["feature_layers"], flags["label_emb_size"]) == ("", 384)


def test_the_encoder_beside_an_export_that_says_nothing(tmp_path):
    encoder = converted(tmp_path / "mine")
    (tmp_path / "meta").mkdir()
    places = {"ENCODER_DIR": encoder, "MODEL_DIR": str(tmp_path / "meta")}
    model, flags = picked(dict(places, MODEL="minilm-smlmt"))
    assert flags["vocab_file"] == os.path.join(encoder, "vocab.txt")
    assert flags["warm_start_model_dir"] == places["MODEL_DIR"] and "label_emb_size" not in flags
    with pytest.raises(UserError, match="MODEL_DIR: .*does not say how .*no export.json.* by MODEL"):
        public_task.choose_for_texts(places)


@pytest.mark.parametrize("more", [{"ENCODER": "minilm"}, {"BERT_DIR": "bert"}])
def test_an_export_with_another_encoder_named_is_used_as_before(more, tmp_path):
    folder = exported(tmp_path / "meta")
    assert public_task.choose_for_texts(dict(more, MODEL_DIR=folder))[1] == more.get("ENCODER", "bert")
    with pytest.raises(UserError, match="ENCODER_DIR and %s exclude each other" % list(more)[0]):
        public_task.choose_for_texts(dict(more, ENCODER_DIR=folder))


def test_models_that_do_not_fit(tmp_path):
    encoder = converted(tmp_path / "mine")
    for model, words in (
        ("minilm-smlmt", "is meta-trained: name its export by MODEL_DIR, or use one of bert, minilm-heads"),
        ("nonsense", "MODEL=nonsense: use one of bert, minilm-heads"),
    ):
        with pytest.raises(UserError, match=words):
            public_task.choose_for_texts({"ENCODER_DIR": encoder, "MODEL": model})


# --- wrong and damaged folders ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["bert_config.json", "vocab.txt", "bert_model.ckpt.index"])
def test_a_half_copied_encoder(name, tmp_path):
    folder = converted(tmp_path / "mine")
    os.remove(os.path.join(folder, name))
    with pytest.raises(UserError, match="ENCODER_DIR: there is no %s in .*convert_checkpoint.py made" % name):
        picked({"ENCODER_DIR": folder})


def test_a_folder_of_hugging_face(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="convert the Hugging Face folder .*--input=%s" % tmp_path):
        picked({"ENCODER_DIR": str(tmp_path)})
    with pytest.raises(UserError, match="ENCODER_DIR: there is no vocab.txt in nowhere"):
        picked({"ENCODER_DIR": "nowhere"})


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"hidden_size": "384"}'])
def test_a_config_that_is_none(content, tmp_path):
    folder = converted(tmp_path / "mine")
    (tmp_path / "mine" / "bert_config.json").write_text(content)
    with pytest.raises(UserError, match="ENCODER_DIR: .*bert_config.json is no BERT config"):
        picked({"ENCODER_DIR": folder})


def test_an_export_without_its_vocabulary(tmp_path):
    folder = exported(tmp_path / "meta")
    os.remove(os.path.join(folder, "vocab.txt"))
    with pytest.raises(UserError, match="MODEL_DIR: there is no vocab.txt in .*by ENCODER_DIR"):
        picked({"MODEL_DIR": folder})
    beside = converted(tmp_path / "mine")
    flags = picked({"MODEL_DIR": folder, "ENCODER_DIR": beside})[1]
    assert flags["vocab_file"] == os.path.join(beside, "vocab.txt")
    assert flags["warm_start_model_dir"] == folder


@pytest.mark.parametrize("name, value", [("label_emb_size", "768"), ("feature_norm", None), ("rate_sets", 1.5)])
def test_an_export_that_was_changed_by_hand(name, value, tmp_path):
    folder = exported(tmp_path / "meta")
    path = tmp_path / "meta" / "model" / "export.json"
    told = json.loads(path.read_text())
    told["learner"][name] = value
    path.write_text(json.dumps(told))
    with pytest.raises(UserError, match="MODEL_DIR: .*export.json is damaged"):
        picked({"MODEL_DIR": folder})
