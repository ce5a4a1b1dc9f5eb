"""The main program as a user runs it: refusals first, then fine-tuning, results, prediction, warm start, interruption.

Most runs are made in this process (`run`), which saves the start of TensorFlow; `run_program` starts a real one.
"""

import collections
import csv
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from absl import flags
from main_program import Run, run, run_program, start_program

import modeling
from data import convert
from data.text import read_text
from runtime.compat import tf
from runtime.paths import ROOT
from tokenization import Tokenizer

GOLDEN = os.path.join(ROOT, "tests", "golden", "ft_warm_start")
LEOPARD_DIR = os.environ.get("LEOPARD_DIR")

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] good bad fine film very plot slow fast red green blue".split()
BERT = dict(
    vocab_size=len(WORDS),
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=24,
    type_vocab_size=2,
    initializer_range=0.2,  # far from 0, so that rows differ
    hidden_dropout_prob=0.1,
    attention_probs_dropout_prob=0.1,
)
LABELS = ["up", "down", "flat"]  # not sorted
TRAIN = [
    ("good film", "up"),
    ("good very fast", "up"),
    ("bad film", "down"),
    ("bad slow", "down"),
    ("fine plot", "flat"),
    ("fine red fine", "flat"),
]
EVAL = TRAIN[::-1] + [
    ("good green", "up"),
    ("bad blue bad", "down"),
    ("green", "flat"),
    ("very slow plot", "down"),
    ("fast", "up"),
]
SEQUENCE = 12
BATCH = 4


def write_rows(path, rows, header="text,label"):
    path.write_text("\n".join([header] + [",".join(row) for row in rows]) + "\n")


