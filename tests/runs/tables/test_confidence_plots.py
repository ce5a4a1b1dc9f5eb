"""Plots of calibration: what the lines go through."""
import pytest

pytest.importorskip("pandas")
pytest.importorskip("matplotlib")

from runs.tables import confidence_plots  # noqa: E402
from runs.tables.runs import Run  # noqa: E402


def run(model, rows, k=4, bins=((0.5, 0.6, 0.5), (0.9, 0.95, 1.0)), decided=((0.5, 1.0, 0.7), (0.9, 0.4, 1.0))):
    """A run, half of whose rows are in each bin."""
    return Run(
        model, "task", k, 0, "path", 0.7, 0.7, 1.0, rows, ("a", "b"), ((1, 0), (0, 1)),
        tuple({"from": low, "rows": rows // 2, "confidence": c, "accuracy": a} for low, c, a in bins),
        tuple({"min_confidence": least, "decided": share, "accuracy": a} for least, share, a in decided),
    )


def lines(figure):
    (axes,) = figure.axes
    return {line.get_label(): [list(map(float, data)) for data in line.get_data()] for line in axes.lines
            if not line.get_label().startswith("_")}


def test_bins_of_several_runs_are_joined_by_their_rows():
    other = run("a", 30, bins=((0.5, 0.5, 0.9),))  # 15 rows
    found = lines(confidence_plots.reliability([run("a", 10), other, run("b", 10, k=8)], ["a", "b"], 4))
    assert found["a"][0] == pytest.approx([100 * (5 * 0.6 + 15 * 0.5) / 20, 95.0])
    assert found["a"][1] == pytest.approx([100 * (5 * 0.5 + 15 * 0.9) / 20, 100.0])
    assert list(found) == ["a"]  # of another there is nothing at this k


def test_what_is_decided():
    empty = run("a", 10, decided=((0.5, 0.5, 0.8), (0.9, 0.0, None)))
    found = lines(confidence_plots.coverage([run("a", 10), empty], ["a"], 4))
    assert found["a"][0] == pytest.approx([100.0, 75.0, 20.0])  # all, 0.5, 0.9
    assert found["a"][1] == pytest.approx([70.0, 100 * (10 * 0.7 + 5 * 0.8) / 15, 100.0])


def test_runs_of_earlier_versions_tell_nothing():
    assert not confidence_plots.has_any([run("a", 10, bins=())], 4)
    assert not confidence_plots.has_any([run("a", 10)], 8)
    assert confidence_plots.has_any([run("a", 10, bins=()), run("b", 10)], 4)
