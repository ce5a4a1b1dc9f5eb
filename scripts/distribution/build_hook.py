"""How hatchling builds the package `smlmt` from the repository, and what it says of its requirements.

In the repository each module is imported by its own name (`data`, `runtime`, ...). A package may put one name alone on
its users' path, so that the wheel holds everything below smlmt/, and each import of a module of ours gets `smlmt.`
before the name; lines stay where they are. The source distribution is the repository's files, unchanged.
"""
import ast
import os
import shutil
import tempfile

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

NAME = "smlmt"
ROOMS = ("command_line", "data", "fetch", "learner", "runs", "runtime", "training")
MODULES = ("meta_learner", "modeling", "optimization", "tokenization", "run_classifier_multitask")
PROGRAMS = ("scripts/finetune.py",)
FILES = ("data/sample", "models", "presets")  # folders that travel as they are
CORE = ("", "-tools", "-sklearn")  # requirements of every installation: the core, the commands, the Python interface
EXTRAS = ("beam", "bench", "datasets", "gpu", "onnx", "serve", "tables", "test")


def prefixed(text):
    """A module's text with `smlmt.` before the names of our modules in its imports.

    Raises:
      ValueError: an import that cannot be changed within its line, as `import data.text` or `import data, os`.
    """
    lines = text.splitlines(True)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            names, change = [node.module], ("from ", "from %s." % NAME)
        elif isinstance(node, ast.Import):
            names, change = [alias.name for alias in node.names], ("import ", "from %s import " % NAME)
        else:
            continue
        if not {name.split(".")[0] for name in names}.intersection(ROOMS + MODULES):
            continue
        if isinstance(node, ast.Import) and (len(names) > 1 or "." in names[0]):
            raise ValueError("line %d: write one import a line, with from where the name has dots" % node.lineno)
        line = lines[node.lineno - 1]
        lines[node.lineno - 1] = line[: node.col_offset] + line[node.col_offset :].replace(*change + (1,))
    return "".join(lines)


def sources(root):
    """Paths, below the repository, of the modules that the package has; those of data/sample are none."""
    for room in ROOMS + (NAME,):
        for folder, folders, names in os.walk(os.path.join(root, room)):
            folders[:] = [each for each in folders if os.path.exists(os.path.join(folder, each, "__init__.py"))]
            yield from (os.path.relpath(os.path.join(folder, name), root) for name in names if name.endswith(".py"))
    yield from (module + ".py" for module in MODULES)
    yield from PROGRAMS


def write_package(root, target):
    """Writes the package's tree into the folder `target`."""
    for path in sources(root):
        inside = path[len(NAME) + 1 :] if path.startswith(NAME + os.sep) else path
        os.makedirs(os.path.dirname(os.path.join(target, inside)), exist_ok=True)
        with open(os.path.join(root, path), encoding="utf-8") as file:
            text = file.read()
        with open(os.path.join(target, inside), "w", encoding="utf-8") as file:
            file.write(prefixed(text))
    for folder in FILES:
        shutil.copytree(os.path.join(root, folder), os.path.join(target, folder))


class PackageHook(BuildHookInterface):
    """Hands the wheel a tree of its own in the place of the repository's files."""

    def initialize(self, version, build_data):
        if version == "editable":
            raise RuntimeError("there is no editable installation: in the repository the programs run as they are")
        self.tree = tempfile.mkdtemp()
        write_package(self.root, self.tree)
        build_data["force_include"][self.tree] = NAME

    def finalize(self, version, build_data, artifact_path):
        shutil.rmtree(self.tree)


def requirements(path):
    """The lines of a requirements file that are no comments."""
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    return [line for line in lines if line and not line.startswith("#")]


class RequirementsHook(MetadataHookInterface):
    """The package's requirements and extras are those of the requirements files."""

    def update(self, metadata):
        def of(part):
            return requirements(os.path.join(self.root, "requirements%s.txt" % part))

        metadata["dependencies"] = [line for part in CORE for line in of(part)]
        metadata["optional-dependencies"] = {name: of("-" + name) for name in EXTRAS}
