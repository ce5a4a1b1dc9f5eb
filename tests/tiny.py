"""Tiny encoders, and a tiny fine-tuned model with random weights, for the tests."""
import dataclasses
import json
import os

import numpy as np

import meta_learner
import modeling
from command_line import recipes
from command_line.public_task import DEFAULT_MODELS
from command_line.settings import RunSettings, TextSettings
from fetch import shipped
from learner import configs
from learner.classifier import Batch
from runs import model_folder
from runtime import checkpoints
from runtime.compat import tf
from runtime.files import write_json
from training import task_models

EMBEDDED = DEFAULT_MODELS["minilm"]
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] good bad fine film very plot slow fast red green blue".split()
SIZES = dict(
    vocab_size=20,
    hidden_size=8,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=8,
    max_position_embeddings=6,
    type_vocab_size=2,
)
# Of an encoder that reads WORDS.
TEXT_SIZES = dict(
    SIZES,
    vocab_size=len(WORDS),
    hidden_size=16,
    num_hidden_layers=2,
    intermediate_size=32,
    max_position_embeddings=24,
    initializer_range=0.2,  # far from 0, so that rows differ
)
RUN_LABELS = ("up", "down")
LEARNER = configs.LearnerConfig(
    pooling="mean", prototypical_baseline=True, head_init="identity", label_emb_size=16,
    update_only_label_embedding=True, rate_sets=1, keep_prob=1.0,
)  # fmt: skip


def sizes(**changes):
    """Fields of a BertConfig."""
    return dict(SIZES, **changes)


def bert(**changes):
    """A BertConfig, without dropout."""
    without_dropout = dict(SIZES, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    return modeling.BertConfig(**dict(without_dropout, **changes))


def make_batch(rows, length, classes, seed=0):
    """classifier.Batch of rows with few words, so that they repeat; classes take turns, lengths differ."""
    random = np.random.RandomState(seed)
    lengths = random.randint(2, length + 1, rows)
    return Batch(
        input_ids=random.randint(0, 9, [rows, length]),
        input_mask=(np.arange(length) < lengths[:, None]).astype(int),
        segment_ids=random.randint(0, 2, [rows, length]),
        label_ids=np.arange(rows) % classes,
    )


def run_settings(folder, **changes):
    """RunSettings whose files, train.csv and eval.csv in a folder, exist and hold their names."""
    for name in ("train.csv", "eval.csv"):
        (folder / name).write_text(name)
    values = dict(
        bert_config=modeling.BertConfig.from_dict(TEXT_SIZES),
        classifier=LEARNER,
        finetuning=configs.FinetuneConfig(),
        text=TextSettings(False, 12),
        vocab_file="vocab.txt",
        train_file=str(folder / "train.csv"),
        eval_file=str(folder / "eval.csv"),
        labels=RUN_LABELS,
        num_labels=None,
        task_name=None,
        output_dir="out",
        keep_model=True,
        overwrite=False,
        given={},
    )
    return RunSettings(**dict(values, **changes))


def write(folder, labels, text=None):
    """Writes a model folder; returns model_folder.StoredModel."""
    bert_config = modeling.BertConfig.from_dict(TEXT_SIZES)
    with tf.Graph().as_default(), tf.Session() as session:
        model = task_models.TaskModel(bert_config, LEARNER, len(labels))
        session.run(tf.global_variables_initializer())
        embeddings = np.random.RandomState(1).normal(size=[len(labels), LEARNER.label_emb_size])
        lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)  # the same for all: none is nearest to every row
        model.label_embedding.load(embeddings / lengths, session)
        tf.train.Saver(model.saved_variables()).save(session, str(folder / checkpoints.CHECKPOINT))
    vocab_file = folder / "words"
    vocab_file.write_text("\n".join(WORDS) + "\n")
    settings = {
        "bert_config": dataclasses.asdict(bert_config),
        "learner": dataclasses.asdict(LEARNER),
        "labels": list(labels),
        "text": text or {"do_lower_case": True, "max_seq_length": 12},
    }
    model_folder.add_settings(str(folder), settings, str(vocab_file))
    vocab_file.unlink()
    return model_folder.load(str(folder))


def write_config(folder):
    """Writes the model's bert_config.json; returns its path."""
    path = folder / "bert_config.json"
    path.write_text(json.dumps(TEXT_SIZES))
    return str(path)


def write_encoder(folder):
    """Writes a tiny encoder, of the preset's width and depth, as fetch.minilm.ensure_minilm would leave it.

    Beside it is what fetch.shipped would make with it of the shipped model, which is for another encoder.
    """
    encoder, whole = folder / "minilm", folder / os.path.basename(recipes.MODELS[EMBEDDED].shipped)
    encoder.mkdir()
    bert_config = dict(TEXT_SIZES, max_position_embeddings=128, hidden_size=384, num_hidden_layers=6)
    (encoder / "bert_config.json").write_text(json.dumps(bert_config))
    (encoder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    learner = configs.from_flags(configs.LearnerConfig, recipes.preset_flags(EMBEDDED))
    with tf.Graph().as_default(), tf.Session() as session:
        weights = meta_learner.create_variables(modeling.BertConfig.from_dict(bert_config), learner)
        session.run(tf.global_variables_initializer())
        of_encoder = {name: variable for name, variable in weights.items() if checkpoints.is_encoder(name)}
        tf.train.Saver(of_encoder).save(session, str(encoder / shipped.CHECKPOINT), write_meta_graph=False)
        checkpoints.export(session.run(weights), str(whole))
    sources = shipped.sources_of(recipes.MODELS[EMBEDDED].shipped, str(encoder))
    write_json(str(whole / shipped.SOURCES), sources)
    return str(encoder)
