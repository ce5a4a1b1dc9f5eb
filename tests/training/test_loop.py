"""The training loop in one process. What a whole run leaves, and how it resumes, is in test_meta_training.py."""
import os

import numpy as np
import pytest
from tiny_plan import BERT, make_plan

import modeling
from runtime.compat import tf
from runtime.errors import UserError
from training import loop
from training.plan import Step


def save(prefix, **values):
    with tf.Graph().as_default(), tf.Session() as session:
        variables = modeling.create_variables(BERT)
        variables.update({name: tf.get_variable(name, initializer=value) for name, value in values.items()})
        session.run(tf.global_variables_initializer())
        return tf.train.Saver(variables).save(session, str(prefix))


def cut(prefix):
    """Leaves nothing of a checkpoint's numbers."""
    with open(prefix + ".data-00000-of-00001", "wb"):
        pass


def message(plan, folder, **more):
    with pytest.raises(UserError) as error:
        loop.train(plan, str(folder), **more)
    (line,) = str(error.value).splitlines()
    return line


def test_a_bad_label_is_told_as_such(tmp_path):
    line = message(make_plan(tmp_path, labels=(0, 1) * 3 + (0, 2)), tmp_path)
    assert "meta_pretrain_2.tf_record: record 7 has label_ids 2" in line


def test_damaged_weights_to_start_from(tmp_path):
    prefix = save(tmp_path / "bert.ckpt")
    cut(prefix)
    line = message(make_plan(tmp_path, init_checkpoint=prefix), tmp_path)
    assert line.startswith("--init_checkpoint: %s cannot be read" % prefix)


def test_damaged_checkpoint_of_its_own(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    prefix = save(tmp_path / "checkpoints" / "model.ckpt-1", global_step=np.int64(1))
    cut(prefix)
    line = message(make_plan(tmp_path), tmp_path)
    assert prefix in line and "model_checkpoint_path in %s" % (tmp_path / "checkpoints" / "checkpoint") in line


@pytest.mark.parametrize("name", ["train_batch_size", "max_train_batch_size"])
def test_tasks_without_query_rows(name, tmp_path):
    with pytest.raises(UserError, match="--%s=2 leaves no query rows" % name):
        make_plan(tmp_path, name="sst_train", **{name: 2})


def test_rows_of_supervised_tasks_do_not_matter_to_smlmt_tasks(tmp_path):
    make_plan(tmp_path, max_train_batch_size=2)


def test_a_lost_worker_is_one_line(tmp_path):
    """The data go on where they are, but the weights would go back to the checkpoint: the run has to be begun anew."""

    def lose():
        raise tf.errors.UnavailableError(None, None, "Socket closed\nand more")

    assert "connection between the workers was lost" in message(make_plan(tmp_path), tmp_path, before_step=lose)


class Session:
    """Gives results of steps in the place of TensorFlow's session."""

    def __init__(self, losses=(1.0,) * 10, requests=(0.0,) * 10):
        self.left = list(zip(losses, requests))

    def run(self, step):
        loss, requests = self.left.pop(0)
        return step._replace(loss=np.float32(loss), means=[np.float32(requests)])


STEP = Step(None, None, None, None, {})


def test_a_request_to_stop_ends_the_loop_after_the_step(tmp_path):
    plan = make_plan(tmp_path)._replace(steps=9)
    assert loop.run_steps(Session(requests=[0.0, 0.0, 0.5, 0.0]), STEP, plan, 4, [], None) == 7
    assert loop.run_steps(Session(), STEP, plan, 4, [], None) == 9


@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_a_loss_that_is_no_number_ends_the_run_before_it_is_saved(loss, tmp_path):
    after = []
    hook = type("Hook", (), {"after_step": lambda self, session, step, found: after.append(step)})()
    with pytest.raises(UserError, match="meta-training loss became NaN or infinite: lower --learning_rate or"):
        loop.run_steps(Session(losses=[1.0, loss]), STEP, make_plan(tmp_path)._replace(steps=9), 4, [hook], None)
    assert after == [5]


def test_a_resumed_run_says_where_it_goes_on_and_keeps_two_checkpoints(tmp_path, capsys):
    plan = make_plan(tmp_path, num_train_epochs=3, save_checkpoints_steps=1)
    steps = []

    def fail_at_three():
        steps.append(len(steps))
        if len(steps) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop.train(plan, str(tmp_path), before_step=fail_at_three)
    assert "goes on" not in capsys.readouterr().out
    assert loop.train(plan, str(tmp_path), before_step=lambda: steps.append(len(steps)))
    assert "meta-training goes on from step 2 of 6" in capsys.readouterr().out.splitlines()
    assert len(steps) == 3 + 4
    kept = {name.split(".")[1] for name in os.listdir(str(tmp_path / "checkpoints")) if name.startswith("model.")}
    assert kept == {"ckpt-5", "ckpt-6"}
