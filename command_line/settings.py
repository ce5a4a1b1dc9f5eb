"""From flags to frozen settings and paths.

`flags` is an absl.flags.FlagValues with the flags of program_flags.py.
"""
import dataclasses
import os

from command_line.program_flags import names_and_values
from learner import configs
from modeling import BertConfig
from runtime import checkpoints
from runtime.errors import UserError


def check_head_widths(bert_config, config):
    """UserError when so many layers of a LearnerConfig halve the width that nothing is left."""
    if isinstance(config, configs.SoftmaxConfig):
        return
    if bert_config.hidden_size >> (config.output_layers - 1) == 0:
        raise UserError(
            "--output_layers=%d: with the encoder's hidden_size %d at most %d, for every layer but the last halves the "
            "width." % (config.output_layers, bert_config.hidden_size, bert_config.hidden_size.bit_length())
        )


def check_positions(flags, bert_config, path):
    """UserError when --max_seq_length is more than the encoder can take; `path` is where its config comes from."""
    if flags.max_seq_length > bert_config.max_position_embeddings:
        raise UserError(
            "--max_seq_length=%d, but %s allows %d positions."
            % (flags.max_seq_length, path, bert_config.max_position_embeddings)
        )


def bert_settings(flags):
    """BertConfig from --bert_config_file, or from the file beside the checkpoint."""
    path = flags.bert_config_file
    if not path:
        path = os.path.join(os.path.dirname(flags.init_checkpoint or ""), "bert_config.json")
        if not os.path.exists(path):
            raise UserError("--bert_config_file is needed (there is no %s either)." % path)
    bert_config = BertConfig.from_json_file(path)
    overrides = {
        name: flags[name].value
        for name in ("attention_probs_dropout_prob", "hidden_dropout_prob")
        if flags[name].value is not None
    }
    if flags.encoder_layers:
        if not 0 < flags.encoder_layers <= bert_config.num_hidden_layers:
            raise UserError(
                "--encoder_layers=%d: %s has %d layers." % (flags.encoder_layers, path, bert_config.num_hidden_layers)
            )
        overrides["num_hidden_layers"] = flags.encoder_layers
    check_positions(flags, bert_config, path)
    return dataclasses.replace(bert_config, **overrides)


def learner_settings(flags):
    """LearnerConfig."""
    return configs.from_flags(configs.LearnerConfig, names_and_values(flags))


def classifier_settings(flags):
    """LearnerConfig or SoftmaxConfig, as --classifier says."""
    if flags.classifier == configs.SOFTMAX:
        return configs.from_flags(configs.SoftmaxConfig, names_and_values(flags))
    return learner_settings(flags)


def finetune_settings(flags):
    """FinetuneConfig."""
    return without_unread_checkpoint(configs.from_flags(configs.FinetuneConfig, names_and_values(flags)))


def without_unread_checkpoint(run):
    """The settings without --init_checkpoint where the exported model has an encoder of its own."""
    unread = run.warm_start_model_dir and checkpoints.has_encoder(run.warm_start_model_dir)
    return dataclasses.replace(run, init_checkpoint=None) if unread else run


def meta_training_settings(flags):
    """MetaTrainConfig; UserError also for an inner loop that cannot be laid out, which fine-tuning does not read."""
    if flags.classifier != configs.SOFTMAX:
        learner_settings(flags).check_inner_loop()
    values = names_and_values(flags)
    for name in ("task_train_files", "task_eval_files"):
        values[name] = record_paths(flags, name)
    return without_unread_checkpoint(configs.from_flags(configs.MetaTrainConfig, values))


def text_settings(flags):
    """How text becomes tokens."""
    return {"do_lower_case": flags.do_lower_case, "max_seq_length": flags.max_seq_length}


def record_paths(flags, flag):
    """Paths of the comma-separated files that a flag names.

    SMLMT files, and amazon* of --task_eval_files, are in --data_dir, others in --supervised_data_dir.
    """
    in_data_dir = ("meta_pretrain",) + ("amazon",) * (flag == "task_eval_files")

    def folder(name):
        return flags.data_dir if name.startswith(in_data_dir) else flags.supervised_data_dir

    return tuple(os.path.join(folder(name), name) for name in flags[flag].value.split(",") if name)


def task_files(flags):
    """Paths of --task_eval_files=TRAIN,EVAL; the second is None for TRAIN alone."""
    paths = record_paths(flags, "task_eval_files")
    if len(paths) not in (1, 2):
        raise UserError("--task_eval_files: give two files, TRAIN,EVAL, or TRAIN alone, not %d." % len(paths))
    return (paths + (None,))[:2]
