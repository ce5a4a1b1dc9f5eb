#!/usr/bin/env python3
"""Measures how the cost of meta-training grows: what a task costs, what workers lose, what the record reader delivers.

  scripts/benchmarks/scale.py [--what=tasks,workers,reader] [--cases="L6 H384"] [--rounds=3] [--output=FILE]

tasks     a step's seconds and the process's peak memory against encoder, rows a task, tokens a row and tasks a step
workers   a step of one process on core 0; of two that know nothing of each other, on cores 0 and 1; of two workers of
          one run (TF_CONFIG) on these cores. The last less the second is what communication takes
reader    the time in which data/meta_tasks.py reads a task on one core, and opening a file for each of its records

Weights are random, all rows of a case equally long, the settings those of presets/hybrid_smlmt_metatrain.flags: 8
support batches, which are eight ninths of a task's rows, and query rows. Medians, with the least and the largest in
brackets.
"""
import contextlib
import json
import os
import socket
import statistics
import sys
import tempfile
import time
from typing import NamedTuple

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

import numpy as np
from side_process import SideProcess

import meta_learner
from command_line import program_flags, settings
from data import meta_tasks, records
from runtime.arguments import Parser, check_counts
from runtime.compat import tf
from runtime.errors import UserError, exit_code
from runtime.files import write_json
from runtime.paths import PRESETS

ENDLESS = 10**6  # epochs, and steps between checkpoints: more than any measurement gets to
COLUMNS = 128
VOCABULARY = 28996
SMALL = dict(num_hidden_layers=6, hidden_size=384, intermediate_size=1536)
BASE = dict(num_hidden_layers=12, hidden_size=768, intermediate_size=3072)
ENCODERS = {
    name: dict(
        sizes, vocab_size=VOCABULARY, num_attention_heads=12, max_position_embeddings=512, type_vocab_size=2,
        hidden_act="gelu", initializer_range=0.02, hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1,
    )
    for name, sizes in (("L6 H384", SMALL), ("L12 H768", BASE))
}


class Case(NamedTuple):
    """A workload."""

    encoder: str
    rows: int = 90  # a task
    tokens: int = 32  # a row
    tasks: int = 1  # a step and process

    def __str__(self):
        return "%s, %d rows of %d tokens a task, %d tasks a step" % self


TASK_CASES = [
    Case("L6 H384"), Case("L6 H384", rows=45), Case("L6 H384", rows=180), Case("L6 H384", tokens=128),
    Case("L6 H384", tasks=2), Case("L6 H384", tasks=4), Case("L12 H768"), Case("L12 H768", tasks=2),
]
WORKER_CASES = [Case("L6 H384"), Case("L12 H768")]
READ_TASKS = 200


class Bench:
    """Where the workloads lie, and how often each is measured."""

    def __init__(self, folder, options):
        self.folder, self._options = folder, options

    def chosen(self, cases):
        """Those of the cases that were asked for; UserError where there are none."""
        found = [case for case in cases if self._options.cases in str(case)]
        if not found:
            raise UserError("--cases=%s: there are %s." % (self._options.cases, "; ".join(map(str, cases))))
        return found

    def flags(self, case, processes=1):
        """Flags of the main program for a case."""
        config, data = self.encoder(case.encoder), self.records(case)
        support = case.rows * 8 // 9
        return [
            "--flagfile=" + os.path.join(PRESETS, "hybrid_smlmt_metatrain.flags"), "--bert_config_file=" + config,
            "--init_checkpoint=", "--data_dir=" + os.path.dirname(data), "--task_train_files=" + os.path.basename(data),
            "--train_batch_size=%d" % case.rows, "--meta_batchsz=%d" % support, "--num_gpus=%d" % processes,
            "--tasks_per_gpu=%d" % case.tasks, "--num_train_epochs=%d" % ENDLESS,
            "--save_checkpoints_steps=%d" % ENDLESS,
        ]

    def encoder(self, name):
        """Path of the configuration of an encoder of ENCODERS."""
        config = os.path.join(self.folder, name.replace(" ", "_") + ".json")
        write_json(config, ENCODERS[name])
        return config

    def records(self, case, tasks=10):
        """Path of a record file with tasks of a case."""
        folder = os.path.join(self.folder, "%d_%d_%d" % (case.rows, case.tokens, tasks))
        path = os.path.join(folder, "meta_pretrain_3.tf_record")
        if not os.path.exists(path):
            os.makedirs(folder)
            random, shape = np.random.RandomState(0), (case.rows * tasks, COLUMNS)
            mask = np.broadcast_to(np.arange(COLUMNS) < case.tokens, shape).astype(np.int32)
            ids = random.randint(1000, VOCABULARY, shape).astype(np.int32) * mask
            labels = np.arange(shape[0], dtype=np.int32) % 3
            records.write_records(path, records.Examples(ids, mask, 0 * mask, labels))
        return path

    def side(self, case, cores=None, processes=1, **more):
        """A SideProcess that does the steps of a case, on some cores where they are given, as "0"."""
        pinned = ["taskset", "-c", cores] if cores else []
        return SideProcess(pinned + self.command("meta", self.flags(case, processes)), **more)

    def command(self, kind, flags, options=()):
        """Command of a side of benchmark_tf.py with flags of the main program and options of its own."""
        script = os.path.join(ROOT, "scripts", "benchmarks", "benchmark_tf.py")
        steps = ["--steps=%d" % self._options.steps, "--warmup=3"]
        return [sys.executable, script, kind] + steps + list(options) + ["--"] + flags

    def seconds(self, sides):
        """Seconds a step of sides that work at once, [rounds], the slowest of them each; and their peak memory, MiB."""
        found, memory = [], 0.0
        try:
            for side in sides:
                side.wait_until_ready()
            for _ in range(self._options.rounds):
                for side in sides:
                    side.begin()
                answers = [side.end() for side in sides]
                found.append(max(answer["seconds"] / answer["units"] for answer in answers))
                memory = max(answer["peak_memory"] for answer in answers) / 2.0**20
        finally:
            for side in sides:
                side.close()
        return found, memory


