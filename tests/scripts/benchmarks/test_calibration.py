"""The benchmark of calibration: what a split keeps, that it is made once, and the rules."""
import json

import calibration as script
import numpy as np
import pytest
import tiny

from fetch import minilm as fetch_minilm
from learner import calibration


def test_a_set(tmp_path, monkeypatch, capsys):
    encoder = tiny.write_encoder(tmp_path)
    monkeypatch.setattr(fetch_minilm, "ensure_minilm", lambda: encoder)
    words = {"up": ["good", "fine", "fast", "green"], "down": ["bad", "slow", "red", "plot"]}
    rows = [{"text": "%s %s" % (one, other), "label": label}
            for label, of_label in words.items() for one in of_label for other in of_label if one != other]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)))
    command = ["--sets=mine=%s" % (tmp_path / "mine.jsonl"), "--ks=3", "--splits=1", "--rules=1,0.5,0.71:0.3,cv",
               "--output_dir=%s" % (tmp_path / "out")]
    assert script.main(command) == 0
    first = capsys.readouterr().out
    (path,) = (tmp_path / "out" / "logits").iterdir()
    kept = dict(np.load(str(path)))
    assert {name: array.shape for name, array in kept.items()} == {
        "logits": (12, 2), "labels": (12,), "held_out": (6, 2), "of_half": (6, 2), "train_labels": (6,)
    }
    made = path.stat().st_mtime_ns
    assert script.main(command) == 0 and path.stat().st_mtime_ns == made
    again = capsys.readouterr().out
    assert "mine k=3 split 0" in first and first.endswith(again)
    assert [line.split()[0] for line in again.splitlines()[2:]] == ["1", "0.5", "0.71:0.3", "cv", "interval"]


def test_where_no_row_is_held_out_the_prior_alone_tells():
    """One row a class, or so many that cross-validation would take long."""
    none, judged = np.zeros([0, 2]), np.eye(2)
    kept = {"held_out": none, "of_half": none, "train_labels": np.zeros(0, int), "logits": judged, "labels": [0, 1]}
    assert np.isnan(script.is_held(kept))
    assert script.error("0.5:0.3", kept) == pytest.approx(script.error("0.5", kept), rel=1e-5)


def test_rules():
    logits, labels = np.eye(2)[[0, 1, 0, 1]], np.array([0, 1, 0, 1])
    assert script.temperature("0.5", logits, labels) == 0.5
    assert script.temperature("0.5:0.1", logits, labels) == calibration.temperature(logits, labels, 0.5, 0.1)
    assert script.temperature("cv", logits, labels) < 0.1  # as sure as can be
    for rule in ("x", "0", "1:2:3", "1:0"):
        assert script.main(["--sets=mine=a", "--rules=%s" % rule, "--output_dir=x"]) == 2
