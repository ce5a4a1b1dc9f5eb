#!/usr/bin/env python3
"""The PyTorch sides of benchmark.py: transformers' BertForSequenceClassification with plain SGD.

Runs in an environment of its own (requirements-bench-torch.txt) on the token ids that benchmark.py
made.
"""
import argparse
import itertools
import os
import sys
import time

import numpy as np
from benchmark_side import Rounds, Side

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from runtime.errors import exit_code

try:
    import torch
    import transformers
except ImportError as error:  # --help does without
    torch = transformers = None
    MISSING = error

LEARNING_RATE = 1e-5


class Batches:
    """Token ids of one part of the texts; batches are cut to their longest row unless padded."""

    def __init__(self, arrays, part, padded):
        names = ("input_ids", "input_mask", "segment_ids", "label_ids")
        self._tensors = [torch.tensor(arrays["%s_%s" % (part, name)].astype(np.int64)) for name in names]
        self._padded = padded
        self.size = len(self._tensors[0])

    def batch(self, rows):
        ids, mask, segments, labels = [tensor[rows] for tensor in self._tensors]
        length = ids.shape[1] if self._padded else int(mask.sum(1).max())
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": segments}
        return dict({name: tensor[:, :length] for name, tensor in inputs.items()}, labels=labels)


def finetune(side, options, model, arrays):
    """Steps of SGD on the batches of fine-tuning."""
    rows = Batches(arrays, "train", options.padded)
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    model.train()
    batches = itertools.cycle(np.split(arrays["batches"], arrays["batch_ends"][:-1]))

    rounds = Rounds(side, options.steps, options.warmup)
    while True:
        rounds.before_step()
        optimizer.zero_grad()
        model(**rows.batch(next(batches))).loss.backward()
        optimizer.step()


def evaluate(side, options, model, arrays):
    """Logits of the rows, in their order."""
    rows = Batches(arrays, "eval", options.padded)
    model.eval()

    @torch.inference_mode()
    def score(count):
        for start in range(0, count, options.batch_size):
            model(**rows.batch(slice(start, start + options.batch_size))).logits.numpy()

    score(options.warmup * options.batch_size)
    side.ready()
    while True:
        side.wait()
        begun = time.perf_counter()
        score(rows.size)
        side.report(seconds=time.perf_counter() - begun, units=rows.size)


def predict(options, model):
    """Predicts the lines of a file as a program of its own: tokenizes, scores, writes probabilities; no rounds."""
    tokenizer = transformers.BertTokenizerFast(vocab_file=options.vocab_file, do_lower_case=True)
    with open(options.predict, encoding="utf-8") as file:
        lines = file.read().splitlines()
    model.eval()
    with torch.inference_mode(), open(options.predict + ".torch", "w") as output:
        for start in range(0, len(lines), options.batch_size):
            batch = tokenizer(
                lines[start : start + options.batch_size],
                padding=True,
                truncation=True,
                max_length=options.max_seq_length,
                return_tensors="pt",
            )
            for row in torch.softmax(model(**batch).logits, -1).tolist():
                print("\t".join("%.6f" % value for value in row), file=output)


KINDS = {kind.__name__: kind for kind in (finetune, evaluate)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=sorted(KINDS) + ["predict"])
    parser.add_argument("--bert_config_file", required=True)
    parser.add_argument("--texts", help=".npz that scripts/benchmarks/benchmark.py made")
    parser.add_argument("--padded", action="store_true", help="all rows at their full length")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--batch_size", type=int, default=12)
    parser.add_argument("--predict", help="file of lines")
    parser.add_argument("--vocab_file")
    parser.add_argument("--num_labels", type=int, default=2)
    parser.add_argument("--max_seq_length", type=int, default=128)
    options = parser.parse_args()
    if torch is None:
        parser.error("%s: install requirements-bench-torch.txt into an environment of its own" % MISSING)
    config = transformers.BertConfig.from_json_file(options.bert_config_file)
    config.hidden_act = {"gelu_erf": "gelu"}.get(config.hidden_act, "gelu_new")
    arrays = np.load(options.texts, allow_pickle=False) if options.texts else None
    config.num_labels = int(arrays["num_labels"]) if options.texts else options.num_labels
    model = transformers.BertForSequenceClassification(config)
    if options.kind == "predict":
        predict(options, model)
        return
    with Side() as side:
        KINDS[options.kind](side, options, model, arrays)


if __name__ == "__main__":
    sys.exit(exit_code(main))
