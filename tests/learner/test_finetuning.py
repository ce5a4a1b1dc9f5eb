"""Fine-tuning: schedule, the steps by hand, and the combinations that failed in the published code."""

import math

import numpy as np
import pytest
import tiny

import meta_learner
from learner import adaptation, configs, finetuning
from learner.adaptation import LABEL_EMBEDDINGS
from learner.classifier import Batch
from modeling import WORD_EMBEDDINGS
from runtime.compat import tf

BERT = tiny.bert()
SEQ, ROWS, NUM_LABELS = 6, 5, 3
DECAY = finetuning.RateDecay(total=3.7, warmup=0)
ONLY_LABELS = dict(update_only_label_embedding=True)
COUNTERS = {"training_step", "global_step"}
pytestmark = pytest.mark.usefixtures("graph")


def make_config(**changes):
    values = dict(label_emb_size=3, keep_prob=1.0, rate_sets=1, train_word_embeddings=True)
    values.update(changes)
    return configs.LearnerConfig(**values)


def make_rows(seed):
    """Class 2 is absent from one batch in three."""
    return tiny.make_batch(ROWS, SEQ, 2 if seed % 3 == 2 else 3, seed)


class Run:
    """A model with random values, its training step, and the gradient of a plain pass beside it."""

    def __init__(self, config, decay=DECAY):
        self.config = config
        variables = meta_learner.create_variables(BERT, config)
        self.label_embedding = finetuning.create_label_embedding(config, NUM_LABELS)
        step = finetuning.create_step()
        tf.train.get_or_create_global_step()
        self.batch = Batch(*[tf.placeholder(tf.int32, [None, SEQ]) for _ in range(3)], tf.placeholder(tf.int32, [None]))
        self.model = finetuning.FewShotModel(variables, self.label_embedding, BERT, config)
        self.step = finetuning.training_step(self.model, step, self.batch, decay)
        self.variables = {variable.op.name: variable for variable in tf.global_variables()}
        options = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
        options.graph_options.rewrite_options.disable_meta_optimizer = True
        self.session = tf.Session(config=options)
        random = np.random.RandomState(0)
        feed = {}
        for name, variable in variables.items():
            value = 0.5 * random.standard_normal(variable.shape.as_list())
            if name.endswith("gamma"):
                value = value + 1.0
            elif name.startswith("bert/embeddings/") and not name.endswith("beta"):
                value = 0.1 * value  # small vectors have large gradients
            elif adaptation.is_rate(name):
                value = random.uniform(0.1, 0.5) if variable.trainable else 0.0
                value = math.log(value) if config.use_exp_lr and value else value
            feed[variable.initializer.inputs[1]] = value
        self.session.run(tf.global_variables_initializer(), feed)

    def feed(self, rows):
        return dict(zip(self.batch, rows))

    def values(self):
        return self.session.run(self.variables)

    def scored(self):
        """Pass with the stored label embeddings."""
        features = self.model.row_features(self.batch)
        return self.model.classify(self.model.variables, features, self.label_embedding, self.batch.label_ids)

    def train(self, rows, *fetches):
        """One step; values before the update."""
        *values, _ = self.session.run(list(fetches) + [self.step.train_op], self.feed(rows))
        return values


def changed(before, after):
    return {name for name in before if not np.array_equal(before[name], after[name])} - COUNTERS


def weights_of(run):
    return {n for n in run.variables if not adaptation.is_rate(n)} - COUNTERS - {finetuning.LABEL_EMBEDDING_VARIABLE}


@pytest.mark.parametrize(
    "arguments, total, warmup",
    [
        ((24, 8, 3.0, 0.0), 9.0, 0),
        ((10, 4, 3.0, 0.1), 7.5, 0),  # the total is not floored
        ((10, 4, 3.5, 0.4), 8.75, 3),
        ((4, 8, 1.0, 0.1), 0.5, 0),
        ((12, 12, 450, 0.1), 450.0, 45),
    ],
)
def test_decay_counts_by_evaluation_batches(arguments, total, warmup):
    assert finetuning.rate_decay(*arguments) == finetuning.RateDecay(total, warmup)


