"""Fine-tuning as an object: every run starts from the same weights, whatever ran before it in the session."""

import dataclasses
import os

import numpy as np
import pytest
import tiny

from data.records import Examples
from learner import calibration, configs, name_prior
from learner.finetuning import LABEL_EMBEDDING_VARIABLE
from runtime import checkpoints
from runtime.compat import tf
from runtime.errors import UserError
from training import finetuner as finetuners
from training.finetuner import Finetuner, Predictor

BERT = tiny.bert(hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1, initializer_range=0.3)
SEQ, NUM_LABELS = 6, 3
SETTINGS = dict(label_emb_size=4, rate_sets=2, train_lr=0.5)  # rates at which a run changes the weights a lot
RUN = configs.FinetuneConfig(train_batch_size=4, eval_batch_size=3, num_train_epochs=4.0, seed=3)


def make_examples(rows, seed):
    random = np.random.RandomState(seed)
    mask = np.arange(SEQ) < random.randint(2, SEQ + 1, rows)[:, None]
    return Examples(
        input_ids=random.randint(1, 20, [rows, SEQ]).astype(np.int32) * mask.astype(np.int32),
        input_mask=mask.astype(np.int32),
        segment_ids=np.zeros([rows, SEQ], np.int32),
        label_ids=(np.arange(rows) % NUM_LABELS).astype(np.int32),
    )


EVALUATION = make_examples(7, 0)


HEADS_ALONE = dict(update_only_label_embedding=True, pooling="mean", min_layer_with_grad=1, adapt_layer_norm=False)


def make_config(**changes):
    return configs.LearnerConfig(**dict(SETTINGS, **changes))


def make(**changes):
    return Finetuner(BERT, make_config(**changes), RUN, NUM_LABELS)


@pytest.mark.parametrize(
    "steps, changes, optimised",
    [
        (finetuners.MANY_STEPS, {}, True),
        (finetuners.MANY_STEPS - 1, {}, False),
        (1, {"reference_mode": True}, True),
        (finetuners.MANY_STEPS, dict(HEADS_ALONE, keep_prob=1.0), False),  # rows are encoded once
    ],
)
def test_graph_optimiser_runs_where_many_steps_win_back_its_time(monkeypatch, steps, changes, optimised):
    asked = []
    config = finetuners.session_config
    monkeypatch.setattr(finetuners, "session_config", lambda *args, optimise: asked.append(optimise) or config(*args))
    Finetuner(tiny.bert(), make_config(**changes), RUN, NUM_LABELS, steps).close()
    assert asked == [optimised]


def test_a_session_that_cannot_be_set_up_is_closed(monkeypatch):
    class Full(tf.Session):
        closed = 0

        def run(self, *_):
            raise tf.errors.ResourceExhaustedError(None, None, "no memory")

        def close(self):
            Full.closed += 1
            super().close()

    monkeypatch.setattr(tf, "Session", Full)
    with pytest.raises(tf.errors.ResourceExhaustedError) as error:
        make()
    assert Full.closed == 1 and error  # whose frames still hold the session


def test_batches_that_no_memory_holds_are_refused_before_the_first_step(monkeypatch):
    """The tensor is that of one layer's attention, or of all rows' differences to all classes."""
    train = make_examples(9, 1)
    with make(label_emb_size=400) as finetuner:
        size = 4 * 4 * NUM_LABELS * 400  # bytes, of the 4 rows of a batch
        monkeypatch.setattr(finetuners, "LARGEST", size)
        finetuner.run(RUN, train, None, show=False)
        monkeypatch.setattr(finetuners, "LARGEST", size - 1)
        with pytest.raises(UserError, match="4 rows of 6 tokens and 3 classes needs a tensor .*train on fewer classes"):
            finetuner.run(RUN, train, None, show=False)


