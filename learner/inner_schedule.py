"""The order of inner steps and query passes of one meta-training task, as plain data (golden checklist, section 8)."""
import collections

EVALUATION_EPOCHS = 5  # meta-evaluation runs five inner epochs whatever inner_epochs says

InnerStep = collections.namedtuple(
    "InnerStep",
    [
        "batch",  # index of the support mini-batch
        "rate_set",  # index of the set of learned rates
        "query_weight",  # weight of the query pass that follows, None where there is none
    ],
)

Schedule = collections.namedtuple(
    "Schedule",
    [
        "first_step",  # whether support batch 0, which makes the label embeddings, is also a gradient step
        "first_query_weight",  # weight of the query pass before mini-batch 1, None where there is none
        "steps",  # tuple of InnerStep, after the first batch
        "divisor",  # what the weighted sum of query losses is divided by
    ],
)


def make_schedule(config, evaluation=False):
    """Lays out the passes of one task.

    Args:
      config: configs.LearnerConfig.
      evaluation: meta-evaluation, which always runs five inner epochs.

    Returns:
      Schedule. Its first query pass, and every step's, carries the weight of its loss in the task's loss.
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
        positions = []
    elif batches == 0:  # the whole support at every step
        positions = [(epoch, step) for epoch in range(epochs) for step in range(1, config.rate_sets)]
    else:
        positions = [(epoch, batch) for epoch in range(epochs) for batch in range(1, batches)]
    steps = [
        InnerStep(
            batch=position if batches else 0,
            rate_set=position if config.rate_sets == batches else 0,
            query_weight=weight(epoch, position) if is_query(epoch, position) else None,
        )
        for epoch, position in positions
    ]
    first_query_weight = weight(0, 0) if early_query else None
    if first_query_weight is None and not any(step.query_weight is not None for step in steps):
        # num_batches of 0 or 1 without averaging: one query loss at the very end is meant
        if steps:
            steps[-1] = steps[-1]._replace(query_weight=1.0)
        else:
            first_query_weight = 1.0
    weights = [w for w in [first_query_weight] + [step.query_weight for step in steps] if w is not None]
    return Schedule(
        first_step=config.sgd_first_batch and config.rate_sets > 0,
        first_query_weight=first_query_weight,
        steps=tuple(steps),
        divisor=sum(weights) if averaging else 1.0,
    )


def rate_sets_used(schedule):
    """Sorted indices of the sets of rates that some gradient step uses."""
    first = {0} if schedule.first_step else set()
    return sorted(first | {step.rate_set for step in schedule.steps})


def rate_sets_reaching_loss(schedule, restarts, in_query, in_labels):
    """Sets whose rate of one weight the task's loss depends on.

    A rate that no query pass depends on gets no meta-gradient at all, and so neither weight decay.

    Args:
      schedule: Schedule.
      restarts: the weight restarts at every step, so that only the step just before a pass counts; else every earlier
        step counts.
      in_query: whether the query pass reads the weight.
      in_labels: whether the support pass before an update makes the label embeddings of the query pass after it from
        the weight, which then counts as it was before that update.

    Returns:
      Set of indices.
    """
    taken = [(0, schedule.first_query_weight)] if schedule.first_step else []
    taken += [(step.rate_set, step.query_weight) for step in schedule.steps]
    reached = set()
    for index, (rate_set, query_weight) in enumerate(taken):
        if query_weight is None:
            continue
        if not restarts:
            reached.update(earlier for earlier, _ in taken[: index + 1])
        if in_query:
            reached.add(rate_set)
        if in_labels and index > 0:
            reached.add(taken[index - 1][0])
    return reached
