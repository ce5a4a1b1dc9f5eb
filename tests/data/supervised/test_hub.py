"""Rows from Hugging Face datasets: with a stand-in for the package, and with the package where it is installed."""
import json
import sys
import types

import pytest
from supervised_program import error_of, rows_of, run, side_of

from data import text
from data.supervised import hub
from runtime.errors import UserError
from training import multitask_training

ROWS = [
    {"premise": "dog", "hypothesis": "cat", "label": 1, "idx": 0},
    {"premise": "sun", "hypothesis": "rain", "label": 0, "idx": 1},
    {"premise": "so", "hypothesis": "", "label": 0, "idx": 2},
    {"premise": "it", "hypothesis": "was", "label": -1, "idx": 3},
]
CLASSES = ["entailment", "contradiction"]  # ids are those of the data set, not in the order of the alphabet


class FakeSplit(list):
    """What a datasets.Dataset offers and is used."""

    def __init__(self, rows, classes=None):
        super().__init__(rows)
        self.column_names = list(rows[0])
        self.features = {name: types.SimpleNamespace(dtype="string") for name in rows[0]}
        if classes:
            self.features["label"] = types.SimpleNamespace(names=classes)


def install(monkeypatch, found):
    """A module `datasets` that knows one data set; returns the list of its calls."""
    calls = []

    def load(*arguments):
        calls.append(arguments)
        if isinstance(found, Exception):
            raise found
        return found

    package = types.SimpleNamespace(load_dataset=load, load_from_disk=lambda path: load("disk", path))
    monkeypatch.setitem(sys.modules, "datasets", package)
    return calls


def test_a_data_set_by_name(tmp_path, monkeypatch):
    splits = {"train": FakeSplit(ROWS, CLASSES), "validation_matched": FakeSplit(ROWS[:1], CLASSES), "test": None}
    calls = install(monkeypatch, splits)
    run(tmp_path, dataset="glue,mnli")
    assert calls == [("glue", "mnli")]
    assert rows_of(tmp_path, "mnli_train.tf_record") == [(1, "dog", "cat"), (0, "sun", "rain")]
    assert rows_of(tmp_path, "mnli_dev_matched.tf_record") == [(1, "dog", "cat")]
    side = side_of(tmp_path, "mnli_train.tf_record")
    assert side["labels"] == CLASSES and side["source"] == "glue,mnli/train" and side["skipped"] == {
        "missing text": 1, "missing label": 1
    }


@pytest.mark.parametrize(
    "splits, parts",
    [
        ("train test validation", "train dev"),
        ("dev train unsupervised", "train dev"),
        ("train development", "train dev"),
        ("train validation_matched validation_mismatched", "train dev_matched dev_mismatched"),
        ("train validation dev2 validation_r3", "train dev dev_1 dev_2"),
    ],
)
def test_parts_are_called_so_that_nobody_trains_on_development_rows(monkeypatch, splits, parts):
    install(monkeypatch, {name: FakeSplit(ROWS[:1], CLASSES) for name in splits.split()})
    found = hub.load("x")
    assert sorted(found) == sorted(parts.split())
    assert {source.name[2:] for source in found.values()} == {
        name for name in splits.split() if name.startswith(("train", "dev", "val"))
    }
    assert {multitask_training.task_name("x_%s.tf_record" % part) for part in found} == {"x"}


def test_saved_folder_and_columns(tmp_path, monkeypatch):
    rows = [{"title": "dog", "kind": "b"}, {"title": "cat", "kind": "a"}, {"title": None, "kind": "a"}]
    calls = install(monkeypatch, FakeSplit(rows))
    (tmp_path / "saved").mkdir()
    run(tmp_path, dataset=tmp_path / "saved", text_columns="title", label_column="kind", name="mine")
    assert calls == [("disk", str(tmp_path / "saved"))]
    assert rows_of(tmp_path, "mine_train.tf_record") == [(1, "dog"), (0, "cat")]


def test_the_checksum_is_that_of_the_rows(monkeypatch):
    def checksum(rows):
        install(monkeypatch, FakeSplit(rows, CLASSES))
        split = hub.load("x")["train"]
        split.layout = text.Layout(("premise",), ("hypothesis",), ("label",), pair=True)
        return split.sha256()

    assert checksum(ROWS) == checksum(ROWS + ROWS[2:]) != checksum(ROWS[:1])


@pytest.mark.parametrize(
    "found, words",
    [
        ({"test": FakeSplit(ROWS)}, ["no split train", "test"]),
        (ConnectionError("no network\nmore"), ["cannot be loaded (no network)"]),
        ({"train": FakeSplit([{"words": "dog", "label": "a"}])}, ["x/train: no column", "words, label"]),
        ({"train": FakeSplit([{"text": "dog", "label": 0.5}])}, ["row 0", "label is 0.5"]),
    ],
)
def test_refusals(tmp_path, monkeypatch, found, words):
    install(monkeypatch, found)
    message = error_of(tmp_path, dataset="x")
    assert all(word in message for word in words), message


def test_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert "scripts/setup_env.sh --with=datasets" in error_of(tmp_path, dataset="x")


@pytest.mark.filterwarnings("default")
def test_the_real_package(tmp_path):
    datasets = pytest.importorskip("datasets", reason="not installed (scripts/setup_env.sh --with=datasets)")
    features = datasets.Features(
        {name: datasets.Value("string") for name in ("premise", "hypothesis")},
        label=datasets.ClassLabel(names=CLASSES), idx=datasets.Value("int32"),
    )
    columns = {name: [row[name] for row in ROWS] for name in features}
    whole = datasets.Dataset.from_dict(columns, features=features)
    splits = datasets.DatasetDict({"train": whole, "validation": whole.select([0])})
    splits.save_to_disk(str(tmp_path / "saved"))
    run(tmp_path, dataset=tmp_path / "saved")
    assert rows_of(tmp_path, "saved_train.tf_record") == [(1, "dog", "cat"), (0, "sun", "rain")]
    assert rows_of(tmp_path, "saved_dev.tf_record") == [(1, "dog", "cat")]
    whole.save_to_disk(str(tmp_path / "single"))
    run(tmp_path, dataset=tmp_path / "single")
    assert rows_of(tmp_path, "single_train.tf_record") == rows_of(tmp_path, "saved_train.tf_record")
    lines = [json.dumps({"text": each, "label": each}) for each in ("dog", "cat")]
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    assert "cannot be loaded" in str(pytest.raises(UserError, hub.load, str(tmp_path)).value)
