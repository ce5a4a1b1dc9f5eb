"""Lets atheris (pip install atheris) look for bytes that the reader of record files does not end in one line or rows.

  python tests/try_bytes.py -max_total_time=600 [FLAGS OF LIBFUZZER] [FOLDER OF INPUTS]

The first byte of an input says whether the others are a whole file, or one record, which is framed with checksums that
are right: no search finds those. tests/test_fuzz.py damages files of every kind, without looking at the code.
"""
import os
import struct
import sys
import tempfile

import atheris

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [ROOT]
os.environ.update(CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3")

from runtime.compat import tf  # noqa: E402 (not instrumented: it is another's)

with atheris.instrument_imports():
    from data import records
    from data.examples import SCHEMA
    from runtime.errors import UserError

LENGTH = 4  # tokens of a record


def framed(record):
    """A record file of one record."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a")
        with tf.python_io.TFRecordWriter(path) as writer:
            writer.write(record)
        with open(path, "rb") as file:
            return file.read()


def example(length=LENGTH, value=1):
    """The bytes of a record that fits, for inputs to begin with."""
    counts = {field.name: length if field.per_token else 1 for field in SCHEMA}
    feature = {name: tf.train.Feature(int64_list=tf.train.Int64List(value=[value] * count))
               for name, count in counts.items()}
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


class Target:
    """Reads what a search thinks up."""

    def __init__(self, folder):
        self._path = os.path.join(folder, "a.tf_record")

    def __call__(self, content):
        whole = content[1:] if content[:1] < b"\x80" else framed(content[1:])
        with open(self._path, "wb") as file:
            file.write(whole)
        try:
            found = records.read_records(self._path, LENGTH, 2, 10)
        except UserError as error:
            assert "\n" not in str(error), error
        else:
            assert found.input_ids.max() < 10 and found.label_ids.max() < 2


def main():
    with tempfile.TemporaryDirectory() as folder:
        corpus = os.path.join(folder, "corpus")
        os.mkdir(corpus)
        record = example()
        long = struct.pack("<Q", 2**36) + framed(record)[8:]
        seeds = (b"\x00" + framed(record), b"\x80" + record, b"\x00" + long, b"\x80" + example(3))
        for number, content in enumerate(seeds):
            with open(os.path.join(corpus, str(number)), "wb") as file:
                file.write(content)
        atheris.Setup(sys.argv + [corpus], Target(folder))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
