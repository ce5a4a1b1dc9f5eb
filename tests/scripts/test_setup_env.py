"""scripts/setup_env.sh with interpreters that only pretend, on a path that has nothing else; no network."""
import os
import shutil
import subprocess

import pytest

from runtime.paths import ROOT

TOOLS = "bash cat chmod cksum cp dirname find grep head id ls mkdir mktemp mv rm sed sleep sort tail touch tr uname"
# An interpreter: it knows its version, makes environments of itself and notes what it is asked to install.
PYTHON = """#!%(bash)s
echo "%(name)s $*" | head -n 1 >>"%(calls)s"
case "$*" in
  *version_info*) echo %(version)s ;;
  *"-m venv"*) [ %(makes)s = yes ] || exit 1
    mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; touch "$3/pyvenv.cfg" ;;
  *"-m virtualenv"*) exit 1 ;;
  *"-m pip install"*" uv") exit 1 ;;
  *"-m pip install"*-r*) %(install)s ;;
esac
"""
UV = """#!%(bash)s
echo "uv $*" >>"%(calls)s"
case "$1" in
  venv) venv=${@: -1}; mkdir -p "$venv/bin"; cp %(python)s "$venv/bin/python" ;;
esac
"""


class Machine:
    """A checkout of the script, a path with a few tools, and a home without anything."""

    def __init__(self, folder):
        self.folder, self.calls_file = folder, folder / "calls"
        self.repository, self.bin = folder / "repository", folder / "bin"
        (self.repository / "scripts").mkdir(parents=True)
        for name in ("setup_env.sh", "interpreters.sh"):
            shutil.copy(os.path.join(ROOT, "scripts", name), str(self.repository / "scripts"))
        for name in os.listdir(ROOT):
            if name.startswith("requirements"):
                shutil.copy(os.path.join(ROOT, name), str(self.repository))
        self.bin.mkdir()
        for name in TOOLS.split():
            self.tool(name)

    def write(self, path, text):
        assert not path.is_symlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    def tool(self, name):
        """Lets the path have one of this system's programs: a file that calls it, for a test may write another one."""
        self.write(self.bin / name, '#!%s\nexec %s "$@"\n' % (shutil.which("bash"), shutil.which(name)))

    def python(self, name, version="", makes="yes", install="true", place=None):
        values = dict(bash=shutil.which("bash"), name=name, calls=self.calls_file)
        values.update(version=version, makes=makes, install=install)
        return self.write((place or self.bin) / name, PYTHON % values)

    def uv(self, python):
        self.write(self.bin / "uv", UV % dict(bash=shutil.which("bash"), calls=self.calls_file, python=python))

    def start(self, *arguments, **environment):
        variables = dict({"PATH": str(self.bin), "HOME": str(self.folder / "home")}, **environment)
        return subprocess.Popen(
            [str(self.repository / "scripts" / "setup_env.sh")] + list(arguments), env=variables, cwd=str(self.folder),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
        )

    def run(self, *arguments, **environment):
        """(exit code, standard output, lines on standard error)."""
        process = self.start(*arguments, **environment)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors.splitlines()

    def calls(self, word):
        """The calls that hold a word, since the last look."""
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        if self.calls_file.exists():
            self.calls_file.unlink()
        return [line for line in lines if word in line]


@pytest.fixture(name="machine")
def fixture_machine(tmp_path):
    return Machine(tmp_path)


def installs(machine):
    return [call for call in machine.calls("pip install") if "-rreq" in call]


def tree(folder):
    return sorted(os.path.join(root, name) for root, folders, names in os.walk(str(folder)) for name in folders + names)


# --- what it makes ---------------------------------------------------------------------------------------------------
def test_makes_an_environment_once(machine):
    machine.python("python3", "3.11")
    python = str(machine.repository / ".venv" / "bin" / "python")
    code, output, errors = machine.run()
    assert (code, output) == (0, python + "\n") and errors
    (call,) = installs(machine)
    assert "-rrequirements.txt -rrequirements-tools.txt" in call
    code, output, errors = machine.run("--print-python")
    assert (code, output, errors) == (0, python + "\n", []) and not installs(machine)
    assert "up to date" in machine.run()[2][0]


