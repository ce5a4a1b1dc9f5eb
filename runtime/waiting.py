"""What a program is waiting for, on the terminal, while it has nothing else to show yet."""
import contextlib
import sys


@contextlib.contextmanager
def waiting(what):
    """Shows a line until a block ends; what is written meanwhile takes its place. Nothing where nobody watches."""
    _tell("%s ...\r" % what)
    try:
        yield
    finally:
        _tell("\x1b[K")  # to the end of the line


def _tell(text):
    with contextlib.suppress(OSError):
        if sys.stderr and sys.stderr.isatty():
            sys.stderr.write(text)
            sys.stderr.flush()
