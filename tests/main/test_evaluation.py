"""Evaluation of a trained model: the numbers of its training's evaluation, and beside them."""
import shutil

import numpy as np
import pytest
from few_shot_files import EVAL, content, read_json, read_predictions, refused, write_rows
from main_program import run


def score(model, file, output, *arguments):
    places = ["--model_dir=%s" % model, "--score_file=%s" % file, "--output_dir=%s" % output]
    return run("--do_score", *(places + list(arguments)))


@pytest.mark.parametrize("name", ["eval.csv", "eval.tf_record"])
def test_the_numbers_are_those_of_the_training(name, files, from_text, tmp_path):
    trained = read_json(from_text[0] / "results.json")
    result = score(from_text[0] / "model", files / name, tmp_path / "out")
    assert result.code == 0, result
    assert "accuracy %.4f" % trained["metrics"]["accuracy"] in result.out and "evaluation_eval.json" in result.out
    found = read_json(tmp_path / "out" / "evaluation_eval.json")
    assert found["metrics"] == trained["metrics"] and found["model"]["run_id"] == trained["run_id"]
    np.testing.assert_array_equal(
        read_predictions(tmp_path / "out" / "evaluation_eval.tsv")[2],
        read_predictions(from_text[0] / "predictions.tsv")[2],
    )


def test_beside_the_results_of_the_training_and_gone_with_the_model(files, from_text, tmp_path):
    output = tmp_path / "mine"
    shutil.copytree(str(from_text[0]), str(output))
    before = content(output)
    write_rows(tmp_path / "new.csv", EVAL[:4])
    result = run("--do_score", "--score_file=%s" % (tmp_path / "new.csv"), "--do_predict",
                 "--predict_file=%s" % (files / "eval.txt"), "--output_dir=%s" % output)
    assert result.code == 0 and "on 4 rows" in result.out and "11 predictions" in result.out
    after = content(output)
    assert set(after) - set(before) == {"./evaluation_new.json", "./evaluation_new.tsv", "./predictions_eval.tsv"}
    assert {name: after[name] for name in before} == before
    result = run("--output_dir=%s" % output, "--overwrite", "--seed=7", *from_text[1])
    assert any("evaluation_new.json, evaluation_new.tsv, predictions_eval.tsv went" in line for line in result.lines)
    assert set(content(output)) == set(before)


def test_flags_that_do_not_fit(from_text, files):
    refused(run("--do_score"), "--do_score needs --score_file")
    more = ["--do_score", "--score_file=%s" % (files / "eval.csv"), "--keep_model=false"]
    refused(run(*(from_text[1] + more)), "--keep_model=false leaves no model for --do_score")
