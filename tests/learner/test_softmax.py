"""BERT with a softmax layer: the AdamW step by hand, schedule, what is trained."""
import numpy as np
import pytest
import tiny

import modeling
import optimization
from learner import configs, finetuning, softmax
from learner.classifier import Batch
from learner.configs import SoftmaxConfig, from_flags
from runtime.compat import tf
from runtime.errors import UserError

BERT = tiny.bert()
SEQ, ROWS, NUM_LABELS, STEPS = 6, 5, 3, 10
DECAY = finetuning.RateDecay(total=STEPS, warmup=2)
pytestmark = pytest.mark.usefixtures("graph")


def make_rows(seed=0):
    return tiny.make_batch(ROWS, SEQ, NUM_LABELS, seed)


class Run:
    """A model with large random weights and its training step."""

    def __init__(self, config, bert_config=BERT, seed=0):
        self.variables = modeling.create_variables(bert_config)
        self.head = softmax.create_head(configs.feature_width(bert_config.hidden_size, config), NUM_LABELS)
        step = finetuning.create_step()
        self.batch = Batch(*[tf.placeholder(tf.int32, [None, SEQ]) for _ in range(3)], tf.placeholder(tf.int32, [None]))
        self.scored = softmax.score(self.variables, self.head, self.batch, bert_config, config)
        self.step = softmax.training_step(
            self.variables, self.head, step, self.batch, bert_config, config, DECAY, seed
        )
        self.all = {variable.op.name: variable for variable in tf.trainable_variables()}
        options = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
        options.graph_options.rewrite_options.disable_meta_optimizer = True
        self.session = tf.Session(config=options)
        self.session.run(tf.global_variables_initializer())
        random = np.random.RandomState(0)
        for variable in self.all.values():
            variable.load(0.3 * random.standard_normal(variable.shape.as_list()), self.session)

    def values(self):
        return self.session.run(self.all)

    def train(self, rows, *fetches):
        *values, _ = self.session.run(list(fetches) + [self.step.train_op], dict(zip(self.batch, rows)))
        return values


def test_names_and_start_of_the_layer():
    head = softmax.create_head(384, 60)
    assert [variable.op.name for variable in head] == ["output_weights", "output_bias"]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        weights, bias = session.run(head)
    assert weights.shape == (60, 384) and not bias.any()
    assert np.max(np.abs(weights)) <= 0.04 and abs(np.std(weights) - 0.0176) < 0.0005  # cut at two deviations


def mean(encoded):
    return modeling.masked_mean(encoded.layers[-1], encoded.mask)


@pytest.mark.parametrize(
    "changes, vector_of",
    [
        (dict(pooling="cls"), lambda encoded: encoded.pooled),
        (dict(pooling="mean"), mean),
        (
            dict(pooling="mean", feature_layers="1:4"),
            lambda encoded: 2.0 * tf.math.l2_normalize(mean(encoded), axis=-1),
        ),
    ],
)
def test_scores_by_hand(changes, vector_of):
    run = Run(SoftmaxConfig(keep_prob=1.0, **changes))
    rows = make_rows()
    features = vector_of(modeling.encode(run.variables, BERT, *run.batch[:3]))
    features, scored, head = run.session.run([features, run.scored, run.head], dict(zip(run.batch, rows)))
    logits = features.dot(head.weights.T) + head.bias
    np.testing.assert_allclose(scored.logits, logits, rtol=1e-4, atol=1e-5)
    losses = np.log(np.sum(np.exp(logits), axis=1)) - logits[np.arange(ROWS), rows.label_ids]
    np.testing.assert_allclose(scored.loss, np.mean(losses), rtol=1e-4)
    assert scored.accuracy == pytest.approx(np.mean(np.argmax(logits, axis=1) == rows.label_ids))


