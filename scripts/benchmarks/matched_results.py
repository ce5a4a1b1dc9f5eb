"""Results of methods that are not this repository's, in the form of its own runs, so that tables read both.

OUTPUT_DIR/runs/METHOD/SET/K/SPLIT/results.json; see matched_sets.py for the rows. Nothing here needs TensorFlow.
"""
import os

import numpy as np

from runs.scores import Scores
from runtime.errors import UserError
from runtime.files import file_sha256, read_json, write_json
from runtime.run_files import RESULTS


class MethodResults:
    """What a method left, and leaves.

    Args:
      store: matched_sets.RowStore.
      method: its name.
      config: {setting: JSON value} that decides its numbers.
      overwrite: whether results of other rows or settings are made again; else they are an error.
    """

    def __init__(self, store, method, config, overwrite=False):
        self._store, self._method, self._config, self._overwrite = store, method, config, overwrite

    def path(self, run):
        """Of the results of a matched_sets.StoredSplit."""
        below = os.path.join(self._store.output_dir, "runs", self._method, run.name)
        return os.path.join(below, str(run.k), str(run.split), RESULTS)

    def lacking(self, runs):
        """Those of the StoredSplits that have no results; UserError when some have results of something else."""
        return [run for run in runs if not self._is_there(run)]

    def write(self, run, scores, labels, seconds, more=None):
        """Writes the results of a StoredSplit.

        Args:
          scores: runs.scores.Scores.
          labels: names of the classes.
          seconds: {"train", "eval": wall time}.
          more: further settings that are worth keeping.
        """
        origin, path = self._origin(run), self.path(run)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_json(path, {
            "model": self._method, "task": run.name, "k": run.k, "split": run.split,
            "config": dict(origin["config"], labels=list(labels), **(more or {})),
            "data": origin["data"],
            "metrics": {
                "accuracy": scores.accuracy, "macro_f1": scores.macro_f1, "loss": float(np.mean(scores.losses)),
                "confusion": scores.confusion.tolist(),
            },
            "seconds": seconds,
        })
        print("%s %s k=%d split %d: accuracy %.3f, %.1f s" % (
            self._method, run.name, run.k, run.split, scores.accuracy, sum(seconds.values())), flush=True)

    def _origin(self, run):
        files = {"train": self._store.train_file(run), "eval": self._store.eval_file(run.name)}
        return {
            "config": self._config,
            "data": {part: {"sha256": file_sha256(name)} for part, name in files.items()},
        }

    def _is_there(self, run):
        path = self.path(run)
        found = read_json(path)
        if not isinstance(found, dict):
            return False
        differing = [
            name + " data" * (part == "data") for part, wanted in self._origin(run).items()
            for name, value in wanted.items() if (found.get(part) or {}).get(name) != value
        ]
        if differing and not self._overwrite:
            raise UserError(
                "%s is of another %s: choose another --output_dir, or give --overwrite to make such runs again."
                % (path, " and ".join(differing))
            )
        return not differing


def scores_of(probabilities, truth):
    """Scores of probabilities [rows, classes] and class numbers [rows]; a probability of 0 counts as the smallest."""
    return Scores(np.log(np.maximum(probabilities, np.finfo(np.float32).tiny)), truth)
