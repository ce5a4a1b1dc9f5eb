"""What happens between steps. Whole runs that are stopped and killed are in test_meta_training.py."""
import errno
import os

import numpy as np
import pytest
from absl import logging

from runtime import progress
from runtime.compat import tf
from runtime.errors import UserError
from training import hooks
from training.hooks import CHECKPOINT, ProgressHook, SaveHook, StopSignal, SummaryHook
from training.plan import Step


def train(folder, every, steps, until, validate):
    """Counts the steps from where the folder's checkpoints are up to `until`, with a SaveHook."""
    newest = tf.train.latest_checkpoint(str(folder))
    step = int(newest.split("-")[-1]) if newest else 0
    with tf.Graph().as_default(), tf.Session() as session:
        counter = tf.train.get_or_create_global_step()
        advance, saver = counter.assign_add(1).op, tf.train.Saver(max_to_keep=2, sharded=True)
        session.run(counter.initializer)
        if newest:
            saver.restore(session, newest)
        with SaveHook(saver, str(folder), every, steps, validate) as hook:
            hook.begin(session, step)
            while step < until:
                session.run(advance)
                step += 1
                hook.after_step(session, step, None)
            hook.end(session, step)


def latest(folder):
    return os.path.basename(tf.train.latest_checkpoint(str(folder)))


@pytest.mark.parametrize("interrupted", [[7], [1, 7], [2, 7], [3, 6, 7]])
def test_the_same_checkpoints_are_validated_wherever_a_run_is_interrupted(tmp_path, interrupted):
    validated = []
    for until in interrupted:
        train(tmp_path, 2, 7, until, validated.append)
        assert latest(tmp_path) == "%s-%d" % (CHECKPOINT, until)
        counted = tf.train.load_checkpoint(str(tmp_path)).get_tensor("global_step")
        assert counted == until
    assert sorted(set(validated)) == [2, 4, 6, 7]  # again after a stop at one of them: it may have been killed there


def test_leftovers_of_a_killed_save_are_swept_out(tmp_path):
    left = tmp_path / "model.ckpt-3_temp_abc"
    left.mkdir()
    (left / "part-00000-of-00001.data").write_text("half")
    train(tmp_path, 2, 3, 3, lambda step: None)
    assert not left.exists() and latest(tmp_path) == "model.ckpt-3"


def test_a_full_disk_is_one_line_and_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    train(tmp_path, 2, 9, 2, lambda step: None)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tf.train.Saver, "save", full)
    with pytest.raises(UserError) as error:
        train(tmp_path, 2, 9, 9, lambda step: None)
    assert "step 4" in str(error.value) and "No space left" in str(error.value) and str(tmp_path) in str(error.value)
    assert latest(tmp_path) == "model.ckpt-2"


def test_a_request_to_stop_is_seen_by_the_next_step():
    signal = StopSignal()
    with tf.Graph().as_default(), tf.Session() as session:
        requests = signal.tensor()
        found = []
        for signal.requested in (False, True, True):
            found.append(session.run(requests))
    assert found == [0.0, 1.0, 1.0]


def found(loss, accuracy, **summaries):
    return Step(None, np.float32(loss), np.float32(accuracy), [np.float32(0)], summaries)


def test_progress_shows_means_over_the_last_steps(monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    monkeypatch.setattr(hooks, "STEPS_OF_A_MEAN", 2)
    lines, verbosity = [], logging.get_verbosity()
    monkeypatch.setattr(logging.get_absl_logger(), "handle", lambda record: lines.append(record.getMessage()))
    logging.set_verbosity(logging.INFO)
    with ProgressHook("meta-training", 1, 4, 2) as hook:
        hook.begin(None, 1)
        for number, values in enumerate([(4.0, 0.0), (2.0, 0.5), (1.0, 1.0)], start=2):
            hook.after_step(None, number, found(*values))
    logging.set_verbosity(verbosity)
    assert [line.split(",")[0] for line in lines[:3]] == ["meta-training: %d of 8" % tasks for tasks in (4, 6, 8)]
    assert all("task" in line.split(",")[1] and line.split(",")[2].endswith(" left") for line in lines)
    shown = [line.split(" left, ")[1] for line in lines[:3]]
    assert shown == [
        "loss 4, query accuracy 0", "loss 3, query accuracy 0.25", "loss 1.5, query accuracy 0.75"
    ]


def test_scalars_stand_at_the_same_steps_wherever_a_run_is_interrupted(tmp_path):
    for begun, ended in ((0, 60), (60, 102)):
        with SummaryHook(str(tmp_path)) as hook:
            for step in range(begun + 1, ended + 1):
                hook.after_step(None, step, found(step / 2.0, 0.5, norm=np.float32(3.0)))
    events = [
        event for name in sorted(os.listdir(str(tmp_path))) for event in tf.train.summary_iterator(str(tmp_path / name))
    ]
    scalars = {event.step: {value.tag: value.simple_value for value in event.summary.value} for event in events}
    scalars = {step: values for step, values in scalars.items() if values}
    assert scalars == {step: {"loss": step / 2.0, "norm": 3.0} for step in (1, 51, 101)}