@pytest.mark.parametrize(
    "examples, batch_size, epochs, steps",
    [
        (12, 4, 3.0, 10),
        (10, 4, 3.0, 9),
        (10, 4, 3.9, 9),
        (3, 8, 1.0, 2),
        (3, 8, 0.5, 1),
        (1, 1, 0, 1),
        (12, 12, 600, 601),
    ],
)
def test_steps_run(examples, batch_size, epochs, steps):
    assert finetuning.steps_run(examples, batch_size, epochs) == steps


@pytest.mark.parametrize("batch_size, epochs, changes, expected", [
    (24, 2.0, {}, False), (25, 2.0, {}, True), (25, 0.5, {}, False), (25, 2.0, dict(decay_finetune_lr=False), False),
    (25, 2.0, dict(rate_sets=0), False),
])
def test_whether_all_gradient_steps_go_uphill(batch_size, epochs, changes, expected):
    run = configs.FinetuneConfig(train_batch_size=batch_size, eval_batch_size=batch_size, num_train_epochs=epochs)
    assert finetuning.goes_uphill(12, run, make_config(**changes)) is expected
    assert not finetuning.goes_uphill(12, run, configs.SoftmaxConfig())


@pytest.mark.parametrize(
    "total, warmup, decays, expected",  # expected: {step: factor}
    [
        (10.0, 0, True, {0: 1.0, 5: 0.5, 10: 0.0, 12: -0.2}),  # negative past the end
        (10.0, 4, True, {0: 0.0, 1: 0.25, 3: 0.75, 4: 0.6, 10: 0.0, 11: -0.1}),  # decay counts from step 0
        (10.5, 1, True, {0: 0.0, 1: 1.0 - 1.0 / 10.5, 21: -1.0}),
        (0.5, 0, True, {0: 1.0, 1: -1.0}),
        (10.0, 4, False, {0: 0.0, 2: 0.5, 4: 1.0, 50: 1.0}),
        (10.0, 0, False, {0: 1.0, 50: 1.0}),
    ],
)
def test_rate_factor(total, warmup, decays, expected):
    config = make_config(decay_finetune_lr=decays)
    decay = finetuning.RateDecay(total, warmup)
    step = tf.placeholder(tf.int64, [])
    factor = finetuning.rate_factor(step, decay, config)
    with tf.Session() as session:
        found = {at: session.run(factor, {step: at}) for at in expected}
    assert found == pytest.approx(expected, abs=1e-6)


def rate_sets(sets, total, steps):
    step = tf.placeholder(tf.int64, [])
    decay = finetuning.RateDecay(total, 0)
    found = finetuning.rate_set_of_step(step, decay, make_config(rate_sets=sets))
    with tf.Session() as session:
        return [int(session.run(found, {step: at})) for at in steps]


@pytest.mark.parametrize("total", [7.0, 10.9, 49.0, 100.0, 450.0])
def test_five_rate_sets_are_the_published_formula(total):
    steps = range(int(total))
    assert rate_sets(5, total, steps) == [math.floor(5 * step / int(total)) for step in steps]


@pytest.mark.parametrize(
    "sets, total, steps, expected",
    [
        (0, 10.0, [0, 9, 10, 99], [0] * 4),
        (1, 10.0, [0, 9, 10, 99], [0] * 4),
        (2, 10.0, [0, 4, 5, 9, 10, 99], [0, 0, 1, 1, 1, 1]),
        (3, 10.0, [0, 3, 4, 6, 7, 9, 10, 11], [0, 0, 1, 1, 2, 2, 2, 2]),
        (5, 10.9, [9, 10, 11, 12], [4, 4, 4, 4]),
        (8, 10.0, [0, 1, 2, 9, 10], [0, 0, 1, 7, 7]),
        (3, 0.5, [0, 1, 2], [0, 2, 2]),  # less than one step
    ],
)
def test_rate_set_of_step(sets, total, steps, expected):
    assert rate_sets(sets, total, steps) == expected


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({}, True),
        (ONLY_LABELS, True),
        (dict(rate_sets=0), False),
        (dict(ONLY_LABELS, rate_sets=0), False),
        (dict(prototypical_baseline=True), False),
        (dict(ONLY_LABELS, prototypical_baseline=True), True),
        (dict(ONLY_LABELS, prototypical_baseline=True, rate_sets=0), False),
    ],
)
def test_takes_gradient_steps(changes, expected):
    assert finetuning.takes_gradient_steps(make_config(**changes)) == expected


