"""From flags to frozen settings and paths.

`values` are those of flags, as {flag: value}: all of them (program_flags.names_and_values), or those of a preset
(presets.py) where the text says that flags may be missing. `flags` is an absl.flags.FlagValues.
"""
import dataclasses
import os
from typing import Dict, Optional, Tuple, Union

from absl import logging

from command_line.data_files import record_paths, task_files
from command_line.program_flags import given, names_and_values
from data import tasks
from learner import configs
from modeling import BertConfig
from runtime import run_files
from runtime.errors import UserError


@dataclasses.dataclass(frozen=True)
class TextSettings:
    """How text becomes tokens."""

    do_lower_case: bool
    max_seq_length: int  # tokens a row


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """One fine-tuning run as it is asked for."""

    bert_config: BertConfig
    classifier: Union[configs.LearnerConfig, configs.SoftmaxConfig]
    finetuning: configs.FinetuneConfig
    text: TextSettings
    vocab_file: str
    train_file: str
    eval_file: Optional[str]
    labels: Optional[Tuple[str, ...]]  # names in the order of their ids; None: the training file tells
    num_labels: Optional[int]  # as it was given, None where it was not
    task_name: Optional[str]
    output_dir: str
    keep_model: bool
    overwrite: bool
    given: Dict[str, object]  # the flags that were given and their values, for the record
    keep_onnx: bool = False  # whether the model that is kept has a model.onnx too
    self_check: bool = False  # cross-validation over the training rows


@dataclasses.dataclass(frozen=True)
class PredictionSettings:
    """One prediction as it is asked for."""

    model_dir: str
    predict_file: str
    output_dir: str
    batch_size: int
    vocab_file: Optional[str]  # for a model without a vocabulary
    max_seq_length: Optional[int]  # None: the model's
    output: Optional[str]  # file, run_files.STDOUT, or None: a file in output_dir
    min_confidence: Optional[float] = None  # rows whose highest probability is below it are not decided


@dataclasses.dataclass(frozen=True)
class ScoreSettings:
    """One evaluation of a fine-tuned model as it is asked for."""

    model_dir: str
    score_file: str
    output_dir: str
    batch_size: int  # for a model that does not tell with which one it was evaluated
    vocab_file: Optional[str]  # for a model without a vocabulary
    max_seq_length: Optional[int]  # None: the model's


@dataclasses.dataclass(frozen=True)
class SuggestionSettings:
    """One choice of texts to label next as it is asked for."""

    model_dir: str
    suggest_file: str
    count: int  # of them, at most
    output_dir: str
    batch_size: int
    vocab_file: Optional[str]  # for a model without a vocabulary
    max_seq_length: Optional[int]  # None: the model's


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """One run over many tasks as it is asked for: meta-training, or multi-task training of a softmax classifier."""

    bert_config: BertConfig
    classifier: Union[configs.LearnerConfig, configs.SoftmaxConfig]
    training: configs.MetaTrainConfig
    output_dir: str
    overwrite: bool
    cpu_devices: int
    worker_timeout: int  # seconds
    vocab_file: Optional[str] = None  # the encoder's, where it is known; nothing that is computed depends on it


def check_heads(bert_config, config):
    """UserError for feature_layers that the encoder does not have, or so many layers of heads that no width is left.

    Args:
      bert_config: BertConfig.
      config: LearnerConfig or SoftmaxConfig.
    """
    layers = bert_config.num_hidden_layers
    deepest = max((layer for layer, _ in configs.read_feature_layers(config.feature_layers)), default=layers)
    if deepest != layers:  # weights above the deepest one would have no gradient
        way_out = "give --encoder_layers=%d" % deepest if deepest < layers else "no deeper one can be read"
        raise UserError(
            "--feature_layers=%s: the encoder's last layer is %d: %s." % (config.feature_layers, layers, way_out)
        )
    if isinstance(config, configs.SoftmaxConfig):
        return
    width = configs.feature_width(bert_config.hidden_size, config)
    if width >> (config.output_layers - 1) == 0:
        raise UserError(
            "--output_layers=%d: with the encoder's hidden_size %d at most %d, for every layer but the last halves the "
            "width." % (config.output_layers, bert_config.hidden_size, width.bit_length())
        )


def check_positions(max_seq_length, bert_config, path):
    """UserError when --max_seq_length is more than the encoder can take; `path` is where its config comes from."""
    if max_seq_length > bert_config.max_position_embeddings:
        raise UserError(
            "--max_seq_length=%d, but %s allows %d positions."
            % (max_seq_length, path, bert_config.max_position_embeddings)
        )


def bert_settings(values):
    """BertConfig from --bert_config_file, or from the file beside the checkpoint; flags may be missing."""
    path = values.get("bert_config_file")
    if not path:
        path = os.path.join(os.path.dirname(values.get("init_checkpoint") or ""), "bert_config.json")
        if not os.path.exists(path):
            raise UserError("--bert_config_file is needed (there is no %s either)." % path)
    bert_config = BertConfig.from_json_file(path)
    overrides = {
        name: values[name]
        for name in ("attention_probs_dropout_prob", "hidden_dropout_prob")
        if values.get(name) is not None
    }
    layers = values.get("encoder_layers")
    if layers:
        if not 0 < layers <= bert_config.num_hidden_layers:
            raise UserError("--encoder_layers=%d: %s has %d layers." % (layers, path, bert_config.num_hidden_layers))
        overrides["num_hidden_layers"] = layers
    check_positions(values["max_seq_length"], bert_config, path)
    return dataclasses.replace(bert_config, **overrides)


