"""A folder whose files appear together or not at all, beside a user's own."""
import errno
import os
import resource
import stat
import time

import pytest
from other_process import kill, run, start

from runtime import claims, folders, makings
from runtime.errors import UserError

OLD = {"model.json": "old", "variables/a": "old", "gone/b": "old"}
NEW = {"model.json": "new", "variables/a": "new", "assets/c": "new"}


def write(folder, files):
    for name, text in files.items():
        path = os.path.join(str(folder), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)


def make(folder, files, over=folders.OWN, kind="model", **options):
    with folders.atomic_folder(str(folder), kind, over, **options) as work:
        write(work, files)


def found(folder):
    """{relative name: text} of all files, hidden ones and links too, without what makings says."""
    files = {}
    for root, below, names in os.walk(str(folder)):
        for name in names + [each for each in below if os.path.islink(os.path.join(root, each))]:
            path = os.path.join(root, name)
            is_link = os.path.islink(path)
            files[os.path.relpath(path, str(folder))] = os.readlink(path) if is_link else open(path).read()
    files.pop(makings.MADE, None)
    return files


def refused(folder, files=NEW, **options):
    before = found(folder)
    with pytest.raises(UserError) as error:
        make(folder, files, **options)
    assert found(folder) == before
    return str(error.value)


@pytest.mark.parametrize("over", [folders.NEW, folders.OWN, folders.SHARED])
def test_a_new_folder(tmp_path, over):
    with folders.atomic_folder(str(tmp_path / "a" / "b"), "model", over) as work:
        write(work, NEW)
        assert not (tmp_path / "a" / "b").exists()
    assert found(tmp_path / "a" / "b") == NEW
    assert os.listdir(str(tmp_path)) == ["a"] and os.listdir(str(tmp_path / "a")) == ["b"]


@pytest.mark.parametrize("over", [folders.NEW, folders.OWN, folders.SHARED])
def test_an_empty_folder_is_kept(tmp_path, over):
    tmp_path.chmod(0o700)
    node = tmp_path.stat().st_ino
    make(tmp_path, NEW, over)
    assert found(tmp_path) == NEW and tmp_path.stat().st_ino == node and stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_a_later_making_replaces_the_files_of_the_one_before(tmp_path):
    make(tmp_path / "m", OLD)
    make(tmp_path / "m", NEW)
    assert found(tmp_path / "m") == NEW and not (tmp_path / "m" / "gone").exists()
    assert os.listdir(str(tmp_path)) == ["m"]
    assert makings.read(str(tmp_path / "m")) == {"model": sorted(NEW)}
    make(tmp_path / "m", {})
    assert os.listdir(str(tmp_path / "m")) == []
    assert makings.read(str(tmp_path / "m")) == {}


def test_a_users_files_stay(tmp_path):
    make(tmp_path / "m", OLD)
    own = {"notes.txt": "mine", "variables/notes": "mine", "gone/notes": "mine", ".unfinished-mine/x": "mine"}
    write(tmp_path / "m", own)
    beside = {"m.old/model.json": "mine", ".unfinished-mine/years": "mine", "model.old": "mine"}
    write(tmp_path, beside)
    make(tmp_path / "m", NEW)
    expected = dict(NEW, **own)
    assert found(tmp_path / "m") == expected
    assert found(tmp_path) == dict(beside, **{"m/" + name: text for name, text in expected.items()},
                                   **{"m/" + makings.MADE: (tmp_path / "m" / makings.MADE).read_text()})


def test_makings_of_two_kinds_in_one_folder(tmp_path):
    make(tmp_path, {"results.json": "1", "predictions.tsv": "1"}, folders.SHARED, "run")
    make(tmp_path, {"report.html": "1"}, folders.SHARED, "tables")
    make(tmp_path, {"results.json": "2", "report.html": "2"}, folders.SHARED, "run")
    assert found(tmp_path) == {"results.json": "2", "report.html": "2"}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError(errno.ENOENT, "x", "/elsewhere")])
@pytest.mark.parametrize("before", [{}, OLD])
def test_failure_leaves_everything_as_it_was(tmp_path, error, before):
    if before:
        make(tmp_path / "a" / "m", before)
    with pytest.raises(error if isinstance(error, type) else type(error)):
        with folders.atomic_folder(str(tmp_path / "a" / "m"), "model", folders.OWN) as work:
            write(work, NEW)
            raise error
    assert found(tmp_path / "a" / "m") == before
    assert os.listdir(str(tmp_path)) == (["a"] if before else [])


