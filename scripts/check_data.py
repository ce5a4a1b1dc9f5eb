#!/usr/bin/env python3
"""Checks a copy of the LEOPARD data: files, sizes, labels, defects, texts in both training and evaluation sets.

  scripts/check_data.py --leopard_dir=data/downloads/leopard-master
  scripts/check_data.py --leopard_dir=DIR --tasks=airline,conll --json=report.json \\
      --vocab_file=vocab.txt --do_lower_case --max_seq_length=64

The table has a row a task:
  files     files that are there, of those that should be (10 splits x k=4, 8, 16 and the evaluation set, in two forms)
  rows      of the evaluation set
  majority  accuracy of always answering with its most frequent label
  overlap   different training texts, all splits together, that also stand in the evaluation set (in brackets: those
            that carry another label there); letter case and blanks do not count
  repeated  evaluation rows whose text stood in the file before (in brackets: texts under several labels)
  cut       evaluation texts longer than --max_seq_length tokens (with --vocab_file)
Below it stands what is wrong with which file. Exit code: 0 all tasks can be used, 1 some cannot, 2 wrong use.
"""
import dataclasses
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from data import tasks
from runtime.arguments import Parser
from runtime.errors import UserError, exit_code, listed, writing
from runtime.files import write_json

COLUMNS = (
    ("task", "%-21s"), ("files", "%7s"), ("rows", "%6s"), ("classes", "%8s"), ("majority", "%9s"), ("overlap", "%10s"),
    ("repeated", "%10s"), ("cut", "%6s"), ("usable", "%7s"),
)
ROW = " ".join(pattern for _, pattern in COLUMNS)
LISTED = 4  # file names of one kind of finding that are spelled out
NOTHING = "-"


def table_row(task, report):
    """The line of a task in the table."""
    def with_part(number, part):
        return NOTHING if number is None else "%d (%d)" % (number, part)

    majority = NOTHING if report.majority_accuracy is None else "%.1f %%" % (100 * report.majority_accuracy)
    return ROW % (
        report.task,
        "%d/%d" % (report.files, report.files_expected),
        NOTHING if report.eval_rows is None else report.eval_rows,
        task.num_labels,
        majority,
        with_part(report.overlap, report.overlap_other_label),
        with_part(report.eval_repeated, report.eval_ambiguous),
        NOTHING if report.cut is None else report.cut.eval,
        "yes" if report.usable else "NO",
    )


def details(report):
    """Lines about a task below the table."""
    lines = []
    if report.eval_classes:
        counts = ", ".join("%s %d" % item for item in report.eval_classes.items())
        lines.append("evaluation rows by label (from the %s): %s" % (report.source, counts))
    if report.overlap_parts:
        parts = sorted(report.overlap_parts.items(), key=lambda item: (-item[1], item[0]))
        lines.append("evaluation texts in training splits: " + listed(["%s (%d)" % part for part in parts], LISTED))
    if report.cut and report.cut.train:
        lines.append("training texts cut: %d of %d" % (report.cut.train, report.train_texts))
    lines += findings(report)
    if not report.usable:
        lines.append("UNUSABLE: no whole file of " + ("the evaluation set" if "eval" in report.unusable_parts else
                                                      "any training split"))
    elif report.unusable_parts:
        lines.append("not usable in either form: " + listed(report.unusable_parts, LISTED))
    misnaming = tasks.get_task(report.task).misnaming
    if misnaming and report.files:
        lines.append("%s; programs show the right ones" % misnaming)
    return lines


def findings(report):
    """A line for each known defect and each other fault; files that are missing are listed together."""
    if not report.files:
        return ["missing: all %d files" % report.files_expected]
    missing = [finding.file for finding in report.findings if finding.kind == "missing" and not finding.known]
    lines = ["missing: " + listed(missing, LISTED)] if missing else []
    for finding in report.findings:
        if finding.known or finding.kind != "missing":
            lines.append("%s: %s: %s" % (finding.kind, finding.file, finding.message))
    return lines


def as_json(options, reports):
    """Content of the --json file."""
    def plain(report):
        fields = dataclasses.asdict(report)
        fields["findings"] = [finding._asdict() for finding in report.findings]
        fields["cut"] = report.cut and report.cut._asdict()
        fields["misnaming"] = tasks.get_task(report.task).misnaming
        return fields

    return {
        "leopard_dir": options.leopard_dir,
        "max_seq_length": options.max_seq_length,
        "vocab_file": options.vocab_file,
        "tasks": [plain(report) for report in reports],
    }


def parse(arguments):
    """The command line."""
    parser = Parser(description=__doc__)
    parser.add_argument("--leopard_dir", required=True, help="folder that holds data/json and data/tf_record")
    parser.add_argument("--tasks", default=",".join(tasks.TASKS), help="comma-separated; default: all 17")
    parser.add_argument("--json", help="write the whole report to this file, too")
    parser.add_argument("--vocab_file", help="the model's vocab.txt, to count texts that are cut")
    parser.add_argument("--do_lower_case", action="store_true", help="for uncased vocabularies")
    parser.add_argument("--max_seq_length", type=int, default=128, help="tokens a text may have (default: 128)")
    return parser.parse_args(arguments)


def run(options):
    """Prints the report; returns the exit code."""
    from data import check  # here, for it brings TensorFlow, which --help does without
    from tokenization import Tokenizer  # here, as check

    if not os.path.isdir(options.leopard_dir):
        raise UserError("--leopard_dir: %s is not a directory." % options.leopard_dir)
    if options.max_seq_length < 5:
        raise UserError("--max_seq_length=%d leaves no room for text: at least 5." % options.max_seq_length)
    chosen = [tasks.get_task(name) for name in options.tasks.split(",") if name]
    tokenizer = Tokenizer.from_file(options.vocab_file, options.do_lower_case) if options.vocab_file else None
    print(ROW % tuple(name for name, _ in COLUMNS), flush=True)
    reports = []
    for task in chosen:
        reports.append(check.check_task(task, options.leopard_dir, tokenizer, options.max_seq_length))
        print(table_row(task, reports[-1]), flush=True)
    for report in reports:
        print("\n" + report.task)
        for line in details(report):
            print("  " + line)
    unusable = [report.task for report in reports if not report.usable]
    print("\n%d of %d tasks can be used%s" % (
        len(reports) - len(unusable), len(reports), "; not: " + ", ".join(unusable) if unusable else ""))
    if options.json:
        with writing(options.json, "--json"):
            write_json(options.json, as_json(options, reports))
    return 1 if unusable else 0


def main(arguments=None):
    """Command line; returns the exit code."""
    return exit_code(lambda: run(parse(arguments)))


if __name__ == "__main__":
    sys.exit(main())
