"""Programs that are killed, run twice at once or short of room: some of the points that tests/try_programs.py tries."""
import os
import subprocess
import sys

import pytest

from runtime.paths import ROOT

CHOSEN = "make_splits,convert_text"


@pytest.mark.parametrize("trials, more", [
    ("kills,pairs", ["--every=6", "--rounds=2"]),
    ("full,permissions,links", ["--every=15"]),
])
def test_programs_that_are_disturbed_lose_nothing(trials, more, tmp_path):
    command = [sys.executable, os.path.join(ROOT, "tests", "try_programs.py"), "--work=%s" % tmp_path]
    done = subprocess.run(
        command + ["--programs=" + CHOSEN, "--trials=" + trials] + more, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(" points, 0 losses\n") and int(done.stdout.splitlines()[-1].split()[0]) >= 10
