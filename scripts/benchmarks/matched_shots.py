#!/usr/bin/env python3
"""Few-shot classifiers at matched shots: this repository's models, baselines on the same encoder, and SetFit.

  scripts/benchmarks/matched_shots.py --sets=airline,conll --leopard_dir=DIR --sets=spam=spam.jsonl \\
      --sets=sample=data/sample/train.csv,data/sample/eval.csv --ks=4,8,16 --splits=10 \\
      --setfit_python=setfit/bin/python --output_dir=output/shots

--sets names tasks of LEOPARD, whose published splits are taken, or labelled text of one's own: NAME=TRAIN,TEST, or
NAME=FILE, half of which, --rows at most, is judged. The splits are drawn once and stored; every method reads the same
rows. Methods (--methods):

  minilm-smlmt, minilm-heads, ...   models of the small encoder (scripts/reproduce_tables.py tells of them), run as
                                    run_finetune.sh --train FILE --eval FILE runs them; the first is the default model,
                                    the second the same features and heads without meta-training
  class_means, logistic_regression  on the final layer of the encoder as published, mean over all tokens, unit length
  setfit                            SetFit with its defaults on that encoder, in the environment of --setfit_python

--variants=NAME=MODEL,FLAG=VALUE,... makes a method of a model with other flags of the main program. The same command
goes on where it was stopped. OUTPUT_DIR gets data/, runs/METHOD/SET/K/SPLIT/results.json and tables/ (see
scripts/make_tables.py): accuracy, differences of the first method from the others with intervals over splits and over
sets, sets won, seconds. Exit code 1: some runs failed. Exit code 2: a mistake.
"""
import collections
import dataclasses
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

from runtime.arguments import Parser, check_counts
from runtime.errors import UserError, exit_code, importing

with importing(__name__):
    import matched_results
    import matched_sets
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    import modeling
    from command_line import own_task, program_flags, recipes, settings
    from data import text
    from fetch import hf_checkpoint, minilm
    from runs import sweep, sweep_keys
    from runs.tables import document
    from runtime import folders
    from runtime.files import file_sha256
    from scripts.minilm_smlmt import judge_features
    from tokenization import Tokenizer

ENCODER = "minilm"
SETFIT = "setfit"
MAX_SEQ_LENGTH = 128
DEFAULT_METHODS = "minilm-smlmt,minilm-heads,class_means,logistic_regression"


# --- this repository's models -----------------------------------------------------------------------------------------
class StoredJobs:
    """Finds the settings of runs: those of run_finetune.sh --train FILE --eval FILE.

    Args:
      store: matched_sets.RowStore.
      variants: {method: (model, arguments of the main program, which win)}.
    """

    def __init__(self, store, variants):
        self._store, self._variants = store, variants

    def job(self, key):
        """The sweep.Job of a sweep_keys.Key; UserError when its rows do not fit."""
        model, more = self._variants[key.model]
        split = matched_sets.StoredSplit(key.task, key.k, key.split)
        files = self._store.train_file(split), self._store.eval_file(key.task)
        options, _ = own_task.parse(["--train", files[0], "--eval", files[1]])
        chosen, rows = own_task.choose(options, {"MODEL": model, "ENCODER": ENCODER})
        folder = key.folder(os.path.join(self._store.output_dir, "runs"))
        asked = settings.run_settings(program_flags.parse(more, dict(chosen, output_dir=folder)))
        labels = tuple(text.labels_in_order(rows[files[0], True]))
        return sweep.Job(key, folder, dataclasses.replace(asked, labels=labels))


def run_models(store, runs, variants, overwrite):
    """Makes the runs of all variants that are not done, set by set; returns {key: why there is no result}."""
    jobs, failures = StoredJobs(store, variants), {}
    by_set = collections.OrderedDict()
    for run in runs:
        by_set.setdefault(run.name, []).append(run)
    with sweep.Runner() as runner:
        for method in variants:
            for name, of_set in by_set.items():
                keys = [sweep_keys.Key(method, name, run.k, run.split) for run in of_set]
                to_do, others, failed = sweep.jobs_to_do(keys, jobs, runner)
                sweep.make_room(others, overwrite)
                failures.update(failed)
                for job in to_do:
                    reason = runner.run(job)
                    failures.update({job.key: reason} if reason else {})
                    outcome = reason or "accuracy %.3f" % sweep.accuracy(job.folder)
                    print("%s %s k=%d split %d: %s" % (job.key + (outcome,)), flush=True)
    return failures


