"""Inner loop and meta-gradient: looped form against plain autodiff, tasks of a step, what no golden case contains."""
import dataclasses

import numpy as np
import pytest
from few_shot_task import BERT, Model, make_config, make_rows, same

import meta_learner
import modeling
from learner import adaptation
from learner.adaptation import LABEL_EMBEDDINGS
from learner.classifier import Batch, Classifier
from learner.trace import TaskResult
from modeling import WORD_EMBEDDINGS
from runtime import kernels
from runtime.compat import tf
from runtime.dropout import Dropout

pytestmark = pytest.mark.usefixtures("graph")


def test_no_rates_means_no_adaptation():
    """SGD_K=0: the query is judged with the initial weights and the label embeddings of mini-batch 0."""
    config = make_config(rate_sets=0, sgd_first_batch=True, weight_query_loss=True)
    model = Model(config)
    result = model.run_task()
    classifier = Classifier(model.bert_config, config, 3)
    first = Batch(*[part[:2] for part in model.task.support])
    embeddings = classifier.support_pass(model.variables, first).label_embs
    features = classifier.features(model.variables, model.task.query)
    plain = classifier.classify(model.variables, features, embeddings, model.task.query.label_ids)
    found = model.run([result.loss, plain.loss, result.query_losses, result.inner_norms])
    same(found[0], found[1])
    assert len(found[2]) == 1 and len(found[3]) == 0
    assert not [name for name in model.variables if adaptation.is_rate(name)]


@pytest.mark.parametrize("num_batches", [0, 1])
@pytest.mark.parametrize("sgd_first_batch", [False, True])
def test_one_query_loss_of_weight_1(num_batches, sgd_first_batch):
    """num_batches of 0 or 1 without averaging, warp layers or prototypes."""
    config = make_config(num_batches=num_batches, sgd_first_batch=sgd_first_batch, weight_query_loss=True)
    model = Model(config)
    result = model.run_task(evaluation=True)
    loss, losses, norms = model.run([result.loss, result.query_losses, result.inner_norms])
    assert losses.shape == (1,) and loss == losses[0]
    assert len(norms) == int(sgd_first_batch)


def clipped(gradients, norms):
    return [{name: g / max(1.0, norm) for name, g in step.items()} for step, norm in zip(gradients, norms)]


def test_fast_weights_by_hand():
    """Encoder and label embeddings add up their steps, heads keep the last; each step with its own set of rates.

    A step after the last one drawn leaves encoder and label embeddings alone and puts the heads back.
    """
    config = make_config(
        update_only_label_embedding=True,
        sgd_first_batch=True,
        rate_sets=3,
        randomize_inner_steps=True,
        min_inner_steps=1,
        use_pooled_output=False,
    )
    model = Model(config)
    last_step = tf.placeholder(tf.int32, [])
    result = model.run_task(last_step=last_step, trace=True)
    steps = [{n: tf.convert_to_tensor(g) for n, g in step.items()} for step in result.trace.inner_gradients]
    fast = {name: tf.convert_to_tensor(result.trace.fast[name]) for name in steps[0]}
    first_embeddings = result.trace.passes[0].label_embs
    run = model.session.make_callable(
        [steps, fast, result.inner_norms, result.trace.word_ids, first_embeddings],
        list(model.rows.values()) + [last_step],
    )
    model.load(model.values)
    rows = make_rows(config)
    norms_seen = []
    for last in (2, 1, -1):
        gradients, found, norms, word_ids, embeddings = run(*[rows[name] for name in model.rows], last)
        norms_seen += list(norms)
        initial = dict(model.values)
        initial[WORD_EMBEDDINGS] = initial[WORD_EMBEDDINGS][word_ids]
        initial[LABEL_EMBEDDINGS] = embeddings
        mixture = np.exp(initial["bert_layer_weights"])
        initial["bert_layer_weights"] = mixture / np.sum(mixture)
        assert len(gradients) == 3 and "output_weights_0" in found and "cls_output_projection" in found
        for name in found:
            expected = np.array(initial[name])
            for k, step in enumerate(clipped(gradients, norms)):
                counts = k == 2 if adaptation.restarts(name) else True
                if counts and k <= last:
                    expected = expected - model.values[adaptation.rate_name(name, k)] * step[name]
            same(found[name], expected, name)
    assert min(norms_seen) > 0.0 and max(norms_seen) > 1.0  # clipping did something


