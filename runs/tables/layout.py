"""What stands in which cell of the tables; render.py turns them into Markdown, LaTeX and HTML."""
import collections
import decimal
import itertools
import math
from typing import List, Mapping, NamedTuple, Sequence

import pandas as pd

from runs.tables import published
from runs.tables.runs import Run, task_order
from runs.tables.statistics import RESAMPLES, Comparison, Summary, compare, summarize

PLUS_MINUS = "\u00b1"
MINUS = "\u2212"
NOTHING = "\u2013"
MACRO = "macro average"
ALL_PAIRS = "all pairs"
TOTALS = (MACRO, ALL_PAIRS)  # rows that stand apart
INTERVALS = (
    "Pairs are (task, split) that both models have; n counts them. The 95 % bootstrap interval over splits draws "
    "splits anew within each task: it speaks for these tasks with other training splits. The one over tasks draws "
    "tasks, then splits within each: it speaks for other tasks like these, and is too narrow where there are few. "
    "Neither speaks for other evaluation rows or another meta-training."
)
SIGN_TEST = (
    "p is of the two-sided sign test, equal pairs left out. It treats pairs as independent, which they are not (splits "
    "of a task share its evaluation set): it is likely too small."
)


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
    notes: Sequence[str] = ()
    legend: Sequence[str] = ()  # what tables of its kind have in common, told once for all of them


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
        self._compared = {}  # of compare: the same numbers stand in several places

    def accuracies(self, model, k, tasks=None):
        """{(task, split): accuracy}."""
        found = self._accuracies.get((model, k), {})
        return {key: value for key, value in found.items() if tasks is None or key[0] in tasks}

    def summary(self, model, task, k):
        """Summary of a cell over splits, or None without runs."""
        values = [value for _, value in sorted(self.accuracies(model, k, [task]).items())]
        return self._summarize(values) if values else None

    def common_splits(self, k):
        """{task: splits} that all models with any run at k have: a macro average over others would not compare."""
        present = [set(self.accuracies(model, k)) for model in self.models]
        present = [found for found in present if found]
        common = set.intersection(*present) if present else set()
        splits = {task: sorted(split for name, split in common if name == task) for task in self.tasks}
        return {task: found for task, found in splits.items() if found}

    def macro(self, model, k):
        """Summary over splits of the mean over common_splits, or None.

        Where the tasks do not have the same splits, the mean is that of the tasks' means, and there is no deviation.
        """
        common, accuracies = self.common_splits(k), self.accuracies(model, k)
        if not common or not accuracies:
            return None
        values = [[accuracies[task, split] for split in splits] for task, splits in common.items()]
        first, *others = common.values()
        if all(each == first for each in others):
            return self._summarize([sum(of_split) / len(values) for of_split in zip(*values)])
        mean = sum(sum(of_task) / len(of_task) for of_task in values) / len(values)
        return Summary(min(map(len, values)), mean, math.nan, math.nan, math.nan)

    def compare(self, first, second, k, tasks=None):
        """Comparison of two models over the (task, split) that both have, or None."""
        key = first, second, k, None if tasks is None else tuple(tasks)
        if key not in self._compared:
            one, other = self.accuracies(first, k, tasks), self.accuracies(second, k, tasks)
            common = set(one) & set(other)
            self._compared[key] = compare(one, other, self._seed, self._resamples) if common else None
        return self._compared[key]

    def _summarize(self, values):
        return summarize(values, self._seed, self._resamples)


# --- tables ----------------------------------------------------------------------------------------------------------
def accuracy_table(results: Results, k: int) -> Table:
    """Accuracy in percent: a row a task, a column a model, and the macro average where models can be compared."""
    rows, unequal = [], []
    for task in results.tasks:
        summaries = [results.summary(model, task, k) for model in results.models]
        if any(summaries):
            splits = [set(results.accuracies(model, k, [task])) for model in results.models]
            present = [found for found in splits if found]
            comparable = all(found == present[0] for found in present)
            unequal += [] if comparable else [task]
            rows.append([Cell(task)] + _with_best(summaries, comparable))
    common = results.common_splits(k)
    notes = []
    if len(common) > 1:
        rows.append([Cell(MACRO)] + _with_best([results.macro(model, k) for model in results.models]))
        notes.append("%s over the %d tasks that all models have%s%s" % (
            MACRO, len(common), "" if len(common) == len(rows) - 1 else ": " + ", ".join(common),
            "; only over the splits that all models have" if set(unequal) & set(common) else ""))
    if unequal:
        notes.append("no best is marked where models have different splits: " + ", ".join(unequal))
    return Table("Accuracy, %%, k=%d" % k, ["task"] + results.models, rows, notes)


def _with_best(summaries, comparable=True):
    """Cells of a row, with the best mean, as it is printed, marked where there is more than one to compare."""
    means = [float(percent(summary.mean)) for summary in summaries if summary]
    best = max(means) if comparable and len(means) > 1 else None

    def cell(summary):
        return Cell(mean_and_std(summary), interval_and_runs(summary), float(percent(summary.mean)) == best)

    return [cell(summary) if summary else Cell(NOTHING) for summary in summaries]


def percent(fraction: float, digits: int = 1) -> str:
    """"51.4": a half is rounded up, and sums of other order, which differ far behind the point, give the same."""
    exact = decimal.Decimal("%.9f" % (100 * fraction))
    return str(exact.quantize(decimal.Decimal(1).scaleb(-digits), decimal.ROUND_HALF_UP))


def mean_and_std(summary) -> str:
    """"51.4 ± 8.5", in percent."""
    mean = percent(summary.mean)
    return mean if math.isnan(summary.std) else "%s %s %s" % (mean, PLUS_MINUS, percent(summary.std))