def learner_settings(values):
    """LearnerConfig; flags may be missing."""
    return configs.from_flags(configs.LearnerConfig, values)


def classifier_settings(values):
    """LearnerConfig or SoftmaxConfig, as --classifier says; flags may be missing."""
    if values.get("classifier") == configs.SOFTMAX:
        return configs.from_flags(configs.SoftmaxConfig, values)
    return learner_settings(values)


def finetune_settings(values):
    """FinetuneConfig; flags may be missing."""
    values = dict(values, label_names=tuple(values.get("label_names") or ()))
    return without_unread_checkpoint(configs.from_flags(configs.FinetuneConfig, values))


def without_unread_checkpoint(run):
    """The settings without --init_checkpoint where an exported model, which has an encoder of its own, is given."""
    return dataclasses.replace(run, init_checkpoint=None) if run.warm_start_model_dir else run


def meta_training_settings(values):
    """MetaTrainConfig; UserError also for an inner loop that cannot be laid out, which fine-tuning does not read."""
    if values["classifier"] != configs.SOFTMAX:
        learner_settings(values).check_inner_loop()
    files = {name: record_paths(values, name) for name in ("task_train_files", "task_eval_files")}
    return without_unread_checkpoint(configs.from_flags(configs.MetaTrainConfig, dict(values, **files)))


def text_settings(values):
    """TextSettings."""
    return TextSettings(values["do_lower_case"], values["max_seq_length"])


def run_settings(flags):
    """RunSettings; UserError when the flags do not fit together."""
    values = names_and_values(flags)
    bert_config, classifier = bert_settings(values), classifier_settings(values)
    finetuning = finetune_settings(values)
    check_heads(bert_config, classifier)
    if finetuning.label_names and isinstance(classifier, configs.SoftmaxConfig):
        raise UserError(
            "--label_names: --classifier=softmax has no label embeddings to lean on them: leave them out by "
            "--label_names=."
        )
    train_file, eval_file = task_files(values)
    return RunSettings(
        bert_config=bert_config,
        classifier=classifier,
        finetuning=finetuning,
        text=text_settings(values),
        vocab_file=flags.vocab_file,
        train_file=train_file,
        eval_file=eval_file,
        labels=known_labels(values, train_file),
        num_labels=flags.test_num_labels if flags["test_num_labels"].present else None,
        task_name=flags.task_name,
        output_dir=flags.output_dir,
        keep_model=flags.keep_model,
        keep_onnx=flags.keep_onnx,
        overwrite=flags.overwrite,
        given=given(flags),
        self_check=flags.self_check,
    )


def prediction_settings(flags):
    """PredictionSettings."""
    return PredictionSettings(
        predict_file=flags.predict_file, output=flags.output, min_confidence=flags.min_confidence,
        **_application(flags)
    )


def score_settings(flags):
    """ScoreSettings."""
    return ScoreSettings(score_file=flags.score_file, **_application(flags))


def suggestion_settings(flags):
    """SuggestionSettings."""
    return SuggestionSettings(suggest_file=flags.suggest_file, count=flags.suggest_n, **_application(flags))


def _application(flags):
    """What PredictionSettings, ScoreSettings and SuggestionSettings share, as {name: value}."""
    return {
        "model_dir": flags.model_dir or os.path.join(flags.output_dir, run_files.MODEL),
        "output_dir": flags.output_dir,
        "batch_size": flags.predict_batch_size,
        "vocab_file": flags.vocab_file if flags["vocab_file"].present else None,
        "max_seq_length": flags.max_seq_length if flags["max_seq_length"].present else None,
    }


def training_settings(flags):
    """TrainingSettings; UserError when the flags do not fit together."""
    values = names_and_values(flags)
    bert_config, classifier = bert_settings(values), classifier_settings(values)
    training = meta_training_settings(values)
    check_heads(bert_config, classifier)
    return TrainingSettings(
        bert_config, classifier, training, flags.output_dir, flags.overwrite, flags.cpu_devices, flags.worker_timeout,
        _vocabulary(flags),
    )


def _vocabulary(flags):
    """Path of the vocabulary that was given or lies beside the weights to start from; None where there is none."""
    if flags["vocab_file"].present and flags.vocab_file and not os.path.isfile(flags.vocab_file):
        logging.warning("--vocab_file: %s is no file: the exported model goes without it.", flags.vocab_file)
    places = [os.path.dirname(flags.init_checkpoint or ""), flags.warm_start_model_dir or ""]
    paths = [flags.vocab_file] * flags["vocab_file"].present
    paths += [os.path.join(place, run_files.VOCAB_FILE) for place in places if place]
    return next(filter(os.path.isfile, paths), None)


def known_labels(values, train_file):
    """Names of the labels from --labels, --task_name or a known file name; None when nothing tells."""
    if values["labels"]:
        return tuple(values["labels"])
    part = tasks.identify(train_file)
    task = tasks.get_task(values["task_name"]) if values["task_name"] else part and part.task
    if task is None:
        return None
    return tuple(task.names if tasks.misnamed(task.names, train_file, task.name) else task.labels)
