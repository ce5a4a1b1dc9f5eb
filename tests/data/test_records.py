"""Record files: every way in which one can be wrong, then round trips and determinism."""

import os
import struct

import numpy as np
import pytest
from padded_rows import make_examples

from data import records
from data.examples import pad
from runtime.compat import tf
from runtime.errors import UserError


def feature(values):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def write_raw(path, *serialized):
    with tf.python_io.TFRecordWriter(str(path)) as writer:
        for each in serialized:
            writer.write(each)
    return str(path)


def example(drop=(), **changes):
    features = {name: feature([1] * 8) for name in ("input_ids", "input_mask", "segment_ids")}
    features["label_ids"] = feature([1])
    features.update(changes)
    kept = {name: value for name, value in features.items() if name not in drop}
    return tf.train.Example(features=tf.train.Features(feature=kept)).SerializeToString()


def error_of(function, *args, **kwargs):
    """The one-line message of the UserError that the call must raise; it begins with the path."""
    with pytest.raises(UserError) as error:
        function(*args, **kwargs)
    message = str(error.value)
    assert "\n" not in message and message.startswith(str(args[0])), message
    return message


@pytest.mark.parametrize("read", [records.read_records, records.RecordFile, records.sha256])
def test_missing_file_and_folder(tmp_path, read):
    assert "no such file" in error_of(read, str(tmp_path / "missing.tf_record"))
    assert "never released" in error_of(read, str(tmp_path / "emotion_eval.tf_record"))
    assert "folder" in error_of(read, str(tmp_path))


@pytest.mark.parametrize("read", [records.read_records, records.RecordFile])
@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "is empty (0 bytes)"),
        (b'\xef\xbb\xbf [{"sent1": "a"}]', "looks like JSON"),
        (b'{"sent1": "a longer object that fills more than one header"}', "looks like JSON"),
        (b"<!DOCTYPE html><html>", "looks like a web page"),
        (b"\x1f\x8b\x08\x00 compressed", "gzip-compressed"),
        (b"text,label\nwords,1\n", "not a TFRecord file"),
        (b"\x01", "not a TFRecord file"),
    ],
)
def test_file_that_is_no_tfrecord(tmp_path, read, content, words):
    path = tmp_path / "file.tf_record"
    path.write_bytes(content)
    assert words in error_of(read, str(path))


def test_known_defect_is_named(tmp_path):
    path = tmp_path / "disaster_train_0_16.tf_record"
    path.write_text('[{"sent1": "[CLS] I bought this [SEP]", "label": "positive"}]')
    message = error_of(records.read_records, str(path))
    assert "looks like JSON" in message and "JSON of another task; use another split" in message


def test_truncated_file(tmp_path):
    path = tmp_path / "cut.tf_record"
    records.write_records(path, make_examples(3))
    whole = path.read_bytes()
    frame = len(records._example(make_examples(1), 0).SerializeToString()) + records.FRAME_BYTES
    for length in range(1, len(whole)):  # also within a frame's header, which TensorFlow takes for the end of the file
        path.write_bytes(whole[:length])
        if length % frame == 0:  # on a border nothing can be noticed
            assert records.RecordFile(path).size == length // frame
            continue
        message = error_of(records.read_records, str(path), 8)
        fault = "cut short after %d whole records" % (length // frame) if length > frame else "not a TFRecord file"
        assert fault in message and fault in error_of(records.RecordFile, str(path))


def test_flipped_byte(tmp_path):
    path = tmp_path / "flipped.tf_record"
    records.write_records(path, make_examples(5))
    content = bytearray(path.read_bytes())
    content[-30] ^= 1
    path.write_bytes(bytes(content))
    assert "damaged or cut short after 4 whole records" in error_of(records.read_records, str(path), 8)


@pytest.mark.parametrize(
    "bad, words",
    [
        (b"\xff\xff\xff", ["record 1", "no tf.train.Example"]),
        (b"", ["record 1", "no feature input_ids (it has: none)"]),
        (dict(drop=("segment_ids",)), ["record 1", "no feature segment_ids", "input_ids, input_mask, label_ids"]),
        (dict(drop=("label_ids",)), ["record 1", "no feature label_ids"]),
        (dict({"a\n%02d" % n: feature([1]) for n in range(20)}, drop=("label_ids",)), ["a\\n07 and 15 more); "]),
        (dict(input_ids=tf.train.Feature()), ["record 1", "length 0"]),
        (dict(input_mask=feature([1] * 9)), ["record 1", "length 9", "length is 8", "--max_seq_length=9"]),
        (dict(label_ids=feature([0, 1])), ["record 1", "label_ids holds 2 values"]),
        (
            dict(label_ids=tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"positive"]))),
            ["record 1", "label_ids is a bytes_list", "int64_list"],
        ),
        (dict(label_ids=feature([3])), ["record 1", "label_ids 3", "3 classes", "0 to 2", "--test_num_labels"]),
        (dict(label_ids=feature([-1])), ["record 1", "label_ids -1"]),
        (dict(input_ids=feature([1] * 7 + [50])), ["record 1", "input_ids 50", "50 entries", "convert_text.py"]),
        (dict(input_ids=feature([1] * 7 + [-5])), ["record 1", "input_ids -5"]),
        (dict(input_ids=feature([1] * 7 + [2**40])), ["record 1", "input_ids %d" % 2**40]),
        (dict(input_mask=feature([2] * 8)), ["record 1", "input_mask 2", "0 to 1"]),
        (dict(segment_ids=feature([2] * 8)), ["record 1", "segment_ids 2"]),
    ],
)
def test_record_that_does_not_fit(tmp_path, bad, words):
    serialized = bad if isinstance(bad, bytes) else example(**bad)
    path = write_raw(tmp_path / "bad.tf_record", example(), serialized, example())
    message = error_of(records.read_records, path, max_seq_length=8, num_labels=3, vocab_size=50)
    assert all(word in message for word in words), message


