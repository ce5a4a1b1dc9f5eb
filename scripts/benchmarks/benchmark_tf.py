#!/usr/bin/env python3
"""The TensorFlow sides of benchmark.py: this project's programs, and a bare forward and backward pass.

Runs on either runtime as `benchmark_tf.py KIND OPTIONS -- FLAGS`, FLAGS being those of the main program. It warms up,
says so, and does a round of work whenever it is asked to (see `Side`).
"""
import argparse
import math
import os
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

import numpy as np
from absl import flags
from benchmark_side import Rounds, Side

from command_line import program_flags, settings
from command_line.program_flags import names_and_values
from data import batching
from data.records import SCHEMA, Examples
from learner.finetuning import expected_steps
from runtime.compat import tf
from runtime.sessions import session_config, set_up_process
from training import cluster, finetuner, loop, meta_training, task_models

LAYER_NORM_EPSILON = 1e-12
FLAGS = flags.FLAGS


def examples(arrays, part):
    """Examples of one part ("train" or "eval") of the benchmark's texts."""
    return Examples(**{field.name: arrays["%s_%s" % (part, field.name)] for field in SCHEMA})


def finetune(side, options, arrays):
    """Steps of the fine-tuning program."""
    train, asked = examples(arrays, "train"), names_and_values(FLAGS)
    run = settings.finetune_settings(asked)
    steps = expected_steps(train.size, run)
    model = settings.bert_settings(asked), settings.learner_settings(asked), run, int(arrays["num_labels"]), steps
    with tempfile.TemporaryDirectory() as folder, finetuner.Finetuner(*model) as tuner:
        tuner.run(run, train, train, folder, before_step=Rounds(side, options.steps, options.warmup).before_step)


def evaluate(side, options, arrays):
    """Evaluation of the rows with a model that is in the session, as after fine-tuning."""
    rows, asked = examples(arrays, "eval"), names_and_values(FLAGS)
    size = FLAGS.eval_batch_size
    bert_config, config = settings.bert_settings(asked), settings.learner_settings(asked)
    set_up_process(bert_config, config)
    proto = session_config(bert_config, config, optimise=config.reference_mode)
    with tf.Graph().as_default(), tf.Session(config=proto) as session:
        model = task_models.TaskModel(bert_config, config, int(arrays["num_labels"]))
        session.run(tf.global_variables_initializer())
        model.score(session, rows.take(range(min(size * options.warmup, rows.size))), size, "evaluation")
        side.ready()
        while True:
            side.wait()
            begun = time.perf_counter()
            model.score(session, rows, size, "evaluation")
            side.report(seconds=time.perf_counter() - begun, units=rows.size)


def meta(side, options, arrays):
    """Steps of the meta-training program, as one of several workers where TF_CONFIG says so."""
    del arrays
    asked = names_and_values(FLAGS)
    plan = meta_training.make_plan(
        settings.bert_settings(asked), settings.learner_settings(asked), settings.meta_training_settings(asked)
    )
    with tempfile.TemporaryDirectory() as folder:
        rounds, machines = Rounds(side, options.steps, options.warmup), cluster.parse(os.environ.get("TF_CONFIG"))
        loop.train(plan, folder, machines, before_step=rounds.before_step)


def bare(side, options, arrays):
    """Forward and backward pass of a plain BERT classifier, all gradients, on the trimmed batches of fine-tuning."""
    train = examples(arrays, "train")
    config = settings.bert_settings(names_and_values(FLAGS))
    with tf.Graph().as_default(), tf.Session() as session:
        ids, mask, segments, labels = [tf.placeholder(tf.int32, shape) for shape in [[None, None]] * 3 + [[None]]]
        variables, loss = plain_classifier(config, ids, mask, segments, labels, int(arrays["num_labels"]))
        gradients = tf.gradients(loss, variables)
        # One number of every gradient is fetched: a gradient that nothing needs would not be computed.
        parts = [g.values if isinstance(g, tf.IndexedSlices) else g for g in gradients]
        fetches = [loss] + [tf.reshape(part, [-1])[0] for part in parts]
        session.run(tf.global_variables_initializer())

        def run(batch):
            length = batch.trimmed_length()
            arrays = [batch.input_ids, batch.input_mask, batch.segment_ids]
            feed = {key: value[:, :length] for key, value in zip([ids, mask, segments], arrays)}
            feed[labels] = batch.label_ids
            session.run(fetches, feed)

        rounds = Rounds(side, options.steps, options.warmup)
        for rows in batches(train):
            rounds.before_step()
            run(train.take(rows))


