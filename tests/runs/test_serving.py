"""The exported graph, asked as a server would ask it, against --do_predict."""
import csv
import dataclasses
import json
import os

import export_saved_model as script
import numpy as np
import pytest
import tiny
from absl import flags
from absl.testing import flagsaver

import run_classifier_multitask
from runs import serving
from runtime.compat import tf
from runtime.errors import UserError
from tokenization import Tokenizer

FLAGS = flags.FLAGS
LABELS = ("gut", "schlecht", "größer")
TEXTS = ["good film", "bad slow plot very slow", "fine", "red green blue good unknown"]


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    return tiny.write(tmp_path_factory.mktemp("run"), LABELS)


@pytest.fixture(scope="module")
def exported(stored, tmp_path_factory):
    target = tmp_path_factory.mktemp("serving") / "mine" / "1"
    assert script.main(["--model_dir", stored.folder, "--output_dir", str(target)]) == 0
    return target


def ask(export_dir, request):
    """The answer of TensorFlow Serving's REST interface in its row format: JSON to JSON."""
    instances = json.loads(request)["instances"]
    with tf.Graph().as_default(), tf.Session() as session:
        loaded = tf.saved_model.loader.load(session, [tf.saved_model.tag_constants.SERVING], str(export_dir))
        signature = loaded.signature_def[json.loads(request).get("signature_name", "serving_default")]
        assert signature.method_name == "tensorflow/serving/predict"
        feed = {}
        for name, info in signature.inputs.items():
            dtype = tf.as_dtype(info.dtype).as_numpy_dtype
            values = [instance[name] for instance in instances]
            feed[info.name] = values if info.dtype == tf.string.as_datatype_enum else np.array(values, dtype)
        found = session.run({name: info.name for name, info in signature.outputs.items()}, feed)
    rows = [{} for _ in instances]
    for name, values in found.items():
        assert len(values) == len(instances)  # what the row format needs
        for row, value in zip(rows, values.tolist()):
            row[name] = value.decode() if isinstance(value, bytes) else value
    return json.dumps({"predictions": rows})


def instances(stored, length):
    """The texts as a client sends them, padded to one length."""
    tokenizer = Tokenizer.from_file(stored.vocab_file, stored.text.do_lower_case)
    rows = []
    for text in TEXTS:
        input_ids, segment_ids = tokenizer.encode(text, None, stored.text.max_seq_length)
        padding = [0] * (length - len(input_ids))
        rows.append({
            "input_ids": input_ids + padding,
            "input_mask": [1] * len(input_ids) + padding,
            "segment_ids": segment_ids + padding,
        })
    return rows


def predicted(stored, tmp_path):
    """(labels, probabilities) of --do_predict."""
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS) + "\n")
    command = ["--do_predict", "--model_dir=" + stored.folder, "--predict_file=%s" % (tmp_path / "texts.txt")]
    with flagsaver.flagsaver():
        FLAGS.unparse_flags()
        run_classifier_multitask.main(FLAGS(["main"] + command + ["--output_dir=%s" % (tmp_path / "out")]))
    with open(str(tmp_path / "out" / "predictions.tsv"), encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [row["prediction"] for row in rows], [[float(row["p(%s)" % label]) for label in LABELS] for row in rows]


@pytest.mark.parametrize("length", [7, 12, 24])
def test_a_server_answers_as_do_predict(length, stored, exported, tmp_path):
    answer = json.loads(ask(exported, json.dumps({"instances": instances(stored, length)})))["predictions"]
    labels, probabilities = predicted(stored, tmp_path)
    assert [row["label"] for row in answer] == labels and len(set(labels)) > 1
    np.testing.assert_allclose([row["probabilities"] for row in answer], probabilities, atol=1e-5)
    logits = np.array([row["logits"] for row in answer])
    np.testing.assert_allclose(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), probabilities, atol=1e-5)


def test_text_is_answered_as_do_predict_does(stored, exported, tmp_path):
    asked = [{"text": text, "text2": ""} for text in TEXTS]
    answer = json.loads(ask(exported, json.dumps({"signature_name": "text", "instances": asked})))["predictions"]
    labels, probabilities = predicted(stored, tmp_path)
    assert [row["label"] for row in answer] == labels
    np.testing.assert_allclose([row["probabilities"] for row in answer], probabilities, atol=1e-5)


