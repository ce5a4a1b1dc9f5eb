"""Heads and rates without the encoder."""

import os
import sys

import numpy as np
import pytest

from compat import tf

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "scripts"))

import export_heads  # noqa: E402

RATE = "sgd0/output/layer0/learning_rate"


def save(prefix, values):
    with tf.Graph().as_default(), tf.Session() as session:
        variables = {name: tf.Variable(np.float32(value)) for name, value in values.items()}
        session.run(tf.global_variables_initializer())
        tf.train.Saver(variables).save(session, str(prefix), write_meta_graph=False)


@pytest.mark.parametrize("encoder, code", [([1.0], 0), ([1.5], 2)])
def test_only_a_fixed_encoder_is_left_out(tmp_path, monkeypatch, capsys, encoder, code):
    (tmp_path / "variables").mkdir()
    save(tmp_path / "variables" / "variables", {"bert/a": [1.0], "output_bias_0": [2.0, 3.0], RATE: 0.5})
    save(tmp_path / "bert.ckpt", {"bert/a": encoder})
    flags = ["--model_dir=%s" % tmp_path, "--encoder=%s" % (tmp_path / "bert.ckpt")]
    flags += ["--output_dir=%s" % (tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["export_heads.py"] + flags)
    assert (export_heads.main() or 0) == code
    if code:
        assert "bert/a" in capsys.readouterr().err and not (tmp_path / "out").exists()
        return
    reader = tf.train.load_checkpoint(str(tmp_path / "out" / "variables" / "variables"))
    assert set(reader.get_variable_to_shape_map()) == {"output_bias_0", RATE}
    assert reader.get_tensor("output_bias_0").tolist() == [2.0, 3.0] and reader.get_tensor(RATE) == 0.5
