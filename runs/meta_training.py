"""One run over many tasks, meta-training or multi-task training, in an output folder of its own."""
import contextlib
import dataclasses
import json
import os
from typing import NamedTuple, Optional

from data import records
from learner import configs
from runs import earlier, output_folder, task_data
from runtime import checkpoints, claims, run_files
from runtime.errors import UserError, writing
from runtime.files import read_json, write_json
from training import loop, meta_training, multitask_training, validation

LOOKED_AT = 1000  # records of a file: those of one task are alike
# Seconds to wait for a process of another machine, which may have been killed there and begun again here.
ELSEWHERE = claims.SILENCE + 2 * claims.BEAT


class Ended(NamedTuple):
    """How a run ended."""

    title: str  # what it is called
    is_complete: bool  # else it was stopped, and can go on
    exported: Optional[str] = None  # where the model is, and which; the chief of several machines knows


def run(settings, machines):
    """Trains, or goes on where an earlier run of the same settings stopped; exports the best model.

    Args:
      settings: command_line.settings.TrainingSettings; a SoftmaxConfig asks for one softmax layer a task.
      machines: training.cluster.Cluster, of which this is one process.

    Returns:
      Ended.

    Raises:
      UserError: something cannot be used, read or written, the output folder holds another run, or a living process
        trains in it.
    """
    output_folder.check(settings.output_dir)
    description = describe(settings)
    refuse_other_training(settings, description, machines.is_chief)
    kind = multitask_training if isinstance(settings.classifier, configs.SoftmaxConfig) else meta_training
    plan = kind.make_plan(settings.bert_config, settings.classifier, settings.training)
    check_pairs(settings)
    plan = plan._replace(beside=beside(settings))
    output_folder.make(settings.output_dir)
    with contextlib.ExitStack() as stack:
        if machines.is_chief:  # the only one of its run who writes
            stack.enter_context(claims.alone_in(settings.output_dir, wait=0, elsewhere=ELSEWHERE))
        refuse_other_training(settings, description, machines.is_chief)  # once more: now nobody else writes
        if machines.is_chief:
            with writing(settings.output_dir):
                write_json(os.path.join(settings.output_dir, run_files.META_TRAINING), description)
        finished = loop.train(plan, settings.output_dir, machines, settings.cpu_devices, settings.worker_timeout)
        if not (finished and machines.is_chief):
            return Ended(plan.title, finished)
        model_dir = output_folder.model_dir(settings.output_dir)
        return Ended(plan.title, finished, "%s, %s" % (model_dir, validation.exported(settings.output_dir)))


def check_pairs(settings):
    """UserError where the first records of a file are pairs, and the encoder tells no second text from the first."""
    if settings.bert_config.type_vocab_size > 1:
        return
    run = settings.training
    for path in tuple(run.task_train_files) + tuple(run.task_eval_files):
        first = records.read_records(path, run.max_seq_length, most=LOOKED_AT)
        task_data.check_segments(first, settings.bert_config, path)


def describe(settings):
    """The settings of a run as {name: JSON value}."""
    description = {
        "bert_config": dataclasses.asdict(settings.bert_config),
        "meta_training": dataclasses.asdict(settings.training),
    }
    description.update(configs.described(settings.classifier))
    return description


def beside(settings):
    """{name: bytes} of the files that tell what an exported model is; the vocabulary is there where it is known."""
    told = {
        run_files.BERT_CONFIG: dataclasses.asdict(settings.bert_config),
        run_files.EXPORT_FILE: configs.described(settings.classifier),
    }
    found = {name: (json.dumps(values, indent=1, sort_keys=True) + "\n").encode() for name, values in told.items()}
    if settings.vocab_file:
        try:
            with open(settings.vocab_file, "rb") as file:
                found[run_files.VOCAB_FILE] = file.read()
        except OSError as error:
            raise UserError("--vocab_file: %s cannot be read (%s)." % (settings.vocab_file, error.strerror)) from None
    return found


def refuse_other_training(settings, description, is_chief):
    """UserError when the output folder holds checkpoints of other settings, or a model of another run.

    Settings that a first attempt left without any checkpoint are overlooked, but not by a worker that is not the chief:
    they may be those that the chief has just written.
    """
    folder = settings.output_dir
    stored = earlier.training_settings(read_json(os.path.join(folder, run_files.META_TRAINING)))
    if stored == json.loads(json.dumps(description)):
        return
    has_begun = checkpoints.newest(os.path.join(folder, loop.CHECKPOINTS))
    if has_begun or (stored is not None and not is_chief):
        raise UserError(
            "--output_dir: %s holds a meta-training run of other settings (%s); choose another folder."
            % (folder, run_files.META_TRAINING)
        )
    if os.path.lexists(output_folder.model_dir(folder)) and not settings.overwrite:
        raise output_folder.other_model(folder)
