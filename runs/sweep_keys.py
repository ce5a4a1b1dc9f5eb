"""Which fine-tuning runs a sweep is made of. Nothing here needs TensorFlow."""
import os
from typing import List, NamedTuple

from data.tasks import TASKS, get_task


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
