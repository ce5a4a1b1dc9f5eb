"""Errors of the training loop. What a whole run leaves, and how it resumes, is in test_meta_training.py."""
import numpy as np
import pytest

import modeling
from data import records
from learner import configs
from runtime.compat import tf
from runtime.errors import UserError
from training import loop, meta_training

SEQ, ROWS = 4, 4
BERT = modeling.BertConfig(
    vocab_size=10, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4,
    max_position_embeddings=SEQ, type_vocab_size=2,
)  # fmt: skip
LEARNER = configs.LearnerConfig(meta_batchsz=2, num_batches=1, rate_sets=1, label_emb_size=2)


def make_plan(folder, labels=(0, 1) * ROWS, name="meta_pretrain_2", **changes):
    """Plan of a run over one file of records with these labels."""
    labels = np.array(labels, np.int32)
    ids = np.ones([len(labels), SEQ], np.int32)
    path = str(folder / (name + ".tf_record"))
    records.write_records(path, records.Examples(ids, ids, np.zeros_like(ids), labels))
    run = dict(
        task_train_files=(path,), train_batch_size=ROWS, tasks_per_gpu=1, num_gpus=1, num_train_epochs=1,
        max_seq_length=SEQ,
    )  # fmt: skip
    return meta_training.make_plan(BERT, LEARNER, configs.MetaTrainConfig(**dict(run, **changes)))


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


def message(plan, folder):
    with pytest.raises(UserError) as error:
        loop.train(plan, str(folder))
    (line,) = str(error.value).splitlines()
    return line


def test_a_bad_label_is_told_as_such(tmp_path):
    line = message(make_plan(tmp_path, labels=(0, 1) * 3 + (0, 2)), tmp_path)
    assert "meta_pretrain_2.tf_record: record 7 has label_ids 2" in line


def test_damaged_weights_to_start_from(tmp_path):
    prefix = save(tmp_path / "bert.ckpt")
    cut(prefix)
    line = message(make_plan(tmp_path, init_checkpoint=prefix), tmp_path)
    assert line.startswith("--init_checkpoint: the weights of %s cannot be read" % prefix)


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
