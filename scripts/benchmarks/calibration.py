#!/usr/bin/env python3
"""How well the probabilities of the default model are calibrated, and how right its self-check is, set by set.

  scripts/benchmarks/calibration.py --sets=airline,conll --leopard_dir=DIR --sets=spam=spam.jsonl --ks=4,8 \\
      --output_dir=output/calibration

Sets, splits and judged rows are those of matched_shots.py. Of every split OUTPUT_DIR/logits/SET_K_SPLIT.npz keeps the
logits of the judged rows, and those of the training rows by cross-validation with all and with half of the other rows;
what is there is not made again. Labels of files of one's own are names (--label_names=auto), those of LEOPARD's tasks
are not. Printed is the expected calibration error in percent, its mean over the splits and over the sets, of several
ways to choose the temperature (--rules: USUAL:SPREAD of learner/calibration.py, USUAL alone, or "cv" for no prior), and
how often the self-check's interval holds the accuracy on the judged rows. Exit code 2: a mistake.
"""
import collections
import dataclasses
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

from runtime.arguments import Parser, check_counts
from runtime.errors import UserError, exit_code, importing

with importing(__name__):
    import matched_sets
    import numpy as np

from command_line import public_task, recipes, settings
from learner import calibration
from runs import confidence, self_check, sweep_keys, task_data
from runs.scores import Scores
from runtime.files import atomic_path
from training import cross_validation, finetuner

MODEL = public_task.DEFAULT_MODELS["minilm"]
RULES = ("1", "0.83", "0.71", "0.62", "0.71:0.1", "0.71:0.2", "0.83:0.3", "0.71:0.3", "0.62:0.3", "0.71:0.6", "cv")
NO_PRIOR = 100.0  # spread


# --- logits -----------------------------------------------------------------------------------------------------------
class DefaultModel:
    """Trains the default model on splits, of one number of classes after the other."""

    def __init__(self):
        values = dict(recipes.preset_flags(MODEL), **public_task.encoder_flags(MODEL, "minilm", {}))
        self._bert, self._config = settings.bert_settings(values), settings.classifier_settings(values)
        self._start = dataclasses.replace(settings.finetune_settings(values), stratified=True)
        self.reader = task_data.Reader(settings.text_settings(values), values["vocab_file"], self._bert.vocab_size)
        self._finetuner = None

    def finetuner(self, classes):
        """finetuner.Finetuner for a number of classes."""
        if self._finetuner is None or self._finetuner.num_labels != classes:
            if self._finetuner:
                self._finetuner.close()
            self._finetuner = finetuner.Finetuner(self._bert, self._config, self._start, classes)
        return self._finetuner

    def settings(self, rows, classes):
        """FinetuneConfig of run_finetune.sh --train for so many rows."""
        epochs, batch = recipes.schedule(MODEL, rows, classes)
        return dataclasses.replace(
            self._start, num_train_epochs=epochs, train_batch_size=batch, eval_batch_size=batch
        )


def split_logits(model, train, judged, names):
    """What is kept of a split, as {name: array}.

    Args:
      model: DefaultModel.
      train: task_data.Rows.
      judged, names: records.Examples; names may be None.
    """
    classes = len(train.labels)
    tuner, run = model.finetuner(classes), model.settings(train.examples.size, classes)
    labels, held_out = train.examples.label_ids, cross_validation.held_out(tuner, run, train.examples, names)
    return {
        "held_out": held_out,
        "of_half": cross_validation.held_out(tuner, run, train.examples, names, half=True),
        "logits": tuner.run(run, train.examples, judged, show=False, names=names).logits,
        "labels": judged.label_ids,
        "train_labels": labels[cross_validation.usable(labels)][: len(held_out)],  # of the rows that were held out
    }


