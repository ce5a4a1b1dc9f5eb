"""scripts/benchmarks/side_process.py: conversations with a side that does nothing."""
import sys

import pytest
from side_process import SideProcess, in_turns

from runtime.errors import UserError

SIDE = """
import json, os, sys
print(json.dumps({}), flush=True)  # the warm-up is over
for number, line in enumerate(sys.stdin):
    print(json.dumps({"units": number, "name": os.environ.get("NAME"), "asked": line}), flush=True)
"""


def test_rounds_of_a_side():
    side = SideProcess([sys.executable, "-c", SIDE], environment={"NAME": "x"})
    assert side.seconds_to_ready > 0.0
    assert side.round() == {"units": 0, "name": "x", "asked": "go\n"}
    side.close()


TURNS = SIDE.replace('"units": number,', '"seconds": 6.0, "units": number + int(os.environ["FIRST"]),')


def test_sides_take_turns():
    sides = {first: SideProcess([sys.executable, "-c", TURNS], environment={"FIRST": first}) for first in ("1", "2")}
    assert in_turns(sides, 2) == {"1": [6.0, 3.0], "2": [3.0, 2.0]}
    for side in sides.values():
        side.close()


def test_sides_that_wait_for_each_other():
    sides = [SideProcess([sys.executable, "-c", SIDE], wait=False) for _ in range(2)]
    for side in sides:
        side.wait_until_ready()
    for side in sides:
        side.begin()
    assert [side.end()["units"] for side in sides] == [0, 0]
    for side in sides:
        side.close()


@pytest.mark.parametrize("before", ["", "import os, time; os.dup2(2, 1); time.sleep(0.3); "])
def test_a_side_that_fails_says_why(before):
    """Also one that, as benchmark_side.Side, gives up its answers before its error is printed."""
    with pytest.raises(UserError, match="a side of the benchmark failed: .*no such thing"):
        SideProcess([sys.executable, "-c", before + "raise SystemExit('no such thing')"])


def test_a_side_that_ends_between_rounds_says_why():
    """Else the program would end without a word, as where nobody reads its output."""
    side = SideProcess([sys.executable, "-c", "import sys; print('{}', flush=True); sys.exit('no memory')"])
    side._process.wait()
    with pytest.raises(UserError, match="a side of the benchmark failed: .*no memory"):
        side.round()
    side.close()
