"""Result files and the numbers in them."""

import json

import numpy as np
import pytest
from scipy import stats

from runs import results
from runs.scores import Scores
from runtime import compat


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
    assert set(results.versions()) == {"python", "tensorflow", "machine"}
    assert tuple(int(part) for part in results.versions()["tensorflow"].split(".")[:2]) in compat.TESTED.values()
