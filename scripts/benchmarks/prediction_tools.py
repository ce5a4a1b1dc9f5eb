#!/usr/bin/env python3
"""Predictions from start to exit, sides in turns: TensorFlow, onnxruntime, its 8-bit form, transformers, SetFit.

  scripts/benchmarks/prediction_tools.py --model_dir=output/airline/model --texts=airline.txt \\
      --train=airline_train.csv --setfit_python=setfit/bin/python --rounds=3

--model_dir is a run's model (./run_finetune.sh --train airline_train.csv), --texts what is predicted, a text a line;
its first line is predicted alone too. SetFit is trained on --train before, with its defaults on the small encoder; the
side "transformers" is its tokenizer before onnxruntime and our graph, batches of 32 in order. Prints seconds and labels
that differ from TensorFlow's. Needs onnx (scripts/setup_env.sh --with=onnx). Exit code 2: a mistake.
"""
import collections
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

from runtime.arguments import Parser, check_counts
from runtime.errors import UserError, exit_code

SIDE = os.path.join(ROOT, "scripts", "benchmarks", "prediction_side.py")
FIRST = "tensorflow"


def run_to_end(command):
    """Seconds of a command; UserError with its last lines when it fails."""
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise UserError("%s: %s" % (" ".join(command), done.stdout.decode("utf-8", "replace")[-800:]))
    return time.perf_counter() - begun


def prepared(options, folder):
    """{side: function (texts, out) -> command}; exports graphs and trains SetFit."""

    def script(*words):
        return [sys.executable, os.path.join(ROOT, "scripts", words[0])] + list(words[1:])

    def ours(graph):
        return lambda texts, out: [sys.executable, "-m", "smlmt.predict", graph, texts, "--output=" + out]

    model = "--model_dir=" + options.model_dir
    graphs = {name: os.path.join(folder, name) for name in ("float", "int8")}
    run_to_end(script("export_onnx.py", model, "--output_dir=" + graphs["float"]))
    run_to_end(script("export_onnx.py", model, "--output_dir=" + graphs["int8"], "--quantize"))
    main_program = [sys.executable, os.path.join(ROOT, "run_classifier_multitask.py"), "--do_predict", model]
    main_program.append("--output_dir=" + folder)
    sides = collections.OrderedDict([
        (FIRST, lambda texts, out: main_program + ["--predict_file=" + texts, "--output=" + out]),
        ("onnxruntime", ours(graphs["float"])),
        ("8-bit", ours(graphs["int8"])),
    ])
    if options.setfit_python:
        encoder, trained = os.path.join(folder, "encoder"), os.path.join(folder, "setfit")
        run_to_end(script("convert_checkpoint.py", "--input=" + options.encoder, "--output_dir=" + encoder,
                          "--do_lower_case"))
        foreign = [options.setfit_python, SIDE]
        run_to_end(foreign + ["train-setfit", encoder, options.train, trained])
        sides["transformers"] = lambda texts, out: foreign + ["transformers", encoder, texts, out, graphs["float"]]
        sides["setfit"] = lambda texts, out: foreign + ["setfit", trained, texts, out]
    return sides


def labels_of(path, side):
    """Predicted labels of a side's output, [rows]: names of ours, else as they stand."""
    with open(path, encoding="utf-8", newline="") as file:
        if side in ("transformers", "setfit"):
            return file.read().splitlines()
        return [row["prediction"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def compare(options, sides, texts, folder):
    """{side: (seconds of each round, predicted labels)}"""
    outputs = {side: os.path.join(folder, side + ".tsv") for side in sides}
    seconds = {side: [] for side in sides}
    for _ in range(options.rounds):
        for side, command in sides.items():
            seconds[side].append(run_to_end(command(texts, outputs[side])))
    return {side: (seconds[side], labels_of(outputs[side], side)) for side in sides}


def show(name, found):
    """Prints a table."""
    print("\n%s, seconds from start to exit" % name)
    expected = found[FIRST][1]
    for side, (seconds, labels) in found.items():
        differ = sum(one != other for one, other in zip(labels, expected))
        told = "" if side in ("transformers", "setfit") else "   %d labels differ" % differ
        print("  %-14s %7.2f (%.2f to %.2f)%s" % (side, statistics.median(seconds), min(seconds), max(seconds), told),
              flush=True)


def run(options):
    """Prepares the sides and shows both tables."""
    check_counts(options, ["rounds"])
    with open(options.texts, encoding="utf-8") as file:
        lines = file.read().splitlines()
    if options.setfit_python and not options.train:
        raise UserError("--setfit_python needs --train: rows that SetFit is trained on.")
    with tempfile.TemporaryDirectory() as folder:
        sides = prepared(options, folder)
        for name, chosen in (("1 line", lines[:1]), ("%d lines" % len(lines), lines)):
            texts = os.path.join(folder, "texts.txt")
            with open(texts, "w", encoding="utf-8") as file:
                file.write("".join(line + "\n" for line in chosen))
            show(name, compare(options, sides, texts, folder))


def main(arguments=None):
    """Command line; returns the exit code."""
    parser = Parser(description=__doc__)
    parser.add_argument("--model_dir", required=True, help="folder of the fine-tuned model")
    parser.add_argument("--texts", required=True, help="text a line, none blank")
    parser.add_argument("--train", help="rows that SetFit is trained on")
    parser.add_argument("--setfit_python", help="of an environment with requirements-setfit.txt and onnxruntime")
    parser.add_argument("--encoder", default=os.path.join(ROOT, "data/downloads/minilm"), help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    return exit_code(lambda: run(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