def test_reference_and_folders_relative_to_the_caller(machine):
    machine.python("python3.7", "3.7")
    assert machine.run(RUNTIME="reference")[1] == str(machine.repository / ".venv-reference" / "bin" / "python") + "\n"
    assert machine.run(RUNTIME="reference", VENV="mine")[1] == str(machine.folder / "mine" / "bin" / "python") + "\n"
    assert "python3.7 -m venv %s" % (machine.folder / "mine") in machine.calls("-m venv")


def test_groups_once_asked_for_stay(machine):
    machine.python("python3", "3.11")
    machine.run("--with=sklearn,core")
    machine.run("--with", "test")
    assert installs(machine)[-1].endswith(
        "-rrequirements.txt -rrequirements-sklearn.txt -rrequirements-test.txt -rrequirements-tools.txt")
    assert machine.run("--print-python")[2] == [] and not installs(machine)
    machine.run("--with=gpu")
    assert "-rrequirements-gpu.txt" in installs(machine)[-1]


def test_changed_requirements_are_installed(machine):
    machine.python("python3", "3.11")
    machine.run()
    with open(str(machine.repository / "requirements.txt"), "a") as file:
        file.write("one-more\n")
    installs(machine)
    machine.run()
    assert len(installs(machine)) == 1


def test_an_interrupted_installation_is_repeated(machine):
    machine.python("python3", "3.11", install="if [ ! -e %s ]; then exit 1; fi" % (machine.folder / "network"))
    code, output, errors = machine.run()
    assert (code, output) == (2, "") and str(machine.repository / ".venv" / "setup.log") in errors[-1]
    (machine.folder / "network").write_text("")
    installs(machine)
    assert machine.run()[0] == 0 and installs(machine)


# --- with what it makes it -------------------------------------------------------------------------------------------
def makers(machine):
    """The interpreters that were asked to make an environment, since the last look."""
    return [call.split()[0] for call in machine.calls("-m venv")]


@pytest.mark.parametrize("own, why", [("3.14", "none is here, python3 is 3.14"), ("", "none is here")])
def test_a_machine_whose_only_python_is_too_new_is_told_so(machine, own, why):
    machine.python("python3", own)
    code, _, errors = machine.run()
    assert code == 2
    assert "no environment of Python 3.12, 3.13, 3.11, 3.10, 3.9 could be made (%s): install one" % why in errors[-1]


@pytest.mark.parametrize("own, taken", [
    ("3.9", "python3"), ("3.11", "python3"), ("3.12", "python3"), ("3.13", "python3"),
    ("3.14", "python3.12"), ("3.8", "python3.12"), ("", "python3.12"),
])
def test_the_machines_own_python_first_then_those_of_the_newest_tensorflow(machine, own, taken):
    for version in ("3.9", "3.10", "3.11", "3.12", "3.13"):
        machine.python("python" + version, version)
    machine.python("python3", own)
    assert machine.run()[0] == 0 and makers(machine) == [taken]


def test_an_intel_mac_gets_the_last_tensorflow_that_has_wheels_for_it(machine):
    machine.write(machine.bin / "uname", "#!%s\necho Darwin x86_64\n" % shutil.which("bash"))
    machine.python("python3", "3.12")
    machine.python("python3.11", "3.11")
    assert machine.run()[0] == 0 and makers(machine) == ["python3.11"]
    code, _, errors = machine.run(PYTHON="3.12")
    assert code == 2 and "PYTHON=3.12 does not fit" in errors[0]


@pytest.mark.parametrize("asked, taken", [
    ("3.12", "python3.12"), ("python3.12", "python3.12"), ("3.10", "python3.10"), ("3.13 3.12", "python3.12"),
    ("3.9 3.11", "python3"), ("3.7", "python3.7"),
])
def test_a_version_can_be_asked_for(machine, asked, taken):
    machine.python("python3", "3.11")
    for version in ("3.7", "3.10", "3.12"):
        machine.python("python" + version, version)
    assert machine.run(PYTHON=asked)[0] == 0 and makers(machine) == [taken]


def test_a_version_that_the_path_hides_is_found_in_pyenv(machine):
    machine.python("python3", "3.11")
    machine.write(machine.bin / "python3.12", "#!/bin/sh\nexit 127\n")  # a shim of pyenv
    machine.python("python", "3.12", place=machine.folder / "home" / ".pyenv" / "versions" / "3.12.1" / "bin")
    assert machine.run(PYTHON="python3.12")[0] == 0 and makers(machine) == ["python"]


