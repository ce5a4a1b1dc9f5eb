"""Runs scripts/make_supervised.py inside the tests and reads what it made."""
import gzip
import json
import os

import make_supervised as program
import pytest
from absl import flags

from data import records
from runtime.errors import UserError
from runtime.paths import ROOT

SCRIPT = os.path.join(ROOT, "scripts", "make_supervised.py")
WORDS = "yes no good bad dog cat rain sun here there was it we say so".split()
VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", '"', "."] + WORDS
SEQ = 16



def save(path, content):
    """Writes a file: bytes, text, or rows of fields that become lines with tabs."""
    if not path.parent.exists():
        path.parent.mkdir(parents=True)
    if isinstance(content, list):
        content = "".join("\t".join(row) + "\n" for row in content)
    data = content.encode("utf-8") if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def arguments(folder, **changes):
    """The command line; makes vocab.txt in the folder."""
    save(folder / "vocab.txt", "\n".join(VOCAB) + "\n")
    given = dict(output_dir=folder / "out", vocab_file=folder / "vocab.txt", max_seq_length=SEQ)
    given.update(changes)
    return ["--%s=%s" % item for item in given.items()]


def run(folder, **changes):
    """The program in this process."""
    values = flags.FlagValues()
    program.define_flags(values)
    values(["make_supervised.py"] + arguments(folder, **changes))
    program.run(values)


def error_of(folder, **changes):
    """The one line of the UserError that the program must end with, leaving nothing behind."""
    with pytest.raises(UserError) as error:
        run(folder, **changes)
    assert "\n" not in str(error.value) and not (folder / "out").exists()
    return str(error.value)


def rows_of(folder, name):
    """[(label id, text) or (label id, text, text)] of a record file."""
    read = records.read_records(str(folder / "out" / name), SEQ, vocab_size=len(VOCAB))
    found = []
    for ids, mask, segments, label in zip(read.input_ids, read.input_mask, read.segment_ids, read.label_ids):
        assert ids[0] == VOCAB.index("[CLS]") and not ids[mask == 0].any()
        texts = []
        for segment in sorted(set(segments[mask > 0])):
            tokens = [VOCAB[index] for index in ids[(mask > 0) & (segments == segment)]]
            assert tokens[-1] == "[SEP]"
            texts.append(" ".join(tokens[1 - segment : -1]))  # [CLS] stands before the first text
        found.append(tuple([int(label)] + texts))
    return found


def side_of(folder, name):
    return json.loads((folder / "out" / (name + ".json")).read_text())


def contents(path):
    """{name: bytes} of a folder."""
    return {name: (path / name).read_bytes() for name in sorted(os.listdir(str(path)))}
