"""Text files as decoded lines: UTF-8, compressed or not. Nothing here needs TensorFlow.

Lines end with LF or CRLF; a carriage return alone is part of the text. Where a file has no LF at all (an old
Macintosh's), carriage returns end its lines.
"""
import contextlib
import gzip
import io
import os
import sys
import zlib

from data import foreign, tasks
from runtime.cells import shown
from runtime.errors import UserError

STDIN = "-"
SPOOL = "few-shot-standard-input-"  # begins the name of a folder that what standard input held is in
GZIP = b"\x1f\x8b"
NOT_UTF8 = "byte 0x%02x is not UTF-8; save the file as UTF-8 (iconv -t UTF-8)."
LONE_RETURN = "\udc0d"  # stands for a carriage return inside a line; no UTF-8 text holds it


def is_compressed(path):
    """Whether a file is compressed, by its name."""
    return path.lower().endswith(".gz")


def named(path):
    """What messages call a file: standard input by this name, where it was written to a file in a SPOOL folder, too."""
    is_stdin = path == STDIN or os.path.basename(os.path.dirname(path)).startswith(SPOOL)
    return "standard input" if is_stdin else path


def fault(path, where, what):
    """The UserError for a place in a file."""
    return UserError("%s: %s: %s" % (named(path), where, shown(what)))


@contextlib.contextmanager
def opened(path):
    """The decoded file as a stream without a byte order mark; UserError when it cannot be read or is not UTF-8.

    Of "-" an iterator over the lines as they come.
    """
    if path == STDIN:
        yield _typed_lines()
        return
    try:
        _check_kind(path)
        with _binary(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="\n") as stream:
            try:
                yield stream
            except UnicodeDecodeError:
                raise _not_utf8(path, file) from None
    except (OSError, EOFError, zlib.error) as error:
        raise UserError("%s: cannot be read (%s)." % (named(path), getattr(error, "strerror", None) or error)) from None


def lines(stream):
    """The lines of a stream of `opened`, each with its end (LF or CRLF)."""
    stream = iter(stream)
    first = next(stream, "")
    if "\r" in first[:-1] and not first.endswith("\n"):
        for line in (first[:-1] if first.endswith("\r") else first).split("\r"):
            yield line + "\n"
        return
    if first:
        yield first
    yield from stream


def without_lone_returns(found):
    """Lines with LONE_RETURN for carriage returns but that of the end, at which the csv module would end rows."""
    for line in found:
        end = 2 if line.endswith("\r\n") else 1 if line.endswith("\n") else 0
        body = line[: len(line) - end]
        yield body.replace("\r", LONE_RETURN) + line[len(body) :] if "\r" in body else line


def _binary(path):
    return (gzip.open if is_compressed(path) else open)(tasks.require(path), "rb")


def _check_kind(path):
    """UserError for a file that holds something else than its name says."""
    with open(tasks.require(path), "rb") as file:
        start = file.read(foreign.LONGEST_SIGN)
    if is_compressed(path):
        if start and not start.startswith(GZIP):
            raise UserError("%s: is not compressed: let its name end without .gz." % named(path))
        with _binary(path) as file:
            start = file.read(foreign.LONGEST_SIGN)
    other = foreign.told(start, is_table=".txt" not in os.path.basename(path).lower())
    if other:
        raise UserError("%s: %s." % (named(path), other))


def _typed_lines():
    """The lines of standard input as they come."""
    if sys.stdin is None:
        raise UserError("standard input: is closed.")
    encoding = "utf-8-sig"
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            yield line.decode(encoding)
        except UnicodeDecodeError as error:
            raise fault(STDIN, "line %d" % number, NOT_UTF8 % error.object[error.start]) from None
        encoding = "utf-8"


def _not_utf8(path, file):
    """The error for the first byte of an open binary file that is not UTF-8."""
    file.seek(0)
    for number, line in enumerate(file, start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            return fault(path, "line %d" % number, NOT_UTF8 % line[error.start])
    return fault(path, "end", "the last character is cut short; fetch the file again.")
