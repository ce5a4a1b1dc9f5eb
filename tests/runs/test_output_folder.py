"""Output folders: those that can be written, and those that cannot."""
import os

import pytest

from runs import output_folder
from runtime.errors import UserError


def test_a_folder_that_can_be_made_is_not_made(tmp_path):
    for folder in (tmp_path, tmp_path / "new" / "below"):
        output_folder.check(str(folder))
    assert os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize("below", ["", "below"])
def test_a_file_in_its_place(below, tmp_path):
    (tmp_path / "file").write_text("mine")
    folder = os.path.join(str(tmp_path / "file"), below) if below else str(tmp_path / "file")
    for call in (output_folder.check, output_folder.make):
        with pytest.raises(UserError, match="--output_dir: .*file"):
            call(folder)
    assert (tmp_path / "file").read_text() == "mine"


def test_no_name():
    with pytest.raises(UserError, match="--output_dir is empty: name a folder"):
        output_folder.check("")


def test_making_twice(tmp_path):
    for _ in range(2):
        output_folder.make(str(tmp_path / "new" / "below"))
    assert (tmp_path / "new" / "below").is_dir()
