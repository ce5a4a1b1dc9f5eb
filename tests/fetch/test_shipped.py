"""Models of the repository made whole with the encoder that they were trained from."""
import os

import numpy as np
import pytest

from fetch import shipped
from runtime import checkpoints
from runtime.compat import tf
from runtime.errors import UserError

TABLE, KERNEL, RATE = "bert/embeddings/word_embeddings", "bert/encoder/kernel", "sgd0/rate"
ENCODER = {TABLE: np.float32([[1.0, 2.0]]), KERNEL: np.float32([3.0]), "cls/bias": np.float32([4.0])}
MODEL = {KERNEL: np.float16([5.5]), "output_bias_0": np.float16([6.0]), RATE: np.float32(0.3)}


def save(prefix, values):
    """Writes a checkpoint of {name: array}, its folder too."""
    os.makedirs(os.path.dirname(prefix), exist_ok=True)
    with tf.Graph().as_default(), tf.Session() as session:
        variables = {name: tf.Variable(value) for name, value in values.items()}
        session.run(tf.global_variables_initializer())
        tf.train.Saver(variables).save(session, prefix, write_meta_graph=False)


@pytest.fixture(name="ensure")
def fixture_ensure(tmp_path):
    """Writes a model and an encoder and makes the model whole; returns (folder, {name: array} in it)."""

    def ensure(model=MODEL, encoder=ENCODER):
        save(str(tmp_path / "shipped" / "mine" / "variables" / "variables"), model)
        save(str(tmp_path / "downloads" / "bert" / "bert_model.ckpt"), encoder)
        folder = shipped.ensure_whole(str(tmp_path / "shipped" / "mine"), str(tmp_path / "downloads" / "bert"))
        return folder, checkpoints.read(checkpoints.exported_variables(folder), "--warm_start_model_dir")

    return ensure


def test_the_models_weights_first_then_the_encoders(ensure, tmp_path):
    folder, found = ensure()
    assert folder == str(tmp_path / "downloads" / "mine")
    assert set(found) == {TABLE, KERNEL, "output_bias_0", RATE}
    assert all(value.dtype == np.float32 for value in found.values())
    assert found[TABLE].tolist() == [[1.0, 2.0]] and found[KERNEL].tolist() == [5.5] and found[RATE] == np.float32(0.3)


@pytest.mark.parametrize("changed", ["model", "encoder", "none"])
def test_made_again_from_other_weights_only(ensure, changed):
    folder, _ = ensure()
    index = checkpoints.exported_variables(folder) + ".index"
    before = os.stat(index).st_mtime_ns
    if changed == "model":
        assert ensure(model=dict(MODEL, **{KERNEL: np.float16([7.0])}))[1][KERNEL].tolist() == [7.0]
    elif changed == "encoder":
        assert ensure(encoder=dict(ENCODER, **{TABLE: np.float32([[8.0, 9.0]])}))[1][TABLE].tolist() == [[8.0, 9.0]]
    else:
        assert ensure()[0] == folder
    assert (os.stat(index).st_mtime_ns == before) == (changed == "none")


def test_a_making_that_ended_half_way_is_made_again(ensure):
    folder, _ = ensure()
    os.remove(os.path.join(folder, shipped.SOURCES))
    save(checkpoints.exported_variables(folder), {KERNEL: np.float32([0.0])})
    assert ensure()[1][KERNEL].tolist() == [5.5]


def test_another_encoder_is_an_error(ensure, tmp_path):
    with pytest.raises(UserError, match=r"has bert/encoder/kernel as \[1\], .*bert_model.ckpt as \[2\]"):
        ensure(encoder=dict(ENCODER, **{KERNEL: np.float32([1.0, 2.0])}))
    assert not (tmp_path / "downloads" / "mine").exists()


def test_a_model_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(UserError, match="is not a directory"):
        shipped.ensure_whole(str(tmp_path / "none"), str(tmp_path))
