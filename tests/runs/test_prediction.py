"""Predictions as a function of settings: places that cannot be written, and the memory that is held."""
import errno
import io
import os

import pytest
import tiny

from command_line.settings import PredictionSettings
from runs import prediction
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
