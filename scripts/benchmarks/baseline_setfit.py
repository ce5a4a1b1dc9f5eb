#!/usr/bin/env python3
"""SetFit (Tunstall et al. 2022) with its defaults on the LEOPARD tasks, for comparison with this repository's models.

  python3 -m venv setfit && setfit/bin/pip install -r requirements-setfit.txt
  .venv/bin/python scripts/convert_checkpoint.py --input=data/downloads/minilm --output_dir=minilm_hf --do_lower_case
  setfit/bin/python scripts/benchmarks/baseline_setfit.py --leopard_dir=DIR --encoder=minilm_hf --output_dir=output/runs

Writes OUTPUT_DIR/setfit/TASK/K/SPLIT/results.json, which scripts/make_tables.py reads; runs that are there are not
made again. Where they are of other data, another seed or another encoder, nothing is run unless --overwrite is given.
The encoder gets mean pooling and 128 tokens a row. The two texts of a pair are joined by the separator token. Needs an
environment of its own: none of the other packages, TensorFlow least, has to be there.
"""
import argparse
import os
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

import numpy as np

from data import tasks, text
from runs.scores import Scores
from runtime.errors import UserError, exit_code
from runtime.files import file_sha256, read_json, write_json
from runtime.run_files import RESULTS

MAX_SEQ_LENGTH = 128
SMALLEST = 1e-12  # probability, for its logarithm


def load_encoder(folder):
    """sentence-transformers model with mean pooling from a folder of Hugging Face files."""
    from sentence_transformers import SentenceTransformer, models

    words = models.Transformer(folder, max_seq_length=MAX_SEQ_LENGTH)
    if words.tokenizer.tokenize("Text") == [words.tokenizer.unk_token]:
        raise UserError("--encoder: the tokenizer of %s keeps capitals, which its vocabulary lacks: convert it with "
                        "--do_lower_case." % folder)
    pooling = models.Pooling(words.get_word_embedding_dimension(), pooling_mode="mean")
    return SentenceTransformer(modules=[words, pooling, models.Normalize()], device="cpu")


def joined(example, separator):
    """One text of an example."""
    return example.text_a if example.text_b is None else "%s %s %s" % (example.text_a, separator, example.text_b)


def finetune(encoder, train, labels, seed):
    """Trains SetFit on examples with its defaults; returns the model."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    rows = [joined(example, encoder.tokenizer.sep_token) for example in train]
    data = Dataset.from_dict({"text": rows, "label": [labels.index(example.label) for example in train]})
    with tempfile.TemporaryDirectory() as folder:
        model = SetFitModel.from_pretrained(folder_of(encoder, folder), device="cpu")
        arguments = TrainingArguments(
            output_dir=os.path.join(folder, "out"), seed=seed, report_to="none", save_strategy="no",
            show_progress_bar=False,
        )
        Trainer(model=model, args=arguments, train_dataset=data).train()
    return model


def folder_of(encoder, folder):
    """Saves the encoder, for SetFit reads folders."""
    path = os.path.join(folder, "encoder")
    encoder.save(path)
    return path


def results_file(options, task, split):
    """Path of a run's results."""
    return os.path.join(options.output_dir, "setfit", task.name, str(options.k), str(split), RESULTS)


def data_files(options, task, split):
    """{"train", "eval": path}; UserError when one is missing."""
    return {
        "train": tasks.require(task.json_file(options.leopard_dir, "train", split, options.k)),
        "eval": tasks.require(task.json_file(options.leopard_dir, "eval")),
    }


def encoder_checksums(folder):
    """{file name: SHA-256} of an encoder's folder; UserError when it is none."""
    if not os.path.isdir(folder):
        raise UserError("--encoder: %s is not a directory." % folder)
    paths = {name: os.path.join(folder, name) for name in os.listdir(folder)}
    return {name: file_sha256(path) for name, path in paths.items() if os.path.isfile(path)}


def made_from(options, task, split, encoder):
    """What a run is made from, as its results file holds it; encoder: of encoder_checksums."""
    files = data_files(options, task, split)
    return {
        "config": {"seed": options.seed, "encoder": encoder},
        "data": {part: {"sha256": file_sha256(name)} for part, name in files.items()},
    }


def is_there(options, task, split, encoder):
    """Whether a run's results are there; UserError when they are of other data or settings, without --overwrite."""
    path = results_file(options, task, split)
    found = read_json(path)
    if not isinstance(found, dict):
        return False
    differing = [
        name + " data" * (part == "data") for part, wanted in made_from(options, task, split, encoder).items()
        for name, value in wanted.items() if (found.get(part) or {}).get(name) != value
    ]
    if differing and not options.overwrite:
        raise UserError("%s is of another %s: choose another --output_dir, or give --overwrite to make such runs again."
                        % (path, " and ".join(differing)))
    return not differing


def run_one(options, task, split, encoder_files):
    """Trains and scores one split; writes its results file."""
    path, files = results_file(options, task, split), data_files(options, task, split)
    origin = made_from(options, task, split, encoder_files)
    train, evaluation = (text.read_text(files[part]) for part in ("train", "eval"))
    encoder, labels = load_encoder(options.encoder), list(task.labels)
    begun = time.time()
    model = finetune(encoder, train, labels, options.seed)
    trained = time.time()
    rows = [joined(example, encoder.tokenizer.sep_token) for example in evaluation]
    found = np.asarray(model.predict_proba(rows, as_numpy=True))
    probabilities = np.zeros([len(rows), len(labels)])
    probabilities[:, np.asarray(model.model_head.classes_, int)] = found  # a class may be without training rows
    scores = Scores(
        np.log(np.maximum(probabilities, SMALLEST)), [labels.index(example.label) for example in evaluation]
    )
    import setfit

    os.makedirs(os.path.dirname(path), exist_ok=True)
    write_json(path, {
        "model": "setfit", "task": task.name, "k": options.k, "split": split,
        "config": dict(origin["config"], labels=labels, setfit=setfit.__version__),
        "data": origin["data"],
        "metrics": {
            "accuracy": scores.accuracy, "macro_f1": scores.macro_f1, "loss": float(np.mean(scores.losses)),
            "confusion": scores.confusion.tolist(),
        },
        "seconds": {"train": trained - begun, "eval": time.time() - trained},
    })
    print("%s %d: accuracy %.3f, %.0f s" % (task.name, split, scores.accuracy, time.time() - begun), flush=True)


def run(options):
    """All splits, one task after the other for each."""
    chosen = [tasks.get_task(name) for name in options.tasks.split(",")]
    for split in options.splits.split(","):
        if not split.isdigit():
            raise UserError("--splits=%s: numbers with commas between them." % options.splits)
    encoder = encoder_checksums(options.encoder)
    runs = [(task, int(split)) for split in options.splits.split(",") for task in chosen]
    for task, split in [each for each in runs if not is_there(options, *each, encoder)]:
        run_one(options, task, split, encoder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leopard_dir", required=True, help="folder of the LEOPARD data")
    parser.add_argument("--encoder", required=True, help="folder of Hugging Face files")
    parser.add_argument("--output_dir", required=True, help="folder of the runs")
    parser.add_argument("--tasks", required=True, help="comma-separated")
    parser.add_argument("--k", type=int, default=4, help="examples of each label (default: 4)")
    parser.add_argument("--splits", default="0,1,2,3,4,5,6,7,8,9", help="comma-separated (default: all ten)")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument("--overwrite", action="store_true",
                        help="make runs again that are of other data, another seed or another encoder")
    return exit_code(lambda: run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
