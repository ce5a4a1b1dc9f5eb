"""Hugging Face folders to TensorFlow checkpoints and back: names, refusals, and what the encoder computes."""
import json
import os

import numpy as np
import pytest
from file_server import failure
from hugging_face_folder import BERT, CONFIG, VOCAB, random_weights, tensors, write_source
from safetensors.numpy import load_file

import modeling
from fetch import hf_checkpoint
from runtime import kernels
from runtime.compat import tf

STORED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hugging_face")
NAMES = [
    ("bert/embeddings/word_embeddings", "embeddings.word_embeddings.weight"),
    ("bert/embeddings/token_type_embeddings", "embeddings.token_type_embeddings.weight"),
    ("bert/embeddings/LayerNorm/gamma", "embeddings.LayerNorm.weight"),
    ("bert/embeddings/LayerNorm/beta", "embeddings.LayerNorm.bias"),
    ("bert/encoder/layer_0/attention/self/query/kernel", "encoder.layer.0.attention.self.query.weight"),
    ("bert/encoder/layer_11/attention/output/dense/bias", "encoder.layer.11.attention.output.dense.bias"),
    ("bert/encoder/layer_3/attention/output/LayerNorm/beta", "encoder.layer.3.attention.output.LayerNorm.bias"),
    ("bert/encoder/layer_3/intermediate/dense/kernel", "encoder.layer.3.intermediate.dense.weight"),
    ("bert/encoder/layer_3/output/LayerNorm/gamma", "encoder.layer.3.output.LayerNorm.weight"),
    ("bert/pooler/dense/kernel", "pooler.dense.weight"),
]


def to_tensorflow(tmp_path, source):
    """Converts; returns (folder, notes)."""
    made = tmp_path / "made"
    made.mkdir()
    return made, hf_checkpoint.to_tensorflow(source, str(made))


def read(folder):
    """{name: array} of a checkpoint."""
    reader = tf.train.load_checkpoint(str(folder / hf_checkpoint.CHECKPOINT))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def assert_same(found, expected):
    assert sorted(found) == sorted(expected)
    for name, value in expected.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], value)


# --- names and configurations ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("name, expected", NAMES)
def test_names(name, expected):
    assert hf_checkpoint.hugging_face_name(name) == expected


def test_kernels_are_turned():
    weights = random_weights()
    found = hf_checkpoint.hugging_face_tensors(weights)
    kernel = weights["bert/encoder/layer_1/intermediate/dense/kernel"]
    assert kernel.shape == (4, 6)
    np.testing.assert_array_equal(found["encoder.layer.1.intermediate.dense.weight"], kernel.T)


@pytest.mark.parametrize("theirs, ours, back", [
    ("gelu", "gelu_erf", "gelu"), ("gelu_new", "gelu", "gelu_new"), ("gelu_pytorch_tanh", "gelu", "gelu_new"),
    ("relu", "relu", "relu"),
])
def test_activations(theirs, ours, back):
    config = hf_checkpoint.bert_config(dict(CONFIG, hidden_act=theirs))
    assert config == dict({key: CONFIG[key] for key in hf_checkpoint.CONFIG_KEYS}, hidden_act=ours)
    assert hf_checkpoint.hugging_face_config(modeling.BertConfig.from_dict(config))["hidden_act"] == back


def test_every_activation_of_the_encoder_can_be_written():
    for activation in kernels.ACTIVATIONS:
        assert hf_checkpoint.hugging_face_config(modeling.BertConfig(11, hidden_act=activation))["hidden_act"]


@pytest.mark.parametrize("changes, words", [
    ({"hidden_act": "silu"}, "silu"),
    ({"layer_norm_eps": 1e-5}, "layer_norm_eps 1e-05"),
    ({"model_type": "roberta"}, "model_type roberta"),
    ({"position_embedding_type": "relative_key"}, "relative_key"),
    ({"is_decoder": True}, "is_decoder True"),
])
def test_configurations_that_do_not_fit(changes, words):
    assert words in failure(hf_checkpoint.bert_config, dict(CONFIG, **changes))


def test_a_configuration_without_sizes():
    assert "num_hidden_layers" in failure(hf_checkpoint.bert_config, {"hidden_act": "gelu"})


# --- weights ---------------------------------------------------------------------------------------------------------
def rename(found, change):
    return {change(name): value for name, value in found.items()}


