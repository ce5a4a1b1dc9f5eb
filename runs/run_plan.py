"""A fine-tuning run on paper: what decides its numbers, what it is known by, and what results.json says of it."""
import dataclasses
import hashlib
import json
from typing import Dict, List, NamedTuple, Optional, Union

from command_line import settings
from learner import configs
from learner.configs import FinetuneConfig, LearnerConfig, SoftmaxConfig
from modeling import BertConfig
from runs import results, task_data
from runtime import checkpoints


class Plan(NamedTuple):
    """All that a run is made of but its data."""

    bert_config: BertConfig
    config: Union[LearnerConfig, SoftmaxConfig]
    run: FinetuneConfig
    train_file: str
    eval_file: Optional[str]
    labels: Optional[List[str]]  # names in the order of their ids; None: the training file tells
    text: dict  # settings.text_settings
    weights: Dict[str, str]  # weight_files: the run itself may replace them

    def files(self):
        """{part: path} of the files that decide the numbers: "train", "eval" and those of `weights`."""
        data = {"train": self.train_file, "eval": self.eval_file}
        return dict({part: path for part, path in data.items() if path}, **self.weights)


def weight_files(run):
    """{flag: path} of the weights that a FinetuneConfig starts from; UserError when they cannot be read.

    It is the index of the checkpoint, which is small and holds a checksum of every tensor.
    """
    paths = {}
    if run.init_checkpoint:
        paths["init_checkpoint"] = _index(run.init_checkpoint, "--init_checkpoint")
    if run.warm_start_model_dir:
        prefix = checkpoints.exported_variables(run.warm_start_model_dir)
        paths["warm_start_model_dir"] = _index(prefix, "--warm_start_model_dir")
    return paths


def _index(prefix, flag):
    checkpoints.checkpoint_shapes(prefix, flag)  # it is there, and can be read
    return prefix + ".index"


def make_plan(flags):
    """The Plan of the values of the main program's flags; UserError when they do not fit together."""
    bert_config = settings.bert_settings(flags)
    config, run = settings.classifier_settings(flags), settings.finetune_settings(flags)
    settings.check_head_widths(bert_config, config)
    train_file, eval_file = settings.task_files(flags)
    labels = task_data.known_labels(flags, train_file)
    text = settings.text_settings(flags)
    return Plan(bert_config, config, run, train_file, eval_file, labels, text, weight_files(run))


def describe(plan):
    """The settings of a Plan whose labels are known, for JSON."""
    description = {
        "bert_config": dataclasses.asdict(plan.bert_config),
        "finetuning": dataclasses.asdict(plan.run),
        "labels": list(plan.labels),
        "text": plan.text,
    }
    description.update(configs.described(plan.config))
    return description


def fingerprint(description, checksums):
    """Identifies a run by its settings and the checksums of its data and weights, wherever these are.

    Args:
      description: of `describe`.
      checksums: {part: SHA-256} of `Plan.files`.
    """
    run = {name: value for name, value in description["finetuning"].items() if name not in checksums}
    content = {"settings": dict(description, finetuning=run), "data": checksums}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8")).hexdigest()[:16]


def summarize(plan, flags, checksums, sizes, outcome, scores, seconds):
    """What results.json holds.

    Args:
      plan: Plan with its labels.
      flags: values of the main program's flags.
      checksums: {part: SHA-256} of `Plan.files`.
      sizes: {"train" or "eval": rows}.
      outcome: estimators.Finetuned.
      scores: evaluation.Scores, None without evaluation rows.
      seconds: of the whole run.
    """
    description = describe(plan)
    files = {part: {"path": path, "sha256": checksums[part]} for part, path in plan.files().items()}
    return {
        "run_id": fingerprint(description, checksums),
        "task": flags.task_name,
        "config": description,
        "flags": {name: flags[name].value for name in flags if flags[name].present},
        "data": {part: dict(files.pop(part), examples=rows) for part, rows in sizes.items()},
        "weights": files,
        "metrics": results.metrics(scores, plan.labels, plan.run.eval_batch_size) if scores else None,
        "steps": outcome.steps,
        "seconds": {"train": outcome.train_seconds, "eval": outcome.eval_seconds, "total": seconds},
        "runtime": results.runtime(),
    }
