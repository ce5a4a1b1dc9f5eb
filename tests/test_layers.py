"""The house: who may import whom, no circles, and nobody below the command line reads flags or the environment."""
import ast
import collections
import os
from typing import Dict, List, NamedTuple, Set

import pytest

from runtime.paths import ROOT

# What each room may import; every room may import itself.
FOUNDATION = {"runtime"}
MODEL = FOUNDATION | {"modeling", "optimization"}
LEARNER = MODEL | {"learner"}
MAY_IMPORT = {
    "runtime": set(),
    "tokenization": FOUNDATION,
    "modeling": FOUNDATION,
    "optimization": FOUNDATION,
    "data": FOUNDATION | {"tokenization"},
    "learner": MODEL,
    "meta_learner": LEARNER,
    "fetch": FOUNDATION | {"data", "modeling", "tokenization"},
    "training": LEARNER | {"data", "meta_learner"},
    "command_line": FOUNDATION | {"data", "fetch", "learner", "modeling"},
}
MAY_IMPORT["runs"] = set(MAY_IMPORT)
MAY_IMPORT["smlmt"] = MAY_IMPORT["runs"] | {"runs"}
MAY_IMPORT["run_classifier_multitask"] = MAY_IMPORT["smlmt"]
MAY_IMPORT["scripts"] = MAY_IMPORT["smlmt"] | {"smlmt", "run_classifier_multitask"}
MOST_LAYERS = 8
MOST_INNER_IMPORTS = 20
ROOT_MODULES = {"meta_learner", "modeling", "optimization", "run_classifier_multitask", "tokenization"}
# Rooms where flags and the environment are read: the others get frozen settings.
READERS = {"command_line", "runs", "smlmt", "run_classifier_multitask", "scripts"}
SETTERS = {"runtime.compat"}  # how much TensorFlow says has to be in the environment before it is imported
LONGEST_FUNCTION = 60
# What of TensorFlow takes the path of a checkpoint as a pattern: only where it is given plain paths.
CHECKPOINT_CALLS = {
    "load_checkpoint", "init_from_checkpoint", "latest_checkpoint", "checkpoint_exists", "restore", "list_variables",
    "recover_last_checkpoints", "NewCheckpointReader", "load_variable",
}


class Import(NamedTuple):
    """One import of a module of ours."""

    line: int
    target: str  # module
    is_inner: bool  # inside a function


class Module(NamedTuple):
    """A file of ours."""

    name: str
    tree: ast.Module
    comments: Dict[int, str]  # {line: its text}, of all lines
    is_package: bool  # an __init__.py

    @property
    def room(self):
        return self.name.split(".")[0]


def _paths():
    for folder, folders, names in os.walk(ROOT):
        top = os.path.relpath(folder, ROOT).split(os.sep)[0]
        folders[:] = [name for name in folders if not name.startswith((".", "output", "__pycache__"))]
        if top not in ("tests", "output"):
            yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(".py"))


def _read(path):
    name = os.path.relpath(path, ROOT)[: -len(".py")].replace(os.sep, ".")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    lines = dict(enumerate(text.splitlines(), start=1))
    is_package = name.endswith(".__init__")
    return Module(name[: -len(".__init__")] if is_package else name, ast.parse(text), lines, is_package)


MODULES: List[Module] = [_read(path) for path in _paths()]
NAMES: Set[str] = {module.name for module in MODULES}


