"""What stands in the tables."""
import dataclasses
import math

import pytest

pytest.importorskip("pandas")

from result_files import content, put, put_sweep  # noqa: E402

from data.tasks import TASKS  # noqa: E402
from runs.tables import (
    layout,  # noqa: E402
    published,  # noqa: E402
)
from runs.tables.layout import Results  # noqa: E402
from runs.tables.runs import read_runs  # noqa: E402

SWEEP = {
    ("a", "airline", 4): [60, 70], ("a", "conll", 4): [30, 40], ("a", "scitail", 4): [90, 90],
    ("a", "airline", 8): [75], ("b", "airline", 4): [50, 80], ("b", "conll", 4): [20, 30],
}


def results_of(folder, sweep, *models, **options):
    put_sweep(folder, sweep)
    return Results(read_runs(str(folder))[0], models, **options)


@pytest.fixture(name="results")
def fixture_results(tmp_path):
    return results_of(tmp_path, SWEEP)


def texts(table):
    return [[cell.text for cell in row] for row in table.rows]


def test_accuracy_table(results):
    table = layout.accuracy_table(results, 4)
    assert table.title == "Accuracy, %, k=4" and table.header == ["task", "a", "b"]
    assert texts(table) == [
        ["airline", "65.0 ± 7.1", "65.0 ± 21.2"],
        ["conll", "35.0 ± 7.1", "25.0 ± 7.1"],
        ["scitail", "90.0 ± 0.0", "–"],
        ["macro average", "50.0 ± 7.1", "45.0 ± 14.1"],
    ]
    assert table.notes == ["macro average over the 2 tasks that all models have: airline, conll"]
    assert table.rows[0][1].detail == "[60.0, 70.0] n=2" and table.rows[2][2].detail == ""


def test_the_best_of_a_row_is_marked(results):
    table = layout.accuracy_table(results, 4)
    assert [[cell.best for cell in row[1:]] for row in table.rows] == [
        [True, True], [True, False], [False, False], [True, False]]


def test_one_run_and_one_task(results):
    table = layout.accuracy_table(results, 8)
    assert texts(table) == [["airline", "75.0", "–"]] and table.rows[0][1].detail == "n=1" and not table.notes


def test_models_can_be_chosen_and_ordered(tmp_path):
    results = results_of(tmp_path, SWEEP, "b", "a")
    assert results.models == ["b", "a"] and layout.accuracy_table(results, 4).header == ["task", "b", "a"]
    results = Results(results.runs, ["b"])
    assert results.tasks == ["airline", "conll"] and results.shots == [4]


UNEQUAL = {
    ("a", "airline", 4): [60, 70, 80], ("a", "conll", 4): [30, 30, 90], ("b", "airline", 4): [66],
    ("b", "conll", 4): [40, 40, 0],
}


def test_models_with_different_splits_are_compared_over_common_ones(tmp_path):
    """Model a is done with airline, model b is at its first split."""
    results = results_of(tmp_path, UNEQUAL)
    assert results.common_splits(4) == {"airline": [0], "conll": [0, 1, 2]}
    table = layout.accuracy_table(results, 4)
    assert [[cell.best for cell in row[1:]] for row in table.rows] == [[False, False], [True, False], [True, False]]
    assert texts(table)[-1] == ["macro average", "55.0", "46.3"]  # a: (60 + 50) / 2
    assert table.notes == [
        "macro average over the 2 tasks that all models have; only over the splits that all models have",
        "no best is marked where models have different splits: airline",
    ]
    frame = layout.summaries_frame(results).set_index(["model", "task"])
    assert frame.loc[("a", "macro average"), "mean"] == pytest.approx(0.55)


def test_a_task_without_common_splits_is_not_in_the_macro_average(tmp_path):
    put_sweep(tmp_path, {("a", "airline", 4): [60], ("a", "conll", 4): [30]})
    put(tmp_path, "b/airline/4/0", content())
    put(tmp_path, "b/conll/4/1", content())
    results = Results(read_runs(str(tmp_path))[0])
    assert results.common_splits(4) == {"airline": [0]}
    assert len(layout.accuracy_table(results, 4).rows) == 2  # of one task there is no average


def test_macro_average_where_splits_differ(tmp_path):
    results = results_of(tmp_path, {("a", "airline", 4): [60, 70], ("a", "conll", 4): [30]})
    found = results.macro("a", 4)
    assert found.mean == pytest.approx((0.65 + 0.3) / 2) and found.runs == 1 and math.isnan(found.std)


def test_differences(results):
    table = layout.difference_table(results, 4)
    assert table.header == ["task", "a − b"]
    assert texts(table) == [["airline", "0.0 ± 14.1"], ["conll", "+10.0 ± 0.0"], ["all pairs", "+5.0 ± 10.0"]]
    assert [row[1].detail for row in table.rows] == [
        "[−10.0, +10.0] n=2", "[+10.0, +10.0] n=2", "[0.0, +10.0] n=4, over tasks [−5.0, +10.0]"]
    assert table.legend == [layout.INTERVALS]
    frame = layout.differences_frame(results)
    assert list(frame.task) == ["airline", "airline", "conll", "conll"]
    assert list(frame.difference) == pytest.approx([0.1, -0.1, 0.1, 0.1])


