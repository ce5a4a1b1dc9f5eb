"""A program that is killed before any of its operations on files loses nothing, and leaves nothing that stays."""
import os

import kills
import pytest

from runtime import claims, files, folders

OLD = {"model.json": "old", "variables/a": "old", "gone/b": "old", "gone/c/d": "old"}
NEW = {"model.json": "new", "variables/a": "new", "assets/e": "new"}
RUN_OLD = {"model/model.json": "old", "model/a": "old", "results.json": "old", "predictions.tsv": "old"}
RUN_NEW = {"model/model.json": "new", "model/b": "new", "results.json": "new"}
FOREIGN = {"my_model.old/weights": "mine", ".unfinished-mine/years": "mine", "m.old": "mine", "notes": "mine"}
INSIDE = {"m/notes": "mine", "m/gone/notes": "mine", "m/.unfinished-mine/a": "mine"}


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """A kill takes nothing from the disk's memory, so that nobody needs to wait for the disk."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def nothing(folder):
    del folder


def making(content, over, name="m"):
    def make(folder):
        with folders.atomic_folder(os.path.join(folder, name), "model", over) as work:
            for path, text in content.items():
                os.makedirs(os.path.dirname(os.path.join(work, path)), exist_ok=True)
                with open(os.path.join(work, path), "w") as file:
                    file.write(text)

    return make


def reading(content, name="m"):
    """Reads the files that either making has."""

    def read(folder):
        place = os.path.join(folder, name)

        def of_all():
            found = {}
            for path in content:
                if os.path.exists(os.path.join(place, path)):
                    with open(os.path.join(place, path)) as file:
                        found[path] = file.read()
            return found

        return folders.read_whole(place, of_all)

    return read


def making_file(text):
    return lambda folder: files.write_json(os.path.join(folder, "file.json"), text)


def read_file(folder):
    return files.read_json(os.path.join(folder, "file.json"))


def alone(folder):
    with claims.alone_in(folder):
        making_file("new")(folder)


NAMES, RUN_NAMES = dict(OLD, **NEW), dict(RUN_OLD, **RUN_NEW)
CASES = [
    kills.Case("file", nothing, making_file("new"), read_file, FOREIGN),
    kills.Case("file over a file", making_file("old"), making_file("new"), read_file, FOREIGN),
    kills.Case("file in a claimed folder", making_file("old"), alone, read_file, FOREIGN),
    kills.Case("new folder", nothing, making(NEW, folders.OWN), reading(NAMES), FOREIGN),
    kills.Case("new folder below others", nothing, making(NEW, folders.OWN, "a/b/m"), reading(NAMES, "a/b/m"), FOREIGN),
    kills.Case("empty folder", lambda folder: os.mkdir(os.path.join(folder, "m")), making(NEW, folders.OWN),
               reading(NAMES), FOREIGN),
    kills.Case("folder over a folder", making(OLD, folders.OWN), making(NEW, folders.OWN), reading(NAMES),
               FOREIGN),
    kills.Case("files among a user's", making(RUN_OLD, folders.SHARED), making(RUN_NEW, folders.SHARED),
               reading(RUN_NAMES), dict(FOREIGN, **INSIDE)),
    kills.Case("nothing over a folder", making(OLD, folders.SHARED), making({}, folders.SHARED), reading(NAMES),
               dict(FOREIGN, **INSIDE)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_killed_before_each_operation(tmp_path, case):
    assert kills.kill_everywhere(case, str(tmp_path)) >= 6


@pytest.mark.parametrize("again", [1, 8, 15, 30])
def test_killed_before_each_operation_and_once_more(tmp_path, again):
    (case,) = [case for case in CASES if case.name == "files among a user's"]
    assert kills.kill_everywhere(case, str(tmp_path), again=again) >= 30


def test_a_reader_that_is_killed_while_it_finishes_the_moves(tmp_path):
    """After a kill of a writer, a reader is killed at each operation as well: the next one finds one of both whole."""
    (case,) = [case for case in CASES if case.name == "files among a user's"]
    old, new, _ = kills.expected(case, str(tmp_path))
    number = points = 0
    while True:
        for operation in range(100):
            folder = str(tmp_path / ("%d-%d" % (number, operation)))
            os.mkdir(folder)
            kills.make_foreign(case, folder)
            case.prepare(folder)
            was_killed = kills.killed(number, lambda folder=folder: case.act(folder))
            is_read = not kills.killed(operation, lambda folder=folder: case.read(folder))
            assert case.read(folder) in (old, new)
            kills.check_foreign(case, folder)
            points += 1
            if is_read:
                break
        if not was_killed:
            break
        number += 2
    assert points >= 100


def test_the_harness_sees_what_is_lost(tmp_path):
    """A program that writes in place, one that removes first, and one that leaves rests are all found."""

    def in_place(folder):
        for name in ("a", "b"):
            with open(os.path.join(folder, name), "w") as file:
                file.write("new")

    def old(folder):
        for name in ("a", "b"):
            with open(os.path.join(folder, name), "w") as file:
                file.write("old")

    def removes(folder):
        if os.path.exists(os.path.join(folder, "file.json")):
            os.remove(os.path.join(folder, "file.json"))
        making_file("new")(folder)

    def leaves(folder):
        with open(os.path.join(folder, ".rest%d" % os.getpid()), "w"):
            pass
        making_file("new")(folder)
        os.remove(os.path.join(folder, ".rest%d" % os.getpid()))

    def read(folder):
        return [open(os.path.join(folder, name)).read() for name in ("a", "b")]

    for number, case in enumerate([
        kills.Case("in place", old, in_place, read), kills.Case("removes", making_file("old"), removes, read_file),
        kills.Case("leaves", making_file("old"), leaves, read_file),
    ]):
        (tmp_path / str(number)).mkdir()
        with pytest.raises(AssertionError):
            kills.kill_everywhere(case, str(tmp_path / str(number)))
