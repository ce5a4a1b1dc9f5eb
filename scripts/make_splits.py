#!/usr/bin/env python3
"""Draws k-shot training splits from labelled text: k examples of each label for each of n splits.

  scripts/make_splits.py --task=mine --input=all.csv --eval=mine_eval.csv --k=32 --format=csv --output_dir=splits
  DIR=leopard-master/data/json/airline
  scripts/make_splits.py --task=airline --input $DIR/airline_train_?_16.json --eval=$DIR/airline_eval.json --k=32 \\
      --output_dir=$DIR

The files are called TASK_train_SPLIT_K.json (or .csv), as the public ones. Those in JSON with k=32 are found by
`run_finetune.sh TASK SPLIT 32` in the folder of the public data (data/json/TASK); others are named, as in
`run_finetune.sh --train mine_train_0_32.csv --eval mine_eval.csv`, or by --task_eval_files=TRAIN,EVAL of the main
program.

A seed gives the same splits everywhere, and more --splits leave the first ones as they are. No split holds a text of
--eval (letter case and blanks do not count), a text twice, or a text that stands in --input under several labels. Exit
code 2: a mistake, such as a label with fewer than k texts; nothing is written then.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from data import splits, tasks, text
from runtime.arguments import Parser
from runtime.errors import UserError, exit_code


def parse(arguments):
    """The command line."""
    parser = Parser(description=__doc__)
    parser.add_argument("--task", required=True, help="begins the files' names; one of the 17 tasks fixes the labels")
    parser.add_argument("--input", required=True, nargs="+", help="labelled text: .json, .jsonl, .csv or .tsv")
    parser.add_argument("--eval", help="evaluation file, whose texts no split may hold")
    parser.add_argument("--k", required=True, type=int, help="examples of each label")
    parser.add_argument("--splits", type=int, default=10, help="how many (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument("--format", choices=splits.FORMATS, default="json", help="default: json")
    parser.add_argument("--output_dir", required=True, help="folder of the new files")
    parser.add_argument("--overwrite", action="store_true", help="replace files of other splits")
    return parser.parse_args(arguments)


def read(paths, task):
    """(examples of all files, labels in the order of their ids); UserError for labels that the task does not have."""
    examples = []
    for path in paths:
        found = text.read_text(path)
        if task:
            unknown = [example for example in found if example.label not in task.labels]
            if unknown:
                raise UserError("%s: %s has the label %r, which is none of %s." % (
                    path, unknown[0].where, unknown[0].label, ", ".join(task.labels)))
        examples += found
    if len({example.text_b is None for example in examples}) > 1:
        raise UserError("--input: some files hold single texts, others pairs.")
    return examples, task.labels if task else text.labels_in_order(examples)


def run(options):
    """Draws and writes; prints the paths and what was left out."""
    for name, least in (("k", 1), ("splits", 1), ("seed", 0)):
        if not least <= getattr(options, name) < 2 ** 32:
            raise UserError("--%s=%d: at least %d." % (name, getattr(options, name), least))
    if not re.match(r"\w[\w.-]*$", options.task):
        raise UserError("--task=%s: letters, digits, _, . and - make up the files' names." % options.task)
    examples, labels = read(options.input, tasks.TASKS.get(options.task))
    pool = splits.make_pool(examples, text.read_text(options.eval) if options.eval else (), labels)
    paths = splits.make_splits(
        options.task, pool, options.k, options.splits, options.seed, options.output_dir, options.format,
        options.overwrite,
    )
    for path in paths:
        print(path)
    print("left out: %d rows of the evaluation file, %d under several labels, %d repeated"
          % (pool.excluded, pool.ambiguous, pool.repeated))
    if not options.eval:
        print("note: without --eval nothing keeps evaluation texts out of the splits")


def main(arguments=None):
    """Command line; returns the exit code."""
    return exit_code(lambda: run(parse(arguments)))


if __name__ == "__main__":
    sys.exit(main())
