"""Meta-training as a program: resume, export, signals. What a step computes is tested in test_meta_learner.py."""
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import checkpoints
from compat import tf
from data import records

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SEQ, VOCAB, ROWS = 6, 30, 6
CONFIG = dict(
    vocab_size=VOCAB,
    hidden_size=8,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=8,
    max_position_embeddings=SEQ,
    type_vocab_size=2,
)


@pytest.fixture
def data(tmp_path):
    (tmp_path / "bert_config.json").write_text(json.dumps(CONFIG))
    random = np.random.RandomState(0)
    for part, size in (("meta_pretrain_2", 8 * ROWS), ("meta_pretrain_valid_2", 2 * ROWS)):
        ids = random.randint(1, VOCAB, [size, SEQ]).astype(np.int32)
        examples = records.Examples(ids, np.ones_like(ids), np.zeros_like(ids), np.arange(size, dtype=np.int32) % 2)
        records.write_records(tmp_path / (part + ".tf_record"), examples)
    return tmp_path


def command(data, output, *more):
    return [
        sys.executable, os.path.join(ROOT, "run_classifier_multitask.py"), "--do_train", "--init_checkpoint=",
        "--bert_config_file=%s" % (data / "bert_config.json"), "--data_dir=%s" % data,
        "--task_train_files=meta_pretrain_2.tf_record", "--task_eval_files=meta_pretrain_valid_2.tf_record",
        "--max_seq_length=%d" % SEQ, "--train_batch_size=%d" % ROWS, "--meta_batchsz=4", "--num_batches=2",
        "--num_gpus=1", "--tasks_per_gpu=1", "--num_train_epochs=1", "--save_checkpoints_steps=4", "--SGD_K=1",
        "--label_emb_size=4", "--update_only_label_embedding", "--warp_layers", "--learning_rate=0.01",
        "--train_lr=0.1", "--clip_lr", "--output_dir=%s" % output,
    ] + list(more)


def run(arguments):
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    return done.returncode, done.stdout, done.stderr


def final_weights(output):
    reader = tf.train.load_checkpoint(str(output / "checkpoints"))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def test_task_without_query_rows(data):
    code, _, error = run(command(data, data / "out", "--meta_batchsz=6"))
    assert code == 2 and "no query rows" in error and not (data / "out").exists()


def test_a_stopped_run_ends_as_an_uninterrupted_one(data):
    code, output, error = run(command(data, data / "whole"))
    assert code == 0, error
    assert "step 4: query accuracy" in output and "meta-training is complete" in output
    whole = final_weights(data / "whole")
    assert whole["global_step"] == 8
    prefix = checkpoints.exported_variables(str(data / "whole" / "model"))
    assert "layer_0/sgd0/learning_rate" in checkpoints.checkpoint_shapes(prefix, "--model")

    stopped = subprocess.Popen(command(data, data / "resumed"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.time() + 120
    while not (data / "resumed" / "checkpoints" / "checkpoint").exists() and time.time() < deadline:
        time.sleep(0.05)
    stopped.send_signal(signal.SIGTERM)
    output, error = stopped.communicate(timeout=120)
    assert stopped.returncode == 0, error
    code, output, error = run(command(data, data / "resumed"))
    assert code == 0 and "complete" in output, error
    resumed = final_weights(data / "resumed")
    assert set(resumed) == set(whole)
    for name, value in whole.items():
        np.testing.assert_array_equal(resumed[name], value, err_msg=name)

    code, _, error = run(command(data, data / "resumed", "--learning_rate=0.02"))
    assert code == 2 and "other settings" in error
