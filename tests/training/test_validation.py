"""Which checkpoint is the best, and what its export is. The numbers: tests/test_meta_learner.py."""
import json
import os

import numpy as np
import pytest
from other_process import run
from tiny_plan import BERT, SEQ, make_plan

import meta_learner
from learner.classifier import Batch, Classifier
from runtime.compat import tf
from runtime.errors import UserError
from runtime.files import write_json
from training import validation
from training.plan import Judged
from training.validation import Validator


class Checkpoints:
    """In the place of a plan's checkpoints: judges and exports by number, and counts the exports."""

    loss = 1.0

    def __init__(self, accuracies):
        self.exported, self._accuracies = [], accuracies

    def judge(self, checkpoint):
        return Judged(self._accuracies[self._step(checkpoint)], self.loss)

    def export(self, checkpoint, folder):
        self.exported.append(self._step(checkpoint))
        os.mkdir(folder)
        with open(os.path.join(folder, "number"), "w") as file:
            file.write(str(self.exported[-1]))

    def _step(self, checkpoint):
        return int(checkpoint.split("model.ckpt-")[1])

    def validator(self, folder, done, judge=True):
        prefix = str(folder / "checkpoints" / "model.ckpt")
        return Validator(self.judge if judge else None, self.export, prefix, str(folder), done)


def read(path):
    return json.loads(path.read_text())


def test_what_a_kill_left_of_an_export_goes_though_nothing_more_is_exported(tmp_path):
    code = "from runtime import folders; import os\nfolders.claim(sys.argv[1]); os._exit(9)"
    assert run(code, tmp_path)[0] == 9 and os.listdir(str(tmp_path))
    Checkpoints({}).validator(tmp_path, 0)
    assert not os.listdir(str(tmp_path))


@pytest.mark.parametrize("done, exported, best", [(4, [], 0.9), (0, [4, 8], 0.6)])
def test_what_was_judged_of_checkpoints_that_are_gone_is_judged_again(done, exported, best, tmp_path):
    """As after somebody deleted the checkpoints to start over: then none is done."""
    entry = {"step": 4, "query_accuracy": 0.9, "query_loss": 0.0}
    write_json(str(tmp_path / "validation.json"), [entry])
    write_json(str(tmp_path / "best.json"), entry)
    made = Checkpoints({4: 0.3, 8: 0.6})
    validator = made.validator(tmp_path, done)
    for step in (4, 8):
        validator.validate(step)
    assert [entry["step"] for entry in read(tmp_path / "validation.json")] == [4, 8]
    assert read(tmp_path / "best.json")["query_accuracy"] == best
    assert made.exported == exported


def test_the_first_of_equals_is_exported(tmp_path, capsys):
    made = Checkpoints({2: 0.25, 4: 0.5, 6: 0.5, 8: 0.25})
    validator = made.validator(tmp_path, 0)
    for step in (2, 4, 4, 6, 8):
        validator.validate(step)
    assert made.exported == [2, 4] and (tmp_path / "model" / "number").read_text() == "4"
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "step 4: query accuracy 0.5000, loss 1.0000, the best so far"
    assert lines[2] == "step 6: query accuracy 0.5000, loss 1.0000"
    assert validation.exported(str(tmp_path)) == (
        "that of step 4, whose query accuracy 0.5000 is the best of 4 validations"
    )
    (events,) = os.listdir(str(tmp_path / "checkpoints" / "eval"))[:1]
    tags = {
        value.tag
        for event in tf.train.summary_iterator(str(tmp_path / "checkpoints" / "eval" / events))
        for value in event.summary.value
    }
    assert tags == {"query_accuracy", "query_loss"}


def test_a_loss_that_is_no_number_does_not_keep_a_run_from_going_on(tmp_path, capsys):
    """Five inner epochs may diverge where those of training do not."""
    made = Checkpoints({4: 0.5, 8: 0.6})
    made.loss = float("nan")
    made.validator(tmp_path, 0).validate(4)
    assert read(tmp_path / "validation.json") == [{"step": 4, "query_accuracy": 0.5, "query_loss": None}]
    made.validator(tmp_path, 4).validate(8)
    assert capsys.readouterr().out.splitlines()[1] == "step 8: query accuracy 0.6000, loss nan, the best so far"


