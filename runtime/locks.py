"""One program at a time in a folder.

Own lines in place of the package filelock, whose locks are files of their own that stay in the folder (seen with 3.12
and 4.1); here the folder itself is locked.
"""
import contextlib
import fcntl
import os
import sys

from runtime.errors import UserError, reason


@contextlib.contextmanager
def alone_in(folder):
    """Lets one program at a time work in ``folder``, which is made when missing; a line says that others wait.

    A lock ends with the program that holds it. Where the file system knows no locks there are none.
    """
    try:
        os.makedirs(folder, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise UserError("%s cannot be made (%s): choose another folder" % (folder, reason(error))) from None
    try:
        with contextlib.suppress(OSError):  # some network file systems have no locks
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("waiting for another program that works in %s" % folder, file=sys.stderr, flush=True)
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
