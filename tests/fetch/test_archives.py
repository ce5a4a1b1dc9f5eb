"""Zip files: what they may hold, and how they become a folder."""
import os
import stat
import zipfile

import pytest
from file_server import TEXT, ZIP, failure, make_zip, read

from fetch import archives
from runtime.errors import UserError


def test_unzip_drops_the_folders_above(tmp_path):
    (tmp_path / "a.zip").write_bytes(ZIP)
    folder = tmp_path / "made"
    assert archives.unzip(str(tmp_path / "a.zip"), str(folder), ("a.txt", "sub/b.bin")) == str(folder)
    assert sorted(os.listdir(str(folder))) == ["a.txt", "sub"] and read(folder / "sub" / "b.bin") == TEXT
    assert sorted(os.listdir(str(tmp_path))) == ["a.zip", "made"]
    assert stat.S_IMODE(os.stat(str(folder)).st_mode) == 0o755


def test_unzip_keeps_all_without_needs_and_fills_an_empty_folder(tmp_path):
    (tmp_path / "a.zip").write_bytes(ZIP)
    (tmp_path / "made").mkdir()
    archives.unzip(str(tmp_path / "a.zip"), str(tmp_path / "made"))
    assert os.listdir(str(tmp_path / "made")) == ["top"]


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize("member", ["../evil", "a/../../evil", "/evil", "C:/evil", "..\\evil", link("evil")])
def test_unzip_refuses_entries_that_lead_out(tmp_path, member):
    path = tmp_path / "in" / "a.zip"
    path.parent.mkdir()
    path.write_bytes(make_zip({"good": "", member: "/etc"}))
    assert "evil" in failure(archives.unzip, str(path), str(tmp_path / "in" / "made"))
    assert os.listdir(str(tmp_path)) == ["in"] and os.listdir(str(path.parent)) == ["a.zip"]


def test_unzip_of_something_else(tmp_path):
    (tmp_path / "a.zip").write_bytes(ZIP)
    (tmp_path / "b.zip").write_bytes(b"no zip")
    made = str(tmp_path / "made")
    assert "bert_config.json" in failure(archives.unzip, str(tmp_path / "a.zip"), made, ("bert_config.json",))
    assert "not a zip file" in failure(archives.unzip, str(tmp_path / "b.zip"), made)
    assert not os.path.exists(made)
    os.mkdir(made)
    (tmp_path / "made" / "mine").write_text("")
    assert "lacks a.txt" in failure(archives.unzip, str(tmp_path / "a.zip"), made, ("a.txt",))
    assert os.listdir(made) == ["mine"]


def test_an_archive_that_grows_beyond_its_bounds_is_refused_before_anything_is_written(tmp_path):
    path = str(tmp_path / "a.zip")
    (tmp_path / "a.zip").write_bytes(make_zip({"a/x": bytes(2 << 20)}, zipfile.ZIP_DEFLATED))
    assert os.path.getsize(path) < 10000
    for call in (archives.check, lambda path, most: archives.unzip(path, str(tmp_path / "made"), (), most)):
        with pytest.raises((archives.Damaged, UserError)) as caught:
            call(path, 1 << 20)
        assert "2 MiB" in str(caught.value) and os.listdir(str(tmp_path)) == ["a.zip"]
    archives.check(path, 2 << 20)


def test_an_archive_with_too_many_entries_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    (tmp_path / "a.zip").write_bytes(make_zip({name: "" for name in "abcd"}))
    assert "4 entries" in failure(archives.unzip, str(tmp_path / "a.zip"), str(tmp_path / "made"))


def lie(archive, size):
    """The archive's one entry, said to have ``size`` bytes."""
    data = bytearray(archive)
    at = data.index(b"PK\x01\x02") + 24
    data[at:at + 4] = size.to_bytes(4, "little")
    return bytes(data)


def twice(name):
    """An archive with two files of one name."""
    return make_zip({name: "a", name[:-1] + "?": "b"}).replace((name[:-1] + "?").encode(), name.encode())


@pytest.mark.parametrize("archive", [
    lie(make_zip({"x": bytes(1 << 22)}, zipfile.ZIP_DEFLATED), 10),
    make_zip({"x": TEXT})[:200] + b"\0" * 9 + make_zip({"x": TEXT})[209:],
    make_zip({"x": TEXT}, zipfile.ZIP_LZMA),
    make_zip({"a": "", "a/b": ""}),
    twice("a/x"),
    b"",
    TEXT,
    # named, for the bytes hold the time of day
], ids=["length", "overwritten", "method", "file_as_folder", "name_twice", "empty", "no_archive"])
def test_a_damaged_archive_is_one_line_and_leaves_nothing(tmp_path, archive):
    (tmp_path / "a.zip").write_bytes(archive)
    assert str(tmp_path / "a.zip") in failure(archives.unzip, str(tmp_path / "a.zip"), str(tmp_path / "made"))
    assert os.listdir(str(tmp_path)) == ["a.zip"]


def test_what_is_missing_is_one_line(tmp_path):
    assert "No such file" in failure(archives.unzip, str(tmp_path / "a.zip"), str(tmp_path / "made"))
    with pytest.raises(archives.Damaged):
        archives.check(str(tmp_path / "a.zip"))
