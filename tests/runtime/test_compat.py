"""Which versions are taken, and what TensorFlow says while it is imported (a stand-in, in processes of their own)."""
import os
import subprocess
import sys

import pytest

from runtime import compat
from runtime.errors import UserError
from runtime.paths import ROOT

# It writes to the file descriptor as TensorFlow's C++ does, and has what compat.py calls.
STAND_IN = """
import os
os.write(2, b"line of C++\\n")
%(more)s
__version__ = %(version)r
"""
STAND_IN_V1 = """
def disable_v2_behavior(): pass
enable_resource_variables = enable_control_flow_v2 = disable_v2_behavior
class logging:
    ERROR = 40
    set_verbosity = int
class config:
    class experimental:
        switched = []
        enable_tensor_float_32_execution = switched.append
"""
GROWTH = "TF_FORCE_GPU_ALLOW_GROWTH"
IMPORT = "import sys; sys.version_info = %r; from runtime import compat; sys.stderr.write('after\\n')"
CHILD = "; import subprocess; subprocess.call([sys.executable, '-c', %r])" % (IMPORT % ((3, 12, 0),))


@pytest.mark.parametrize("python, tensorflow", [
    ((3, 7), "1.15.5"), ((3, 9), "2.15.0"), ((3, 10), "2.15.1"), ((3, 11), "2.15.1"), ((3, 12), "2.21.0"),
    ((3, 13), "2.21.1-rc0"), ((3, 12), None),
])
def test_versions_that_are_tested_need_no_note(python, tensorflow):
    assert compat.check_versions(python, tensorflow) is None


@pytest.mark.parametrize("python, tensorflow, tested", [
    ((3, 12), "2.16.2", "2.21"), ((3, 13), "2.20.0", "2.21"), ((3, 9), "2.18.0", "2.15"), ((3, 11), "2.21.0", "2.15"),
])
def test_versions_between_are_accepted_with_a_note(python, tensorflow, tested):
    note = compat.check_versions(python, tensorflow)
    assert "TensorFlow %s on Python %d.%d" % ((tensorflow,) + python) in note and "not tested" in note
    assert "TensorFlow %s is" % tested in note and len(note.splitlines()) == 1


@pytest.mark.parametrize("python, tensorflow, words", [
    ((3, 14), None, "Python 3.14"), ((3, 8), None, "Python 3.8"), ((3, 6), None, "Python 3.6"),
    ((2, 7), None, "Python 2.7"), ((3, 7), "2.15.1", "TensorFlow 2.15.1 on Python 3.7"),
    ((3, 10), "2.14.1", "TensorFlow 2.14.1"), ((3, 9), "1.15.5", "TensorFlow 1.15.5"),
    ((3, 13), "2.22.0", "TensorFlow 2.22.0"), ((3, 12), "3.0.0", "TensorFlow 3.0.0"),
])
def test_other_versions_are_refused_with_the_way_out(python, tensorflow, words):
    with pytest.raises(UserError) as refusal:
        compat.check_versions(python, tensorflow)
    message = str(refusal.value)
    assert words + " " in message and "scripts/setup_env.sh" in message and "3.12 or 3.13" in message
    assert len(message.splitlines()) == 1


@pytest.fixture(name="stand_in")
def fixture_stand_in(tmp_path):
    """Runs `code` where TensorFlow is a stand-in: (exit code, lines on standard error)."""

    def run(code, version="2.21.0", more="", close_stderr=False, **environment):
        folder = tmp_path / "tensorflow" / "compat"
        folder.mkdir(parents=True)
        (tmp_path / "tensorflow" / "__init__.py").write_text(STAND_IN % dict(version=version, more=more))
        (folder / "__init__.py").write_text("")
        (folder / "v1.py").write_text(STAND_IN_V1)
        variables = dict(os.environ, PYTHONPATH=os.pathsep.join([str(tmp_path), ROOT]))
        for name in ("TF_CPP_MIN_LOG_LEVEL", GROWTH, compat.NOTED):
            variables.pop(name, None)
        variables.update(environment)
        done = subprocess.run(
            [sys.executable, "-c", ("import os; os.close(2); " if close_stderr else "") + code], env=variables,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
        )
        assert done.stdout == ""
        return done.returncode, done.stderr.splitlines()

    return run


