"""One few-shot task of a tiny learner: settings, rows, and variables with a session."""
import dataclasses
import math

import numpy as np
import tiny

import meta_learner
from learner import adaptation, configs
from runtime.compat import tf

BERT = tiny.bert()
SEQ = 6
QUERY_ROWS = 4


def make_config(**changes):
    """Three mini-batches of two rows, one set of rates."""
    values = dict(
        label_emb_size=3, keep_prob=1.0, rate_sets=1, meta_batchsz=6, num_batches=3, train_word_embeddings=True
    )
    values.update(changes)
    return configs.LearnerConfig(**values)


def make_rows(config, num_labels=3, seed=1):
    """Rows of one task; the words repeat, lengths differ, and the first two rows leave out class 2."""
    random = np.random.RandomState(seed)
    count = config.meta_batchsz + QUERY_ROWS
    lengths = random.randint(2, SEQ + 1, count)
    return {
        "input_ids": random.randint(0, BERT.vocab_size, [count, SEQ]),
        "input_mask": (np.arange(SEQ) < lengths[:, None]).astype(int),
        "segment_ids": random.randint(0, 2, [count, SEQ]),
        "label_ids": np.arange(count) % num_labels,
        "num_labels": np.full([count], num_labels),
    }


class Model:
    """Variables with random values, placeholders for the rows of one task, and a session."""

    def __init__(self, config, layers=1, seed=0):
        self.config = config
        self.bert_config = dataclasses.replace(BERT, num_hidden_layers=layers)
        self.variables = meta_learner.create_variables(self.bert_config, config)
        self.rows = {
            name: tf.placeholder(tf.int32, [None, SEQ] if array.ndim == 2 else [None], name)
            for name, array in make_rows(config).items()
        }
        self.task = meta_learner.make_task(self.rows, config)
        self.values = self.random_values(np.random.RandomState(seed))
        options = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
        options.graph_options.rewrite_options.disable_meta_optimizer = True  # each graph runs but a few times
        self.session = tf.Session(config=options)

    def random_values(self, random):
        """Weights of size 0.5; every rate another one in 0.1 .. 0.5, but the fixed ones."""
        values = {}
        for name, variable in self.variables.items():
            value = 0.5 * random.standard_normal(variable.shape.as_list())
            if name.endswith("gamma"):
                value = 1.0 + value
            elif adaptation.is_rate(name):
                value = random.uniform(0.1, 0.5) if not is_output_of_warp(name, self.config) else 0.0
                value = math.log(value) if self.config.use_exp_lr and value else value
            values[name] = np.float32(value)
        return values

    def run_task(self, **options):
        return meta_learner.run_task(self.variables, self.task, self.bert_config, self.config, **options)

    def outer_gradients(self, result):
        """{name: gradient} that a TaskResult hands to the outer loop."""
        names = meta_learner.trained_names(self.variables, self.config)
        return meta_learner.mean_of_tasks([result], names).gradients

    def load(self, values):
        feed = {self.variables[name].initializer.inputs[1]: value for name, value in values.items()}
        self.session.run([variable.initializer for variable in self.variables.values()], feed)

    def run(self, fetches, values=None, rows=None):
        self.load(values or self.values)
        rows = rows or make_rows(self.config)
        return self.session.run(fetches, {self.rows[name]: array for name, array in rows.items()})


def is_output_of_warp(name, config):
    return config.warp_layers and "/output/layer" in name


def same(actual, expected, name="", tolerance=1e-5):
    scale = np.max(np.abs(expected)) if np.size(expected) else 0.0
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * (1.0 + scale), err_msg=name)
