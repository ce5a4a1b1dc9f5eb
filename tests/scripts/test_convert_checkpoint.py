"""scripts/convert_checkpoint.py: both directions, and refusals that leave nothing behind."""
import dataclasses
import json
import os
import shutil

import convert_checkpoint
import hugging_face_folder
import pytest
import tiny
from hugging_face_folder import random_weights, write_source

import modeling
from fetch import hf_checkpoint
from runtime import checkpoints
from runtime.paths import ROOT

SCRIPT = os.path.join(ROOT, "scripts", "convert_checkpoint.py")


@pytest.fixture(name="source")
def fixture_source(tmp_path):
    """A Hugging Face folder."""
    return write_source(tmp_path / "source")


def run(capsys, source, target, *more):
    """(exit code, lines of output, errors)."""
    code = convert_checkpoint.main(["--input=%s" % source, "--output_dir=%s" % target] + list(more))
    captured = capsys.readouterr()
    assert code == 0 or captured.err.count("\n") == 1
    return code, captured.out.splitlines(), captured.err


def contents(folder, name):
    with open(os.path.join(str(folder), name), "rb") as file:
        return file.read()


def test_there_and_back(source, tmp_path, capsys):
    tf_dir, hf_dir, again = tmp_path / "new" / "tf", tmp_path / "hf", tmp_path / "again"
    code, lines, _ = run(capsys, source, tf_dir)
    assert code == 0 and lines[-1] == "%s: %s" % (tf_dir, ", ".join(sorted(hf_checkpoint.TENSORFLOW_FILES)))
    hf_dir.mkdir()  # an empty folder will do
    code, lines, _ = run(capsys, tf_dir, hf_dir, "--do_lower_case")
    assert code == 0 and lines[-1] == "%s: %s" % (hf_dir, ", ".join(sorted(hf_checkpoint.HUGGING_FACE_FILES)))
    code, lines, _ = run(capsys, hf_dir, again)
    assert code == 0 and "uncased" in lines[0]
    for name in hf_checkpoint.TENSORFLOW_FILES:
        assert contents(again, name) == contents(tf_dir, name)
    assert sorted(os.listdir(str(tmp_path))) == ["again", "hf", "new", "source"]


def test_an_export_of_fewer_layers_there_and_back(source, tmp_path, capsys):
    """It says itself how many it has."""
    run(capsys, source, tmp_path / "tf")
    config = dataclasses.replace(hugging_face_folder.BERT, num_hidden_layers=1)
    weights = {name: random_weights()[name] for name in modeling.variable_shapes(config)}
    (tmp_path / "bert_config.json").write_text(json.dumps(dataclasses.asdict(config)))
    shutil.copy(str(tmp_path / "tf" / "vocab.txt"), str(tmp_path / "vocab.txt"))
    checkpoints.export(dict(weights, output_bias_0=weights["bert/pooler/dense/bias"]), str(tmp_path / "meta" / "model"),
                       checkpoints.described_by(str(tmp_path)))
    code, lines, _ = run(capsys, tmp_path / "meta" / "model", tmp_path / "hf")
    assert code == 0 and "left out 1 variables" in lines[0]
    assert json.loads(contents(tmp_path / "hf", "config.json").decode())["num_hidden_layers"] == 1
    assert run(capsys, tmp_path / "hf", tmp_path / "again")[0] == 0
    found = checkpoints.read(str(tmp_path / "again" / "bert_model.ckpt"), "")
    assert set(found) == set(weights) and all((found[name] == weights[name]).all() for name in weights)
    assert contents(tmp_path / "again", "vocab.txt") == contents(tmp_path / "tf", "vocab.txt")


def test_a_fine_tuned_model(tmp_path, capsys):
    (tmp_path / "model").mkdir()
    stored = tiny.write(tmp_path / "model", ["up", "down"])
    assert run(capsys, tmp_path / "model", tmp_path / "hf")[0] == 0
    found = json.loads(contents(tmp_path / "hf", "config.json").decode())
    assert found["num_hidden_layers"] == stored.bert_config.num_hidden_layers
    assert json.loads(contents(tmp_path / "hf", "tokenizer_config.json").decode())["do_lower_case"] is True


def test_a_prefix_and_files_elsewhere(source, tmp_path, capsys):
    run(capsys, source, tmp_path / "tf")
    exported = tmp_path / "exported" / "variables"
    exported.mkdir(parents=True)
    hf_checkpoint.save_checkpoint(str(exported / "variables"), random_weights())
    files = ["--bert_config_file=%s" % (tmp_path / "tf" / "bert_config.json"),
             "--vocab_file=%s" % (tmp_path / "tf" / "vocab.txt")]
    inputs = (tmp_path / "exported", exported / "variables", tmp_path / "tf" / "bert_model.ckpt")
    for number, given in enumerate(inputs):
        target = tmp_path / ("hf%d" % number)
        assert run(capsys, given, target, *files)[0] == 0
        assert contents(target, "model.safetensors") == contents(tmp_path / "hf0", "model.safetensors")


def test_mistakes_leave_nothing_behind(source, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    target = tmp_path / "target"
    tf_dir = tmp_path / "tf"
    run(capsys, source, tf_dir)

    def refused(given, words, *more):
        code, _, errors = run(capsys, given, target, *more)
        assert code == 2 and words in errors and not target.exists()

    refused(empty, "holds neither model.safetensors nor a TensorFlow checkpoint")
    refused(tmp_path / "nowhere", "holds neither")
    refused(source, "--vocab_file: a Hugging Face folder has its own", "--vocab_file=x")
    refused(tf_dir, "cannot read", "--bert_config_file=/nowhere")
    refused(tf_dir, "Vocabulary /nowhere", "--vocab_file=/nowhere")
    shutil.copy(str(tf_dir / "bert_model.ckpt.index"), str(tf_dir / "other.ckpt.index"))
    refused(tf_dir, "several checkpoints: name one, as %s" % (tf_dir / "bert_model.ckpt"))
    assert sorted(os.listdir(str(tmp_path))) == ["empty", "source", "tf"]


def test_what_is_there_is_kept(source, tmp_path, capsys):
    before = contents(source, "config.json")
    code, _, errors = run(capsys, source, source)
    assert code == 2 and "exists" in errors and contents(source, "config.json") == before
    code, _, errors = run(capsys, source, os.path.join(source, "config.json", "below"))
    assert code == 2 and "below cannot be written (Not a directory)" in errors


def test_wrong_use(capsys):
    assert convert_checkpoint.main(["--input=x"]) == 2
    assert "--output_dir" in capsys.readouterr().err
