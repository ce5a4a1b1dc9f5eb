"""Meta-learning of few-shot tasks: the inner loop, and the meta-gradient through it.

A task adapts the initial weights with a few SGD steps on its support rows and is judged on its query rows (MAML, Finn
et al. 2017; Meta-SGD, Li et al. 2017; Bansal et al. 2019, algorithm 1; here `unrolled`). The state of the inner loop is
the sum of the clipped gradients taken so far, one sum per set of learned rates; the fast weights follow from it
(`Episode.inner_step` in learner/episode.py):

    fast = initial - sum_k rate_k * taken_k

With ``stop_grad`` the sums are constants, so the meta-gradient of a query loss needs no backward pass through the inner
steps, and the loop need not be unrolled (learner/first_order.py). Without it autodiff goes through the sums.
"""
import collections

import modeling
from learner import adaptation, descent, first_order, heads, inner_schedule
from learner.adaptation import LABEL_EMBEDDINGS
from learner.classifier import Batch
from learner.episode import Episode
from learner.trace import Log
from runtime.compat import tf
from runtime.dropout import Dropout

ROW_FIELDS = Batch._fields + ("num_labels",)  # of the rows of a task, in record files and in dicts of tensors

TaskBatches = collections.namedtuple(
    "TaskBatches",
    [
        "support",  # Batch of meta_batchsz rows
        "query",  # Batch of the other rows
        "num_labels",  # int32 scalar, the task's number of classes
    ],
)

MetaBatch = collections.namedtuple(
    "MetaBatch",
    [
        "loss",  # as the others the mean over the tasks
        "accuracy",
        "gradients",  # {variable name: dense gradient}, of the `trained_names`
        "support_losses",  # [support passes]
        "query_losses",  # [query passes]
        "inner_norms",  # [inner steps]
    ],
)


def create_variables(bert_config, config):
    """Makes encoder, heads and learned rates; returns {name: variable}."""
    weights = modeling.create_variables(bert_config)
    weights.update(heads.create_variables(bert_config, config))
    weights.update(adaptation.create_rates(list(weights) + [LABEL_EMBEDDINGS], config))
    return weights


def make_task(rows, config):
    """Splits the rows of one task, in order, into support (the first meta_batchsz) and query.

    Args:
      rows: dict of input_ids, input_mask, segment_ids [rows, seq] and label_ids, num_labels [rows].
      config: LearnerConfig.
    """
    batch = Batch(*[rows[name] for name in Batch._fields])
    support = Batch(*[part[: config.meta_batchsz] for part in batch])
    query = Batch(*[part[config.meta_batchsz :] for part in batch])
    return TaskBatches(support, query, rows["num_labels"][0])


# One task.


def unrolled(episode, with_gradient, trace):
    """The inner loop as one graph, differentiable to any order; returns trace.TaskResult."""
    log, losses = Log(), []
    first, state = episode.begin()  # label embeddings from support batch 0
    log.support(first)
    for at, position in enumerate(episode.schedule.positions):
        if position.rate_set is not None:
            support = log.support(episode.support(state, position, at)) if at else first
            state, step = episode.inner_step(state, support, position)
            log.step(step)
        if position.query_weight is not None:
            query = log.query(episode.query(state, at), state.weights)
            losses.append(position.query_weight * query.loss)
    loss, gradients = tf.add_n(losses) / episode.schedule.divisor, None
    if with_gradient:
        gradients = descent.gradients(loss, episode.variables, list(episode.variables), episode.config)
    return log.result(episode, loss, gradients, trace)


def run_task(variables, task, bert_config, config, evaluation=False, dropout=None, last_step=None, trace=False):
    """Runs the inner loop on a task; returns trace.TaskResult.

    Args:
      variables: {name: variable} of `create_variables`.
      task: TaskBatches.
      bert_config, config: BertConfig and LearnerConfig.
      evaluation: meta-evaluation: five inner epochs, no meta-gradient.
      dropout: dropout.Dropout, or None for none (as in meta-evaluation).
      last_step: int32 scalar in the place of the random number that randomize_inner_steps draws.
      trace: keep every pass and gradient, for tests.
    """
    episode = make_episode(variables, task, bert_config, config, evaluation, dropout, last_step)
    form = unrolled if config.reference_mode or not config.stop_grad else first_order.run
    return form(episode, with_gradient=not evaluation, trace=trace)


def make_episode(variables, task, bert_config, config, evaluation=False, dropout=None, last_step=None):
    """The episode.Episode of a task; arguments as for `run_task`."""
    schedule = inner_schedule.lay_out(config, evaluation)
    limit = None
    if config.randomize_inner_steps and config.num_batches > 0 and not evaluation:
        limit = draw_last_step(config, dropout) if last_step is None else last_step
    return Episode(variables, task, bert_config, config, schedule, limit, dropout)


