#!/usr/bin/env python3
"""Measures what a GPU makes of a step of fine-tuning and of meta-training, beside the processors of the machine.

  scripts/benchmarks/gpu.py [--cases="L12 H768"] [--sides=CPU,GPU,tf32] [--rounds=3] [--steps=10] [--output=FILE]

Weights are random, the settings those of presets/hybrid_smlmt_finetune.flags (12 rows a step) and
hybrid_smlmt_metatrain.flags (tasks of 90 rows, as scripts/benchmarks/scale.py has them). The sides of a case are
processes that are started together, share the card and take turns. Medians, with the least and the largest in brackets.
Whether the numbers are the same on the GPU is told by `scripts/test.sh tests/test_golden.py`.
"""
import collections
import os
import statistics
import sys
import tempfile
from typing import NamedTuple

import numpy as np
import scale
from side_process import SideProcess, in_turns

from data.records import SCHEMA
from runtime.arguments import Parser, check_counts
from runtime.errors import UserError, exit_code
from runtime.files import write_json
from runtime.paths import PRESETS
from runtime.sessions import gpus

HIDDEN = {"CUDA_VISIBLE_DEVICES": "-1"}  # environment of a process that is to see no GPU
SIDES = collections.OrderedDict(
    [
        ("GPU", []), ("tf32", ["--tf32"]), ("amp", ["--amp"]), ("xla", ["--xla"]),
        ("reference", ["--reference_mode"]), ("CPU", []),
    ]
)  # {side: flags}; the times of the others are compared with the first's
ROWS = 24  # of a fine-tuning task
CLASSES = 3


class Tuning(NamedTuple):
    """Fine-tuning with 12 rows a step."""

    encoder: str
    least: int  # tokens a row
    most: int

    def __str__(self):
        return "%s, fine-tuning step, rows of %d to %d tokens" % self


CASES = [
    Tuning("L6 H384", 5, 42), Tuning("L12 H768", 5, 42), Tuning("L12 H768", 73, 128),
    scale.Case("L6 H384"), scale.Case("L12 H768"), scale.Case("L12 H768", tokens=128),
    scale.Case("L6 H384", tasks=4), scale.Case("L12 H768", tasks=4),
]


class Workloads(scale.Bench):
    """scale.Bench that knows fine-tuning too."""

    def command_of(self, case, more):
        """Command of a SideProcess that does the steps of a case, with more flags."""
        if not isinstance(case, Tuning):
            return self.command("meta", self.flags(case) + more)
        config = self.encoder(case.encoder)
        flags = [
            "--flagfile=" + os.path.join(PRESETS, "hybrid_smlmt_finetune.flags"), "--bert_config_file=" + config,
            "--init_checkpoint=", "--train_batch_size=12", "--num_train_epochs=%d" % scale.ENDLESS,
        ]
        return self.command("finetune", flags + more, ["--texts=" + self._texts(case)])

    def _texts(self, case):
        """Path of a .npz with token ids of a fine-tuning task's rows."""
        random, shape = np.random.RandomState(0), (ROWS, scale.COLUMNS)
        lengths = np.linspace(case.least, case.most, ROWS).astype(int)
        mask = (np.arange(scale.COLUMNS) < random.permutation(lengths)[:, None]).astype(np.int32)
        ids = random.randint(1000, scale.VOCABULARY, shape).astype(np.int32) * mask
        columns = dict(
            input_ids=ids, input_mask=mask, segment_ids=0 * mask, label_ids=np.arange(ROWS, dtype=np.int32) % CLASSES
        )
        path = os.path.join(self.folder, "texts_%d_%d.npz" % (case.least, case.most))
        np.savez(path, num_labels=CLASSES, **{"train_%s" % field.name: columns[field.name] for field in SCHEMA})
        return path


def take_turns(bench, case, names, rounds):
    """{side: seconds a step, [rounds]} of a case."""
    sides = collections.OrderedDict()
    try:
        for name in names:
            environment = HIDDEN if name == "CPU" else {}
            sides[name] = SideProcess(bench.command_of(case, SIDES[name]), environment, wait=False)
        for side in sides.values():
            side.wait_until_ready()
        return in_turns(sides, rounds)
    finally:
        for side in sides.values():
            side.close()


def shown(case, found):
    """The lines of a case."""
    first = statistics.median(next(iter(found.values())))
    lines = [str(case)]
    for name, seconds in found.items():
        middle = statistics.median(seconds)
        lines.append(
            "  %-10s %.4f s (%.4f-%.4f), %.2f times %s"
            % (name, middle, min(seconds), max(seconds), middle / first, next(iter(found)))
        )
    return "\n".join(lines)


def run(options):
    """Measures, prints and writes."""
    check_counts(options, ("rounds", "steps"))
    names = options.sides.split(",")
    unknown = [name for name in names if name not in SIDES]
    if unknown:
        raise UserError("--sides=%s: choose from %s." % (unknown[0], ", ".join(SIDES)))
    if not gpus() and names != ["CPU"]:
        raise UserError("TensorFlow sees no GPU here (scripts/setup_env.sh --with=gpu): --sides=CPU measures without.")
    results = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Workloads(folder, options)
        for case in bench.chosen(CASES):
            found = take_turns(bench, case, names, options.rounds)
            print(shown(case, found), flush=True)
            results.append({"case": str(case), "seconds": found})
            os.makedirs(os.path.dirname(os.path.abspath(options.output)), exist_ok=True)
            write_json(options.output, results)


def main():
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--sides", default="GPU,tf32,amp,CPU", help="what to compare, of %s (default: %%(default)s)" % ", ".join(SIDES)
    )
    scale.add_options(parser, steps=10, output="output/gpu.json")
    return exit_code(lambda: run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