def test_folders_that_are_not_ours(tmp_path):
    write(tmp_path / "foreign", {"model.json": '{"class_name": "Sequential"}', "data/years_of_work.csv": "1"})
    line = refused(tmp_path / "foreign", flag="--save")
    assert line == ("--save: %s is there, and holds no model that could be replaced: choose another folder."
                    % (tmp_path / "foreign"))
    make(tmp_path / "run", {"results.json": "1"}, kind="run")
    assert "holds no model" in refused(tmp_path / "run")
    write(tmp_path, {"file": "x"})
    assert "is no folder" in refused(tmp_path / "file")
    make(tmp_path / "m", OLD)
    assert refused(tmp_path / "m", over=folders.NEW) == (
        "--output_dir: %s exists: choose another folder, or delete it." % (tmp_path / "m"))
    assert sorted(os.listdir(str(tmp_path))) == ["file", "foreign", "m", "run"]


@pytest.mark.parametrize("own", [
    {"model/notes": "x"}, {"results.json": "x"}, {"model": "x"}, {"results.json/notes": "x"}, {makings.MADE: "{}"},
])
def test_a_users_files_in_the_way_in_a_shared_folder(tmp_path, own):
    write(tmp_path, own)
    files = {"results.json": "1", "model/a": "1"}
    names = () if makings.MADE in own else ("results.json", "model")
    with pytest.raises(UserError, match="is there, and not of this program: move it away"):
        with folders.atomic_folder(str(tmp_path), "run", folders.SHARED, names) as work:
            assert makings.MADE in own  # else it was told before any work
            write(work, files)
    assert dict(found(tmp_path), **own) == own and (tmp_path / list(own)[0]).exists()


def test_a_file_that_came_into_the_way_meanwhile_stays(tmp_path):
    make(tmp_path, OLD)
    with pytest.raises(UserError, match="assets/c is there, and not of this program"):
        with folders.atomic_folder(str(tmp_path), "model", folders.OWN) as work:
            write(work, NEW)
            write(tmp_path, {"assets/c": "mine"})
    assert found(tmp_path) == dict(OLD, **{"assets/c": "mine"})


def test_files_of_an_earlier_version(tmp_path):
    write(tmp_path, dict(OLD, notes="mine"))
    make(tmp_path, NEW, earlier=lambda folder: ["model.json", "variables/a"])
    assert found(tmp_path) == dict(NEW, notes="mine", **{"gone/b": "old"})


@pytest.mark.parametrize("before", [False, True])
def test_what_a_kill_left_is_removed_before_anything_is_made(tmp_path, before):
    """Beside a folder that was to be made, or in one that is there; what a living process needs stays."""
    folder = tmp_path / "run"
    if before:
        folder.mkdir()
    code = "from runtime import folders; import os\nfolders.claim(sys.argv[1]); os._exit(9)"
    assert run(code, folder)[0] == 9
    assert left(tmp_path)
    folders.tidy(str(folder))
    assert not left(tmp_path) and folder.exists() == before
    place = folders.claim(str(folder))
    folders.tidy(str(folder))
    assert os.path.isdir(place)
    claims.release(place)


def left(folder):
    """Hidden names in a folder and the ones below it."""
    return [name for _, below, names in os.walk(str(folder)) for name in below + names if name.startswith(".")]


def test_links(tmp_path):
    """A link as the folder is kept; one inside it leads nothing of ours elsewhere, and nobody's files are removed."""
    make(tmp_path / "disk", OLD)
    (tmp_path / "link").symlink_to("disk")
    make(tmp_path / "link", NEW)
    assert os.readlink(str(tmp_path / "link")) == "disk" and found(tmp_path / "disk") == NEW
    write(tmp_path / "foreign", {"a": "mine"})
    os.rename(str(tmp_path / "disk" / "variables"), str(tmp_path / "moved"))
    (tmp_path / "disk" / "variables").symlink_to(str(tmp_path / "foreign"))
    assert "variables is there, and not of this program" in refused(tmp_path / "link")
    assert "variables is there" in refused(tmp_path / "link", names=["variables"])
    make(tmp_path / "link", {"model.json": "3"})
    assert found(tmp_path / "foreign") == {"a": "mine"} and found(tmp_path / "moved") == {"a": "new"}
    (tmp_path / "to foreign").symlink_to("foreign")
    assert "holds no model" in refused(tmp_path / "to foreign")
    (tmp_path / "dangling").symlink_to("later")
    make(tmp_path / "dangling", NEW)
    assert found(tmp_path / "later") == NEW and (tmp_path / "dangling").is_symlink()