def test_an_environment_of_another_version_is_made_again_where_one_is_asked_for(machine):
    machine.python("python3", "3.11")
    machine.python("python3.12", "3.12")
    machine.run()
    assert makers(machine) == ["python3"]
    assert machine.run(PYTHON="3.12")[0] == 0 and makers(machine) == ["python3.12"]
    assert machine.run()[0] == 0 and makers(machine) == []  # it stays


def test_a_version_that_is_not_here(machine):
    machine.python("python3", "3.11")
    code, _, errors = machine.run(PYTHON="3.12 3.13")
    assert code == 2 and "Python 3.12, 3.13 could be made (none is here, python3 is 3.11)" in errors[-1]


def test_a_python_without_venv_or_that_does_not_run_gives_way(machine):
    machine.python("python3", "3.11", makes="no")
    machine.write(machine.bin / "python3.10", "#!/bin/sh\nexit 127\n")
    machine.python("python", "3.11", place=machine.folder / "home" / ".pyenv" / "versions" / "3.9.18" / "bin")
    assert machine.run()[0] == 0
    assert makers(machine) == ["python3", "python"]


def test_uv_is_taken_where_it_is_but_not_for_reference(machine):
    machine.uv(machine.python("python3", "3.11", makes="no"))
    machine.python("python3.7", "3.7")
    assert machine.run()[0] == 0
    calls = machine.calls("")
    assert [call.split()[:2] for call in calls if call.startswith("uv")] == [["uv", "venv"], ["uv", "pip"]]
    assert not any("-m pip install" in call for call in calls)
    assert machine.run(RUNTIME="reference")[0] == 0 and not machine.calls("uv ")


def test_uv_can_provide_a_python_that_is_not_here(machine):
    machine.uv(machine.python("elsewhere", "3.11", place=machine.folder / "store"))
    assert machine.run()[0] == 0
    assert any("--python 3.12" in call for call in machine.calls("uv venv"))


def test_reference_is_what_remains_where_only_its_python_is(machine):
    machine.python("python3.7", "3.7")
    code, output, errors = machine.run()
    assert code == 0 and ".venv-reference" in output and "taking Python 3.7" in errors[0]


def test_the_runtime_of_an_environment_that_is_there(machine):
    machine.python("python3", "3.11")
    machine.python("python3.7", "3.7")
    machine.run(RUNTIME="reference", VENV="mine")
    code, output, errors = machine.run("--print-python", VENV="mine")
    assert code == 0 and "mine" in output and errors == []


def test_the_given_python_only(machine):
    given = machine.python("mine", "3.11", place=machine.folder / "tools")
    machine.python("python3", "3.11")
    assert machine.run(PYTHON="tools/mine")[0] == 0
    assert makers(machine) == ["mine"] and os.path.exists(given)


# --- refusals, each one line -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("arguments, environment, word", [
    (["--wiht=test"], {}, "unknown argument --wiht=test"),
    (["--with=tests"], {}, "unknown group tests"),
    (["--with"], {}, "--with needs a list"),
    ([], {"RUNTIME": "new"}, "RUNTIME=new"),
    ([], {"PYTHON": "nowhere"}, "PYTHON=nowhere is not a program"),
    ([], {"PYTHON": "python3.8"}, "does not fit"),
    ([], {"PYTHON": "3.14"}, "does not fit: 3.12, 3.13, 3.11, 3.10, 3.9 (modern) or 3.7 (reference)"),
    ([], {"PYTHON": "bin/python3.8"}, "does not fit"),
    ([], {"PYTHON": "bin/python32"}, "does not fit"),
    ([], {"PYTHON": "3.12 3.7"}, "is for RUNTIME="),
    ([], {"PYTHON": "python3", "RUNTIME": "reference"}, "is for RUNTIME=modern"),
    (["--with=gpu"], {"RUNTIME": "reference"}, "gpu is for RUNTIME=modern"),
])
def test_refusals(machine, arguments, environment, word):
    machine.python("python3", "3.11")
    machine.python("python3.8", "3.8")
    machine.python("python32", "")  # of 32 bits
    code, output, errors = machine.run(*arguments, **environment)
    assert (code, output, len(errors)) == (2, "", 1) and word in errors[0]
    assert not (machine.repository / ".venv").exists()


