"""The files that meta-training as a program reads: a tiny encoder, and record files of eight and two tasks."""
import json

import numpy as np
import tiny

import modeling
from data import records
from runtime.compat import tf

SEQ, VOCAB, ROWS = 6, 30, 6  # tokens a row; rows a task
CONFIG = tiny.sizes(vocab_size=VOCAB, max_position_embeddings=SEQ)


def write(folder):
    """Writes a BERT config, a checkpoint of it, and files of training and validation tasks into a folder."""
    (folder / "bert_config.json").write_text(json.dumps(CONFIG))
    random = np.random.RandomState(0)
    for part, size in (("meta_pretrain_2", 8 * ROWS), ("meta_pretrain_valid_2", 2 * ROWS)):
        ids = random.randint(1, VOCAB, [size, SEQ]).astype(np.int32)
        examples = records.Examples(ids, np.ones_like(ids), np.zeros_like(ids), np.arange(size, dtype=np.int32) % 2)
        records.write_records(folder / (part + ".tf_record"), examples)
    with tf.Graph().as_default(), tf.Session() as session:
        variables = modeling.create_variables(modeling.BertConfig.from_dict(CONFIG))
        session.run(tf.global_variables_initializer())
        tf.train.Saver(variables).save(session, str(folder / "bert.ckpt"), write_meta_graph=False)
