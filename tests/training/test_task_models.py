"""A task's model: what is scored, what is kept from one call to the next, and the rows of its steps."""
import numpy as np
import pytest
import tiny

from data.records import Examples
from learner import configs
from runtime.compat import tf
from training import task_models

pytestmark = pytest.mark.usefixtures("graph")

ROWS, SEQ, CLASSES = 7, 6, 3
FIXED = dict(update_only_label_embedding=True, pooling="mean", min_layer_with_grad=1, adapt_layer_norm=False)
SOFTMAX = configs.SoftmaxConfig(keep_prob=1.0)


def examples(rows=ROWS, seed=0):
    batch = tiny.make_batch(rows, SEQ, CLASSES, seed)
    return Examples(*[np.asarray(part, np.int32) for part in batch])


def learner(**changes):
    return configs.LearnerConfig(**dict(dict(label_emb_size=4, rate_sets=1, keep_prob=1.0), **changes))


class Counting(tf.Session):
    """Counts the calls that read rows."""

    calls = 0

    def run(self, fetches, feed_dict=None, **more):
        self.calls += any(value.ndim == 2 and value.dtype == np.int32 for value in (feed_dict or {}).values())
        return super().run(fetches, feed_dict, **more)


def start(config):
    """(RowModel with random values, session)."""
    model = task_models.make_model(tiny.bert(initializer_range=0.5), config, CLASSES)
    session = Counting()
    session.run(tf.global_variables_initializer())
    return model, session


def score(model, session, rows, batch_size=3):
    return model.score(session, rows, batch_size, "", show=False)


def test_each_classifier_has_its_model():
    for config, kind in ((learner(), task_models.TaskModel), (SOFTMAX, task_models.SoftmaxTaskModel)):
        with tf.Graph().as_default():
            model, _ = start(config)
            assert type(model) is kind and {"bert/pooler/dense/bias", "training_step"} <= set(model.saved_variables())


@pytest.mark.parametrize("config", [learner(), learner(**FIXED), learner(reference_mode=True), SOFTMAX])
def test_logits_come_in_the_order_of_the_rows(config):
    model, session = start(config)
    rows = examples()
    if isinstance(model, task_models.TaskModel):
        model.remake_label_embeddings(session, rows, 3)
    expected = np.concatenate([score(model, session, rows.take([row]), 1) for row in range(ROWS)])
    assert np.abs(expected[0] - expected[1]).max() > 1e-3
    for batch_size in (1, 3, 20):
        model.forget()
        np.testing.assert_allclose(score(model, session, rows, batch_size), expected, atol=1e-5)


def test_rows_are_encoded_once_until_they_are_forgotten():
    model, session = start(learner(**FIXED))
    rows = examples()
    for forgets, calls in ((False, 3), (False, 3), (True, 6)):  # batches of three
        if forgets:
            model.forget()
        score(model, session, rows)
        assert session.calls == calls
    score(model, session, examples(2, 1))
    assert session.calls == 7
    model, session = start_anew(learner())  # here training changes what rows are encoded to
    for calls in (3, 6):
        score(model, session, rows)
        assert session.calls == calls


@pytest.mark.parametrize("rows", [ROWS, 0])
def test_many_rows_are_scored_in_parts(monkeypatch, rows):
    """Differences of 100,000 rows and 50 classes of 768 numbers are 15 GB."""
    model, session = start(learner(**FIXED))
    rows, fed, run = examples().take(range(rows)), [], session.run
    whole = score(model, session, rows)
    monkeypatch.setattr(task_models, "SCORED", 2 * CLASSES * 4)

    def counted(fetches, feed):
        fed.append(len(feed[model._features]))
        return run(fetches, feed)

    monkeypatch.setattr(session, "run", counted)
    np.testing.assert_allclose(score(model, session, rows), whole, rtol=1e-5)
    assert fed == ([2, 2, 2, 1] if rows.size else [0])


def start_anew(config):
    """As `start`, in a graph beside the test's."""
    with tf.Graph().as_default():
        return start(config)


@pytest.mark.parametrize("only_labels", [True, False])
def test_label_embeddings_are_those_of_all_rows_at_the_end(only_labels):
    """Whatever the size of the batches; not where they are what was trained."""
    model, session = start(learner(update_only_label_embedding=only_labels))
    rows, found = examples(), []
    for batch_size in (2, ROWS):
        session.run(model.label_embedding.initializer)
        before = session.run(model.label_embedding)
        model.finish(session, rows, batch_size)
        found.append(session.run(model.label_embedding))
        assert np.array_equal(found[-1], before) == only_labels
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


@pytest.mark.parametrize("stratified", [False, True])
def test_a_softmax_layer_leaves_out_the_batch_that_makes_label_embeddings(stratified):
    run = configs.FinetuneConfig(train_batch_size=2, eval_batch_size=2, num_train_epochs=2.0, stratified=stratified)
    rows = examples(6)
    model, _ = start(learner())
    steps, batches = model.batches(rows, run)
    batches = [list(batch) for batch in batches]
    assert len(batches) == steps
    model, _ = start_anew(SOFTMAX)
    fewer, others = model.batches(rows, run)
    others = [list(batch) for batch in others]
    assert len(others) == fewer and others == batches[1:]


def test_training_rows_are_encoded_once_and_do_not_push_out_the_rows_scored_last():
    model, session = start(learner(**FIXED))
    train, others = examples(6, 1), examples()
    score(model, session, others)
    before = session.calls
    features = model.encode(session, train, 3, "", show=False)
    for _ in range(2):
        feed_of = model.feeder(session, train, 3, show=False)
        given, labels = feed_of(np.array([4, 1])).values()
        np.testing.assert_allclose(given, features[[4, 1]], atol=1e-6)
        assert labels.tolist() == train.label_ids[[4, 1]].tolist()
    score(model, session, others)
    score(model, session, train)
    assert session.calls == before + 4  # twice two batches of three: once here, once by the model


def test_rows_are_fed_whole_where_dropout_changes_their_features():
    model, session = start(learner(**dict(FIXED, keep_prob=0.5)))
    train = examples(6, 1)
    feed = model.feeder(session, train, 3)(np.array([2]))
    assert [array.ndim for array in feed.values()] == [2, 2, 2, 1] and session.calls == 0


@pytest.mark.parametrize("config", [learner(), learner(**FIXED), SOFTMAX])
def test_rows_are_described_by_logits_and_features(config):
    model, session = start(config)
    rows = examples()
    logits, features = model.describe(session, rows, 3, "", show=False)
    np.testing.assert_allclose(logits, score(model, session, rows), atol=1e-6)
    assert features.shape == (ROWS, CLASSES if config is SOFTMAX else 8)


def test_rows_of_the_training_are_scored_by_number():
    model, session = start(learner(**FIXED))
    train = examples()
    expected = score(model, session, train)
    np.testing.assert_allclose(model.score_trained(session, train, np.array([5, 2]), 3), expected[[5, 2]], atol=1e-6)
