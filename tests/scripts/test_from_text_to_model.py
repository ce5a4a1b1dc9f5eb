"""The three steps of the README in miniature: SMLMT tasks from the sample corpus, meta-training, fine-tuning."""
import collections
import json
import os
import re
import subprocess
import sys

import pytest

from runtime.paths import ROOT

SAMPLE = os.path.join(ROOT, "data", "sample")
SEQ, ROWS, TASKS = 24, 12, 4
HEADS = [
    "--warp_layers", "--SGD_K=1", "--output_layers=2", "--label_emb_size=8", "--use_euclidean_norm=false",
    "--update_only_label_embedding", "--train_word_embeddings", "--pooling=mean", "--clip_lr",
    "--max_seq_length=%d" % SEQ,
]


def run(program, *arguments, environment=None):
    done = subprocess.run(
        [sys.executable, os.path.join(ROOT, program)] + list(arguments), env=dict(os.environ, **(environment or {})),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def encoder(tmp_path):
    """Folder with the sizes of a tiny BERT and a vocabulary of the sample's frequent words and all letters."""
    words = collections.Counter()
    for name in ("corpus.txt", "train.csv"):
        with open(os.path.join(SAMPLE, name), encoding="utf-8") as file:
            words.update(re.findall(r"[a-z]+|[^a-z\s]", file.read().lower()))
    letters = sorted({letter for word in words for letter in word})
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + letters + ["##" + letter for letter in letters]
    vocabulary += sorted(word for word, _ in words.most_common(400) if word not in letters)
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    config = dict(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=SEQ, type_vocab_size=2,
    )
    (tmp_path / "bert_config.json").write_text(json.dumps(config))
    return tmp_path


def test_three_steps(encoder):
    model = ["--vocab_file=%s" % (encoder / "vocab.txt"), "--do_lower_case"]
    run(
        "scripts/make_smlmt.py", "--input=%s" % os.path.join(SAMPLE, "corpus.txt"),
        "--output_dir=%s" % (encoder / "smlmt"), "--classes=2,3", "--tasks_per_class_count=%d" % TASKS,
        "--records_per_task=%d" % ROWS, "--max_seq_length=%d" % SEQ, *model
    )
    bert = "--bert_config_file=%s" % (encoder / "bert_config.json")
    files = "meta_pretrain_2.tf_record,meta_pretrain_3.tf_record"
    printed = run(
        "run_classifier_multitask.py", "--do_train", bert, "--init_checkpoint=", "--data_dir=%s" % (encoder / "smlmt"),
        "--task_train_files=" + files, "--train_batch_size=%d" % ROWS, "--meta_batchsz=8", "--num_batches=2",
        "--num_gpus=1", "--tasks_per_gpu=1", "--num_train_epochs=1", "--output_dir=%s" % (encoder / "meta"),
        *(model + HEADS)
    )
    assert "meta-training is complete" in printed
    steps = json.loads((encoder / "meta" / "best.json").read_text())["step"]
    assert steps == 2 * TASKS
    printed = run(
        "run_classifier_multitask.py", "--do_eval", bert, "--warm_start_model_dir=%s" % (encoder / "meta" / "model"),
        "--task_eval_files=%s,%s" % tuple(os.path.join(SAMPLE, name) for name in ("train.csv", "eval.csv")),
        "--num_train_epochs=2", "--train_batch_size=16", "--eval_batch_size=16",
        "--output_dir=%s" % (encoder / "sample"), *(model + HEADS)
    )
    assert "accuracy" in printed
    found = json.loads((encoder / "sample" / "results.json").read_text())
    assert found["data"]["eval"]["examples"] == 160 and found["steps"] == 1 + 8
    printed = run(  # the same in one command: the model says what it is
        "scripts/finetune.py", "--train", os.path.join(SAMPLE, "train.csv"),
        "--eval", os.path.join(SAMPLE, "eval.csv"), "--num_train_epochs=2", "--train_batch_size=16",
        "--eval_batch_size=16", "--nostratified", "--output_dir=%s" % (encoder / "own"),
        environment={"MODEL_DIR": str(encoder / "meta")},
    )
    again = json.loads((encoder / "own" / "results.json").read_text())
    assert again["config"]["learner"]["output_layers"] == 2 and again["config"]["learner"]["label_emb_size"] == 8
    assert again["config"]["text"] == {"do_lower_case": True, "max_seq_length": SEQ}
    assert again["weights"]["warm_start_model_dir"]["sha256"] == found["weights"]["warm_start_model_dir"]["sha256"]
