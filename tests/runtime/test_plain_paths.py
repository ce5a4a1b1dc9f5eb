"""Folders whose names TensorFlow would take as patterns."""
import os

import numpy as np
import pytest
from other_process import run

from runtime import checkpoints, plain_paths
from runtime.compat import tf
from runtime.errors import UserError

NAMES = ["a[1]", "a*", "a?", "a\\b", "[a-z]", "a[!b]", "a{1,2}", "a]b[", "~a $HOME", "é[1]", "a\n[1]", "\\", "[", "a**"]


@pytest.mark.parametrize("name", NAMES)
def test_what_was_saved_is_found_and_read(tmp_path, name):
    folder = tmp_path / name
    checkpoints.export({"bert/a": np.float32([1.0, 2.0])}, str(folder))
    prefix = checkpoints.exported_variables(str(folder))
    assert prefix.startswith(str(folder))  # errors name the user's path
    assert checkpoints.read(prefix, "")["bert/a"].tolist() == [1.0, 2.0]
    with tf.Graph().as_default(), tf.Session() as session:
        variable = tf.get_variable("bert/a", [2])
        checkpoints.initialize({"bert/a": variable}, None, str(folder))
        session.run(tf.global_variables_initializer())
        assert session.run(variable).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("name", NAMES)
def test_the_last_checkpoints_of_a_folder_stay_and_those_of_its_neighbours(tmp_path, name):
    for place in (name, "aXb", "a1", "b"):
        (tmp_path / place).mkdir()
    with tf.Graph().as_default(), tf.Session() as session:
        step = tf.get_variable("step", initializer=0)
        session.run(step.initializer)
        for place in ("aXb", "a1", "b", name):
            saver = tf.train.Saver(max_to_keep=2, save_relative_paths=True)
            for number in range(1, 4):
                if number == 3:  # as in a run that goes on
                    saver = tf.train.Saver(max_to_keep=2, save_relative_paths=True)
                    checkpoints.remember(saver, str(tmp_path / place))
                step.load(number, session)
                checkpoints.save(saver, session, str(tmp_path / place / "model.ckpt"), number)
        for place in ("aXb", "a1", "b", name):
            kept = {"model.ckpt-%d.index" % number for number in (2, 3)}
            assert {each for each in os.listdir(str(tmp_path / place)) if each.endswith(".index")} == kept
        newest = checkpoints.newest(str(tmp_path / name))
        assert newest == str(tmp_path / name / "model.ckpt-3")
        step.load(0, session)
        checkpoints.load(tf.train.Saver(), session, newest)
        assert session.run(step) == 3


@pytest.mark.parametrize("name", ["b[1].ckpt", "b*", "[b]"])
def test_a_checkpoint_whose_name_is_a_pattern_is_read(tmp_path, name):
    with tf.Graph().as_default(), tf.Session() as session:
        variable = tf.get_variable("a", initializer=[3.0])
        session.run(variable.initializer)
        tf.train.Saver().save(session, str(tmp_path / name), write_meta_graph=False)
    assert checkpoints.read(str(tmp_path / name), "")["a"].tolist() == [3.0]


def test_no_checkpoint_is_none(tmp_path):
    assert checkpoints.newest(str(tmp_path / "[a]")) is None
    (tmp_path / "model.ckpt-0.index").write_text("")  # killed before it was noted
    assert checkpoints.newest(str(tmp_path)) is None


def test_other_paths_stay_as_they_are(tmp_path):
    for path in (str(tmp_path), "model", "", "gs://bucket/a[1]/model.ckpt"):
        assert plain_paths.folder(path) == plain_paths.checkpoint(path) == path


def test_links_go_with_the_process_that_made_them(tmp_path):
    (tmp_path / "a[1]").mkdir()
    (tmp_path / "links").mkdir()
    code = (
        "import os, tempfile\n"
        "from runtime import plain_paths\n"
        "tempfile.tempdir = sys.argv[2]\n"
        "link = plain_paths.folder(sys.argv[1])\n"
        "if not os.fork():\n"
        "    assert plain_paths.folder(sys.argv[1]) != link; sys.exit()\n"
        "assert os.wait()[1] == 0 and os.path.isdir(link) and len(os.listdir(sys.argv[2])) == 1\n"
    )
    code, _, error = run(code, tmp_path / "a[1]", tmp_path / "links")
    assert code == 0, error
    assert os.listdir(str(tmp_path / "links")) == []


def test_a_temporary_folder_that_is_a_pattern_is_passed_over(tmp_path, monkeypatch):
    (tmp_path / "a[1]").mkdir()
    monkeypatch.setattr(plain_paths.tempfile, "tempdir", str(tmp_path / "a[1]"))
    assert plain_paths.folder(str(tmp_path / "a[1]")).startswith(plain_paths.PLACES)
    monkeypatch.setattr(plain_paths, "PLACES", ())
    with pytest.raises(UserError, match="rename the folder, or name one by TMPDIR"):
        plain_paths.folder(str(tmp_path / "a[1]" / "b"))
