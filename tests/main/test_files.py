"""Files that the main program refuses in one line, leaving nothing behind."""

import pytest
from few_shot_files import LABELS, WORDS, bad_record_file, content, refused, task
from main_program import run

BAD_RECORDS = {
    "missing": ["no such file"],
    "folder": ["is a folder"],
    "empty": ["is empty", "convert"],
    "truncated": ["cut short", "fetch or convert"],
    "flipped": ["not a TFRecord file", "damaged"],
    "json": ["not a TFRecord file", "looks like JSON", "convert_text.py"],
    "length": ["record 0", "length 16", "--max_seq_length=16"],
    "label": ["record 3", "label_ids 3", "--test_num_labels"],
    "vocabulary": ["record 3", "input_ids 16", "16 entries", "vocab.txt"],
}


@pytest.mark.parametrize("kind", list(BAD_RECORDS))
@pytest.mark.parametrize("place", ["train", "eval"])
def test_bad_record_file(place, kind, files, base, tmp_path):
    path = bad_record_file(files, tmp_path, kind)
    before = content(tmp_path)
    pair = [str(path), str(files / "eval.tf_record")]
    names = ",".join(pair if place == "train" else pair[::-1])
    arguments = ["--task_eval_files=" + names, "--test_num_labels=3", "--output_dir=%s" % (tmp_path / "out")]
    refused(run(*(base + arguments)), str(path), *BAD_RECORDS[kind])
    assert content(tmp_path) == before


BAD_TEXTS = {
    "bad.txt": ("good film\n", ["bad.txt", "no labels"]),
    "bad.doc": ("good film\n", ["bad.doc", "unknown kind of file"]),
    "empty.csv": ("", ["empty.csv", "is empty"]),
    "header.csv": ("text,label\n", ["header.csv", "no texts"]),
    "unlabelled.csv": ("text\ngood film\n", ["unlabelled.csv", "label"]),
    "label.csv": ("text,label\ngood film,left\n", ["label.csv", "line 2", "'left'", "up, down, flat"]),
    "row.csv": ("text,label\ngood film,up,down\n", ["row.csv", "line 2", "3 fields"]),
    "bad.json": ('[{"sentence1": "good"', ["bad.json", "invalid JSON"]),
}


@pytest.mark.parametrize("name", list(BAD_TEXTS))
def test_bad_text_file(name, files, base, tmp_path):
    text, words = BAD_TEXTS[name]
    (tmp_path / name).write_text(text)
    before = content(tmp_path)
    names = "--task_eval_files=%s,%s" % (files / "train.csv", tmp_path / name)
    arguments = [names, "--labels=" + ",".join(LABELS), "--output_dir=%s" % (tmp_path / "out")]
    refused(run(*(base + arguments)), *words)
    assert content(tmp_path) == before


def test_a_label_that_no_model_may_hold_is_refused_before_the_work(files, base, tmp_path):
    (tmp_path / "long.csv").write_text("text,label\ngood film,%s\nbad film,down\n" % ("up" * 5001))
    before = content(tmp_path)
    arguments = ["--task_eval_files=%s" % (tmp_path / "long.csv"), "--output_dir=%s" % (tmp_path / "out")]
    refused(run(*(base + arguments)), "labels[1]", "10000 characters", "no model is made that could not be read again")
    assert content(tmp_path) == before


def test_missing_public_file_is_explained(files, base, tmp_path):
    arguments = [
        "--task_eval_files=airline_train_0_4.tf_record,airline_eval.tf_record",
        "--supervised_data_dir=%s" % tmp_path,
        "--output_dir=%s" % (tmp_path / "out"),
    ]
    refused(run(*(base + arguments)), "airline_train_0_4.tf_record", "split 0, k=4", "LEOPARD_DIR")
    assert content(tmp_path) == {}


def test_vocabulary_larger_than_the_config(files, base, tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS + ["more"]) + "\n")
    before = content(tmp_path)
    arguments = [task(files, ".csv"), "--vocab_file=%s" % (tmp_path / "vocab.txt")]
    result = run(*(base + arguments + ["--output_dir=%s" % (tmp_path / "out")]))
    refused(result, "--vocab_file", "17 tokens", "vocab_size 16")
    assert content(tmp_path) == before


@pytest.mark.parametrize("text, word", [("{", "not JSON"), ("[]", "no JSON object"), ("{}", "no vocab_size")])
def test_bad_bert_config(text, word, files, base, tmp_path):
    (tmp_path / "config.json").write_text(text)
    before = content(tmp_path)
    arguments = [task(files, ".csv"), "--bert_config_file=%s" % (tmp_path / "config.json")]
    refused(run(*(base + arguments + ["--output_dir=%s" % (tmp_path / "out")])), "config.json", word)
    assert content(tmp_path) == before
