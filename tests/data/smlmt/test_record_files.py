"""Files of the SMLMT generator and the manifest beside them."""
import json

import numpy as np
import pytest
from smlmt_program import VOCAB

from data import records
from data.smlmt import generator, record_files
from runtime.compat import tf
from runtime.errors import UserError
from runtime.staging import Staging

SIZES = {"records_per_task": 2, "max_seq_length": 4}


def write(folder, tasks=(("ab", "cd"), ("ef", "g"))):
    """A record file of two classes and its words file; returns the first's path."""
    ids = np.array([[2, 7, 3, 0], [2, 8, 3, 0]], np.int32)  # [CLS] a [SEP], [CLS] b [SEP]
    rows = records.Examples(ids, np.minimum(ids, 1), np.zeros_like(ids), np.arange(2, dtype=np.int32))
    serialized = [list(records.serialize(rows)) for _ in tasks]
    paths = [str(folder / name("meta_pretrain", 2)) for name in (record_files.record_file, record_files.words_file)]
    record_files.write_tasks(*paths, [generator.SmlmtTask(*task) for task in zip(tasks, serialized)])
    return paths[0]


def write_manifest(folder, **changes):
    entry = {"name": "meta_pretrain_2.tf_record", "words_name": "meta_pretrain_2.words.tsv"}
    content = record_files.manifest({}, dict(SIZES, **changes), [entry], {})
    (folder / "manifest.json").write_text(json.dumps(content))


def test_words_are_counted_by_task(tmp_path):
    write(tmp_path, (("ab", "cd"), ("cd", "e")))
    assert record_files.count_words([str(tmp_path / "meta_pretrain_2.words.tsv")]) == {"ab": 1, "cd": 2, "e": 1}


def test_records_of_a_task_are_known_of_listed_files_alone(tmp_path):
    path = write(tmp_path)
    assert record_files.records_per_task(path) is None
    write_manifest(tmp_path)
    assert record_files.records_per_task(path) == 2
    assert record_files.records_per_task(str(tmp_path / "other.tf_record")) is None


@pytest.mark.parametrize("content", ["", "[]", '{"files": [1]}', '{"files": [{"name": "../x", "words_name": 3}]}'])
def test_a_manifest_of_something_else_lists_nothing(content, tmp_path):
    (tmp_path / "manifest.json").write_text(content)
    assert record_files.records_per_task(str(tmp_path / "meta_pretrain_2.tf_record")) is None


def test_a_look_inside(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(VOCAB) + "\n")
    path = write(tmp_path)
    write_manifest(tmp_path)
    lines = list(record_files.inspect(path, str(tmp_path / "vocab.txt"), tasks=9))
    assert lines[0].endswith("meta_pretrain_2.tf_record: 2 tasks of 2 records")
    assert lines[1:5] == ["", "task 0", "  label 0: ab (1 records)", "  label 1: cd (1 records)"]
    assert lines[5:7] == ["  0  a", "  1  b"] and "  label 1: g (1 records)" in lines and len(lines) == 13


def test_files_that_an_older_manifest_lists_go_with_it(tmp_path):
    write(tmp_path)
    write_manifest(tmp_path)
    (tmp_path / "mine.tf_record").write_text("")
    with Staging(str(tmp_path), ["a.tf_record", "manifest.json"], overwrite=True) as staging:
        with open(staging.path("a.tf_record"), "w"):
            pass
        record_files.publish(staging, record_files.manifest({}, SIZES, [], {}))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.tf_record", "manifest.json", "mine.tf_record"]


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises((UserError, tf.errors.OpError)):
        write(tmp_path / "file")
