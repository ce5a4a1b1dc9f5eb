#!/usr/bin/env python3
"""Writes a meta-trained model as this repository keeps it: 16-bit floats, without the encoder's word table.

  scripts/minilm_smlmt/export_small.py --model=output/meta/model --encoder=data/downloads/minilm/bert_model.ckpt \\
      --output_dir=models/minilm-smlmt

--model is an exported model or the prefix of a checkpoint; of several the mean is taken. --weight puts the encoder on
the line between --encoder (0) and the model (1), as scripts/interpolate_weights.py does. --layers=N takes the first N
layers from meta-training; those above are left out and stay as they were. --plain_heads=RATE takes the encoder alone
from it: the output MLP is an identity, as it was at first, and label embeddings learn at this rate. fetch/shipped.py
makes the model whole again: what is left out comes from --encoder, whatever became of it. Exit code 2: a mistake.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)
sys.path.insert(0, os.path.join(ROOT, "scripts"))

from interpolate_weights import between, weights_of

from runtime.arguments import Parser
from runtime.errors import UserError, exit_code, importing

with importing(__name__):
    import numpy as np

WORD_TABLE = "bert/embeddings/word_embeddings"
LAYER = re.compile(r"bert/encoder/layer_(\d+)/")


def mean(models):
    """{name: float32 array}: the mean of several of them; UserError for two that have different variables."""
    for model in models[1:]:
        if {n: v.shape for n, v in model.items()} != {n: v.shape for n, v in models[0].items()}:
            raise UserError("--model: the models have different variables.")
    return {name: (sum(model[name] for model in models) / len(models)).astype(np.float32) for name in models[0]}


def plain_heads(model, rate):
    """{name: array} of a model whose output MLP is an identity and whose label embeddings have this learned rate."""
    found = dict(model)
    for name, value in model.items():
        if name.startswith("output_weights_"):
            found[name] = np.eye(*value.shape, dtype=value.dtype)
        elif name.startswith("output_bias_"):
            found[name] = np.zeros_like(value)
        elif name.endswith("/label_embs/learning_rate"):
            found[name] = np.full_like(value, rate)
    return found


def small(model, encoder, layers):
    """{name: array} of a model in float16, but for single numbers; and the change of the word table, which it lacks.

    The encoder's layers above the first `layers` are left out as well, where that is a number.
    """
    if WORD_TABLE not in model or WORD_TABLE not in encoder:
        raise UserError("--model and --encoder: both need %s." % WORD_TABLE)
    change = np.abs(model[WORD_TABLE] - encoder[WORD_TABLE]).max()
    kept = {name: value.astype(np.float16) if value.ndim else value for name, value in model.items()}
    kept.pop(WORD_TABLE)
    for name in list(kept):
        layer = LAYER.match(name)
        if layer and layers is not None and int(layer.group(1)) >= layers:
            kept.pop(name)
    return kept, change


def run(options):
    """Writes the model; prints what it holds."""
    from runtime import checkpoints  # here, for it brings TensorFlow, which --help does without

    if not 0.0 < options.weight <= 1.0:
        raise UserError("--weight=%g: above 0 (--encoder), at most 1 (--model)." % options.weight)
    encoder = weights_of(options.encoder, "--encoder")
    model = between(encoder, mean([weights_of(path, "--model") for path in options.model]), options.weight)
    if options.plain_heads is not None:
        model = plain_heads(model, options.plain_heads)
    kept, change = small(model, encoder, options.layers)
    checkpoints.export(kept, options.output_dir)
    size = sum(value.nbytes for value in kept.values()) / 1e6
    print("%s: %d variables, %.1f MB; the word table, which changed by at most %.2g, is left out"
          % (options.output_dir, len(kept), size, change))


def main(arguments=None):
    """Command line; returns the exit code."""
    parser = Parser(description=__doc__)
    parser.add_argument("--model", required=True, action="append", help="exported model or checkpoint; repeatable")
    parser.add_argument("--encoder", required=True, help="BERT checkpoint that the meta-training started from")
    parser.add_argument("--weight", type=float, default=1.0, help="above 0, at most 1 (default: %(default)s)")
    parser.add_argument("--layers", type=int, help="of the encoder, from the lowest (default: all)")
    parser.add_argument("--plain_heads", type=float, metavar="RATE", help="identity, and rate of label embeddings")
    parser.add_argument("--output_dir", required=True, help="folder of the result")
    return exit_code(lambda: run(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
