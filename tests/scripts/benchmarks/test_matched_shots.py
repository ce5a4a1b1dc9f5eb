"""The benchmark at matched shots: which methods, what is made once, and that a model's runs are the public ones."""
import argparse
import dataclasses
import json
import os

import matched_results
import matched_sets
import matched_shots
import numpy as np
import pytest
import tiny

from command_line import public_task, recipes
from fetch import minilm as fetch_minilm
from runs import finetuning, sweep, sweep_keys
from runtime.errors import UserError

NAMES = ["mine"]


@pytest.fixture(name="encoder")
def fixture_encoder(tmp_path_factory, monkeypatch):
    """Folder of a tiny encoder in the place of the small one."""
    folder = tiny.write_encoder(tmp_path_factory.mktemp("encoder"))
    monkeypatch.setattr(fetch_minilm, "ensure_minilm", lambda: folder)
    return folder


@pytest.fixture(name="store")
def fixture_store(tmp_path):
    """The rows of a set of one's own: two splits of two rows a class, ten judged rows."""
    words = {"up": ["good", "fine", "fast", "green"], "down": ["bad", "slow", "red", "plot"]}
    rows = [
        {"text": "%s %s film" % (one, other), "label": label}
        for label, of_label in words.items() for one in of_label for other in of_label if one != other
    ]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)))
    store = matched_sets.RowStore(str(tmp_path / "out"))
    (source,) = matched_sets.sources(["mine=%s" % (tmp_path / "mine.jsonl")])
    matched_sets.store(source, store, [2], range(2), 10, "")
    return store


def options(**changes):
    given = dict(methods="", variants=[], setfit_python=None)
    given.update(changes)
    return argparse.Namespace(**given)


# --- methods ----------------------------------------------------------------------------------------------------------
def test_methods_and_variants():
    chosen = options(methods="minilm-heads,class_means", variants=["slow=minilm-smlmt,train_lr=0.1,seed=3"])
    variants, others = matched_shots.chosen_variants(chosen)
    assert list(variants.items()) == [
        ("minilm-heads", ("minilm-heads", [])), ("slow", ("minilm-smlmt", ["--train_lr=0.1", "--seed=3"])),
    ]
    assert others == ["class_means"]


def test_the_first_default_method_is_the_default_model_and_the_second_is_not_meta_trained():
    first, second = matched_shots.DEFAULT_METHODS.split(",")[:2]
    assert first == public_task.DEFAULT_MODELS["minilm"]
    assert recipes.MODELS[first].meta_trained and not recipes.MODELS[second].meta_trained
    assert recipes.MODELS[first].preset == recipes.MODELS[second].preset


@pytest.mark.parametrize("changes, words", [
    (dict(methods="class_mean"), "--methods: there is no class_mean; there are minilm-smlmt"),
    (dict(methods=","), "--methods names no method"),
    (dict(methods="setfit"), "--methods: setfit needs --setfit_python"),
    (dict(variants=["x=hybrid"]), "--variants=x=hybrid: NAME=MODEL,FLAG=VALUE"),
    (dict(variants=["x=minilm-heads,seed"]), "--variants=x=minilm-heads,seed: NAME=MODEL"),
])
def test_methods_that_make_no_sense(changes, words):
    with pytest.raises(UserError) as error:
        matched_shots.chosen_variants(options(**changes))
    assert str(error.value).startswith(words)


def test_groups_tell_sets_that_settings_were_chosen_by_apart():
    sources = matched_sets.sources(["airline,conll", "mine=a.csv", "spam=b.csv"])
    assert matched_shots.groups_of(sources, ["airline", "mine"]) == {
        "all sets": ["airline", "conll", "mine", "spam"], "all sets, not chosen by": ["conll", "spam"],
        "LEOPARD": ["airline", "conll"], "LEOPARD, not chosen by": ["conll"],
        "own files": ["mine", "spam"], "own files, not chosen by": ["spam"],
    }
    assert list(matched_shots.groups_of(sources[:2], [""])) == ["all sets"]


