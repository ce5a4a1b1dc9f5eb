"""Weights to start from: refused, used, and runs that diverge from them."""

import numpy as np
import pytest
from few_shot_files import checksum, content, read_json, refused, task
from main_program import run, run_program

from runtime.compat import tf

BAD_CHECKPOINTS = {
    "missing": ["missing.index is missing"],
    "thin": ["lacks 16 variables", "bert/encoder/layer_1/attention/self/query/kernel", "and 11 more"],
    "wide": ["6 variables of another shape", "intermediate/dense/kernel ([16, 64] in the checkpoint, [16, 32] in the"],
    "cut_index": ["cannot be read"],
    "cut_data": ["cannot be read", "cut short"],
    "no_data": ["cannot be read", "missing"],
}


@pytest.mark.parametrize("name", list(BAD_CHECKPOINTS))
def test_bad_checkpoint(name, weights, files, base, tmp_path):
    arguments = ["--init_checkpoint=%s" % (weights / name), "--output_dir=%s" % (tmp_path / "out")]
    refused(run(*(base + [task(files, ".csv")] + arguments)), "--init_checkpoint", name, *BAD_CHECKPOINTS[name])
    assert content(tmp_path) == {}


def test_good_checkpoint_is_used(weights, files, base, from_text, tmp_path):
    arguments = ["--init_checkpoint=%s" % (weights / "good"), "--output_dir=%s" % tmp_path]
    assert run(*(base + [task(files, ".csv")] + arguments)).code == 0
    index = weights / "good.index"
    expected = {"init_checkpoint": {"path": str(index), "sha256": checksum(index)}}
    assert read_json(tmp_path / "results.json")["weights"] == expected
    names = ["bert/embeddings/position_embeddings", "bert/pooler/dense/kernel"]
    given, saved = (tf.train.load_checkpoint(str(p)) for p in (weights / "good", tmp_path / "model" / "model.ckpt"))
    random = tf.train.load_checkpoint(str(from_text[0] / "model" / "model.ckpt"))
    for name in names:  # neither is adapted by these flags
        np.testing.assert_array_equal(saved.get_tensor(name), given.get_tensor(name))
        assert not np.array_equal(saved.get_tensor(name), random.get_tensor(name))


def test_diverging_run_is_one_line(files, base, tmp_path):
    arguments = base + [task(files, ".csv"), "--train_lr=1e30", "--output_dir=%s" % (tmp_path / "out")]
    result = run_program(*arguments)
    refused(result, "NaN", "--train_lr")
    assert content(tmp_path) == {}


@pytest.mark.parametrize("evaluated", [True, False])
def test_run_that_diverges_in_its_last_step_is_one_line(evaluated, files, base, tmp_path):
    """There the loss was that of the weights before."""
    data = task(files, ".csv") if evaluated else "--task_eval_files=%s" % (files / "train.csv")
    more = ["--train_lr=1e30", "--num_train_epochs=1", "--train_batch_size=6", "--eval_batch_size=6"]
    result = run(*(base + [data, "--output_dir=%s" % (tmp_path / "out"), "--decay_finetune_lr=false"] + more))
    refused(result, "NaN", "--train_lr")
    assert content(tmp_path) == {}