def test_a_step_is_adam_with_decoupled_decay():
    """Gradient clipped at joint norm 1; warm-up from 0, then linear decay; moments without bias correction."""
    rate = 0.1
    run = Run(SoftmaxConfig(keep_prob=1.0, learning_rate=rate))
    expected = run.values()
    m, v = ({name: 0.0 for name in expected} for _ in range(2))
    for step, factor in enumerate((0.0, 0.5, 0.8, 0.7)):  # of 10 steps, 2 of them warm-up
        gradients, = run.train(make_rows(step), run.step.gradients)
        norm = np.sqrt(sum(np.sum(np.square(gradient)) for gradient in gradients.values()))
        assert set(gradients) == set(expected)
        found = run.values()
        for name, gradient in gradients.items():
            gradient = gradient * min(1.0, 1.0 / norm)
            m[name] = 0.9 * m[name] + 0.1 * gradient
            v[name] = 0.999 * v[name] + 0.001 * gradient**2
            decay = 0.0 if "LayerNorm" in name or "bias" in name else 0.01
            expected[name] = expected[name] - rate * factor * (
                m[name] / (np.sqrt(v[name]) + 1e-6) + decay * expected[name]
            )
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-5, err_msg=name)
        expected = found


def test_gradients_equal_differences():
    run = Run(SoftmaxConfig(keep_prob=1.0))
    feed = dict(zip(run.batch, make_rows()))
    gradients = run.session.run(run.step.gradients, feed)
    for name in ("output_weights", "output_bias", "bert/pooler/dense/kernel", modeling.WORD_EMBEDDINGS):
        value = run.session.run(run.all[name])
        direction = gradients[name] / np.linalg.norm(gradients[name])
        losses = []
        for sign in (1.0, -1.0):
            run.all[name].load(value + sign * 1e-2 * direction, run.session)
            losses.append(run.session.run(run.scored.loss, feed))
        run.all[name].load(value, run.session)
        slope = (losses[0] - losses[1]) / 2e-2
        assert slope == pytest.approx(np.linalg.norm(gradients[name]), rel=0.03), name


def test_a_fixed_encoder_stays_bit_for_bit():
    run = Run(SoftmaxConfig(fix_bert=True, learning_rate=0.1))
    before = run.values()
    for seed in range(3):
        run.train(make_rows(seed))
    after = run.values()
    assert {n for n in before if not np.array_equal(before[n], after[n])} == {"output_weights", "output_bias"}
    assert set(run.step.gradients) == {"output_weights", "output_bias"}


def test_weights_that_are_not_read_stay():
    run = Run(SoftmaxConfig(pooling="mean", learning_rate=0.1))
    before = run.values()
    for seed in range(2):
        run.train(make_rows(seed))
    after = run.values()
    same = {name for name in before if np.array_equal(before[name], after[name])}
    assert same == {"bert/pooler/dense/kernel", "bert/pooler/dense/bias"}


def test_training_learns_the_rows():
    run = Run(SoftmaxConfig(keep_prob=1.0, learning_rate=0.02))
    losses = [run.train(make_rows(), run.step.loss)[0] for _ in range(STEPS)]
    assert losses[-1] < 0.5 * losses[0]
    assert run.session.run(optimization.learning_rate(optimization.OuterConfig(1.0, STEPS), STEPS)) == 0.0


def test_dropout_follows_from_seed_and_step():
    config = SoftmaxConfig(keep_prob=0.5, learning_rate=1e-9)

    def losses(seed):
        with tf.Graph().as_default():
            run = Run(config, seed=seed)
            return [run.train(make_rows(), run.step.loss)[0] for _ in range(3)]

    first = losses(1)
    assert first == losses(1) and first != losses(2) and len(set(first)) == 3


def test_numbers_are_those_of_both_runtimes():
    run = Run(SoftmaxConfig(keep_prob=0.9, learning_rate=0.01), seed=3)
    losses = [run.train(make_rows(step), run.step.loss)[0] for step in range(4)]
    np.testing.assert_allclose(losses, [1.0964162, 1.0690835, 1.0878322, 1.0610756], rtol=1e-5)


@pytest.mark.parametrize(
    "rows, batch, epochs, expected", [(12, 12, 40, (40, 4)), (10, 4, 3, (8, 0)), (8, 16, 1, (1, 0))]
)
def test_steps(rows, batch, epochs, expected):
    assert softmax.rate_decay(rows, batch, epochs, 0.1) == expected


def test_mistakes():
    with pytest.raises(UserError, match="--num_train_epochs=0.5"):
        softmax.rate_decay(8, 8, 0.5, 0.1)
    with pytest.raises(UserError, match="--use_pooled_output=false"):
        from_flags(SoftmaxConfig, {"use_pooled_output": False})
    with pytest.raises(UserError, match="--learning_rate=0"):
        SoftmaxConfig(learning_rate=0.0)