def _resolved(name):
    """The longest prefix of a dotted name that is a module of ours, or None; scripts know those beside them by name."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        if ".".join(parts[:end]) in NAMES:
            return ".".join(parts[:end])
    return None


def imports(module):
    """Every import of a module of ours, those inside functions too."""
    functions = [node for node in ast.walk(module.tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    inner = {id(node) for function in functions for node in ast.walk(function)}
    found = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "%s:%d: relative import" % (module.name, node.lineno)
            names = ["%s.%s" % (node.module, alias.name) for alias in node.names]
        else:
            continue
        targets = {_resolved(name) for name in names} - {None, module.name}
        found += [Import(node.lineno, target, id(node) in inner) for target in sorted(targets)]
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_a_room_imports_what_it_may(module):
    allowed = MAY_IMPORT[module.room] | {module.room}
    wrong = [each for each in imports(module) if each.target.split(".")[0] not in allowed]
    assert not wrong


def test_every_room_is_known_and_the_top_folder_shows_the_house():
    assert {module.room for module in MODULES} == set(MAY_IMPORT)
    assert {module.name for module in MODULES if "." not in module.name and module.name in ROOT_MODULES} == ROOT_MODULES
    files = {name for name in os.listdir(ROOT) if name.endswith(".py")}
    assert files == {name + ".py" for name in ROOT_MODULES}


def test_rooms_stand_on_few_layers():
    level = {}
    while len(level) < len(MAY_IMPORT):
        ready = [room for room in MAY_IMPORT if room not in level and MAY_IMPORT[room] <= set(level)]
        assert ready, "rooms that may import each other: %s" % sorted(set(MAY_IMPORT) - set(level))
        level.update({room: 1 + max([level[below] for below in MAY_IMPORT[room]] or [0]) for room in ready})
    imported = {module.room: set() for module in MODULES}
    for module in MODULES:
        imported[module.room] |= {each.target.split(".")[0] for each in imports(module)} - {module.room}
    depth = {}
    for room in sorted(level, key=level.get):
        depth[room] = 1 + max([depth[below] for below in imported[room]] or [0])
    assert max(depth.values()) <= MOST_LAYERS, depth


def test_no_files_import_each_other_in_a_circle():
    graph = {module.name: [each.target for each in imports(module)] for module in MODULES}
    state = {}

    def visit(name, path):
        if state.get(name) == "open":
            raise AssertionError(" -> ".join(path[path.index(name) :] + [name]))
        if name not in state:
            state[name] = "open"
            for target in graph[name]:
                visit(target, path + [name])
            state[name] = "done"

    for name in graph:
        visit(name, [])


def test_a_name_of_a_class_means_one_thing():
    found = collections.Counter(
        node.name if isinstance(node, ast.ClassDef) else node.targets[0].id
        for module in MODULES
        for node in module.tree.body
        if isinstance(node, ast.ClassDef) or (isinstance(node, ast.Assign) and "'namedtuple'" in ast.dump(node.value))
    )
    assert len(found) > 50
    assert [name for name, count in found.items() if count > 1] == []


def test_few_imports_hide_in_functions_and_each_says_why():
    hidden = [(module, each) for module in MODULES for each in imports(module) if each.is_inner]
    unexplained = [
        "%s:%d" % (module.name, each.line)
        for module, each in hidden
        if "#" not in module.comments[each.line] and "#" not in module.comments[each.line - 1]
    ]
    assert not unexplained
    assert len({(module.name, each.line) for module, each in hidden}) <= MOST_INNER_IMPORTS


@pytest.mark.parametrize("module", [m for m in MODULES if m.room not in READERS], ids=lambda module: module.name)
def test_flags_and_environment_are_read_at_the_command_line(module):
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"):
            assert module.name in SETTERS, "line %d reads the environment" % node.lineno
        if isinstance(node, ast.ImportFrom) and node.module == "absl":
            assert "flags" not in [alias.name for alias in node.names], "line %d imports flags" % node.lineno
        if isinstance(node, ast.Name):
            assert node.id != "FLAGS", "line %d reads flags" % node.lineno
        if isinstance(node, ast.Attribute) and node.attr == "argv":
            raise AssertionError("line %d reads the command line" % node.lineno)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_checkpoints_are_read_in_one_place(module):
    calls = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    named = [(call.lineno, call.func) for call in calls if isinstance(call.func, ast.Attribute)]
    readers = [
        line for line, function in named
        if function.attr in CHECKPOINT_CALLS and not ast.dump(function.value).startswith("Name(id='checkpoints'")
    ]
    assert module.name == "runtime.checkpoints" or not readers


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_functions_are_short(module):
    for node in ast.walk(module.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = max(getattr(each, "lineno", node.lineno) for each in ast.walk(node)) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, "%s has %d lines" % (node.name, length)
