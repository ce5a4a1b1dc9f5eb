#!/usr/bin/env python3
"""Measures this project's speed against other ways to do the same work; prints ratios, writes JSON and a plot.

  scripts/benchmarks/benchmark.py --what=finetune_step,evaluation --leopard_dir=DIR \\
      --reference_python=.venv-reference/bin/python --torch_python=TORCH_ENVIRONMENT/bin/python

Sides of a comparison take turns in one run; each is a process of its own that is warmed up first. A side whose
interpreter is not given is left out. The first line of a table is what the ratios refer to.

Environments: scripts/setup_env.sh --with=bench (plot) for this program, requirements-bench-torch.txt for PyTorch, and
RUNTIME=reference scripts/setup_env.sh for the reference runtime. The encoder: python -m fetch minilm.
"""
import collections
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

SCRIPTS = os.path.dirname(os.path.abspath(__file__))
TENSORFLOW_SIDES = os.path.join(SCRIPTS, "benchmark_tf.py")
ROOT = os.path.dirname(os.path.dirname(SCRIPTS))
sys.path.insert(0, ROOT)

from runtime.arguments import check_counts
from runtime.errors import UserError, importing
from runtime.files import write_json

with importing(__name__):
    from runtime.compat import tf  # noqa: F401, I001 (first, for it checks the versions of Python and TensorFlow)

    from absl import flags

import numpy as np
from side_process import SideProcess, in_turns

from command_line import program
from data import (
    batching,
    encoding,
    records,
    tasks,
)
from data import text as text_files
from runs import results
from tokenization import Tokenizer

FLAGS = flags.FLAGS
flags.DEFINE_list("what", ["finetune_step", "evaluation"], "What to measure (WHAT below; an unknown name lists them).")
flags.DEFINE_list("tasks", "airline,sentiment_books,conll", "Tasks whose texts are used.")
flags.DEFINE_string("leopard_dir", os.environ.get("LEOPARD_DIR", ""), "Folder of the LEOPARD data.")
flags.DEFINE_string("encoder_dir", os.path.join(ROOT, "data/downloads/minilm"), "BERT checkpoint, config, vocabulary.")
flags.DEFINE_string("reference_python", None, "Interpreter of the reference runtime.")
flags.DEFINE_string("torch_python", None, "Interpreter that has torch and transformers.")
flags.DEFINE_string("other_checkout", None, "Another checkout of this project, to compare with.")
flags.DEFINE_string("corpus", None, "English text, for the generator and records of natural length.")
flags.DEFINE_list("sides", None, "Only the sides whose names hold one of these words.")
flags.DEFINE_integer("rounds", 5, "Times that each side has its turn.")
flags.DEFINE_integer("steps", 10, "Steps a turn.")
flags.DEFINE_integer("warmup", 5, "Steps, or batches of evaluation, before the first turn.")
flags.DEFINE_integer("rows", 600, "Rows of an evaluation turn, spread over the file; prediction too.")
flags.DEFINE_integer("batch_size", 12, "Rows a step and a batch of evaluation.")
flags.DEFINE_integer("run_epochs", 450, "Epochs of the whole run.")
flags.DEFINE_integer("run_rows", 0, "Evaluation rows of the whole run; 0: all.")
flags.DEFINE_integer("sweep_splits", 10, "Splits of the sweep.")
flags.DEFINE_string("output_dir", "output/benchmark", "Where benchmark.json and benchmark.png go.")

MAX_SEQ_LENGTH = 128
SAME_STEPS = 1000000  # steps a measured loop never gets to

FIT = """
import csv, sys
sys.path.insert(0, sys.argv[1])
try:
    from smlmt import FewShotClassifier
except ImportError:  # of the name that it had first
    from few_shot_classifier import FewShotClassifier
rows = list(csv.DictReader(open(sys.argv[2], encoding="utf-8")))
FewShotClassifier().fit([row["text"] for row in rows], [row["label"] for row in rows])
"""

