"""What the loop (loop.py) knows of what it trains: settings, data, and functions that make the graph."""
import collections

Plan = collections.namedtuple(
    "Plan",
    [
        "title",  # what the run is called
        "advice",  # what to change when the loss is not finite
        "bert_config",
        "config",  # LearnerConfig or SoftmaxConfig
        "run",  # MetaTrainConfig
        "steps",  # the last step
        "source",  # data.meta_tasks.TaskSource of training
        "validation",  # list of data.meta_tasks.MetaTask, maybe empty
        # Functions, called in a graph of their own. The rows of a task are {name: tensor} of task_feed.FIELDS with
        # `file` and `number`, as task_feed.py makes them.
        "training_step",  # (list of tasks, list of scalars) -> Step, in one replica
        "judge",  # task -> Judged
        "serve",  # {input_ids, input_mask, segment_ids: int32 [batch, seq]} -> {name of an output: tensor}
        "beside",  # {name of a file: bytes} that an exported model has beside its weights
    ],
    defaults=[{}],
)

Step = collections.namedtuple(
    "Step",
    [
        "train_op",  # updates the weights and advances the step counter
        "loss",  # this and the next: means over the tasks of all replicas
        "accuracy",
        "means",  # list: the means over all replicas of the scalars that were passed in
        "summaries",  # {tag: scalar} for TensorBoard
    ],
)

Judged = collections.namedtuple("Judged", ["accuracy", "loss"])  # scalars, of a task's query rows
