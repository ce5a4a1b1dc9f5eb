"""The one exception that stands for a mistake the user can mend, and how a program ends with it."""
import contextlib
import errno
import os
import re
import sys

from runtime.cells import shown
from runtime.installation import setup
from runtime.waiting import waiting

_SURROGATE = re.compile("[\udc80-\udcff]")  # how Python spells a byte that is not UTF-8
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MANY = (errno.EMFILE, errno.ENFILE)


class UserError(Exception):
    """Bad input, flag or file. The message is one line: what is wrong, where, and the way out.

    Programs print it without a traceback and end with exit code 2.
    """


def reason(error):
    """Why an operation of the system or of TensorFlow failed, on one line."""
    text = str(getattr(error, "strerror", None) or getattr(error, "message", None) or error).strip()
    lines = text.splitlines() or [type(error).__name__]
    if lines[0].startswith("Graph execution error"):  # TensorFlow 2 gives the reason below the name of the node
        nodes = [number for number, line in enumerate(lines[:-1]) if line.startswith("Node:")]
        lines = lines[nodes[0] + 1 :] if nodes else lines
    return lines[0]


def listed(names, most):
    """The first names of a list in words, and how many more there are than `most`."""
    more = len(names) - most
    return ", ".join(names[:most]) + (" and %d more" % more if more > 0 else "")


def is_full(error):
    """Whether an OSError or a TensorFlow error says that a disk is full, or a file as large as it may become."""
    return getattr(error, "errno", None) in _FULL or any(os.strerror(code) in reason(error) for code in _FULL)


def cannot_write(place, error, flag="--output_dir"):
    """The UserError for an OSError or a TensorFlow error while writing to a place; `flag` named it, None: none did."""
    text = reason(error)
    way_out = "make room and run the same command again" if is_full(error) else "choose another place"
    return UserError("%s%s cannot be written (%s): %s." % (flag + ": " if flag else "", place, text, way_out))


@contextlib.contextmanager
def writing(place, flag="--output_dir"):
    """Turns errors of the system and of TensorFlow in a block that only writes into `cannot_write`."""
    try:
        yield
    except Exception as error:
        # TensorFlow's by its name, for this module is imported before it
        if isinstance(error, OSError) or "OpError" in [kind.__name__ for kind in type(error).__mro__]:
            raise cannot_write(place, error, flag) from None
        raise


@contextlib.contextmanager
def importing(name):
    """Around the imports of a program called `name`: a package that is missing or does not fit is one line, code 2.

    Where the module is imported by another, whose name is not "__main__", the error goes on.
    """
    try:
        with waiting("starting") if name == "__main__" else contextlib.nullcontext():
            yield
    except (UserError, ImportError) as error:
        if name != "__main__":
            raise
        way_out = "" if isinstance(error, UserError) else ": %s." % setup()
        print("error: %s%s" % (error, way_out), file=sys.stderr)
        sys.exit(2)


def not_utf8(text):
    """The UserError for text, a name or a path, that holds bytes which are not UTF-8."""
    place = _SURROGATE.search(text).start()
    near = text[max(0, place - 100) : place + 100].encode("utf-8", "backslashreplace").decode("utf-8")
    return UserError("%s: a name that is not UTF-8 cannot be written down: rename the file or folder." % near.strip())


def check_names(words):
    """UserError for words of a command line that are not UTF-8."""
    for word in words:
        if _SURROGATE.search(word):
            raise not_utf8(word)


def _code_of(program):
    try:
        return program() or 0
    except SystemExit as end:
        if isinstance(end.code, str):  # which Python prints
            raise
        return end.code or 0


def exit_code(program, stopped="stopped"):
    """Runs ``program()`` and returns its exit code, 0 for None.

    A UserError, and what the system refuses (memory, files, a full disk, a name that is not UTF-8), is printed as one
    line and gives 2. Ctrl-C gives 130 and the line `stopped`. Where nobody reads the output any more (``| head``) the
    program ends without a word, with 141.
    """
    try:
        code = _code_of(program)
        if sys.stdout:  # none where it was closed before
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        _tell(stopped)
        return 130
    except BrokenPipeError:
        _drop_output()
        return 141
    except Exception as error:
        line = str(error) if isinstance(error, UserError) else refused(error)
        if line is None:
            raise
        _tell("error: %s" % shown(line))
        return 2


def refused(error):
    """One line about an error that says what the system refused; None for another error."""
    if isinstance(error, UnicodeEncodeError) and _SURROGATE.search(error.object):
        return str(not_utf8(error.object))
    if is_want_of_memory(error):
        return "there is not enough memory (%s): take a smaller batch or fewer processes." % reason(error)
    if is_want_of_descriptors(error):
        return "%s: close other programs, or raise the limit (ulimit -n)." % os.strerror(errno.EMFILE)
    if not isinstance(error, OSError):
        return None
    if error.filename is None and is_full(error):
        return "the output cannot be written (%s): make room, or send it elsewhere." % reason(error)
    if is_full(error):
        return str(cannot_write(error.filename, error, flag=None))
    return "%s: %s." % (error.filename or "the system refused", reason(error))


def is_want_of_memory(error):
    """Whether Python or TensorFlow got no memory."""
    is_exhausted = any(kind.__name__ == "ResourceExhaustedError" for kind in type(error).__mro__)
    is_other = is_full(error) or is_want_of_descriptors(error)  # TensorFlow gives them the same type
    return isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM or (
        is_exhausted and not is_other)


def is_want_of_descriptors(error):
    """Whether too many files are open, whatever was to be read or written."""
    return getattr(error, "errno", None) in _MANY or any(os.strerror(code) in reason(error) for code in _MANY)


def _tell(line):
    """Prints a line for the user, where anybody can read it, and what the program has printed before."""
    with contextlib.suppress(OSError):
        if sys.stderr:
            print(line, file=sys.stderr, flush=True)
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError:
        _drop_output()


def _drop_output():
    """Gives up standard output, which Python would write to once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
