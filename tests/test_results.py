"""Result files: whole or not at all, and the numbers in them."""

import json
import os

import numpy as np
import pytest
from scipy import stats

import results
from evaluation import Scores


def test_failure_leaves_nothing_behind(tmp_path):
    path = tmp_path / "results.json"
    with pytest.raises(RuntimeError):
        with results.atomic_file(str(path)) as file:
            file.write("half")
            raise RuntimeError
    assert os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_failure_keeps_the_old_file(tmp_path, error):
    path = tmp_path / "results.json"
    path.write_text("old")
    with pytest.raises(error):
        with results.atomic_file(str(path)) as file:
            file.write("half")
            file.flush()
            raise error
    assert path.read_text() == "old" and os.listdir(str(tmp_path)) == ["results.json"]


def test_values_that_are_no_json_keep_the_old_file(tmp_path):
    path = tmp_path / "results.json"
    results.write_json(str(path), {"a": 1})
    with pytest.raises(TypeError):
        results.write_json(str(path), {"a": 2, "b": object()})
    assert json.loads(path.read_text()) == {"a": 1} and os.listdir(str(tmp_path)) == ["results.json"]


def test_file_appears_only_when_finished(tmp_path):
    path = tmp_path / "file"
    with results.atomic_file(str(path)) as file:
        file.write("é")
        assert not path.exists()
    assert path.read_bytes() == "é".encode("utf-8")
    assert path.stat().st_mode & 0o777 == 0o644


def test_path_without_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results.write_json("plain.json", {"b": 1, "a": [2]})
    assert (tmp_path / "plain.json").read_text() == '{\n "a": [\n  2\n ],\n "b": 1\n}\n'


def test_missing_folder_is_an_error(tmp_path):
    with pytest.raises(OSError):
        results.write_json(str(tmp_path / "none" / "file.json"), {})


def test_wilson_interval_of_known_values():
    # Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29
    known = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (hits, rows), interval in known.items():
        assert results.wilson_interval(hits / rows, rows) == pytest.approx(interval, abs=1e-4)
    assert results.wilson_interval(0.0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("hits, rows", [(0, 1), (1, 1), (5, 10), (10, 10), (487, 1000)])
def test_wilson_interval_solves_its_equation(hits, rows):
    """Each end is a proportion p with (share - p)^2 = z^2 p (1 - p) / rows."""
    z = stats.norm.ppf(0.975)
    share = hits / rows
    low, high = results.wilson_interval(share, rows)
    assert 0.0 <= low < high <= 1.0 and low - 1e-12 <= share <= high + 1e-12
    for end in (low, high):
        assert (share - end) ** 2 == pytest.approx(z * z * end * (1.0 - end) / rows, rel=1e-5, abs=1e-9)


def test_metrics():
    scores = Scores(np.eye(3)[[0, 1, 1, 0, 1]], [0, 1, 1, 1, 0])
    found = results.metrics(scores, ["x", "y", "z"], batch_size=2)
    json.dumps(found)
    assert found["accuracy"] == 0.6
    assert found["accuracy_interval_95"] == list(results.wilson_interval(0.6, 5))
    assert found["loss"] == scores.mean_batch_loss(2)
    assert found["confusion"] == [[1, 1, 0], [1, 2, 0], [0, 0, 0]]
    assert found["per_class"]["y"] == {"rows": 3, "predicted": 3, "correct": 2, "f1": pytest.approx(2.0 / 3.0)}
    assert found["per_class"]["z"] == {"rows": 0, "predicted": 0, "correct": 0, "f1": 0.0}
    assert (found["precision"], found["recall"]) == (pytest.approx(2.0 / 3.0), pytest.approx(2.0 / 3.0))
    assert found["macro_f1"] == pytest.approx((0.5 + 2.0 / 3.0) / 3.0)


def test_predictions_with_everything(tmp_path):
    path = tmp_path / "predictions.tsv"
    texts = [("tab\there", "and\r\nline  feed"), ("no pair", None)]
    results.write_predictions(str(path), [[0.25, 0.75], [1.0, 0.0]], ["a\tb", "c"], [0, 1], texts)
    assert path.read_text().split("\n") == [
        "row\ttext\tlabel\tprediction\tp(a b)\tp(c)",
        "0\ttab here ||| and line feed\ta b\tc\t0.250000\t0.750000",
        "1\tno pair\tc\ta b\t1.000000\t0.000000",
        "",
    ]


def test_predictions_without_texts_and_labels(tmp_path):
    path = tmp_path / "predictions.tsv"
    results.write_predictions(str(path), np.array([[0.5, 0.5]]), ["a", "b"])
    assert path.read_text() == "row\tprediction\tp(a)\tp(b)\n0\ta\t0.500000\t0.500000\n"
    results.write_predictions(str(path), np.zeros([0, 2]), ["a", "b"], [], [])
    assert path.read_text() == "row\ttext\tlabel\tprediction\tp(a)\tp(b)\n"


def test_runtime_names_versions():
    assert set(results.runtime()) == {"python", "tensorflow", "machine"}
    assert results.runtime()["tensorflow"].split(".")[:2] in (["1", "15"], ["2", "15"])