def test_values_beyond_int32_without_limits(tmp_path):
    path = write_raw(tmp_path / "bad.tf_record", example(label_ids=feature([2**31])))
    assert "label_ids %d" % 2**31 in error_of(records.read_records, path, max_seq_length=8)


def test_limits_are_inclusive_and_optional(tmp_path):
    path = write_raw(tmp_path / "good.tf_record", example(), example(label_ids=feature([2]), ex_id=feature([7])))
    for limits in ({}, dict(num_labels=3, vocab_size=2)):
        assert records.read_records(path, 8, **limits).label_ids.tolist() == [1, 2]


def test_round_trip(tmp_path):
    written = make_examples(7)
    path = tmp_path / "new" / "folder" / "file.tf_record"
    records.write_records(path, written)
    read = records.read_records(path, max_seq_length=8, num_labels=3, vocab_size=50)
    assert read.size == records.RecordFile(path).size == 7
    for field in records.SCHEMA:
        array = getattr(read, field.name)
        assert array.dtype == np.int32
        np.testing.assert_array_equal(array, getattr(written, field.name))
    assert os.listdir(str(path.parent)) == ["file.tf_record"]


def test_bytes_are_the_same_in_every_run_and_runtime(tmp_path):
    path = tmp_path / "file.tf_record"
    rows = [{"input_ids": [101, 7592, 102], "input_mask": [1] * 3, "segment_ids": [0, 0, 1], "label_ids": 1}] * 2
    records.write_records(path, pad(rows, 4))
    assert records.sha256(path) == "00fab72962803785f20b059edbde6ffc8b31102b807c37d79b9dcf88078ab195"


def test_failed_write_leaves_nothing_and_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file.tf_record"
    records.write_records(path, make_examples(2))
    before = path.read_bytes()

    def fail(examples, row):
        raise KeyboardInterrupt

    monkeypatch.setattr(records, "_example", fail)
    with pytest.raises(KeyboardInterrupt):
        records.write_records(path, make_examples(3))
    assert path.read_bytes() == before and os.listdir(str(tmp_path)) == ["file.tf_record"]


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    assert "cannot be written" in error_of(records.write_records, str(tmp_path / "file" / "x"), make_examples())
    assert "cannot be written" in error_of(records.write_records, str(tmp_path / "folder"), make_examples())
    empty = make_examples().take([])
    assert "no examples" in error_of(records.write_records, str(tmp_path / "empty.tf_record"), empty)
    assert sorted(os.listdir(str(tmp_path))) == ["file", "folder"]


def test_written_file_has_ordinary_permissions(tmp_path):
    records.write_records(tmp_path / "file.tf_record", make_examples())
    (tmp_path / "other").write_bytes(b"")
    assert (tmp_path / "file.tf_record").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_records_are_read_at_random_as_they_are_in_order(tmp_path):
    path = str(tmp_path / "file.tf_record")
    records.write_records(path, make_examples(5))
    expected = records.read_records(path, max_seq_length=8).take([3, 0, 3])
    read = records.RecordFile(path).examples([3, 0, 3], max_seq_length=8)
    for field in records.SCHEMA:
        np.testing.assert_array_equal(getattr(read, field.name), getattr(expected, field.name))


def crc_of(data):
    """TFRecord's checksum: CRC-32C, turned and shifted so that one of a checksum is not itself."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@pytest.mark.parametrize("length", [100, 2**31, 2**36, 2**63, 2**64 - 17, 2**64 - 1])
@pytest.mark.parametrize("before", [0, 1])
def test_a_length_larger_than_the_file_never_reaches_tensorflow(length, before, tmp_path, monkeypatch):
    path = str(tmp_path / "a.tf_record")
    with tf.python_io.TFRecordWriter(path) as writer:
        writer.write(b"")
    with open(path, "rb") as file:
        whole = file.read()
    assert struct.pack("<I", crc_of(whole[:8])) == whole[8:12]  # the checksum is TensorFlow's
    header = struct.pack("<Q", length)
    with open(path, "wb") as file:
        file.write(whole * before + header + struct.pack("<I", crc_of(header)) + b"x" * 50)
    words = "cut short after 1 whole records" if before else "not a TFRecord file"
    for read in (records.RecordFile, lambda path: list(records._serialized(path))):
        with pytest.raises(UserError, match=words):
            read(path)
