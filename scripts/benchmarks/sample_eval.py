#!/usr/bin/env python3
"""Copies LEOPARD tasks with fewer evaluation rows, for comparisons of many runs on a small machine.

  scripts/benchmarks/sample_eval.py --leopard_dir=DIR --tasks=airline,conll --output_dir=DIR_800

The training files are the same; of the evaluation file at most --rows rows stay, drawn with --seed, in their order.
"""
import json
import os
import shutil
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

from data import splits, tasks
from runtime.arguments import Parser
from runtime.errors import UserError, exit_code, writing
from runtime.files import atomic_file


def read(path):
    """The rows of a JSON file; UserError when it is none."""
    try:
        with open(path, encoding="utf-8") as file:
            rows = json.load(file)
    except (OSError, ValueError) as error:
        raise UserError("%s cannot be read (%s): fetch it again." % (path, error)) from None
    if not isinstance(rows, list):
        raise UserError("%s holds no JSON list of rows: fetch it again." % path)
    return rows


def copy(task, options):
    """Writes the files of a task; returns (rows of the new evaluation file, rows of the old one)."""
    source = tasks.require(task.json_file(options.leopard_dir, "eval"))
    target = os.path.join(options.output_dir, "data", "json", task.name)
    if os.path.realpath(target) == os.path.realpath(os.path.dirname(source)):
        raise UserError("--output_dir: %s is where the data are: choose another folder." % options.output_dir)
    rows = read(source)
    kept = splits.some(rows, options.rows, options.seed)
    with writing(target):
        os.makedirs(target, exist_ok=True)
        with atomic_file(os.path.join(target, os.path.basename(source))) as file:
            json.dump(kept, file)
        for k in tasks.PUBLIC_SHOTS:
            for split in tasks.PUBLIC_SPLITS:
                path = task.json_file(options.leopard_dir, "train", split, k)
                if os.path.exists(path):
                    shutil.copy(path, target)
    return len(kept), len(rows)


def run(options):
    """Writes the copy; prints the tasks' sizes."""
    for name, least in (("rows", 1), ("seed", 0)):
        if not least <= getattr(options, name) < 2 ** 32:
            raise UserError("--%s=%d: from %d to %d." % (name, getattr(options, name), least, 2 ** 32 - 1))
    for task in list(map(tasks.get_task, options.tasks.split(","))):  # all names first
        print("%s: %d of %d evaluation rows" % ((task.name,) + copy(task, options)))


def main():
    parser = Parser(description=__doc__)
    parser.add_argument("--leopard_dir", required=True, help="folder of the LEOPARD data")
    parser.add_argument("--tasks", required=True, help="comma-separated")
    parser.add_argument("--rows", type=int, default=800, help="evaluation rows of a task, at most (default: 800)")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument("--output_dir", required=True, help="folder of the copy")
    return exit_code(lambda: run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
