"""Meta-training: what a step, the validation and the exported model compute. The loop around it is loop.py."""
import collections
import functools

import meta_learner
import optimization
from data import meta_tasks
from learner import adaptation, heads
from learner.classifier import Batch, Classifier
from runtime import checkpoints
from runtime.compat import tf
from runtime.errors import UserError
from training.plan import Judged, Plan, Step


def number_of_steps(records, run):
    """(steps, warm-up steps) of a run over so many training records, as published."""
    steps = int(records / (run.train_batch_size * run.num_gpus) * run.num_train_epochs)
    if steps < 1:
        raise UserError(
            "--task_train_files: %d records are too few for one step of --train_batch_size=%d records on --num_gpus=%d."
            % (records, run.train_batch_size, run.num_gpus)
        )
    return steps, int(steps * run.warmup_proportion)


def task_source(run, bert_config):
    """TaskSource of the training files."""
    return meta_tasks.TaskSource(
        run.task_train_files,
        run.train_batch_size,
        run.max_seq_length,
        bert_config.vocab_size,
        run.max_train_batch_size,
        run.data_sqrt_sampling,
        run.pretrain_task_weight,
        run.seed,
    )


def validation_tasks(path, run, bert_config, file=0):
    """Tasks of one validation file, a list of MetaTask."""
    return meta_tasks.validation_tasks(
        path, run.train_batch_size, run.eval_examples_per_task, run.max_seq_length, bert_config.vocab_size, file=file
    )


def make_plan(bert_config, config, run):
    """Opens and checks the data and lays out the run: a plan.Plan; UserError for whatever does not fit.

    Args:
      bert_config, config: BertConfig and LearnerConfig.
      run: MetaTrainConfig.
    """
    has_supervised = not all(meta_tasks.is_pretrain(path) for path in run.task_train_files)
    for name in ["train_batch_size"] + ["max_train_batch_size"] * (has_supervised and run.max_train_batch_size > 0):
        if getattr(run, name) <= config.meta_batchsz:
            raise UserError(
                "--%s=%d leaves no query rows beside the --meta_batchsz=%d support rows."
                % (name, getattr(run, name), config.meta_batchsz)
            )
    source = task_source(run, bert_config)
    validation = []
    for path in run.task_eval_files:
        validation += validation_tasks(path, run, bert_config)
    steps, warmup = number_of_steps(sum(source.sizes), run)
    outer = optimization.OuterConfig(run.learning_rate, steps, warmup, run.replica_clipping)
    return Plan(
        title="meta-training",
        advice="lower --learning_rate or --train_lr",
        bert_config=bert_config,
        config=config,
        run=run,
        steps=steps,
        source=source,
        validation=validation,
        training_step=functools.partial(_training_step, bert_config, config, run, outer),
        judge=functools.partial(_judge, bert_config, config),
        serve=functools.partial(_serve, bert_config, config),
    )


# The graph.


def _training_step(bert_config, config, run, outer, tasks, scalars):
    """plan.Step of a replica."""
    variables = meta_learner.create_variables(bert_config, config)
    checkpoints.initialize(variables, run.init_checkpoint, run.warm_start_model_dir)
    step = tf.train.get_or_create_global_step()
    each = run.tasks_per_gpu if run.replica_clipping else len(tasks)
    batches = [
        meta_learner.run_tasks(variables, tasks[first : first + each], bert_config, config, run.seed)
        for first in range(0, len(tasks), each)
    ]
    loss, accuracy = [sum(parts) / len(batches) for parts in zip(*[(b.loss, b.accuracy) for b in batches])]
    outer_step = optimization.outer_step(
        _sum_of_clipped(batches) if run.replica_clipping else batches[0].gradients,
        variables,
        outer,
        step,
        [loss, accuracy] + scalars,
        adaptation.rate_bounds(variables, config),
    )
    loss, accuracy = outer_step.means[:2]
    summaries = {
        "query_accuracy": accuracy,
        "gradient_norm": outer_step.norm,
        "learning_rate": optimization.learning_rate(outer, step),
    }
    summaries.update(_inner_summaries(batches[0], variables, config))
    return Step(outer_step.train_op, loss, accuracy, outer_step.means[2:], summaries)


def _sum_of_clipped(batches):
    """{name: gradient} of MetaBatches, each the tasks of one of the published program's GPUs (replica_clipping)."""
    totals = collections.OrderedDict()
    for gradients in [batch.gradients for batch in batches]:
        scale = optimization.clip_scale(tf.linalg.global_norm(list(gradients.values())))
        for name, gradient in gradients.items():
            totals[name] = totals[name] + gradient * scale if name in totals else gradient * scale
    return totals


def _inner_summaries(batch, variables, config):
    """{tag: scalar} of the inner loop's passes, and of the learned rates."""
    summaries = {}
    kinds = (("support_loss", batch.support_losses), ("query_loss", batch.query_losses), ("norm", batch.inner_norms))
    for kind, values in kinds:
        for index, value in enumerate(tf.unstack(values, num=values.shape.as_list()[0])):
            summaries["inner_%s/%d" % (kind, index)] = value
    for name, variable in variables.items():
        if adaptation.is_rate(name) and variable.trainable:
            summaries["rates/" + name] = tf.exp(variable) if config.use_exp_lr else variable.read_value()
    return summaries


def _judge(bert_config, config, task):
    """plan.Judged of meta-evaluation on a task."""
    variables = meta_learner.create_variables(bert_config, config)
    outcome = meta_learner.run_task(
        variables, meta_learner.make_task(task, config), bert_config, config, evaluation=True
    )
    return Judged(outcome.accuracy, outcome.loss)


def _serve(bert_config, config, rows):
    """What an exported model serves: the feature vector of token ids, and the output MLP's."""
    variables = meta_learner.create_variables(bert_config, config)
    classifier = Classifier(bert_config, config, 0)
    batch = Batch(rows["input_ids"], rows["input_mask"], rows["segment_ids"], None)
    hidden = classifier.features(variables, batch, heads.layer_mixture(variables))
    return {"features": hidden, "outputs": heads.output_mlp(variables, hidden, config)}
