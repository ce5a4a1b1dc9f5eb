"""Files that appear together or not at all, also when the process is killed while they move."""
import os
import pathlib

import kills
import pytest
from other_process import run

from runtime import folders
from runtime.compat import tf
from runtime.errors import UserError
from runtime.staging import Staging

NAMES = ["a.json", "a", "b.json", "b"]  # a file and what vouches for it, which stands before it


def write(folder, content, overwrite=False):
    with Staging(str(folder), NAMES, overwrite) as staging:
        for name in NAMES:
            staging.write_json(name, content)
        staging.publish()


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()} if folder.exists() else {}


def are_in_order(found):
    """Whether each file has beside it the one of the same run that vouches for it."""
    return all(found.get(name + ".json") == found[name] for name in "ab" if name in found)


def test_nothing_is_left_without_publish(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with Staging(str(tmp_path / "new" / "folder"), NAMES) as staging:
            staging.write_json("a", 1)
            raise KeyboardInterrupt
    assert not os.listdir(str(tmp_path))


def test_files_of_an_earlier_run(tmp_path):
    write(tmp_path / "out", 1)
    before = contents(tmp_path / "out")
    assert sorted(before) == sorted(NAMES)
    with pytest.raises(UserError, match="holds a.json of an earlier run.*--overwrite"):
        write(tmp_path / "out", 2)
    assert contents(tmp_path / "out") == before
    write(tmp_path / "out", 2, overwrite=True)
    assert set(contents(tmp_path / "out").values()) == {"2\n"}


@pytest.mark.parametrize("method, earlier", [("Rename", False), ("Rename", True), ("Remove", True)])
def test_killed_while_files_move_that_are_not_local(tmp_path, monkeypatch, method, earlier):
    """After every step, no file is there without the one of the same run that stands before it."""
    step = getattr(tf.gfile, method)
    for steps in range(len(NAMES)):
        folder = tmp_path / str(steps)
        if earlier:
            write("file://%s" % folder, "old")
        left = iter(range(steps))

        def killed(*arguments, left=left):
            if next(left, None) is None:
                raise KeyboardInterrupt
            step(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(tf.gfile, method, killed)
            with pytest.raises(KeyboardInterrupt):
                write("file://%s" % folder, "new", overwrite=True)
        found = contents(folder)
        assert are_in_order(found), (steps, found)
        assert not any(name.startswith(".") for name in found)


@pytest.mark.parametrize("earlier", [False, True])
def test_killed_before_each_operation(tmp_path, monkeypatch, earlier):
    """Who looks finds files in order; who finishes what was begun, those of one run whole."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)

    def read(folder):
        assert are_in_order(contents(pathlib.Path(folder)))
        folders.recover(folder)
        return contents(pathlib.Path(folder))

    case = kills.Case(
        "files of tasks", lambda folder: write(folder, "old") if earlier else None,
        lambda folder: write(folder, "new", overwrite=True), read, {"notes": "mine", ".unfinished-mine/years": "mine"},
    )
    assert kills.kill_everywhere(case, str(tmp_path)) >= 15


def test_a_folder_in_the_way_is_told_before_any_move(tmp_path):
    write(tmp_path, 1)
    (tmp_path / "b").unlink()
    (tmp_path / "b").mkdir()
    with pytest.raises(UserError, match="cannot be written .Is a directory"):
        write(tmp_path, 2, overwrite=True)
    assert (tmp_path / "a").read_text() == "1\n" and sorted(os.listdir(str(tmp_path))) == sorted(NAMES)


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--output_dir: .*/file cannot be written"):
        write(tmp_path / "file", 1)


def test_what_a_killed_process_left_goes_with_the_next_one(tmp_path):
    code = (
        "from runtime.staging import Staging; import os\n"
        "with Staging(sys.argv[1], ['a']) as staging:\n"
        "    staging.write_json('a', 1); os._exit(9)\n"
    )
    assert run(code, tmp_path / "out")[0] == 9 and os.listdir(str(tmp_path / "out")) == [".unfinished"]
    (tmp_path / "out" / ".unfinished-mine").mkdir()
    write(tmp_path / "out", 1)
    assert sorted(os.listdir(str(tmp_path / "out"))) == sorted(NAMES + [".unfinished-mine"])


def test_two_at_a_time(tmp_path):
    with Staging(str(tmp_path), NAMES):
        with pytest.raises(UserError, match="is in use by .*wait until it has ended"):
            write(tmp_path, 1)
    assert os.listdir(str(tmp_path)) == []


def test_what_another_one_made_meanwhile_is_not_replaced(tmp_path, monkeypatch):
    """It was not there yet when the second program first looked."""
    make = Staging._make_workplace

    def late(staging):
        with monkeypatch.context() as patch:
            patch.setattr(Staging, "_make_workplace", make)
            write(tmp_path / "out", "first")
        make(staging)

    monkeypatch.setattr(Staging, "_make_workplace", late)
    with pytest.raises(UserError, match="holds a.json of an earlier run"):
        write(tmp_path / "out", "second")
    assert contents(tmp_path / "out") == dict.fromkeys(NAMES, '"first"\n')
