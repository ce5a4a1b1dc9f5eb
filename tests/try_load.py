"""Measures what much work costs with a tiny encoder: time, also of the processors, and memory at its peak.

  python tests/try_load.py --work=FOLDER predict LINES | fit ROWS CLASSES [EPOCHS] | fits COUNT | tables RUNS

`predict` labels lines, `fit` trains a FewShotClassifier, `fits` trains many, of 3 and 4 classes in turn, and tells
what the process holds after each, and `tables` makes the tables of runs of 5 models, 10 tasks and 4 sizes.
"""
import argparse
import os
import pathlib
import resource
import shutil
import sys
import time

import numpy as np
import result_files
import try_programs
from programs import MAIN

WORDS = 8  # of a text


def texts_of(inputs, count):
    """Random texts of words that the encoder knows."""
    with open(os.path.join(inputs, "vocab.txt")) as file:
        words = file.read().split()[5:]
    random = np.random.RandomState(0)
    return [" ".join(random.choice(words, WORDS)) for _ in range(count)]


def fitted(inputs, rows, classes, epochs=None):
    """A FewShotClassifier, trained on so many random texts."""
    from smlmt import FewShotClassifier

    labels = ["label%d" % (row % classes) for row in range(rows)]
    classifier = FewShotClassifier(inputs + "/run/model", epochs=epochs, progress=False, label_names=None)
    return classifier.fit(texts_of(inputs, rows), labels)


def predict(inputs, lines):
    """Labels lines in this process."""
    path = os.path.join(inputs, "%d.txt" % lines)
    with open(path, "w") as file:
        file.writelines(text + "\n" for text in texts_of(inputs, lines))
    sys.argv = [MAIN, "--do_predict", "--model_dir=%s/run/model" % inputs, "--predict_file=" + path,
                "--output_dir=%s/predicted%d" % (inputs, lines)]
    import runpy

    try:
        runpy.run_path(MAIN, run_name="__main__")
    except SystemExit as end:
        assert not end.code, end


def fits(inputs, count):
    """Trains on 3 and 4 classes in turn."""
    for number in range(count):
        fitted(inputs, 8, 3 + number % 2, 1)
        with open("/proc/self/statm") as file:
            held = int(file.read().split()[1]) * resource.getpagesize()
        print("fit %d: %.1f MB" % (number, held / 1e6), flush=True)


def put_runs(folder, runs):
    """Writes results files of so many runs, anew."""
    shutil.rmtree(folder, ignore_errors=True)
    random = np.random.RandomState(0)
    for number in range(runs):
        rest, model = divmod(number, 5)
        rest, task = divmod(rest, 10)
        split, size = divmod(rest, 4)
        name = "model%d/task%d/%d/%d" % (model, task, (4, 8, 16, 32)[size], split)
        result_files.put(pathlib.Path(folder), name, result_files.content(int(random.randint(40, 90))))


def tables(folder):
    """Makes the tables of the runs in a folder."""
    import make_tables

    print(make_tables.run(make_tables.parse(["--results_dir=" + folder, "--output_dir=%s_tables" % folder])))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True)
    parser.add_argument("what", choices=["predict", "fit", "fits", "tables"])
    parser.add_argument("numbers", type=int, nargs="+")
    options = parser.parse_args()
    work = os.path.abspath(options.work)
    if options.what == "tables":
        place, numbers = os.path.join(work, "runs"), []
        put_runs(place, *options.numbers)
    else:
        place, numbers = try_programs.inputs_of(work, with_runs=True), options.numbers
    begun, clock = time.process_time(), time.monotonic()
    {"predict": predict, "fit": fitted, "fits": fits, "tables": tables}[options.what](place, *numbers)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print("%s %s: %.1f s of the processors in %.1f s, %.0f MB at the peak"
          % (options.what, options.numbers, time.process_time() - begun, time.monotonic() - clock, peak * 1024 / 1e6))


if __name__ == "__main__":
    main()
