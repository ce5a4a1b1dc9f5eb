"""From a folder of runs to a folder of tables, plots and a report."""
import csv
import os
import re

import pytest

pytest.importorskip("pandas")
pytest.importorskip("matplotlib")

from result_files import content, put, put_sweep  # noqa: E402

from runs.tables import document  # noqa: E402
from runtime.errors import UserError  # noqa: E402

SWEEP = {("a", "airline", 4): [60, 70], ("b", "airline", 4): [50, 80], ("a", "my task", 4): [30]}
FILES = [".made.json", "comparisons.csv", "differences.csv", "plots", "rates.csv", "report.html", "runs.csv",
         "summaries.csv", "tables.md", "tables.tex"]


@pytest.fixture(name="sweep")
def fixture_sweep(tmp_path):
    put_sweep(tmp_path / "sweep", SWEEP)
    return str(tmp_path / "sweep")


def make(sweep, tmp_path, **options):
    target = tmp_path / "out"
    line = document.make(sweep, str(target), resamples=100, **options)
    return target, line


def contents(folder):
    return {os.path.join(root, name): open(os.path.join(root, name), "rb").read()
            for root, _, names in os.walk(str(folder)) for name in names}


def rows(path):
    with open(str(path), newline="") as file:
        return list(csv.DictReader(file))


def test_all_files(sweep, tmp_path):
    target, line = make(sweep, tmp_path)
    assert sorted(os.listdir(str(target))) == FILES
    assert line == "%s: 5 runs of 2 models and 2 tasks" % (target / "report.html")
    assert sorted(os.listdir(str(target / "plots"))) == [
        name + kind for name in (
            "accuracy_airline", "accuracy_my_task", "confusion_a_airline_k4", "confusion_a_my_task_k4",
            "confusion_b_airline_k4", "differences_k4", "heat_k4",
        ) for kind in (".png", ".svg")
    ]
    assert [row["accuracy"] for row in rows(target / "runs.csv")] == ["0.6", "0.7", "0.3", "0.5", "0.8"]
    assert rows(target / "summaries.csv")[0]["mean"] == "0.65" and len(rows(target / "differences.csv")) == 2
    assert rows(target / "rates.csv") == []
    page = (target / "report.html").read_text(encoding="utf-8")
    assert page.count("<img") == 7 and "65.0 ± 7.1" in page and "Models in pairs" in page
    assert "65.0 ± 7.1" in (target / "tables.md").read_text(encoding="utf-8")
    assert (target / "tables.tex").read_text(encoding="utf-8").count("\\begin{table}") == 3


def test_matrices_of_many_classes_are_not_drawn(tmp_path):
    labels = ["class %d" % number for number in range(1000)]
    put(tmp_path / "in", "=1+1/airline/4/0", content(labels=labels))
    target, _ = make(tmp_path / "in", tmp_path)
    assert not [name for name in os.listdir(str(target / "plots")) if name.startswith("confusion")]
    assert "more than 60 classes are not drawn (airline)" in (target / "report.html").read_text(encoding="utf-8")
    assert rows(target / "runs.csv")[0]["model"] == "'=1+1"  # no spreadsheet computes it


def test_groups_of_tasks(sweep, tmp_path):
    target, _ = make(sweep, tmp_path, groups={"air": ["airline"]})
    assert "### a against the others, k=4" in (target / "tables.md").read_text(encoding="utf-8")
    make(sweep, tmp_path)
    assert "against the others" not in (target / "tables.md").read_text(encoding="utf-8")


def test_the_same_runs_give_the_same_files(sweep, tmp_path):
    target, _ = make(sweep, tmp_path)
    before = contents(target)
    make(sweep, tmp_path)
    assert contents(target) == before


def test_files_of_a_user_in_the_way_stay(sweep, tmp_path):
    (tmp_path / "out" / "plots").mkdir(parents=True)
    (tmp_path / "out" / "plots" / "heat_k4.png").write_text("mine")
    with pytest.raises(UserError, match="heat_k4.png is there, and not of this program"):
        make(sweep, tmp_path, confusion="none")
    (tmp_path / "out" / "plots" / "heat_k4.png").rename(tmp_path / "out" / "report.html")
    with pytest.raises(UserError, match="report.html is there, and not of this program"):
        make(sweep, tmp_path, confusion="none")
    assert sorted(os.listdir(str(tmp_path / "out"))) == ["plots", "report.html"]
    assert (tmp_path / "out" / "report.html").read_text() == "mine"


