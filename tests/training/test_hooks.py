"""Saving between steps. Whole runs that are stopped and killed are in test_meta_training.py."""
import errno
import os

import pytest

from runtime.compat import tf
from runtime.errors import UserError
from training.hooks import SaveHook, StopHook, StopSignal


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as built:
        yield built


def train(folder, every, steps, until, validate):
    """Counts the global step up to `until` with a SaveHook, resuming from what is in the folder."""
    step = tf.train.get_or_create_global_step()
    hook = SaveHook(str(folder), every, steps, validate)
    stop = tf.train.StopAtStepHook(last_step=until)
    saver = tf.train.Saver(max_to_keep=2, defer_build=True, save_relative_paths=True)
    tf.add_to_collection(tf.GraphKeys.SAVERS, saver)
    advance = step.assign_add(1).op
    with tf.train.MonitoredTrainingSession(
        checkpoint_dir=str(folder), hooks=[stop], chief_only_hooks=[hook], scaffold=tf.train.Scaffold(saver=saver),
        save_checkpoint_secs=None, save_checkpoint_steps=None, save_summaries_steps=None, log_step_count_steps=None,
    ) as session:
        while not session.should_stop():
            session.run(advance)


def latest(folder):
    return os.path.basename(tf.train.latest_checkpoint(str(folder)))


@pytest.mark.parametrize("interrupted", [[7], [1, 7], [2, 7], [3, 6, 7]])
def test_the_same_checkpoints_are_validated_wherever_a_run_is_interrupted(tmp_path, interrupted):
    validated = []
    for until in interrupted:
        with tf.Graph().as_default():
            train(tmp_path, 2, 7, until, validated.append)
        assert latest(tmp_path) == "model.ckpt-%d" % until
    assert sorted(set(validated)) == [2, 4, 6, 7]  # again after a stop at one of them: it may have been killed there


def test_leftovers_of_a_killed_save_are_swept_out(tmp_path):
    left = tmp_path / "model.ckpt-3_temp_abc"
    left.mkdir()
    (left / "part-00000-of-00001.data").write_text("half")
    train(tmp_path, 2, 3, 3, lambda step: None)
    assert not left.exists() and latest(tmp_path) == "model.ckpt-3"


def test_a_full_disk_is_one_line_and_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    with tf.Graph().as_default():
        train(tmp_path, 2, 9, 2, lambda step: None)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tf.train.Saver, "save", full)
    with pytest.raises(UserError) as error:
        train(tmp_path, 2, 9, 9, lambda step: None)
    assert "step 4" in str(error.value) and "No space left" in str(error.value) and str(tmp_path) in str(error.value)
    assert latest(tmp_path) == "model.ckpt-2"


def test_a_request_to_stop_ends_the_loop_after_the_step():
    step, ended = tf.train.get_or_create_global_step(), []
    signal = StopSignal()
    advance = step.assign_add(1).op
    with tf.control_dependencies([advance]):
        requests = signal.tensor()
    hook = StopHook(requests, 10, lambda: ended.append(True))
    with tf.train.MonitoredTrainingSession(hooks=[hook]) as session:
        while not session.should_stop():
            assert not ended
            signal.requested = session.run(step) == 3
            session.run(requests)
    assert ended == [True]


def test_a_second_session_is_refused():
    """The data go on where they are, but the weights would go back to the checkpoint."""
    hook = StopHook(tf.constant(0.0), 10, lambda: None)
    hook.after_create_session(None, None)
    with pytest.raises(UserError, match="connection between the workers was lost"):
        hook.after_create_session(None, None)