def make(options, ks, folder):
    """Makes the logits of all splits that are not there; returns {StoredSplit: path}."""
    store, model, found = matched_sets.RowStore(options.output_dir), None, collections.OrderedDict()
    os.makedirs(folder, exist_ok=True)
    for source in matched_sets.sources(options.sets):
        matched_sets.store(source, store, ks, range(options.splits), options.rows, options.leopard_dir)
        judged = None
        for split in store.runs([source.name], ks, range(options.splits)):
            found[split] = path = os.path.join(folder, "%s_%d_%d.npz" % split)
            if os.path.exists(path):
                continue
            model = model or DefaultModel()
            train = model.reader.labelled(store.train_file(split))
            judged = judged or model.reader.labelled(store.eval_file(source.name), train.labels)
            names = model.reader.names(("auto",), train.labels) if source.paths else None
            with atomic_path(path) as work, open(work, "wb") as file:
                np.savez(file, **split_logits(model, train, judged.examples, names))
            print("%s k=%d split %d" % split, flush=True)
    return found


# --- tables -----------------------------------------------------------------------------------------------------------
def temperature(rule, held_out, labels):
    """The temperature that a rule of --rules chooses."""
    if rule == "cv":
        return calibration.temperature(held_out, labels, spread=NO_PRIOR)
    usual, _, spread = rule.partition(":")
    return calibration.temperature(held_out, labels, float(usual), float(spread)) if spread else float(usual)


def error(rule, kept):
    """Expected calibration error of a split, in percent."""
    chosen = temperature(rule, kept["held_out"], kept["train_labels"])
    probabilities = Scores(kept["logits"], kept["labels"], chosen).probabilities
    return 100.0 * confidence.describe(probabilities, kept["labels"])["expected_calibration_error"]


def is_held(kept):
    """Whether the self-check's interval of a split holds the accuracy on the judged rows; NaN without held-out rows."""
    if not len(kept["train_labels"]):
        return np.nan
    low, high = self_check.summary(kept["held_out"], kept["of_half"], kept["train_labels"])["accuracy_interval_95"]
    return low <= np.mean(kept["logits"].argmax(axis=1) == kept["labels"]) <= high


def show(name, of_split, paths, sets, k):
    """Prints the mean of a number over the splits of each set, and over the sets."""
    means = [np.mean([of_split(kept) for split, kept in paths.items() if split[:2] == (each, k)]) for each in sets]
    print("%-14s %s %8.2f" % (name, " ".join("%14.2f" % mean for mean in means), np.mean(means)))


def run(options):
    """Makes what is not there, and prints the tables."""
    check_counts(options, ("splits", "rows"))
    for rule in options.rules:
        check_rule(rule)
    ks = sweep_keys.numbers("ks", options.ks)
    paths = make(options, ks, os.path.join(options.output_dir, "logits"))
    kept = collections.OrderedDict((split, dict(np.load(path, allow_pickle=False))) for split, path in paths.items())
    for k in ks:
        sets = list(collections.OrderedDict((split.name, None) for split in kept if split.k == k))
        print("\nk=%-12d %s %8s" % (k, " ".join("%14.14s" % name for name in sets), "mean"))
        for rule in options.rules:
            show(rule, lambda found, rule=rule: error(rule, found), kept, sets, k)
        show("interval holds", is_held, kept, sets, k)


def check_rule(rule):
    """UserError for a value of --rules that is none."""
    try:
        numbers = [float(part) for part in rule.split(":")] if rule != "cv" else [1.0]
    except ValueError:
        numbers = []
    if not 1 <= len(numbers) <= 2 or min(numbers) <= 0.0:
        raise UserError("--rules=%s: USUAL, USUAL:SPREAD (above 0), or cv." % rule)


def main(arguments=None):
    parser = Parser(description=__doc__)
    parser.add_argument("--sets", action="append", required=True, help="LEOPARD's tasks, NAME=FILE or NAME=TRAIN,TEST")
    parser.add_argument("--ks", default="8", help="rows a class, comma-separated (default: %(default)s)")
    parser.add_argument("--rules", type=lambda rules: rules.split(","), default=list(RULES), help="see above")
    parser.add_argument("--splits", type=int, default=10, help="default: %(default)s")
    parser.add_argument("--rows", type=int, default=1000, help="judged rows of a set, at most (default: %(default)s)")
    parser.add_argument("--leopard_dir", default=os.environ.get("LEOPARD_DIR", ""), help="folder of the LEOPARD data")
    parser.add_argument("--output_dir", required=True, help="for rows and logits")
    return exit_code(lambda: run(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