def apply_by_hand(run, before, gradients, rate_set, factor):
    """SGD on one batch: joint clipping with the word table's rows apart, learned rates, schedule's factor."""
    squares, dense = 0.0, {}
    for name, gradient in gradients.items():
        if isinstance(gradient, tuple):  # gathered rows of the word table
            rows, indices = gradient
            squares += np.sum(rows**2)
            dense[name] = np.zeros_like(before[name])
            np.add.at(dense[name], indices, rows)
        else:
            squares += np.sum(gradient**2)
            dense[name] = gradient
    norm = math.sqrt(squares)
    expected = dict(before)
    for name, gradient in dense.items():
        label = finetuning.LABEL_EMBEDDING_VARIABLE
        rate = before[adaptation.rate_name(LABEL_EMBEDDINGS if name == label else name, rate_set)]
        if adaptation.is_fixed_rate(name, run.config):
            rate = 0.0
        elif run.config.use_exp_lr:
            rate = np.exp(rate)
        expected[name] = before[name] - rate * factor * gradient / max(1.0, norm)
    return expected, norm, math.sqrt(sum(np.sum(g**2) for g in dense.values()))


def plain_gradients(run, loss, names):
    """{name: gradient of a loss by the variable}, the word table's as (rows, indices)."""
    gradients = tf.gradients(loss, [run.variables[name] for name in names])
    found = dict(zip(names, gradients))
    return {n: (g.values, g.indices) if n == WORD_EMBEDDINGS else tf.convert_to_tensor(g) for n, g in found.items()}