def test_what_cpp_prints_at_the_import_is_kept_back_and_what_comes_later_is_not(stand_in):
    assert stand_in(IMPORT % ((3, 12, 0),)) == (0, ["after"])


@pytest.mark.parametrize("level, lines", [("0", ["line of C++", "after"]), ("3", ["after"])])
def test_a_level_that_was_asked_for_shows_it(stand_in, level, lines):
    assert stand_in(IMPORT % ((3, 12, 0),), TF_CPP_MIN_LOG_LEVEL=level) == (0, lines)


def test_an_import_that_fails_says_why(stand_in):
    code, lines = stand_in(IMPORT % ((3, 12, 0),), more="raise ImportError('libcudart.so is missing')")
    assert code == 1 and "libcudart.so is missing" in lines[-1] and "UserError" in lines[-1]


def test_any_other_failure_leaves_standard_error_as_it_was(stand_in):
    code, lines = stand_in(IMPORT % ((3, 12, 0),), more="raise ValueError('broken')")
    assert code == 1 and lines[-1] == "ValueError: broken" and "line of C++" not in lines


@pytest.mark.parametrize("version", ["2.21.0", "2.17.0"])
def test_standard_error_may_be_closed(stand_in, version):
    # The stand-in's own line cannot be written either.
    code = "import os, sys; sys.version_info = (3, 12, 0); sys.stderr = None; os.write = lambda *_: 0; "
    code += "from runtime import compat; assert compat.tf"
    assert stand_in(code, version, close_stderr=True) == (0, [])


def test_versions_between_are_noted_once_in_a_process_and_those_it_starts(stand_in):
    code, lines = stand_in(IMPORT % ((3, 12, 0),) + CHILD, version="2.17.0")
    assert code == 0 and "not tested" in lines[0] and lines[1:] == ["after", "after"]


def test_what_no_graph_needs_is_spared_and_can_be_imported_later(stand_in, tmp_path):
    (tmp_path / "pandas.py").write_text("there = True")
    more = "try:\n    import pandas\nexcept ImportError:\n    spared = True"
    code = IMPORT % ((3, 12, 0),) + "; import tensorflow, pandas; assert tensorflow.spared; assert pandas.there"
    assert stand_in(code, more=more) == (0, ["after"])


def test_what_is_there_already_is_not_spared(stand_in, tmp_path):
    (tmp_path / "pandas.py").write_text("there = True")
    code = "import pandas; " + IMPORT % ((3, 12, 0),) + "; import tensorflow; assert tensorflow.pandas is pandas"
    assert stand_in(code, more="import pandas") == (0, ["after"])


def test_gpus_multiply_with_32_bits(stand_in):
    code = IMPORT % ((3, 12, 0),) + "; assert compat.tf.config.experimental.switched == [False]"
    assert stand_in(code) == (0, ["after"])


@pytest.mark.parametrize("asked, growth", [({}, "true"), ({GROWTH: "false"}, "false")])
def test_a_gpus_memory_is_taken_as_it_is_needed_unless_told_otherwise(stand_in, asked, growth):
    code = IMPORT % ((3, 12, 0),) + "; import os; assert os.environ[%r] == %r" % (GROWTH, growth)
    assert stand_in(code, **asked) == (0, ["after"])


def test_products_are_rounded_where_tensorflow_can_and_is_told_to():
    state = getattr(compat.tf.config.experimental, "tensor_float_32_execution_enabled", None)
    for is_rounded in (True, False):
        compat.round_products(is_rounded)
        assert state is None or state() is is_rounded  # 1.15 has neither


def test_an_interpreter_that_does_not_fit_is_refused_before_the_import(stand_in):
    code, lines = stand_in(IMPORT % ((3, 14, 0),), more="raise ImportError('no wheel')")
    assert code == 1 and "Python 3.14 is not supported" in lines[-1] and "no wheel" not in lines[-1]