def test_exponential_rates_leave_the_output_mlp_of_warp_layers_alone():
    config = make_config(use_exp_lr=True, warp_layers=True, num_batches=2, meta_batchsz=4, output_layers=2)
    model = Model(config)
    result = model.run_task(trace=True)
    gradients = {n: tf.convert_to_tensor(g) for n, g in result.trace.inner_gradients[-1].items()}
    fast = {name: result.trace.fast[name] for name in gradients}
    gradients, fast, norms = model.run([gradients, fast, result.inner_norms])
    (step,) = clipped([gradients], norms)
    for name in ("output_weights_0", "output_bias_0", "output_weights_1", "output_bias_1"):
        assert np.max(np.abs(gradients[name])) > 0.0
        np.testing.assert_array_equal(fast[name], model.values[name])
        assert not model.variables["sgd0/output/layer%s/learning_rate" % name[-1]].trainable
    for name in ("bert/pooler/dense/kernel", "label_weights_1"):
        rate = np.exp(model.values[adaptation.rate_name(name, 0)])
        same(fast[name], model.values[name] - rate * step[name], name)


@pytest.mark.parametrize("make_dropout", [lambda: None, lambda: Dropout(5, tf.constant(3))])
def test_drawn_last_step(make_dropout):
    config = make_config(num_batches=6, randomize_inner_steps=True, min_inner_steps=3)
    dropout = make_dropout()
    drawn = tf.stack([meta_learner.draw_last_step(config, dropout) for _ in range(60)])
    with tf.Session() as session:
        assert set(session.run(drawn)) == {3, 4, 5}


def test_prototypes_with_identity_heads_are_nearest_class_means():
    config = make_config(
        prototypical_baseline=True,
        head_init="identity",
        pooling="mean",
        label_emb_size=BERT.hidden_size,
        num_batches=1,
    )
    model = Model(config)
    result = model.run_task(evaluation=True)
    encoded = [
        modeling.encode(model.variables, model.bert_config, part.input_ids, part.input_mask, part.segment_ids)
        for part in (model.task.support, model.task.query)
    ]
    means = [modeling.masked_mean(part.layers[-1], part.mask) for part in encoded]
    model.values["output_weights_0"], model.values["output_bias_0"] = np.eye(8, dtype=np.float32), np.zeros([8])
    rows = make_rows(config)
    predictions, accuracy, (support, query) = model.run([result.predictions, result.accuracy, means])
    labels, true = np.split(rows["label_ids"], [config.meta_batchsz])
    centroids = np.array([np.mean(support[labels == label], axis=0) for label in range(3)])
    nearest = np.argmin(np.sum((query[:, None] - centroids[None]) ** 2, axis=-1), axis=1)
    np.testing.assert_array_equal(predictions, nearest)
    assert accuracy == np.float32(np.mean(nearest == true))


def test_a_fixed_encoder_that_is_not_adapted_leaves_the_other_gradients_alone():
    """Its own gradient is dropped before it is computed."""
    gradients = {}
    for fix_bert in (False, True):
        config = make_config(
            pooling="last_text", prototypical_baseline=True, update_only_label_embedding=True, fix_bert=fix_bert,
            min_layer_with_grad=BERT.num_hidden_layers, adapt_layer_norm=False, train_word_embeddings=False,
        )
        with tf.Graph().as_default():
            model = Model(config)
            result = model.run_task()
            gradients[fix_bert] = model.run(result.gradients)
    assert any(name.startswith("bert/") for name in gradients[False])
    assert set(gradients[True]) == {name for name in gradients[False] if not name.startswith("bert/")}
    for name, gradient in gradients[True].items():
        same(gradient, gradients[False][name], name)


def plain_layer_norm(x, beta, gamma):
    mean = tf.reduce_mean(x, axis=-1, keepdims=True)
    variance = tf.reduce_mean(tf.square(x - mean), axis=-1, keepdims=True)
    return (x - mean) * tf.math.rsqrt(variance + 1e-12) * gamma + beta