Measurement = collections.namedtuple("Measurement", ["name", "unit", "values"])  # values: {side: list of numbers}


# Sides.


def take_turns(commands):
    """Seconds a unit of every side, [rounds] each; the sides take turns.

    Args:
      commands: {side: command}.
    """
    sides = collections.OrderedDict((name, SideProcess(command)) for name, command in commands.items())
    try:
        return in_turns(sides, FLAGS.rounds)
    finally:
        for side in sides.values():
            side.close()


def wall_times(commands, rounds):
    """Seconds from start to exit of every command, [rounds] each, taking turns."""
    values = collections.OrderedDict((name, []) for name in commands)
    for _ in range(rounds):
        for name, command in commands.items():
            values[name].append(timed(command)[0])
    return values


def timed(command):
    """(seconds, peak bytes) of a command, from start to exit."""
    with tempfile.TemporaryFile("w+") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        if status:
            output.seek(0)
            raise UserError("a side of the benchmark failed: %s: %s" % (" ".join(command), output.read()[-2000:]))
    return seconds, usage.ru_maxrss * 1024


def tensorflow_side(python, kind, arguments=(), program_flags=(), script=TENSORFLOW_SIDES):
    options = ["--steps=%d" % FLAGS.steps, "--warmup=%d" % FLAGS.warmup]
    return [python, script, kind] + options + list(arguments) + ["--"] + list(program_flags)


def other_side(kind, arguments, program_flags):
    """[(name, command)] of the same work by --other_checkout, none without it."""
    if not FLAGS.other_checkout:
        return []
    places = [os.path.join(FLAGS.other_checkout, "scripts", folder, "benchmark_tf.py") for folder in ("benchmarks", "")]
    script = next((place for place in places if os.path.exists(place)), None)
    if script is None:
        raise UserError("--other_checkout: no scripts/benchmarks/benchmark_tf.py in %s." % FLAGS.other_checkout)
    return [("fast, modern, other checkout", tensorflow_side(sys.executable, kind, arguments, program_flags, script))]


def torch_side(kind, arguments):
    options = ["--steps=%d" % FLAGS.steps, "--warmup=%d" % FLAGS.warmup, "--batch_size=%d" % FLAGS.batch_size]
    script = os.path.join(SCRIPTS, "benchmark_torch.py")
    return [FLAGS.torch_python, script, kind, "--bert_config_file=" + encoder("bert_config.json")] + options + arguments


def main_program(python, program_flags):
    return [python, os.path.join(ROOT, "run_classifier_multitask.py")] + program_flags


def encoder(name):
    return os.path.join(FLAGS.encoder_dir, name)


def encoder_flags():
    return [
        "--init_checkpoint=" + encoder("bert_model.ckpt"),
        "--bert_config_file=" + encoder("bert_config.json"),
        "--vocab_file=" + encoder("vocab.txt"),
        "--do_lower_case",
    ]


def finetune_flags(epochs):
    return encoder_flags() + [
        "--flagfile=" + os.path.join(ROOT, "presets", "hybrid_smlmt_finetune.flags"),
        "--num_train_epochs=%d" % epochs,
        "--train_batch_size=%d" % FLAGS.batch_size,
        "--eval_batch_size=%d" % FLAGS.batch_size,
        "--predict_batch_size=%d" % FLAGS.batch_size,
    ]


def chosen(commands):
    """The sides that were asked for and whose interpreter is known."""
    return collections.OrderedDict(
        (name, command)
        for name, command in commands
        if command[0] and (not FLAGS.sides or any(word in name for word in FLAGS.sides))
    )


# Texts.


def task_file(task, part):
    """Path of a task's text: its k = 4 training file of split 0, or its evaluation file; UserError without it."""
    which = {"train": (0, 4), "eval": ()}[part]
    return tasks.require(tasks.get_task(task).json_file(FLAGS.leopard_dir, part, *which))


