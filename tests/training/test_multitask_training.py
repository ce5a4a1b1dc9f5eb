"""Multi-task training: one softmax layer a task, resume, export. The loop itself is tested in test_meta_training.py."""
import dataclasses
import json
import os
import signal

import numpy as np
import pytest
import tiny

import modeling
from data import records
from learner import configs, softmax
from learner.configs import MetaTrainConfig, SoftmaxConfig
from runtime import checkpoints
from runtime.compat import tf
from runtime.errors import UserError
from training import loop, multitask_training
from training.finetuner import Finetuner

SEQ, VOCAB = 5, 12
BERT = tiny.bert(
    vocab_size=VOCAB, initializer_range=0.2, hidden_dropout_prob=0.05, attention_probs_dropout_prob=0.05,
    max_position_embeddings=SEQ,
)
CONFIG = SoftmaxConfig(pooling="mean", keep_prob=1.0, learning_rate=0.006)
TASKS = {"one": 2, "two": 3}  # classes


def write_task(folder, name, num_labels, size, seed):
    """Rows whose second token tells the label; the same token means another label in another task."""
    random = np.random.RandomState(seed)
    labels = np.arange(size, dtype=np.int32) % num_labels
    ids = random.randint(8, VOCAB, [size, SEQ]).astype(np.int32)
    ids[:, 1] = 1 + (labels if name.startswith("one") else num_labels - 1 - labels)
    path = folder / (name + ".tf_record")
    records.write_records(path, records.Examples(ids, np.ones_like(ids), np.zeros_like(ids), labels))
    (folder / (name + ".tf_record.json")).write_text(json.dumps({"num_labels": num_labels}))
    return str(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Settings of a run over two tasks."""
    folder = tmp_path_factory.mktemp("multitask")
    return MetaTrainConfig(
        task_train_files=tuple(write_task(folder, name + "_train", n, 48, 0) for name, n in TASKS.items()),
        task_eval_files=tuple(write_task(folder, name + "_dev", n, 12, 1) for name, n in TASKS.items()),
        train_batch_size=12, tasks_per_gpu=1, num_gpus=1, num_train_epochs=10.0, save_checkpoints_steps=40,
        eval_examples_per_task=12, max_seq_length=SEQ, seed=1,
    )


def weights(folder):
    reader = checkpoints.open_reader(checkpoints.newest(str(folder / "checkpoints")))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


@pytest.fixture(scope="module")
def trained(run, tmp_path_factory):
    """Folder of a finished run."""
    folder = tmp_path_factory.mktemp("trained")
    assert loop.train(multitask_training.make_plan(BERT, CONFIG, run), str(folder))
    return folder


def test_training_learns_all_tasks(trained):
    history = json.loads((trained / "validation.json").read_text())
    assert [entry["step"] for entry in history] == [40, 80]
    assert history[-1]["query_loss"] < 0.5 * np.mean(np.log(list(TASKS.values())))
    assert history[-1]["query_accuracy"] > 0.9


def test_a_stopped_run_ends_as_an_uninterrupted_one(run, trained, tmp_path):
    plan = multitask_training.make_plan(BERT, CONFIG, run)
    folder = tmp_path / "a[1]*"  # TensorFlow takes it as a pattern
    folder.mkdir()
    steps = []

    def stop_at_seven():
        steps.append(len(steps))
        if len(steps) == 7:
            os.kill(os.getpid(), signal.SIGTERM)

    assert not loop.train(plan, str(folder), before_step=stop_at_seven)
    assert weights(folder)["global_step"] == len(steps) == 7
    assert loop.train(plan, str(folder))
    whole, resumed = weights(trained), weights(folder)
    assert set(whole) == set(resumed)
    for name, value in whole.items():
        np.testing.assert_array_equal(resumed[name], value, err_msg=name)


def test_two_devices_compute_what_one_does(run, tmp_path):
    run, found = dataclasses.replace(run, num_gpus=2, num_train_epochs=1.0, task_eval_files=()), []
    for devices in (1, 2):
        folder = tmp_path / str(devices)
        folder.mkdir()
        assert loop.train(multitask_training.make_plan(BERT, CONFIG, run), str(folder), cpu_devices=devices)
        found.append(weights(folder))
    assert set(found[0]) == set(found[1]) and found[0]["global_step"] == 4
    for name, value in found[0].items():
        np.testing.assert_allclose(found[1][name], value, rtol=0, atol=1e-6, err_msg=name)


def test_fine_tuning_starts_from_the_exported_encoder(trained):
    prefix = checkpoints.exported_variables(str(trained / "model"))
    assert checkpoints.checkpoint_shapes(prefix, "--model")["task_heads/two/output_weights"] == [3, 8]
    encoder = tf.train.load_checkpoint(prefix)
    rows = records.Examples(*[np.ones([4, SEQ], np.int32)] * 3, np.arange(4, dtype=np.int32))
    start = configs.FinetuneConfig(
        warm_start_model_dir=str(trained / "model"), num_train_epochs=2, train_batch_size=4
    )
    fixed = dataclasses.replace(CONFIG, fix_bert=True)
    with Finetuner(BERT, fixed, start, 4) as finetuner:
        first, again = [finetuner.run(start, rows, rows, show=False).logits for _ in range(2)]
        found = finetuner._session.run(finetuner._model.saved_variables())
    np.testing.assert_array_equal(first, again)
    assert set(found) == set(modeling.variable_shapes(BERT)) | {"output_weights", "output_bias", "training_step"}
    for name in modeling.variable_shapes(BERT):
        np.testing.assert_array_equal(found[name], encoder.get_tensor(name), err_msg=name)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_layer_by_its_place(place):
    with tf.Graph().as_default(), tf.Session() as session:
        layers = multitask_training.create_heads(4, ["a", "b", "c"], [2, 4, 3])
        picked = multitask_training.pick_head(layers, tf.constant(place))
        loss = tf.reduce_sum(tf.square(picked.weights)) + tf.reduce_sum(picked.bias + 1.0)
        variables = {variable.op.name: variable for layer in layers for variable in layer}
        gradients = list(softmax.gradients(loss, variables, CONFIG).values())
        session.run(tf.global_variables_initializer())
        found, expected, gradients = session.run([picked, layers[place], gradients])
        np.testing.assert_array_equal(found.weights, expected.weights)
        np.testing.assert_array_equal(found.bias, expected.bias)
        read = [index for index, gradient in enumerate(gradients) if np.any(gradient)]
        assert read == [2 * place, 2 * place + 1]  # the other tasks' layers get nothing
        np.testing.assert_allclose(gradients[2 * place], 2 * expected.weights)


def test_names_of_tasks():
    assert multitask_training.task_name("x/MNLI-m_train.tf_record") == "MNLI-m"
    assert multitask_training.task_name("my data_dev.tf_record") == "my_data"
    assert multitask_training.task_name("mnli_dev_matched.tf_record") == "mnli"
    assert multitask_training.task_name("mnli_dev_mismatched.tf_record") == "mnli"
    assert multitask_training.task_name("mine_dev_1.tf_record") == "mine"
    assert multitask_training.task_name("web_dev_ops_train.tf_record") == "web_dev_ops"


def test_steps_count_rows(run):
    more = dataclasses.replace(run, tasks_per_gpu=2, num_gpus=2)
    assert multitask_training.number_of_steps(96, run) == (80, 8)
    assert multitask_training.number_of_steps(96, more) == (20, 2)
    larger = dataclasses.replace(run, max_train_batch_size=48)  # the rows that a batch really has
    assert multitask_training.number_of_steps(96, larger) == (20, 2)
    with pytest.raises(UserError, match="too few"):
        multitask_training.number_of_steps(1, run)


def test_data_that_do_not_fit(run, tmp_path):
    def refused(message, **changes):
        with pytest.raises(UserError, match=message):
            multitask_training.make_plan(BERT, CONFIG, dataclasses.replace(run, **changes))

    smlmt = write_task(tmp_path, "meta_pretrain_2", 2, 12, 0)
    refused("SMLMT", task_train_files=(smlmt,))
    drawn = write_task(tmp_path, "mine_train_2", 2, 12, 0)
    with open(drawn + ".json", "w") as file:
        file.write('{"num_labels": 2, "records_per_task": 6}')
    refused("drawn tasks differ from task to task", task_train_files=(drawn,))
    refused("two files of the task one", task_train_files=run.task_train_files[:1] * 2)
    alike = tuple(write_task(tmp_path, name + "_train", 2, 12, 0) for name in ("\u00e9", "\u00e8"))
    refused("the task _ .*\u00e9_train.tf_record, .*\u00e8_train.tf_record", task_train_files=alike)
    refused("of no task that is trained", task_train_files=run.task_train_files[:1])
    refused("has 3 classes", task_eval_files=(write_task(tmp_path, "one_dev", 3, 12, 0),))
