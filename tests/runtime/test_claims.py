"""Who is at work in a place, alive or dead."""
import dataclasses
import json
import os
import sys
import threading

import pytest
from other_process import kill, run, start, wait_until

from runtime import claims
from runtime.errors import UserError

HOLD = "from runtime import claims; claims.claim(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
LEAVE = "from runtime import claims; print(claims.make_workplace(sys.argv[1]), flush=True); import time; time.sleep(99)"


def sign(path, **changes):
    """Makes a folder a workplace of a process that differs from this one in `changes`."""
    path.mkdir()
    owner = dataclasses.replace(claims._this_process(), **changes)
    (path / claims.OWNER).write_text(json.dumps(dict(dataclasses.asdict(owner), format=claims.FORMAT)))
    return path


def name(number):
    return ".unfinished-%016x" % number


def test_a_killed_process_leaves_a_workplace_that_the_next_one_removes(tmp_path):
    kill(start(LEAVE, tmp_path))
    (left,) = os.listdir(str(tmp_path))
    own = claims.make_workplace(str(tmp_path))
    assert os.listdir(str(tmp_path)) == [os.path.basename(own)] != [left]
    claims.remove_workplace(own)
    assert os.listdir(str(tmp_path)) == []


def test_a_process_that_nobody_waited_for_is_dead(tmp_path):
    process = start(LEAVE, tmp_path)
    process.stdout.readline()
    os.kill(process.pid, 9)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now
    try:
        claims.remove_workplace(claims.make_workplace(str(tmp_path)))
        assert os.listdir(str(tmp_path)) == []
    finally:
        process.communicate()


@pytest.mark.parametrize("changes, stays", [
    ({}, True),
    ({"started": "1"}, False),  # another process has the number now
    ({"pid": 2 ** 22 + 1}, False),
    ({"pid": 2 ** 70}, False),
    ({"host": "elsewhere"}, True),
    ({"host": "elsewhere", "pid": 2 ** 22 + 1}, True),
    ({"boot": "an earlier start"}, True),
])
def test_workplaces_of_dead_processes_go(tmp_path, changes, stays):
    sign(tmp_path / name(1), **changes)
    claims.remove_workplace(claims.make_workplace(str(tmp_path)))
    assert os.listdir(str(tmp_path)) == [name(1)] * stays


@pytest.mark.parametrize("changes", [{"host": "elsewhere"}, {"boot": "an earlier start"}])
def test_a_process_elsewhere_is_dead_when_it_has_not_been_seen_for_long(tmp_path, changes):
    owner = sign(tmp_path / name(1), **changes) / claims.OWNER
    now = owner.stat().st_mtime
    os.utime(str(owner), (now, now - claims.SILENCE - 10))
    claims.remove_workplace(claims.make_workplace(str(tmp_path)))
    assert os.listdir(str(tmp_path)) == []


def test_a_living_process_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "BEAT", 0.01)
    monkeypatch.setattr(claims, "_HEART", claims._Heart())
    path = claims.make_workplace(str(tmp_path))
    owner = os.path.join(path, claims.OWNER)
    os.utime(owner, (0, 0))
    wait_until(lambda: os.stat(owner).st_mtime > 0)
    claims.remove_workplace(path)
    wait_until(lambda: claims._HEART._thread is None)


def test_folders_of_a_user_stay(tmp_path):
    """Whatever they are called; only one that says itself that a dead process made it goes."""
    for folder, content in [
        (".unfinished-mine", {"notes": "x"}), (".unfinished-mine2", {}), (name(2), {"notes": "x"}),
        (name(3), {claims.OWNER: "{}", "notes": "x"}), (name(4), {claims.OWNER: "[1]", "notes": "x"}),
        (name(5), {claims.OWNER: '{"format": 1, "pid": "a"}'}), ("model.old", {"model.json": "{}"}),
        (name(6) + "0", {claims.OWNER + ".part": ""}),
    ]:
        (tmp_path / folder).mkdir()
        for file, text in content.items():
            (tmp_path / folder / file).write_text(text)
    (tmp_path / "target").mkdir()
    sign(tmp_path / "target" / "dead", started="1")
    os.symlink(str(tmp_path / "target" / "dead"), str(tmp_path / name(7)))
    before = sorted(os.path.join(root, each) for root, _, names in os.walk(str(tmp_path)) for each in names)
    claims.remove_workplace(claims.make_workplace(str(tmp_path)))
    assert before == sorted(os.path.join(root, each) for root, _, names in os.walk(str(tmp_path)) for each in names)


@pytest.mark.parametrize("content", [[], [claims.OWNER + ".part"]])
def test_a_workplace_that_its_process_could_not_sign_goes(tmp_path, content):
    (tmp_path / name(1)).mkdir()
    for file in content:
        (tmp_path / name(1) / file).write_text("{")
    claims.remove_workplace(claims.make_workplace(str(tmp_path)))
    assert os.listdir(str(tmp_path)) == []


def test_a_claim_that_is_held_is_refused_with_its_owner(tmp_path):
    path = str(tmp_path / "claim")
    process = start(HOLD, path)
    process.stdout.readline()
    seen = []
    with pytest.raises(UserError) as error:
        claims.claim(path, wait=0.1, waiting=seen.append)
    (owner,) = seen
    assert owner.pid == process.pid
    assert str(error.value) == "%s is in use by %s (process %d on %s, since %s): wait until it has ended." % (
        tmp_path, os.path.basename(sys.executable), process.pid, owner.host, owner.since)
    assert os.listdir(str(tmp_path)) == ["claim"]
    process.kill()
    process.communicate()
    finished = []
    claims.claim(path, finished.append)  # the dead one's is finished, and taken over
    assert finished == [path] and claims.owner_of(path).pid == os.getpid() and os.listdir(str(tmp_path)) == ["claim"]
    claims.release(path)
    assert os.listdir(str(tmp_path)) == []


