"""Results of other methods: which are there, of what, and that tables read them."""
import json
import os

import matched_results
import matched_sets
import numpy as np
import pytest

from runs.tables.runs import read_runs
from runtime.errors import UserError

RUNS = [matched_sets.StoredSplit("mine", 4, split) for split in range(2)]
SECONDS = {"train": 1.0, "eval": 0.5}


@pytest.fixture(name="store")
def fixture_store(tmp_path):
    """A RowStore with rows of two runs."""
    store = matched_sets.RowStore(str(tmp_path))
    os.makedirs(store.folder("mine"))
    for path in [store.eval_file("mine")] + [store.train_file(run) for run in RUNS]:
        with open(path, "w") as file:
            json.dump([{"sentence1": path, "label": "a"}], file)
    return store


def make(store, runs, **changes):
    """Writes results of the runs that lack some; returns them."""
    given = dict(method="heads", config={"seed": 0}, overwrite=False)
    given.update(changes)
    results = matched_results.MethodResults(store, **given)
    lacking = results.lacking(runs)
    for run in lacking:
        results.write(run, matched_results.scores_of(np.array([[1.0, 0.0], [0.6, 0.4]]), [0, 1]), ["a", "b"], SECONDS)
    return lacking


def test_runs_that_are_there_are_not_made_again(store):
    assert make(store, RUNS[1:]) == RUNS[1:]
    assert make(store, RUNS) == RUNS[:1]
    assert make(store, RUNS) == []
    assert make(store, RUNS, method="other") == RUNS


def touch(path):
    with open(path, "a") as file:
        file.write(" ")


@pytest.mark.parametrize("change, word", [
    (lambda store: dict(config={"seed": 1}), "seed"),
    (lambda store: touch(store.train_file(RUNS[1])) or {}, "train data"),
    (lambda store: touch(store.eval_file("mine")) or {}, "eval data"),
    (lambda store: dict(config={"seed": 0, "encoder": "x"}), "encoder"),
])
def test_results_of_something_else_are_refused_or_made_again(store, change, word):
    make(store, RUNS[1:])
    changes = change(store)
    with pytest.raises(UserError, match="is of another %s: .* --output_dir, or give --overwrite" % word):
        make(store, RUNS, **changes)
    path = matched_results.MethodResults(store, "heads", {}).path(RUNS[0])
    assert not os.path.exists(path)  # the mistake is found before anything runs
    assert make(store, RUNS, overwrite=True, **changes) == RUNS
    assert make(store, RUNS, overwrite=True, **changes) == []


def test_tables_read_them(store, capsys):
    make(store, RUNS)
    runs, failures = read_runs(os.path.join(store.output_dir, "runs"))
    assert not failures and [(run.model, run.task, run.k, run.split) for run in runs] == [
        ("heads", "mine", 4, 0), ("heads", "mine", 4, 1),
    ]
    assert runs[0].accuracy == 0.5 and runs[0].labels == ("a", "b") and runs[0].confusion == ((1, 0), (1, 0))
    assert np.isfinite(runs[0].loss)  # though a probability is 0
    assert capsys.readouterr().out.splitlines()[0] == "heads mine k=4 split 0: accuracy 0.500, 1.5 s"