# --- heads on the final layer -----------------------------------------------------------------------------------------
def class_means(train, label_ids, rows):
    """Probabilities of rows [rows, classes]: softmax of minus the squared distance from the mean of each class."""
    scores = judge_features.class_means(train, label_ids, rows)
    found = np.exp(scores - scores.max(axis=1, keepdims=True))
    return found / found.sum(axis=1, keepdims=True)


def logistic_regression(train, label_ids, rows):
    """Probabilities of rows [rows, classes], with scikit-learn's defaults."""
    return LogisticRegression(max_iter=1000).fit(train, label_ids).predict_proba(rows)


HEADS = {"class_means": class_means, "logistic_regression": logistic_regression}


def all_tokens(mask, segments):
    """Weights of a row's positions, [rows, seq]: equal over its tokens."""
    del segments
    return mask / mask.sum(axis=1, keepdims=True)


class FinalLayer:
    """Encodes rows with the encoder as published: means of its final layer, of unit length.

    Args:
      folder: of fetch.minilm.
    """

    def __init__(self, folder):
        self._folder = folder
        self._encoder = None

    def features(self, texts):
        """Of the judge_features.Texts, by number, float32 [texts, hidden]."""
        if self._encoder is None:
            config = modeling.BertConfig.from_json_file(os.path.join(self._folder, "bert_config.json"))
            self._encoder = judge_features.Encoder(config)
        tokenizer = Tokenizer.from_file(os.path.join(self._folder, "vocab.txt"), do_lower_case=True)
        tokens, prefix = texts.tokens(tokenizer, MAX_SEQ_LENGTH), os.path.join(self._folder, "bert_model.ckpt")
        found = self._encoder.features(prefix, tokens, all_tokens)[:, -1]
        return found / np.linalg.norm(found, axis=1, keepdims=True)


def run_heads(store, runs, methods, folder, overwrite):
    """Makes the runs of heads on the final layer that are not done; the rows of a set are encoded once."""
    config = {"encoder": {"bert_model.ckpt.index": file_sha256(os.path.join(folder, "bert_model.ckpt.index"))}}
    results = {method: matched_results.MethodResults(store, method, config, overwrite) for method in methods}
    lacking = {method: found.lacking(runs) for method, found in results.items()}
    encoder = FinalLayer(folder)
    for name in collections.OrderedDict((run.name, None) for run in runs):
        of_set = [run for run in runs if run.name == name and any(run in each for each in lacking.values())]
        if not of_set:
            continue
        begun, texts = time.time(), judge_features.Texts()
        train = {run: text.read_text(store.train_file(run)) for run in of_set}
        labels = text.labels_in_order([example for rows in train.values() for example in rows])
        judged = texts.split(text.read_text(store.eval_file(name)), labels)
        parts = {run: texts.split(rows, labels) for run, rows in train.items()}
        features = encoder.features(texts)
        a_row = (time.time() - begun) / len(features)
        for method in methods:
            for run in [run for run in of_set if run in lacking[method]]:
                begun, split = time.time(), parts[run]
                found = HEADS[method](features[split.rows], split.label_ids, features[judged.rows])
                seconds = {"train": a_row * len(split.rows) + time.time() - begun, "eval": a_row * len(judged.rows)}
                results[method].write(run, matched_results.scores_of(found, judged.label_ids), labels, seconds)


# --- SetFit -----------------------------------------------------------------------------------------------------------
def run_setfit(options, names, folder):
    """Makes the runs of SetFit that are not done, in its own environment; UserError when that fails."""
    encoder = os.path.join(options.output_dir, "encoder_hf")
    if not os.path.isdir(encoder):
        config = modeling.BertConfig.from_json_file(os.path.join(folder, "bert_config.json"))
        with folders.atomic_folder(encoder, "checkpoint") as work:
            hf_checkpoint.to_hugging_face(
                os.path.join(folder, "bert_model.ckpt"), config, os.path.join(folder, "vocab.txt"), work, True
            )
    command = [
        options.setfit_python, os.path.join(ROOT, "scripts", "benchmarks", "baseline_setfit.py"),
        "--encoder=" + encoder, "--sets=" + ",".join(names), "--ks=" + options.ks, "--splits=%d" % options.splits,
        "--output_dir=" + options.output_dir,
    ] + ["--overwrite"] * options.overwrite
    try:
        code = subprocess.call(command)
    except OSError as error:
        raise UserError("--setfit_python=%s cannot be run (%s)." % (options.setfit_python, error.strerror)) from None
    if code:
        raise UserError("%s ended with code %d." % (command[1], code))


