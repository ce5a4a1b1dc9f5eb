import errno
import functools
import subprocess
import sys

import pytest

from runtime import errors
from runtime.compat import tf
from runtime.paths import ROOT

GRAPH_ERROR = """Graph execution error:

Detected at node 'save/SaveV2' defined at (most recent call last):
    File "program.py", line 1, in <module>
Node: 'save/SaveV2'
output/model.ckpt; No space left on device
\t [[{{node save/SaveV2}}]]
"""


@pytest.mark.parametrize(
    "error, line",
    [
        (OSError(28, "No space left on device", "file"), "No space left on device"),
        (tf.errors.DataLossError(None, None, GRAPH_ERROR), "output/model.ckpt; No space left on device"),
        (tf.errors.DataLossError(None, None, "Graph execution error:\n\nno node"), "Graph execution error:"),
        (ValueError("first\nsecond"), "first"),
        (ValueError(), "ValueError"),
    ],
)
def test_reason(error, line):
    assert errors.reason(error) == line


@pytest.mark.parametrize("most, words", [(1, "a and 2 more"), (2, "a, b and 1 more"), (3, "a, b, c"), (4, "a, b, c")])
def test_names_that_are_listed(most, words):
    assert errors.listed(["a", "b", "c"], most) == words and errors.listed([], most) == ""


def failing(error):
    def program():
        raise error

    return program


def test_exit_code(capsys):
    assert errors.exit_code(lambda: None) == 0 and errors.exit_code(lambda: 3) == 3
    assert errors.exit_code(failing(errors.UserError("--flag: wrong"))) == 2
    assert errors.exit_code(failing(KeyboardInterrupt()), stopped="stopped here") == 130
    assert capsys.readouterr().err == "error: --flag: wrong\nstopped here\n"


@pytest.mark.parametrize("error, words", [
    (MemoryError(), "not enough memory"),
    (MemoryError("Unable to allocate 9 GiB"), "not enough memory (Unable to allocate 9 GiB)"),
    (OSError(errno.ENOMEM, "Cannot allocate memory"), "not enough memory"),
    (tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\nat node"), "(OOM when allocating)"),
    (tf.errors.ResourceExhaustedError(None, None, "model.index; Too many open files"), "Too many open files: "),
    (OSError(errno.EMFILE, "Too many open files", "a"), "ulimit -n"),
    (OSError(errno.ENOSPC, "No space left on device"), "the output cannot be written"),
    (OSError(errno.EFBIG, "File too large", "a"), "a cannot be written (File too large)"),
    (PermissionError(errno.EACCES, "Permission denied", "a/b"), "a/b: Permission denied."),
])
def test_what_the_system_refuses_is_one_line(error, words, capsys):
    assert errors.exit_code(failing(error)) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ") and printed.count("\n") == 1 and words in printed


@pytest.mark.parametrize("error", [ValueError("a"), tf.errors.InternalError(None, None, "a")])
def test_errors_of_the_program_stay_errors(error):
    with pytest.raises(type(error)):
        errors.exit_code(failing(error))


# What a program does, its standard streams, and what is left to see.
PROGRAM = "import sys\nfrom runtime import errors\ndef program():\n    print('x' * %d)\n    %s\n"
PROGRAM += "sys.exit(errors.exit_code(program))"


@pytest.mark.parametrize("size", [1, 100000])
@pytest.mark.parametrize("streams, line, code", [
    (">/dev/full", "error: the output cannot be written (No space left on device)", 2),
    (">&-", "", 0), ("2>&-", "", 0), (">&- 2>&- <&-", "", 0),
])
def test_standard_streams_that_are_full_or_closed(size, streams, line, code):
    done = ended(PROGRAM % (size, "pass"), streams)
    assert done.returncode == code and done.stderr.startswith(line) and done.stderr.count("\n") == bool(line)


@pytest.mark.parametrize("streams", [">/dev/full", ">&-", "2>&-", "2>/dev/full", ">/dev/full 2>/dev/full"])
def test_a_mistake_keeps_its_exit_code_whatever_the_streams(streams):
    assert ended(PROGRAM % (1, "raise errors.UserError('wrong')"), streams).returncode == 2


def ended(code, streams):
    return subprocess.run(
        ["sh", "-c", '"$0" -c "$1" %s' % streams, sys.executable, code], cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, universal_newlines=True,
    )


def test_output_that_nobody_reads_ends_without_a_word():
    program = "import sys\nfrom runtime import errors\n"
    program += "sys.exit(errors.exit_code(lambda: [print(i) for i in range(100000)] and 0))"
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait() == 141
    process.stderr.close()


@pytest.mark.parametrize("error, way_out", [(errors.UserError("old."), ""), (ImportError("no tf"), "setup_env.sh")])
def test_imports_that_fail_are_one_line_in_a_program_alone(error, way_out, capsys):
    with pytest.raises(type(error)):
        with errors.importing("another_module"):
            raise error
    with pytest.raises(SystemExit) as stopped:
        with errors.importing("__main__"):
            raise error
    printed = capsys.readouterr().err
    assert stopped.value.code == 2 and printed.startswith("error: %s" % error) and way_out in printed
    assert printed.count("\n") == 1


def test_exit_codes_of_programs_that_end_themselves(capsys):
    for code, expected in ((0, 0), (None, 0), (2, 2), (143, 143)):
        assert errors.exit_code(functools.partial(sys.exit, code)) == expected
    assert errors.exit_code(lambda: "a\udce9".encode("utf-8")) == 2
    line = capsys.readouterr().err
    assert line == "error: a\\udce9: a name that is not UTF-8 cannot be written down: rename the file or folder.\n"
    with pytest.raises(UnicodeEncodeError):
        errors.exit_code(lambda: "\u20ac".encode("ascii"))
    with pytest.raises(errors.UserError, match="not UTF-8"):
        errors.check_names(["--train", "caf\udce9.csv"])
