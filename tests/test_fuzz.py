"""Every reader of files from outside, on files that are damaged at random: an error in one line, or what is in them.

FUZZ_EXAMPLES=N tries N files a reader instead of the few of the suite, FUZZ_SEED another row of them; FUZZ_SECONDS=S
goes on with the seeds that follow until S seconds are up (pytest -s tells how far it came); docs/SECURITY.md tells what
ran.
"""
import io
import json
import os
import shutil
import time
import zipfile

import hostile_json
import hugging_face_folder
import numpy as np
import pytest
import tiny
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from test_hostile_json import READERS, refusal
from test_tokenization import Library, fragments, spelling_vocab

from data import records, text, unlabelled
from data.examples import pad
from fetch import archives, hf_checkpoint
from runs import model_folder
from runtime import checkpoints
from runtime.compat import tf
from runtime.errors import UserError
from tokenization import Tokenizer

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
SEED = int(os.environ.get("FUZZ_SEED", "20"))
SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
HINTS = [
    b"\"", b",", b"\t", b"\r", b"\n", b"\x00", b"\xff", b"\xef\xbb\xbf", b"{", b"[", b"}", b"]", b"\\u", b"-1",
    b"1e999", b"[PAD]", b"../", b"\xff" * 8, b"\x00" * 8, b"\x80" * 10, b"NaN", b"null",
]


def fuzzed(test):
    """Makes of a test one that runs on many files, the same ones each time."""
    test = settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=CHECKS)(test)

    def run():
        begun, number, is_over = time.monotonic(), SEED, False
        while not is_over:
            seed(number)(test)()
            number += 1
            is_over = time.monotonic() - begun >= SECONDS
        print("\n%d files in %.0f s, seeds %d to %d"
              % (EXAMPLES * (number - SEED), time.monotonic() - begun, SEED, number - 1))

    return run


