"""Flags of the main program beyond their values, which tests/test_run_classifier_multitask.py refuses."""
import json
import logging as standard_logging

import pytest
from absl import logging

from command_line import program_flags


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
