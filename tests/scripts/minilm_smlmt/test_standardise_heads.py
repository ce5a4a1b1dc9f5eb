"""Heads that start with every feature at the same scale."""
import json

import numpy as np
import other_process
import pytest
import standardise_heads
import tiny
from absl import flags

import modeling
from data import records
from runtime import checkpoints
from runtime.compat import tf
from runtime.errors import UserError

SEQ, VOCAB, ROWS, WIDTH = 6, 30, 6, 8
BERT = tiny.sizes(vocab_size=VOCAB, hidden_size=WIDTH, max_position_embeddings=SEQ)


def test_scales_make_deviations_equal_and_keep_the_norm():
    random = np.random.RandomState(0)
    features = random.normal(size=[500, 4]) * [1.0, 10.0, 0.1, 0.0] + [0.0, 3.0, 1.0, 2.0]
    factors = standardise_heads.scales(features)
    scaled = features * factors
    deviations = scaled.std(axis=0)
    np.testing.assert_allclose(deviations[:3], deviations[0], rtol=1e-9)
    assert factors[3] == 0.0  # tells no row from another
    assert np.mean(np.sum(scaled ** 2, axis=1)) == pytest.approx(np.mean(np.sum(features ** 2, axis=1)))


@pytest.fixture(name="values")
def fixture_values(tmp_path):
    """Flags of a program on a small encoder and one file of tasks."""
    (tmp_path / "bert_config.json").write_text(json.dumps(BERT))
    ids = np.random.RandomState(0).randint(1, VOCAB, [4 * ROWS, SEQ]).astype(np.int32)
    labels = np.arange(len(ids), dtype=np.int32) % 2
    examples = records.Examples(ids, np.ones_like(ids), np.zeros_like(ids), labels)
    records.write_records(tmp_path / "meta_pretrain_2.tf_record", examples)
    with tf.Graph().as_default(), tf.Session() as session:
        variables = modeling.create_variables(modeling.BertConfig.from_dict(BERT))
        session.run(tf.global_variables_initializer())
        tf.train.Saver(variables).save(session, str(tmp_path / "bert.ckpt"), write_meta_graph=False)
    values = flags.FlagValues()
    standardise_heads.define(values)
    values([
        "program", "--init_checkpoint=%s" % (tmp_path / "bert.ckpt"), "--data_dir=%s" % tmp_path,
        "--bert_config_file=%s" % (tmp_path / "bert_config.json"), "--task_train_files=meta_pretrain_2.tf_record",
        "--max_seq_length=%d" % SEQ, "--train_batch_size=%d" % ROWS, "--pooling=mean", "--prototypical_baseline",
        "--head_init=identity", "--output_layers=1", "--label_emb_size=%d" % WIDTH, "--is_meta_sgd", "--train_lr=0.2",
        "--measured_tasks=4", "--output_dir=%s" % (tmp_path / "heads"),
    ])  # fmt: skip
    return values


def test_a_folder_that_cannot_be_made_is_told_before_the_measuring(tmp_path, values, monkeypatch):
    (tmp_path / "file").write_text("")
    values.output_dir = str(tmp_path / "file" / "heads")
    monkeypatch.setattr(standardise_heads, "Progress", pytest.fail)
    with pytest.raises(UserError, match="--output_dir: .*/file/heads cannot be written "):
        standardise_heads.run(values)


def test_heads_are_scaled_and_the_rest_is_as_it_starts(tmp_path, values):
    standardise_heads.run(values)
    found = checkpoints.read(checkpoints.exported_variables(str(tmp_path / "heads")), "--warm_start_model_dir")
    assert not any(map(checkpoints.is_encoder, found))
    weights = found.pop("output_weights_0")
    assert np.all(np.diag(weights) > 0.0) and np.array_equal(weights, np.diag(np.diag(weights)))
    assert len(set(np.diag(weights))) == WIDTH
    assert np.all(found.pop("output_bias_0") == 0.0)
    assert found and all(value == pytest.approx(0.2) for value in found.values())  # the learned rates


def test_help_needs_no_tensorflow_and_the_rest_says_so(tmp_path):
    def run(*flags):
        return other_process.run_without_tensorflow(standardise_heads.__file__, tmp_path, *flags)

    assert "--measured_tasks" in run("--help").stdout
    done = run()
    assert done.returncode == 2 and done.stderr.startswith("error: TensorFlow cannot be imported (none)")
    assert done.stderr.count("\n") == 1
