"""Predictions block by block, from a model that knows the answers to a stream and a file."""
import contextlib
import io

import numpy as np
import pytest
import tiny

from runs import predicting
from runs.unlabelled_rows import TextRows
from runtime.errors import UserError
from tokenization import Tokenizer

TOKENIZER = Tokenizer({word: number for number, word in enumerate(tiny.WORDS)}, True)


class ByFirstWord(predicting.RowPredictor):
    """Is sure of the first label where a text begins with "good", else of the second."""

    def score(self, examples, batch_size):
        is_good = examples.input_ids[:, 1] == tiny.WORDS.index("good")
        return np.where(is_good[:, None], [[9.0, 0.0]], [[0.0, 9.0]])


@contextlib.contextmanager
def progress(total, description, unit):
    """What was done is counted, as a bar would."""
    counts = []
    yield type("Bar", (), {"update": lambda _, count: counts.append(count)})()
    assert total in (None, sum(counts)) and (description, unit) == ("prediction", "row")


def model(path, is_pair=None, flag="--predict_file: "):
    return ByFirstWord(["up", "down"], is_pair, TextRows(str(path), TOKENIZER, 6), str(path), flag)


def write(folder, text):
    path = folder / "new.txt"
    path.write_text(text)
    return path


@pytest.mark.parametrize("flag", ["--predict_file: ", ""])
def test_pairs_are_refused_by_a_model_of_single_texts(tmp_path, flag):
    path = write(tmp_path, "good\tfilm\n")
    with pytest.raises(UserError) as error:
        model(path, is_pair=False, flag=flag)
    assert str(error.value) == "%s%s holds pairs of texts, but the model was fine-tuned on single texts." % (flag, path)


def test_what_comes_out(tmp_path):
    path, stream = write(tmp_path, "good film\n\nbad very slow plot green\n"), io.StringIO()
    outputs = [predicting.to_stream(stream), predicting.to_file(str(tmp_path / "out.jsonl"))]
    found = predicting.predict(model(path), 2, outputs, "out.jsonl", progress)
    assert found[:5] == (3, 1, 1, 6, "out.jsonl")
    assert [example[:2] for example in found.examples] == [("good film", "up"), ("bad very slow plot green", "down")]
    assert [line.split("\t")[2] for line in stream.getvalue().splitlines()] == ["prediction", "up", "", "down"]
    assert (tmp_path / "out.jsonl").read_text().count('"prediction"') == 3


def test_places(tmp_path):
    rows = str(tmp_path / "rows.tsv")
    predicting.check_file("-", "-")
    predicting.check_file(str(tmp_path / "new.tsv"), rows)
    (tmp_path / "mine.tsv").write_text("mine")
    (tmp_path / "folder.tsv").mkdir()
    for path, words in (
        ("mine.tsv", "holds no predictions"), ("folder.tsv", "holds no predictions"),
        ("none/a.tsv", "there is no folder"), ("./rows.tsv", "is the same file"),
        ("a.csv", r"called \*.tsv or \*.jsonl"),
    ):
        with pytest.raises(UserError, match="--output.*" + words):
            predicting.check_file(str(tmp_path / path), rows)
    with pytest.raises(UserError, match=r"--output=: .*called \*.tsv"):
        predicting.check_file("", rows)