@st.composite
def damaged(draw, whole):
    """Bytes made of some whole file: cut, and a few places replaced, dropped or repeated."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 12))
        piece = draw(st.one_of(st.binary(max_size=12), st.sampled_from(HINTS)))
        content[place : place + length] = piece
    if draw(st.booleans()):
        content = content[: draw(st.integers(0, len(content)))]
    return bytes(content)


def outcome(call):
    """What a call returns; None where it ended with one line for the user."""
    try:
        return call()
    except UserError as error:
        assert "\n" not in str(error)[:-1], error
        return None


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


TABLES = {
    "a.csv": b'text,text2,label\n"a, ""b""\nc",d,up\nb,e,down\n', "a.tsv": b"sentence1\tlabel\na\tup\n\"b\tc\"\tdown\n",
    "a.json": b'[{"text": "a", "label": "up"}, {"text": "b \\ud83d\\ude00", "label": 1}]', "a.txt": b"a\tb\n\nc\td\r\n",
    "a.jsonl": b'{"text": "a", "label": "up"}\n\n{"text": "b", "text2": null, "label": "down"}\n',
}


@pytest.mark.parametrize("name", list(TABLES))
def test_text(name, place):
    @fuzzed
    @given(damaged(TABLES[name]))
    def run(content):
        (place / name).write_bytes(content)
        path = str(place / name)
        rows = outcome(lambda: list(unlabelled.read(path)))
        assert rows is None or any(rows)
        if text.is_labelled_format(path):
            rows = outcome(lambda: text.read_text(path))
            assert rows is None or all(row.text_a.strip() and row.label for row in rows)

    run()


def test_vocabulary(place):
    @fuzzed
    @given(damaged("\n".join(tiny.WORDS).encode("utf-8")), st.text(max_size=20))
    def run(content, line):
        (place / "vocab.txt").write_bytes(content)
        tokenizer = outcome(lambda: Tokenizer.from_file(str(place / "vocab.txt"), True))
        if tokenizer:
            ids = tokenizer.encode(line, None, 12)[0]
            assert len(ids) <= 12 and max(ids) < tokenizer.vocab_size

    run()


def test_records(place):
    rows = [{"input_ids": [2, 5, 3], "input_mask": [1] * 3, "segment_ids": [0] * 3, "label_ids": n} for n in (0, 1)]
    path = str(place / "a.tf_record")
    records.write_records(path, pad(rows, 4))
    with open(path, "rb") as file:
        whole = file.read()

    @fuzzed
    @given(damaged(whole))
    def run(content):
        with open(path, "wb") as file:
            file.write(content)
        found = outcome(lambda: records.read_records(path, 4, 2, 10))
        assert found is None or found.input_ids.max() < 10

    run()


def test_models(place):
    (place / "model").mkdir()
    tiny.write(place / "model", ["up", "down"])
    path = place / "model" / "model.json"
    content = json.loads(path.read_text())
    every = [mutated for _, mutated in hostile_json.mutations(content)]

    @fuzzed
    @given(st.one_of(damaged(path.read_bytes()), st.sampled_from(every)))
    def run(content):
        path.write_bytes(content)
        model = outcome(lambda: model_folder.load(str(place / "model")))
        assert model is None or len(set(model.labels)) == len(model.labels) > 0

    run()


@pytest.mark.parametrize("part", [".index", ".data-00000-of-00001"])
def test_checkpoints(part, place):
    prefix = str(place / ("model" + part.replace(".", "_")))
    with tf.Graph().as_default(), tf.Session() as session:
        values = {"a": np.ones([3, 2], np.float32), "b": np.zeros([5], np.float32)}
        variables = [tf.Variable(value, name=name) for name, value in values.items()]
        session.run(tf.global_variables_initializer())
        tf.train.Saver(variables).save(session, prefix, write_meta_graph=False)
    with open(prefix + part, "rb") as file:
        whole = file.read()

    @fuzzed
    @given(damaged(whole))
    def run(content):
        with open(prefix + part, "wb") as file:
            file.write(content)
        values = outcome(lambda: checkpoints.read(prefix, "--init_checkpoint"))
        assert values is None or all(np.isfinite(value).all() for value in values.values())

    run()


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "vocab.txt"])
def test_hugging_face_folders(name, place):
    folder = place / ("hf_" + name.split(".")[0])
    hugging_face_folder.write_source(folder)
    whole = (folder / name).read_bytes()
    made = iter(range(10**9))

    @fuzzed
    @given(damaged(whole))
    def run(content):
        (folder / name).write_bytes(content)
        target = place / ("made_%s_%d" % (name.split(".")[0], next(made)))
        outcome(lambda: hf_checkpoint.to_tensorflow(str(folder), str(target)))
        shutil.rmtree(str(target), ignore_errors=True)

    run()


def test_archives(place):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("top/a.txt", "a" * 1000)
        archive.writestr("top/sub/b.bin", bytes(range(200)))
    whole = stream.getvalue()
    (place / "zip").mkdir()
    made = iter(range(10**9))

    @fuzzed
    @given(damaged(whole))
    def run(content):
        (place / "zip" / "a.zip").write_bytes(content)
        target = place / "zip" / ("made_%d" % next(made))
        outcome(lambda: archives.unzip(str(place / "zip" / "a.zip"), str(target), max_unpacked=1 << 20))
        outside = [each for each in os.listdir(str(place / "zip")) if not each.startswith(("a.zip", "made_"))]
        assert not [each for each in outside if not each.startswith(".")], outside
        shutil.rmtree(str(target), ignore_errors=True)

    run()


def test_json_files(place):
    """All that test_hostile_json.py reads: side files, manifests, notes, marks, settings."""
    folders = []
    for number, reader in enumerate(READERS):
        folders.append(place / ("json_%d" % number))
        folders[-1].mkdir()
        reader.prepare(folders[-1])
    files = st.sampled_from(range(len(READERS))).flatmap(
        lambda number: st.tuples(st.just(number), damaged(json.dumps(READERS[number].content).encode("utf-8"))))

    @fuzzed
    @given(files)
    def run(file):
        number, content = file
        path = folders[number] / READERS[number].name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        refusal(READERS[number], folders[number])

    run()


@pytest.fixture(scope="module")
def tokenizers():
    vocab = spelling_vocab()
    return {uncased: (Tokenizer(vocab, uncased), Library(vocab, uncased)) for uncased in (False, True)}


def test_tokenizer(tokenizers):
    @fuzzed
    @given(st.lists(fragments, max_size=6), st.booleans())
    def run(parts, uncased):
        tokenizer, library = tokenizers[uncased]
        assert tokenizer.ids("".join(parts)) == library.ids("".join(parts))

    run()