@pytest.mark.parametrize("version", ["this", "earlier"])
def test_what_was_there_goes_or_stays(sweep, tmp_path, version):
    target, _ = make(sweep, tmp_path)
    if version == "earlier":
        (target / ".made.json").unlink()
    (target / "mine.txt").write_text("")
    (target / "plots" / "mine.png").write_text("")
    make(sweep, tmp_path, models=["a"], confusion="none")
    assert sorted(os.listdir(str(target))) == sorted(FILES + ["mine.txt"])
    assert sorted(os.listdir(str(target / "plots"))) == [
        "accuracy_airline.png", "accuracy_airline.svg", "accuracy_my_task.png", "accuracy_my_task.svg",
        "heat_k4.png", "heat_k4.svg", "mine.png",
    ]
    assert "Models in pairs" not in (target / "report.html").read_text(encoding="utf-8")


def test_confusion_matrices_of_every_run(sweep, tmp_path):
    target, _ = make(sweep, tmp_path, confusion="run")
    names = [name for name in os.listdir(str(target / "plots")) if re.match("confusion.*png", name)]
    assert sorted(names) == [
        "confusion_a_airline_k4_0.png", "confusion_a_airline_k4_1.png", "confusion_a_my_task_k4_0.png",
        "confusion_b_airline_k4_0.png", "confusion_b_airline_k4_1.png",
    ]
    assert "split 1: 70.0 %" in (target / "report.html").read_text(encoding="utf-8")


def test_learned_rates_and_failures_are_shown(sweep, tmp_path, monkeypatch):
    monkeypatch.setattr(document.rates, "used_rates", lambda *_: {"layer_0/sgd0/learning_rate": 0.1})
    config = {"finetuning": {"warm_start_model_dir": str(tmp_path)}}
    put(tmp_path / "sweep", "c/airline/4/0", content(config=config))
    put(tmp_path / "sweep", "c/airline/4/1", {"error": "no memory <left>"})
    target, line = make(sweep, tmp_path, confusion="none")
    assert line.endswith(", 1 failed") and os.path.exists(str(target / "plots" / "rates.png"))
    assert [row["rate"] for row in rows(target / "rates.csv")] == ["0.1"]
    page = (target / "report.html").read_text(encoding="utf-8")
    assert "no memory &lt;left&gt;" in page and "Learned rates" in page


def test_a_model_that_cannot_be_read_is_noted(sweep, tmp_path):
    (tmp_path / "model").mkdir()
    put(tmp_path / "sweep", "c/airline/4/0", content(config={"finetuning": {"warm_start_model_dir": str(
        tmp_path / "model")}}))
    target, _ = make(sweep, tmp_path, confusion="none")
    page = (target / "report.html").read_text(encoding="utf-8")
    assert "The rates of c are left out." in page and rows(target / "rates.csv") == []


def test_both_intervals_and_their_notes_stand_everywhere(sweep, tmp_path):
    put_sweep(tmp_path / "sweep", {("b", "my task", 4): [20]})
    put_sweep(tmp_path / "sweep", {(model, "conll", 4): [30, 40] for model in "ab"})
    put_sweep(tmp_path / "sweep", {(model, "my task", 4): [30, 50] for model in "ab"})
    target, _ = make(sweep, tmp_path, confusion="none")
    for name in ("tables.md", "tables.tex", "report.html"):
        text = (target / name).read_text(encoding="utf-8")
        for words in ("over splits of these tasks", "over tasks", "n=6, over tasks", "which they are not"):
            assert text.count(words) >= 1, (name, words)
        assert text.count("Neither speaks for other evaluation rows") == 1, name
    (row,) = rows(target / "comparisons.csv")
    assert float(row["splits_low"]) < float(row["splits_high"]) and float(row["tasks_low"]) < float(row["tasks_high"])


def test_different_evaluation_sets_are_pointed_out(sweep, tmp_path):
    put(tmp_path / "sweep", "b/airline/4/2", content(rows=90))
    target, _ = make(sweep, tmp_path, confusion="none")
    assert "same number of evaluation rows in airline." in (target / "report.html").read_text(encoding="utf-8")


def test_mistakes(sweep, tmp_path):
    with pytest.raises(UserError, match="no runs of c; there are a, b"):
        make(sweep, tmp_path, models=["a", "c"])
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match="--output_dir: .*/out is no folder"):
        make(sweep, tmp_path, confusion="none")
