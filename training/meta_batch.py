"""The tasks of one step of meta-training: means over them, from one graph in which they take turns.

So the graph, which takes seconds a task to make, does not grow with the number of tasks.
"""
import collections

import meta_learner
import optimization
from learner.first_order import map_tensors
from runtime.compat import tf
from runtime.dropout import Dropout
from training.task_feed import FIELDS

MetaBatch = collections.namedtuple(
    "MetaBatch",
    [
        "loss",  # as the others the mean over the tasks
        "accuracy",
        "gradients",  # {variable name: dense gradient}, of what the outer loop trains and the tasks' losses depend on
        "support_losses",  # [support passes]
        "query_losses",  # [query passes]
        "inner_norms",  # [inner steps]
    ],
)

_VECTORS = MetaBatch._fields[3:]


def run(variables, tasks, bert_config, config, outer, seed):
    """Runs the inner loop of every task; returns MetaBatch.

    Args:
      variables: {name: variable} of `meta_learner.create_variables`.
      tasks: list of the features of training_loop.FIELDS, and `number`, the task's in the run.
      bert_config, config, outer: BertConfig, LearnerConfig and OuterConfig.
      seed: of the dropout masks.
    """

    def run_task(values, rows, number):
        task, dropout = meta_learner.make_task(rows, config), Dropout(seed, number, config.reference_mode)
        (result,) = meta_learner.run_tasks(values, [task], bert_config, config, dropouts=[dropout])
        return result

    def trained(results):
        return optimization.trained_gradients(meta_learner.outer_gradients(results, variables, config), outer)

    if len(tasks) > 1 and not config.reference_mode:
        return _in_turn(variables, tasks, run_task, trained)
    results = [run_task(variables, rows, rows["number"]) for rows in tasks]
    vectors = {name: tf.add_n([getattr(result, name) for result in results]) / len(results) for name in _VECTORS}
    loss, accuracy = meta_learner.mean_of_tasks(results)
    return MetaBatch(loss, accuracy, trained(results), **vectors)


def _in_turn(variables, tasks, run_task, trained):
    """MetaBatch from a loop over the tasks, whose numbers of rows may differ."""
    count = len(tasks)
    sizes = tf.stack([tf.shape(rows["label_ids"])[0] for rows in tasks])
    ends, numbers = tf.cumsum(sizes), tf.stack([rows["number"] for rows in tasks])
    fields = {name: tf.concat([rows[name] for rows in tasks], axis=0) for name in FIELDS}
    values = map_tensors(tf.identity, variables)
    totals = {name: tf.zeros_like(values[name]) for name, variable in variables.items() if variable.trainable}
    arrays = {name: tf.TensorArray(tf.float32, count, infer_shape=False) for name in _VECTORS}
    reached, lengths = set(), {}  # names with a gradient; sizes of the vectors

    def body(index, loss, accuracy, totals, arrays):
        rows = {name: field[ends[index] - sizes[index] : ends[index]] for name, field in fields.items()}
        # New tensors, to differentiate by inside the loop.
        result = run_task(map_tensors(tf.identity, values), rows, numbers[index])
        gradients = trained([result])
        reached.update(gradients)
        lengths.update({name: getattr(result, name).shape.as_list() for name in arrays})
        totals = {name: total + gradients[name] if name in gradients else total for name, total in totals.items()}
        arrays = {name: array.write(index, getattr(result, name)) for name, array in arrays.items()}
        return index + 1, loss + result.loss, accuracy + result.accuracy, totals, arrays

    _, loss, accuracy, totals, arrays = tf.while_loop(
        lambda index, *_: index < count,
        body,
        (0, tf.constant(0.0), tf.constant(0.0), totals, arrays),
        parallel_iterations=1,
        maximum_iterations=count,
    )
    gradients = collections.OrderedDict((name, totals[name] / count) for name in variables if name in reached)
    vectors = {
        name: tf.reshape(tf.reduce_mean(array.stack(), axis=0), lengths[name]) for name, array in arrays.items()
    }
    return MetaBatch(loss / count, accuracy / count, gradients, **vectors)
