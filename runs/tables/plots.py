"""Plots, as matplotlib figures. No window system and no global state of pyplot are used."""
import collections
import io
import itertools
import math
import textwrap
from typing import List, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import ScaledTranslation

from runs.tables.layout import Results, percent
from runs.tables.rates import Rate, in_network_order
from runtime.cells import shown

DPI = 100
STYLE = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "savefig.dpi": DPI}
# Okabe and Ito's colours, which stay apart for colour-blind readers; grey for their yellow, too light for lines
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F")
MARKERS = "osD^vP*X"
LEGEND_COLUMNS = 3
LONGEST_NAME = 40  # characters of a class, task or model
TITLE_LINE = 30  # characters
LEFT = 0.7  # inches that numbers and name of an axis need
MARGIN = 0.1  # inches, which half the number at the end of an axis may reach into
LETTER = 0.07  # inches, of the names along an axis
MOST_PLOTTED = 60  # classes of a confusion matrix that can still be told apart
MOST_NUMBERED = 5  # classes of a confusion matrix that still have room for counts


def png(figure: Figure) -> bytes:
    """The figure as a PNG file; equal figures give equal bytes."""
    buffer = io.BytesIO()
    with rc_context(STYLE):
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def svg(figure: Figure) -> bytes:
    """The figure as an SVG file for papers, letters drawn as paths; equal figures give equal bytes."""
    buffer = io.BytesIO()
    with rc_context(dict(STYLE, **{"svg.hashsalt": "few-shot"})):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def width(figure: Figure) -> int:
    """Pixels of the PNG file."""
    return int(round(figure.get_size_inches()[0] * DPI))


def plain(text):
    """Text of others in a figure: no formula, nothing that cannot be seen, and not longer than there is room for."""
    return _cut(text).replace("$", "\\$")


def _cut(text):
    text = shown(str(text))
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "\u2026"


def title(name, more=""):
    """A title that begins with text of others, in as many lines as it needs."""
    return "\n".join(map(plain, textwrap.wrap(_cut(name) + more, TITLE_LINE)))


def new_figure(width, height, names=(), left=LEFT):
    """(figure, axes); in inches.

    Args:
      width, height: without the room for a legend.
      names: what the legend will tell.
      left: what stands left of the axes.
    """
    rows = math.ceil(len(names) / _legend_columns(names, width - left)) if names else 0
    figure = Figure(figsize=(width, height + 0.18 * rows), constrained_layout={"w_pad": MARGIN})
    FigureCanvasAgg(figure)
    with rc_context(STYLE):
        return figure, figure.add_subplot(1, 1, 1)


def laid_out(figure):
    """The figure with its parts in their places: smaller axes may have other ticks, which need another place again."""
    for _ in range(2):
        figure.canvas.draw()
    return figure


def accuracy_by_shots(results: Results, task: str) -> Figure:
    """Accuracy against k, a line a model; bars are one standard deviation over splits."""
    with rc_context(STYLE):
        figure, axes = new_figure(3.7, 2.7, results.models)
        for number, model in enumerate(results.models):
            found = [(k, results.summary(model, task, k)) for k in results.shots]
            found = [(k, summary) for k, summary in found if summary]
            if not found:
                continue
            # A little to the side, so that bars of different models do not hide each other.
            shift = 1.0 + 0.02 * (number - (len(results.models) - 1) / 2.0)
            axes.errorbar(
                [k * shift for k, _ in found], [100 * summary.mean for _, summary in found],
                yerr=np.nan_to_num([100 * summary.std for _, summary in found]), label=plain(model), capsize=3,
                markersize=5, color=COLOURS[number % len(COLOURS)], marker=MARKERS[number % len(MARKERS)],
            )
        axes.set_xscale("log", base=2)
        axes.set_xticks(results.shots)
        axes.set_xticklabels(results.shots)
        axes.minorticks_off()
        if len(results.shots) == 1:
            axes.set_xlim(results.shots[0] / 2.0, results.shots[0] * 2.0)
        axes.set(title=title(task), xlabel="examples a class (k)", ylabel="accuracy, %")
        axes.grid(axis="y", alpha=0.3)
        legend_below(axes)
        return laid_out(figure)


