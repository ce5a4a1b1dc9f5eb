"""The output folder of a run: what is refused, kept and replaced in it."""
import json
import os
import shutil

import pytest
from few_shot_files import content, read_json, refused
from main_program import run

from runtime.compat import tf
from runtime.parts_saver import PartsSaver


@pytest.mark.parametrize("place", ["file", "file/below"])
@pytest.mark.parametrize("mode", ["eval", "predict"])
def test_output_dir_that_cannot_be_written(mode, place, files, from_text, tmp_path):
    (tmp_path / "file").write_text("mine")
    before = content(tmp_path)
    arguments = from_text[1]
    if mode == "predict":
        model = from_text[0] / "model"
        arguments = ["--do_predict", "--predict_file=%s" % (files / "eval.txt"), "--model_dir=%s" % model]
    refused(run("--output_dir=%s" % (tmp_path / place), *arguments), "--output_dir", str(tmp_path / place))
    assert content(tmp_path) == before


def test_model_of_another_run_is_kept_unless_overwritten(from_text, tmp_path):
    output, arguments, _ = from_text
    mine = tmp_path / "mine"
    shutil.copytree(str(output), str(mine))
    before = content(mine)
    other = arguments + ["--output_dir=%s" % mine, "--seed=1"]
    refused(run(*other), "--output_dir", str(mine), "another run", "--overwrite")
    assert content(mine) == before
    run_id = read_json(mine / "results.json")["run_id"]
    assert run(*(other + ["--overwrite"])).code == 0
    after = content(mine)
    assert set(after) == set(before)
    assert read_json(mine / "results.json")["run_id"] == read_json(mine / "model" / "model.json")["run_id"] != run_id


def test_the_start_of_a_run_is_not_removed(from_text, tmp_path):
    output, arguments, _ = from_text
    mine = tmp_path / "mine"
    shutil.copytree(str(output), str(mine))
    before = content(mine)
    more = ["--warm_start_model_dir=%s" % (mine / "model"), "--overwrite", "--keep_model=false"]
    refused(run("--output_dir=%s" % mine, *(arguments + more)), "--keep_model=false", "--warm_start_model_dir")
    assert content(mine) == before


