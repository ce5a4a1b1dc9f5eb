"""What docs/SECURITY.md promises of the code: nothing that is read from a file is ever run."""
import ast
import os
import re

import pytest

from runtime.paths import ROOT

# Modules that make objects or run code of what they read.
FORBIDDEN_MODULES = {
    "pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "code", "codeop", "imp", "jsonpickle",
    "yaml", "telnetlib", "ftplib", "xmlrpc", "torch.serialization",
}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "execfile"}
FORBIDDEN_ATTRIBUTES = {
    "os": {"system", "popen", "execv", "execve", "execvp", "execl", "spawnl", "spawnv", "startfile"},
    "subprocess": {"getoutput", "getstatusoutput"},
    "importlib": {"import_module"},
    "builtins": FORBIDDEN_CALLS,
    "torch": {"load"},
    "tempfile": {"mktemp"},
}
NUMPY = {"np", "numpy"}
# Programs whose commands are the repository's own pages, and the benchmark beside other libraries.
NOT_OF_USERS = {"scripts/run_docs.py"}


def _paths():
    for folder, folders, names in os.walk(ROOT):
        top = os.path.relpath(folder, ROOT).split(os.sep)[0]
        folders[:] = [name for name in folders if not name.startswith((".", "output", "__pycache__", "build"))]
        if top not in ("tests", "output"):
            yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(".py"))


def _faults(tree):
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module] + ["%s.%s" % (node.module, alias.name) for alias in node.names]
        for name in names:
            module, _, attribute = name.rpartition(".")
            if name in FORBIDDEN_MODULES or name.split(".")[0] in FORBIDDEN_MODULES:
                yield node.lineno, "imports " + name
            if attribute in FORBIDDEN_ATTRIBUTES.get(module, ()):
                yield node.lineno, "imports %s, which hides what is called" % name
        if isinstance(node, ast.Call):
            yield from _faults_of_call(node)


def _faults_of_call(node):
    called = node.func
    if isinstance(called, ast.Name) and called.id in FORBIDDEN_CALLS:
        yield node.lineno, "calls " + called.id
    if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
        if called.attr in FORBIDDEN_ATTRIBUTES.get(called.value.id, ()):
            yield node.lineno, "calls %s.%s" % (called.value.id, called.attr)
    options = {option.arg: option.value for option in node.keywords}
    if "shell" in options or "allow_pickle" in options and getattr(options["allow_pickle"], "value", True) is not False:
        yield node.lineno, "passes shell or allow_pickle"
    if isinstance(called, ast.Attribute) and called.attr == "load" and getattr(called.value, "id", "") in NUMPY:
        if "allow_pickle" not in options:
            yield node.lineno, "np.load without allow_pickle=False"


PATHS = [path for path in _paths() if os.path.relpath(path, ROOT) not in NOT_OF_USERS]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: os.path.relpath(path, ROOT))
def test_nothing_that_is_read_is_run(path):
    with open(path, encoding="utf-8") as file:
        assert list(_faults(ast.parse(file.read()))) == []


def test_every_room_is_walked():
    walked = {os.path.relpath(path, ROOT).split(os.sep)[0] for path in PATHS}
    assert {"smlmt", "scripts", "runs", "runtime", "fetch", "data", "training", "command_line"} <= walked
    assert any(os.path.basename(path).startswith("onnx_") for path in PATHS)


@pytest.mark.parametrize("code", [
    "import pickle", "from pickle import loads", "import yaml", "eval('1')", "import os\nos.system('ls')",
    "np.load('a')", "np.load('a', allow_pickle=True)", "subprocess.run('ls', shell=True)", "import joblib",
    "__import__('os')", "from os import system", "from subprocess import getoutput as run", "builtins.exec('1')",
    "numpy.load('a')", "torch.load('a')", "from importlib import import_module",
])
def test_what_is_forbidden_is_found(code):
    assert len(list(_faults(ast.parse(code)))) >= 1


def test_shell_scripts_evaluate_nothing():
    scripts = [os.path.join(ROOT, name) for name in os.listdir(ROOT) if name.endswith(".sh")]
    scripts += [os.path.join(ROOT, "scripts", name) for name in os.listdir(os.path.join(ROOT, "scripts"))
                if name.endswith((".sh", ".slurm"))]
    assert len(scripts) >= 4
    for path in scripts:
        with open(path, encoding="utf-8") as file:
            lines = [line for line in file if not line.lstrip().startswith("#")]
        assert not [line for line in lines if re.search(r"(^|[;&|(\s])eval\s|\bcurl\b.*\|\s*(ba)?sh\b", line)], path