def write_texts(task, path):
    """Token ids of a task's training and evaluation rows, and the batches of fine-tuning, as .npz."""
    labels = list(tasks.get_task(task).labels)
    tokenizer = Tokenizer.from_file(encoder("vocab.txt"), True)
    arrays = {"num_labels": len(labels)}
    for part in ("train", "eval"):
        source = task_file(task, part)
        rows = text_files.read_text(source)
        if part == "eval" and FLAGS.rows < len(rows):
            rows = [rows[i] for i in np.linspace(0, len(rows) - 1, FLAGS.rows).astype(int)]
        encoded = encoding.encode(rows, tokenizer, labels, MAX_SEQ_LENGTH, source=source)
        arrays.update({"%s_%s" % (part, f.name): getattr(encoded, f.name) for f in records.SCHEMA})
        lengths = encoded.input_mask.sum(1)
        print("%s, %s rows: %.1f tokens on average, %d at most" % (task, part, lengths.mean(), lengths.max()))
    batches = list(batching.finetune_batches(len(arrays["train_label_ids"]), FLAGS.batch_size, 1000, 0))
    arrays["batches"], arrays["batch_ends"] = np.concatenate(batches), np.cumsum([len(batch) for batch in batches])
    np.savez(path, **arrays)


# Comparisons: each yields Measurements.


def finetune_step(folder):
    for task in FLAGS.tasks:
        texts = texts_of(task, folder)
        ours = finetune_flags(SAME_STEPS)
        yield Measurement(
            "fine-tuning step, %s" % task,
            "seconds a step",
            take_turns(chosen(rounds_of("finetune", texts, ours) + [
                ("bare forward and backward, modern", tensorflow_side(sys.executable, "bare", texts, ours)),
            ])),
        )


def evaluation(folder):
    for task in FLAGS.tasks:
        values = take_turns(chosen(rounds_of("evaluate", texts_of(task, folder), finetune_flags(1))))
        yield Measurement("evaluation, %s" % task, "seconds a row", values)


def texts_of(task, folder):
    path = os.path.join(folder, task + ".npz")
    if not os.path.exists(path):
        write_texts(task, path)
    return ["--texts=" + path]


def rounds_of(kind, texts, program_flags):
    """[(side, command)] of a kind of work that all sides can do."""
    reference = program_flags + ["--reference_mode"]
    return [
        ("fast, modern", tensorflow_side(sys.executable, kind, texts, program_flags)),
    ] + other_side(kind, texts, program_flags) + [
        ("fast, reference runtime", tensorflow_side(FLAGS.reference_python, kind, texts, program_flags)),
        ("--amp, modern", tensorflow_side(sys.executable, kind, texts, program_flags + ["--amp"])),
        ("reference mode, modern", tensorflow_side(sys.executable, kind, texts, reference)),
        ("reference mode, reference runtime", tensorflow_side(FLAGS.reference_python, kind, texts, reference)),
        ("PyTorch, dynamic padding", torch_side(kind, texts)),
        ("PyTorch, padded", torch_side(kind, texts + ["--padded"])),
    ]


def prediction(folder):
    """The prediction program from start to exit, on lines of the first task's evaluation text."""
    task = FLAGS.tasks[0]
    rows = text_files.read_text(task_file(task, "eval"))[: FLAGS.rows]
    lines = os.path.join(folder, "lines.txt")
    with open(lines, "w", encoding="utf-8") as file:
        file.write("".join("%s\n" % " ".join(row.text_a.split()) for row in rows))
    train, evaluation_file = task_file(task, "train"), os.path.join(folder, "few.json")
    with open(evaluation_file, "w", encoding="utf-8") as file:
        json.dump(json.load(open(task_file(task, "eval"), encoding="utf-8"))[:20], file)
    commands = []
    for python, mode, name in (
        (sys.executable, [], "fast, modern"),
        (FLAGS.reference_python, [], "fast, reference runtime"),
        (FLAGS.reference_python, ["--reference_mode"], "reference mode, reference runtime"),
    ):
        if not python:
            continue
        output = output_of(folder, name)
        timed(
            main_program(
                python,
                finetune_flags(1) + mode + ["--do_eval", "--task_name=" + task, "--output_dir=" + output]
                + ["--task_eval_files=%s,%s" % (train, evaluation_file)],
            )
        )
        predict = ["--do_predict", "--model_dir=%s/model" % output, "--output_dir=" + output, "--predict_file=" + lines]
        commands.append((name, main_program(python, finetune_flags(1) + predict)))
    arguments = ["--predict=" + lines, "--vocab_file=" + encoder("vocab.txt")]
    commands.append(("PyTorch, dynamic padding", torch_side("predict", arguments)))
    yield Measurement(
        "prediction of %d lines, start to exit" % len(rows), "seconds", wall_times(chosen(commands), FLAGS.rounds)
    )


