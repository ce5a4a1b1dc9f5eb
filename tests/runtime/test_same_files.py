"""Files of the same bytes that become one, and all others, which stay as they are."""
import errno
import os
import stat

import pytest

from runtime import same_files

BYTES = bytes(range(256)) * 5000  # more than one block


def put(path, content=BYTES, mode=0o644):
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


def are_one(*paths):
    return len({(os.stat(str(path)).st_dev, os.stat(str(path)).st_ino) for path in paths}) == 1


@pytest.fixture
def own(tmp_path):
    return put(tmp_path / "own")


def test_the_first_of_the_same_bytes(own, tmp_path):
    others = [str(tmp_path / "none"), put(tmp_path / "short", BYTES[:-1]), put(tmp_path / "unlike", BYTES[:-1] + b"-"),
              put(tmp_path / "like"), put(tmp_path / "later")]
    assert same_files.share(own, others)
    assert are_one(own, tmp_path / "like") and not are_one(own, tmp_path / "later")
    assert sorted(os.listdir(str(tmp_path))) == ["later", "like", "own", "short", "unlike"]
    for path in (own, str(tmp_path / "like")):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o444
        with open(path, "rb") as file:
            assert file.read() == BYTES
    third = put(tmp_path / "third")  # finds one that may not be written to any more
    assert same_files.share(third, [own]) and os.stat(third).st_nlink == 3


def test_names_go_one_by_one(own, tmp_path):
    other = put(tmp_path / "other")
    assert same_files.share(own, [other])
    os.unlink(other)
    with open(own, "rb") as file:
        assert file.read() == BYTES


def test_replacing_one_leaves_the_other(own, tmp_path):
    other = put(tmp_path / "other")
    assert same_files.share(own, [other])
    os.replace(put(tmp_path / "new", b"new"), other)
    with open(own, "rb") as file:
        assert file.read() == BYTES


@pytest.mark.parametrize("kind", ["mode", "link", "folder", "pipe", "device"])
def test_what_is_no_file_of_this_kind(kind, own, tmp_path):
    other = tmp_path / "other"
    if kind == "mode":
        put(other, mode=0o600)
    elif kind == "link":
        other.symlink_to(put(tmp_path / "like", mode=0o644))
    elif kind == "folder":
        other.mkdir()
    elif kind == "pipe":
        os.mkfifo(str(other))
    else:
        other = "/dev/zero"
    assert not same_files.share(own, [str(other)])
    assert stat.S_IMODE(os.stat(own).st_mode) == 0o644


@pytest.mark.parametrize("code", ["EPERM", "EMLINK", "EXDEV", "EOPNOTSUPP"])
def test_where_the_file_system_has_no_links(code, own, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(getattr(errno, code), "no links")

    other = put(tmp_path / "other")
    monkeypatch.setattr(os, "link", refuse)
    assert not same_files.share(own, [other]) and not are_one(own, other)
    assert stat.S_IMODE(os.stat(other).st_mode) == 0o644 and len(os.listdir(str(tmp_path))) == 2


def test_one_that_is_replaced_while_it_is_read(own, tmp_path, monkeypatch):
    other, link = put(tmp_path / "other"), os.link

    def late(path, *args, **options):
        os.replace(put(tmp_path / "new", b"-" + BYTES[1:]), path)
        link(path, *args, **options)

    monkeypatch.setattr(os, "link", late)
    assert not same_files.share(own, [other])
    with open(own, "rb") as file:
        assert file.read() == BYTES
    assert sorted(os.listdir(str(tmp_path))) == ["other", "own"]
    assert stat.S_IMODE(os.stat(other).st_mode) == 0o644


def test_a_file_of_many_names_is_read_once(own, tmp_path, monkeypatch):
    others = [put(tmp_path / "other")] + [str(tmp_path / ("name %d" % number)) for number in range(3)]
    for name in others[1:]:
        os.link(others[0], name)
    tried = []

    def full(path, *_, **__):
        tried.append(path)
        raise OSError(errno.EMLINK, "too many links")

    monkeypatch.setattr(os, "link", full)
    assert not same_files.share(own, others) and tried == others[:1]