@pytest.mark.parametrize(
    "changes",
    [
        dict(update_only_label_embedding=True, train_word_embeddings=True),
        dict(warp_layers=True, use_euclidean_norm=False),  # label embeddings are remade at the end
        dict(update_only_label_embedding=True, reference_mode=True),
        dict(HEADS_ALONE),  # evaluation rows are encoded by the first run alone
    ],
)
def test_runs_are_those_of_sessions_of_their_own(changes):
    """Bit for bit, for other rows, sizes, batches and schedules in between."""
    first, second = make_examples(9, 1), make_examples(6, 2)
    longer = RUN.__class__(**dict(vars(RUN), num_train_epochs=7.0, train_batch_size=5, warmup_proportion=0.3))
    asked = [(RUN, first), (longer, second), (RUN, first)]
    with make(**changes) as finetuner:
        found = [finetuner.run(run, train, EVALUATION, show=False) for run, train in asked]
    with make(**changes) as finetuner:
        alone = finetuner.run(longer, second, EVALUATION, show=False)
    np.testing.assert_array_equal(found[0].logits, found[2].logits)
    np.testing.assert_array_equal(found[1].logits, alone.logits)
    assert np.abs(found[0].logits - found[1].logits).max() > 1e-3
    assert [each.steps for each in found] == [10, 10, 10] and alone.steps == 10


def test_the_model_is_saved_where_one_is_wanted(tmp_path):
    train = make_examples(6, 1)
    with make(update_only_label_embedding=True) as finetuner:
        outcome = finetuner.run(RUN, train, EVALUATION, str(tmp_path), show=False)
    prefix = os.path.join(str(tmp_path), checkpoints.CHECKPOINT)
    config = make_config(update_only_label_embedding=True)
    with Predictor(BERT, config, NUM_LABELS, prefix) as predictor:
        scored = predictor.score(EVALUATION, RUN.eval_batch_size)
        np.testing.assert_array_equal(predictor.score(EVALUATION, RUN.eval_batch_size), scored)
    np.testing.assert_allclose(scored, outcome.logits, atol=1e-6)
    steps = tf.train.load_checkpoint(prefix).get_tensor("training_step")
    assert steps == outcome.steps


def test_before_step_is_called_before_every_step():
    calls = []
    with make(update_only_label_embedding=True) as finetuner:
        outcome = finetuner.run(RUN, make_examples(6, 1), EVALUATION, show=False, before_step=lambda: calls.append(1))
    assert len(calls) == outcome.steps


@pytest.mark.parametrize("update_only", [True, False])  # label embeddings are made once, or remade at the end
def test_label_embeddings_lean_on_names(update_only):
    """Without steps and dropout, where the support rows bear the names out: the names are rows of theirs."""
    train = make_examples(9, 1)
    names = train.take(range(NUM_LABELS))
    run = dataclasses.replace(RUN, train_batch_size=9)
    config = make_config(rate_sets=0, keep_prob=1.0, update_only_label_embedding=update_only)
    with Finetuner(tiny.bert(initializer_range=0.3), config, RUN, NUM_LABELS) as finetuner:
        found = []
        for rows, told in ((names, None), (train, None), (train, names)):
            finetuner.run(run, rows, None, show=False, names=told)
            found.append(finetuner.weights()[LABEL_EMBEDDING_VARIABLE])
        with tf.Session(graph=tf.Graph()) as session, session.graph.as_default():
            expected = session.run(name_prior.lean(found[1], found[0], np.full([NUM_LABELS, 1], 3.0, np.float32)))
    assert np.abs(expected - found[1]).max() > 1e-3
    np.testing.assert_allclose(found[2], expected, atol=1e-5)


def test_names_count_in_a_trained_run_and_in_no_other():
    train = make_examples(9, 1)
    names = train.take(range(NUM_LABELS))
    with make(update_only_label_embedding=True) as finetuner:
        found = [finetuner.run(RUN, train, EVALUATION, show=False, names=told).logits for told in (None, names, None)]
    np.testing.assert_array_equal(found[0], found[2])
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_other_seed_or_checkpoint_needs_another_graph():
    with make() as finetuner, pytest.raises(ValueError, match="another checkpoint or seed"):
        finetuner.run(configs.FinetuneConfig(seed=4), make_examples(6, 1), EVALUATION)


def test_a_loss_that_is_no_number_ends_the_run_only():
    train = make_examples(6, 1)
    with make(update_only_label_embedding=True, train_lr=1e30) as finetuner:
        for _ in range(2):
            with pytest.raises(UserError, match="--train_lr"):
                finetuner.run(RUN, train, EVALUATION, show=False)


def test_rows_that_the_encoder_saw_are_not_encoded_anew():
    train, other = make_examples(6, 1), make_examples(5, 2)
    with make(**HEADS_ALONE) as finetuner:
        found = [finetuner.run(RUN, train, rows, show=False).logits for rows in (EVALUATION, other, EVALUATION)]
    np.testing.assert_array_equal(found[0], found[2])
    assert found[1].shape == (5, NUM_LABELS)


