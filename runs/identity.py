"""What a fine-tuning run is known by: all that decides its numbers, as settings and checksums of files."""
import dataclasses
import hashlib
import json
from typing import Dict, Sequence

from command_line.settings import RunSettings
from data import records, tasks
from runs import model_folder
from runtime import checkpoints


@dataclasses.dataclass(frozen=True)
class Identity:
    """A run's settings with the names of its labels, and the files that decide its numbers."""

    settings: RunSettings
    labels: Sequence[str]  # names in the order of their ids
    files: Dict[str, str]  # {part: path} of `files_of`
    checksums: Dict[str, str]  # {part: SHA-256}

    @property
    def misnamed_task(self):
        """As tasks.misnamed of this run's labels."""
        return tasks.misnamed(self.labels, self.settings.train_file, self.settings.task_name)

    @property
    def description(self):
        """The settings as {name: JSON value}."""
        asked = self.settings
        return model_folder.description(
            asked.bert_config, asked.classifier, asked.finetuning, self.labels, asked.text
        )

    @property
    def run_id(self):
        """The same for the same settings, data and weights, wherever these are."""
        description = self.description
        if self.misnamed_task and not self.settings.finetuning.label_names:  # earlier versions had the files' names
            description["labels"] = list(self.misnamed_task.labels)
        finetuning = {name: value for name, value in description["finetuning"].items() if name not in self.checksums}
        content = {"settings": dict(description, finetuning=finetuning), "data": self.checksums}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8")).hexdigest()[:16]


def identify(settings, labels, weights, checksum=records.sha256):
    """The Identity of RunSettings.

    Args:
      labels: names in the order of their ids.
      weights: of `weight_files`.
      checksum: function of a path.
    """
    files = files_of(settings, weights)
    return Identity(settings, labels, files, {part: checksum(path) for part, path in files.items()})


def files_of(settings, weights):
    """{part: path} of the files that decide the numbers: "train", "eval" and those of `weights`."""
    data = {"train": settings.train_file, "eval": settings.eval_file}
    return dict({part: path for part, path in data.items() if path}, **weights)


def weight_files(finetuning):
    """{flag: path} of the weights that a FinetuneConfig starts from; UserError when they cannot be read.

    It is the index of the checkpoint, which is small and holds a checksum of every tensor. To be called before the run:
    what it leaves may be in the place of the weights.
    """
    paths = {}
    if finetuning.init_checkpoint:
        paths["init_checkpoint"] = _index(finetuning.init_checkpoint, "--init_checkpoint")
    if finetuning.warm_start_model_dir:
        prefix = checkpoints.exported_variables(finetuning.warm_start_model_dir)
        paths["warm_start_model_dir"] = _index(prefix, "--warm_start_model_dir")
    return paths


def _index(prefix, flag):
    checkpoints.checkpoint_shapes(prefix, flag)  # it is there, and can be read
    return prefix + ".index"
