"""Python's search for objects that only hold each other, which costs seconds where many objects are made that stay."""
import contextlib
import gc


@contextlib.contextmanager
def paused():
    """No search while a block runs, such as one that makes a graph: nearly all it makes stays."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
