"""Plots: what the figures show, not how they look."""
import numpy as np
import pytest

pytest.importorskip("pandas")
pytest.importorskip("matplotlib")

from result_files import put_sweep  # noqa: E402

from runs.tables import plots  # noqa: E402
from runs.tables.layout import Results  # noqa: E402
from runs.tables.rates import Rate  # noqa: E402
from runs.tables.report import LEAST  # noqa: E402
from runs.tables.runs import read_runs  # noqa: E402

SWEEP = {
    ("a", "airline", 4): [60, 70], ("a", "airline", 8): [75], ("a", "conll", 4): [30, 40],
    ("b", "airline", 4): [50, 80],
}


@pytest.fixture(name="results")
def fixture_results(tmp_path):
    put_sweep(tmp_path, SWEEP)
    return Results(read_runs(str(tmp_path))[0])


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_accuracy_against_k(results):
    (axes,) = plots.accuracy_by_shots(results, "airline").axes
    lines, (_, bars), _ = zip(*[(each.lines[0], each.lines[1], each.lines[2]) for each in axes.containers])
    assert [line.get_ydata().tolist() for line in lines] == [pytest.approx([65.0, 75.0]), pytest.approx([65.0])]
    (segment,) = axes.containers[1].lines[2][0].get_segments()  # one standard deviation to each side
    assert segment[:, 1].tolist() == pytest.approx([65 - 21.2132, 65 + 21.2132], abs=1e-3) and bars is not None
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["4", "8"]


def test_differences_of_the_first_model(results):
    (axes,) = plots.differences(results, 4).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == results.tasks
    others = results.models[1:]
    assert axes.get_legend_handles_labels()[1] == others
    for container, other in zip(axes.containers, others):
        found = [results.compare(results.models[0], other, 4, [task]) for task in results.tasks]
        means = [100 * compared.mean for compared in found if compared]
        assert list(container.lines[0].get_xdata()) == pytest.approx(means)


