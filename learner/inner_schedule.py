"""The order of inner steps and query passes of one meta-training task, as plain data (golden checklist, section 8)."""
import collections

EVALUATION_EPOCHS = 5  # meta-evaluation runs five inner epochs whatever inner_epochs says

Position = collections.namedtuple(
    "Position",
    [
        "batch",  # index of the support mini-batch
        "rate_set",  # index of the set of learned rates, None where no gradient step is taken
        "query_weight",  # weight in the task's loss of the query pass that follows, None where there is none
    ],
)

InnerSchedule = collections.namedtuple(
    "InnerSchedule",
    [
        "positions",  # tuple of Position; the first is support batch 0, which makes the label embeddings
        "divisor",  # what the weighted sum of query losses is divided by
    ],
)


def lay_out(config, evaluation=False):
    """Lays out the passes of one task.

    Args:
      config: configs.LearnerConfig.
      evaluation: meta-evaluation, which always runs five inner epochs.

    Returns:
      InnerSchedule. Batch 0 is a gradient step with sgd_first_batch only; all positions after it are.
    """
    batches = config.num_batches
    averaging = config.average_query_loss or config.warp_layers
    early_query = averaging or config.prototypical_baseline
    epochs = EVALUATION_EPOCHS if evaluation else config.inner_epochs
    exponent = config.inner_epochs * (batches - 1) + 1

    def weight(epoch, batch):
        if not config.weight_query_loss:
            return 1.0
        return 2.0 ** -(exponent - epoch * (batches - 1) - batch)

    def is_query(epoch, batch):
        averaged = averaging and (batches * epoch + batch) % config.average_query_every == 0
        return averaged or (epoch == config.inner_epochs - 1 and batch == batches - 1)

    if config.rate_sets == 0:  # no learned rates, so no adaptation
        places = []
    elif batches == 0:  # the whole support at every step
        places = [(epoch, step) for epoch in range(epochs) for step in range(1, config.rate_sets)]
    else:
        places = [(epoch, batch) for epoch in range(epochs) for batch in range(1, batches)]
    steps_on_first = config.sgd_first_batch and config.rate_sets > 0
    positions = [Position(0, 0 if steps_on_first else None, weight(0, 0) if early_query else None)]
    positions += [
        Position(
            batch=place if batches else 0,
            rate_set=place if config.rate_sets == batches else 0,
            query_weight=weight(epoch, place) if is_query(epoch, place) else None,
        )
        for epoch, place in places
    ]
    if all(position.query_weight is None for position in positions):
        # num_batches of 0 or 1 without averaging: one query loss at the very end is meant
        positions[-1] = positions[-1]._replace(query_weight=1.0)
    weights = [position.query_weight for position in positions if position.query_weight is not None]
    return InnerSchedule(tuple(positions), sum(weights) if averaging else 1.0)


def steps(schedule):
    """The positions at which a gradient step is taken."""
    return [position for position in schedule.positions if position.rate_set is not None]


def queries(schedule):
    """The positions that a query pass follows."""
    return [position for position in schedule.positions if position.query_weight is not None]


def rate_sets_used(schedule):
    """Sorted indices of the sets of rates that some gradient step uses."""
    return sorted({position.rate_set for position in steps(schedule)})


def rate_sets_reaching_loss(schedule, restarts, in_query, in_labels):
    """Sets whose rate of one weight the task's loss depends on.

    A rate that no query pass depends on gets no meta-gradient at all, and so neither weight decay.

    Args:
      schedule: InnerSchedule.
      restarts: the weight restarts at every step, so that only the step just before a pass counts; else every earlier
        step counts.
      in_query: whether the query pass reads the weight.
      in_labels: whether the support pass before an update makes the label embeddings of the query pass after it from
        the weight, which then counts as it was before that update.

    Returns:
      Set of indices.
    """
    reached, taken = set(), []  # sets of the steps so far
    for position in steps(schedule):
        taken.append(position.rate_set)
        if position.query_weight is None:
            continue
        if not restarts:
            reached.update(taken)
        if in_query:
            reached.add(taken[-1])
        if in_labels and len(taken) > 1:
            reached.add(taken[-2])
    return reached