@pytest.mark.parametrize("pair, names", [(True, ["text", "text2"]), (False, ["text"]), (None, ["text", "text2"])])
def test_what_the_text_signature_takes(pair, names, stored, tmp_path):
    assert serving._text_names(dataclasses.replace(stored, pair=pair)) == names
    assert serving._text_names(dataclasses.replace(stored, folder=str(tmp_path))) == []  # without a vocabulary


def test_a_temperature_is_in_the_exported_graph(tmp_path):
    (tmp_path / "run").mkdir()
    plain = tiny.write(tmp_path / "run", LABELS)
    for temperature in (1.0, 0.25):
        warm = dataclasses.replace(plain, temperature=temperature)
        serving.export(warm, str(tmp_path / str(temperature)))
    asked = json.dumps({"instances": instances(plain, 12)})
    one, other = [json.loads(ask(tmp_path / name, asked))["predictions"] for name in ("1.0", "0.25")]
    for before, after in zip(one, other):
        assert after["label"] == before["label"]
        np.testing.assert_allclose(np.array(before["logits"]) * 4.0, after["logits"], rtol=1e-5)
        powers = np.array(before["probabilities"]) ** 4.0
        np.testing.assert_allclose(after["probabilities"], powers / powers.sum(), rtol=1e-4)


def test_signature(exported):
    with tf.Graph().as_default(), tf.Session() as session:
        loaded = tf.saved_model.loader.load(session, ["serve"], str(exported))
    signature = loaded.signature_def["serving_default"]
    assert {name: info.dtype for name, info in signature.inputs.items()} == {
        name: tf.int32.as_datatype_enum for name in ("input_ids", "input_mask", "segment_ids")
    }
    assert set(signature.outputs) == {"logits", "probabilities", "label"}
    assert [size.size for size in signature.outputs["probabilities"].tensor_shape.dim] == [-1, len(LABELS)]


def test_a_client_finds_vocabulary_and_settings(exported, stored):
    extra = exported / "assets.extra"
    assert sorted(os.listdir(str(extra))) == ["model.json", "vocab.txt"]
    with open(str(extra / "vocab.txt")) as file, open(stored.vocab_file) as original:
        assert file.read() == original.read()


def test_nothing_else_is_left(exported):
    assert os.listdir(str(exported.parent)) == ["1"]


def test_interrupted_export_leaves_nothing(stored, tmp_path, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(serving.shutil, "copyfile", interrupted)  # after the graph and the weights are written
    with pytest.raises(KeyboardInterrupt):
        serving.export(stored, str(tmp_path / "1"))
    assert os.listdir(str(tmp_path)) == []


def test_killed_export_leaves_no_number(stored, tmp_path, monkeypatch):
    """At whatever moment a kill comes, a server that looks for numbers finds none, or the whole."""
    seen = []

    def copyfile(source, target):
        del source
        seen.append(os.listdir(str(tmp_path)))
        open(target, "w").close()

    monkeypatch.setattr(serving.shutil, "copyfile", copyfile)  # the last that is made
    serving.export(stored, str(tmp_path / "1"))
    assert seen == [[".1.unfinished"]] * 2 and os.listdir(str(tmp_path)) == ["1"]


def test_refusals(stored, tmp_path, capsys):
    def refused(model_dir, output_dir):
        assert script.main(["--model_dir=%s" % model_dir, "--output_dir=%s" % output_dir]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1
        return lines[0]

    assert "exists" in refused(stored.folder, tmp_path)
    assert "model.json is missing" in refused(tmp_path, tmp_path / "1")
    (tmp_path / "model.json").write_text("{}")
    assert "damaged" in refused(tmp_path, tmp_path / "1")
    assert "cannot be written" in refused(stored.folder, tmp_path / "model.json" / "1")
    assert sorted(os.listdir(str(tmp_path))) == ["model.json"]


def test_missing_weights(stored, tmp_path):
    with pytest.raises(UserError, match="no checkpoint"):
        serving.export(dataclasses.replace(stored, folder=str(tmp_path)), str(tmp_path / "1"))
    assert os.listdir(str(tmp_path)) == []
