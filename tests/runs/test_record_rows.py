"""Records to predict as blocks."""
import numpy as np

from data import records, unlabelled
from data.examples import Examples
from runs.record_rows import RecordRows

SEQ = 5


def test_records(tmp_path, monkeypatch):
    monkeypatch.setattr(unlabelled, "BLOCK", 2)
    ids = np.arange(15, dtype=np.int32).reshape([3, 5])
    segments = np.zeros_like(ids)
    path = str(tmp_path / "new.tf_record")
    for has_pairs in (False, True):
        segments[2, 3] = has_pairs
        records.write_records(path, Examples(ids, np.ones_like(ids), segments, np.zeros(3, np.int32)))
        rows = RecordRows(records.RecordFile(path), SEQ, 20)
        assert rows.census() == unlabelled.Census(3, has_pairs)
        found = list(rows.blocks(2))
        assert [block.is_blank for block in found] == [[False, False], [False]]
        np.testing.assert_array_equal(np.concatenate([block.examples.input_ids for block in found]), ids)
