"""Checkpoints in parts: the files, that equal parts give equal ones, and that every reader finds what was written."""
import os

import numpy as np
import pytest

from runtime import checkpoints
from runtime.compat import tf
from runtime.parts_saver import PartsSaver

VALUES = {"b/c": np.float32([[3, 4]]), "a": np.float32([1, 2]), "step": np.int64(7)}
FIRST, SECOND = "model.ckpt.data-00000-of-00002", "model.ckpt.data-00001-of-00002"


def write(folder, parts, **changes):
    """Writes VALUES with some changed, in parts of these names; returns {name of a file: its bytes}."""
    folder.mkdir()
    with tf.Graph().as_default(), tf.Session() as session:
        variables = {name: tf.Variable(value) for name, value in dict(VALUES, **changes).items()}
        saver = PartsSaver([{name: variables[name] for name in part} for part in parts])
        plain = tf.train.Saver(variables, save_relative_paths=True)
        session.run(tf.global_variables_initializer())
        saver.save(session, str(folder / "model.ckpt"))
        found = {path.name: path.read_bytes() for path in folder.iterdir()}
        if len(parts) == 1:
            (folder / "plain").mkdir()
            plain.save(session, str(folder / "plain" / "model.ckpt"), write_meta_graph=False)
    return found


@pytest.mark.parametrize("name", ["model", "out[1]*"])
def test_what_is_written_is_read(name, tmp_path):
    files = write(tmp_path / name, [["b/c", "a"], ["step"]])
    assert sorted(files) == ["checkpoint", FIRST, SECOND, "model.ckpt.index"]
    found = checkpoints.read(str(tmp_path / name / "model.ckpt"), "--flag")
    assert {key: value.tolist() for key, value in found.items()} == {
        key: value.tolist() for key, value in VALUES.items()
    }
    assert os.path.basename(checkpoints.newest(str(tmp_path / name))) == "model.ckpt"


def test_a_part_is_the_same_file_whatever_is_in_the_other(tmp_path):
    one = write(tmp_path / "one", [["b/c", "a"], ["step"]])
    two = write(tmp_path / "two", [["a", "b/c"], ["step"]], step=np.int64([8, 9]))
    assert one[FIRST] == two[FIRST] and one[SECOND] != two[SECOND]


def test_one_part_is_what_a_saver_writes(tmp_path):
    files = write(tmp_path / "one", [list(VALUES)])
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "one" / "plain").iterdir()}


def test_what_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("mine")
    with tf.Graph().as_default(), tf.Session() as session:
        saver = PartsSaver([{"a": tf.Variable(1.0)}])
        session.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.OpError):
            saver.save(session, str(tmp_path / "file" / "model.ckpt"))
