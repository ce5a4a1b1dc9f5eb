"""Plots of how far probabilities can be believed: a reliability diagram, and accuracy against the share decided."""
import collections
from typing import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from runs.tables import plots
from runs.tables.runs import Run


def reliability(runs: Sequence[Run], models: Sequence[str], k: int) -> Figure:
    """Accuracy against mean highest probability of each bin, a line a model; bins of all its runs are joined by rows.

    On the diagonal probabilities are as often right as they say.
    """
    with rc_context(plots.STYLE):
        figure, axes = _square(runs, models, "reliability", k, "highest probability, %", "accuracy, %")
        axes.plot([0, 100], [0, 100], color="black", linewidth=0.8)
        for number, model in enumerate(models):
            rows = collections.defaultdict(float)
            confidence, accuracy = collections.defaultdict(float), collections.defaultdict(float)
            for run in _of(runs, model, k):
                for each in run.calibration_bins:
                    rows[each["from"]] += each["rows"]
                    confidence[each["from"]] += each["rows"] * each["confidence"]
                    accuracy[each["from"]] += each["rows"] * each["accuracy"]
            bins = sorted(bin for bin in rows if rows[bin])
            _line(axes, number, model, [confidence[bin] / rows[bin] for bin in bins],
                  [accuracy[bin] / rows[bin] for bin in bins])
        plots.legend_below(axes)
        return plots.laid_out(figure)


def coverage(runs: Sequence[Run], models: Sequence[str], k: int) -> Figure:
    """Accuracy of the rows decided against their share, a point a least probability; rows of all runs of a model."""
    with rc_context(plots.STYLE):
        figure, axes = _square(runs, models, "rows decided", k, "share decided, %", "accuracy of these, %")
        for number, model in enumerate(models):
            decided, right, rows = collections.defaultdict(float), collections.defaultdict(float), 0
            for run in _of(runs, model, k):
                rows += run.rows
                decided[0.0] += run.rows
                right[0.0] += run.rows * run.accuracy
                for each in run.by_min_confidence:
                    decided[each["min_confidence"]] += run.rows * each["decided"]
                    right[each["min_confidence"]] += run.rows * each["decided"] * (each["accuracy"] or 0.0)
            least = sorted(each for each in decided if decided[each])
            _line(axes, number, model, [decided[each] / rows for each in least],
                  [right[each] / decided[each] for each in least])
        plots.legend_below(axes)
        return plots.laid_out(figure)


def has_any(runs: Sequence[Run], k: int) -> bool:
    """Whether runs of a k tell their calibration; those of earlier versions do not."""
    return any(run.k == k and run.calibration_bins for run in runs)


def _of(runs, model, k):
    return [run for run in runs if (run.model, run.k) == (model, k) and run.calibration_bins]


def _square(runs, models, title, k, xlabel, ylabel):
    figure, axes = plots.new_figure(3.4, 3.2, [model for model in models if _of(runs, model, k)])
    axes.set(title="%s, k=%d" % (title, k), xlabel=xlabel, ylabel=ylabel, xlim=(0, 102))
    axes.grid(alpha=0.3)
    return figure, axes


def _line(axes, number, model, across, up):
    """A model's line; fractions. None where its runs tell nothing."""
    if not across:
        return
    axes.plot(
        100 * np.array(across), 100 * np.array(up), label=plots.plain(model), markersize=4,
        color=plots.COLOURS[number % len(plots.COLOURS)], marker=plots.MARKERS[number % len(plots.MARKERS)],
    )
