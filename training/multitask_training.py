"""Multi-task training of an encoder with one softmax layer a task: MT-BERT, a baseline of Bansal et al. 2019.

The loop (loop.py) and the data are those of meta-training: a "task" of the stream is a batch of one file here, and the
files are drawn with the same weights.
"""
import collections
import functools
import os
import re

import modeling
import optimization
from data import meta_tasks
from learner import configs, softmax
from learner.classifier import Batch, Classifier
from learner.softmax import Head
from runtime import checkpoints
from runtime.compat import tf
from runtime.dropout import Dropout
from runtime.errors import UserError
from training import meta_training
from training.plan import Judged, Plan, Step

SCOPE = "task_heads"  # a task's layer is called task_heads/NAME/output_weights


def make_plan(bert_config, config, run):
    """Opens and checks the data and lays out the run: a plan.Plan; UserError for whatever does not fit.

    Args:
      bert_config, config: BertConfig and SoftmaxConfig.
      run: configs.MetaTrainConfig; one batch for each of its tasks, of train_batch_size rows, or of
        max_train_batch_size where that is above 0.
    """
    for path in run.task_train_files + run.task_eval_files:
        kind = "SMLMT" if meta_tasks.is_pretrain(path) else "drawn" if meta_tasks.drawn_rows(path) else None
        if kind:
            raise UserError(
                "%s: the classes of %s tasks differ from task to task, so that no softmax layer fits them all; "
                "multi-task training takes supervised files." % (path, kind)
            )
    source = meta_training.task_source(run, bert_config)
    names = [task_name(path) for path in run.task_train_files]
    for name in names:
        if names.count(name) > 1:
            paths = [path for path, other in zip(run.task_train_files, names) if other == name]
            raise UserError(
                "--task_train_files: two files of the task %s (%s), as the letters of their names tell: leave one out, "
                "or rename it." % (name, ", ".join(paths[:2]))
            )
    num_labels = [meta_tasks.num_labels_of(path) for path in run.task_train_files]
    validation = []
    for path in run.task_eval_files:
        name = task_name(path)
        if name not in names:
            raise UserError(
                "--task_eval_files: %s is of no task that is trained; they are %s." % (path, ", ".join(names))
            )
        file = names.index(name)
        if meta_tasks.num_labels_of(path) != num_labels[file]:
            raise UserError(
                "%s has %d classes, %s %d."
                % (path, meta_tasks.num_labels_of(path), run.task_train_files[file], num_labels[file])
            )
        validation += meta_training.validation_tasks(path, run, bert_config, file)
    steps, warmup = number_of_steps(sum(source.sizes), run)
    outer = optimization.OuterConfig(config.learning_rate, steps, warmup)
    create = functools.partial(_create_variables, bert_config, config, names, num_labels)
    return Plan(
        title="multi-task training",
        advice="lower --learning_rate",
        bert_config=bert_config,
        config=config,
        run=run,
        steps=steps,
        source=source,
        validation=validation,
        training_step=functools.partial(_training_step, bert_config, config, run, outer, create),
        judge=functools.partial(_judge, bert_config, config, create),
        serve=functools.partial(_serve, bert_config, config, create, names),
    )


def task_name(path):
    """The task of a record file as a scope of variables: its name without the part (_train, _dev, ...) and the ending.

    Files of development rows end in _dev, _dev_matched, _dev_mismatched (MNLI) or _dev_N. What is no letter or digit
    of ASCII, no _ and no - becomes _.
    """
    stem = os.path.basename(path).split(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]", "_", re.sub(r"_(train|dev(_(mis)?matched|_[0-9]+)?)$", "", stem))