def whole_run(folder):
    """Fine-tuning and evaluation of the first task from start to exit."""
    task = FLAGS.tasks[0]
    files = [task_file(task, "train"), task_file(task, "eval")]
    if FLAGS.run_rows:
        rows = json.load(open(files[1], encoding="utf-8"))[: FLAGS.run_rows]
        files[1] = os.path.join(folder, "rows.json")
        with open(files[1], "w", encoding="utf-8") as file:
            json.dump(rows, file)
    common = finetune_flags(FLAGS.run_epochs) + ["--do_eval", "--task_name=" + task, "--overwrite"]
    common += ["--task_eval_files=" + ",".join(files)]
    name = "whole run of %s, %d epochs, %s evaluation rows" % (task, FLAGS.run_epochs, FLAGS.run_rows or "all")
    yield Measurement(name, "seconds", wall_times(run_commands(folder, common), 1))


def run_commands(folder, program_flags):
    """{side: command} of a run of the main program."""
    return chosen(
        (name, main_program(python, program_flags + mode + ["--output_dir=" + output_of(folder, name)]))
        for name, python, mode in (
            ("fast, modern", sys.executable, []),
            ("fast, reference runtime", FLAGS.reference_python, []),
            ("reference mode, reference runtime", FLAGS.reference_python, ["--reference_mode"]),
        )
    )


def output_of(folder, side):
    return os.path.join(folder, side.replace(" ", "_"))


def short_run(folder):
    """41 steps on the first task's records and evaluation of 240, start to exit."""
    task, files = FLAGS.tasks[0], []
    tokenizer, labels = Tokenizer.from_file(encoder("vocab.txt"), True), list(tasks.get_task(task).labels)
    for part in ("train", "eval"):
        source = task_file(task, part)
        rows = encoding.encode(text_files.read_text(source)[:240], tokenizer, labels, MAX_SEQ_LENGTH, source=source)
        files.append(os.path.join(folder, part + ".tf_record"))
        records.write_records(files[-1], rows)
        if part == "train":
            epochs = 40 * FLAGS.batch_size // rows.size
    common = finetune_flags(epochs) + ["--do_eval", "--task_name=" + task, "--overwrite"]
    commands = run_commands(folder, common + ["--task_eval_files=" + ",".join(files)])
    yield Measurement("41 steps and 240 evaluations, start to exit", "seconds", wall_times(commands, FLAGS.rounds))


def quick_start(folder):
    """The quick start, start to exit."""
    sides = {
        name: [sys.executable, os.path.join(checkout, "scripts", "finetune.py"), "--overwrite",
               "--output_dir=" + output_of(folder, name)]
        for name, checkout in checkouts().items()
    }
    yield Measurement("quick start, start to exit", "seconds", wall_times(sides, FLAGS.rounds))


def fit(folder):
    """FewShotClassifier.fit of the sample's 64 rows, start to exit."""
    del folder
    rows = os.path.join(ROOT, "data", "sample", "train.csv")
    sides = {name: [sys.executable, "-I", "-c", FIT, checkout, rows] for name, checkout in checkouts().items()}
    yield Measurement("FewShotClassifier().fit, start to exit", "seconds", wall_times(sides, FLAGS.rounds))


