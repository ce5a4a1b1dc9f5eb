#!/usr/bin/env python3
"""Labelled or unlabelled text to TFRecord files, with the vocabulary of the model that will read them.

A task of the registry, whose label ids are fixed:
    scripts/convert_text.py --task=airline --input=airline_eval.json --output=eval.tf_record --vocab_file=vocab.txt
Own data (a header line text,label); ids follow the order of --labels, or the sorted labels without it:
    scripts/convert_text.py --labels=no,yes --input=mine.csv --output=mine.tf_record --vocab_file=vocab.txt
Text without labels, for --do_predict (label_ids are 0):
    scripts/convert_text.py --unlabelled --input=mine.txt --output=mine.tf_record --vocab_file=vocab.txt
"""
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from runtime.errors import UserError, exit_code, importing

with importing(__name__):
    from runtime.compat import tf  # noqa: F401, I001 (first, for it checks the versions of Python and TensorFlow)

    from absl import flags

from command_line import program
from data import convert, tasks, text
from tokenization import Tokenizer


def define_flags():
    """Defines the flags; not on import, for the main program has flags of the same names."""
    flags.DEFINE_string("input", None, "Text: .json, .jsonl, .csv, .tsv or .txt (also .gz), or - for standard input.")
    flags.DEFINE_string("output", None, "TFRecord file to write.")
    flags.DEFINE_string("vocab_file", None, "The model's vocab.txt.")
    flags.DEFINE_bool("do_lower_case", False, "Lower the case; true for uncased models.")
    flags.DEFINE_string("task", None, "Task whose labels are used: %s." % ", ".join(tasks.TASKS))
    flags.DEFINE_list("labels", None, "Labels in the order of their ids; default: the file's labels, sorted.")
    flags.DEFINE_bool("unlabelled", False, "Ignore labels; implied by .txt and standard input.")
    flags.DEFINE_integer("max_seq_length", 128, "Tokens a record.")


def run(argv, values):
    """Converts the file that the flags name; prints what it holds."""
    if argv[1:]:
        raise UserError("Unexpected argument %r; see --help." % argv[1])
    for name in ("input", "output", "vocab_file"):
        if not values[name].value:
            raise UserError("--%s is missing; see --help." % name)
    tokenizer = Tokenizer.from_file(values.vocab_file, values.do_lower_case)
    labelled = text.is_labelled_format(values.input) and not values.unlabelled
    report = convert.convert(
        values.input, values.output, tokenizer, values.task, values.labels, values.max_seq_length, labelled
    )
    print(report)


def main(argv):
    sys.exit(exit_code(lambda: run(argv, flags.FLAGS)))


if __name__ == "__main__":
    define_flags()
    program.start(main)