def heat_map(results: Results, k: int) -> Figure:
    """Mean accuracy, a row a task and a column a model; the colours span what there is at any k."""
    values = np.full([len(results.tasks), len(results.models)], np.nan)
    for row, task in enumerate(results.tasks):
        for column, model in enumerate(results.models):
            summary = results.summary(model, task, k)
            values[row, column] = 100 * summary.mean if summary else np.nan
    with rc_context(STYLE):
        tasks, models = (max(len(plain(name)) for name in names) for names in (results.tasks, results.models))
        left, below = LETTER * tasks, max(0.9, 0.9 * LETTER * models)  # inches that names need
        figure, axes = new_figure(1.4 + left + 0.5 * len(results.models), 0.7 + below + 0.27 * len(results.tasks))
        low, high = _span(results)
        image = axes.imshow(np.ma.masked_invalid(values), cmap="viridis", aspect="auto", vmin=low, vmax=high)
        figure.colorbar(image, ax=axes).outline.set_visible(False)
        _ticks(axes, results.models, results.tasks)
        for row, column in np.argwhere(np.isfinite(values)):
            axes.text(column, row, percent(values[row, column] / 100), ha="center", va="center", fontsize=8,
                      color=_readable_on(image, values[row, column]))
        axes.set_title("accuracy, %%, k=%d" % k)
        return laid_out(figure)


def _span(results):
    """(low, high) in percent: the tens around all means."""
    found = [results.summary(*cell) for cell in itertools.product(results.models, results.tasks, results.shots)]
    means = [10 * summary.mean for summary in found if summary]
    low, high = math.floor(min(means)), math.ceil(max(means))
    return 10 * low, 10 * max(high, low + 1)


def differences(results: Results, k: int) -> Figure:
    """The first model minus each other one: a row a task, points with their intervals over splits."""
    first, others = results.models[0], results.models[1:]
    with rc_context(STYLE):
        left = 0.2 + LETTER * max(len(plain(task)) for task in results.tasks)
        figure, axes = new_figure(4.0, 1.6 + 0.3 * len(results.tasks), others, left)
        for number, other in enumerate(others):
            found = [(row, results.compare(first, other, k, [task])) for row, task in enumerate(results.tasks)]
            found = [(row, compared) for row, compared in found if compared]
            shift = 0.6 * (number - (len(others) - 1) / 2.0) / len(others)
            means = 100 * np.array([compared.mean for _, compared in found])
            ends = 100 * np.array([[compared.splits_low, compared.splits_high] for _, compared in found]).reshape(-1, 2)
            axes.errorbar(
                means, [row + shift for row, _ in found], xerr=np.nan_to_num(np.abs(ends.T - means)), linestyle="none",
                label=plain(other), markersize=4, color=COLOURS[number % len(COLOURS)],
                marker=MARKERS[number % len(MARKERS)],
            )
        axes.axvline(0.0, color="black", linewidth=0.8)
        axes.set_yticks(range(len(results.tasks)))
        axes.set_yticklabels(list(map(plain, results.tasks)))
        axes.invert_yaxis()
        axes.set(title=title(first, " minus ..., k=%d" % k), xlabel="points")
        axes.grid(axis="x", alpha=0.3)
        legend_below(axes, left)
        return laid_out(figure)


def confusion_matrix(confusion: np.ndarray, labels: Sequence[str], title: str) -> Figure:
    """Counts [true, predicted], coloured by the part of the true class's rows."""
    confusion = np.asarray(confusion)
    rows = confusion.sum(axis=1, keepdims=True)
    parts = confusion / np.maximum(rows, 1)
    side = (0.4 if len(labels) <= MOST_NUMBERED else 0.2) * len(labels)  # inches
    names = 0.06 * max(len(plain(label)) for label in labels)
    left, bottom, top = 0.3 + names, 0.35 + 0.75 * names, 0.25
    width, height = left + max(side, 1.0) + 0.1, bottom + side + top
    with rc_context(STYLE):
        figure = Figure(figsize=(width, height))  # laid out by hand: there are thousands of these
        FigureCanvasAgg(figure)
        axes = figure.add_axes([left / width, bottom / height, side / width, side / height])
        image = axes.imshow(parts, cmap="Blues", vmin=0.0, vmax=1.0)
        _ticks(axes, labels, labels, size=7)
        for row, column in np.ndindex(*confusion.shape) if len(labels) <= MOST_NUMBERED else ():
            axes.text(column, row, confusion[row, column], ha="center", va="center", fontsize=7,
                      color=_readable_on(image, parts[row, column]))
        axes.set_title(title, fontsize=8, loc="left")
        axes.set_xlabel("predicted", fontsize=7)
        axes.set_ylabel("true", fontsize=7)
        return figure