def test_a_claim_from_elsewhere_names_the_way_out(tmp_path):
    path = sign(tmp_path / "claim", host="elsewhere")
    with pytest.raises(UserError, match="on elsewhere, since .*or delete %s if it does not run any more" % path):
        claims.claim(str(path))


@pytest.mark.parametrize("make", [
    lambda path: path.write_text("x"),
    lambda path: (path.mkdir(), (path / "notes").write_text("x")),
])
def test_what_is_no_claim_is_refused_and_stays(tmp_path, make):
    make(tmp_path / "claim")
    with pytest.raises(UserError, match="claim is there, and not of this program: move it away"):
        claims.claim(str(tmp_path / "claim"))
    assert os.listdir(str(tmp_path)) == ["claim"]


def test_one_waits_for_another(tmp_path):
    code = (
        "from runtime import claims; import os, time\n"
        "for _ in range(25):\n"
        "    with claims.alone_in(sys.argv[1], wait=60):\n"
        "        number = int(open(sys.argv[2]).read()); time.sleep(0.001)\n"
        "        with open(sys.argv[2], 'w') as file: file.write(str(number + 1))\n"
    )
    counter = tmp_path / "counter"
    counter.write_text("0")
    processes = [start(code, tmp_path, counter) for _ in range(2)]
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert counter.read_text() == "50" and os.listdir(str(tmp_path)) == ["counter"]


def test_others_wait_and_say_for_whom(tmp_path, capsys):
    folder, events = tmp_path / "made", []

    def other():
        with claims.alone_in(str(folder)):
            events.append("other")

    with claims.alone_in(str(folder)):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        assert "(process %d on " % os.getpid() in capsys.readouterr().err
        events.append("first")
    thread.join()
    assert events == ["first", "other"] and list(folder.iterdir()) == []


def test_the_turn_of_a_program_ends_with_it(tmp_path):
    code = "from runtime import claims; import os\nwith claims.alone_in(sys.argv[1]): os._exit(3)"
    assert run(code, tmp_path)[0] == 3
    with claims.alone_in(str(tmp_path), wait=0):
        pass
    assert os.listdir(str(tmp_path)) == []


def test_nobody_can_be_alone_in_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    for place in ("file", "file/below"):
        with pytest.raises(UserError, match="cannot be written .*choose another place"):
            with claims.alone_in(str(tmp_path / place)):
                pass


def test_one_of_many_takes_over_from_the_dead(tmp_path):
    """All find a dead process's claim at once; what it left is finished once, and everyone has its turn."""
    path, log = tmp_path / "claim", tmp_path / "log"
    code = (
        "from runtime import claims\n"
        "def finish(path):\n"
        "    with open(sys.argv[2], 'a') as file: file.write('finished\\n')\n"
        "claims.claim(sys.argv[1], finish, wait=60)\n"
        "with open(sys.argv[2], 'a') as file: file.write('held\\n')\n"
        "claims.release(sys.argv[1])\n"
    )
    kill(start(HOLD, path))
    processes = [start(code, path, log) for _ in range(6)]
    for process in processes:
        assert process.communicate(timeout=60)[1] == ""
    assert sorted(log.read_text().split()) == ["finished"] + ["held"] * 6
    assert os.listdir(str(tmp_path)) == ["log"]


def test_killed_while_it_takes_over(tmp_path):
    path = str(tmp_path / "claim")
    kill(start(HOLD, path))
    code = "from runtime import claims; import os\nclaims.claim(sys.argv[1], lambda path: os._exit(9))"
    for _ in range(3):
        assert run(code, path)[0] == 9
    finished = []
    claims.claim(path, finished.append)
    assert finished == [path]
    claims.release(path)
    assert os.listdir(str(tmp_path)) == []


def test_a_take_over_that_fails_leaves_it_to_others(tmp_path):
    path = str(sign(tmp_path / "claim", started="1"))

    def fail(path):
        raise OSError(13, "Permission denied", path)

    with pytest.raises(OSError):
        claims.claim(path, fail)
    assert os.listdir(path) == [claims.OWNER] and os.listdir(str(tmp_path)) == ["claim"]


def test_a_claim_in_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    for place in ("none", "file"):
        with pytest.raises(OSError):
            claims.claim(str(tmp_path / place / "claim"))


def test_a_process_elsewhere_that_may_be_dead_is_waited_for(tmp_path, capsys):
    """Such as one that was killed on another machine, and begun again on this one."""
    path = sign(tmp_path / claims.LOCK, host="elsewhere")
    with pytest.raises(UserError, match="in use by .* on elsewhere"):
        with claims.alone_in(str(tmp_path), wait=0, elsewhere=0.2):
            pass
    owner = path / claims.OWNER
    now = owner.stat().st_mtime
    threading.Timer(0.3, lambda: os.utime(str(owner), (now, now - claims.SILENCE - 10))).start()
    with claims.alone_in(str(tmp_path), wait=0, elsewhere=30):
        pass
    assert os.listdir(str(tmp_path)) == [] and "waiting for " in capsys.readouterr().err
