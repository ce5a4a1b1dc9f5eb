"""Mistakes on a command line are one line, in whatever way they are made."""
import types

import pytest

from runtime.arguments import Parser, check_counts
from runtime.errors import UserError, exit_code


def program(arguments):
    parser = Parser(prog="count", description="Counts.\n\n  count FILE", allow_abbrev=False)
    parser.add_argument("file")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--names")
    parser.add_argument("--kind", choices=["a", "b"])
    return exit_code(lambda: print(parser.parse_args(arguments).file))


@pytest.mark.parametrize("arguments, words", [
    ([], "file"), (["a", "--rows=x"], "--rows: invalid int value: 'x'"), (["a", "--kind=c"], "--kind: invalid choice"),
    (["a", "--other\nline"], "--other\\nline"), (["a", "--names", "-x.csv"], "is named as ./-NAME"), (["a", "b"], "b"),
])
def test_a_mistake_is_one_line_and_the_way_to_more(arguments, words, capsys):
    assert program(arguments) == 2
    found = capsys.readouterr()
    assert found.out == "" and found.err.count("\n") == 1, found.err
    assert found.err.startswith("error: ") and words in found.err and "count --help" in found.err


def test_numbers_below_one():
    options = types.SimpleNamespace(rows=1, rounds=0)
    check_counts(options, ["rows"])
    with pytest.raises(UserError, match="--rounds=0: at least 1"):
        check_counts(options, ["rows", "rounds"])


def test_help_is_the_description_as_it_is_written(capsys):
    assert program(["--help"]) == 0
    assert "Counts.\n\n  count FILE\n" in capsys.readouterr().out
    assert program(["a", "--names", "./-x.csv"]) == 0