@pytest.mark.parametrize("umask", [0o077, 0o002, 0o022])
def test_umask_is_honoured(tmp_path, umask):
    before = os.umask(umask)
    try:
        make(tmp_path / "a" / "m", NEW)
        make(tmp_path / "a" / "m", dict(NEW, **{"new/d": ""}))
    finally:
        os.umask(before)
    for root, _, names in os.walk(str(tmp_path / "a")):
        for path, mode in [(root, 0o777)] + [(os.path.join(root, name), 0o666) for name in names]:
            assert stat.S_IMODE(os.stat(path).st_mode) == mode & ~umask, path


def test_a_full_disk(tmp_path):
    make(tmp_path / "m", OLD)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        line = refused(tmp_path / "m", dict(NEW, large="x" * 10000))
        assert line.startswith("--output_dir: %s cannot be written (File too large): make room" % (tmp_path / "m"))
        assert "make room" in refused(tmp_path / "new" / "m", dict(NEW, large="x" * 10000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(str(tmp_path)) == ["m"]


def test_a_place_that_cannot_be_written(tmp_path):
    write(tmp_path, {"file": "x"})
    assert refused(tmp_path / "file" / "m", flag="--save") == (
        "--save: %s/file/m cannot be written (Not a directory): choose another place." % tmp_path)


WRITER = """
import os, itertools
from runtime import folders
for number in itertools.count():
    with folders.atomic_folder(sys.argv[1], "model", folders.OWN, wait=60) as work:
        for name in sys.argv[2:]:
            with open(os.path.join(work, name), "w") as file:
                file.write(str(number))
    print(number, flush=True)
"""


def test_a_reader_gets_one_making_whole(tmp_path):
    names = ["a", "b", "c", "d"]
    make(tmp_path / "m", dict.fromkeys(names, "0"))
    writer, seen = start(WRITER, tmp_path / "m", *names), set()

    def read():
        return [(tmp_path / "m" / name).read_text() for name in names]

    try:
        until = time.monotonic() + 3
        while time.monotonic() < until:
            values = folders.read_whole(str(tmp_path / "m"), read)
            assert len(set(values)) == 1
            seen.add(values[0])
    finally:
        kill(writer)
    assert len(seen) > 5
    assert len(set(folders.read_whole(str(tmp_path / "m"), read))) == 1


def test_errors_of_reading_are_the_readers(tmp_path):
    with pytest.raises(FileNotFoundError):
        folders.read_whole(str(tmp_path / "m"), lambda: open(str(tmp_path / "m" / "a")))


def test_two_processes_write_in_turn_or_one_is_told(tmp_path):
    with folders.atomic_folder(str(tmp_path / "m"), "model", folders.OWN) as work:
        write(work, OLD)
        code = WRITER.replace("wait=60", "wait=0")
        status, _, errors = run(code, tmp_path / "m", "a")
        assert status == 1 and "%s is in use by " % tmp_path in errors and "process %d on" % os.getpid() in errors
    status, _, errors = run(code.replace("itertools.count()", "range(1)"), tmp_path / "m", "a")
    assert (status, errors) == (0, "") and found(tmp_path / "m") == {"a": "0"}


def test_alone_in_keeps_others_out_but_not_its_own_process(tmp_path):
    with claims.alone_in(str(tmp_path)):
        make(tmp_path, NEW, folders.SHARED)
        status, _, errors = run(WRITER.replace("OWN", "SHARED"), tmp_path, "a")
        assert status == 1 and "is in use by" in errors
    assert found(tmp_path) == NEW


@pytest.mark.parametrize("place", ["", "made"])
def test_tidy_removes_what_a_process_left_that_died_while_it_gave_up_its_claim(place, tmp_path):
    (tmp_path / "made").mkdir()
    kill(start("from runtime import claims; print(claims.make_workplace(sys.argv[1]), flush=True); sys.stdin.read()",
               tmp_path / place))
    (tmp_path / place / ".unfinished-mine").mkdir()
    assert len(os.listdir(str(tmp_path / place))) == 2 + (place == "")
    folders.tidy(str(tmp_path / "made"))
    assert sorted(os.listdir(str(tmp_path / place))) == [".unfinished-mine"] + ["made"] * (place == "")
