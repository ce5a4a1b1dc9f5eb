#!/usr/bin/env python3
"""SetFit (Tunstall et al. 2022) with its defaults, for scripts/benchmarks/matched_shots.py, on the rows that it stored.

  python3 -m venv setfit && setfit/bin/pip install -r requirements-setfit.txt
  .venv/bin/python scripts/convert_checkpoint.py --input=data/downloads/minilm --output_dir=minilm_hf --do_lower_case
  setfit/bin/python scripts/benchmarks/baseline_setfit.py --encoder=minilm_hf --sets=sample --ks=4 \\
      --output_dir=output/shots

Writes OUTPUT_DIR/runs/setfit/SET/K/SPLIT/results.json, split by split; runs that are there are not made again. Where
they are of other rows, another seed or another encoder, nothing is run unless --overwrite is given. The encoder gets
mean pooling and 128 tokens a row. The two texts of a pair are joined by the separator token. Needs an environment of
its own: none of the other packages, TensorFlow least, has to be there.
"""
import os
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

import matched_results
import matched_sets
import numpy as np

from data import text
from runs import sweep_keys
from runtime.arguments import Parser
from runtime.errors import UserError, exit_code
from runtime.files import file_sha256

METHOD = "setfit"
MAX_SEQ_LENGTH = 128


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


def encoder_checksums(folder):
    """{file name: SHA-256} of an encoder's folder; UserError when it is none."""
    if not os.path.isdir(folder):
        raise UserError("--encoder: %s is not a directory." % folder)
    paths = {name: os.path.join(folder, name) for name in os.listdir(folder)}
    return {name: file_sha256(path) for name, path in paths.items() if os.path.isfile(path)}


def run_one(options, store, run, results):
    """Trains and scores one split; writes its results."""
    train, judged = text.read_text(store.train_file(run)), text.read_text(store.eval_file(run.name))
    labels = text.labels_in_order(train)
    encoder = load_encoder(options.encoder)
    begun = time.time()
    model = finetune(encoder, train, labels, options.seed)
    trained = time.time()
    rows = [joined(example, encoder.tokenizer.sep_token) for example in judged]
    probabilities = np.asarray(model.predict_proba(rows, as_numpy=True))
    seconds = {"train": trained - begun, "eval": time.time() - trained}
    scores = matched_results.scores_of(probabilities, [labels.index(example.label) for example in judged])
    import setfit

    results.write(run, scores, labels, seconds, {"setfit": setfit.__version__})


def run(options):
    """All runs whose rows are stored and whose results are not there."""
    store = matched_sets.RowStore(options.output_dir)
    config = {"seed": options.seed, "encoder": encoder_checksums(options.encoder)}
    results = matched_results.MethodResults(store, METHOD, config, options.overwrite)
    ks = sweep_keys.numbers("ks", options.ks)
    runs = store.runs(options.sets.split(","), ks, range(options.splits))
    if not runs:
        raise UserError("--output_dir: %s has no rows of such runs: matched_shots.py stores them." % options.output_dir)
    for each in results.lacking(runs):
        run_one(options, store, each, results)


def main():
    parser = Parser(description=__doc__)
    parser.add_argument("--output_dir", required=True, help="folder of the benchmark, with its rows")
    parser.add_argument("--encoder", required=True, help="folder of Hugging Face files")
    parser.add_argument("--sets", required=True, help="names, comma-separated")
    parser.add_argument("--ks", default="4,8,16", help="rows a class, comma-separated (default: %(default)s)")
    parser.add_argument("--splits", type=int, default=10, help="the first so many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument("--overwrite", action="store_true",
                        help="make runs again that are of other rows, another seed or another encoder")
    return exit_code(lambda: run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
