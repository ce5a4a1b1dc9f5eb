"""JSON files of strangers: every reader ends every mutation of one with a value or one line, never otherwise.

tests/runs/test_schemas.py does so for model.json and results.json, and looks at what was read.
"""
import dataclasses
import json
import os
from typing import Callable, NamedTuple

import hostile_json
import hugging_face_folder
import pytest
import result_files
import tiny

import modeling
from command_line import finetune
from data import meta_tasks
from data.smlmt import record_files
from fetch import hf_checkpoint, hf_tokenizer, manifest, transfer
from runs import earlier, model_folder, output_folder, sweep
from runtime import claims, folders, makings
from runtime.errors import UserError
from training import validation

RECORDS = "meta_pretrain_3.tf_record"
SUM = "0" * 64
OWNER = dict(
    dataclasses.asdict(claims.Owner("finetune.py", 4711, "99", "host", "boot", "2026-11-26 16:31:07", "abc")), format=1)


class Reader(NamedTuple):
    """A JSON file, and who reads it."""

    name: str  # of the file, relative to a folder
    content: object
    read: Callable  # (folder)
    prepare: Callable = lambda folder: None


def side(folder):
    path = os.path.join(folder, RECORDS)
    assert 2 <= meta_tasks.num_labels_of(path) <= meta_tasks.MOST
    assert meta_tasks.drawn_rows(path) in [None] + list(range(2, 1000))


def smlmt_manifest(folder):
    path = os.path.join(folder, RECORDS)
    assert record_files.records_per_task(path) in [None] + list(range(1, 1000))
    assert all(name == os.path.basename(name) for name in record_files._listed_files(
        os.path.join(folder, record_files.MANIFEST)))


def downloads(folder):
    for files in manifest.read(folder).values():
        assert all(entry["bytes"] >= 0 and len(entry["sha256"]) == 64 for entry in files.values())


def note(folder):
    have, found = transfer._Transfer("http://a/b", os.path.join(folder, "b"), "b", 99, 1, 1)._resumable()
    assert (have, found) == (0, {}) or (have == 4 and found["url"] == "http://a/b")


def prepare_part(folder):
    with open(os.path.join(folder, "b.part"), "w") as file:
        file.write("half")


def made(folder):
    found = makings.read(folder)
    assert all(makings.are_plain(names) for names in found.values())
    output_folder.left_by(folder)
    folders.check(folder, "run", folders.SHARED, ["results.json"])


def claim(folder):
    owner = claims.owner_of(os.path.join(folder, ".unfinished"))
    assert owner is None or (isinstance(owner.pid, int) and isinstance(str(owner), str))
    folders.recover(folder)
    with folders.atomic_folder(folder, "run", folders.SHARED):
        pass


def judged(folder):
    best, history = validation._judged(folder)
    assert (best is None or best["step"] >= 0) and all(entry["step"] >= 0 for entry in history or ())
    validation.made_earlier(folder)
    assert validation.exported(folder)


def best(folder):
    with open(os.path.join(folder, "best.json"), "w") as file:
        json.dump({"step": 2, "query_accuracy": 0.5, "query_loss": 1.0}, file)


def of_a_run(folder):
    sweep.stored_run_id(folder)
    finetune.trained_on(folder)
    earlier.run(folder)
    output_folder._has_metrics(folder)
    assert 0 <= sweep.accuracy(folder) <= 1


def of_a_training(folder):
    earlier.training_settings(earlier.read_json(os.path.join(folder, "meta_training.json")))


def encoder(folder):
    config = modeling.BertConfig.from_json_file(os.path.join(folder, "bert_config.json"))
    assert 0 < config.hidden_size <= 8192


def hugging_face(folder):
    hf_tokenizer.lowers_case(folder)
    assert hf_tokenizer.tokens_of(folder, 100)


def in_parts(folder):
    hf_checkpoint._read_tensors(folder)


TOKENIZER = {
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "vocab": {word: number for number, word in enumerate(tiny.WORDS)}},
    "normalizer": {"type": "BertNormalizer", "lowercase": True, "strip_accents": None, "handle_chinese_chars": True},
    "added_tokens": [{"id": 0, "content": "[PAD]"}],
}
READERS = [
    Reader(RECORDS + ".json", {"num_labels": 3, "records_per_task": 9, "labels": ["a", "b", "c"]}, side),
    Reader("manifest.json", {"format": 1, "parameters": {"records_per_task": 9, "max_seq_length": 12}, "files": [
        {"name": RECORDS, "words_name": "meta_pretrain_3.words.tsv"}]}, smlmt_manifest),
    Reader("manifest.json", {"format": 1, "folders": {"bert": {"vocab.txt": {"bytes": 3, "sha256": SUM}}}}, downloads),
    Reader("b.part.json", {"url": "http://a/b", "total": 9, "validator": '"1"'}, note, prepare_part),
    Reader(".made.json", makings.content({"run": ["results.json"], "model": ["model.json"]}), made),
    Reader(".unfinished/owner.json", OWNER, claim),
    Reader("best.json", {"step": 2, "query_accuracy": 0.5, "query_loss": 1.0}, judged),
    Reader("validation.json", [{"step": 2, "query_accuracy": 0.5, "query_loss": 1.0}], judged, best),
    Reader("results.json", dict(result_files.content(run_id="01"), data={"train": {"path": "a", "sha256": SUM}}),
           of_a_run),
    Reader("meta_training.json", {"learner": {"fix_bert": True}, "meta_training": {"fix_bert": False}}, of_a_training),
    Reader("bert_config.json", tiny.TEXT_SIZES, encoder),
    Reader("tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "unk_token": "[UNK]"},
           hugging_face, hugging_face_folder.write_source),
    Reader("tokenizer.json", TOKENIZER, hugging_face),
    Reader("model.safetensors.index.json", {"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}, in_parts),
    Reader("model.json", {"labels": ["a"], "learner": {}, "bert_config": {}, "text": {}}, earlier.model),
    Reader("model.json", {"labels": ["a"], "learner": {}, "bert_config": {}, "text": {}}, model_folder.load),
]


def refusal(reader, folder):
    """The error of a reader as a line; None where it has a result."""
    try:
        reader.read(str(folder))
    except UserError as error:
        assert "\n" not in str(error) and len(str(error)) < 700, error
        return str(error)
    return None


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: "%s-%s" % (reader.name, reader.read.__name__))
def test_every_mutation_is_one_line_or_a_value(reader, tmp_path):
    path = tmp_path / "a" / reader.name
    count = 0
    (tmp_path / "a").mkdir()
    reader.prepare(tmp_path / "a")
    for _, mutated in hostile_json.mutations(reader.content):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(mutated)
        refusal(reader, tmp_path / "a")
        count += 1
    assert count > 40
    for kind in ("folder", "link", "pipe"):
        if path.is_file():
            path.unlink()
        path.parent.mkdir(exist_ok=True)
        hostile_json.put_no_file(path, kind)
        refusal(reader, tmp_path / "a")
        (os.rmdir if kind == "folder" else os.unlink)(str(path))
