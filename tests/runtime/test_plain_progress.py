"""Progress without packages: lines now and then in a file, one line in a terminal."""
import io

from runtime.plain_progress import PlainProgress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(total, stream, seconds, units=10):
    """What is written when so many units are done at each of some seconds."""
    times = iter([0.0] + seconds)
    with PlainProgress(total, "prediction", "row", stream, lambda: next(times)) as progress:
        for _ in seconds:
            progress.update(units)
    return stream.getvalue()


def test_short_work_says_nothing():
    assert shown(20, io.StringIO(), [1.0, 14.0]) == "" and shown(20, Terminal(), [0.1, 0.2]) == ""


def test_lines_in_a_file():
    assert shown(100, io.StringIO(), [10.0, 20.0, 30.0]) == "prediction: 20 of 100 rows, 1/s, 1:20 left\n"
    assert shown(100, io.StringIO(), [20.0], units=0) == ""
    assert shown(None, io.StringIO(), [20.0]) == "prediction: 10 rows, 0/s\n"


def test_one_line_in_a_terminal():
    text = shown(30, Terminal(), [1.0, 1.2, 2.0])
    assert text.count("\r") == 2 and text.endswith("30 of 30 rows, 15/s, 0:00 left\x1b[K\n")


def test_without_standard_error(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    with PlainProgress(3, "prediction", "row") as progress:
        progress.update(3)