def draw_last_step(config, dropout):
    """Id of the last mini-batch whose step counts, uniform in min_inner_steps .. num_batches - 1."""
    if dropout is None:
        return tf.random.uniform([], config.min_inner_steps, config.num_batches, dtype=tf.int32)
    return tf.random.stateless_uniform([], dropout.draw(), config.min_inner_steps, config.num_batches, tf.int32)


# The tasks of a step.


def run_tasks(variables, tasks, bert_config, config, seed):
    """Runs the inner loop of every task of a step of meta-training; returns MetaBatch.

    Args:
      variables: {name: variable} of `create_variables`.
      tasks: list of dicts of tensors: the rows of a task as for `make_task`, and `number`, the task's in the run.
      bert_config, config: BertConfig and LearnerConfig.
      seed: of the dropout masks.
    """
    names = trained_names(variables, config)

    def run_one(values, rows):
        dropout = Dropout(seed, rows["number"], config.reference_mode)
        return run_task(values, make_task(rows, config), bert_config, config, dropout=dropout)

    if len(tasks) == 1 or config.reference_mode:
        return mean_of_tasks([run_one(variables, rows) for rows in tasks], names)
    return _in_turn(variables, tasks, lambda values, rows: mean_of_tasks([run_one(values, rows)], names), names, config)


def mean_of_tasks(results, names):
    """MetaBatch of a list of TaskResult, with the gradients of these variables."""

    def mean(parts):
        return tf.add_n([tf.convert_to_tensor(part) for part in parts]) * (1.0 / len(results))

    gradients = collections.OrderedDict((name, mean([r.gradients[name] for r in results])) for name in names)
    parts = {field: mean([getattr(r, field) for r in results]) for field in MetaBatch._fields if field != "gradients"}
    return MetaBatch(gradients=gradients, **parts)


def _in_turn(variables, tasks, run_one, names, config):
    """MetaBatch from a loop in which the tasks, whose numbers of rows may differ, take turns.

    So the graph, which takes seconds a task to make, does not grow with the number of tasks.
    """
    count, schedule = len(tasks), inner_schedule.lay_out(config)
    sizes = tf.stack([tf.shape(rows["label_ids"])[0] for rows in tasks])
    ends, numbers = tf.cumsum(sizes), tf.stack([rows["number"] for rows in tasks])
    fields = {name: tf.concat([rows[name] for rows in tasks], axis=0) for name in ROW_FIELDS}
    values = tf.nest.map_structure(tf.identity, variables)
    zeros = MetaBatch(
        loss=tf.zeros([]),
        accuracy=tf.zeros([]),
        gradients=collections.OrderedDict((name, tf.zeros_like(values[name])) for name in names),
        support_losses=tf.zeros([len(schedule.positions)]),
        query_losses=tf.zeros([len(inner_schedule.queries(schedule))]),
        inner_norms=tf.zeros([len(inner_schedule.steps(schedule))]),
    )

    def body(index, total):
        rows = {name: field[ends[index] - sizes[index] : ends[index]] for name, field in fields.items()}
        # New tensors, to differentiate by inside the loop.
        found = run_one(tf.nest.map_structure(tf.identity, values), dict(rows, number=numbers[index]))
        return index + 1, tf.nest.map_structure(tf.add, total, found)

    _, total = tf.while_loop(
        lambda index, _: index < count,
        body,
        (0, zeros),
        parallel_iterations=1,
        maximum_iterations=count,
    )
    return tf.nest.map_structure(lambda part: part / count, total)


def trained_names(variables, config):
    """Names of the variables that the outer loop trains.

    What fix_bert fixes is left out, and so is what no task's loss depends on: it gets no update at all, not even weight
    decay.

    Args:
      variables: {name: variable} of `create_variables`.
      config: LearnerConfig.
    """
    rates = _rates_in_loss(variables, config)
    return [
        name
        for name, variable in variables.items()
        if variable.trainable
        and not adaptation.is_fixed(name, config)
        and (name in rates if adaptation.is_rate(name) else heads.reads(name, config))
    ]


def _rates_in_loss(names, config):
    """Names of the rates that the loss of a task depends on, with weights of these names."""
    schedule, found = inner_schedule.lay_out(config), set()
    for name in [name for name in names if not adaptation.is_rate(name)] + [LABEL_EMBEDDINGS]:
        if not adaptation.is_adapted(name, config) or not heads.reads(name, config):
            continue
        in_query = heads.in_query_pass(name, config)
        in_labels = not config.update_only_label_embedding and heads.in_label_embeddings(name, config)
        sets = inner_schedule.rate_sets_reaching_loss(schedule, adaptation.restarts(name), in_query, in_labels)
        found.update(adaptation.rate_name(name, rate_set) for rate_set in sets)
    return found
