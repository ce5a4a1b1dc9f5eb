"""A meta-training run over a few rows on a tiny encoder."""
import numpy as np
import tiny

from data import records
from learner import configs
from training import meta_training

SEQ, ROWS = 4, 4
BERT = tiny.bert(
    vocab_size=10, hidden_size=4, num_attention_heads=1, intermediate_size=4, max_position_embeddings=SEQ,
    hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1,
)
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
