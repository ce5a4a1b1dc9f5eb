"""What a fine-tuning run refuses and says before it begins, and what it writes. Whole runs: tests/main."""
import dataclasses
import json
import os

import numpy as np
import pytest
import tiny
from absl import logging

from data.records import Examples
from learner import configs
from runs import finetuning, identity, task_data
from runs.scores import Scores
from runtime.errors import UserError


@pytest.fixture(name="settings")
def fixture_settings(tmp_path):
    return tiny.run_settings(tmp_path, output_dir=str(tmp_path / "out"))


def test_the_training_file_names_the_labels_of_both(settings, tmp_path):
    (tmp_path / "train.csv").write_text("text,label\ngood,up\nbad,down\nfine,flat\n")
    (tmp_path / "eval.csv").write_text("text,label\nfine,up\n")
    (tmp_path / "vocab.txt").write_text("\n".join(tiny.WORDS) + "\n")
    settings = dataclasses.replace(settings, labels=None, vocab_file=str(tmp_path / "vocab.txt"))
    rows = finetuning.read_task(settings, finetuning.reader_of(settings))
    assert list(rows.train.labels) == list(rows.evaluation.labels) == ["down", "flat", "up"]
    assert rows.evaluation.examples.label_ids.tolist() == [2]
    alone = dataclasses.replace(settings, eval_file=None)
    assert finetuning.read_task(alone, finetuning.reader_of(alone)).evaluation is None


def test_one_label_alone_is_nothing_to_learn(settings, tmp_path):
    (tmp_path / "train.csv").write_text("text,label\ngood,up\nbad,up\n")
    (tmp_path / "vocab.txt").write_text("\n".join(tiny.WORDS) + "\n")
    settings = dataclasses.replace(settings, labels=None, vocab_file=str(tmp_path / "vocab.txt"))
    with pytest.raises(UserError, match="train.csv: has the label 'up' alone; .* two labels"):
        finetuning.read_task(settings, finetuning.reader_of(settings))


@pytest.mark.parametrize("classifier, sizes, warned", [
    (tiny.LEARNER, (4, 8), True), (tiny.LEARNER, (8, 8), False), (configs.SoftmaxConfig(), (4, 8), False),
])
def test_batches_of_two_sizes_are_told(classifier, sizes, warned, settings, monkeypatch):
    told = []
    monkeypatch.setattr(logging, "warning", lambda *words: told.append(words[0] % words[1:]))
    run = configs.FinetuneConfig(train_batch_size=sizes[0], eval_batch_size=sizes[1])
    finetuning.warn_of_schedule(dataclasses.replace(settings, classifier=classifier, finetuning=run), 8)
    assert [line[:50] for line in told] == ["--train_batch_size=4 and --eval_batch_size=8 diffe"] * warned


@pytest.mark.parametrize("epochs, told", [
    (3.0, []), (2.5, ["--num_train_epochs=2.5: fine-tuning runs whole epochs, as published: 2."]),
    (0.5, ["--num_train_epochs=0.5: fine-tuning runs whole epochs, as published: 0, which trains nothing."]),
])
def test_epochs_that_are_not_whole_are_told(epochs, told, settings, monkeypatch):
    found = []
    monkeypatch.setattr(logging, "warning", lambda *words: found.append(words[0] % words[1:]))
    run = configs.FinetuneConfig(train_batch_size=8, num_train_epochs=epochs)
    finetuning.warn_of_schedule(dataclasses.replace(settings, finetuning=run), 8)
    assert found == told


@pytest.mark.parametrize("rows, warned", [(7, True), (8, False)])
def test_a_batch_of_more_rows_than_all_epochs_is_told(rows, warned, settings, monkeypatch):
    found = []
    monkeypatch.setattr(logging, "warning", lambda *words: found.append(words[0] % words[1:]))
    run = configs.FinetuneConfig(train_batch_size=16, eval_batch_size=16, num_train_epochs=2.0)
    finetuning.warn_of_schedule(dataclasses.replace(settings, finetuning=run), rows)
    told = "--eval_batch_size=16 is more than the rows of all epochs (7 rows, --num_train_epochs=2): all rates"
    assert [line[: len(told)] for line in found] == [told] * warned


def identified(settings):
    return identity.identify(settings, settings.labels, {})


@pytest.mark.parametrize("content", ['{"run_id": "other"}', "{}", "[]", "{", None])
def test_the_model_of_another_run_stays(content, settings, tmp_path):
    (tmp_path / "out" / "model").mkdir(parents=True)
    if content is not None:
        (tmp_path / "out" / "model" / "model.json").write_text(content)
    with pytest.raises(UserError, match="--overwrite"):
        finetuning.refuse_other_model(identified(settings))
    finetuning.refuse_other_model(identified(dataclasses.replace(settings, overwrite=True)))


def test_the_model_of_the_same_run_is_made_again(settings, tmp_path):
    run_identity = identified(settings)
    finetuning.refuse_other_model(run_identity)  # nothing is there yet
    (tmp_path / "out" / "model").mkdir(parents=True)
    (tmp_path / "out" / "model" / "model.json").write_text(json.dumps({"run_id": run_identity.run_id}))
    finetuning.refuse_other_model(run_identity)


def test_a_file_in_the_place_of_the_model(settings, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "model").write_text("mine")
    with pytest.raises(UserError, match="is no folder"):
        finetuning.refuse_other_model(identified(dataclasses.replace(settings, overwrite=True)))


def test_weights_that_would_go_with_the_earlier_model(settings, tmp_path):
    inside, outside = (
        {"warm_start_model_dir": str(tmp_path / "out" / place / "variables.index")} for place in ("model", "x")
    )
    finetuning.refuse_lost_start(settings, inside)  # the new model takes the place when all is read
    settings = dataclasses.replace(settings, keep_model=False)
    finetuning.refuse_lost_start(settings, outside)
    with pytest.raises(UserError, match="--keep_model=false would remove .*--warm_start_model_dir"):
        finetuning.refuse_lost_start(settings, inside)


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("is_evaluated", [True, False])
def test_predictions_are_written_where_there_are_some_and_are_wanted(wanted, is_evaluated, tmp_path):
    ids = np.zeros([2, 3], np.int32)
    rows = task_data.Rows(Examples(ids, ids, ids, np.array([0, 1], np.int32)), ("up", "down"), [("a", None)] * 2)
    scores = Scores(np.array([[1.0, 0.0], [2.0, 0.0]]), rows.examples.label_ids)
    result = finetuning.Result({"run_id": "x"}, scores if is_evaluated else None, rows if is_evaluated else None)
    finetuning.write(str(tmp_path), result, predictions=wanted)
    assert json.loads((tmp_path / "results.json").read_text()) == {"run_id": "x"}
    assert os.path.exists(str(tmp_path / "predictions.tsv")) == (wanted and is_evaluated)