def checksum(path):
    with open(str(path), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def content(folder):
    """{relative path: checksum, or None for a folder} of all that is in a folder; None when it does not exist."""
    if not os.path.exists(str(folder)):
        return None
    found = {}
    for root, folders, files in os.walk(str(folder)):
        place = os.path.relpath(root, str(folder))
        found.update({os.path.join(place, name): None for name in folders})
        found.update({os.path.join(place, name): checksum(os.path.join(root, name)) for name in files})
    return found


def refused(result, *words):
    """The run ended with code 2 and one line on stderr that holds all the words."""
    assert result.code == 2, result
    assert len(result.lines) == 1, result.lines
    assert result.lines[0].startswith("error: "), result.lines
    missing = [word for word in words if word not in result.lines[0]]
    assert not missing, "%s not in: %s" % (missing, result.lines[0])


def read_predictions(path):
    """(header, rows as dicts, probabilities [rows, classes])."""
    with open(str(path), encoding="utf-8") as file:
        reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        rows = list(reader)
    classes = [name for name in reader.fieldnames if name.startswith("p(")]
    return reader.fieldnames, rows, np.array([[float(row[name]) for name in classes] for row in rows])


def read_json(path):
    with open(str(path), encoding="utf-8") as file:
        return json.load(file)


def rewrite(source, target, change):
    """Writes a changed copy of a file's bytes."""
    target.write_bytes(change(source.read_bytes()))


def save_checkpoint(prefix, **sizes):
    with tf.Graph().as_default(), tf.Session() as session:
        weights = modeling.create_variables(modeling.BertConfig.from_dict(dict(BERT, **sizes)))
        session.run(tf.global_variables_initializer())
        tf.train.Saver(weights).save(session, str(prefix))


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Folder with config, vocabulary, and a small task as text and as records."""
    folder = tmp_path_factory.mktemp("task")
    (folder / "bert_config.json").write_text(json.dumps(BERT))
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    write_rows(folder / "train.csv", TRAIN)
    write_rows(folder / "eval.csv", EVAL)
    (folder / "eval.txt").write_text("".join(text + "\n" for text, _ in EVAL))
    tokenizer = Tokenizer.from_file(str(folder / "vocab.txt"), False)
    for part in ("train", "eval"):
        source, target = (str(folder / (part + kind)) for kind in (".csv", ".tf_record"))
        convert.convert(source, target, tokenizer, labels=LABELS, max_seq_length=SEQUENCE)
    return folder


@pytest.fixture(scope="session")
def encoder(files):
    """Flags of the encoder alone: random weights."""
    return [
        "--bert_config_file=%s" % (files / "bert_config.json"),
        "--vocab_file=%s" % (files / "vocab.txt"),
        "--init_checkpoint=",
        "--max_seq_length=%d" % SEQUENCE,
    ]


@pytest.fixture(scope="session")
def base(encoder):
    """Flags of a short run whose classes start as means of the rows' features."""
    return encoder + [
        "--do_eval",
        "--pooling=mean",
        "--prototypical_baseline",
        "--head_init=identity",
        "--label_emb_size=16",
        "--update_only_label_embedding",
        "--SGD_K=1",
        "--train_batch_size=%d" % BATCH,
        "--eval_batch_size=%d" % BATCH,
        "--num_train_epochs=2",
    ]


def task(files, kind, eval_kind=None):
    return "--task_eval_files=%s,%s" % (files / ("train" + kind), files / ("eval" + (eval_kind or kind)))


@pytest.fixture(scope="session")
def from_text(files, base, tmp_path_factory):
    """(output_dir, flags, Run) of a run on text; read only."""
    output = tmp_path_factory.mktemp("runs") / "from_text"
    arguments = base + [task(files, ".csv"), "--labels=" + ",".join(LABELS)]
    return output, arguments, run("--output_dir=%s" % output, *arguments)


@pytest.fixture(scope="session")
def from_records(files, base, tmp_path_factory):
    """(output_dir, flags, Run) of the same run on records; read only."""
    output = tmp_path_factory.mktemp("runs") / "from_records"
    names = ["--supervised_data_dir=%s" % files, "--task_eval_files=train.tf_record,eval.tf_record"]
    arguments = base + names + ["--labels=" + ",".join(LABELS)]
    return output, arguments, run("--output_dir=%s" % output, *arguments)


# --- refusals: flags -------------------------------------------------------------------------------------------------
BAD_FLAGS = {
    "--train_batch_size=0": ["--train_batch_size=0", "above 0"],
    "--eval_batch_size=-1": ["--eval_batch_size=-1", "above 0"],
    "--predict_batch_size=0": ["--predict_batch_size=0", "above 0"],
    "--num_train_epochs=0": ["--num_train_epochs=0", "above 0"],
    "--num_train_epochs=inf": ["--num_train_epochs=inf", "above 0"],
    "--num_train_epochs=nan": ["--num_train_epochs=nan", "above 0"],
    "--warmup_proportion=1.5": ["--warmup_proportion=1.5", "0 to 1"],
    "--hidden_dropout_prob=1": ["--hidden_dropout_prob=1", "below 1"],
    "--attention_probs_dropout_prob=-0.1": ["--attention_probs_dropout_prob=-0.1", "at least 0"],
    "--keep_prob=0": ["--keep_prob=0", "above 0"],
    "--max_seq_length=25": ["--max_seq_length=25", "bert_config.json", "24 positions"],
    "--max_seq_length=0": ["--max_seq_length=0", "above 0"],
    "--max_seq_length=2": ["--max_seq_length=2", "at least 3"],
    "--meta_batchsz=0": ["--meta_batchsz=0", "at least 1"],
    "--inner_epochs=-1": ["--inner_epochs=-1", "at least 1"],
    "--min_inner_steps=-1": ["--min_inner_steps=-1", "at least 0"],
    "--pretrain_task_weight=1.5": ["--pretrain_task_weight=1.5", "0 to 1"],
    "--learning_rate=-1e-5": ["--learning_rate=-1e-05", "above 0"],
    "--do_train --num_batches=3": ["--meta_batchsz=8", "--num_batches=3", "multiple"],
    "--SGD_K=-1": ["--SGD_K=-1", "at least 0"],
    "--train_lr=0": ["--train_lr=0", "above 0"],
    "--output_layers=0": ["--output_layers=0", "at least 1"],
    "--output_layers=6": ["--output_layers=6", "hidden_size 16", "at most 5"],
    "--label_emb_size=0": ["--label_emb_size=0", "at least 1"],
    "--deep_set_layers=-1": ["--deep_set_layers=-1", "at least 0"],
    "--min_layer_with_grad=-1": ["--min_layer_with_grad=-1", "at least 0"],
    "--seed=-1": ["--seed=-1", "0 to "],
    "--seed=4294967296": ["--seed=4294967296", "0 to "],
    "--use_pooled_output=false": ["--use_pooled_output=false", "--pooling=mean"],
    "--encoder_layers=9": ["--encoder_layers=9", "has 2 layers"],
    "--test_num_labels=4": ["--test_num_labels=4", "3 labels", "up, down, flat"],
    "--labels=up,down,down": ["--labels=up,down,down", "different"],
    "--labels=up,down,": ["--labels=up,down,", "empty"],
    "--labels=up,down": ["train.csv", "row 4", "'flat'", "up, down"],
    "--labels= --task_name=airlin": ["'airlin'", "Did you mean airline?"],
    "--labels= --task_name=airline": ["train.csv", "row 0", "'up'", "negative, neutral, positive"],
    "--task_eval_files=": ["--task_eval_files", "TRAIN,EVAL", "not 0"],
    "--task_eval_files=a,b,c": ["--task_eval_files", "TRAIN,EVAL", "not 3"],
    "--do_eval=false": ["nothing to do", "--do_eval", "--do_predict"],
    "--do_predict": ["--do_predict", "--predict_file"],
    "--do_predict --predict_file=x.txt --keep_model=false": ["--keep_model=false", "--model_dir"],
    "--output_dir=": ["--output_dir", "name a folder"],
    "--bert_config_file=none.json": ["--bert_config_file", "none.json", "No such file"],
    "--bert_config_file= --init_checkpoint=no/where.ckpt": ["--bert_config_file", "no/bert_config.json"],
    "--vocab_file=none.txt": ["none.txt", "--vocab_file"],
    "--init_checkpoint=no/where.ckpt": ["--init_checkpoint", "no/where.ckpt", "missing"],
    "--warm_start_model_dir=nowhere": ["--warm_start_model_dir", "nowhere", "SavedModel"],
    "airline": ["airline", "flags begin with --"],
}


@pytest.mark.parametrize("bad", list(BAD_FLAGS))
def test_bad_flag(bad, files, base, tmp_path):
    good = base + [task(files, ".csv"), "--labels=" + ",".join(LABELS), "--output_dir=%s" % (tmp_path / "out")]
    refused(run(*(good + bad.split())), *BAD_FLAGS[bad])
    assert content(tmp_path) == {}


@pytest.mark.parametrize("bad", ["--no_such_flag=1", "--train_batch_size=many", "--pooling=max", "--do_eval=perhaps"])
def test_flag_that_cannot_be_parsed(bad, tmp_path):
    with pytest.raises(flags.Error, match=bad.split("=")[0].strip("-")):
        run(bad, "--output_dir=%s" % (tmp_path / "out"))
    assert content(tmp_path) == {}


def test_unknown_flag_of_the_program(tmp_path):
    result = run_program("--do_eval", "--no_such_flag=1", "--output_dir=%s" % (tmp_path / "out"))
    assert result.code == 1
    assert "Unknown command line flag 'no_such_flag'" in result.err
    assert "Traceback" not in result.err
    assert content(tmp_path) == {}


def test_flags_without_effect_are_named(base, files, tmp_path):
    arguments = base + [task(files, ".csv"), "--use_tpu", "--tasks_labels=3", "--output_dir=%s" % (tmp_path / "out")]
    result = run_program(*(arguments + ["--task_eval_files=no.csv,no.csv"]))
    assert result.code == 2
    assert [name for name in ("--use_tpu", "--tasks_labels", "--master") if name + " has no effect" in result.err] == [
        "--use_tpu",
        "--tasks_labels",
    ]


# --- refusals: files -------------------------------------------------------------------------------------------------
def cut(content):
    return content[: len(content) // 2 + 7]  # not between two records


def bad_record_file(files, folder, kind):
    """Makes a record file that cannot be used."""
    path = folder / "bad.tf_record"
    tokenizer = Tokenizer.from_file(str(files / "vocab.txt"), False)
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "truncated":
        rewrite(files / "train.tf_record", path, cut)
    elif kind == "flipped":
        rewrite(files / "train.tf_record", path, lambda old: old[:40] + bytes([old[40] ^ 255]) + old[41:])
    elif kind == "json":
        path.write_text(json.dumps([{"sentence1": "good", "label": "up"}]))
    elif kind == "folder":
        path.mkdir()
    elif kind == "length":
        convert.convert(str(files / "train.csv"), str(path), tokenizer, labels=LABELS, max_seq_length=16)
    elif kind in ("label", "vocabulary"):
        examples = convert.encode(read_text(str(files / "train.csv")), tokenizer, LABELS, SEQUENCE)
        if kind == "label":
            examples.label_ids[3] = 3
        else:
            examples.input_ids[3, 1] = len(WORDS)
        convert.records.write_records(str(path), examples)
    return path


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
    "label.csv": ("text,label\ngood film,left\n", ["label.csv", "row 0", "'left'", "up, down, flat"]),
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


# --- refusals: checkpoints -------------------------------------------------------------------------------------------
DATA = ".data-00000-of-00001"
BAD_CHECKPOINTS = {
    "missing": ["missing.index is missing"],
    "thin": ["lacks 16 variables", "bert/encoder/layer_1/attention/self/query/kernel", "and 11 more"],
    "wide": ["6 variables of another shape", "intermediate/dense/kernel ([16, 64] in the checkpoint, [16, 32] in the"],
    "cut_index": ["cannot be read"],
    "cut_data": ["cannot be read", "cut short"],
    "no_data": ["cannot be read", "missing"],
}


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    save_checkpoint(folder / "good")
    save_checkpoint(folder / "thin", num_hidden_layers=1)
    save_checkpoint(folder / "wide", intermediate_size=64)
    for name, part, change in (("cut_index", ".index", cut), ("cut_data", DATA, cut), ("no_data", DATA, None)):
        for each in (".index", DATA):
            shutil.copy(str(folder / ("good" + each)), str(folder / (name + each)))
        os.remove(str(folder / (name + part)))
        if change:
            rewrite(folder / ("good" + part), folder / (name + part), change)
    return folder


@pytest.mark.parametrize("name", list(BAD_CHECKPOINTS))
def test_bad_checkpoint(name, weights, files, base, tmp_path):
    arguments = ["--init_checkpoint=%s" % (weights / name), "--output_dir=%s" % (tmp_path / "out")]
    refused(run(*(base + [task(files, ".csv")] + arguments)), "--init_checkpoint", name, *BAD_CHECKPOINTS[name])
    assert content(tmp_path) == {}


def test_good_checkpoint_is_used(weights, files, base, from_text, tmp_path):
    arguments = ["--init_checkpoint=%s" % (weights / "good"), "--output_dir=%s" % tmp_path]
    assert run(*(base + [task(files, ".csv")] + arguments)).code == 0
    index = weights / "good.index"
    expected = {"init_checkpoint": {"path": str(index), "sha256": checksum(index)}}
    assert read_json(tmp_path / "results.json")["weights"] == expected
    names = ["bert/embeddings/position_embeddings", "bert/pooler/dense/kernel"]
    given, saved = (tf.train.load_checkpoint(str(p)) for p in (weights / "good", tmp_path / "model" / "model.ckpt"))
    random = tf.train.load_checkpoint(str(from_text[0] / "model" / "model.ckpt"))
    for name in names:  # neither is adapted by these flags
        np.testing.assert_array_equal(saved.get_tensor(name), given.get_tensor(name))
        assert not np.array_equal(saved.get_tensor(name), random.get_tensor(name))


def test_diverging_run_is_one_line(files, base, tmp_path):
    arguments = base + [task(files, ".csv"), "--train_lr=1e30", "--output_dir=%s" % (tmp_path / "out")]
    result = run_program(*arguments)
    refused(result, "NaN", "--train_lr")
    assert content(tmp_path) == {}


@pytest.mark.parametrize("evaluated", [True, False])
def test_run_that_diverges_in_its_last_step_is_one_line(evaluated, files, base, tmp_path):
    """There the loss was that of the weights before."""
    data = task(files, ".csv") if evaluated else "--task_eval_files=%s" % (files / "train.csv")
    more = ["--train_lr=1e30", "--num_train_epochs=1", "--train_batch_size=6", "--eval_batch_size=6"]
    result = run(*(base + [data, "--output_dir=%s" % (tmp_path / "out"), "--decay_finetune_lr=false"] + more))
    refused(result, "NaN", "--train_lr")
    assert content(tmp_path) == {}


# --- refusals: output_dir --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("place", ["file", "file/below"])
@pytest.mark.parametrize("mode", ["eval", "predict"])
def test_output_dir_that_cannot_be_written(mode, place, files, from_text, tmp_path):
    (tmp_path / "file").write_text("mine")
    before = content(tmp_path)
    arguments = from_text[1]
    if mode == "predict":
        model = from_text[0] / "model"
        arguments = ["--do_predict", "--predict_file=%s" % (files / "eval.txt"), "--model_dir=%s" % model]
    refused(run("--output_dir=%s" % (tmp_path / place), *arguments), "--output_dir", str(tmp_path / place))
    assert content(tmp_path) == before


def test_model_of_another_run_is_kept_unless_overwritten(from_text, tmp_path):
    output, arguments, _ = from_text
    mine = tmp_path / "mine"
    shutil.copytree(str(output), str(mine))
    before = content(mine)
    other = arguments + ["--output_dir=%s" % mine, "--seed=1"]
    refused(run(*other), "--output_dir", str(mine), "another run", "--overwrite")
    assert content(mine) == before
    run_id = read_json(mine / "results.json")["run_id"]
    assert run(*(other + ["--overwrite"])).code == 0
    after = content(mine)
    assert set(after) == set(before)
    assert read_json(mine / "results.json")["run_id"] == read_json(mine / "model" / "model.json")["run_id"] != run_id


def test_the_start_of_a_run_is_not_removed(from_text, tmp_path):
    output, arguments, _ = from_text
    mine = tmp_path / "mine"
    shutil.copytree(str(output), str(mine))
    before = content(mine)
    more = ["--warm_start_model_dir=%s" % (mine / "model"), "--overwrite", "--keep_model=false"]
    refused(run("--output_dir=%s" % mine, *(arguments + more)), "--keep_model=false", "--warm_start_model_dir")
    assert content(mine) == before


@pytest.mark.parametrize("model_json", [None, "{", "[]"])
def test_unknown_model_folder_is_kept(model_json, from_text, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("mine")
    if model_json is not None:
        (tmp_path / "model" / "model.json").write_text(model_json)
    before = content(tmp_path)
    refused(run("--output_dir=%s" % tmp_path, *from_text[1]), "another run")
    assert content(tmp_path) == before


def test_file_in_the_place_of_the_model(from_text, tmp_path):
    (tmp_path / "model").write_text("mine")
    before = content(tmp_path)
    refused(run("--output_dir=%s" % tmp_path, "--overwrite", *from_text[1]), str(tmp_path / "model"), "no folder")
    assert content(tmp_path) == before


def test_results_that_cannot_be_written_are_one_line_and_the_model_stays(from_text, tmp_path):
    (tmp_path / "out" / "results.json").mkdir(parents=True)
    refused(run("--output_dir=%s" % (tmp_path / "out"), *from_text[1]), "--output_dir", str(tmp_path / "out"))
    assert set(os.listdir(str(tmp_path / "out" / "model"))) == set(os.listdir(str(from_text[0] / "model")))


def test_checkpoint_that_cannot_be_written_is_one_line(from_text, tmp_path, monkeypatch):
    def full(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.train.Saver, "save", full)
    refused(run("--output_dir=%s" % (tmp_path / "out"), *from_text[1]), "--output_dir", "No space left on device")
    assert content(tmp_path) == {}


def test_a_folder_in_the_place_of_the_vocabulary(files, from_records, tmp_path):
    """Records need none."""
    assert run("--output_dir=%s" % tmp_path, *(from_records[1] + ["--vocab_file=%s" % files])).code == 0


def test_meta_training_leaves_a_fine_tuned_model_alone(files, from_text, tmp_path):
    output, arguments, _ = from_text
    mine = tmp_path / "mine"
    shutil.copytree(str(output), str(mine))
    before = content(mine)
    more = ["--output_dir=%s" % mine, "--do_train", "--task_train_files=x_train.tf_record"]
    refused(run(*(arguments + more)), "--output_dir", str(mine), "another run", "--overwrite")
    assert content(mine) == before


@pytest.mark.parametrize("left", ['{"settings": "of a run that never began"}', "", "{"])
def test_a_first_attempt_without_checkpoints_does_not_lock_the_folder(left, encoder, tmp_path):
    (tmp_path / "meta_training.json").write_text(left)
    more = ["--output_dir=%s" % tmp_path, "--do_train", "--task_train_files=sst_train.tf_record"]
    refused(run(*(encoder + more)), "sst_train.tf_record")


def test_a_worker_takes_other_settings_for_those_of_its_chief(encoder, tmp_path, monkeypatch):
    (tmp_path / "meta_training.json").write_text('{"settings": "others"}')
    workers = {"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}, "task": {"type": "worker", "index": 1}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(workers))
    more = ["--output_dir=%s" % tmp_path, "--do_train", "--task_train_files=sst_train.tf_record"]
    refused(run(*(encoder + more)), "other settings")


def test_failed_run_leaves_an_earlier_model_alone(from_text, weights, tmp_path):
    output, arguments, _ = from_text
    mine = tmp_path / "mine"
    shutil.copytree(str(output), str(mine))
    before = content(mine)
    bad = ["--init_checkpoint=%s" % (weights / "cut_data"), "--output_dir=%s" % mine, "--overwrite"]
    refused(run(*(arguments + bad)), "cut_data")
    assert content(mine) == before


# --- refusals: prediction --------------------------------------------------------------------------------------------
def predict(model, file, output, *arguments):
    places = ["--model_dir=%s" % model, "--predict_file=%s" % file, "--output_dir=%s" % output]
    return run("--do_predict", *(places + list(arguments)))


def test_prediction_without_model(files, tmp_path):
    result = run("--do_predict", "--predict_file=%s" % (files / "eval.txt"), "--output_dir=%s" % (tmp_path / "out"))
    refused(result, "--model_dir", str(tmp_path / "out" / "model"), "model.json is missing")
    assert content(tmp_path) == {}


DAMAGES = {
    "model.json": (cut, ["model.json", "damaged"]),
    "model.ckpt.index": (None, ["--model_dir", "model.ckpt.index is missing"]),
    "model.ckpt" + DATA: (cut, ["--model_dir", "model.ckpt", "cannot be read"]),
    "vocab.txt": (lambda old: b"", ["vocab.txt", "is empty"]),
}


@pytest.mark.parametrize("name", list(DAMAGES))
def test_prediction_with_damaged_model(name, files, from_text, tmp_path):
    change, words = DAMAGES[name]
    shutil.copytree(str(from_text[0] / "model"), str(tmp_path / "model"))
    os.remove(str(tmp_path / "model" / name))
    if change:
        rewrite(from_text[0] / "model" / name, tmp_path / "model" / name, change)
    before = content(tmp_path)
    refused(predict(tmp_path / "model", files / "eval.txt", tmp_path / "out"), *words)
    assert content(tmp_path) == before


def test_prediction_with_vocabulary_of_another_model(files, from_text, tmp_path):
    shutil.copytree(str(from_text[0] / "model"), str(tmp_path / "model"))
    (tmp_path / "model" / "vocab.txt").write_text("\n".join(WORDS + ["more"]) + "\n")
    refused(predict(tmp_path / "model", files / "eval.txt", tmp_path / "out"), "17 tokens", "vocab_size 16")


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("none.txt", None, ["none.txt", "no such file"]),
        ("empty.txt", "", ["empty.txt", "is empty"]),
        ("bad.tf_record", "[]", ["bad.tf_record", "not a TFRecord file"]),
        ("bad.csv", "title\ngood\n", ["bad.csv", "no column", "text"]),
    ],
)
def test_prediction_of_bad_file(name, text, words, from_text, tmp_path):
    if text is not None:
        (tmp_path / name).write_text(text)
    before = content(tmp_path)
    refused(predict(from_text[0] / "model", tmp_path / name, tmp_path / "out"), *words)
    assert content(tmp_path) == before


def test_prediction_of_longer_records(files, from_text, tmp_path):
    path = bad_record_file(files, tmp_path, "length")
    refused(predict(from_text[0] / "model", path, tmp_path / "out"), str(path), "record 0", "--max_seq_length=16")
    assert predict(from_text[0] / "model", path, tmp_path / "out", "--max_seq_length=16").code == 0
    refused(predict(from_text[0] / "model", path, tmp_path / "out", "--max_seq_length=25"), "25", "24 positions")


# --- fine-tuning and its results -------------------------------------------------------------------------------------
def test_results_of_text(from_text, files):
    output, _, result = from_text
    assert result.code == 0 and result.err == ""
    found = read_json(output / "results.json")
    for part, rows in (("train", TRAIN), ("eval", EVAL)):
        path = files / (part + ".csv")
        assert found["data"][part] == {"path": str(path), "sha256": checksum(path), "examples": len(rows)}
    assert found["config"]["labels"] == LABELS
    assert found["config"]["bert_config"] == dict(BERT, hidden_act="gelu")
    assert found["config"]["finetuning"]["train_batch_size"] == BATCH
    assert found["config"]["learner"]["pooling"] == "mean"
    assert found["config"]["learner"]["rate_sets"] == 1
    assert found["flags"]["pooling"] == "mean" and "keep_prob" not in found["flags"]
    assert found["steps"] == 1 + 6 * 2 // BATCH
    seconds = found["seconds"]
    assert 0 < seconds["train"] and 0 < seconds["eval"] and seconds["train"] + seconds["eval"] < seconds["total"] < 600
    assert found["runtime"]["tensorflow"] == tf.__version__
    assert "accuracy %.4f" % found["metrics"]["accuracy"] in result.out
    assert str(output / "results.json") in result.out and str(output / "model") in result.out


@pytest.mark.parametrize("source", ["text", "records"])
def test_results_agree_with_predictions(source, from_text, from_records):
    output = (from_text if source == "text" else from_records)[0]
    metrics = read_json(output / "results.json")["metrics"]
    header, rows, probabilities = read_predictions(output / "predictions.tsv")
    texts = ["text"] if source == "text" else []
    assert header == ["row"] + texts + ["label", "prediction"] + ["p(%s)" % label for label in LABELS]
    assert [row["row"] for row in rows] == [str(i) for i in range(len(EVAL))]
    if texts:
        assert [row["text"] for row in rows] == [text for text, _ in EVAL]
    true = np.array([LABELS.index(row["label"]) for row in rows])
    assert [LABELS[i] for i in true] == [label for _, label in EVAL]
    predicted = np.array([LABELS.index(row["prediction"]) for row in rows])
    assert np.array_equal(predicted, np.argmax(probabilities, axis=1))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=2e-6)
    assert np.ptp(probabilities) > 0.1  # a model that tells the rows apart, else these tests see nothing
    assert metrics["accuracy"] == pytest.approx(np.mean(predicted == true))
    low, high = metrics["accuracy_interval_95"]
    assert 0.0 <= low < metrics["accuracy"] < high <= 1.0 or metrics["accuracy"] in (0.0, 1.0)
    f1 = []
    for i, label in enumerate(LABELS):
        hits, of, made = np.sum((true == i) & (predicted == i)), np.sum(true == i), np.sum(predicted == i)
        f1.append(2.0 * hits / (of + made))
        counts = dict(metrics["per_class"][label])
        assert counts.pop("f1") == pytest.approx(f1[i])
        assert counts == {"rows": of, "predicted": made, "correct": hits}
    assert metrics["macro_f1"] == pytest.approx(np.mean(f1))
    losses = -np.log(probabilities[np.arange(len(true)), true])
    batches = [np.mean(losses[i : i + BATCH]) for i in range(0, len(losses), BATCH)]
    assert metrics["loss"] == pytest.approx(np.mean(batches), rel=1e-3)
    confusion = np.array(metrics["confusion"])
    assert np.array_equal(confusion.sum(axis=1), np.bincount(true, minlength=3))
    assert np.trace(confusion) == np.sum(predicted == true)


def test_records_and_text_give_the_same(from_text, from_records):
    assert from_records[2].code == 0
    text, records = (read_predictions(each[0] / "predictions.tsv") for each in (from_text, from_records))
    np.testing.assert_allclose(text[2], records[2], atol=2e-6)
    assert [row["prediction"] for row in text[1]] == [row["prediction"] for row in records[1]]


def test_model_and_results_are_all_that_stays(from_text):
    names = {"checkpoint", "model.ckpt.index", "model.ckpt" + DATA, "model.json", "vocab.txt"}
    expected = {"./results.json", "./predictions.tsv", "./model"} | {"model/" + name for name in names}
    assert set(content(from_text[0])) == expected


def test_same_command_gives_the_same_and_keep_model_removes_the_model(from_text, tmp_path):
    output, arguments, _ = from_text
    mine = tmp_path / "mine"
    shutil.copytree(str(output), str(mine))
    before = content(mine)
    result = run("--output_dir=%s" % mine, "--keep_model=false", *arguments)  # same run: needs no --overwrite
    assert result.code == 0
    assert set(content(mine)) == {"./results.json", "./predictions.tsv"}
    assert content(mine)["./predictions.tsv"] == before["./predictions.tsv"]
    old, new = read_json(output / "results.json"), read_json(mine / "results.json")
    assert new["metrics"] == old["metrics"] and new["run_id"] == old["run_id"]
    assert str(mine / "model") not in result.out


def test_seed_matters_and_labels_come_from_the_file(from_text, base, files, tmp_path):
    assert run(*(base + [task(files, ".csv"), "--seed=3", "--output_dir=%s" % tmp_path])).code == 0
    assert read_json(tmp_path / "results.json")["config"]["labels"] == sorted(LABELS)
    header, _, probabilities = read_predictions(tmp_path / "predictions.tsv")
    assert header[-3:] == ["p(%s)" % label for label in sorted(LABELS)]
    _, _, reference = read_predictions(from_text[0] / "predictions.tsv")
    order = [LABELS.index(label) for label in sorted(LABELS)]
    assert np.max(np.abs(probabilities - reference[:, order])) > 1e-3


def test_text_and_records_mix_and_unnamed_labels_are_numbers(base, files, tmp_path):
    arguments = [task(files, ".tf_record"), "--test_num_labels=3", "--output_dir=%s" % tmp_path]
    assert run(*(base + arguments)).code == 0
    assert read_predictions(tmp_path / "predictions.tsv")[0][-3:] == ["p(0)", "p(1)", "p(2)"]
    mixed = [task(files, ".tf_record", ".csv"), "--labels=" + ",".join(LABELS), "--output_dir=%s" % tmp_path]
    assert run(*(base + mixed + ["--overwrite"])).code == 0
    assert read_predictions(tmp_path / "predictions.tsv")[0][1:4] == ["text", "label", "prediction"]


def test_task_of_the_registry_gives_labels(base, files, tmp_path):
    names = ["airline_train_0_4.tf_record", "airline_eval.tf_record"]
    for part, name in zip(("train", "eval"), names):
        shutil.copy(str(files / (part + ".tf_record")), str(tmp_path / name))
    arguments = ["--supervised_data_dir=%s" % tmp_path, "--task_eval_files=" + ",".join(names)]
    assert run(*(base + arguments + ["--output_dir=%s" % (tmp_path / "out")])).code == 0
    assert read_json(tmp_path / "out" / "results.json")["config"]["labels"] == ["negative", "neutral", "positive"]


def test_batch_sizes_that_differ_are_warned_of(base, files, tmp_path):
    arguments = [task(files, ".csv"), "--eval_batch_size=3", "--output_dir=%s" % tmp_path]
    result = run(*(base + arguments))
    assert result.code == 0
    assert ["--train_batch_size=4 and --eval_batch_size=3" in line for line in result.lines] == [True]


@pytest.mark.skipif(not LEOPARD_DIR, reason="LEOPARD_DIR does not name a copy of the LEOPARD data")
def test_released_records(base, tmp_path):
    (tmp_path / "cased.json").write_text(json.dumps(dict(BERT, vocab_size=28996, max_position_embeddings=128)))
    arguments = [
        "--bert_config_file=%s" % (tmp_path / "cased.json"),
        "--max_seq_length=128",
        "--supervised_data_dir=%s" % os.path.join(LEOPARD_DIR, "data", "tf_record", "political_message"),
        "--task_eval_files=political_message_train_0_4.tf_record,political_message_eval.tf_record",
        "--output_dir=%s" % (tmp_path / "out"),
        "--num_train_epochs=1",
        "--train_batch_size=36",
        "--eval_batch_size=36",
    ]
    assert run(*(base + arguments)).code == 0
    found = read_json(tmp_path / "out" / "results.json")
    assert found["data"]["train"]["examples"] == 9 * 4 and found["data"]["eval"]["examples"] == 450
    assert found["config"]["labels"][0] == "policy" and len(found["metrics"]["per_class"]) == 9
    assert sum(counts["rows"] for counts in found["metrics"]["per_class"].values()) == 450


VARIANTS = {
    "label MLP": "--update_only_label_embedding=false --SGD_K=1",
    "label embeddings": "--update_only_label_embedding --SGD_K=1",
    "remade prototypes": "--prototypical_baseline --update_only_label_embedding=false --SGD_K=2",
    "prototypes": "--prototypical_baseline --update_only_label_embedding --SGD_K=2",
    "no adaptation": "--update_only_label_embedding --SGD_K=0",
    "five sets": "--update_only_label_embedding=false --SGD_K=5 --train_word_embeddings",
}
ONE_STEP = ("remade prototypes", "no adaptation")


@pytest.mark.parametrize("name", list(VARIANTS))
def test_variants_run_and_predict_what_they_evaluated(name, encoder, files, tmp_path):
    variant = VARIANTS[name].split() + ["--label_emb_size=8", "--train_lr=0.3", "--warmup_proportion=0", "--do_eval"]
    sizes = ["--train_batch_size=6", "--eval_batch_size=6", "--num_train_epochs=3"]
    arguments = encoder + variant + sizes + [task(files, ".csv"), "--output_dir=%s" % tmp_path]
    both = ["--do_predict", "--predict_file=%s" % (files / "eval.tf_record")]
    result = run(*(arguments + both))
    assert result.code == 0, result
    assert read_json(tmp_path / "results.json")["steps"] == (1 if name in ONE_STEP else 4)
    _, _, evaluated = read_predictions(tmp_path / "predictions.tsv")
    _, _, predicted = read_predictions(tmp_path / "predictions_eval.tsv")
    np.testing.assert_allclose(predicted, evaluated, atol=2e-6)
    saved = tf.train.load_checkpoint(str(tmp_path / "model" / "model.ckpt"))
    assert np.any(saved.get_tensor("new_variable/label_embedding") != 0.0)


# --- prediction ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("more", [[], ["--fix_bert"], ["--pooling=mean", "--feature_norm=4"]])
def test_softmax_runs_and_predicts_what_it_evaluated(more, encoder, files, tmp_path):
    sizes = ["--train_batch_size=4", "--eval_batch_size=6", "--num_train_epochs=4", "--learning_rate=0.05"]
    arguments = encoder + sizes + more + [task(files, ".csv"), "--classifier=softmax", "--output_dir=%s" % tmp_path]
    result = run("--do_eval", "--do_predict", "--predict_file=%s" % (files / "eval.tf_record"), *arguments)
    assert result.code == 0, result
    found = read_json(tmp_path / "results.json")
    assert found["steps"] == 6 and "learner" not in found["config"]
    assert found["config"]["softmax"]["fix_bert"] == ("--fix_bert" in more)
    _, _, evaluated = read_predictions(tmp_path / "predictions.tsv")
    _, _, predicted = read_predictions(tmp_path / "predictions_eval.tsv")
    np.testing.assert_allclose(predicted, evaluated, atol=2e-6)


@pytest.fixture(scope="session")
def evaluated(from_text):
    """Probabilities of the evaluation rows."""
    return read_predictions(from_text[0] / "predictions.tsv")[2]


@pytest.mark.parametrize("name", ["eval.txt", "eval.csv", "eval.tf_record"])
def test_prediction_equals_evaluation(name, files, from_text, evaluated, tmp_path):
    result = predict(from_text[0] / "model", files / name, tmp_path / "out", "--predict_batch_size=3")
    assert result.code == 0 and result.err == ""
    assert "%d predictions: %s" % (len(EVAL), tmp_path / "out" / "predictions.tsv") in result.out
    header, rows, probabilities = read_predictions(tmp_path / "out" / "predictions.tsv")
    texts = [] if name.endswith("record") else ["text"]
    assert header == ["row"] + texts + ["prediction"] + ["p(%s)" % label for label in LABELS]
    np.testing.assert_allclose(probabilities, evaluated, atol=2e-6)
    assert [row["prediction"] for row in rows] == [LABELS[i] for i in np.argmax(evaluated, axis=1)]
    assert set(content(tmp_path / "out")) == {"./predictions.tsv"}


def test_training_alone(files, base, tmp_path):
    """No evaluation rows: the model is that of the run with them, and predictions of an earlier run go."""
    output = tmp_path / "out"
    names = ["--labels=" + ",".join(LABELS), "--stratified", "--output_dir=%s" % output]
    assert run(*(base + names + [task(files, ".csv")])).code == 0
    assert (output / "predictions.tsv").exists()
    weights = checksum(output / "model" / "model.ckpt.data-00000-of-00001")
    result = run(*(base + names + ["--task_eval_files=%s" % (files / "train.csv"), "--overwrite"]))
    assert result.code == 0, result
    assert "trained on 6 rows of 3 classes (up, down, flat), not evaluated" in result.out
    assert sorted(os.listdir(str(output))) == ["model", "results.json"]
    found = read_json(output / "results.json")
    assert found["metrics"] is None and set(found["data"]) == {"train"}
    assert checksum(output / "model" / "model.ckpt.data-00000-of-00001") == weights


def test_the_inner_loop_of_meta_training_is_not_looked_at(files, base, tmp_path):
    arguments = [task(files, ".csv"), "--num_batches=3", "--randomize_inner_steps", "--output_dir=%s" % tmp_path]
    assert run(*(base + arguments)).code == 0


def test_start_from_a_fine_tuned_model(files, base, from_text, tmp_path):
    arguments = base + [task(files, ".csv"), "--output_dir=%s" % (tmp_path / "out")]
    result = run(*(arguments + ["--warm_start_model_dir=%s" % (from_text[0] / "model")]))
    assert result.code == 0, result


def test_prediction_from_standard_input_beside_an_evaluation(files, from_text, evaluated, tmp_path, monkeypatch):
    output = tmp_path / "mine"
    shutil.copytree(str(from_text[0]), str(output))
    before = content(output)
    stdin = collections.namedtuple("Stdin", ["buffer"])(io.BytesIO((files / "eval.txt").read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    result = run("--do_predict", "--predict_file=-", "--output_dir=%s" % output)  # the model is output_dir's own
    assert result.code == 0
    after = content(output)
    assert set(after) - set(before) == {"./predictions_stdin.tsv"}
    assert {name: after[name] for name in before} == before
    np.testing.assert_allclose(read_predictions(output / "predictions_stdin.tsv")[2], evaluated, atol=2e-6)


def test_prediction_of_pairs_with_a_model_of_single_texts(from_text, tmp_path):
    (tmp_path / "pairs.csv").write_text("text,text2\ngood film,very fast\n")
    refused(
        predict(from_text[0] / "model", tmp_path / "pairs.csv", tmp_path / "out"),
        "pairs.csv holds pairs of texts", "fine-tuned on single texts",
    )


def test_model_made_from_records_alone_takes_a_vocabulary(files, from_records, evaluated, tmp_path):
    shutil.copytree(str(from_records[0] / "model"), str(tmp_path / "model"))
    os.remove(str(tmp_path / "model" / "vocab.txt"))
    vocabulary = "--vocab_file=%s" % (files / "vocab.txt")
    assert predict(tmp_path / "model", files / "eval.txt", tmp_path / "out", vocabulary).code == 0
    np.testing.assert_allclose(read_predictions(tmp_path / "out" / "predictions.tsv")[2], evaluated, atol=2e-6)


def test_text_with_tabs_and_lines_stays_one_line(from_text, tmp_path):
    (tmp_path / "odd.csv").write_text('text\n"good\n\tfilm"\n"say ""bad"""\n')
    assert predict(from_text[0] / "model", tmp_path / "odd.csv", tmp_path / "out").code == 0
    _, rows, _ = read_predictions(tmp_path / "out" / "predictions.tsv")
    assert [row["text"] for row in rows] == ["good film", 'say "bad"']


# --- warm start ------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def warm_start(files, tmp_path_factory):
    """Flags to start from the exported model of the golden case."""
    folder = tmp_path_factory.mktemp("warm")
    exported = read_json(os.path.join(GOLDEN, "saved_model_export.json"))
    (folder / "bert_config.json").write_text(json.dumps(exported["bert_config"]))
    names = (
        "SGD_K activation_fn clip_lr keep_prob label_emb_size output_layers train_lr train_word_embeddings "
        "update_only_label_embedding use_euclidean_norm use_pooled_output warp_layers"
    )
    given = ["--%s=%s" % (name, exported["flags"][name]) for name in names.split()]
    return given + [
        "--do_eval",
        "--bert_config_file=%s" % (folder / "bert_config.json"),
        "--vocab_file=%s" % (files / "vocab.txt"),
        "--warm_start_model_dir=%s" % os.path.join(GOLDEN, "saved_model"),
        "--max_seq_length=%d" % SEQUENCE,
        "--train_batch_size=6",
        "--eval_batch_size=6",
        "--num_train_epochs=3",
        task(files, ".csv"),
    ]


def test_warm_start(warm_start, tmp_path):
    result = run("--output_dir=%s" % (tmp_path / "out"), *warm_start)
    assert result.code == 0, result
    exported = np.load(os.path.join(GOLDEN, "saved_model_variables.npz"))
    saved = tf.train.load_checkpoint(str(tmp_path / "out" / "model" / "model.ckpt"))
    same = [  # warp layers, label MLP and rates are not adapted
        "bert/encoder/layer_0/intermediate/dense/kernel",
        "label_weights_0",
        "layer_1/sgd0/learning_rate",
        "sgd0/word_embedding_lr",
    ]
    for name in same:
        np.testing.assert_array_equal(saved.get_tensor(name), exported[name])
    adapted = "bert/encoder/layer_0/attention/self/query/kernel"
    change = np.max(np.abs(saved.get_tensor(adapted) - exported[adapted]))
    assert 0.0 < change < 0.1
    assert read_json(tmp_path / "out" / "results.json")["config"]["finetuning"]["init_checkpoint"] is None


MISFITS = {
    "--output_layers=3": ["lacks 5 variables", "output_weights_2", "label_bias_2", "output_weights_1 ([16, 16] in the"],
    "--label_emb_size=8": ["4 variables of another shape", "label_bias_1 ([17] in the checkpoint, [9] in the model)"],
    "--SGD_K=5": ["lacks 32 variables", "layer_0/sgd1/learning_rate", "and 27 more"],
    "--use_pooled_output=false": ["lacks 4 variables", "bert_layer_weights", "cls_output_projection"],
}


@pytest.mark.parametrize("flag", list(MISFITS))
def test_warm_start_with_other_flags(flag, warm_start, tmp_path):
    result = run("--output_dir=%s" % (tmp_path / "out"), *(warm_start + [flag]))
    refused(result, "--warm_start_model_dir", *MISFITS[flag])
    assert content(tmp_path) == {}


def test_warm_start_from_damaged_export(warm_start, tmp_path):
    copy = tmp_path / "export"
    shutil.copytree(os.path.join(GOLDEN, "saved_model"), str(copy))
    data = copy / "variables" / ("variables" + DATA)
    rewrite(data, data, cut)
    before = content(tmp_path)
    arguments = warm_start + ["--warm_start_model_dir=%s" % copy, "--output_dir=%s" % (tmp_path / "out")]
    refused(run(*arguments), "--warm_start_model_dir", str(copy), "cannot be read")
    assert content(tmp_path) == before


# --- as a process of its own -----------------------------------------------------------------------------------------
def test_bad_input_of_the_program(files, base, tmp_path):
    rewrite(files / "train.tf_record", tmp_path / "cut.tf_record", cut)
    before = content(tmp_path)
    names = "--task_eval_files=%s,%s" % (tmp_path / "cut.tf_record", files / "eval.tf_record")
    result = run_program(*(base + [names, "--test_num_labels=3", "--output_dir=%s" % (tmp_path / "out")]))
    refused(result, "cut.tf_record", "cut short")
    assert result.out == ""
    assert content(tmp_path) == before


def test_damaged_checkpoint_of_the_program(files, base, weights, tmp_path):
    arguments = ["--init_checkpoint=%s" % (weights / "cut_data"), "--output_dir=%s" % (tmp_path / "out")]
    refused(run_program(*(base + [task(files, ".csv")] + arguments)), "--init_checkpoint", "cut_data")
    assert content(tmp_path) == {}


def test_interpreter_that_does_not_fit(tmp_path):
    code = "import runpy, sys; sys.version_info = (3, 12, 0); runpy.run_path(%r, run_name='__main__')"
    program = os.path.join(ROOT, "run_classifier_multitask.py")
    result = subprocess.run(
        [sys.executable, "-c", code % program], stderr=subprocess.PIPE, universal_newlines=True, cwd=str(tmp_path),
        env=dict(os.environ, PYTHONPATH=ROOT),
    )
    refused(Run(result.returncode, "", result.stderr, result.stderr.splitlines()), "Python 3.12", "3.10")


def test_killed_run_is_run_again(from_text, tmp_path):
    output = tmp_path / "out"
    arguments = ["--output_dir=%s" % output] + from_text[1]
    process = start_program(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.time() + 120
    while not (output.exists() and os.listdir(str(output))) and time.time() < deadline and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert [name.startswith(".unfinished-") for name in os.listdir(str(output))] == [True]
    assert run(*arguments).code == 0
    expected = content(from_text[0])
    found = content(output)
    assert set(found) == set(expected)
    assert found["./predictions.tsv"] == expected["./predictions.tsv"]