def tasks(bench):
    """What a task costs."""
    for case in bench.chosen(TASK_CASES):
        seconds, memory = bench.seconds([bench.side(case, wait=False)])
        yield dict(case._asdict(), what="step", seconds=seconds, peak_mib=memory)


def workers(bench):
    """What two workers lose to each other."""
    for case in bench.chosen(WORKER_CASES):
        sent = 4.0 * trained_numbers(bench.flags(case)) / 1e6
        for what, start in (("one process", alone), ("two apart", apart), ("two workers", cluster)):
            seconds, memory = bench.seconds(start(bench, case))
            yield dict(case._asdict(), what=what, seconds=seconds, peak_mib=memory, gradient_mb=sent)


def alone(bench, case):
    """One process on a core."""
    return [bench.side(case, "0", wait=False)]


def apart(bench, case):
    """Two runs of one process, each on a core of its own."""
    return [bench.side(case, core, wait=False) for core in "01"]


def cluster(bench, case):
    """Two workers of one run, each on a core of its own."""
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        addresses = ["127.0.0.1:%d" % each.getsockname()[1] for each in (one, other)]
    place = [{"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}} for index in (0, 1)]
    return [
        bench.side(case, core, 2, environment={"TF_CONFIG": json.dumps(each)}, wait=False)
        for core, each in zip("01", place)
    ]


def trained_numbers(flags):
    """Numbers in the gradient of a step."""
    asked = program_flags.names_and_values(program_flags.parse(flags))
    with tf.Graph().as_default():
        config = settings.learner_settings(asked)
        variables = meta_learner.create_variables(settings.bert_settings(asked), config)
        return sum(variables[name].shape.num_elements() for name in meta_learner.trained_names(variables, config))


@contextlib.contextmanager
def one_core():
    """Keeps this process to one core, and gives it back all that it had: what is measured next needs them."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def reader(bench):
    """What one core reads."""
    case = Case("L6 H384")
    path = bench.records(case, READ_TASKS)
    opening, reading = [], []
    with one_core():
        for _ in range(3):
            begun = time.perf_counter()
            source = meta_tasks.TaskSource([path], case.rows, COLUMNS, VOCABULARY)
            opening.append((time.perf_counter() - begun) / source.sizes[0])
            begun = time.perf_counter()
            assert sum(1 for _ in source.tasks(range(READ_TASKS))) == READ_TASKS
            reading.append((time.perf_counter() - begun) / READ_TASKS)
    size = os.path.getsize(path) / (case.rows * READ_TASKS)
    yield dict(case._asdict(), what="reading a task", seconds=reading, bytes_a_record=size)
    yield dict(case._asdict(), what="opening, a record", seconds=opening, bytes_a_record=size)


WHAT = {each.__name__: each for each in (tasks, workers, reader)}


def shown(found):
    """A measurement in a line."""
    seconds = found["seconds"]
    text = "%s; %s: %.3g s (%.3g-%.3g)" % (
        Case(*[found[name] for name in Case._fields]), found["what"], statistics.median(seconds), min(seconds),
        max(seconds),
    )
    more = ["%s %.0f" % (name, found[name]) for name in ("peak_mib", "gradient_mb", "bytes_a_record") if name in found]
    return ", ".join([text] + more)


def run(options):
    """Measures, prints and writes."""
    unknown = [name for name in options.what.split(",") if name not in WHAT]
    if unknown:
        raise UserError("--what=%s: choose from %s." % (unknown[0], ", ".join(WHAT)))
    check_counts(options, ("rounds", "steps"))
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.what.split(","):
            for found in WHAT[name](Bench(folder, options)):
                print(shown(found), flush=True)
                results.append(found)
                os.makedirs(os.path.dirname(os.path.abspath(options.output)), exist_ok=True)
                write_json(options.output, results)


def add_options(parser, steps, output):
    """Adds the options that every program over cases has; `steps` and `output` are their defaults."""
    parser.add_argument("--cases", default="", help='words, as "H768": only the cases with them')
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each measurement (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=steps, help="steps a round (default: %(default)s)")
    parser.add_argument("--output", default=output, help="where the numbers go (default: %(default)s)")


def main():
    parser = Parser(description=__doc__)
    parser.add_argument("--what", default=",".join(WHAT), help="what to measure (default: %(default)s)")
    add_options(parser, steps=2, output="output/scale.json")
    return exit_code(lambda: run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
