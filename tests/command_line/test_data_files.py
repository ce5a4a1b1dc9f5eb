"""Where the files are that flags name."""
import os

import pytest

from command_line import data_files, program_flags, settings
from runtime import folders, moves
from runtime.errors import UserError

FOLDERS = {"data_dir": "smlmt", "supervised_data_dir": "supervised"}


@pytest.mark.parametrize(
    "flag, name, folder",
    [
        ("task_train_files", "meta_pretrain_2.tf_record", "smlmt"),
        ("task_eval_files", "meta_pretrain_2.tf_record", "smlmt"),
        ("task_train_files", "sst_train.tf_record", "supervised"),
        ("task_eval_files", "sst_dev.tf_record", "supervised"),
        ("task_train_files", "amazon_books.tf_record", "supervised"),
        ("task_eval_files", "amazon_books.tf_record", "smlmt"),
    ],
)
def test_where_record_files_are_looked_up(flag, name, folder):
    """Spec, section 2."""
    expected = os.path.join(folder, name), os.path.join("supervised", "x")
    assert data_files.record_paths(dict(FOLDERS, **{flag: name + ",x"}), flag) == expected
    arguments = ["--%s=%s" % each for each in FOLDERS.items()]
    values = program_flags.parse(["--init_checkpoint=", "--%s=%s,x" % (flag, name)] + arguments)
    asked = settings.meta_training_settings(program_flags.names_and_values(values))
    assert getattr(asked, flag) == expected


@pytest.mark.parametrize("names, expected", [
    ("a,b", ("a", "b")), ("a", ("a", None)), ("a,", ("a", None)), ("/x/a.csv,b", ("/x/a.csv", "b")),
])
def test_files_of_a_task(names, expected):
    assert data_files.task_files({"data_dir": "", "supervised_data_dir": "", "task_eval_files": names}) == expected


@pytest.mark.parametrize("names, count", [("", 0), ("a,b,c", 3)])
def test_neither_one_file_nor_two(names, count):
    with pytest.raises(UserError, match="--task_eval_files: give two files.*, not %d" % count):
        data_files.task_files(dict(FOLDERS, task_eval_files=names))


def test_what_a_killed_generator_had_begun_is_finished_before_its_files_are_read(tmp_path, monkeypatch):
    """It is killed between the moves of its files: those who name one find all."""
    place = folders.claim(str(tmp_path))
    (tmp_path / ".unfinished" / moves.WORK).mkdir()
    (tmp_path / ".unfinished" / moves.WORK / "meta_pretrain_2.tf_record").write_text("new")
    with monkeypatch.context() as patch:
        patch.setattr(moves, "finish", lambda place: None)
        moves.make_in_order(place, ["meta_pretrain_2.tf_record"], [])
    moves.leave(place)
    flags = {"data_dir": str(tmp_path), "supervised_data_dir": "", "task_train_files": "meta_pretrain_2.tf_record"}
    (path,) = data_files.record_paths(flags, "task_train_files")
    assert os.path.exists(path) and os.listdir(str(tmp_path)) == ["meta_pretrain_2.tf_record"]