def test_a_set_that_settings_were_chosen_by_is_one_of_the_sets(tmp_path, capsys):
    """Else the tables would count it among those that nothing was chosen by."""
    out = tmp_path / "out"
    assert matched_shots.main(["--sets=mine=a.csv", "--chosen_by=mine,spam", "--output_dir=%s" % out]) == 2
    assert capsys.readouterr().err == "error: --chosen_by=spam: none of the --sets (mine).\n" and not out.exists()


# --- heads ------------------------------------------------------------------------------------------------------------
def test_rows_of_a_set_are_encoded_once_and_not_again(encoder, store, monkeypatch):
    runs, encoded = store.runs(NAMES, [2], range(2)), []
    features = matched_shots.FinalLayer.features

    def counted(self, texts):
        encoded.append(texts)
        return features(self, texts)

    monkeypatch.setattr(matched_shots.FinalLayer, "features", counted)
    for _ in range(2):
        matched_shots.run_heads(store, runs, list(matched_shots.HEADS), encoder, False)
    assert len(encoded) == 1
    found = encoded[0].tokens(argparse.Namespace(encode=lambda *given: given[0]), 12)
    assert len(found) == len(set(found))  # different texts only
    for method in matched_shots.HEADS:
        for run in runs:
            path = matched_results.MethodResults(store, method, {}).path(run)
            with open(path) as file:
                metrics = json.load(file)["metrics"]
            assert np.sum(metrics["confusion"]) == 10 and 0.0 <= metrics["accuracy"] <= 1.0


@pytest.mark.parametrize("head", sorted(matched_shots.HEADS))
def test_heads_give_probabilities(head):
    random = np.random.RandomState(0)
    labels = np.arange(30) % 3
    rows = np.eye(3, 5)[labels] + 0.1 * random.normal(size=[30, 5])
    found = matched_shots.HEADS[head](rows[:9], labels[:9], rows[9:])
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert (found.argmax(axis=1) == labels[9:]).all()


def test_all_tokens_count_alike():
    mask, segments = np.array([[1, 1, 1, 0], [1, 1, 1, 1]]), np.array([[0, 0, 0, 0], [0, 0, 1, 1]])
    np.testing.assert_allclose(matched_shots.all_tokens(mask, segments), [[1 / 3] * 3 + [0], [0.25] * 4])


# --- this repository's models -----------------------------------------------------------------------------------------
def test_runs_are_those_of_the_public_way(encoder, store, tmp_path):
    runs = store.runs(NAMES, [2], range(2))
    variants = {"heads": ("minilm-heads", ["--seed=1"])}
    assert not matched_shots.run_models(store, runs, variants, False)
    job = matched_shots.StoredJobs(store, variants).job(sweep_keys.Key("heads", "mine", 2, 1))
    with open(os.path.join(job.folder, "results.json")) as file:
        found = json.load(file)
    assert (found["model"], found["task"], found["k"], found["split"]) == ("heads", "mine", 2, 1)
    # As run_finetune.sh has it: the training file tells the labels.
    alone = finetuning.run(dataclasses.replace(job.settings, labels=None, output_dir=str(tmp_path / "alone")))
    assert alone.summary["run_id"] == found["run_id"]
    assert alone.summary["metrics"] == found["metrics"]


def test_runs_that_are_there_are_not_made_again(encoder, store, monkeypatch):
    runs, made = store.runs(NAMES, [2], range(2)), []
    run = sweep.Runner.run
    monkeypatch.setattr(sweep.Runner, "run", lambda self, job: made.append(job.key.split) or run(self, job))
    variants = {"heads": ("minilm-heads", [])}
    matched_shots.run_models(store, runs[1:], variants, False)
    matched_shots.run_models(store, runs, variants, False)
    assert made == [1, 0]
    with pytest.raises(UserError, match="--overwrite"):
        matched_shots.run_models(store, runs, {"heads": ("minilm-heads", ["--seed=1"])}, False)
    assert made == [1, 0]
