"""Trimming of padding, and the passes of a task."""

import numpy as np
import pytest
import tiny

import meta_learner
import modeling
from learner import classifier as episode
from learner import configs
from learner.classifier import Batch
from runtime.compat import tf

BERT = tiny.bert(hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1)
pytestmark = pytest.mark.usefixtures("graph")


def make_batch(mask):
    mask = np.array(mask)
    ids = np.arange(mask.size).reshape(mask.shape) % 20
    return Batch(*[tf.constant(array, tf.int32) for array in (ids, mask, ids % 2, np.arange(len(mask)) % 2)])


@pytest.mark.parametrize(
    "mask, columns",
    [
        ([[0, 0, 0], [0, 0, 0]], 1),
        ([[1, 0, 0], [1, 0, 0]], 1),
        ([[1, 0, 0, 0], [1, 1, 1, 0]], 3),
        ([[1, 1, 1]], 3),
        ([[0, 1, 0], [1, 0, 0]], 2),
        ([[1, 0, 1, 0]], 3),  # a hole is no end
        ([[5, 5, 0]], 2),
    ],
)
def test_trimmed(mask, columns):
    batch = make_batch(mask)
    with tf.Session() as session:
        whole, cut = session.run([batch, episode.trimmed(batch)])
    for field in ("input_ids", "input_mask", "segment_ids"):
        np.testing.assert_array_equal(getattr(cut, field), getattr(whole, field)[:, :columns])
    np.testing.assert_array_equal(cut.label_ids, whole.label_ids)


@pytest.mark.parametrize(
    "changes", [dict(), dict(pooling="mean"), dict(pooling="last_text"), dict(use_pooled_output=False)]
)
def test_padding_columns_do_not_change_features(changes):
    config = configs.LearnerConfig(label_emb_size=3, **changes)
    variables = meta_learner.create_variables(BERT, config)
    classifier = episode.Classifier(BERT, config, 2)
    mask = [[1, 1, 1, 0], [1, 0, 0, 0]]
    wide = make_batch(mask)
    narrow = wide._replace(**{f: getattr(wide, f)[:, :3] for f in ("input_ids", "input_mask", "segment_ids")})
    mixture = tf.constant([1.0])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        encoded = modeling.encode(variables, BERT, wide.input_ids, wide.input_mask, wide.segment_ids)
        features = [classifier.features(variables, batch, mixture) for batch in (wide, narrow)]
        features.append(episode.heads.features(variables, encoded, config, mixture))  # nothing cut
        wide, narrow, whole = session.run(features)
    np.testing.assert_allclose(wide, whole, atol=1e-6)
    np.testing.assert_allclose(narrow, whole, atol=1e-6)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_features_do_not_depend_on_halves(monkeypatch, rows):
    config = configs.LearnerConfig(label_emb_size=3)
    variables = meta_learner.create_variables(BERT, config)
    random = np.random.RandomState(rows)
    batch = make_batch(np.arange(6) < random.randint(1, 7, rows)[:, None])
    names = ["bert/embeddings/word_embeddings", "bert/encoder/layer_0/attention/self/key/kernel"]
    found = []
    for in_halves in (True, False):
        monkeypatch.setattr(episode.sessions, "works_in_halves", lambda *_, halves=in_halves: halves)
        features = episode.Classifier(BERT, config, 2).features(variables, batch)
        assert features.shape.as_list() == [rows, 8]
        gradients = tf.gradients(tf.reduce_sum(features[:, 0]), [variables[name] for name in names])
        found.append([features] + [tf.convert_to_tensor(gradient) for gradient in gradients])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        halves, whole = session.run(found)
    for one, other in zip(halves, whole):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_support_pass_makes_label_embeddings_unless_given():
    config = configs.LearnerConfig(label_emb_size=3, keep_prob=1.0)
    variables = meta_learner.create_variables(BERT, config)
    classifier = episode.Classifier(BERT, config, tf.constant(3))
    batch = make_batch([[1, 1], [1, 0], [1, 1]])  # labels 0, 1, 0: class 2 is absent
    made = classifier.support_pass(variables, batch)
    given = classifier.support_pass(variables, batch, tf.eye(3))
    features = classifier.features(variables, batch)
    vectors = episode.heads.label_mlp(variables, features, config)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        made, given, vectors = session.run([made, given, vectors])
    expected = [(vectors[0] + vectors[2]) / 2.0, vectors[1], np.zeros(3)]
    np.testing.assert_allclose(made.label_embs, expected, atol=1e-6)
    np.testing.assert_array_equal(given.label_embs, np.eye(3))
    assert made.logits.shape == given.logits.shape == (3, 3)
    shifted = np.exp(made.logits) / np.sum(np.exp(made.logits), axis=1, keepdims=True)
    np.testing.assert_allclose(made.loss, np.mean(-np.log(shifted[np.arange(3), [0, 1, 0]])), rtol=1e-5)
    assert made.accuracy == np.float32(np.mean(np.argmax(made.logits, axis=1) == [0, 1, 0]))
