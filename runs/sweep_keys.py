"""Which fine-tuning runs a sweep is made of. Nothing here needs TensorFlow."""
import os
import re
from typing import List, NamedTuple

from data.tasks import TASKS, get_task
from runtime.errors import UserError


class Key(NamedTuple):
    """Which run of a sweep."""

    model: str
    task: str
    k: int  # examples a class
    split: int

    def folder(self, output_dir):
        """Where it leaves its results."""
        return os.path.join(output_dir, self.model, self.task, str(self.k), str(self.split))


def keys(models, tasks, ks, splits) -> List[Key]:
    """All runs, those that can share a graph one behind the other."""
    order = sorted(tasks, key=lambda name: (get_task(name).num_labels, list(TASKS).index(name)))
    return [Key(model, task, k, split) for model in models for task in order for k in ks for split in splits]


def numbers(flag, text):
    """Whole numbers of "0,3,5-7"; UserError that names the flag for anything else."""
    found = []
    for part in text.split(","):
        match = re.match(r"(\d+)(?:-(\d+))?$", part)
        if not match:
            raise UserError("--%s=%s: write numbers, as 0-9 or 0,3,5-7." % (flag, text))
        first, last = [int(number) for number in (match.group(1), match.group(2) or match.group(1))]
        if first > last:
            raise UserError("--%s=%s: the range %s is empty." % (flag, text, part))
        found.extend(range(first, last + 1))
    return list(dict.fromkeys(found))
