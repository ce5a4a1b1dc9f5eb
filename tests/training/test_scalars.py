"""Event files for TensorBoard."""
import glob
import os

import pytest

from runtime.compat import tf
from runtime.errors import UserError
from training.scalars import Scalars


def read(folder):
    """[(step, tag, value)] of all event files."""
    paths = sorted(glob.glob(os.path.join(str(folder), "events*")))
    events = [event for path in paths for event in tf.train.summary_iterator(path)]
    return [(event.step, value.tag, value.simple_value) for event in events for value in event.summary.value]


def test_what_is_written_can_be_read(tmp_path):
    with Scalars(str(tmp_path / "new")) as scalars:
        scalars.write(3, {"loss": 0.5})
        scalars.write(7, {"loss": 0.25, "accuracy": 1})
    assert read(tmp_path / "new") == [(3, "loss", 0.5), (7, "loss", 0.25), (7, "accuracy", 1.0)]


def test_two_writers_within_a_second_keep_what_both_wrote(tmp_path):
    for step in (1, 2):
        with Scalars(str(tmp_path)) as scalars:
            scalars.write(step, {"loss": step})
    assert sorted(read(tmp_path)) == [(1, "loss", 1.0), (2, "loss", 2.0)]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="event file") as error:
        with Scalars(str(tmp_path / "file" / "below")):
            pass
    assert "\n" not in str(error.value)
