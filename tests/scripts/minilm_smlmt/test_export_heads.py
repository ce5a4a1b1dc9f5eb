"""Heads and rates without the encoder."""
import sys

import export_heads
import numpy as np
import other_process
import pytest

from runtime.compat import tf

RATE = "sgd0/output/layer0/learning_rate"


def save(prefix, values):
    with tf.Graph().as_default(), tf.Session() as session:
        variables = {name: tf.Variable(np.float32(value)) for name, value in values.items()}
        session.run(tf.global_variables_initializer())
        tf.train.Saver(variables).save(session, str(prefix), write_meta_graph=False)


@pytest.fixture(name="run")
def fixture_run(tmp_path, monkeypatch):
    """Runs the program on a model and an encoder, whose flags can be changed; returns the exit code."""
    (tmp_path / "variables").mkdir()
    save(tmp_path / "variables" / "variables", {"bert/a": [1.0], "output_bias_0": [2.0, 3.0], RATE: 0.5})
    save(tmp_path / "bert.ckpt", {"bert/a": [1.0]})

    def run(**changes):
        flags = dict(dict(model_dir=tmp_path, encoder=tmp_path / "bert.ckpt", output_dir=tmp_path / "out"), **changes)
        monkeypatch.setattr(sys, "argv", ["export_heads.py"] + ["--%s=%s" % item for item in flags.items()])
        return export_heads.main()

    return run


@pytest.mark.parametrize("encoder, code", [({"bert/a": [1.0]}, 0), ({"bert/a": [1.5]}, 2), ({"a": [1.0]}, 2)])
def test_only_a_fixed_encoder_is_left_out(tmp_path, run, capsys, encoder, code):
    save(tmp_path / "bert.ckpt", encoder)
    assert run() == code
    if code:
        assert "bert/a" in capsys.readouterr().err and not (tmp_path / "out").exists()
        return
    reader = tf.train.load_checkpoint(str(tmp_path / "out" / "variables" / "variables"))
    assert set(reader.get_variable_to_shape_map()) == {"output_bias_0", RATE}
    assert reader.get_tensor("output_bias_0").tolist() == [2.0, 3.0] and reader.get_tensor(RATE) == 0.5


@pytest.mark.parametrize("flag, value, words", [
    ("model_dir", "missing", "--model_dir: "),
    ("encoder", "bert.ckp", "--encoder: no checkpoint at "),
    ("output_dir", "bert.ckpt.index/below", "--output_dir: "),
])
def test_mistakes_end_in_a_line(tmp_path, run, capsys, flag, value, words):
    assert run(**{flag: tmp_path / value}) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: " + words) and str(tmp_path / value) in line
    assert flag != "output_dir" or " cannot be written (Not a directory): choose another place." in line


def test_help_needs_no_tensorflow_and_the_rest_says_so(tmp_path):
    def run(*flags):
        return other_process.run_without_tensorflow(export_heads.__file__, tmp_path, *flags)

    assert "--encoder" in run("--help").stdout
    done = run("--model_dir=a", "--encoder=b", "--output_dir=c")
    assert done.returncode == 2 and done.stderr.startswith("error: TensorFlow cannot be imported (none)")
    assert done.stderr.count("\n") == 1
