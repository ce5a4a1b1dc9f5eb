"""A fine-tuning run on paper: what decides its numbers, what it is known by, and what results.json says of it."""
import dataclasses
import hashlib
import json
from typing import List, NamedTuple, Optional

import results
import settings
import task_data
from configs import LearnerConfig
from estimators import FinetuneConfig
from modeling import BertConfig


class Plan(NamedTuple):
    """All that a run is made of but its data."""

    bert_config: BertConfig
    config: LearnerConfig
    run: FinetuneConfig
    train_file: str
    eval_file: str
    labels: Optional[List[str]]  # names in the order of their ids; None: the training file tells
    text: dict  # settings.text_settings


def make_plan(flags):
    """The Plan of the values of the main program's flags; UserError when they do not fit together."""
    bert_config = settings.bert_settings(flags)
    config, run = settings.learner_settings(flags), settings.finetune_settings(flags)
    settings.check_head_widths(bert_config, config)
    train_file, eval_file = settings.task_files(flags)
    labels = task_data.known_labels(flags, train_file)
    return Plan(bert_config, config, run, train_file, eval_file, labels, settings.text_settings(flags))


def describe(plan):
    """The settings of a Plan whose labels are known, for JSON."""
    return {
        "bert_config": dataclasses.asdict(plan.bert_config),
        "learner": dataclasses.asdict(plan.config),
        "finetuning": dataclasses.asdict(plan.run),
        "labels": list(plan.labels),
        "text": plan.text,
    }


def fingerprint(description, checksums):
    """Identifies a run by its settings and the checksums of its data.

    Args:
      description: of `describe`.
      checksums: {"train": SHA-256, "eval": SHA-256}.
    """
    content = {"settings": description, "data": checksums}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8")).hexdigest()[:16]


def summarize(plan, flags, checksums, sizes, outcome, scores, seconds):
    """What results.json holds.

    Args:
      plan: Plan with its labels.
      flags: values of the main program's flags.
      checksums, sizes: of the files, by "train" and "eval"; sizes in rows.
      outcome: estimators.Finetuned.
      scores: evaluation.Scores.
      seconds: of the whole run.
    """
    description = describe(plan)
    paths = {"train": plan.train_file, "eval": plan.eval_file}
    return {
        "run_id": fingerprint(description, checksums),
        "task": flags.task_name,
        "config": description,
        "flags": {name: flags[name].value for name in flags if flags[name].present},
        "data": {
            part: {"path": paths[part], "sha256": checksums[part], "examples": sizes[part]} for part in paths
        },
        "metrics": results.metrics(scores, plan.labels, plan.run.eval_batch_size),
        "steps": outcome.steps,
        "seconds": {"train": outcome.train_seconds, "eval": outcome.eval_seconds, "total": seconds},
        "runtime": results.runtime(),
    }
