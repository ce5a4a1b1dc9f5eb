"""The folder of a fine-tuned model."""
import json
import os

import pytest
import tiny

from command_line.settings import TextSettings
from learner.configs import FinetuneConfig, SoftmaxConfig
from runs import model_folder
from runtime.errors import UserError

LABELS = ("up", "größer")


@pytest.fixture
def stored(tmp_path):
    return tiny.write(tmp_path, LABELS)


@pytest.mark.parametrize("classifier", [tiny.LEARNER, SoftmaxConfig(fix_bert=True)])
def test_what_is_described_is_loaded(classifier, stored, tmp_path):
    text = TextSettings(True, 9)
    content = model_folder.description(stored.bert_config, classifier, FinetuneConfig(seed=4), LABELS, text)
    model_folder.describe(str(tmp_path), dict(content, pair=True, label_kind="i", more=1), "")
    found = model_folder.load(str(tmp_path))
    assert (found.bert_config, found.config, found.labels) == (stored.bert_config, classifier, LABELS)
    assert (found.text, found.finetuning["seed"], found.pair, found.label_kind) == (text, 4, True, "i")
    again = model_folder.description(found.bert_config, found.config, found.finetuning, found.labels, found.text)
    assert again == content


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


def test_whose_files(stored, tmp_path):
    """Those of a model are known by its settings; another program's model.json has others."""
    for name in ("notes", "model.ckpt.backup", "model.ckpt.data-00000-of-00001.old"):
        (tmp_path / name).write_text("mine")
    found = set(model_folder.made_earlier(str(tmp_path)))
    assert found >= {"model.json", "vocab.txt", "model.ckpt.index", "model.ckpt.data-00000-of-00001"}
    assert not found & {"notes", "model.ckpt.backup", "model.ckpt.data-00000-of-00001.old"}
    for other in ('{"class_name": "Sequential"}', "[]", "{", '{"labels": ["a"], "text": {}}'):
        (tmp_path / "model.json").write_text(other)
        assert model_folder.made_earlier(str(tmp_path)) == []