def learned_rates(rates: List[Rate]) -> Figure:
    """Learned rates on a logarithmic scale, a row a layer; a mark a model and set, the mean where a layer has several.

    A rate of 0 has no place on such a scale.
    """
    layers = in_network_order(rate.layer for rate in rates)
    groups = collections.OrderedDict()
    for rate in rates:
        groups.setdefault((rate.model, rate.rate_set), collections.defaultdict(list))[rate.layer].append(rate.rate)
    is_one_set = len({rate_set for _, rate_set in groups}) == 1
    names = [plain(model) if is_one_set else "%s, set %d" % (plain(model), rate_set) for model, rate_set in groups]
    with rc_context(STYLE):
        left = 0.2 + LETTER * max(map(len, layers))
        figure, axes = new_figure(4.0, 1.4 + 0.24 * len(layers), names, left)
        shown_means = []
        for number, (name, by_layer) in enumerate(zip(names, groups.values())):
            means = [(row, np.mean(by_layer[layer])) for row, layer in enumerate(layers) if layer in by_layer]
            means = [(row, mean) for row, mean in means if mean > 0]
            shift = 0.5 * (number - (len(groups) - 1) / 2.0) / len(groups)
            axes.plot(
                [mean for _, mean in means], [row + shift for row, _ in means], linestyle="none", markersize=5,
                label=name,
                color=COLOURS[number % len(COLOURS)], marker=MARKERS[number % len(MARKERS)],
            )
            shown_means += [mean for _, mean in means]
        _scale_of_rates(axes, shown_means)
        axes.set_yticks(range(len(layers)))
        axes.set_yticklabels(layers)
        axes.set_ylim(len(layers) - 0.5, -0.5)
        axes.set(title="learned rates", xlabel="rate")
        axes.grid(axis="both", alpha=0.3)
        legend_below(axes, left)
        return laid_out(figure)


def _scale_of_rates(axes, rates):
    """A logarithmic scale whose ends are ticks: 1, 2 and 5 of each power of ten, or powers alone where many are."""
    axes.set_xscale("log")
    if not rates:
        return
    steps = (1, 2, 5) if max(rates) < 100 * min(rates) else (1,)
    powers = range(math.floor(math.log10(min(rates))) - 1, math.ceil(math.log10(max(rates))) + 2)
    ticks = [step * 10.0**power for power in powers for step in steps]
    low = max(tick for tick in ticks if tick <= min(rates) * (1 + 1e-6))
    high = min(tick for tick in ticks if tick >= max(rates) * (1 - 1e-6) and tick > low)
    axes.set_xlim(low / 1.1, high * 1.1)
    axes.xaxis.set_major_locator(LogLocator(subs=steps, numticks=20))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: "%g" % rate))
    axes.xaxis.set_minor_formatter(NullFormatter())


def legend_below(axes, left=LEFT):
    """A legend half an inch below the axes, where neither marks nor the page's edge are in its way.

    Args:
      left: of `new_figure`.
    """
    names, figure = axes.get_legend_handles_labels()[1], axes.figure
    below = axes.transAxes + ScaledTranslation(0, -0.5, figure.dpi_scale_trans)
    axes.legend(
        fontsize=7, frameon=False, loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=below, borderaxespad=0,
        ncol=_legend_columns(names, figure.get_size_inches()[0] - left),
    )


def _legend_columns(names, width):
    """How many columns of a legend's names fit beside each other, inches."""
    longest = max([len(plain(name)) for name in names], default=0)
    return int(min(max(width / (0.42 + 0.05 * longest), 1), LEGEND_COLUMNS))


def _ticks(axes, columns, rows, size=9):
    columns, rows = (list(map(plain, names)) for names in (columns, rows))
    axes.set_xticks(range(len(columns)))
    axes.set_xticklabels(columns, rotation=45, ha="right", rotation_mode="anchor", fontsize=size)
    axes.set_yticks(range(len(rows)))
    axes.set_yticklabels(rows, fontsize=size)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def _readable_on(image, value):
    """Black or white, whichever stands out on the colour of a value."""
    red, green, blue = to_rgb(image.cmap(image.norm(value)))
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
