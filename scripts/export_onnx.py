#!/usr/bin/env python3
"""Exports a fine-tuned model as an ONNX graph, which any machine runs without TensorFlow.

  scripts/export_onnx.py --model_dir=output/sample/model --output_dir=output/onnx
  smlmt-predict output/onnx new.txt

The folder gets model.onnx, vocab.txt, model.json (labels, case and length of texts) and README.md, a model card. It
appears when the graph's logits are TensorFlow's within 1e-4 on some texts, else not at all. Needs onnx and onnxruntime
(scripts/setup_env.sh --with=onnx). Exit code 2: a mistake.
"""
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from data import unlabelled
from runtime import folders
from runtime.arguments import Parser
from runtime.errors import exit_code


def parse(arguments):
    """The command line."""
    parser = Parser(description=__doc__)
    parser.add_argument("--model_dir", required=True, help="folder of the fine-tuned model (OUTPUT_DIR/model of a run)")
    parser.add_argument("--output_dir", required=True, help="folder to make")
    parser.add_argument("--quantize", action="store_true", help="8-bit weights: smaller, faster, some labels change")
    parser.add_argument("--texts", metavar="FILE", help="texts to compare with TensorFlow on, instead of built-in ones")
    return parser.parse_args(arguments)


def run(options):
    """Exports; the output folder appears whole or not at all."""
    target = folders.untaken(options.output_dir)
    texts = [row for row in unlabelled.read(options.texts) if row] if options.texts else None
    from runs import onnx_export  # here, for it brings TensorFlow, which --help does without

    with onnx_export.opened(options.model_dir) as source:
        checked = onnx_export.export(source, target, texts, options.quantize)
    print("%s: logits within %.1e of TensorFlow's on %d texts" % (target, checked.difference, checked.rows))
    if checked.changed is not None:
        print("8-bit weights change the label of %d of these texts" % checked.changed)


def main(arguments=None):
    """Command line; returns the exit code."""
    return exit_code(lambda: run(parse(arguments)))


if __name__ == "__main__":
    sys.exit(main())