def checkouts():
    """{side: folder} of this checkout and --other_checkout."""
    sides = collections.OrderedDict([("this checkout", ROOT)])
    if FLAGS.other_checkout:
        sides["other checkout"] = FLAGS.other_checkout
    return sides


def sweep(folder):
    """All splits of the first task with the small encoder: one process, and a command for each."""
    task, splits = FLAGS.tasks[0], FLAGS.sweep_splits
    environment = ["env", "ENCODER=minilm", "LEOPARD_DIR=" + os.path.abspath(FLAGS.leopard_dir)]

    def script(name, *arguments):
        return environment + [sys.executable, os.path.join(ROOT, "scripts", name)] + list(arguments)

    output = os.path.join(folder, "sweep")
    chosen_runs = ["--models=minilm-smlmt", "--tasks=" + task, "--ks=4", "--splits=0-%d" % (splits - 1)]
    together = timed(script("reproduce_tables.py", "--encoder=minilm", "--output_dir=" + output, *chosen_runs))[0]
    apart = sum(
        timed(script("finetune.py", task, str(split), "4", "--output_dir=%s/alone_%d" % (folder, split)))[0]
        for split in range(splits)
    )
    values = collections.OrderedDict([("one process", [together]), ("a command for each split", [apart])])
    yield Measurement("%d splits of %s, k=4, start to exit" % (splits, task), "seconds", values)


def meta_flags(data, batches=8):
    support = 10 * batches
    return encoder_flags() + [
        "--flagfile=" + os.path.join(ROOT, "presets", "hybrid_smlmt_metatrain.flags"),
        "--data_dir=" + os.path.dirname(data),
        "--task_train_files=" + os.path.basename(data),
        "--num_gpus=1",
        "--num_batches=%d" % batches,
        "--meta_batchsz=%d" % support,
        "--train_batch_size=%d" % (support + 10),
        "--num_train_epochs=%d" % SAME_STEPS,
        "--save_checkpoints_steps=%d" % SAME_STEPS,
    ]


def full_records(folder):
    """SMLMT-like record file whose rows all are MAX_SEQ_LENGTH long."""
    path = os.path.join(folder, "full", "meta_pretrain_3.tf_record")
    if not os.path.exists(path):
        random, shape = np.random.RandomState(0), (900, MAX_SEQ_LENGTH)
        ids = random.randint(1000, 20000, shape).astype(np.int32)
        ones = np.ones(shape, np.int32)
        labels = np.tile(np.arange(3, dtype=np.int32), 300)
        records.write_records(path, records.Examples(ids, ones, 0 * ones, labels))
    return path


def natural_records(folder):
    """SMLMT record file of --corpus."""
    path = os.path.join(folder, "natural", "meta_pretrain_3.tf_record")
    if not os.path.exists(path):
        timed(generator_command(os.path.dirname(path), "3", 30))
        read = records.read_records(path, MAX_SEQ_LENGTH)
        print("SMLMT records of natural length: %.1f tokens on average" % read.input_mask.sum(1).mean())
    return path


def meta_commands(data, arguments=()):
    """{side: command} of meta-training."""
    return chosen(
        other_side("meta", arguments, meta_flags(data)) + [
        (name, tensorflow_side(python, "meta", arguments, meta_flags(data) + mode))
        for name, python, mode in (
            ("fast, modern", sys.executable, []),
            ("fast, reference runtime", FLAGS.reference_python, []),
            ("reference mode, modern", sys.executable, ["--reference_mode"]),
            ("reference mode, reference runtime", FLAGS.reference_python, ["--reference_mode"]),
            ("--amp, modern", sys.executable, ["--amp"]),
        )]
    )


def meta_step(folder):
    yield Measurement(
        "meta-training step, full length", "seconds a step", take_turns(meta_commands(full_records(folder)))
    )


def meta_step_natural(folder):
    yield Measurement(
        "meta-training step, natural length", "seconds a step", take_turns(meta_commands(natural_records(folder)))
    )


