"""scripts/make_tables.py: flags and exit codes."""
import sys

import make_tables
import pytest
from result_files import put_sweep


@pytest.fixture(name="flags")
def fixture_flags(tmp_path):
    put_sweep(tmp_path / "sweep", {("a", "airline", 4): [60, 70], ("b", "airline", 4): [50, 80]})
    return ["--results_dir=%s" % (tmp_path / "sweep"), "--output_dir=%s" % (tmp_path / "out"), "--resamples=100"]


def test_command(flags, tmp_path, capsys):
    pytest.importorskip("pandas")
    assert make_tables.main(flags + ["--models=b,a,b", "--confusion=none"]) == 0
    assert capsys.readouterr().out == "%s: 4 runs of 2 models and 1 tasks\n" % (tmp_path / "out" / "report.html")
    assert "| task | b | a |" in (tmp_path / "out" / "tables.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("flag, words", [
    ("--results_dir=/nowhere", "--results_dir: /nowhere"), ("--models=c", "--models: no runs of c"),
    ("--resamples=0", "--resamples=0"), ("--seed=-1", "--seed=-1"),
])
def test_mistakes(flags, tmp_path, capsys, flag, words):
    pytest.importorskip("pandas")
    assert make_tables.main(flags + [flag]) == 2
    errors = capsys.readouterr().err
    assert words in errors and errors.count("\n") == 1 and not (tmp_path / "out").exists()


def test_without_the_packages_the_error_says_how_to_get_them(flags, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    for name in [name for name in sys.modules if name.startswith("runs.tables.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(sys.modules.get("runs.tables"), "document", raising=False)
    assert make_tables.main(flags) == 2
    errors = capsys.readouterr().err
    assert "requirements-tables.txt" in errors and "--with=tables" in errors and errors.count("\n") == 1


def test_wrong_use():
    assert make_tables.main(["--results_dir=x"]) == 2