def test_second_order_gradient_by_finite_differences(monkeypatch):
    """With the ordinary LayerNorm (the published one has other second derivatives, checklist section 6)."""
    monkeypatch.setattr(kernels, "PLAIN", kernels.PLAIN._replace(layer_norm=plain_layer_norm))
    config = make_config(stop_grad=False, num_batches=2, meta_batchsz=4, output_layers=2, average_query_loss=True)
    model = Model(config)
    result = model.run_task()
    gradients = model.outer_gradients(result)
    first = meta_learner.run_task(
        model.variables, model.task, model.bert_config, dataclasses.replace(config, stop_grad=True)
    )
    simple = model.outer_gradients(first)
    assert set(simple) == set(gradients)
    model.values.update({name: np.float32(1.0) for name in model.values if adaptation.is_rate(name)})
    exact, simple, loss, simple_loss = model.run([gradients, simple, result.loss, first.loss])
    same(loss, simple_loss)
    random = np.random.RandomState(3)
    along = {name: g / np.sqrt(sum(np.sum(g * g) for g in exact.values())) for name, g in exact.items()}
    heads_only = {name: g for name, g in along.items() if not name.startswith("bert/")}
    signs = {name: g * random.choice([0.5, 2.0], g.shape) for name, g in along.items()}
    errors = []
    for direction in (along, heads_only, signs):
        losses = []
        for size in (-0.01, 0.01):
            moved = dict(model.values)
            moved.update({name: moved[name] + np.float32(size * step) for name, step in direction.items()})
            losses.append(model.run(result.loss, moved))
        slope = (losses[1] - losses[0]) / 0.02
        for gradient in (exact, simple):
            errors.append(abs(sum(np.sum(gradient[name] * step) for name, step in direction.items()) / slope - 1.0))
    assert max(errors[::2]) < 1e-2
    assert max(errors[1::2]) > 3e-2  # the first-order gradient is another one


def test_evaluation_runs_five_epochs_without_dropout():
    config = make_config(
        num_batches=2, meta_batchsz=4, average_query_loss=True, update_only_label_embedding=True, keep_prob=0.5
    )
    model = Model(config)
    result = model.run_task(evaluation=True)
    assert result.gradients is None
    fetches = [result.loss, result.query_losses, result.support_losses, result.inner_norms]
    found, again = model.run(fetches), model.run(fetches)
    assert [len(vector) for vector in found[1:]] == [6, 6, 5]
    same(found[0], np.mean(found[1]))
    assert found[0] == again[0]


def test_dropout_in_training_only_where_asked():
    config = make_config(num_batches=1, keep_prob=0.5)
    model = Model(config)
    step = tf.Variable(0, trainable=False)
    result = model.run_task(dropout=Dropout(0, step))
    losses = []
    for value in (0, 0, 1):
        step.load(value, model.session)
        losses.append(float(model.run(result.loss)))
    assert losses[0] == losses[1] != losses[2]  # masks follow from the step


def test_make_task_splits_in_order():
    config = make_config()
    rows = make_rows(config, num_labels=2)
    task = meta_learner.make_task(rows, config)
    np.testing.assert_array_equal(task.support.label_ids, rows["label_ids"][:6])
    np.testing.assert_array_equal(task.query.input_ids, rows["input_ids"][6:])
    assert task.num_labels == 2


