"""The package: what its build changes, what it holds, and that it works installed, away from the repository."""
import ast
import glob
import os
import subprocess
import sys
import sysconfig
import zipfile

import build_hook
import pytest
import tiny
from hatchling import build as backend

from runtime.paths import ROOT

OURS = set(build_hook.ROOMS + build_hook.MODULES)


@pytest.mark.parametrize(
    "line, expected",
    [
        ("import modeling", "from smlmt import modeling"),
        ("import run_classifier_multitask as program", "from smlmt import run_classifier_multitask as program"),
        ("from data import text as text_files", "from smlmt.data import text as text_files"),
        ("from data.smlmt import corpus  # why", "from smlmt.data.smlmt import corpus  # why"),
        ("def f():\n    from runtime import files", "def f():\n    from smlmt.runtime import files"),
        ("from runtime.errors import (\n    UserError,\n)", "from smlmt.runtime.errors import (\n    UserError,\n)"),
        ("import os, sys", "import os, sys"),
        ("import tensorflow.data as data", "import tensorflow.data as data"),
        ("from smlmt.commands import main", "from smlmt.commands import main"),
    ],
)
def test_imports_get_the_name(line, expected):
    text = '"""import modeling, from data."""\n%s\nx = "from data import text"\n'
    assert build_hook.prefixed(text % line) == text % expected


@pytest.mark.parametrize("line", ["import data.text", "import data.text as text", "import data, os"])
def test_imports_that_cannot_get_it(line):
    with pytest.raises(ValueError, match="line 1: write one import a line"):
        build_hook.prefixed(line)


def run(*command, **options):
    """Runs a command that succeeds; returns its standard output."""
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    done = subprocess.run([str(word) for word in command], **dict(pipes, **options))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pip(python, verb, *arguments):
    """pip without a package index."""
    offline = ("--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check")
    run(python, "-m", "pip", verb, "-q", *offline + arguments)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """{kind: path} of a wheel and a source distribution of the repository."""
    folder = tmp_path_factory.mktemp("made")
    pip(sys.executable, "wheel", "-w", folder, ROOT)
    run(sys.executable, "-c", "from hatchling import build; build.build_sdist(%r)" % str(folder), cwd=ROOT)
    (wheel,), (source,) = glob.glob(str(folder / "*.whl")), glob.glob(str(folder / "*.tar.gz"))
    return {"wheel": wheel, "source": source}


def test_nothing_but_one_name_is_installed(made):
    with zipfile.ZipFile(made["wheel"]) as wheel:
        names = wheel.namelist()
        modules = {name: wheel.read(name).decode() for name in names if name.endswith(".py")}
    assert {name.split("/")[0].split("-")[0] for name in names} == {"smlmt"} and len(names) == len(set(names))
    for folder in build_hook.FILES:
        inside = [name for name in names if name.startswith("smlmt/%s/" % folder)]
        assert len(inside) == sum(len(files) for _, _, files in os.walk(os.path.join(ROOT, folder))) > 0
    assert "smlmt/scripts/finetune.py" in modules
    for name, text in modules.items():
        for node in ast.walk(ast.parse(text)):
            imported = [node.module] if isinstance(node, ast.ImportFrom) else []
            imported += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not OURS & {each.split(".")[0] for each in imported}, "%s:%d" % (name, node.lineno)


def test_every_room_is_in_the_package():
    folders = {name for name in os.listdir(ROOT) if os.path.exists(os.path.join(ROOT, name, "__init__.py"))}
    assert folders == set(build_hook.ROOMS) | {build_hook.NAME}


def test_the_source_distribution_builds_the_same_wheel(made, tmp_path):
    pip(sys.executable, "wheel", "-w", tmp_path, made["source"])
    (again,) = glob.glob(str(tmp_path / "*.whl"))
    with open(again, "rb") as one, open(made["wheel"], "rb") as other:
        assert one.read() == other.read()


def test_there_is_no_editable_installation(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(RuntimeError, match="no editable installation"):
        backend.build_editable(str(tmp_path))


def test_requirements_are_those_of_the_files(made):
    with zipfile.ZipFile(made["wheel"]) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith("METADATA")]
        lines = wheel.read(name).decode().splitlines()
    assert "Provides-Extra: tables" in lines
    pandas = [line for line in lines if line.startswith("Requires-Dist: pandas==")]
    assert pandas and all('tables' in line for line in pandas)
    for core in ("tensorflow", "safetensors", "scikit-learn", "platformdirs"):
        assert [line for line in lines if line.startswith("Requires-Dist: %s==" % core) and "extra" not in line]


FIT = """
import importlib.util, sys
from smlmt import FewShotClassifier
small = dict(max_seq_length=12, epochs=2, progress=False)
texts, labels = ["good film", "very good plot", "bad film", "slow plot"], ["up", "up", "down", "down"]
fitted = FewShotClassifier(**small).fit(texts, labels)
fitted.save("kept")
again = FewShotClassifier.load("kept", **small)
assert (again.predict_proba(texts) == fitted.predict_proba(texts)).all()
import smlmt.scripts.finetune
generic = %r + ["scripts"]
assert not [name for name in generic if name in sys.modules or importlib.util.find_spec(name)]
"""


def install(package, tmp_path):
    """Installs into a new environment, which sees this one's other packages.

    Returns the environment's folder of programs, and how they are to be run: in a folder elsewhere, whose user has the
    small encoder in a cache of his own.
    """
    environment, cache = tmp_path / "environment", tmp_path / "cache" / "smlmt"
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    python = environment / "bin" / "python"
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    with open(os.path.join(run(python, "-c", ask).strip(), "base.pth"), "w") as file:
        file.write(sysconfig.get_path("purelib"))
    pip(python, "install", package)
    cache.mkdir(parents=True)
    tiny.write_encoder(cache)
    given = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    given.update(XDG_CACHE_HOME=str(tmp_path / "cache"), CUDA_VISIBLE_DEVICES="")
    return environment / "bin", dict(cwd=str(tmp_path), env=given)


@pytest.mark.parametrize("kind", ["wheel", "source"])
def test_the_python_interface_works_installed(kind, made, tmp_path):
    programs, place = install(made[kind], tmp_path)
    run(programs / "python", "-c", FIT % sorted(OURS), **place)


def test_the_commands_work_installed(made, tmp_path):
    programs, place = install(made["wheel"], tmp_path)
    (tmp_path / "reviews.csv").write_text("text,label\ngood film,up\nvery good,up\nbad film,down\nslow plot,down\n")
    (tmp_path / "new.txt").write_text("good plot\nbad plot\n")
    small = ("--num_train_epochs=2", "--max_seq_length=12")
    printed = run(programs / "smlmt-finetune", "--train", "reviews.csv", *small, **place)
    assert "trained on 4 rows of 2 classes (down, up)" in printed
    main = (programs / "smlmt", "--do_predict", "--predict_file=new.txt", "--output_dir=output/reviews")
    assert "good plot" in run(*main, **place)