def test_one_mean_is_rounded_in_one_way():
    """Sums of other order differ far behind the point."""
    third = 0.6865 - 1e-15
    assert layout.percent(0.6865) == layout.percent(third) == layout.percent(0.6865 + 1e-15) == "68.7"
    assert [layout.percent(value) for value in (0.0005, 0.00049, 1, 0.25)] == ["0.1", "0.0", "100.0", "25.0"]
    assert layout.percent(0.51005, 2) == "51.01"


def test_models_in_pairs(results):
    """Over tasks, by hand: −10 has the probability (1/2)^2 (1/2)^4 < 2.5 %, −5 four times as much."""
    (row,) = layout.comparison_table(results, 4).rows
    assert [cell.text for cell in row] == [
        "a − b", "+5.0 ± 10.0", "[0.0, +10.0]", "[−5.0, +10.0]", "3 / 0 / 1", "1 of 2", "0.625"]
    assert row[1].detail == "n=4"
    assert not layout.comparison_table(results, 8).rows  # there is one model
    frame = layout.comparisons_frame(results)
    assert list(frame.pairs) == [4] and list(frame.p_value) == [0.625]
    assert list(frame.splits_low) == pytest.approx([0.0]) and list(frame.tasks_low) == pytest.approx([-0.05])


def test_groups_of_tasks(results):
    table = layout.group_table(results, 4, {"both": ["airline", "conll"], "one": ["conll"], "none": ["scitail"]})
    both, one = [[cell.text for cell in row] for row in table.rows]
    means = [100 * (results.summary(model, "airline", 4).mean + results.summary(model, "conll", 4).mean) / 2
             for model in "ab"]
    assert both == ["both", "b"] + ["%.1f" % mean for mean in means] + [
        "+5.0 ± 10.0", "[0.0, +10.0]", "[−5.0, +10.0]", "1 of 2"]
    assert one[:2] == ["one", "b"] and one[4:] == ["+10.0 ± 0.0", "[+10.0, +10.0]", "–", "1 of 1"]
    assert [row[4].detail for row in table.rows] == ["n=4", "n=2"]
    assert len(table.header) == len(both)


def test_models_in_pairs_on_one_task(tmp_path):
    table = layout.comparison_table(results_of(tmp_path, {("a", "airline", 4): [6, 7], ("b", "airline", 4): [5, 5]}), 4)
    assert [cell.text for cell in table.rows[0][2:4]] == ["[+1.0, +2.0]", "–"]
    assert table.header[2:4] == ["over splits of these tasks", "over tasks"]


def test_the_notes_say_what_intervals_and_p_speak_for(results):
    intervals, sign_test = layout.comparison_table(results, 4).legend
    assert "within each task" in intervals and "these tasks" in intervals and "other tasks" in intervals
    assert "as independent, which they are not" in sign_test


@pytest.mark.parametrize("value, text", [(math.nan, "–"), (0.0209, "0.021"), (0.0001, "< 0.001"), (1.0, "1.000")])
def test_p_values(value, text):
    assert layout.p_value(value) == text


def test_frames(results):
    runs = layout.runs_frame(results)
    assert len(runs) == 11 and list(runs.accuracy[:2]) == [0.6, 0.7]
    summaries = layout.summaries_frame(results).set_index(["model", "task", "k"])
    assert summaries.loc[("b", "macro average", 4), "mean"] == pytest.approx(0.45)
    assert summaries.loc[("a", "airline", 4), "runs"] == 2


@pytest.fixture(name="small")
def fixture_small(monkeypatch):
    """Evaluation sets of known size have 100 rows."""
    for name, task in TASKS.items():
        if task.eval_size:
            monkeypatch.setitem(TASKS, name, dataclasses.replace(task, eval_size=100))


def complete(k=4, without=None):
    """A sweep in which the twelve tasks of the published mean have ten splits each."""
    return {("ours", task, k): [50] * (9 if task == without else 10) for task in published.TASKS}


@pytest.mark.usefixtures("small")
def test_the_published_mean_stands_beside_complete_tasks_only(tmp_path):
    results = results_of(tmp_path, complete())
    table = layout.published_table(results)
    assert texts(table) == [["ours", "4", "50.00", "48.61", "+1.4"]]
    assert "2105.14099" in table.notes[0]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("task, stands", [("conll", False), ("emotion", True)])
def test_the_published_mean_stands_beside_whole_evaluation_sets_only(tmp_path, task, stands):
    """The size of emotion's is not known."""
    put_sweep(tmp_path, complete())
    put(tmp_path, "ours/%s/4/9" % task, content(rows=80))
    assert bool(layout.published_table(Results(read_runs(str(tmp_path))[0])).rows) == stands


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("sweep", [complete(without="conll"), complete(k=32), SWEEP])
def test_the_published_mean_stands_nowhere_else(tmp_path, sweep):
    assert not layout.published_table(results_of(tmp_path, sweep)).rows


def test_the_published_tasks_are_registered():
    assert len(published.TASKS) == 12 and set(published.TASKS) < set(TASKS)
    assert not [task for task in published.TASKS if task.startswith("sentiment") or task == "scitail"]