def number_of_steps(records, run):
    """(steps, warm-up steps) that read as many rows as so many records have in all epochs."""
    batch = run.max_train_batch_size if run.max_train_batch_size > 0 else run.train_batch_size
    rows = batch * run.tasks_per_step
    steps = int(records / rows * run.num_train_epochs)
    if steps < 1:
        raise UserError(
            "--task_train_files: %d records are too few for one step of %d rows (--train_batch_size or "
            "--max_train_batch_size, --tasks_per_gpu, --num_gpus)." % (records, rows)
        )
    return steps, int(steps * run.warmup_proportion)


def create_heads(hidden, names, num_labels):
    """Makes the softmax layer of each task; returns a list of Head."""
    return [softmax.create_head(hidden, number, _scope(name)) for name, number in zip(names, num_labels)]


def _scope(name):
    return "%s/%s" % (SCOPE, name)


def pick_head(heads_of_tasks, index):
    """The Head at an integer tensor's place in a list; the gradient of the others is zero."""
    sizes = [head.bias.shape.as_list()[0] for head in heads_of_tasks]
    ends = tf.constant([sum(sizes[: place + 1]) for place in range(len(sizes))])
    rows = tf.range(ends[index] - tf.constant(sizes)[index], ends[index])
    return Head(*[tf.gather(tf.concat(part, axis=0), rows) for part in zip(*heads_of_tasks)])


def _create_variables(bert_config, config, names, num_labels):
    """({name: variable} of encoder and layers, list of Head)."""
    variables = modeling.create_variables(bert_config)
    layers = create_heads(configs.feature_width(bert_config.hidden_size, config), names, num_labels)
    everything = collections.OrderedDict(variables)
    for name, layer in zip(names, layers):  # not called by the variables' own names, which differ between devices
        everything.update(zip(softmax.head_names(_scope(name)), layer))
    return everything, layers


def _score(variables, layers, rows, bert_config, config, dropout=None):
    batch = Batch(*[rows[name] for name in Batch._fields])
    return softmax.score(variables, pick_head(layers, rows["file"]), batch, bert_config, config, dropout)


def _training_step(bert_config, config, run, outer, create, tasks, scalars):
    """plan.Step of a replica, which follows the mean gradient of its batches.

    A layer without rows in it goes on with its moments and its decay alone, as any weight without gradient does in
    AdamW.
    """
    variables, layers = create()
    encoder = {name: variable for name, variable in variables.items() if name.startswith("bert/")}
    checkpoints.initialize(encoder, run.init_checkpoint, run.warm_start_model_dir)
    step = tf.train.get_or_create_global_step()
    dropouts = [Dropout(run.seed, rows["number"], config.reference_mode) for rows in tasks]
    scored = [_score(variables, layers, rows, bert_config, config, dropout) for rows, dropout in zip(tasks, dropouts)]
    loss, accuracy = [tf.add_n([getattr(one, name) for one in scored]) / len(scored) for name in ("loss", "accuracy")]
    outer_step = optimization.outer_step(
        softmax.gradients(loss, variables, config), variables, outer, step, [loss, accuracy] + scalars
    )
    loss, accuracy = outer_step.means[:2]
    summaries = {
        "accuracy": accuracy,
        "gradient_norm": outer_step.norm,
        "learning_rate": optimization.learning_rate(outer, step),
    }
    return Step(outer_step.train_op, loss, accuracy, outer_step.means[2:], summaries)


def _judge(bert_config, config, create, rows):
    """plan.Judged of held-out rows of a task, which are its query rows."""
    variables, layers = create()
    scored = _score(variables, layers, rows, bert_config, config)
    return Judged(scored.accuracy, scored.loss)


def _serve(bert_config, config, create, names, rows):
    """What an exported model serves: the feature vector of token ids, and each task's probabilities."""
    variables, layers = create()
    batch = Batch(rows["input_ids"], rows["input_mask"], rows["segment_ids"], None)
    hidden = Classifier(bert_config, config, None).features(variables, batch)
    outputs = {"features": hidden}
    for name, layer in zip(names, layers):
        outputs["probabilities/" + name] = tf.nn.softmax(softmax.logits(layer, hidden))
    return outputs
