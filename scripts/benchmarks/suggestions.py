#!/usr/bin/env python3
"""How many labels the choice of --suggest saves: accuracy by number of labelled rows, against rows drawn at random.

  scripts/benchmarks/suggestions.py --sets=airline --leopard_dir=DIR --sets=spam=spam.jsonl --output_dir=output/chosen

The rows of a set that matched_shots.py judges are cut in two as they stand: the first half is the pool, the other is
judged (a file in the order of its labels is refused: shuffle it). From --start rows of each class, drawn at random,
each method labels --batch rows a class and round of the pool and trains anew (the default model; labels of files of
one's own are names). Methods: random, margin (the rows with the least distance between the two highest probabilities)
and suggest (runs/selection.py, of --candidates rows for each chosen one). Printed is the accuracy in percent, its mean
over the repetitions, and at how many rows it reaches that of the first method at the end. Exit code 2: a mistake.
"""
import dataclasses
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

from runtime.arguments import Parser, check_counts
from runtime.errors import UserError, exit_code, importing

with importing(__name__):
    import calibration
    import matched_sets
    import numpy as np

from runs import selection
from runs.scores import Scores

NUMBERS = ("start", "batch", "rounds", "repetitions", "rows", "candidates")


def at_random(probabilities, features, n, random, candidates):
    """Numbers of rows, any."""
    del features, candidates
    return random.permutation(len(probabilities))[:n]


def by_margin(probabilities, features, n, random, candidates):
    """Numbers of the rows whose two highest probabilities are nearest."""
    del features, random, candidates
    return np.argsort(-selection.unsureness(probabilities), kind="stable")[:n]


def suggested(probabilities, features, n, random, candidates):
    """What --suggest chooses."""
    del random
    return selection.choose(probabilities, features, n, candidates)


METHODS = {"random": at_random, "margin": by_margin, "suggest": suggested}


class JudgedSet:
    """Rows of a set, a pool and those that are judged, and the default model.

    Args:
      model: calibration.DefaultModel.
      rows: task_data.Rows.
      names: records of the classes' names, or None.
    """

    def __init__(self, model, rows, names):
        self._model, self._examples, self._names = model, rows.examples, names
        self.classes, self.labels = len(rows.labels), rows.examples.label_ids
        self._finetuner = model.finetuner(self.classes)
        self.pool = np.arange(rows.examples.size // 2)
        self._judged = np.arange(rows.examples.size // 2, rows.examples.size)
        self._features = self._finetuner.describe(self._examples, 32, show=False)[1]

    def check(self, name, labels, each):
        """UserError unless the pool of the set of a name has so many rows of each of its labels."""
        counts = np.bincount(self.labels[self.pool], minlength=self.classes)
        if counts.min() < each:
            raise UserError(
                "--sets: the first half of %s, its pool, has %d rows of %s, --start=%d are needed: shuffle the rows of "
                "its file, or take more --rows." % (name, counts.min(), labels[counts.argmin()], each)
            )

    def start(self, random, each):
        """Numbers of so many rows of each class of the pool, drawn."""
        order = random.permutation(self.pool)
        return np.concatenate([order[self.labels[order] == label][:each] for label in range(self.classes)])

    def trained(self, labelled):
        """(accuracy on judged rows, numbers of the pool's other rows, their probabilities) of a model of some rows."""
        others = np.setdiff1d(self.pool, labelled)
        run = self._model.settings(len(labelled), self.classes)
        batch = -(-run.train_batch_size * self._examples.size // len(labelled))  # held_out makes it smaller again
        run = dataclasses.replace(run, train_batch_size=batch, eval_batch_size=batch)
        folds = [(labelled, np.concatenate([self._judged, others]))]
        (logits,) = self._finetuner.held_out(run, self._examples, folds, self._names)
        hits = logits[: len(self._judged)].argmax(axis=1) == self.labels[self._judged]
        scores = Scores(logits[len(self._judged) :], self.labels[others])
        return float(np.mean(hits)), others, scores.probabilities

    def accuracies(self, method, options, repetition):
        """Accuracy after each round, the first before any."""
        random, found = np.random.RandomState(repetition), []
        labelled = self.start(random, options.start)
        for number in range(options.rounds + 1):
            accuracy, others, probabilities = self.trained(labelled)
            found.append(accuracy)
            if number < options.rounds:
                n = min(options.batch * self.classes, len(others))
                chosen = METHODS[method](probabilities, self._features[others], n, random, options.candidates)
                labelled = np.concatenate([labelled, others[chosen]])
        return found


def rows_needed(means, rows, goal):
    """Rows at which the line through the means first reaches a goal; None where it does not."""
    for place, (mean, number) in enumerate(zip(means, rows)):
        if mean >= goal:
            if place == 0:
                return float(number)
            before, fewer = means[place - 1], rows[place - 1]
            return float(fewer + (goal - before) / (mean - before) * (number - fewer))
    return None


def run(options):
    """Prints a table for each set."""
    check_counts(options, NUMBERS)
    unknown = [method for method in options.methods if method not in METHODS]
    if unknown:
        raise UserError("--methods=%s: of %s." % (unknown[0], ", ".join(METHODS)))
    store, model = matched_sets.RowStore(options.output_dir), calibration.DefaultModel()
    for source in matched_sets.sources(options.sets):
        matched_sets.store(source, store, [4], range(1), options.rows, options.leopard_dir)
        rows = model.reader.labelled(store.eval_file(source.name))
        judged = JudgedSet(model, rows, model.reader.names(("auto",), rows.labels) if source.paths else None)
        judged.check(source.name, rows.labels, options.start)
        numbers = [judged.classes * (options.start + options.batch * each) for each in range(options.rounds + 1)]
        means = {
            method: np.mean(
                [judged.accuracies(method, options, number) for number in range(options.repetitions)], axis=0
            )
            for method in options.methods
        }
        goal = means[options.methods[0]][-1]
        print("\n%-22s %s   rows for %.1f" % (source.name, " ".join("%5d" % n for n in numbers), 100 * goal))
        for method, accuracies in means.items():
            needed = rows_needed(list(accuracies), numbers, goal)
            shown = " ".join("%5.1f" % (100 * each) for each in accuracies)
            print("%-22s %s   %s" % (method, shown, "-" if needed is None else "%.0f" % needed), flush=True)


def main(arguments=None):
    parser = Parser(description=__doc__)
    parser.add_argument("--sets", action="append", required=True, help="LEOPARD's tasks, NAME=FILE or NAME=TRAIN,TEST")
    parser.add_argument("--methods", type=lambda names: names.split(","), default=list(METHODS), help="see above")
    parser.add_argument("--start", type=int, default=2, help="rows a class at first (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=2, help="rows a class and round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--repetitions", type=int, default=10, help="default: %(default)s")
    parser.add_argument("--rows", type=int, default=800, help="of a set, pool and judged (default: %(default)s)")
    parser.add_argument("--candidates", type=int, default=selection.CANDIDATES, help="default: %(default)s")
    parser.add_argument("--leopard_dir", default=os.environ.get("LEOPARD_DIR", ""), help="folder of the LEOPARD data")
    parser.add_argument("--output_dir", required=True, help="for the rows")
    return exit_code(lambda: run(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
