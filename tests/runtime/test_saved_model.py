"""A folder for a server: what is in it computes what the session did."""
import numpy as np
import pytest

from runtime import saved_model
from runtime.compat import tf

SIGNATURE = tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY


@pytest.fixture(name="write")
def fixture_write(tmp_path):
    def write(folder):
        with tf.Graph().as_default(), tf.Session() as session:
            x = tf.placeholder(tf.float32, [None], "x")
            weight = tf.get_variable("weight", initializer=3.0)
            session.run(weight.initializer)
            session.run(weight.assign(2.0))
            saved_model.write(session, {"x": x}, {"y": weight * x}, str(folder))

    return write


def test_it_computes_the_same_by_the_names_of_its_signature(write, tmp_path):
    write(tmp_path / "model")
    with tf.Graph().as_default(), tf.Session() as session:
        loaded = tf.saved_model.loader.load(session, ["serve"], str(tmp_path / "model"))
        assert list(loaded.signature_def) == [SIGNATURE]
        signature = loaded.signature_def[SIGNATURE]
        found = session.run(signature.outputs["y"].name, {signature.inputs["x"].name: [1.0, 5.0]})
    np.testing.assert_array_equal(found, [2.0, 10.0])


def test_a_folder_that_cannot_be_written(write, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises((OSError, tf.errors.OpError)):
        write(tmp_path / "file" / "model")