@pytest.mark.parametrize("change", [
    lambda name: name,
    lambda name: "bert." + name,
    lambda name: name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"),
])
def test_spellings_of_the_names(tmp_path, change):
    made, notes = to_tensorflow(tmp_path, write_source(tmp_path / "source", rename(tensors(), change)))
    assert sorted(os.listdir(str(made))) == sorted(hf_checkpoint.TENSORFLOW_FILES) and not notes
    assert_same(read(made), random_weights())
    assert (made / "vocab.txt").read_text() == VOCAB


def test_heads_and_buffers_stay_behind(tmp_path):
    extra = {"cls.predictions.bias": np.zeros(11, np.float32), "classifier.weight": np.zeros((2, 4), np.float32)}
    buffers = {"embeddings.position_ids": np.arange(8)[None]}
    made, (note,) = to_tensorflow(tmp_path, write_source(tmp_path / "source", tensors(**extra, **buffers)))
    assert note == "left out 2 tensors that are not of the encoder: classifier.weight, cls.predictions.bias"
    assert_same(read(made), random_weights())


def test_half_precision_becomes_float32(tmp_path):
    half = {name: value.astype(np.float16) for name, value in tensors().items()}
    made, _ = to_tensorflow(tmp_path, write_source(tmp_path / "source", half))
    assert_same(read(made), {n: v.astype(np.float16).astype(np.float32) for n, v in random_weights().items()})


def test_a_model_without_pooler(tmp_path):
    found = {name: value for name, value in tensors().items() if not name.startswith("pooler.")}
    made, (note,) = to_tensorflow(tmp_path, write_source(tmp_path / "source", found))
    assert "tanh of [CLS]" in note
    weights = read(made)
    np.testing.assert_array_equal(weights["bert/pooler/dense/kernel"], np.eye(4))
    np.testing.assert_array_equal(weights["bert/pooler/dense/bias"], np.zeros(4))


def without(*names):
    return {name: value for name, value in tensors().items() if name not in names}


@pytest.mark.parametrize("found, words", [
    ({"lm_head.weight": np.zeros((2, 2), np.float32)}, "holds no BERT encoder (but lm_head.weight)"),
    (without("embeddings.LayerNorm.bias"), "lacks bert/embeddings/LayerNorm/beta"),
    (without("pooler.dense.bias"), "lacks bert/pooler/dense/bias"),
    (tensors(**{"encoder.layer.2.output.dense.bias": np.zeros(4, np.float32)}), "encoder.layer.2.output.dense.bias"),
    (tensors(**{"embeddings.word_embeddings.weight": np.zeros((12, 4), np.float32)}), "of shape [12, 4]"),
])
def test_weights_that_do_not_fit(tmp_path, found, words):
    source = write_source(tmp_path / "source", found)
    message = failure(hf_checkpoint.to_tensorflow, source, str(tmp_path))
    assert words in message and "model.safetensors" in message


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_missing_and_damaged_files(tmp_path, name):
    source = write_source(tmp_path / "source")
    (tmp_path / "source" / name).write_bytes(b"not this")
    assert name in failure(hf_checkpoint.to_tensorflow, source, str(tmp_path))
    os.remove(os.path.join(source, name))
    assert name + " is missing" in failure(hf_checkpoint.to_tensorflow, source, str(tmp_path))


