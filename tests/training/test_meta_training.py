"""Meta-training as a program: resume, export, signals, devices. What a step computes: tests/test_meta_learner.py."""
import json
import os
import signal
import socket
import subprocess
import sys
import time

import main_program
import meta_files
import numpy as np
import other_process
import pytest

from runtime import checkpoints
from runtime.compat import tf
from runtime.paths import ROOT

MAIN = os.path.join(ROOT, "run_classifier_multitask.py")
STEPS = 6


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Folder with a BERT config, a checkpoint of it, and record files of eight training and two validation tasks."""
    folder = tmp_path_factory.mktemp("meta_training")
    meta_files.write(folder)
    return folder


def command(data, output, *more):
    return [
        sys.executable, MAIN, "--do_train", "--init_checkpoint=%s" % (data / "bert.ckpt"),
        "--bert_config_file=%s" % (data / "bert_config.json"), "--data_dir=%s" % data,
        "--task_train_files=meta_pretrain_2.tf_record", "--task_eval_files=meta_pretrain_valid_2.tf_record",
        "--max_seq_length=%d" % meta_files.SEQ, "--train_batch_size=%d" % meta_files.ROWS, "--meta_batchsz=3",
        "--num_batches=3", "--num_gpus=2", "--tasks_per_gpu=1", "--num_train_epochs=%g" % (STEPS / 4.0),
        "--save_checkpoints_steps=2",
        "--SGD_K=1", "--label_emb_size=4", "--update_only_label_embedding", "--warp_layers", "--learning_rate=0.01",
        "--train_lr=0.1", "--clip_lr", "--eval_examples_per_task=12", "--output_dir=%s" % output,
    ] + list(more)


def start(arguments, **environment):
    return subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
        env=dict(os.environ, **environment),
    )


def run(arguments, **environment):
    process = start(arguments, **environment)
    output, error = process.communicate(timeout=300)
    return process.returncode, output, error


def final_weights(output):
    reader = tf.train.load_checkpoint(str(output / "checkpoints"))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


@pytest.fixture(scope="module")
def whole(data):
    """What an uninterrupted run on one device leaves."""
    code, output, error = run(command(data, data / "whole"))
    assert code == 0, error
    assert "step 2: query accuracy" in output and "meta-training is complete" in output
    found = final_weights(data / "whole")
    assert found["global_step"] == STEPS
    return found


def check_model(folder):
    """The exported model holds every variable that fine-tuning starts from."""
    prefix = checkpoints.exported_variables(str(folder))
    shapes = checkpoints.checkpoint_shapes(prefix, "--model")
    assert "layer_0/sgd0/learning_rate" in shapes and "bert/pooler/dense/kernel" in shapes
    reader = tf.train.load_checkpoint(prefix)
    assert all(np.all(np.isfinite(reader.get_tensor(name))) for name in shapes)


def test_task_without_query_rows(data):
    code, _, error = run(command(data, data / "none", "--meta_batchsz=6"))
    assert code == 2 and "no query rows" in error and not (data / "none").exists()


def test_what_a_run_leaves(data, whole):
    output = data / "whole"
    assert sorted(os.listdir(str(output))) == [
        ".made.json", "best.json", "checkpoints", "meta_training.json", "model", "validation.json"
    ]
    check_model(output / "model")
    history = json.loads((output / "validation.json").read_text())
    best = json.loads((output / "best.json").read_text())
    assert [entry["step"] for entry in history] == [2, 4, 6]
    assert best == max(history, key=lambda entry: entry["query_accuracy"])
    kept = {name.split(".")[1] for name in os.listdir(str(output / "checkpoints")) if name.startswith("model.")}
    assert kept == {"ckpt-4", "ckpt-6"}
    events = [name for name in os.listdir(str(output / "checkpoints")) if name.startswith("events.")]
    tags = {
        value.tag
        for event in tf.train.summary_iterator(str(output / "checkpoints" / events[0]))
        for value in event.summary.value
    }
    wanted = {"query_accuracy", "gradient_norm", "learning_rate", "inner_support_loss/2", "inner_norm/1", "loss"}
    assert wanted | {"inner_query_loss/2", "rates/layer_0/sgd0/learning_rate"} <= tags

    code, _, error = run(command(data, output, "--learning_rate=0.02"))
    assert code == 2 and "other settings" in error


# Where a run is killed: Python code that makes a function kill the process.
KILLED = "import os, signal; die = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)\n"
IN_CHECKPOINT = KILLED + (  # the data of a checkpoint are written, but it is not yet the latest one
    "from runtime.compat import tf\n"
    "tf.train.Saver._RecordLastCheckpoint = die\n"
)
KILLED_MOVE = KILLED + (
    "real = os.replace\n"
    "os.replace = lambda source, target: die() if target.endswith(%r) else real(source, target)\n"
)
IN_REPLACEMENT = KILLED_MOVE % "/model/saved_model.pb"  # best.json is there, the model still that of the step before
AFTER_REPLACEMENT = KILLED_MOVE % ".made.json"  # all files are there, but not the word that it is done
IN_EXPORT = KILLED + (  # the exported folder is half-written
    "from tensorflow.python.saved_model import builder_impl as b\n"
    "b._SavedModelBuilder.save = b.SavedModelBuilder.save = die\n"
)


def killed_run(arguments, where):
    script = "import sys\nsys.path.insert(0, %r)\n%simport runpy\nsys.argv = %r\n"
    script += "runpy.run_path(%r, run_name='__main__')"
    return run([sys.executable, "-c", script % (ROOT, where, arguments[1:], MAIN)])


def test_a_stopped_and_killed_run_ends_as_an_uninterrupted_one(data, whole):
    output = data / "resumed"
    arguments = command(data, output, "--task_eval_files=")  # without validation each checkpoint is exported
    stopped = start(arguments)
    deadline = time.time() + 120
    while not (output / "checkpoints" / "checkpoint").exists() and time.time() < deadline:
        time.sleep(0.02)
    stopped.send_signal(signal.SIGTERM)
    printed, error = stopped.communicate(timeout=120)
    assert stopped.returncode == 0 and "run the same command again" in printed, error

    for where in (IN_EXPORT, IN_CHECKPOINT, IN_REPLACEMENT, AFTER_REPLACEMENT):
        code, printed, error = killed_run(arguments, where)
        assert code == -signal.SIGKILL, printed + error
    code, printed, error = run(arguments)
    assert code == 0 and "complete" in printed, error
    resumed = final_weights(output)
    assert set(resumed) == set(whole)
    for name, value in whole.items():
        np.testing.assert_array_equal(resumed[name], value, err_msg=name)
    check_model(output / "model")
    left = [name for name in os.listdir(str(output)) if name.startswith(".") or name.endswith(".old")]
    assert left == [".made.json"] and not [name for name in os.listdir(str(output / "checkpoints")) if "temp" in name]
    assert [entry["step"] for entry in json.loads((output / "validation.json").read_text())] == [2, 4, 6]
    assert json.loads((output / "best.json").read_text())["step"] == STEPS


HOLD = (
    "from runtime import claims\n"
    "with claims.alone_in(sys.argv[1]):\n"
    "    print('held', flush=True); sys.stdin.read()\n"
)


def test_a_folder_in_which_another_program_trains(data, tmp_path):
    """One line says which; nothing of it is touched."""
    holder = other_process.start(HOLD, tmp_path / "out")
    holder.stdout.readline()
    result = main_program.run(*command(data, tmp_path / "out")[2:])
    holder.communicate()
    assert (result.code, len(result.lines)) == (2, 1) and os.listdir(str(tmp_path / "out")) == []
    (line,) = result.lines
    assert line.startswith("error: %s is in use by " % (tmp_path / "out")) and "process %d on" % holder.pid in line


def check_close(found, expected):
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-5, err_msg=name)


def test_two_devices_compute_what_one_does(data, whole):
    code, _, error = run(command(data, data / "devices", "--cpu_devices=2"))
    assert code == 0, error
    check_close(final_weights(data / "devices"), whole)


def free_addresses(count):
    with_sockets = [socket.socket() for _ in range(count)]
    try:
        for each in with_sockets:
            each.bind(("127.0.0.1", 0))
        return ["127.0.0.1:%d" % each.getsockname()[1] for each in with_sockets]
    finally:
        for each in with_sockets:
            each.close()


def tf_config(addresses, index):
    return json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})


def test_two_workers_compute_what_one_does(data, whole):
    addresses = free_addresses(2)
    workers = [start(command(data, data / "workers"), TF_CONFIG=tf_config(addresses, index)) for index in range(2)]
    for worker in workers:
        printed, error = worker.communicate(timeout=300)
        assert worker.returncode == 0 and "complete" in printed, error
    check_close(final_weights(data / "workers"), whole)
    check_model(data / "workers" / "model")


def test_a_missing_worker_ends_in_one_line(data):
    addresses = free_addresses(2)
    code, _, error = run(
        command(data, data / "alone", "--worker_timeout=2"), TF_CONFIG=tf_config(addresses, 0)
    )
    assert code == 2
    assert [line for line in error.splitlines() if line.startswith("error: worker %s" % addresses[1])], error


def test_devices_that_cannot_share_the_tasks(data):
    addresses = free_addresses(3)
    code, _, error = run(command(data, data / "three"), TF_CONFIG=tf_config(addresses, 0))
    assert code == 2 and "--num_gpus=2" in error and "3" in error