def meta_memory(folder):
    values = collections.OrderedDict()
    for batches in (3, 8):
        command = tensorflow_side(sys.executable, "meta", program_flags=meta_flags(full_records(folder), batches))
        side = SideProcess(command)
        values["%d inner batches" % batches] = [side.round()["peak_memory"] / 2.0**20]
        side.close()
    yield Measurement("peak memory of meta-training", "MiB", values)


def meta_startup(folder):
    """Seconds from the start of the process until the first meta-training step is done."""
    commands = meta_commands(full_records(folder), ["--warmup=1"])
    values = collections.OrderedDict((name, []) for name in commands)
    for _ in range(min(FLAGS.rounds, 3)):
        for name, command in commands.items():
            side = SideProcess(command)
            values[name].append(side.seconds_to_ready)
            side.close()
    yield Measurement("meta-training, start to first step", "seconds", values)


def generator_command(output_dir, classes, count):
    if not FLAGS.corpus:
        raise UserError("--corpus is needed: a file of English text.")
    return [
        sys.executable, os.path.join(ROOT, "scripts", "make_smlmt.py"),
        "--input=" + FLAGS.corpus, "--output_dir=" + output_dir,
        "--vocab_file=" + encoder("vocab.txt"), "--do_lower_case", "--classes=" + classes,
        "--tasks_per_class_count=%d" % count, "--workers=1", "--overwrite",
    ]


def generator(folder):
    """Records a minute of the SMLMT generator on one core, and its peak memory."""
    tasks_of_each = 300
    pinned = ["taskset", "-c", "0"] if shutil.which("taskset") else []
    seconds, memory = timed(pinned + generator_command(os.path.join(folder, "generated"), "2,3,4", tasks_of_each))
    made = 3 * tasks_of_each * 90
    size = os.path.getsize(FLAGS.corpus) / 1e6
    name = "generator on one core, corpus of %.0f MB, %d records" % (size, made)
    yield Measurement(name, "records a minute", {"start to exit": [60.0 * made / seconds]})
    yield Measurement(name, "MiB", {"peak memory": [memory / 2.0**20]})


def matmul_peak(folder):
    """Fraction of the machine's matrix-product peak that a fine-tuning step of full length reaches."""
    path = os.path.join(folder, "full.npz")
    random, shape = np.random.RandomState(0), (FLAGS.batch_size, MAX_SEQ_LENGTH)
    ids, ones = random.randint(1000, 20000, shape).astype(np.int32), np.ones(shape, np.int32)
    labels = np.arange(FLAGS.batch_size, dtype=np.int32) % 3
    rows = dict(input_ids=ids, input_mask=ones, segment_ids=0 * ones, label_ids=labels)
    np.savez(path, num_labels=3, **{"train_" + name: array for name, array in rows.items()})
    ours, texts = finetune_flags(SAME_STEPS), ["--texts=" + path]
    values = take_turns(chosen([
        ("matrix products", tensorflow_side(sys.executable, "matmul")),
        ("fast, modern", tensorflow_side(sys.executable, "finetune", texts, ours)),
        ("bare forward and backward, modern", tensorflow_side(sys.executable, "bare", texts, ours)),
    ]))
    with open(encoder("bert_config.json")) as file:
        config = json.load(file)
    work = {
        "matrix products": 1.0,
        "fast, modern": step_gflop(config, FLAGS.batch_size, MAX_SEQ_LENGTH, fast=True),
        "bare forward and backward, modern": step_gflop(config, FLAGS.batch_size, MAX_SEQ_LENGTH, fast=False),
    }
    print("GFLOP a step: %s" % ", ".join("%s %.1f" % item for item in work.items()))
    rates = collections.OrderedDict((name, [work[name] / s for s in seconds]) for name, seconds in values.items())
    yield Measurement("matrix products and full-length steps", "GFLOP/s", rates)