def test_no_python_at_all(machine):
    for runtime, word in (("modern", "Python 3.12, 3.13, 3.11, 3.10, 3.9"), ("reference", "Python 3.7")):
        code, output, errors = machine.run(RUNTIME=runtime)
        assert (code, output) == (2, "") and word in errors[-1] and "PYTHON=" in errors[-1]


def test_help(machine):
    code, output, _ = machine.run("--help")
    assert code == 0 and output.startswith("Makes (or brings up to date)") and "set -e" not in output


# --- nothing that is not ours is touched -----------------------------------------------------------------------------
def test_a_folder_of_something_else_stays(machine):
    machine.python("python3", "3.11")
    mine = machine.folder / "mine"
    machine.write(mine / "work" / "years.csv", "a")
    before = tree(mine)
    code, _, errors = machine.run(VENV="mine")
    assert code == 2 and "VENV=DIR" in errors[-1] and tree(mine) == before


@pytest.mark.parametrize("version", ["", "3.7"])
def test_an_environment_that_the_script_did_not_make_stays(machine, version):
    machine.python("python3", "3.11")
    machine.python("python", version, place=machine.folder / "mine" / "bin")
    before = tree(machine.folder / "mine")
    code, _, errors = machine.run(VENV="mine", RUNTIME="modern")
    assert code == 2 and "VENV=DIR" in errors[-1] and tree(machine.folder / "mine") == before


@pytest.mark.parametrize("is_link", [False, True])
def test_an_environment_with_files_of_another_user_stays(machine, is_link):
    machine.python("python3", "3.11")
    if is_link:
        (machine.folder / "theirs").mkdir()
        (machine.folder / "mine").symlink_to(machine.folder / "theirs")
    machine.run(VENV="mine")
    machine.write(machine.folder / "mine" / "bin" / "python", "#!/nowhere\n")  # its interpreter is gone
    machine.write(machine.bin / "id", "#!%s\necho 12345\n" % shutil.which("bash"))
    before = tree(machine.folder / "mine")
    code, _, errors = machine.run(VENV="mine")
    assert code == 2 and "another user" in errors[-1] and "VENV=DIR" in errors[-1]
    assert tree(machine.folder / "mine") == before


@pytest.mark.skipif(os.getuid() != 0, reason="only the administrator can give files away")
def test_an_environment_of_another_user_stays(machine):
    machine.python("python3", "3.11")
    machine.run(VENV="mine")
    machine.write(machine.folder / "mine" / "bin" / "python", "#!/nowhere\n")
    os.chown(str(machine.folder / "mine" / "pyvenv.cfg"), 12345, -1)
    before = tree(machine.folder / "mine")
    code, _, errors = machine.run(VENV="mine")
    assert code == 2 and "VENV=DIR" in errors[-1] and tree(machine.folder / "mine") == before


def test_an_environment_of_ours_whose_python_is_gone_is_made_again(machine):
    machine.python("python3", "3.11")
    machine.run(VENV="mine")
    machine.write(machine.folder / "mine" / "bin" / "python", "#!/nowhere\n")
    machine.write(machine.folder / "mine" / "lib" / "rest", "")
    assert machine.run(VENV="mine")[0] == 0
    assert not (machine.folder / "mine" / "lib").exists()


def test_a_place_that_cannot_be_written(machine):
    machine.python("python3", "3.11")
    (machine.folder / "file").write_text("")
    code, _, errors = machine.run(VENV="file/below")
    assert code == 2 and len(errors) == 1 and "VENV=DIR" in errors[0]


# --- one at a time ---------------------------------------------------------------------------------------------------
@pytest.mark.skipif(shutil.which("flock") is None, reason="there is no program flock")
def test_a_second_setup_waits_and_finds_the_work_done(machine):
    machine.tool("flock")
    machine.python("python3", "3.11", install="sleep 1")
    processes = [machine.start() for _ in range(2)]
    results = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0] and results[0][0] == results[1][0]
    assert "waiting for another setup" in results[0][1] + results[1][1]
    assert len(installs(machine)) == 1


@pytest.mark.parametrize("flock", [None, "#!/bin/sh\necho 'flock: 9: No locks available' >&2\nexit 71\n"])
def test_without_locks_it_says_so_and_goes_on(machine, flock):
    if flock:
        machine.write(machine.bin / "flock", flock)
    machine.python("python3", "3.11")
    code, _, errors = machine.run()
    assert code == 0 and "no locks" in errors[0] and not any("waiting" in line for line in errors)
