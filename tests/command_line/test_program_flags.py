"""Flags of the main program beyond their values, which tests/main/test_flags.py refuses."""
import json
import logging as standard_logging

import pytest
from absl import logging

from command_line import program_flags
from runtime.errors import UserError


@pytest.mark.parametrize("flag, lines", [("--debug", 1), ("--nodebug", 0)])
def test_debug_shows_the_flags(flag, lines, caplog):
    values = program_flags.parse([flag, "--labels=up,down", "--train_lr=0.5"])
    before = logging.get_verbosity()
    logging.set_verbosity(logging.INFO)
    try:
        program_flags.start_debugging(values)
    finally:
        logging.set_verbosity(before)
    shown = [record.getMessage() for record in caplog.records if record.levelno == standard_logging.DEBUG]
    assert len(shown) == lines
    for line in shown:
        assert json.loads(line[len("flags: ") :]) == program_flags.names_and_values(values)


def test_chosen_values_fill_what_was_not_given():
    values = program_flags.parse(["--train_lr=0.5", "--noxla"], {"train_lr": 1, "xla": True, "SGD_K": "3", "seed": 4})
    assert (values.train_lr, values.xla, values.SGD_K, values.seed) == (0.5, False, 3, 4)
    assert program_flags.given(values) == {"train_lr": 0.5, "xla": False, "SGD_K": 3, "seed": 4}


@pytest.mark.parametrize(
    "arguments, chosen, words",
    [
        (["--no_such_flag=1"], {}, "no_such_flag"),
        (["--sed=1"], {}, "Did you mean: seed"),
        (["--nodebug=1"], {}, "nodebug=1 does not take an argument"),
        (["word"], {}, "unknown argument word"),
        ([], {"no_such_flag": 1}, "--no_such_flag"),
        ([], {"seed": "many"}, "--seed=many"),
        ([], {"seed": -1}, "--seed=-1"),
        (["--do_predict"], {}, "--predict_file"),
    ],
)
def test_mistakes(arguments, chosen, words):
    with pytest.raises(UserError, match=words):
        program_flags.parse(arguments, chosen)


def test_flags_of_others_are_handed_back():
    values, rest = program_flags.parse_known(["--seed=3", "--verbosity=1", "--no_such_flag=1", "--debug"])
    assert rest == ["--verbosity=1", "--no_such_flag=1"]
    assert program_flags.given(values) == {"seed": 3, "debug": True}