@pytest.mark.parametrize(
    "changes",
    [
        dict(rate_sets=3),
        dict(warp_layers=True, use_exp_lr=True, use_euclidean_norm=False),
        dict(sgd_first_batch=True, use_pooled_output=False, train_word_embeddings=False),
        dict(prototypical_baseline=True, is_meta_sgd=False, decay_finetune_lr=False),
    ],
)
def test_steps_by_hand_with_label_embeddings_as_variable(changes):
    run = Run(make_config(**dict(ONLY_LABELS, **changes)))
    label = finetuning.LABEL_EMBEDDING_VARIABLE
    adapted = [n for n in weights_of(run) if adaptation.is_adapted(n, run.config)] + [label]
    if run.config.use_pooled_output is False:
        adapted = [n for n in adapted if "pooler" not in n]
    assert not [n for n in adapted if n.startswith("label_")]
    passed = run.scored()
    gradients = plain_gradients(run, passed.loss, adapted)
    made = run.model.batch_label_embeddings(run.batch)
    for step in range(5):  # the last ones are past the schedule's end
        rows = make_rows(step)
        before = run.values()
        if step == 0:
            assert not np.any(before[label])
            before[label] = run.session.run(made, run.feed(rows))
            run.label_embedding.load(before[label], run.session)
        loss, by_variable = run.session.run([passed.loss, gradients], run.feed(rows))
        if step == 0:
            run.label_embedding.load(np.zeros_like(before[label]), run.session)
        factor = 1.0 - step / 3.7 if run.config.decay_finetune_lr else 1.0
        rate_set = min(run.config.rate_sets * step // 3, run.config.rate_sets - 1)
        expected, norm, merged_norm = apply_by_hand(run, before, by_variable, rate_set, factor)
        found = run.train(rows, run.step.loss, run.step.norm, run.step.logits)
        after = run.values()
        if step == 0 and not run.config.sgd_first_batch:
            assert found[:2] == [0.0, 0.0]
            expected = before
        else:
            np.testing.assert_allclose(found[:2], [loss, norm], rtol=1e-5)
            if WORD_EMBEDDINGS in adapted:
                assert abs(norm - merged_norm) > 1e-3 * norm  # the rule on duplicates shows
        assert after["training_step"] == after["global_step"] == step + 1
        for name in set(after) - COUNTERS:
            np.testing.assert_allclose(after[name], expected[name], rtol=0, atol=2e-5, err_msg=name)
    untouched = {n for n in weights_of(run) if not adaptation.is_adapted(n, run.config)}
    assert not untouched & changed(run.values(), before)


@pytest.mark.parametrize("changes", [ONLY_LABELS, dict(ONLY_LABELS, prototypical_baseline=True)])
def test_first_batch_only_makes_the_label_embeddings(changes):
    run = Run(make_config(**changes))
    before = run.values()
    run.train(make_rows(0))
    assert changed(before, run.values()) == {finetuning.LABEL_EMBEDDING_VARIABLE}
    middle = run.values()
    run.train(make_rows(1))
    assert "output_weights_0" in changed(middle, run.values())


def test_label_mlp_adapts_through_the_embeddings_of_each_batch():
    run = Run(make_config(use_euclidean_norm=False, output_layers=2, activation_fn="linear", deep_set_layers=1))
    passed = run.model.support_pass(run.model.variables, run.batch)
    adapted = [name for name in weights_of(run) if adaptation.is_adapted(name, run.config)]
    assert {"label_weights_1", "label_set_weights_0"} <= set(adapted)
    gradients = plain_gradients(run, passed.loss, adapted)
    run.train(make_rows(0))
    for step in (1, 2):
        rows = make_rows(step)
        before = run.values()
        loss, by_variable = run.session.run([passed.loss, gradients], run.feed(rows))
        expected, norm, _ = apply_by_hand(run, before, by_variable, 0, 1.0 - step / 3.7)
        found = run.train(rows, run.step.loss, run.step.norm)
        np.testing.assert_allclose(found, [loss, norm], rtol=1e-5)
        after = run.values()
        for name in set(after) - COUNTERS:
            np.testing.assert_allclose(after[name], expected[name], rtol=0, atol=2e-5, err_msg=name)
        assert {"label_weights_0", "label_weights_1", "label_set_weights_0"} <= changed(before, after)
    assert not np.any(after[finetuning.LABEL_EMBEDDING_VARIABLE])  # made from the training set at the end


@pytest.mark.parametrize("sgd_first_batch", [False, True])
def test_first_batch_of_a_full_label_update(sgd_first_batch):
    """The published rule holds here too: the loss of the first batch counts 0 unless sgd_first_batch."""
    run = Run(make_config(sgd_first_batch=sgd_first_batch))
    before = run.values()
    run.train(make_rows(0))
    assert ("label_weights_0" in changed(before, run.values())) == sgd_first_batch


@pytest.mark.parametrize(
    "changes, expected",
    [
        (dict(rate_sets=0), set()),
        (dict(rate_sets=0, sgd_first_batch=True), set()),
        (dict(ONLY_LABELS, rate_sets=0, sgd_first_batch=True), {finetuning.LABEL_EMBEDDING_VARIABLE}),
        (dict(prototypical_baseline=True, sgd_first_batch=True), set()),
    ],
)
def test_no_gradient_steps(changes, expected):
    run = Run(make_config(**changes))
    before = run.values()
    for step in range(3):
        run.train(make_rows(step))
        assert changed(before, run.values()) == expected
        if step == 0:
            embeddings = run.values()[finetuning.LABEL_EMBEDDING_VARIABLE]
    after = run.values()
    np.testing.assert_array_equal(after[finetuning.LABEL_EMBEDDING_VARIABLE], embeddings)
    assert after["training_step"] == after["global_step"] == 3


@pytest.mark.parametrize("changes", [dict(prototypical_baseline=True), dict(deep_set_layers=2)])
def test_embeddings_of_the_whole_set_from_sums_of_batches(changes):
    run = Run(make_config(**changes))
    model = run.model
    sums = model.label_sums(model.variables, model.row_features(run.batch), run.batch.label_ids)
    totals = [tf.placeholder(tf.float32, part.shape) for part in sums]
    finished = model.finish_label_embeddings(model.variables, *totals)
    made = model.batch_label_embeddings(run.batch)
    batches = [make_rows(seed) for seed in range(3)]
    parts = [run.session.run(sums, run.feed(rows)) for rows in batches]
    feed = {total: sum(part[i] for part in parts) for i, total in enumerate(totals)}
    whole = Batch(*[np.concatenate(arrays) for arrays in zip(*batches)])
    found, expected = run.session.run([finished, made], {**feed, **run.feed(whole)})
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("changes, size", [({}, 3), (dict(use_euclidean_norm=False), 4)])
def test_new_variables(changes, size):
    label_embedding, step = finetuning.create_label_embedding(make_config(**changes), 7), finetuning.create_step()
    assert (label_embedding.op.name, step.op.name) == ("new_variable/label_embedding", "training_step")
    assert label_embedding.shape.as_list() == [7, size] and step.shape.as_list() == []
    assert not step.trainable


@pytest.mark.parametrize(
    "changes",
    [
        dict(ONLY_LABELS, warp_layers=True, use_euclidean_norm=False),
        dict(ONLY_LABELS, pooling="mean", sgd_first_batch=True),
        dict(use_pooled_output=False),
    ],
)
def test_reference_mode_gives_the_same_numbers(changes):
    """The published amount of work, on rows with their padding, against the fast path."""
    found = []
    for reference_mode in (False, True):
        with tf.Graph().as_default():
            run = Run(make_config(reference_mode=reference_mode, **changes))
            losses = [run.train(make_rows(seed), run.step.loss, run.step.norm) for seed in range(3)]
            scores = run.session.run(run.scored().logits, run.feed(make_rows(4)))
            found.append((losses, scores, run.values()))
    (losses, scores, values), (expected_losses, expected_scores, expected) = found
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-4, atol=1e-4)
    for name, value in expected.items():
        np.testing.assert_allclose(values[name], value, atol=1e-5, err_msg=name)


