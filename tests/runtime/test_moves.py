"""Records of moves: what a folder from elsewhere may say in one, and what is refused before the first move.

tests/runtime/test_kills.py and test_staging.py kill programs between moves.
"""
import json
import os

import pytest

from runtime import claims, folders, moves


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_records_from_outside_lead_nowhere(tmp_path):
    """A folder from elsewhere may hold a claim of a dead process: it moves and removes nothing out of the folder."""
    write(tmp_path, {"mine": "x", "data/mine": "x"})
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "link").symlink_to("../data")
    stamp = moves.stamp(str(tmp_path / "mine"))
    for record in [
        {"files": [], "folders": [], "outdated": [["../mine", stamp]]},
        {"files": ["../mine"], "folders": [], "outdated": []},
        {"files": [], "folders": ["../new"], "outdated": []}, {"files": ["link/mine"], "folders": [], "outdated": []},
        {"files": [], "folders": [], "outdated": [["link/mine", moves.stamp(str(tmp_path / "data" / "mine"))]]},
        {"files": [], "folders": [], "outdated": [[]]}, {"files": 1}, [],
    ]:
        claim = tmp_path / "m" / ".unfinished"
        write(claim, {"made/link/mine": "evil", "made/mine": "evil", "commit.json": json.dumps(
            dict(record, format=1) if isinstance(record, dict) else record)})
        claims.abandon(str(claim))
        folders.recover(str(tmp_path / "m"))
        assert os.listdir(str(tmp_path / "m")) == ["link"]
        assert (tmp_path / "mine").read_text() == "x" == (tmp_path / "data" / "mine").read_text()
        assert sorted(os.listdir(str(tmp_path))) == ["data", "m", "mine"]


def claimed(folder, files):
    """A claim of a folder, with files to move there."""
    place = folders.claim(str(folder))
    write(folder / ".unfinished" / moves.WORK, files)
    return place


def test_files_move_and_outdated_ones_go(tmp_path):
    write(tmp_path, {"a": "old", "b": "old", "mine": "x"})
    place = claimed(tmp_path, {"a": "new", "c": "new"})
    moves.make_in_order(place, ["c", "a"], ["b", "a", "missing"])
    moves.leave(place)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "new", "c": "new", "mine": "x"}


@pytest.mark.parametrize("files, outdated", [(["c", "a"], []), (["c"], ["a"])])
def test_a_folder_in_the_way_is_told_before_the_first_move(files, outdated, tmp_path):
    write(tmp_path, {"a/mine": "x", "c": "old"})
    place = claimed(tmp_path, {"a": "new", "c": "new"})
    with pytest.raises(IsADirectoryError):
        moves.make_in_order(place, files, outdated)
    moves.leave(place)
    assert (tmp_path / "a" / "mine").read_text() == "x" and (tmp_path / "c").read_text() == "old"
    assert sorted(os.listdir(str(tmp_path))) == ["a", "c"]