@pytest.mark.parametrize("earlier", [{"validated": False}, {"query_accuracy": None, "query_loss": None}])
def test_a_run_without_validation_says_so(tmp_path, earlier):
    write_json(str(tmp_path / "best.json"), dict(earlier, step=2))  # the second, as written by earlier versions
    write_json(str(tmp_path / "validation.json"), [dict(earlier, step=2)])
    made = Checkpoints({})
    validator = made.validator(tmp_path, 2, judge=False)
    for step in (2, 4):
        validator.validate(step)
    assert made.exported == [4]
    assert read(tmp_path / "best.json") == {"step": 4, "validated": False}
    assert read(tmp_path / "validation.json") == [dict(earlier, step=2), {"step": 4, "validated": False}]
    assert validation.exported(str(tmp_path)) == "the last step's (4), as there are no validation tasks"


@pytest.fixture(name="plan")
def fixture_plan(tmp_path):
    path = make_plan(tmp_path, name="meta_pretrain_valid_2").run.task_train_files[0]
    return make_plan(tmp_path, task_eval_files=(path,), eval_examples_per_task=8)


@pytest.fixture(name="checkpoint")
def fixture_checkpoint(plan, tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        meta_learner.create_variables(BERT, plan.config)
        tf.get_variable("a/moment", [2])  # as the optimiser's
        tf.train.get_or_create_global_step()
        session.run(tf.global_variables_initializer())
        return tf.train.Saver(sharded=True).save(session, str(tmp_path / "model.ckpt"), 7)


def test_an_exported_model(plan, checkpoint, tmp_path):
    """Tag, signature and names of the variables are those of every export so far."""
    folder = str(tmp_path / "model")
    validation.export(plan._replace(beside={"export.json": b"{}"}), checkpoint, folder)
    names = {"saved_model.pb", "variables", "export.json"}
    assert set(os.listdir(folder)) - {"fingerprint.pb"} == names  # 2.15 adds the print
    saved, reader = tf.train.load_checkpoint(folder + "/variables/variables"), tf.train.load_checkpoint(checkpoint)
    assert set(saved.get_variable_to_shape_map()) == set(reader.get_variable_to_shape_map()) - {"a/moment"}
    rows = {name: np.ones([3, SEQ], np.int32) for name in ("input_ids", "input_mask", "segment_ids")}
    with tf.Graph().as_default(), tf.Session() as session:
        (signature,) = tf.saved_model.load(session, ["serve"], folder).signature_def.items()
        inputs, outputs = [
            {name: (each.dtype, [size.size for size in each.tensor_shape.dim]) for name, each in part.items()}
            for part in (signature[1].inputs, signature[1].outputs)
        ]
        assert signature[0] == "serving_default" and signature[1].method_name == "tensorflow/serving/predict"
        assert inputs == {name: (tf.int32.as_datatype_enum, [-1, SEQ]) for name in rows}
        assert outputs["features"] == (tf.float32.as_datatype_enum, [-1, BERT.hidden_size])
        assert set(outputs) == {"features", "outputs"}
        feed = {signature[1].inputs[name].name: values for name, values in rows.items()}
        served = session.run(signature[1].outputs["features"].name, feed)
    with tf.Graph().as_default(), tf.Session() as session:
        variables = meta_learner.create_variables(BERT, plan.config)
        batch = Batch(*[tf.constant(rows[name]) for name in Batch._fields[:3]], label_ids=None)
        features = Classifier(BERT, plan.config, 0).features(variables, batch)
        tf.train.Saver(variables).restore(session, checkpoint)
        np.testing.assert_allclose(served, session.run(features), atol=1e-6)


def test_judging_takes_means_over_the_tasks(plan, checkpoint):
    whole = validation.judge(plan, checkpoint)
    parts = [validation.judge(plan._replace(validation=[task]), checkpoint) for task in plan.validation]
    assert len(parts) == 2
    np.testing.assert_allclose(whole, np.mean(parts, axis=0), rtol=1e-6)
    assert whole == validation.judge(plan, checkpoint)


def test_a_checkpoint_that_is_damaged_meanwhile(plan, checkpoint, tmp_path):
    for name in os.listdir(str(tmp_path)):
        if name.startswith("model.ckpt-7.data"):
            (tmp_path / name).write_bytes(b"")
    with pytest.raises(UserError, match="model.ckpt-7 cannot be read"):
        validation.judge(plan, checkpoint)
