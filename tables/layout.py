"""What stands in which cell of the tables; tables/render.py turns them into Markdown, LaTeX and HTML."""
import collections
import itertools
import math
from typing import List, NamedTuple, Sequence

import pandas as pd

from tables import published
from tables.runs import Run, task_order
from tables.statistics import RESAMPLES, Summary, compare, summarize

PLUS_MINUS = "\u00b1"
MINUS = "\u2212"
NOTHING = "\u2013"
MACRO = "macro average"
ALL_PAIRS = "all pairs"
TOTALS = (MACRO, ALL_PAIRS)  # rows that stand apart


class Cell(NamedTuple):
    """A value and, in small print, what belongs to it."""

    text: str
    detail: str = ""
    best: bool = False


class Table(NamedTuple):
    """A table with a title and notes below it; the first column names the rows."""

    title: str
    header: List[str]
    rows: List[List[Cell]]
    notes: List[str]


class Results:
    """All runs, with what the tables are made of; everything below is in the order of `models` and of the registry.

    Args:
      runs: of tables.runs.read_runs.
      models: names in the order of the columns; default: sorted.
      seed, resamples: of the bootstrap.
    """

    def __init__(self, runs: Sequence[Run], models: Sequence[str] = (), seed: int = 0, resamples: int = RESAMPLES):
        present = {run.model for run in runs}
        self.models = [model for model in models if model in present] if models else sorted(present)
        self.runs = [run for model in self.models for run in runs if run.model == model]
        self.tasks = sorted({run.task for run in self.runs}, key=task_order)
        self.shots = sorted({run.k for run in self.runs})
        self._seed, self._resamples = seed, resamples
        self._accuracies = collections.defaultdict(dict)  # {(model, k): {(task, split): accuracy}}
        for run in self.runs:
            self._accuracies[run.model, run.k][run.task, run.split] = run.accuracy

    def accuracies(self, model, k, tasks=None):
        """{(task, split): accuracy}."""
        found = self._accuracies.get((model, k), {})
        return {key: value for key, value in found.items() if tasks is None or key[0] in tasks}

    def summary(self, model, task, k):
        """Summary of a cell over splits, or None without runs."""
        values = [value for _, value in sorted(self.accuracies(model, k, [task]).items())]
        return self._summarize(values) if values else None

    def common_tasks(self, k):
        """Tasks of which all models that have any run at k have one: a macro average over others would not compare."""
        present = [self.accuracies(model, k) for model in self.models]
        per_model = [{task for task, _ in found} for found in present if found]
        return [task for task in self.tasks if all(task in found for found in per_model)]

    def macro(self, model, k):
        """Summary over splits of the mean over common_tasks, or None.

        Where the tasks do not have the same splits, the mean is that of the tasks' means, and there is no deviation.
        """
        tasks = self.common_tasks(k)
        by_task = {task: {split: value for (_, split), value in self.accuracies(model, k, [task]).items()}
                   for task in tasks}
        if not tasks or not all(by_task.values()):
            return None
        splits = [sorted(found) for found in by_task.values()]
        if all(each == splits[0] for each in splits):
            return self._summarize([sum(by_task[task][split] for task in tasks) / len(tasks) for split in splits[0]])
        mean = sum(sum(found.values()) / len(found) for found in by_task.values()) / len(tasks)
        return Summary(min(map(len, splits)), mean, math.nan, math.nan, math.nan)

    def compare(self, first, second, k, tasks=None):
        """Comparison of two models over the (task, split) that both have, or None."""
        one, other = self.accuracies(first, k, tasks), self.accuracies(second, k, tasks)
        if not set(one) & set(other):
            return None
        return compare(one, other, self._seed, self._resamples)

    def _summarize(self, values):
        return summarize(values, self._seed, self._resamples)


# --- tables ----------------------------------------------------------------------------------------------------------
def accuracy_table(results: Results, k: int) -> Table:
    """Accuracy in percent: a row a task, a column a model, and the macro average where models can be compared."""
    rows = []
    for task in results.tasks:
        summaries = [results.summary(model, task, k) for model in results.models]
        if any(summaries):
            rows.append([Cell(task)] + _with_best(summaries))
    common = results.common_tasks(k)
    notes = []
    if len(common) > 1:
        rows.append([Cell(MACRO)] + _with_best([results.macro(model, k) for model in results.models]))
        notes.append("%s over the %d tasks that all models have%s" % (
            MACRO, len(common), "" if len(common) == len(rows) - 1 else ": " + ", ".join(common)))
    return Table("Accuracy, %%, k=%d" % k, ["task"] + results.models, rows, notes)


def _with_best(summaries):
    """Cells of a row, with the best mean, as it is printed, marked where there is more than one."""
    means = [round(100 * summary.mean, 1) for summary in summaries if summary]
    best = max(means) if len(means) > 1 else None

    def cell(summary):
        return Cell(mean_and_std(summary), interval_and_runs(summary), round(100 * summary.mean, 1) == best)

    return [cell(summary) if summary else Cell(NOTHING) for summary in summaries]


def mean_and_std(summary) -> str:
    """"51.4 ± 8.5", in percent."""
    mean = "%.1f" % (100 * summary.mean)
    return mean if math.isnan(summary.std) else "%s %s %.1f" % (mean, PLUS_MINUS, 100 * summary.std)


