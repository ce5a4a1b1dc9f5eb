#!/usr/bin/env python3
"""Exports a fine-tuned model as a SavedModel for TensorFlow Serving or any program that runs graphs.

  scripts/export_saved_model.py --model_dir=output/sample/model --output_dir=output/serving/1

The default signature takes input_ids, input_mask and segment_ids (int32 [batch, seq], made with the vocabulary and the
settings in assets.extra/), the signature "text" takes text, and text2 where rows may be pairs ("" for none); both give
probabilities, logits and label. A server that watches output/serving answers

  {"signature_name": "text", "instances": [{"text": "Never again."}]}
  {"instances": [{"input_ids": [101, 2023, 102], "input_mask": [1, 1, 1], "segment_ids": [0, 0, 0]}]}

with {"predictions": [{"probabilities": [...], "logits": [...], "label": "..."}]}; token ids of a request have the same
length (padding: zeros in all three). Texts are cut as --do_predict cuts them. The output folder appears when all is in
it. Exit code 2: a mistake.
"""
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from runtime import folders
from runtime.arguments import Parser
from runtime.errors import exit_code


def parse(arguments):
    """The command line."""
    parser = Parser(description=__doc__)
    parser.add_argument("--model_dir", required=True, help="folder of the fine-tuned model (OUTPUT_DIR/model of a run)")
    parser.add_argument("--output_dir", required=True, help="folder to make; a server wants a number for its name")
    return parser.parse_args(arguments)


def run(options):
    """Exports; the output folder appears whole or not at all."""
    target = folders.untaken(options.output_dir)
    from runs import model_folder, serving  # here, for they bring TensorFlow, which --help does without

    stored = model_folder.load(options.model_dir)
    serving.export(stored, target)
    print("%s: %d classes (%s)" % (target, len(stored.labels), ", ".join(stored.labels)))


def main(arguments=None):
    """Command line; returns the exit code."""
    return exit_code(lambda: run(parse(arguments)))


if __name__ == "__main__":
    sys.exit(main())
