"""What fine-tuning from Python starts from: names, folders, encoders of one's own, and what is refused."""
import json
import os

import numpy as np
import pytest
import tiny
from embedded_encoder import fixture_embedded, fixture_encoder  # noqa: F401

from command_line import presets, recipes
from fetch import shipped
from learner import configs
from runtime import checkpoints
from runtime.errors import UserError
from runtime.paths import PRESETS
from smlmt import starts
from smlmt.few_shot_classifier import FewShotClassifier

TEXTS, LABELS = ["good film", "good plot", "bad film", "bad plot"], ["up", "up", "down", "down"]
SMALL = dict(max_seq_length=12, epochs=2, progress=False)


def test_names(encoder):
    default = starts.find()
    assert default.recipe == "minilm-smlmt" == starts.find(model="minilm-smlmt").recipe
    assert os.path.dirname(default.run.warm_start_model_dir) == os.path.dirname(encoder)
    for name in ("minilm-heads", "minilm", "bert-minilm"):
        found = starts.find(model=name)
        assert found.recipe == name and found.run.init_checkpoint == os.path.join(encoder, shipped.CHECKPOINT)
    assert isinstance(found.config, configs.SoftmaxConfig)


def test_no_room_for_texts_names_the_parameter(encoder):
    with pytest.raises(UserError, match="^max_seq_length=2 leaves no room for text"):
        FewShotClassifier(max_seq_length=2, progress=False).fit(TEXTS, LABELS)


def test_an_encoder_of_ones_own_is_used_as_the_small_one(encoder):
    mine, embedded = starts.find(encoder=encoder), starts.find(model="minilm-heads")
    assert (mine.config, mine.run, mine.recipe) == (embedded.config, embedded.run, embedded.recipe)
    found = [FewShotClassifier(**more, **SMALL).fit(TEXTS, LABELS).predict_proba(TEXTS)
             for more in (dict(encoder=encoder), dict(model="minilm-heads"))]
    np.testing.assert_array_equal(*found)
    assert starts.find(encoder=encoder, model="minilm").recipe == "minilm"


def test_a_meta_trained_model_in_a_folder(encoder, tmp_path):
    whole = os.path.join(os.path.dirname(encoder), os.path.basename(recipes.MODELS[tiny.EMBEDDED].shipped))
    weights = checkpoints.read(checkpoints.exported_variables(whole), "")
    learner = configs.from_flags(
        configs.LearnerConfig, presets.read(os.path.join(PRESETS, "minilm_metatrain.flags"))
    )
    told = tmp_path / "export.json"
    told.write_text(json.dumps(configs.described(learner)))
    checkpoints.export(weights, str(tmp_path / "mine"), checkpoints.described_by(encoder) + [str(told)])
    mine, embedded = starts.find(model=str(tmp_path / "mine")), starts.find()
    assert (mine.config, mine.recipe) == (embedded.config, embedded.recipe)
    found = [FewShotClassifier(model=model, **SMALL).fit(TEXTS, LABELS).predict_proba(TEXTS)
             for model in (tmp_path / "mine", None)]
    np.testing.assert_array_equal(*found)


def test_a_fine_tuned_model_in_a_folder(tmp_path):
    FewShotClassifier(**SMALL).fit(TEXTS, LABELS).save(str(tmp_path / "run" / "model"))
    for folder in (tmp_path / "run", tmp_path / "run" / "model"):
        found = starts.find(model=folder)
        assert found.run.warm_start_model_dir == str(tmp_path / "run" / "model")
        assert found.config == starts.find(model_dir=str(tmp_path / "run" / "model")).config
    with pytest.raises(ValueError, match="has an encoder of its own"):
        starts.find(model=tmp_path / "run", encoder="mine")


@pytest.mark.parametrize("parameters, kind, words", [
    (dict(model="minilm-large"), ValueError, "model='minilm-large': a folder, or one of hybrid, .*minilm-smlmt"),
    (dict(model=3), ValueError, "model=3: the path"),
    (dict(encoder=["a"]), ValueError, r"encoder=\['a'\]: the path"),
    (dict(model="minilm", model_dir="mine"), ValueError, "model_dir and model exclude each other"),
    (dict(encoder="mine", model_dir="mine"), ValueError, "model_dir and encoder exclude each other"),
    (dict(encoder="nowhere"), UserError, "^encoder: there is no vocab.txt in nowhere"),
    (dict(encoder="mine", model="minilm-smlmt"), UserError, "is meta-trained: name its export by model"),
    (dict(model="."), UserError, r"model: \. holds neither a fine-tuned model .*export.json"),
])
def test_what_is_refused(parameters, kind, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=words):
        FewShotClassifier(**parameters).fit(TEXTS, LABELS)
