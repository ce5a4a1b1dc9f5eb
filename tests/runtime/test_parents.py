"""Processes that end with the one that started them."""
import signal

import pytest
from other_process import is_alive, start, wait_until

# Each prints the numbers of two child processes that have nothing to do with files or pipes of their parent.
DIRECT = (
    "import os, time\n"
    "from runtime import parents\n"
    "parent = os.getpid()\n"
    "for _ in range(2):\n"
    "    if os.fork() == 0:\n"
    "        parents.end_with(parent)\n"
    "        os.write(1, b'%d\\n' % os.getpid())\n"
    "        time.sleep(99)\n"
    "time.sleep(99)\n"
)
WORKERS = (
    "import os, time\n"
    "from data import workers\n"
    "class Slow:\n"
    "    def task(self, classes, number):\n"
    "        os.write(1, b'%d\\n' % os.getpid())\n"
    "        time.sleep(99)\n"
    "list(workers.make_tasks(Slow(), [(2, number) for number in range(40)], 2))\n"
)
SWEEP = (
    "import multiprocessing, os, time\n"
    "from runs import sweep_processes\n"
    "parent, counter = os.getpid(), multiprocessing.Value('i', 0)\n"
    "for _ in range(2):\n"
    "    if os.fork() == 0:\n"
    "        sweep_processes._start(counter, 2, parent, False)\n"
    "        os.write(1, b'%d\\n' % os.getpid())\n"
    "        time.sleep(99)\n"
    "time.sleep(99)\n"
)


@pytest.mark.parametrize("code", [DIRECT, WORKERS, SWEEP], ids=["direct", "workers", "sweep"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_children_of_a_process_that_was_killed_end(code, how):
    process = start(code)
    children = {int(process.stdout.readline()) for _ in range(2)}
    assert len(children) == 2 and all(map(is_alive, children))
    process.send_signal(how)
    process.wait(timeout=30)
    wait_until(lambda: not any(map(is_alive, children)), seconds=10)
    process.communicate()
