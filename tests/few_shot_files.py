"""A small few-shot task as files, and what the tests of the main program ask of a run's folder."""
import csv
import hashlib
import json
import os

import numpy as np
import tiny
from main_program import run

import modeling
from data import convert, encoding
from data.text import read_text
from runtime.compat import tf
from runtime.makings import MADE
from tokenization import Tokenizer

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] good bad fine film very plot slow fast red green blue".split()
BERT = dict(tiny.TEXT_SIZES, hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1)
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
DATA = ".data-00000-of-00001"  # of a checkpoint


def write_rows(path, rows, header="text,label"):
    path.write_text("\n".join([header] + [",".join(row) for row in rows]) + "\n")


def checksum(path):
    with open(str(path), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def content(folder):
    """{relative path: checksum, or None for a folder} of all that is in a folder; None when it does not exist.

    Without the list of whose files these are, which is another one after every making.
    """
    if not os.path.exists(str(folder)):
        return None
    found = {}
    for root, folders, files in os.walk(str(folder)):
        place = os.path.relpath(root, str(folder))
        found.update({os.path.join(place, name): None for name in folders})
        files = [name for name in files if name != MADE]
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


def task(files, kind, eval_kind=None):
    return "--task_eval_files=%s,%s" % (files / ("train" + kind), files / ("eval" + (eval_kind or kind)))


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
        examples = encoding.encode(read_text(str(files / "train.csv")), tokenizer, LABELS, SEQUENCE)
        if kind == "label":
            examples.label_ids[3] = 3
        else:
            examples.input_ids[3, 1] = len(WORDS)
        convert.records.write_records(str(path), examples)
    return path


def predict(model, file, output, *arguments):
    places = ["--model_dir=%s" % model, "--predict_file=%s" % file, "--output_dir=%s" % output]
    return run("--do_predict", *(places + list(arguments)))
