"""Tries every program under kills, two at once, full disks and the like; prints a table of programs, points and losses.

  python tests/try_programs.py --work=FOLDER [--programs=evaluate,fetch_data] [--trials=kills,pairs] [--every=1]

FOLDER keeps what is done (results.jsonl), so that the same command goes on. A loss is written there with its place, and
the exit code is 1.
"""
import argparse
import errno
import http.server
import json
import os
import resource
import shutil
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [ROOT, os.path.join(ROOT, "tests"), os.path.join(ROOT, "scripts")]
os.environ.update(CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3")

import programs  # noqa: E402
import trials  # noqa: E402
from file_server import Handler, file_route  # noqa: E402

from runtime.compat import tf  # noqa: E402, F401 (imported here, so that the forks have it)

RESULTS = "results.jsonl"


def disturbances(trial, place, every):
    """{name: function for the fork} of a trial."""
    if trial == "full":
        sizes = {"files of %d bytes" % size: trials.short_of(resource.RLIMIT_FSIZE, size)
                 for size in (0, 1, 100, 1000, 4096, 10000, 100000)}
        return dict(sizes, **{
            "full from operation %d" % number: trials.failing(place.work, number) for number in range(0, 30, every)})
    if trial == "descriptors":
        return {"%d descriptors" % count: trials.short_of(resource.RLIMIT_NOFILE, count)
                for count in list(range(0, 12, every)) + [16, 24, 32, 48]}
    if trial == "errors":
        return {"%s at operation %d" % (errno.errorcode[code], number): trials.failing(place.work, number, code)
                for code in (errno.EACCES, errno.EIO, errno.EROFS, errno.EMFILE) for number in range(0, 12, every)}
    return {
        "memory": trials.out_of_memory, "standard output full": trials.full_output,
        "standard output closed": trials.without(1), "standard error closed": trials.without(2),
        "all streams closed": trials.without(0, 1, 2), "clock": trials.clock_backwards,
    }


def run_trial(trial, place, options):
    """{what: number} of a trial."""
    if trial == "kills":
        return dict(zip(("points", "followed"), trials.kills(place, options.every, options.again)))
    if trial == "random":
        return {"points": trials.random_kills(place, options.rounds)}
    if trial == "pairs":
        return dict(zip(("points", "stopped", "waited"), trials.pairs(place, options.rounds)))
    if trial in ("permissions", "links"):
        return {"points": getattr(trials, trial)(place)}
    ways = disturbances(trial, place, options.every)
    return {"points": len(ways), "refused": trials.refusals(place, ways)}


TRIALS = ("kills", "random", "pairs", "full", "descriptors", "errors", "means", "permissions", "links")


def inputs_of(work, with_runs):
    """Folder with the inputs, made where it is missing; `with_runs`: fine-tuned models too."""
    folder = os.path.join(work, "inputs" if with_runs else "inputs_without_runs")
    if not os.path.isdir(folder):
        making = folder + ".making"
        shutil.rmtree(making, ignore_errors=True)
        os.makedirs(making)
        trials.ask(programs.make_inputs, making)
        for name, seed in (("run", 0), ("other_run", 1)) if with_runs else ():
            evaluate = programs.PROGRAMS["evaluate"]
            arguments = programs.evaluate(seed)(making, os.path.join(making, name))
            done = trials.run(evaluate.script, arguments, making, evaluate.environment(making))
            assert done.code == 0, done
        os.rename(making, folder)
    return folder


def serve():
    """Starts a server of the archive; sets its address for the programs."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.requests = True, []
    route = file_route(programs.archive())
    server.routes = type("Routes", (dict,), {"__missing__": lambda self, path: route})()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ[programs.SERVER] = "http://127.0.0.1:%d" % server.server_address[1]


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True, help="folder for inputs, programs and results")
    parser.add_argument("--programs", default=",".join(programs.PROGRAMS), help="comma-separated (default: all)")
    parser.add_argument("--trials", default=",".join(TRIALS), help="comma-separated (default: all)")
    parser.add_argument("--every", type=int, default=1, help="only every so manieth operation (default: 1)")
    parser.add_argument("--again", type=int, default=1, help="give the same command after every so manieth kill only")
    parser.add_argument("--rounds", type=int, default=50, help="of pairs and random kills (default: 50)")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    work = os.path.abspath(options.work)
    os.makedirs(work, exist_ok=True)
    serve()
    chosen = [programs.PROGRAMS[name] for name in options.programs.split(",")]
    inputs = inputs_of(work, any(program.reads_runs for program in chosen))
    path = os.path.join(work, RESULTS)
    results = {}
    if os.path.exists(path):
        with open(path) as file:
            results = {(entry["program"], entry["trial"]): entry for entry in map(json.loads, file)}
    for program in chosen:
        for trial in options.trials.split(","):
            if not results.get((program.name, trial), {"loss": True}).get("loss"):
                continue
            entry = attempt(program, trial, inputs, work, options)
            results[program.name, trial] = entry
            with open(path, "a") as file:
                file.write(json.dumps(entry) + "\n")
            print("%(program)s, %(trial)s: %(found)s %(loss)s, %(seconds)d s" % entry, flush=True)
    print_table(results)
    return int(any(entry["loss"] for entry in results.values()))


def attempt(program, trial, inputs, work, options):
    """What a trial of a program found, as an entry of the results."""
    folder = os.path.join(work, "%s-%s" % (program.name, trial))
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    begun, found, loss = time.monotonic(), {}, ""
    try:
        found = run_trial(trial, trials.Place(program, inputs, folder), options)
        shutil.rmtree(folder)
    except AssertionError as error:  # the folder stays, to be looked at
        loss = str(error)
    seconds = time.monotonic() - begun
    return {"program": program.name, "trial": trial, "found": found, "loss": loss, "seconds": seconds}


def print_table(results):
    """Points of each program and trial; ! where something was lost."""
    names, kinds = [list(dict.fromkeys(key[place] for key in results)) for place in (0, 1)]
    print("| program | %s |\n|---|%s" % (" | ".join(kinds), "---|" * len(kinds)))
    for name in names:
        entries = [results.get((name, kind)) for kind in kinds]
        cells = ["" if entry is None else "!" if entry["loss"] else _cell(entry["found"]) for entry in entries]
        print("| `%s` | %s |" % (name, " | ".join(cells)))
    losses = [entry for entry in results.values() if entry["loss"]]
    points = sum(entry["found"].get("points", 0) for entry in results.values())
    print("%d points, %d losses" % (points, len(losses)))


def _cell(found):
    more = ["%d %s" % (value, name) for name, value in found.items() if name != "points" and value]
    return "%d%s" % (found["points"], " (%s)" % ", ".join(more) if more else "")


if __name__ == "__main__":
    sys.exit(main())
