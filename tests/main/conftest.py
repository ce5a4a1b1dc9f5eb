"""A small task as files, flags for it, and runs that several tests look at."""
import json
import os
import shutil

import pytest
from few_shot_files import (
    BATCH,
    BERT,
    DATA,
    EVAL,
    LABELS,
    SEQUENCE,
    TRAIN,
    WORDS,
    cut,
    read_predictions,
    rewrite,
    save_checkpoint,
    task,
    write_rows,
)
from main_program import run

from data import convert
from tokenization import Tokenizer


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


@pytest.fixture(scope="session")
def evaluated(from_text):
    """Probabilities of the evaluation rows."""
    return read_predictions(from_text[0] / "predictions.tsv")[2]