def interval_and_runs(summary) -> str:
    """"[46.5, 56.0] n=10", in percent."""
    runs = "n=%d" % summary.runs
    return runs if math.isnan(summary.low) else "[%s, %s] %s" % (percent(summary.low), percent(summary.high), runs)


def difference_table(results: Results, k: int) -> Table:
    """The first model minus each other one, task by task, in points."""
    first, others = results.models[0], results.models[1:]
    rows = []
    for task in results.tasks + [None] * (len(results.tasks) > 1):  # None: all of them
        compared = [results.compare(first, other, k, None if task is None else [task]) for other in others]
        if any(compared):
            rows.append([Cell(task or ALL_PAIRS)] + [_difference_cell(each) for each in compared])
    header = ["task"] + ["%s %s %s" % (first, MINUS, other) for other in others]
    return Table("Paired differences by task, points, k=%d" % k, header, rows, legend=[INTERVALS])


def comparison_table(results: Results, k: int) -> Table:
    """Every two models over all (task, split) that both have, with both intervals and the sign test."""
    rows = []
    for first, second in itertools.combinations(results.models, 2):
        found = results.compare(first, second, k)
        if found:
            names = "%s %s %s" % (first, MINUS, second)
            counts = "%d / %d / %d" % (found.better, found.equal, found.worse)
            cells = [names, _difference(found)] + _intervals(found) + [counts, tasks_won(found), p_value(found.p_value)]
            rows.append([Cell(text, "n=%d" % found.pairs if column == 1 else "") for column, text in enumerate(cells)])
    header = ["models", "mean difference", "over splits of these tasks", "over tasks", "better / equal / worse",
              "tasks won", "p"]
    return Table("Models in pairs, points, k=%d" % k, header, rows, legend=[INTERVALS, SIGN_TEST])


def group_table(results: Results, k: int, groups: Mapping[str, Sequence[str]]) -> Table:
    """The first model against each other one over groups of tasks, {name: tasks}, on the pairs that both have."""
    first, rows = results.models[0], []
    for name, tasks in groups.items():
        for other in results.models[1:]:
            found = results.compare(first, other, k, tasks)
            if found:
                means = [_mean_over_tasks(results, (first, other), model, k, tasks) for model in (first, other)]
                cells = [name, other] + [percent(mean) for mean in means] + [_difference(found)]
                cells += _intervals(found) + [tasks_won(found)]
                rows.append([Cell(text, "n=%d" % found.pairs if column == 4 else "")
                             for column, text in enumerate(cells)])
    header = ["tasks", "other model", first, "other", "mean difference", "over splits of these tasks", "over tasks",
              "tasks won"]
    return Table("%s against the others, k=%d" % (first, k), header, rows, legend=[INTERVALS])


def _mean_over_tasks(results, models, model, k, tasks):
    """The mean of a model's means of the tasks over the (task, split) that all of `models` have."""
    common = set.intersection(*[set(results.accuracies(each, k, tasks)) for each in models])
    by_task = collections.defaultdict(list)
    for key in sorted(common):
        by_task[key[0]].append(results.accuracies(model, k, tasks)[key])
    return sum(sum(values) / len(values) for values in by_task.values()) / len(by_task)


def tasks_won(found) -> str:
    """"7 of 9"."""
    return "%d of %d" % (found.tasks_won, found.tasks)


def _intervals(found):
    """Both intervals of a Comparison, or dashes."""
    return [_interval(found.splits_low, found.splits_high) or NOTHING,
            _interval(found.tasks_low, found.tasks_high) or NOTHING]


def _difference_cell(found) -> Cell:
    """"+2.1 ± 0.3" and "[+1.9, +2.3] n=20, over tasks [−0.1, +4.3]"."""
    if found is None:
        return Cell(NOTHING)
    details = [_interval(found.splits_low, found.splits_high), "n=%d" % found.pairs]
    over_tasks = _interval(found.tasks_low, found.tasks_high)
    return Cell(_difference(found), " ".join(filter(None, details)) + (over_tasks and ", over tasks " + over_tasks))


def _difference(found) -> str:
    """"+2.1 ± 0.3", in points."""
    mean = _signed(found.mean)
    return mean if math.isnan(found.std) else "%s %s %s" % (mean, PLUS_MINUS, percent(found.std))


def _interval(low, high) -> str:
    """"[−0.1, +4.3]", or nothing for NaN."""
    return "" if math.isnan(low) else "[%s, %s]" % (_signed(low), _signed(high))


def _signed(value) -> str:
    """"+2.1", "−2.1" or "0.0": a fraction in points."""
    text = percent(abs(value))
    return text if float(text) == 0 else (MINUS if value < 0 else "+") + text


def p_value(value: float) -> str:
    """"0.021", "< 0.001", or a dash for NaN."""
    if math.isnan(value):
        return NOTHING
    return "< 0.001" if value < 0.001 else "%.3f" % value


def published_table(results: Results) -> Table:
    """Ours beside the published figure, for models and k whose 12 tasks are complete (see published.own_mean)."""
    rows = []
    for k in results.shots:
        for model in results.models:
            mean = published.own_mean([run for run in results.runs if run.model == model], k)
            if mean is not None:
                target = published.ACCURACY[k]
                rows.append([Cell(model), Cell(str(k)), Cell(percent(mean, 2)), Cell(percent(target, 2)),
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
            if len(results.common_splits(k)) > 1:
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
    return pd.DataFrame(rows, columns=["first", "second", "k"] + list(Comparison._fields))
