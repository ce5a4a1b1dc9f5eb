"""run_finetune.sh --model DIR --predict FILE by onnxruntime: when, and where the predictions go."""
import shutil

import onnx_folder
import pytest

from command_line import own_task
from runs import onnx_command, onnx_prediction
from runtime.errors import UserError


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """(folder of a model with weights and a graph, one with a graph alone)"""
    model, onnx = onnx_folder.write(tmp_path_factory.mktemp("run"))
    shutil.copy(onnx + "/model.onnx", model)
    return model, onnx


def is_enough(*arguments):
    return onnx_command.is_enough(*own_task.parse(list(arguments)))


def test_when(folders, tmp_path, monkeypatch):
    both, alone = ["--model=%s" % folder for folder in folders]
    for model in (both, alone):
        assert is_enough(model, "--predict=a.txt") and is_enough(model, "--predict", "-", "--output", "-")
    assert not is_enough("--train=a.csv", "--predict=b.txt") and not is_enough(both, "--eval=a.csv")
    more = ["--predict=a.txt", "--max_seq_length=9"]
    assert not is_enough(both, *more)
    with pytest.raises(UserError, match="has a model.onnx alone"):
        is_enough(alone, *more)
    monkeypatch.setattr(onnx_prediction, "is_possible", lambda: False)
    assert not is_enough(both, "--predict=a.txt")
    with pytest.raises(UserError, match="needs onnxruntime .*--with=onnx"):
        is_enough(alone, "--predict=a.txt")
    with pytest.raises(UserError, match="no fine-tuned model"):
        is_enough("--model=%s" % tmp_path, "--predict=a.txt")


def test_predictions_go_where_those_of_the_main_program_go(folders, tmp_path, capsys):
    (tmp_path / "new.txt").write_text("good film\n\nbad\n")
    shutil.copytree(folders[1], str(tmp_path / "run" / "model"))
    (tmp_path / "run" / "results.json").write_text("{}")
    asked = ["--model=%s" % (tmp_path / "run"), "--predict=%s" % (tmp_path / "new.txt")]
    onnx_command.run(own_task.parse(asked)[0])
    found = capsys.readouterr().out
    assert "good film" in found and "2 predictions: " in found and "1 of 3 rows are blank" in found
    assert (tmp_path / "run" / "predictions_new.tsv").read_text(encoding="utf-8").startswith("row\ttext\tprediction\t")
    onnx_command.run(own_task.parse(asked)[0], str(tmp_path / "other"))
    assert (tmp_path / "other" / "predictions.tsv").exists()
    onnx_command.run(own_task.parse(asked + ["--output=-"])[0])
    assert capsys.readouterr().out.splitlines()[-1].startswith("2\tbad\t")


def test_places_are_refused_as_by_the_main_program(folders, tmp_path):
    (tmp_path / "new.tsv").write_text("text\ngood film\n")
    for output in (tmp_path / "new.csv", tmp_path / "new.tsv"):
        with pytest.raises(UserError, match="--output.*(called|same file)"):
            onnx_command.run(own_task.parse(
                ["--model=%s" % folders[1], "--predict=%s" % (tmp_path / "new.tsv"), "--output=%s" % output]
            )[0])
    assert [path.name for path in tmp_path.iterdir()] == ["new.tsv"]


def test_pairs_are_refused_in_the_words_of_the_main_program(tmp_path):
    (tmp_path / "run").mkdir()
    _, folder = onnx_folder.write(tmp_path / "run", pair=False)
    (tmp_path / "new.txt").write_text("good\tfilm\n")
    options, _ = own_task.parse(["--model=%s" % folder, "--predict=%s" % (tmp_path / "new.txt"), "--output=-"])
    with pytest.raises(UserError, match="--predict_file: .*new.txt holds pairs of texts, but the model was"):
        onnx_command.run(options)