def interval_and_runs(summary) -> str:
    """"[46.5, 56.0] n=10", in percent."""
    runs = "n=%d" % summary.runs
    return runs if math.isnan(summary.low) else "[%.1f, %.1f] %s" % (100 * summary.low, 100 * summary.high, runs)


def difference_table(results: Results, k: int) -> Table:
    """The first model minus each other one, task by task, in points."""
    first, others = results.models[0], results.models[1:]
    rows = []
    for task in results.tasks + [None] * (len(results.tasks) > 1):  # None: all of them
        compared = [results.compare(first, other, k, None if task is None else [task]) for other in others]
        if any(compared):
            rows.append([Cell(task or ALL_PAIRS)] + [_difference_cell(each) for each in compared])
    header = ["task"] + ["%s %s %s" % (first, MINUS, other) for other in others]
    return Table("Paired differences by task, points, k=%d" % k, header, rows, [])


def comparison_table(results: Results, k: int) -> Table:
    """Every two models over all (task, split) that both have, with the sign test."""
    rows = []
    for first, second in itertools.combinations(results.models, 2):
        found = results.compare(first, second, k)
        if found:
            names = "%s %s %s" % (first, MINUS, second)
            counts = "%d / %d / %d" % (found.better, found.equal, found.worse)
            rows.append([Cell(names), _difference_cell(found), Cell(counts), Cell(p_value(found.p_value))])
    notes = [
        "Pairs are (task, split) that both models have; n counts them. Two-sided sign test, equal pairs left out. "
        "Splits of a task share its evaluation set, so that pairs are not independent: read p as a rough guide."
    ]
    header = ["models", "mean difference", "better / equal / worse", "p"]
    return Table("Models in pairs, points, k=%d" % k, header, rows, notes)


def _difference_cell(found) -> Cell:
    if found is None:
        return Cell(NOTHING)
    text = _signed(found.mean)
    if not math.isnan(found.std):
        text += " %s %.1f" % (PLUS_MINUS, 100 * found.std)
    runs = "n=%d" % found.pairs
    return Cell(text, runs if math.isnan(found.low) else "[%s, %s] %s" % (
        _signed(found.low), _signed(found.high), runs))


def _signed(value) -> str:
    """"+2.1", "−2.1" or "0.0": a fraction in points."""
    text = "%+.1f" % (100 * value)
    return text[1:] if float(text) == 0 else text.replace("-", MINUS)


def p_value(value: float) -> str:
    """"0.021", "< 0.001", or a dash for NaN."""
    if math.isnan(value):
        return NOTHING
    return "< 0.001" if value < 0.001 else "%.3f" % value


def published_table(results: Results) -> Table:
    """Ours beside the published figure, for models and k whose 12 tasks are complete; without rows when none is."""
    rows = []
    for k in results.shots:
        for model in results.models:
            accuracies = {(task, k, split): value for (task, split), value in results.accuracies(model, k).items()}
            mean = published.own_mean(accuracies, k)
            if mean is not None:
                target = published.ACCURACY[k]
                rows.append([Cell(model), Cell(str(k)), Cell("%.2f" % (100 * mean)), Cell("%.2f" % (100 * target)),
                             Cell(_signed(mean - target))])
    header = ["model", "k", "ours", published.MODEL + ", published", "difference"]
    return Table("Mean over 12 tasks, %", header, rows, ["Published: %s, %s." % (published.MODEL, published.SOURCE)])


# --- numbers for CSV files -------------------------------------------------------------------------------------------
def runs_frame(results: Results) -> pd.DataFrame:
    """A row a run."""
    names = ["model", "task", "k", "split", "accuracy", "macro_f1", "loss", "rows", "path"]
    return pd.DataFrame([[getattr(run, name) for name in names] for run in results.runs], columns=names)


def summaries_frame(results: Results) -> pd.DataFrame:
    """A row a model, task and k, then the macro averages; fractions, not percent."""
    rows = []
    for k in results.shots:
        for model in results.models:
            cells = [(task, results.summary(model, task, k)) for task in results.tasks]
            if len(results.common_tasks(k)) > 1:
                cells.append((MACRO, results.macro(model, k)))
            rows += [(model, task, k) + tuple(summary) for task, summary in cells if summary]
    return pd.DataFrame(rows, columns=["model", "task", "k"] + list(Summary._fields))


def differences_frame(results: Results) -> pd.DataFrame:
    """A row a pair of models, task, k and split: the paired difference of their accuracies, first minus second."""
    rows = []
    for k in results.shots:
        for first, second in itertools.combinations(results.models, 2):
            one, other = results.accuracies(first, k), results.accuracies(second, k)
            keys = sorted(set(one) & set(other), key=lambda key: (task_order(key[0]), key[1]))
            rows += [(first, second, task, k, split, one[task, split] - other[task, split]) for task, split in keys]
    return pd.DataFrame(rows, columns=["first", "second", "task", "k", "split", "difference"])


def comparisons_frame(results: Results) -> pd.DataFrame:
    """A row a pair of models and k: their Comparison over all (task, split)."""
    rows = []
    for k in results.shots:
        for first, second in itertools.combinations(results.models, 2):
            found = results.compare(first, second, k)
            rows += [(first, second, k) + tuple(found)] if found else []
    fields = ["pairs", "mean", "std", "low", "high", "better", "worse", "equal", "p_value"]
    return pd.DataFrame(rows, columns=["first", "second", "k"] + fields)
