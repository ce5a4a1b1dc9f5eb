"""The benchmark of suggestions: its tables, and where a line reaches a goal."""
import json

import pytest
import suggestions as script
import tiny

from fetch import minilm as fetch_minilm


def test_a_set(tmp_path, monkeypatch, capsys):
    encoder = tiny.write_encoder(tmp_path)
    monkeypatch.setattr(fetch_minilm, "ensure_minilm", lambda: encoder)
    words = {"up": ["good", "fine", "fast", "green"], "down": ["bad", "slow", "red", "plot"]}
    rows = [{"text": "%s %s %s" % (one, other, third), "label": label} for label, of_label in words.items()
            for one in of_label for other in of_label for third in of_label]
    (tmp_path / "sorted.jsonl").write_text("\n".join(map(json.dumps, rows)))
    command = ["--sets=mine=%s" % (tmp_path / "sorted.jsonl"), "--output_dir=%s" % (tmp_path / "sorted")]
    assert script.main(command) == 2
    assert "error: --sets: the first half of mine, its pool, has " in capsys.readouterr().err
    mixed = [row for pair in zip(rows[:64], rows[64:]) for row in pair]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, mixed)))
    command = ["--sets=mine=%s" % (tmp_path / "mine.jsonl"), "--start=1", "--batch=1", "--rounds=2", "--repetitions=1",
               "--output_dir=%s" % (tmp_path / "out")]
    assert script.main(command) == 0
    header, *lines = capsys.readouterr().out.strip().splitlines()
    assert header.split()[:4] == ["mine", "2", "4", "6"]
    assert [line.split()[0] for line in lines] == ["random", "margin", "suggest"]
    assert len({line.split()[1] for line in lines}) == 1  # the same start


@pytest.mark.parametrize("goal, expected", [(0.4, 2.0), (0.55, 3.0), (0.8, 6.0), (0.9, None)])
def test_rows_needed(goal, expected):
    assert script.rows_needed([0.5, 0.6, 0.8], [2, 4, 6], goal) == (expected and pytest.approx(expected))


@pytest.mark.parametrize("wrong", ["--rounds=0", "--methods=best"])
def test_mistakes(wrong, tmp_path):
    assert script.main(["--sets=a=b", wrong, "--output_dir=%s" % tmp_path]) == 2