@pytest.mark.parametrize(
    "changes, left_out",  # the beginnings of the names that the outer loop does not train
    [
        (dict(rate_sets=2), ("sgd1/", "layer_0/sgd1/")),  # no step takes the second set
        # steps with sets 1 and 2, and the query after them: heads keep the last step, label embeddings were made before
        (dict(rate_sets=3), ("sgd0/", "layer_0/sgd0/", "sgd1/output/", "sgd2/label/")),
        (dict(num_batches=1), ("sgd0/", "layer_0/")),  # no step at all
        (dict(pooling="mean"), ("bert/pooler/", "sgd0/pooler_lr")),  # nobody reads the pooler
        (dict(fix_bert=True), ("bert/",)),
        (dict(fix_bert=True, use_pooled_output=False), ("bert", "sgd0/pooler_lr")),  # the layer mixture too
        (dict(is_meta_sgd=False), ("sgd0/", "layer_0/")),
        (dict(train_word_embeddings=False, adapt_layer_norm=False), ("sgd0/word_embedding_lr",)),
        (dict(update_only_label_embedding=True), ("sgd0/label/",)),
        (dict(warp_layers=True), ("sgd0/output/",)),
    ],
)
def test_trained_names(changes, left_out):
    config = make_config(**changes)
    variables = meta_learner.create_variables(BERT, config)
    expected = [name for name in variables if not name.startswith(left_out)]
    assert meta_learner.trained_names(variables, config) == expected
    for start in left_out:
        assert any(name.startswith(start) for name in variables), start


def test_means_of_results():
    names = [WORD_EMBEDDINGS, "sgd0/word_embedding_lr"]

    def result(value):
        gradients = {name: tf.constant([value, 0.0]) for name in names + ["fixed"]}
        gradients[WORD_EMBEDDINGS] = tf.IndexedSlices(
            tf.constant([value, value]), tf.constant([1, 1]), tf.constant([2])
        )
        vectors = [tf.constant([value, 2.0 * value])] * 3
        return TaskResult(tf.constant(value), tf.constant(value / 4), None, gradients, *vectors, trace=None)

    batch = meta_learner.mean_of_tasks([result(1.0), result(3.0)], names)
    assert list(batch.gradients) == names
    with tf.Session() as session:
        found = session.run(batch)
    np.testing.assert_allclose(found.gradients[WORD_EMBEDDINGS], [0.0, 4.0])
    np.testing.assert_allclose(found.inner_norms, [2.0, 4.0])
    assert found.loss == 2.0 and found.accuracy == 0.5


SEED = 3
CONFIGS = {
    "first_order": dict(update_only_label_embedding=True, use_pooled_output=False, rate_sets=2, use_exp_lr=True),
    "second_order": dict(stop_grad=False, num_batches=2, meta_batchsz=4),
    "fixed_encoder": dict(fix_bert=True, pooling="mean", num_batches=2, meta_batchsz=4),
    "reference": dict(reference_mode=True, num_batches=2, meta_batchsz=4),
}


def make_tasks(config):
    """Rows of two tasks, which differ in classes, words and numbers of query rows."""
    tasks = []
    for index, more in enumerate((0, 2)):
        rows = make_rows(config, num_labels=2 + index, seed=index)
        tasks.append({name: np.concatenate([array, array[:more]]) for name, array in rows.items()})
    return tasks


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_tasks_of_a_step_against_each_by_itself(name):
    config = make_config(keep_prob=0.5, **CONFIGS[name])
    model = Model(config)
    tasks, feed = [], {}
    for number, rows in enumerate(make_tasks(config), start=5):
        shapes = {name: [None] + list(array.shape[1:]) for name, array in rows.items()}
        task = {name: tf.placeholder(tf.int32, shape) for name, shape in shapes.items()}
        feed.update({task[name]: array for name, array in rows.items()})
        tasks.append(dict(task, number=tf.constant(number, tf.int64)))
    batch = meta_learner.run_tasks(model.variables, tasks, BERT, config, SEED)
    alone = [
        meta_learner.run_task(
            model.variables, meta_learner.make_task(task, config), BERT, config,
            dropout=Dropout(SEED, task["number"], config.reference_mode),
        )
        for task in tasks
    ]
    names = meta_learner.trained_names(model.variables, config)
    assert list(batch.gradients) == names
    numbers = [{key: getattr(result, key) for key in batch._fields if key != "gradients"} for result in alone]
    gradients = [{name: tf.convert_to_tensor(result.gradients[name]) for name in names} for result in alone]
    model.load(model.values)
    found, numbers, gradients = model.session.run([batch, numbers, gradients], feed)
    for kind, parts in ((found._asdict(), numbers), (found.gradients, gradients)):
        for key in parts[0]:
            same(kind[key], np.mean([part[key] for part in parts], axis=0), key)
