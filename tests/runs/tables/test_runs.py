"""Finding and reading results files."""
import pytest
from result_files import LABELS, content, put, put_sweep

from runs.tables.runs import read_runs, task_order
from runtime.errors import UserError


def failure(folder):
    with pytest.raises(UserError) as caught:
        read_runs(str(folder))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def identity(run):
    return run.model, run.task, run.k, run.split


@pytest.mark.parametrize("place, expected", [
    ("hybrid/airline/4/0", ("hybrid", "airline", 4, 0)),
    ("deep/below/my-model/conll/k16/split_9", ("my-model", "conll", 16, 9)),
    ("hybrid-smlmt/rating_books_3_8", ("hybrid-smlmt", "rating_books", 8, 3)),
])
def test_which_run_it_is_stands_in_the_path(tmp_path, place, expected):
    put(tmp_path, place, content())
    (run,), failures = read_runs(str(tmp_path))
    assert identity(run) == expected and not failures and run.path == place + "/results.json"


def test_keys_win_over_the_path(tmp_path):
    put(tmp_path, "a/airline/4/0", content(model="b", task="conll", k=8, split=7))
    put(tmp_path, "anything", content(model="c", task="conll", k=8, split=7))
    put(tmp_path, "d/airline/4/1", content(k=16))
    runs, _ = read_runs(str(tmp_path))
    assert [identity(run) for run in runs] == [("b", "conll", 8, 7), ("c", "conll", 8, 7), ("d", "airline", 16, 1)]


def test_the_folders_above_the_given_one_count(tmp_path):
    put(tmp_path, "a/airline/4/0", content())
    (run,), _ = read_runs(str(tmp_path / "a" / "airline" / "4" / "0"))
    assert identity(run) == ("a", "airline", 4, 0) and run.path == "results.json"


def test_what_is_read(tmp_path):
    config = {"labels": LABELS, "learner": {"use_exp_lr": True}, "finetuning": {"warm_start_model_dir": "model"}}
    put(tmp_path, "a/airline/4/0", content(correct=57, config=config))
    (run,), _ = read_runs(str(tmp_path))
    assert (run.accuracy, run.macro_f1, run.loss, run.rows) == (0.57, 0.5, 1.25, 100)
    assert run.labels == tuple(LABELS) and sum(run.confusion[i][i] for i in range(3)) == 57
    assert (run.warm_start_model_dir, run.learner) == ("model", {"use_exp_lr": True})


def test_order(tmp_path):
    put_sweep(tmp_path, {("b", "conll", 4): [1, 2], ("b", "airline", 16): [1], ("b", "airline", 4): [1],
                         ("a", "own", 4): [1], ("a", "scitail", 4): [1]})
    runs, _ = read_runs(str(tmp_path))
    assert [identity(run) for run in runs] == [
        ("a", "scitail", 4, 0), ("a", "own", 4, 0), ("b", "airline", 4, 0), ("b", "airline", 16, 0),
        ("b", "conll", 4, 0), ("b", "conll", 4, 1),
    ]
    assert sorted(["own", "conll", "airline"], key=task_order) == ["airline", "conll", "own"]


def test_runs_that_failed_are_told_apart(tmp_path):
    put(tmp_path, "a/airline/4/0", content())
    put(tmp_path, "a/airline/4/1", {"error": "out of memory"})
    put(tmp_path, "a/airline/4/2", {})
    runs, failures = read_runs(str(tmp_path))
    assert len(runs) == 1
    assert failures == [("a/airline/4/1/results.json", "out of memory"),
                        ("a/airline/4/2/results.json", "the file has no metrics")]


def test_two_files_about_one_run(tmp_path):
    put(tmp_path, "a/airline/4/0", content())
    put(tmp_path, "a/airline_0_4", content())
    message = failure(tmp_path)
    assert "a/airline/4/0" in message and "a/airline_0_4" in message


@pytest.mark.parametrize("place, values, words", [
    ("run", content(), "tell the model, task, k, split"),
    ("run", content(model="a", task="airline"), "tell the k, split"),
    ("a/airline/4/0", [], "no JSON object"),
    ("a/airline/4/0", {"metrics": {"accuracy": 1.0}}, "no results file of a fine-tuning run"),
    ("a/airline/4/0", content(k="four"), "no results file"),
])
def test_files_that_cannot_be_used(tmp_path, place, values, words):
    put(tmp_path, place, values)
    assert words in failure(tmp_path) and place in failure(tmp_path)


def test_damaged_and_missing_files(tmp_path):
    assert "no run with results" in failure(tmp_path)
    assert "is not a directory" in failure(tmp_path / "nowhere")
    put(tmp_path, "a/airline/4/0", content())
    (tmp_path / "a" / "airline" / "4" / "0" / "results.json").write_text("{")
    assert "a/airline/4/0/results.json cannot be read" in failure(tmp_path)


def test_runs_of_own_files_are_left_out_with_a_line(tmp_path, capsys):
    own = dict(content(), data={"train": {"path": "my/reviews.csv"}}, task=None)
    put(tmp_path, "reviews", own)
    put(tmp_path, "hybrid/airline/4/0", content())
    (run,), failures = read_runs(str(tmp_path))
    assert identity(run) == ("hybrid", "airline", 4, 0) and not failures
    assert capsys.readouterr().out == "reviews/results.json: of own files (my/reviews.csv), not of a task: left out.\n"
    put(tmp_path, "public", dict(own, data={"train": {"path": "airline_train_0_4.json"}}))
    assert "neither its keys nor its path tell the model, task" in failure(tmp_path)
