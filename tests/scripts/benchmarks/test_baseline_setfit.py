"""scripts/benchmarks/baseline_setfit.py: which runs are made; SetFit itself stays out."""
import json
import os
import types

import baseline_setfit
import matched_results
import matched_sets
import numpy as np
import pytest

from runtime.errors import UserError


@pytest.fixture(name="options")
def fixture_options(tmp_path):
    """Options of two splits of a set whose rows are stored."""
    store = matched_sets.RowStore(str(tmp_path / "out"))
    os.makedirs(store.folder("mine"))
    splits = [matched_sets.StoredSplit("mine", 4, split) for split in (0, 1)]
    for path in [store.eval_file("mine")] + [store.train_file(split) for split in splits]:
        with open(path, "w") as file:
            json.dump([{"sentence1": "text", "label": "a"}], file)
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "weights").write_text("1")
    return types.SimpleNamespace(
        encoder=str(tmp_path / "encoder"), output_dir=str(tmp_path / "out"), sets="mine", ks="4,8", splits=2, seed=0,
        overwrite=False,
    )


@pytest.fixture(name="made", autouse=True)
def fixture_made(monkeypatch):
    """Splits that are run, in the place of running them; leaves what a run does."""
    made = []

    def run_one(options, store, run, results):
        made.append(run.split)
        scores = matched_results.scores_of(np.array([[1.0]]), [0])
        results.write(run, scores, ["a"], {"train": 1.0, "eval": 1.0})

    monkeypatch.setattr(baseline_setfit, "run_one", run_one)
    return made


def test_runs_that_are_there_are_not_made_again(options, made):
    options.splits = 1
    baseline_setfit.run(options)
    options.splits = 2
    baseline_setfit.run(options)
    baseline_setfit.run(options)
    assert made == [0, 1]


def test_runs_of_another_encoder_or_seed_are_refused(options, made):
    baseline_setfit.run(options)
    with open(os.path.join(options.encoder, "weights"), "a") as file:
        file.write("more")
    options.seed = 1
    with pytest.raises(UserError, match="is of another seed and encoder|is of another encoder and seed"):
        baseline_setfit.run(options)
    assert made == [0, 1]


def test_the_encoder_is_a_folder(options):
    options.encoder += "/none"
    with pytest.raises(UserError, match="--encoder: .* is not a directory"):
        baseline_setfit.run(options)


def test_rows_that_are_not_stored(options):
    options.sets = "yours"
    with pytest.raises(UserError, match="has no rows of such runs: matched_shots.py stores them"):
        baseline_setfit.run(options)