# --- the program ------------------------------------------------------------------------------------------------------
def chosen_variants(options):
    """({method: (model, arguments)} of this repository's models, other methods); UserError for an unknown one."""
    variants, others = collections.OrderedDict(), []
    known = recipes.models_for(ENCODER)
    for method in filter(None, options.methods.split(",")):
        if method in known:
            variants[method] = method, []
        elif method in HEADS or method == SETFIT:
            others.append(method)
        else:
            every = ", ".join(known + sorted(HEADS) + [SETFIT])
            raise UserError("--methods: there is no %s; there are %s." % (method, every))
    for value in options.variants:
        name, _, rest = value.partition("=")
        model, *flags = rest.split(",")
        if not name or model not in known or not all("=" in flag for flag in flags):
            raise UserError("--variants=%s: NAME=MODEL,FLAG=VALUE,... with a model of %s." % (value, ", ".join(known)))
        variants[name] = model, ["--" + flag for flag in flags]
    if not variants and not others:
        raise UserError("--methods names no method.")
    if SETFIT in others and not options.setfit_python:
        raise UserError("--methods: setfit needs --setfit_python, where requirements-setfit.txt is installed.")
    return variants, others


def groups_of(sources, chosen_by):
    """{name: sets} that methods are compared over; `chosen_by` are sets that settings were chosen by."""
    kinds = [("all sets", sources), ("LEOPARD", [source for source in sources if not source.paths]),
             ("own files", [source for source in sources if source.paths])]
    groups = collections.OrderedDict((name, [source.name for source in members]) for name, members in kinds)
    for name, members in list(groups.items()):
        groups[name + ", not chosen by"] = [member for member in members if member not in chosen_by]
    different = []
    for name, members in list(groups.items()):
        if not members or members in different:
            del groups[name]
        different.append(members)
    return groups


def run(options):
    """Makes what is not done, and the tables; returns the exit code."""
    check_counts(options, ("splits", "rows"))
    if options.setfit_python and SETFIT not in options.methods.split(","):
        options.methods += "," + SETFIT
    ks, (variants, others) = sweep_keys.numbers("ks", options.ks), chosen_variants(options)
    sources, store = matched_sets.sources(options.sets), matched_sets.RowStore(options.output_dir)
    names, chosen_by = [source.name for source in sources], list(filter(None, options.chosen_by.split(",")))
    unknown = [name for name in chosen_by if name not in names]
    if unknown:  # the tables would count a set that settings were chosen by among the others
        raise UserError("--chosen_by=%s: none of the --sets (%s)." % (unknown[0], ", ".join(names)))
    for source in sources:
        matched_sets.store(source, store, ks, range(options.splits), options.rows, options.leopard_dir)
    folder = minilm.ensure_minilm()
    runs = store.runs(names, ks, range(options.splits))
    run_heads(store, runs, [method for method in others if method in HEADS], folder, options.overwrite)
    failures = run_models(store, runs, variants, options.overwrite)
    if SETFIT in others:
        run_setfit(options, names, folder)
    for key, reason in failures.items():
        print("failed: %s %s k=%d split %d: %s" % (key + (reason,)), file=sys.stderr)
    results_dir = os.path.join(options.output_dir, "runs")
    methods = list(variants) + others
    print(document.make(results_dir, os.path.join(options.output_dir, "tables"), methods, confusion="none",
                        groups=groups_of(sources, chosen_by)))
    return 1 if failures else 0


def main(arguments=None):
    parser = Parser(description=__doc__)
    parser.add_argument("--sets", action="append", required=True, help="TASK,... or NAME=TRAIN[,TEST]; repeatable")
    parser.add_argument("--ks", default="4,8,16", help="rows a class (default: %(default)s)")
    parser.add_argument("--splits", type=int, default=10, help="of each set and k (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=800, help="judged rows of a set, at most (default: %(default)s)")
    parser.add_argument("--methods", default=DEFAULT_METHODS, help="comma-separated (default: %(default)s)")
    parser.add_argument("--variants", action="append", default=[], help="NAME=MODEL,FLAG=VALUE,...; repeatable")
    parser.add_argument("--chosen_by", default="", help="sets that settings were chosen by; tables tell the rest apart")
    parser.add_argument("--setfit_python", help="of an environment with requirements-setfit.txt: adds setfit")
    parser.add_argument("--leopard_dir", default=os.environ.get("LEOPARD_DIR", ""), help="folder of the LEOPARD data")
    parser.add_argument("--output_dir", required=True, help="folder of the benchmark")
    parser.add_argument("--overwrite", action="store_true", help="make runs of other rows, settings or weights again")
    return exit_code(
        lambda: run(parser.parse_args(arguments)), stopped="stopped; the same command goes on where it was")


if __name__ == "__main__":
    sys.exit(main())
