"""The search for unreachable objects: off in a block, and as before after it."""
import gc

import pytest

from runtime import collector


def test_it_is_paused_in_a_block_and_goes_on_after_it():
    with collector.paused():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_an_error():
    with pytest.raises(ValueError), collector.paused():
        raise ValueError
    assert gc.isenabled()


def test_it_stays_off_where_it_was_off():
    gc.disable()
    try:
        with collector.paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