def step_gflop(config, batch, seq, fast):
    """GFLOP of the matrix products of one step: forward, gradients of activations and of weights.

    The fast path has warp layers, whose feed-forward weights get no gradient, and makes next to nothing in the last
    layer, of which one token a row is read.
    """
    hidden, inner, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    attention = 4 * hidden * hidden + 2 * seq * hidden  # multiplications a token: projections, scores and context
    feed_forward = 2 * hidden * inner
    if fast:
        return 2e-9 * batch * seq * (layers - 1) * (3 * attention + 2 * feed_forward)
    return 2e-9 * batch * seq * layers * 3 * (attention + feed_forward)


WHAT = collections.OrderedDict(
    (what.__name__, what)
    for what in (
        finetune_step, evaluation, prediction, whole_run, short_run, quick_start, fit, sweep, meta_step,
        meta_step_natural, meta_memory, meta_startup, generator, matmul_peak,
    )
)


# Results.


def show(comparison):
    """Prints a table; ratios are to its first line."""
    print("\n%s (%s)" % (comparison.name, comparison.unit))
    first = None
    for side, values in comparison.values.items():
        median = statistics.median(values)
        first = first or median
        print(
            "  %-36s %10.4g   (%.4g to %.4g)   %6.2f" % (side, median, min(values), max(values), median / first),
            flush=True,
        )


def save(comparisons):
    """Adds the comparisons to benchmark.json in --output_dir, in the place of earlier ones of their names."""
    os.makedirs(FLAGS.output_dir, exist_ok=True)
    path = os.path.join(FLAGS.output_dir, "benchmark.json")
    kept = []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            kept = json.load(file)
    new = [dict(c._asdict(), command=sys.argv[1:], runtime=results.versions()) for c in comparisons]
    names = {(entry["name"], entry["unit"]) for entry in new}
    entries = [entry for entry in kept if (entry["name"], entry["unit"]) not in names] + new
    write_json(path, entries)
    plot(entries, os.path.join(FLAGS.output_dir, "benchmark.png"))


def plot(entries, path):
    """Draws medians with their spread, a panel a comparison; says so and does nothing without matplotlib."""
    try:
        import matplotlib
    except ImportError:
        print("no plot: matplotlib is missing (scripts/setup_env.sh --with=bench)")
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    heights = [len(entry["values"]) + 1.5 for entry in entries]
    figure, axes = pyplot.subplots(
        len(entries), figsize=(9, 0.35 * sum(heights)), squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for axis, entry in zip(axes[:, 0], entries):
        for place, (side, values) in enumerate(entry["values"].items()):
            median = statistics.median(values)
            axis.barh(place, median, xerr=[[median - min(values)], [max(values) - median]], label=side)
        axis.set_yticks(range(len(entry["values"])))
        axis.set_yticklabels(list(entry["values"]))
        axis.invert_yaxis()
        axis.set_title("%s (%s)" % (entry["name"], entry["unit"]), fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def main(argv):
    if len(argv) > 1:
        raise UserError("unknown argument %s: flags begin with --." % argv[1])
    unknown = [what for what in FLAGS.what if what not in WHAT]
    if unknown:
        raise UserError("--what=%s: use some of %s." % (",".join(unknown), ",".join(WHAT)))
    check_counts(FLAGS, ("rounds", "steps", "rows", "batch_size", "run_epochs", "sweep_splits"))
    for name in ("leopard_dir", "encoder_dir", "reference_python", "torch_python", "corpus", "other_checkout"):
        path = FLAGS[name].value
        if path and os.path.exists(path):  # else it may be a program's name
            FLAGS[name].value = os.path.abspath(path)  # the sides work in ROOT
    if not os.path.exists(encoder("bert_config.json")):
        raise UserError("--encoder_dir: no encoder in %s (python -m fetch minilm)." % FLAGS.encoder_dir)
    done = []
    with tempfile.TemporaryDirectory() as folder:
        for what in FLAGS.what:
            for comparison in WHAT[what](folder):
                show(comparison)
                done.append(comparison)
                save(done)


def run_main(argv):
    try:
        main(argv)
    except UserError as error:
        print("error: %s" % error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    program.start(run_main)