@pytest.mark.parametrize("model_json", [None, "{", "[]"])
def test_unknown_model_folder_is_kept(model_json, from_text, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("mine")
    if model_json is not None:
        (tmp_path / "model" / "model.json").write_text(model_json)
    before = content(tmp_path)
    refused(run("--output_dir=%s" % tmp_path, *from_text[1]), "another run")
    assert content(tmp_path) == before


def test_file_in_the_place_of_the_model(from_text, tmp_path):
    (tmp_path / "model").write_text("mine")
    before = content(tmp_path)
    refused(run("--output_dir=%s" % tmp_path, "--overwrite", *from_text[1]), str(tmp_path / "model"), "no folder")
    assert content(tmp_path) == before


@pytest.mark.parametrize("name", ["results.json", "model", "predictions.tsv"])
@pytest.mark.parametrize("is_folder", [False, True])
def test_a_users_files_in_the_place_of_ours_are_one_line_and_stay(name, is_folder, from_text, tmp_path):
    mine = tmp_path / "out" / name / "years" if is_folder else tmp_path / "out" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("{}")
    refused(run("--output_dir=%s" % (tmp_path / "out"), *from_text[1]), "--output_dir", str(tmp_path / "out"))
    assert mine.read_text() == "{}" and os.listdir(str(tmp_path / "out")) == [name]


def test_a_users_files_beside_ours_stay(from_text, tmp_path):
    output = tmp_path / "out"
    shutil.copytree(str(from_text[0]), str(output))
    own = [output / name for name in ("notes", "model/notes", "model.old/years", ".unfinished-mine/years")]
    for path in own:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    assert run("--output_dir=%s" % output, "--keep_model=false", *from_text[1]).code == 0
    assert [path.read_text() for path in own] == ["mine"] * 4
    assert os.listdir(str(output / "model")) == ["notes"]


def test_checkpoint_that_cannot_be_written_is_one_line(from_text, tmp_path, monkeypatch):
    def full(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(PartsSaver, "save", full)
    refused(run("--output_dir=%s" % (tmp_path / "out"), *from_text[1]), "--output_dir", "No space left on device")
    assert content(tmp_path) == {}


def test_a_folder_in_the_place_of_the_vocabulary(files, from_records, tmp_path):
    """Records need none."""
    assert run("--output_dir=%s" % tmp_path, *(from_records[1] + ["--vocab_file=%s" % files])).code == 0


def test_meta_training_leaves_a_fine_tuned_model_alone(files, from_text, tmp_path):
    output, arguments, _ = from_text
    mine = tmp_path / "mine"
    shutil.copytree(str(output), str(mine))
    before = content(mine)
    more = ["--output_dir=%s" % mine, "--do_train", "--task_train_files=x_train.tf_record"]
    refused(run(*(arguments + more)), "--output_dir", str(mine), "another run", "--overwrite")
    assert content(mine) == before


@pytest.mark.parametrize("left", ['{"settings": "of a run that never began"}', "", "{"])
def test_a_first_attempt_without_checkpoints_does_not_lock_the_folder(left, encoder, tmp_path):
    (tmp_path / "meta_training.json").write_text(left)
    more = ["--output_dir=%s" % tmp_path, "--do_train", "--task_train_files=sst_train.tf_record"]
    refused(run(*(encoder + more)), "sst_train.tf_record")


def test_a_worker_takes_other_settings_for_those_of_its_chief(encoder, tmp_path, monkeypatch):
    (tmp_path / "meta_training.json").write_text('{"settings": "others"}')
    workers = {"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}, "task": {"type": "worker", "index": 1}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(workers))
    more = ["--output_dir=%s" % tmp_path, "--do_train", "--task_train_files=sst_train.tf_record"]
    refused(run(*(encoder + more)), "other settings")


def test_failed_run_leaves_an_earlier_model_alone(from_text, weights, tmp_path):
    output, arguments, _ = from_text
    mine = tmp_path / "mine"
    shutil.copytree(str(output), str(mine))
    before = content(mine)
    bad = ["--init_checkpoint=%s" % (weights / "cut_data"), "--output_dir=%s" % mine, "--overwrite"]
    refused(run(*(arguments + bad)), "cut_data")
    assert content(mine) == before


def test_notes_beside_a_model_stay(from_text, tmp_path):
    mine = tmp_path / "mine"
    shutil.copytree(str(from_text[0]), str(mine))
    (mine / "model" / "notes").write_text("mine")
    before = content(mine)
    assert run("--output_dir=%s" % mine, "--seed=1", "--overwrite", *from_text[1]).code == 0
    after = content(mine)
    assert set(after) == set(before) and (mine / "model" / "notes").read_text() == "mine"
    assert after["model/model.json"] != before["model/model.json"]


def test_predictions_of_an_earlier_model_leave_with_it(files, from_text, tmp_path):
    mine = tmp_path / "mine"
    shutil.copytree(str(from_text[0]), str(mine))
    predict = ["--do_predict", "--predict_file=%s" % (files / "eval.txt"), "--output_dir=%s" % mine]
    assert run(*predict).code == 0 and (mine / "predictions_eval.tsv").exists()
    shutil.copy(str(mine / "predictions_eval.tsv"), str(mine / "predictions_kept.tsv"))  # a user's own copy
    assert run("--output_dir=%s" % mine, *from_text[1]).code == 0  # the same model
    assert (mine / "predictions_eval.tsv").exists()
    alone = ["--task_eval_files=%s" % (files / "train.csv") if "task_eval" in flag else flag for flag in from_text[1]]
    result = run("--output_dir=%s" % mine, "--seed=1", "--overwrite", *alone)
    assert result.code == 0
    assert sorted(os.listdir(str(mine))) == [".made.json", "model", "predictions_kept.tsv", "results.json"]
    words = "predictions.tsv, predictions_eval.tsv and the metrics of results.json went with the earlier model"
    assert [line for line in result.lines if words in line]


def test_runs_of_earlier_versions_are_replaced(from_text, tmp_path):
    """They left no list of their files."""
    mine = tmp_path / "mine"
    shutil.copytree(str(from_text[0]), str(mine))
    os.remove(str(mine / ".made.json"))
    before = content(mine)
    assert run("--output_dir=%s" % mine, "--keep_model=false", *from_text[1]).code == 0
    assert set(content(mine)) == {"./results.json", "./predictions.tsv"} < set(before)
