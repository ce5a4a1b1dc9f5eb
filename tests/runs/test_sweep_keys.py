"""Which runs a sweep is made of, in their order."""
import os

import pytest

from runs import sweep_keys
from runtime.errors import UserError


def test_keys_of_one_number_of_classes_follow_one_another():
    found = sweep_keys.keys(["a", "b"], ["airline", "conll", "disaster"], [4, 8], [0, 1])
    assert len(found) == len(set(found)) == 24
    assert [key.model for key in found] == ["a"] * 12 + ["b"] * 12
    assert [key.task for key in found[:12:4]] == ["disaster", "airline", "conll"]  # 2, 3 and 4 classes
    assert found[0].folder("out") == os.path.join("out", "a", "disaster", "4", "0")


def test_numbers():
    assert sweep_keys.numbers("splits", "0,3,5-7,6") == [0, 3, 5, 6, 7]


@pytest.mark.parametrize("text", ["7-5", "1,7-5", "", "a", "1,", "-3"])
def test_ranges_without_numbers(text):
    with pytest.raises(UserError, match="--splits=%s: " % text):
        sweep_keys.numbers("splits", text)
