"""The number of cores."""
import os

from runtime.cores import cores


def test_cores():
    assert 1 <= cores() <= os.cpu_count()
