"""Predictions as lines."""
import io
import json

import pytest

from runs import prediction_files

TEXTS = [("tab\there", "and\r\nline  feed"), None, ("=1+1 \x1b[31m", None)]
PROBABILITIES = [[0.25, 0.75], None, [1.0, 0.0]]
NAMES = ["a\tb", "-c"]


def written(kind, has_texts, labels=None):
    stream = io.StringIO()
    writer = kind(stream, NAMES, has_texts, labels is not None)
    for row, (text, distribution) in enumerate(zip(TEXTS, PROBABILITIES)):
        writer.write(row, text if has_texts else None, distribution, labels and labels[row])
    return stream.getvalue().splitlines()


def test_tab_separated():
    assert written(prediction_files.Tsv, True) == [
        "row\ttext\tprediction\tp(a b)\tp('-c)",
        "0\ttab here ||| and line feed\t'-c\t0.250000\t0.750000",
        "1\t\t\t\t",
        "2\t'=1+1 \\x1b[31m\ta b\t1.000000\t0.000000",
    ]
    assert written(prediction_files.Tsv, False, [0, 1, 1])[:2] == [
        "row\tlabel\tprediction\tp(a b)\tp('-c)", "0\ta b\t'-c\t0.250000\t0.750000"
    ]


def test_json_lines_keep_text_exactly():
    rows = [json.loads(line) for line in written(prediction_files.JsonLines, True, [0, 1, 0])]
    assert rows == [
        {"row": 0, "text": "tab\there", "text2": "and\r\nline  feed", "label": "a\tb", "prediction": "-c",
         "probabilities": {"a\tb": 0.25, "-c": 0.75}},
        {"row": 1, "text": "", "label": "-c", "prediction": None, "probabilities": None},
        {"row": 2, "text": "=1+1 \x1b[31m", "label": "a\tb", "prediction": "a\tb",
         "probabilities": {"a\tb": 1.0, "-c": 0.0}},
    ]
    assert "text" not in json.loads(written(prediction_files.JsonLines, False)[0])


@pytest.mark.parametrize("kind", [prediction_files.Tsv, prediction_files.JsonLines])
@pytest.mark.parametrize("has_texts", [True, False])
def test_files_tell_that_they_hold_predictions(kind, has_texts, tmp_path):
    path = tmp_path / "file"
    path.write_text("\n".join(written(kind, has_texts)))
    assert prediction_files.are_in(str(path))
    for other in ("", "text,label\n", '{"row": 1, "text": "a"}\n', '[{"prediction": 1}]'):
        path.write_text(other)
        assert not prediction_files.are_in(str(path))
    assert not prediction_files.are_in(str(tmp_path))


@pytest.mark.parametrize("least, mark", [(None, False), (0.75, False), (0.76, True), (1.0, True)])
def test_rows_below_the_least_confidence_are_undecided(least, mark):
    told = []
    for kind in (prediction_files.Tsv, prediction_files.JsonLines):
        stream = io.StringIO()
        kind(stream, ["a", "b"], False, min_confidence=least).write(0, None, [0.25, 0.75])
        told.append(stream.getvalue().splitlines()[-1])
    assert told[0].split("\t") == ["0", "(undecided)" if mark else "b", "0.250000", "0.750000"]
    assert json.loads(told[1]) == {
        "row": 0, "prediction": None if mark else "b", "probabilities": {"a": 0.25, "b": 0.75}
    }


def test_kind_of_a_name():
    assert prediction_files.writer_of("a.jsonl") is prediction_files.JsonLines
    assert prediction_files.writer_of("a.tsv") is prediction_files.Tsv
