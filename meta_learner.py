"""Meta-learning of few-shot tasks: the inner loop, and the meta-gradient through it.

A task adapts the initial weights with a few SGD steps on its support rows and is judged on its query rows (MAML, Finn
et al. 2017; Meta-SGD, Li et al. 2017; Bansal et al. 2019, algorithm 1). The state of the inner loop is the sum of the
clipped gradients taken so far, one sum per set of learned rates; the fast weights follow from it:

    fast = initial - sum_k rate_k * taken_k

With ``stop_grad`` the sums are constants, so the meta-gradient of a query loss needs no backward pass through the inner
steps, and the loop need not be unrolled (first_order.py). Without it autodiff goes through the sums (`_unrolled`).

"Checklist" below is tests/golden/CHECKLIST.md.
"""
import collections

import modeling
from learner import adaptation, first_order, heads
from learner.adaptation import LABEL_EMBEDDINGS
from learner.classifier import Batch
from learner.episode import Episode, Log, clip_scale
from learner.inner_schedule import make_schedule, rate_sets_reaching_loss
from runtime import precision
from runtime.compat import tf

Task = collections.namedtuple(
    "Task",
    [
        "support",  # Batch of meta_batchsz rows
        "query",  # Batch of the other rows
        "num_labels",  # int32 scalar, the task's number of classes
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
    return Task(support, query, rows["num_labels"][0])


def run_tasks(
    variables, tasks, bert_config, config, evaluation=False, dropouts=None, last_step=None, trace=False
):
    """Runs the inner loop on every task; returns a list of TaskResult.

    Args:
      variables: {name: variable} of `create_variables`.
      tasks: list of Task.
      bert_config, config: BertConfig and LearnerConfig.
      evaluation: meta-evaluation: five inner epochs, no meta-gradient.
      dropouts: a dropout.Dropout for each task, or None for none (as in meta-evaluation).
      last_step: int32 scalar in the place of the random number that randomize_inner_steps draws.
      trace: keep every pass and gradient, for tests.
    """
    schedule = make_schedule(config, evaluation)
    run = _unrolled if config.reference_mode or not config.stop_grad else first_order.run
    results = []
    for task, dropout in zip(tasks, dropouts or [None] * len(tasks)):
        limit = None
        if config.randomize_inner_steps and config.num_batches > 0 and not evaluation:
            limit = draw_last_step(config, dropout) if last_step is None else last_step
        episode = Episode(variables, task, bert_config, config, schedule, limit, dropout)
        results.append(run(episode, with_gradient=not evaluation, trace=trace))
    return results


def draw_last_step(config, dropout):
    """Id of the last mini-batch whose step counts, uniform in min_inner_steps .. num_batches - 1."""
    if dropout is None:
        return tf.random.uniform([], config.min_inner_steps, config.num_batches, dtype=tf.int32)
    return tf.random.stateless_uniform([], dropout.draw(), config.min_inner_steps, config.num_batches, tf.int32)


def mean_of_tasks(results):
    """(loss, accuracy) of a meta-batch: plain means over the tasks' TaskResult."""
    share = 1.0 / len(results)
    return tf.add_n([r.loss for r in results]) * share, tf.add_n([r.accuracy for r in results]) * share


def outer_gradients(results, variables, config):
    """Mean over tasks of the meta-gradients.

    Returns:
      {name: dense gradient}, without the variables that no task's loss depends on: those get no update at all.
    """
    unreached = _unreached_rates(variables, config)
    gradients = collections.OrderedDict()
    for name, variable in variables.items():
        parts = [result.gradients[name] for result in results]
        if variable.trainable and name not in unreached and all(part is not None for part in parts):
            gradients[name] = tf.add_n([tf.convert_to_tensor(part) for part in parts]) / float(len(parts))
    return gradients


def _unreached_rates(variables, config):
    """Names of the rates that the loss of a task does not depend on."""
    schedule = make_schedule(config)
    reached = set()
    for name in list(variables) + [LABEL_EMBEDDINGS]:
        if adaptation.is_rate(name) or not adaptation.is_adapted(name, config):
            continue
        in_query = not name.startswith("label_") or name == LABEL_EMBEDDINGS
        in_labels = not config.update_only_label_embedding and (
            not name.startswith("output_") or config.prototypical_baseline
        )
        sets = rate_sets_reaching_loss(schedule, adaptation.restarts(name), in_query, in_labels)
        reached.update(adaptation.rate_name(name, rate_set) for rate_set in sets)
    return {name for name in variables if adaptation.is_rate(name) and name not in reached}


def _unrolled(episode, with_gradient, trace):
    """The inner loop as one graph, differentiable to any order; returns TaskResult."""
    schedule, log = episode.schedule, Log()
    first = log.support(episode.support(episode.initial, 0, 0))
    initial = collections.OrderedDict(episode.initial)
    initial[LABEL_EMBEDDINGS] = first.label_embs
    fast, taken, losses = initial, {}, []

    def take_step(support, index, rate_set):
        gradients = precision.gradients(support.loss, [fast[name] for name in episode.adapted], episode.config)
        gradients = collections.OrderedDict(zip(episode.adapted, gradients))
        norm, scale = clip_scale(gradients)
        log.step(gradients, norm)
        sums = episode.accumulate(taken, gradients, episode.counted(scale, index), rate_set)
        moved = collections.OrderedDict(initial, **episode.moved(initial, episode.rates, sums))
        if episode.remakes_labels:  # those of the pass before the step
            moved[LABEL_EMBEDDINGS] = support.label_embs
        return sums, moved

    def query(position, weight):
        losses.append(weight * log.query(episode.query_pass(fast, position), fast).loss)

    if schedule.first_step:
        taken, fast = take_step(first, 0, 0)
    if schedule.first_query_weight is not None:
        query(0, schedule.first_query_weight)
    for position, step in enumerate(schedule.steps, start=1):
        given = None if episode.remakes_labels else fast[LABEL_EMBEDDINGS]
        support = log.support(episode.support(fast, step.batch, position, given))
        taken, fast = take_step(support, step.batch, step.rate_set)
        if step.query_weight is not None:
            query(position, step.query_weight)
    loss = tf.add_n(losses) / schedule.divisor
    gradients = None
    if with_gradient:
        names = list(episode.variables)
        sources = [episode.variables[name] for name in names]
        gradients = dict(zip(names, precision.gradients(loss, sources, episode.config)))
    return log.result(episode, loss, log.logits, gradients, trace)
