"""Weights between two checkpoints."""
import os
import subprocess
import sys

import interpolate_weights as program
import numpy as np
import pytest

from runtime.compat import tf
from runtime.errors import UserError
from runtime.paths import ROOT

SCRIPT = os.path.join(ROOT, "scripts", "interpolate_weights.py")
RATE = "sgd0/output/layer0/learning_rate"



def save(prefix, values):
    """Writes a checkpoint."""
    with tf.Graph().as_default(), tf.Session() as session:
        variables = {name: tf.Variable(value) for name, value in values.items()}
        session.run(tf.global_variables_initializer())
        tf.train.Saver(variables).save(session, str(prefix), write_meta_graph=False)


def saved(folder):
    """{name: list or number} of an export."""
    reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    return {name: reader.get_tensor(name).tolist() for name in reader.get_variable_to_shape_map()}


@pytest.fixture(name="run")
def fixture_run(tmp_path):
    """Runs the program on an encoder and a meta-trained model, whose flags can be changed; returns the exit code."""
    (tmp_path / "end" / "variables").mkdir(parents=True)
    save(tmp_path / "bert.ckpt", {"bert/a": np.float32([1.0, 3.0]), "cls/b": np.float32(7.0)})
    values = {"bert/a": np.float32([3.0, -1.0]), "output_bias_0": np.float32([2.0, 3.0]), RATE: np.float32(0.5)}
    save(tmp_path / "end" / "variables" / "variables", values)

    def run(**changes):
        flags = dict(start=tmp_path / "bert.ckpt", end=tmp_path / "end", output_dir=tmp_path / "out")
        flags.update(changes)
        return program.main(["--%s=%s" % item for item in flags.items()])

    return run


@pytest.mark.parametrize("weight, expected", [(0, [1.0, 3.0]), (0.25, [1.5, 2.0]), (0.5, [2.0, 1.0]), (1, [3.0, -1.0])])
def test_places_on_the_line(tmp_path, run, capsys, weight, expected):
    assert run(weight=weight) == 0
    assert saved(tmp_path / "out") == {"bert/a": expected, "output_bias_0": [2.0, 3.0], RATE: 0.5}
    assert "3 variables, 2 of them as in --end alone" in capsys.readouterr().out


def test_the_middle_of_two_models_takes_heads_and_rates_too(tmp_path, run):
    assert run(start=tmp_path / "end", end=tmp_path / "end", output_dir=tmp_path / "same") == 0
    save(tmp_path / "other.ckpt", {"output_bias_0": np.float32([4.0, 5.0]), RATE: np.float32(0.1)})
    assert run(start=tmp_path / "other.ckpt", end=tmp_path / "same") == 0
    found = saved(tmp_path / "out")
    assert found["bert/a"] == [3.0, -1.0] and found["output_bias_0"] == [3.0, 4.0]
    assert found[RATE] == pytest.approx(0.3)


def test_checkpoints_of_a_run_leave_the_optimiser_behind(tmp_path, run):
    values = {"bert/a": np.float32([5.0, 5.0]), "global_step": np.int64(7)}
    slots = {"bert/a/AdamWeightDecayOptimizer" + suffix: np.float32([1.0, 1.0]) for suffix in ("", "_1")}
    save(tmp_path / "model.ckpt-7", dict(values, **slots))
    assert run(end=tmp_path / "model.ckpt-7") == 0
    assert saved(tmp_path / "out") == {"bert/a": [3.0, 4.0]}


def test_weights_keep_their_type():
    found = program.between({"a": np.float32([1.0])}, {"a": np.float16([2.0]), "b": np.int64(3)}, 0.5)
    assert found["a"].dtype == np.float16 and found["a"].tolist() == [1.5] and found["b"].dtype == np.int64


@pytest.mark.parametrize("start, message", [
    ({"b": np.zeros(2)}, "no variable in common"),
    ({"a": np.zeros([3, 2])}, r"a is \[3, 2\] in --start and \[2\] in --end"),
])
def test_weights_that_do_not_fit(start, message):
    with pytest.raises(UserError, match=message):
        program.between(start, {"a": np.zeros(2)}, 0.5)


@pytest.mark.parametrize("flag, value, words", [
    ("start", "bert.ckp", "--start: no checkpoint at "),
    ("end", "bert.ckpt.index", "--end: no checkpoint at "),
    ("weight", "1.5", "--weight=1.5: from 0 (--start) to 1 (--end)"),
    ("weight", "nan", "--weight=nan: from 0"),
])
def test_mistakes_end_in_a_line(tmp_path, run, capsys, flag, value, words):
    assert run(**{flag: value if flag == "weight" else tmp_path / value}) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: " + words) and not (tmp_path / "out").exists()


def test_help_needs_no_tensorflow(tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise ImportError('none')")
    done = subprocess.run(
        [sys.executable, SCRIPT, "--help"], env=dict(os.environ, PYTHONPATH=str(tmp_path)), stdout=subprocess.PIPE,
    )
    assert done.returncode == 0 and b"--weight" in done.stdout