def test_bfloat16_is_read_where_numpy_knows_it(tmp_path):
    source = write_source(tmp_path / "source")
    header = json.dumps({"x": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
    content = len(header).to_bytes(8, "little") + header + bytes(4)
    (tmp_path / "source" / "model.safetensors").write_bytes(content)
    message = failure(hf_checkpoint.to_tensorflow, source, str(tmp_path))
    assert "save it as float32" in message or "holds no BERT encoder (but x)" in message  # TensorFlow 2.15 teaches it


# --- vocabulary ------------------------------------------------------------------------------------------------------
def test_vocabulary_from_tokenizer_json(tmp_path):
    source = tmp_path / "source"
    write_source(source)
    os.remove(str(source / "vocab.txt"))
    assert "tokenizer.json is missing" in failure(hf_checkpoint.to_tensorflow, str(source), str(tmp_path))
    model = {"vocab": {"[UNK]": 1, "word": 4, "é": 3}}
    content = {"model": model, "added_tokens": [{"content": "[PAD]", "id": 0}]}
    (source / "tokenizer.json").write_text(json.dumps(content))
    made, _ = to_tensorflow(tmp_path, str(source))
    assert (made / "vocab.txt").read_bytes().decode("utf-8") == "[PAD]\n[UNK]\n[unused2]\né\nword\n"
    (source / "tokenizer.json").write_text('{"model": {}}')
    assert "not the tokenizer of a BERT model" in failure(
        hf_checkpoint.to_tensorflow, str(source), str(tmp_path / "made")
    )


@pytest.mark.parametrize("lower, words", [(True, "--do_lower_case=true"), (False, "--do_lower_case=false")])
def test_case_of_the_vocabulary(tmp_path, lower, words):
    source = write_source(tmp_path / "source")
    (tmp_path / "source" / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": lower}))
    _, (note,) = to_tensorflow(tmp_path, source)
    assert words in note


# --- and back --------------------------------------------------------------------------------------------------------
def test_round_trip(tmp_path):
    made, _ = to_tensorflow(tmp_path, write_source(tmp_path / "source"))
    back = tmp_path / "back"
    back.mkdir()
    prefix, vocab_file = str(made / hf_checkpoint.CHECKPOINT), str(made / "vocab.txt")
    config = modeling.BertConfig.from_json_file(str(made / "bert_config.json"))
    assert not hf_checkpoint.to_hugging_face(prefix, config, vocab_file, str(back), do_lower_case=True)
    assert sorted(os.listdir(str(back))) == sorted(hf_checkpoint.HUGGING_FACE_FILES)
    assert_same(load_file(str(back / "model.safetensors")), tensors())
    assert (back / "vocab.txt").read_text() == VOCAB
    found = json.loads((back / "config.json").read_text())
    assert {key: found[key] for key in CONFIG} == CONFIG and found["pad_token_id"] == 0
    assert json.loads((back / "tokenizer_config.json").read_text())["do_lower_case"] is True
    with open(str(back / "model.safetensors"), "rb") as file:  # without this, transformers does not load it
        assert b'"__metadata__":{"format":"pt"}' in file.read(200)


def test_variables_of_a_trained_model_stay_behind(tmp_path):
    prefix = str(tmp_path / "model.ckpt")
    others = {"output_weights_0": np.zeros(3), "bert/pooler/dense/bias/AdamWeightDecayOptimizer": np.zeros(4)}
    hf_checkpoint.save_checkpoint(prefix, dict(random_weights(), **others))
    weights, left_out = hf_checkpoint.read_checkpoint(prefix, BERT)
    assert_same(weights, random_weights())
    assert left_out == sorted(others)


def test_checkpoints_that_do_not_fit(tmp_path):
    prefix = str(tmp_path / "model.ckpt")
    assert "no checkpoint" in failure(hf_checkpoint.read_checkpoint, prefix, BERT)
    weights = random_weights()
    weights["bert/pooler/dense/bias"] = np.zeros(5, np.float32)
    hf_checkpoint.save_checkpoint(prefix, weights)
    assert "bert/pooler/dense/bias of shape [5]" in failure(hf_checkpoint.read_checkpoint, prefix, BERT)
    del weights["bert/pooler/dense/bias"]
    hf_checkpoint.save_checkpoint(prefix, weights)
    assert "lacks bert/pooler/dense/bias" in failure(hf_checkpoint.read_checkpoint, prefix, BERT)


# --- what the encoder computes ---------------------------------------------------------------------------------------
def test_outputs_equal_those_of_transformers():
    """The files of tests/hugging_face, which its make.py made with torch and transformers."""
    with open(os.path.join(STORED, "config.json")) as file:
        config = modeling.BertConfig.from_dict(hf_checkpoint.bert_config(json.load(file)))
    weights, left_out = hf_checkpoint.bert_weights(load_file(os.path.join(STORED, "model.safetensors")), config)
    assert not left_out
    stored = np.load(os.path.join(STORED, "outputs.npz"))
    with tf.Graph().as_default(), tf.Session() as session:
        inputs = [tf.constant(stored[name], tf.int32) for name in ("input_ids", "input_mask", "segment_ids")]
        output = modeling.encode({name: tf.constant(value) for name, value in weights.items()}, config, *inputs)
        layers, pooled = session.run([tf.stack(output.layers), output.pooled])
    tokens = stored["input_mask"] > 0
    np.testing.assert_allclose(layers[:, tokens], stored["layers"][:, tokens], rtol=0, atol=1e-5)
    np.testing.assert_allclose(pooled, stored["pooled"], rtol=0, atol=1e-5)


def test_a_checkpoint_that_cannot_be_written_is_an_error_of_the_system(tmp_path):
    """Programs make one line of it, as of every other file that cannot be written."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError) as caught:
        hf_checkpoint.save_checkpoint(str(tmp_path / "file" / "a.ckpt"), {"a": np.zeros([2], np.float32)})
    assert caught.value.filename == str(tmp_path / "file" / "a.ckpt") and "\n" not in str(caught.value)
