"""The published layouts: where files are looked for, and STS-B's classes."""
import pytest

from data.supervised import glue
from runtime.errors import UserError


@pytest.mark.parametrize(
    "score, expected",
    [("0", "0"), ("0.499", "0"), ("0.5", "1"), ("1.5", "2"), ("2.500", "3"), ("4.4", "4"), ("4.5", "5"), ("5.00", "5")],
)
def test_scores_are_rounded_half_up(score, expected):
    assert glue.nearest_score(score) == expected


@pytest.mark.parametrize("score", ["-0.1", "5.01", "nan", "inf", "x"])
def test_scores_out_of_range(score):
    with pytest.raises(ValueError):
        glue.nearest_score(score)


def test_registry():
    assert all(name == task.name and len(task.labels) >= 2 for name, task in glue.TASKS.items())
    folders = [folder for task in glue.TASKS.values() for folder in task.folders]
    assert len(set(folders)) == len(folders) and all("train" in task.files for task in glue.TASKS.values())
    pairs = {name for name, task in glue.TASKS.items() if task.layout.pair}
    assert set(glue.TASKS) - pairs == {"cola", "sst2"}


def test_folders(tmp_path):
    snli = glue.get_task("snli")
    assert glue.folder_of(snli, str(tmp_path)) is None
    (tmp_path / "snli_1.0").mkdir()
    assert glue.folder_of(snli, str(tmp_path)) == str(tmp_path / "snli_1.0")
    assert glue.folder_of(snli, str(tmp_path / "snli_1.0")) == str(tmp_path / "snli_1.0")
    (tmp_path / "SNLI").mkdir()
    assert glue.folder_of(snli, str(tmp_path)) == str(tmp_path / "SNLI")


def test_files(tmp_path):
    snli = glue.get_task("snli")
    with pytest.raises(UserError, match="snli_1.0_train.jsonl: no such file"):
        snli.find(str(tmp_path))
    (tmp_path / "original").mkdir()
    for name, found in (("train.tsv", "train.tsv"), ("original/snli_1.0_train.jsonl",) * 2, ("dev.tsv", None)):
        (tmp_path / name).write_text("")
        paths = snli.find(str(tmp_path))
        assert found is None or paths == {"train": str(tmp_path / found)}
    assert paths["dev"] == str(tmp_path / "dev.tsv")
