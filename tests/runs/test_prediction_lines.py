"""What is said of predictions; tests/main/test_prediction.py tries streams of all kinds."""
import io

from runs import prediction_lines
from runs.predicting import Prediction

FOUND = Prediction(5, 1, 2, 12, "a.tsv", "", [("good\nfilm", "up", 0.75)])


def test_a_reader_is_shown_the_first_rows(capsys):
    prediction_lines.tell(FOUND, None)
    assert capsys.readouterr().out.splitlines() == [
        "   75% up: good film", "1 of 5 rows are blank: they have no prediction",
        "2 of 4 texts were cut to 12 tokens (--max_seq_length)", "4 predictions: a.tsv",
    ]


def test_a_stream_that_got_all_rows_is_told_of(capsys):
    prediction_lines.tell(FOUND._replace(blank=0, cut=0, path=None), io.StringIO())
    assert capsys.readouterr().out == "5 predictions: standard output\n"


def test_unknown_words_are_told_of(capsys):
    prediction_lines.tell(FOUND._replace(doubt="many words are unknown."), None)
    assert "note: many words are unknown." in capsys.readouterr().out


def test_stream(tmp_path):
    assert prediction_lines.stream_of("a.tsv", None) is None and prediction_lines.stream_of(None, io.StringIO()) is None
    with open(str(tmp_path / "out"), "w", encoding="latin-1") as file:
        assert prediction_lines.stream_of(None, file) is file and file.encoding == "utf-8"


def test_undecided_rows_are_counted(capsys):
    prediction_lines.tell(FOUND._replace(undecided=3), None, min_confidence=0.8)
    assert "3 of 4 rows are undecided (--min_confidence=0.8)" in capsys.readouterr().out