def test_held_out_rows_are_scored_by_models_of_the_others():
    """As runs on these rows alone would, and they leave no trace in later runs."""
    train, names = make_examples(9, 1), make_examples(NUM_LABELS, 2)
    run = dataclasses.replace(RUN, train_batch_size=9, eval_batch_size=9)
    folds = [(np.array([0, 1, 2, 4, 5, 7]), np.array([3, 6, 8])), (np.arange(3, 9), np.array([1]))]
    without = tiny.bert(initializer_range=0.3)
    with Finetuner(without, make_config(keep_prob=1.0, **HEADS_ALONE), RUN, NUM_LABELS) as finetuner:
        assert finetuner.encodes_once
        before = finetuner.run(run, train, EVALUATION, show=False).logits
        found = finetuner.held_out(run, train, folds, names)
        np.testing.assert_array_equal(finetuner.run(run, train, EVALUATION, show=False).logits, before)
        smaller = dataclasses.replace(RUN, train_batch_size=6, eval_batch_size=6)
        for (fitted, held), logits in zip(folds, found):
            one = finetuner.run(smaller, train.take(fitted), train.take(held), show=False, names=names)
            np.testing.assert_allclose(logits, one.logits, atol=1e-5)
    with make(**HEADS_ALONE) as finetuner:
        assert not finetuner.encodes_once  # for its dropout


def test_a_temperature_of_the_held_out_rows():
    """It changes no logits, and is left out where it would take as long as ten trainings."""
    train, run = make_examples(9, 1), dataclasses.replace(RUN, calibrate=True)
    with Finetuner(tiny.bert(initializer_range=0.3), make_config(keep_prob=1.0, **HEADS_ALONE), RUN, NUM_LABELS) as one:
        plain, found = [one.run(settings, train, EVALUATION, show=False) for settings in (RUN, run)]
        np.testing.assert_array_equal(found.logits, plain.logits)
        assert (plain.temperature, plain.held_out) == (1.0, None)
        assert found.held_out.shape == (9, NUM_LABELS)
        assert found.temperature == calibration.temperature(found.held_out, train.label_ids) != 1.0
    with make(**HEADS_ALONE) as dropping:
        found = dropping.run(run, train, EVALUATION, show=False)
        assert (found.temperature, found.held_out) == (1.0, None)


def test_a_run_does_not_take_rows_as_loaded_weights_encoded_them():
    train = make_examples(6, 1)
    with make(**HEADS_ALONE) as finetuner:
        expected = finetuner.run(RUN, train, EVALUATION, show=False).logits
        weights = finetuner.weights()
        words = "bert/embeddings/word_embeddings"
        finetuner.load(dict(weights, **{words: weights[words][::-1]}))
        other = finetuner.score(EVALUATION, RUN.eval_batch_size, "", show=False)
        assert np.abs(other - expected).max() > 1e-3
        np.testing.assert_array_equal(finetuner.run(RUN, train, EVALUATION, show=False).logits, expected)


@pytest.mark.parametrize("changes, is_fixed", [(HEADS_ALONE, True), ({}, False)])
def test_an_encoder_that_stays_is_a_file_of_its_own_the_same_of_every_task(changes, is_fixed, tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    with make(**changes) as finetuner:
        for seed, folder in enumerate(folders):
            folder.mkdir()
            finetuner.run(RUN, make_examples(9, seed), None, str(folder), show=False)
        weights = finetuner.weights()
    first, second = ([path.read_bytes() for path in sorted(folder.glob("*.data-*"))] for folder in folders)
    assert len(first) == len(second) == 1 + is_fixed and (first[0] == second[0]) == is_fixed
    assert first[-1] != second[-1]
    found = checkpoints.read(str(folders[1] / checkpoints.CHECKPOINT), "--flag")
    assert set(found) == set(weights)
    for name, value in found.items():
        np.testing.assert_array_equal(value, weights[name])


def test_weights_of_another_model_are_not_taken():
    with make() as finetuner:
        weights = finetuner.weights()
        others = dict(weights, **{LABEL_EMBEDDING_VARIABLE: np.zeros([NUM_LABELS + 1, 4], np.float32)})
        del weights["bert/pooler/dense/bias"]
        for wrong, name in ((others, LABEL_EMBEDDING_VARIABLE), (weights, "bert/pooler/dense/bias")):
            with pytest.raises(UserError, match="weights do not fit the settings of their model .%s.: copy" % name):
                finetuner.load(wrong)
