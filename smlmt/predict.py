#!/usr/bin/env python3
"""Classifies texts with a model as ONNX graph; needs numpy and onnxruntime, not TensorFlow.

  smlmt-predict FOLDER [FILE|-] [--output=FILE|-] [--min_confidence=P] [--unbuffered] [--max_seq_length=N]

FOLDER is one of scripts/export_onnx.py, or of a run with --keep_onnx. FILE holds a text a line (.txt, a tab before the
second text of a pair) or is a table (.csv, .tsv, .json, .jsonl, each also .gz) with the columns text[,text2]; without
it, or for -, texts come from standard input, one a line. Predictions go to standard output, tab-separated, or to
--output (*.tsv or *.jsonl). In a clone: python -m smlmt.predict. Exit code 2: a mistake.
"""
import argparse
import contextlib
import sys

from runs import onnx_prediction, predicting, prediction_lines
from runtime import run_files
from runtime.arguments import Parser
from runtime.errors import UserError, check_names, exit_code


def parse(arguments):
    """The command line."""
    parser = Parser(prog="smlmt-predict", description=__doc__)
    parser.add_argument("folder", metavar="FOLDER", help="of the model")
    parser.add_argument("file", metavar="FILE", nargs="?", default="-", help="texts; - or none: standard input")
    parser.add_argument("--output", metavar="FILE", default="-", help="*.tsv, *.jsonl, or - for standard output")
    parser.add_argument(
        "--min_confidence", type=_probability, metavar="P",
        help="rows whose highest probability is below it are marked as undecided",
    )
    parser.add_argument("--unbuffered", action="store_true", help="answer each text before the next one is read")
    parser.add_argument("--max_seq_length", type=int, help="tokens of a text; what is longer is cut")
    return parser.parse_args(arguments)


def _probability(given):
    value = float(given)
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError("%s: 0 to 1" % given)
    return value


def run(options):
    """Predicts."""
    check_names([options.folder, options.file, options.output])
    if options.file.endswith((".tf_record", ".tfrecord")):
        raise UserError("%s: records need TensorFlow: run the main program." % options.file)
    predicting.check_file(options.output, options.file)
    model = onnx_prediction.OnnxModel(options.folder, options.max_seq_length)
    stream = prediction_lines.stream_of(options.output, sys.stdout)
    outputs = [predicting.to_stream(stream)] if stream else []
    path = None if options.output == run_files.STDOUT else options.output
    outputs += [predicting.to_file(path)] if path else []
    if options.file == "-" and sys.stdin and sys.stdin.isatty():
        print("type texts, one a line; Ctrl-D ends them", file=sys.stderr)
    is_unbuffered = options.unbuffered or (options.file == "-" and sys.stdin and sys.stdin.isatty())
    least = options.min_confidence
    found = onnx_prediction.run(
        model, options.file, outputs, path, is_unbuffered=is_unbuffered, min_confidence=least
    )
    with contextlib.redirect_stdout(sys.stderr):
        prediction_lines.tell(found, stream, least)


def main(arguments=None):
    """Command line; returns the exit code."""
    return exit_code(lambda: run(parse(arguments)))


if __name__ == "__main__":
    sys.exit(main())