HEADS_ALONE = dict(
    update_only_label_embedding=True, train_word_embeddings=False, pooling="mean", min_layer_with_grad=1,
    adapt_layer_norm=False,
)


def test_features_that_are_constant_give_the_steps_of_encoded_rows():
    found = []
    for known in (False, True):
        with tf.Graph().as_default():
            run = Run(make_config(**HEADS_ALONE))
            if known:
                given = tf.placeholder(tf.float32, [None, BERT.hidden_size])
                counter = run.variables["training_step"]
                step = finetuning.training_step(run.model, counter, run.batch, DECAY, features=given)
            values = []
            for rows in map(make_rows, (0, 1, 3)):
                feed = run.feed(rows)
                if known:
                    features = run.session.run(run.model.row_features(run.batch), feed)
                    feed = {given: features, run.batch.label_ids: rows.label_ids}
                values.append(run.session.run([(step if known else run.step).loss], feed))
                run.session.run((step if known else run.step).train_op, feed)
            found.append((values, run.session.run(run.label_embedding)))
    assert np.ptp(found[0][0]) > 1e-3
    np.testing.assert_allclose(found[1][0], found[0][0], atol=1e-6)
    np.testing.assert_allclose(found[1][1], found[0][1], atol=1e-6)


@pytest.mark.parametrize(
    "changes, of_encoder, expected",
    [
        ({}, {}, True),
        (dict(keep_prob=0.9), {}, False),
        (dict(reference_mode=True), {}, False),
        (dict(min_layer_with_grad=0), {}, False),
        ({}, dict(hidden_dropout_prob=0.1), False),
        ({}, dict(attention_probs_dropout_prob=0.1), False),
    ],
)
def test_what_makes_features_change_from_step_to_step(changes, of_encoder, expected):
    config = make_config(**dict(HEADS_ALONE, **changes))
    assert finetuning.has_constant_features(tiny.bert(**of_encoder), config) == expected


def test_a_softmax_layer_is_trained_on_rows_that_are_encoded_at_each_step():
    assert not finetuning.has_constant_features(BERT, configs.SoftmaxConfig(fix_bert=True, keep_prob=1.0))
