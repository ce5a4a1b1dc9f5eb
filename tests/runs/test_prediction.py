"""Predictions as a function of settings: places that cannot be written, and the memory that is held."""
import dataclasses
import errno
import io
import os

import numpy as np
import pytest
import tiny

from command_line.settings import PredictionSettings
from runs import prediction, prediction_files
from runtime.errors import UserError


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    tiny.write(folder, ["up", "down"])
    return str(folder)


def settings(model, path, **changes):
    path.write_text("good film\n\nbad film\n")
    asked = dict(model_dir=model, predict_file=str(path), output_dir="", batch_size=8, vocab_file=None,
                 max_seq_length=None, output="-")
    return PredictionSettings(**dict(asked, **changes))


def test_what_is_told(model, tmp_path):
    stream = io.StringIO()
    found = prediction.run(settings(model, tmp_path / "a.txt"), stream=stream)
    assert (found.rows, found.blank, found.cut, found.max_seq_length, found.path) == (3, 1, 0, 12, None)
    assert [example[:2] for example in found.examples] == [
        (row[1], row[2]) for row in (line.split("\t") for line in stream.getvalue().splitlines()[1:]) if row[1]
    ]


def test_a_full_device(model, tmp_path):
    with open("/dev/full", "w") as full:
        with pytest.raises(UserError, match="standard output cannot be written .*No space left"):
            prediction.run(settings(model, tmp_path / "a.txt"), stream=full)
        with pytest.raises(OSError):  # what is left in the buffer
            full.close()


def test_a_reader_who_leaves(model, tmp_path):
    class Closed(io.StringIO):
        def flush(self):
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    with pytest.raises(BrokenPipeError):
        prediction.run(settings(model, tmp_path / "a.txt", output=None, output_dir=str(tmp_path / "o")), None, Closed())
    assert os.listdir(str(tmp_path)) == ["a.txt"]


def test_undecided_rows_are_marked_and_counted(model, tmp_path):
    plain, marked = io.StringIO(), io.StringIO()
    prediction.run(settings(model, tmp_path / "a.txt"), stream=plain)
    tops = sorted(max(map(float, line.split("\t")[3:])) for line in plain.getvalue().splitlines()[1:] if line[-1] > " ")
    asked = settings(model, tmp_path / "a.txt", min_confidence=float(np.mean(tops)))
    found = prediction.run(asked, stream=marked)
    assert tops[0] < tops[1] and (found.rows, found.blank, found.undecided) == (3, 1, 1)
    labels = [line.split("\t")[2] for line in marked.getvalue().splitlines()[1:]]
    assert sorted(labels)[:2] == ["", prediction_files.UNDECIDED]
    assert sorted(example[1] for example in found.examples) == sorted(label for label in labels if label)


def test_the_mark_of_undecided_rows_is_no_class(tmp_path):
    (tmp_path / "m").mkdir()
    tiny.write(tmp_path / "m", ["(undecided)", "b"])
    asked = settings(str(tmp_path / "m"), tmp_path / "a.txt", min_confidence=0.9)
    with pytest.raises(UserError, match=r"a class is called \(undecided\).*--output=\*.jsonl"):
        prediction.run(asked, stream=io.StringIO())
    assert prediction.run(dataclasses.replace(asked, min_confidence=None), stream=io.StringIO()).undecided == 0
    path = str(tmp_path / "b.jsonl")
    assert prediction.run(dataclasses.replace(asked, output=path, min_confidence=1.0)).undecided == 2
