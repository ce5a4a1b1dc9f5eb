"""Copies of LEOPARD tasks with fewer evaluation rows."""

import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "scripts"))

import sample_eval  # noqa: E402


def test_rows_stay_in_order_and_training_files_as_they_are(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "in" / "data" / "json" / "scitail"
    folder.mkdir(parents=True)
    rows = [{"sentence1": str(i), "sentence2": "b", "label": "neutral"} for i in range(30)]
    (folder / "scitail_eval.json").write_text(json.dumps(rows))
    (folder / "scitail_train_0_4.json").write_text("[]")
    flags = ["--leopard_dir=%s" % (tmp_path / "in"), "--output_dir=%s" % (tmp_path / "out")]
    flags += ["--tasks=scitail", "--rows=8"]
    monkeypatch.setattr(sys, "argv", ["sample_eval.py"] + flags)
    assert not sample_eval.main() and capsys.readouterr().out == "scitail: 8 of 30 evaluation rows\n"
    out = tmp_path / "out" / "data" / "json" / "scitail"
    assert sorted(os.listdir(str(out))) == ["scitail_eval.json", "scitail_train_0_4.json"]
    kept = [int(row["sentence1"]) for row in json.loads((out / "scitail_eval.json").read_text())]
    assert len(set(kept)) == 8 and kept == sorted(kept)