def batches(train):
    """Row numbers of the fine-tuning steps."""
    return batching.finetune_batches(train.size, FLAGS.train_batch_size, FLAGS.num_train_epochs, FLAGS.seed)


def plain_classifier(config, ids, mask, segments, labels, num_labels):
    """BERT with a linear classifier as anybody would write it, without a thought for speed: (variables, loss)."""
    variables = []

    def weight(shape, name):
        initial = tf.truncated_normal_initializer(stddev=config.initializer_range)
        variables.append(tf.get_variable("w%d_%s" % (len(variables), name), shape, initializer=initial))
        return variables[-1]

    def dense(x, size, name):
        return tf.matmul(x, weight([x.shape.as_list()[-1], size], name)) + weight([size], name + "_bias")

    def layer_norm(x):
        mean, variance = tf.nn.moments(x, axes=[-1], keepdims=True)
        size = x.shape.as_list()[-1]
        return tf.nn.batch_normalization(
            x, mean, variance, weight([size], "beta"), weight([size], "gamma"), LAYER_NORM_EPSILON
        )

    def dropout(x, rate):
        return tf.nn.dropout(x, rate=rate)

    def gelu(x):
        return 0.5 * x * (1.0 + tf.math.erf(x / math.sqrt(2.0)))

    hidden, heads = config.hidden_size, config.num_attention_heads
    size = hidden // heads
    batch, seq = tf.unstack(tf.shape(ids))
    x = tf.gather(weight([config.vocab_size, hidden], "words"), ids)
    x += tf.gather(weight([config.type_vocab_size, hidden], "segments"), segments)
    x += weight([config.max_position_embeddings, hidden], "positions")[:seq]
    x = dropout(layer_norm(tf.reshape(x, [-1, hidden])), config.hidden_dropout_prob)
    bias = (1.0 - tf.cast(mask[:, None, None], tf.float32)) * -10000.0
    for _ in range(config.num_hidden_layers):
        query, key, value = [
            tf.transpose(tf.reshape(dense(x, hidden, part), [batch, seq, heads, size]), [0, 2, 1, 3])
            for part in ("query", "key", "value")
        ]
        scores = tf.matmul(query, key, transpose_b=True) / math.sqrt(size) + bias
        attention = dropout(tf.nn.softmax(scores), config.attention_probs_dropout_prob)
        context = tf.reshape(tf.transpose(tf.matmul(attention, value), [0, 2, 1, 3]), [-1, hidden])
        x = layer_norm(x + dropout(dense(context, hidden, "attention"), config.hidden_dropout_prob))
        inner = gelu(dense(x, config.intermediate_size, "inner"))
        x = layer_norm(x + dropout(dense(inner, hidden, "outer"), config.hidden_dropout_prob))
    first = tf.tanh(dense(tf.reshape(x, [batch, seq, hidden])[:, 0], hidden, "pooler"))
    logits = dense(dropout(first, 0.1), num_labels, "classifier")
    return variables, tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))


def matmul(side, options, arrays):
    """Large matrix products, for the machine's peak; a unit is 1e9 floating-point operations."""
    del arrays
    with tf.Graph().as_default(), tf.Session() as session:
        size = 2048
        a, b = [tf.get_variable(name, [size, size]) for name in "ab"]
        product = tf.matmul(a, b).op
        session.run(tf.global_variables_initializer())
        for _ in range(options.warmup):
            session.run(product)
        side.ready()
        while True:
            side.wait()
            begun = time.perf_counter()
            for _ in range(options.steps):
                session.run(product)
            side.report(seconds=time.perf_counter() - begun, units=options.steps * 2 * size**3 / 1e9)


KINDS = {kind.__name__: kind for kind in (finetune, evaluate, meta, bare, matmul)}


def main(argv):
    split = argv.index("--") if "--" in argv else len(argv)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("--steps", type=int, default=10, help="steps a round")
    parser.add_argument("--warmup", type=int, default=5, help="steps, or batches of evaluation, before the first round")
    parser.add_argument("--texts", help=".npz that scripts/benchmarks/benchmark.py made")
    options = parser.parse_args(argv[1:split])
    program_flags.define(FLAGS)
    FLAGS(["benchmark"] + argv[split + 1 :])
    with Side() as side:
        KINDS[options.kind](side, options, np.load(options.texts, allow_pickle=False) if options.texts else None)


if __name__ == "__main__":
    main(sys.argv)
