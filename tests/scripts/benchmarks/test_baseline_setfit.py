"""scripts/benchmarks/baseline_setfit.py: which runs are made, and which are there; SetFit itself stays out."""
import json
import os
import types

import baseline_setfit
import pytest

from runtime.errors import UserError


@pytest.fixture(name="options")
def fixture_options(tmp_path):
    """Options of two splits of a task whose files are there."""
    folder = tmp_path / "data" / "json" / "airline"
    folder.mkdir(parents=True)
    for name in ("eval", "train_0_4", "train_1_4"):
        (folder / ("airline_%s.json" % name)).write_text(name)
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "weights").write_text("1")
    return types.SimpleNamespace(
        leopard_dir=str(tmp_path), encoder=str(tmp_path / "encoder"), output_dir=str(tmp_path / "out"),
        tasks="airline", k=4, splits="0,1", seed=0, overwrite=False)


@pytest.fixture(name="made", autouse=True)
def fixture_made(monkeypatch):
    """Splits that are run, in the place of running them; leaves what a run does."""
    made = []

    def run_one(options, task, split, encoder):
        made.append(split)
        path = baseline_setfit.results_file(options, task, split)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        baseline_setfit.write_json(path, baseline_setfit.made_from(options, task, split, encoder))

    monkeypatch.setattr(baseline_setfit, "run_one", run_one)
    return made


def test_runs_that_are_there_are_not_made_again(options, made):
    options.splits = "1"
    baseline_setfit.run(options)
    options.splits = "0,1"
    baseline_setfit.run(options)
    baseline_setfit.run(options)
    assert made == [1, 0]


@pytest.mark.parametrize("change, word", [
    (lambda options: setattr(options, "seed", 1), "seed"),
    (lambda options: change_file(options.encoder, "weights"), "encoder"),
    (lambda options: change_file(options.leopard_dir, "data/json/airline/airline_train_1_4.json"), "train data"),
    (lambda options: change_file(options.leopard_dir, "data/json/airline/airline_eval.json"), "eval data"),
])
def test_runs_made_from_something_else_are_refused_or_made_again(options, made, change, word):
    options.splits = "1"
    baseline_setfit.run(options)
    change(options)
    options.splits = "0,1"
    with pytest.raises(UserError, match="is of another %s: .* --output_dir, or give --overwrite" % word):
        baseline_setfit.run(options)
    assert made == [1]  # the mistake is found before anything is run
    options.overwrite = True
    baseline_setfit.run(options)
    baseline_setfit.run(options)
    assert made == [1, 0, 1]


def change_file(*parts):
    with open(os.path.join(*parts), "a") as file:
        file.write("more")


def test_results_that_do_not_tell_their_encoder_are_refused(options):
    baseline_setfit.run(options)
    path = os.path.join(options.output_dir, "setfit", "airline", "4", "0", "results.json")
    with open(path) as file:
        values = json.load(file)
    del values["config"]["encoder"]
    baseline_setfit.write_json(path, values)
    with pytest.raises(UserError, match="another encoder"):
        baseline_setfit.run(options)


def test_the_encoder_is_a_folder(options):
    options.encoder += "/none"
    with pytest.raises(UserError, match="--encoder: .* is not a directory"):
        baseline_setfit.run(options)