def test_heat_map(results):
    axes, bar = plots.heat_map(results, 4).axes
    np.testing.assert_allclose(axes.images[0].get_array().filled(-1), [[65.0, 65.0], [35.0, -1.0]])
    assert texts(axes) == ["65.0", "65.0", "35.0"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["airline", "conll"]
    assert axes.images[0].get_clim() == bar.get_ylim() == (30, 80)  # 75 at another k counts too
    (axes, _) = plots.heat_map(results, 8).axes
    assert axes.images[0].get_clim() == (30, 80)


def test_confusion_matrix():
    confusion = [[3, 1], [0, 0]]
    (axes,) = plots.confusion_matrix(confusion, ["yes", "no"], "split 0").axes
    assert axes.images[0].get_array().tolist() == [[0.75, 0.25], [0.0, 0.0]]  # a class without rows is no error
    assert texts(axes) == ["3", "1", "0", "0"]


def test_large_confusion_matrices_have_no_numbers():
    labels = ["label %d" % number for number in range(13)]
    (axes,) = plots.confusion_matrix(np.eye(13, dtype=int), labels, "split 0").axes
    assert not axes.texts and len(axes.get_xticklabels()) == 13


def test_learned_rates():
    rates = [
        Rate("a", 0, "layer 0", "x", 1e-5), Rate("a", 0, "layer 1", "x", 1e-4), Rate("a", 0, "output MLP", "x", 0.0),
        Rate("a", 1, "layer 0", "x", 2e-5), Rate("a", 1, "layer 0", "y", 4e-5),
    ]
    (axes,) = plots.learned_rates(rates).axes
    assert [line.get_label() for line in axes.lines] == ["a, set 0", "a, set 1"]
    assert {line.get_linestyle() for line in axes.lines} == {"None"}  # layers are no scale: nothing joins them
    first, second = [line.get_xdata() for line in axes.lines]
    assert list(first) == [1e-5, 1e-4] and list(second) == pytest.approx([3e-5])  # a rate of 0 is not drawn
    assert [label.get_text() for label in axes.get_yticklabels()] == ["layer 0", "layer 1", "output MLP"]
    assert axes.get_xscale() == "log"


@pytest.mark.parametrize("values, ticks", [
    ([0.15, 0.19], ["0.1", "0.2"]),
    ([0.18, 0.18], ["0.1", "0.2"]),
    ([0.2, 0.2], ["0.2", "0.5"]),
    ([0.18, 1.0], ["0.1", "0.2", "0.5", "1"]),
    ([1e-5, 2e-3], ["1e-05", "0.0001", "0.001", "0.01"]),
    ([0.0], None),
])
def test_ticks_of_rates_are_plain_numbers(values, ticks):
    (axes,) = plots.learned_rates([Rate("a", 0, "layer %d" % i, "x", value) for i, value in enumerate(values)]).axes
    assert plots.png(axes.figure)
    low, high = axes.get_xlim()
    if ticks:
        places = [place for place in axes.xaxis.get_majorticklocs() if low <= place <= high]
        assert axes.xaxis.get_major_formatter().format_ticks(places) == ticks
        assert set(axes.xaxis.get_minor_formatter().format_ticks(places)) == {""}


def test_files_are_the_same_each_time(results):
    first, second = [plots.png(plots.heat_map(results, 4)) for _ in range(2)]
    assert first == second and first.startswith(b"\x89PNG")
    first, second = [plots.svg(plots.heat_map(results, 4)) for _ in range(2)]
    assert first == second and first.startswith(b"<?xml") and b"<svg" in first


def test_figures_fit_a_telephone(results, tmp_path):
    """On the page an image shrinks to report.LEAST of its width: 400 pixels have room for those of some models."""
    cells = [("model %d" % number, "sentiment_electronics", k) for number in range(6) for k in (4, 8)]
    put_sweep(tmp_path / "six", {cell: [50, 60] for cell in cells})
    many = Results(read_runs(str(tmp_path / "six"))[0])
    rates = [Rate("a", 0, "layer %d" % layer, "x", 0.1) for layer in range(12)]
    task = many.tasks[0]
    figures = [plots.heat_map(many, 4), plots.differences(many, 4), plots.accuracy_by_shots(many, task)]
    assert max(LEAST * plots.width(each) for each in figures + [plots.learned_rates(rates)]) < 400


def test_numbers_stand_out_from_their_colour():
    (axes,) = plots.confusion_matrix([[9, 0], [0, 9]], ["yes", "no"], "").axes
    assert [text.get_color() for text in axes.texts] == ["white", "black", "black", "white"]


HOSTILE = [r"$\foo$", "$", r"\$x$ y", "_{^", "a" * 10000, "\x1b[31m\n", "<b>&", "größer"]


def test_labels_are_text_and_no_formulas():
    confusion = np.eye(len(HOSTILE), dtype=int)
    (axes,) = plots.confusion_matrix(confusion, HOSTILE, "split 0").axes
    assert plots.png(axes.figure).startswith(b"\x89PNG")
    shown = [label.get_text().replace(r"\$", "$") for label in axes.get_xticklabels()]
    assert shown[:4] == HOSTILE[:4] and shown[5:] == [r"\x1b[31m\n", "<b>&", "größer"]
    assert len(shown[4]) == plots.LONGEST_NAME
    assert axes.figure.get_size_inches().max() < 10


def test_names_of_models_and_tasks_are_text(tmp_path):
    put_sweep(tmp_path, {(r"$\foo$", "$x_{$", 4): [60, 70], (r"$\bar$", "$x_{$", 4): [50, 65]})
    results = Results(read_runs(str(tmp_path))[0])
    rates = [Rate(r"$\foo$", 0, "layer 0", "kernel", 0.1)]
    figures = [plots.accuracy_by_shots(results, "$x_{$"), plots.heat_map(results, 4), plots.differences(results, 4)]
    figures.append(plots.learned_rates(rates))
    assert all(plots.png(figure) for figure in figures)


@pytest.mark.parametrize("names", [
    ["a"], ["class_means", "logistic_regression", "minilm-smlmt"],
    ["multi_task_of_%d_with_softmax_warm_started" % number for number in (1, 2)],
])
def test_nothing_is_cut_at_the_edge_of_a_figure(names, tmp_path):
    means = {4: [0.6, 0.7125], 16: [0.751]}  # whose ticks are 60.0, 62.5, ...
    put_sweep(tmp_path, {(name, "sentiment_electronics", k): [100 * mean for mean in means[k]]
                         for name in names for k in means})
    found = Results(read_runs(str(tmp_path))[0])
    rates = [Rate(name, 0, "label embeddings", "x", 0.2) for name in names]
    figures = [plots.accuracy_by_shots(found, found.tasks[0]), plots.heat_map(found, 4), plots.learned_rates(rates)]
    for figure in figures + ([plots.differences(found, 4)] if len(names) > 1 else []):
        assert plots.png(figure)
        (left, bottom), (right, top) = figure.get_tightbbox(figure.canvas.get_renderer()).get_points()
        width, height = figure.get_size_inches()
        edge = 0.02
        title = figure.axes[0].get_title()
        assert left > -edge and bottom > -edge and right < width + edge and top < height + edge, title
