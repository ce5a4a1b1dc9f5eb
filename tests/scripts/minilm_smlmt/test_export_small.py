"""A meta-trained model as the repository keeps it."""
import os

import export_small as program
import numpy as np
import pytest
from other_process import run_without_tensorflow

from runtime import checkpoints
from runtime.compat import tf

RATE, KERNEL = "sgd0/label_embs/learning_rate", "bert/encoder/kernel"
TABLE = program.WORD_TABLE
ENCODER = {TABLE: np.float32([1.0, 2.0]), KERNEL: np.float32([1.0, 3.0])}
MODEL = {TABLE: np.float32([1.5, 2.0]), KERNEL: np.float32([3.0, -1.0]), RATE: np.float32(0.3)}


def save(prefix, values):
    """Writes a checkpoint."""
    with tf.Graph().as_default(), tf.Session() as session:
        variables = {name: tf.Variable(value) for name, value in values.items()}
        session.run(tf.global_variables_initializer())
        tf.train.Saver(variables).save(session, str(prefix), write_meta_graph=False)


@pytest.fixture(name="run")
def fixture_run(tmp_path):
    """Runs the program on an encoder and checkpoints of a run; returns (exit code, {name: array})."""
    save(tmp_path / "bert.ckpt", ENCODER)
    save(tmp_path / "model.ckpt-1", dict(MODEL, global_step=np.int64(1)))
    save(tmp_path / "model.ckpt-2", dict(MODEL, **{KERNEL: np.float32([5.0, -1.0]), RATE: np.float32(0.5)}))

    def run(*more, models=("model.ckpt-1",)):
        arguments = ["--model=%s" % (tmp_path / model) for model in models]
        arguments += ["--encoder=%s" % (tmp_path / "bert.ckpt"), "--output_dir=%s" % (tmp_path / "out")]
        code = program.main(arguments + list(more))
        prefix = str(tmp_path / "out" / "variables" / "variables")
        return code, checkpoints.read(prefix, "") if os.path.exists(prefix + ".index") else None

    return run


def test_half_precision_and_no_word_table(run, capsys):
    code, found = run()
    assert code == 0 and set(found) == {KERNEL, RATE}
    assert found[KERNEL].dtype == np.float16 and found[KERNEL].tolist() == [3.0, -1.0]
    assert found[RATE] == np.float32(0.3)  # single numbers keep their precision
    assert "changed by at most 0.5" in capsys.readouterr().out


def test_the_mean_of_checkpoints_and_a_place_on_the_line(run):
    assert run(models=("model.ckpt-1", "model.ckpt-2"))[1][KERNEL].tolist() == [4.0, -1.0]
    found = run("--weight=0.5", models=("model.ckpt-1", "model.ckpt-2"))[1]
    assert found[KERNEL].tolist() == [2.5, 1.0] and found[RATE] == np.float32(0.4)


def test_layers_above_some_are_left_out(tmp_path, run):
    layers = {"bert/encoder/layer_%d/kernel" % layer: np.float32([layer]) for layer in (0, 1, 10)}
    save(tmp_path / "deep.ckpt", dict(MODEL, **layers))
    save(tmp_path / "bert.ckpt", dict(ENCODER, **layers))
    assert set(run("--layers=1", models=("deep.ckpt",))[1]) == {KERNEL, RATE, "bert/encoder/layer_0/kernel"}


def test_plain_heads_are_an_identity_with_a_rate_of_their_own(tmp_path, run):
    heads = {"output_weights_0": np.float32([[2.0, 1.0], [1.0, 2.0]]), "output_bias_0": np.float32([1.0, 1.0])}
    save(tmp_path / "heads.ckpt", dict(MODEL, **heads))
    found = run("--plain_heads=0.7", models=("heads.ckpt",))[1]
    assert found["output_weights_0"].tolist() == [[1.0, 0.0], [0.0, 1.0]] and not found["output_bias_0"].any()
    assert found[RATE] == np.float32(0.7) and found[KERNEL].tolist() == [3.0, -1.0]


@pytest.mark.parametrize("more, words", [
    (["--weight=0"], "--weight=0: above 0"),
    (["--weight=1.5"], "--weight=1.5: above 0 "),
    (["--model=none"], "--model: no checkpoint at none"),
])
def test_mistakes_end_in_a_line(tmp_path, run, capsys, more, words):
    assert run(*more) == (2, None)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: " + words) and not (tmp_path / "out").exists()


def test_models_that_do_not_go_together(tmp_path, run, capsys):
    save(tmp_path / "other.ckpt", dict(MODEL, **{KERNEL: np.float32([1.0])}))
    assert run(models=("model.ckpt-1", "other.ckpt")) == (2, None)
    save(tmp_path / "headless.ckpt", {KERNEL: MODEL[KERNEL]})
    assert run(models=("headless.ckpt",)) == (2, None)
    assert capsys.readouterr().err.splitlines() == [
        "error: --model: the models have different variables.",
        "error: --model and --encoder: both need %s." % TABLE,
    ]


def test_help_needs_no_tensorflow(tmp_path):
    assert "--weight" in run_without_tensorflow(program.__file__, tmp_path, "--help").stdout
