"""Progress with and without a terminal; the clock is the test's."""
import io
import sys
import threading

import pytest
from absl import logging

from runtime.progress import SECONDS_BETWEEN_LINES, Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(name="lines")
def fixture_lines(monkeypatch):
    """The lines in the log; pytest's standard error is no terminal."""
    lines = []
    logger = logging.get_absl_logger()
    monkeypatch.setattr(logger, "handle", lambda record: lines.append(record.getMessage()))
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.INFO)
    yield lines
    logging.set_verbosity(verbosity)


def wait(progress, seconds):
    """As if `seconds` had passed since the beginning and the last line."""
    progress.start_t -= seconds
    progress.last_print_t -= seconds


def test_a_line_every_fifteen_seconds_and_a_closing_one(lines, capsys):
    with Progress(100, "training", "task") as progress:
        progress.update(10)
        assert lines == []  # too early
        wait(progress, SECONDS_BETWEEN_LINES)
        progress.update(20, loss=0.123456, accuracy=1)
        (line,) = lines
        assert line.startswith("training: 30 of 100, ") and line.endswith(" left, accuracy 1, loss 0.1235")
        assert " 2.00task/s, 00:35 left" in line
        progress.update(70)
        assert len(lines) == 1
    assert len(lines) == 2 and lines[1].startswith("training: 100 of 100, ") and " 00:00 left" in lines[1]
    assert capsys.readouterr().err == ""


def test_what_an_earlier_run_did_does_not_count_for_the_rate(lines):
    with Progress(100, "training", done=60) as progress:
        wait(progress, 20.0)
        progress.update(10)
    assert lines[0].startswith("training: 70 of 100, ") and "2.00s/step, 01:00 left" in lines[0]


def test_many_small_updates_are_seen_in_time_though_the_pace_drops(lines):
    with Progress(10000, "training") as progress:
        for _ in range(5000):
            progress.update(1)
        wait(progress, SECONDS_BETWEEN_LINES)
        progress.update(1)
        assert len(lines) == 1
        wait(progress, SECONDS_BETWEEN_LINES)
        progress.update(1)
        assert len(lines) == 2


def test_work_that_failed_has_no_closing_line(lines):
    with pytest.raises(ValueError), Progress(10, "training") as progress:
        progress.update(1)
        raise ValueError
    assert lines == []


def test_amounts(lines):
    with Progress(None, "file", "B") as progress:
        progress.update(3 << 20)
    assert lines[-1].startswith("file: 3.00M of ?, ")
    with Progress(12.3456789, "corpus", "megabyte") as progress:
        progress.update(1.23456789)
    assert lines[-1].startswith("corpus: 1.23 of 12.3, ")


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_nothing_is_shown_unless_asked_for(lines, monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream())
    with Progress(10, "training", show=False) as progress:
        progress.update(10, loss=1.0)
    assert lines == [] and sys.stderr.getvalue() == ""


def test_without_standard_error(lines, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with Progress(10, "training") as progress:
        progress.update(10)
    assert len(lines) == 1


def test_a_bar_on_a_terminal(lines, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    threads = threading.active_count()
    with Progress(10, "training") as progress:
        assert threading.active_count() == threads
        progress.update(4)
        progress.update(6, loss=0.5)
    shown = sys.stderr.getvalue()
    assert "training: 100%" in shown and "10/10" in shown and "loss 0.5" in shown and not lines


def test_lines_go_where_they_are_wanted(lines):
    wanted = []
    with Progress(10, "100% of it", line=wanted.append) as progress:
        progress.update(10)
    assert len(wanted) == 1 and wanted[0].startswith("100% of it: 10 of 10, ") and not lines
