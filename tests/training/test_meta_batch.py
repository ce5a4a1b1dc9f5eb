"""The tasks of a step in one loop against each by itself."""
import numpy as np
import pytest
from few_shot_task import BERT, Model, make_config, make_rows, same

import meta_learner
import optimization
from runtime.compat import tf
from runtime.dropout import Dropout
from training import meta_batch

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
def test_means_of_the_tasks(name):
    changes = dict(CONFIGS[name])
    outer = optimization.OuterConfig(fix_bert=changes.pop("fix_bert", False))
    config = make_config(keep_prob=0.5, **changes)
    values = make_tasks(config)
    with tf.Graph().as_default():
        model = Model(config)
        tasks, feed = [], {}
        for number, rows in enumerate(values, start=5):
            shapes = {name: [None] + list(array.shape[1:]) for name, array in rows.items()}
            task = {name: tf.placeholder(tf.int32, shape) for name, shape in shapes.items()}
            feed.update({task[name]: array for name, array in rows.items()})
            tasks.append(dict(task, number=tf.constant(number, tf.int64)))
        batch = meta_batch.run(model.variables, tasks, BERT, config, outer, SEED)
        alone = [
            meta_learner.run_tasks(
                model.variables, [meta_learner.make_task(task, config)], BERT, config,
                dropouts=[Dropout(SEED, task["number"], config.reference_mode)],
            )[0]
            for task in tasks
        ]
        gradients = optimization.trained_gradients(
            meta_learner.outer_gradients(alone, model.variables, config), outer
        )
        model.load(model.values)
        fetches = [batch._asdict(), [_numbers(result) for result in alone], gradients]
        found, results, gradients = model.session.run(fetches, feed)
    assert set(found["gradients"]) == set(gradients)
    for name, gradient in gradients.items():
        same(found["gradients"][name], gradient, name)
    for name in results[0]:
        same(found[name], np.mean([result[name] for result in results], axis=0), name)


def _numbers(result):
    return {name: getattr(result, name) for name in meta_batch.MetaBatch._fields if name != "gradients"}
