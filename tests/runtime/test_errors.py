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
