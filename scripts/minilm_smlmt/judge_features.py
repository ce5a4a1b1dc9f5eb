#!/usr/bin/env python3
"""What layers of one or more sets of weights are worth on labelled sets: rows are encoded once, heads cost nothing.

  scripts/minilm_smlmt/judge_features.py --encoder=data/downloads/minilm --features=6 --features=4:0.74,6:0.64 \\
      --weights=start=data/downloads/minilm/bert_model.ckpt --weights=half=output/half/variables/variables \\
      --leopard_dir=DIR --tasks=airline,conll --sets=spam=spam.jsonl --sets=sample=train.csv,eval.csv

--features says, as --feature_layers of the main program with --pooling=last_text, which layers' means over a row's last
text stand side by side, and the squared length of each. The head is ridge regression on the classes, centred
(--head=ridge), or class means (--head=class_means). Of a task of LEOPARD the published splits with --k rows a class are
read; of a set, TRAIN or TRAIN,TEST, --splits of them are drawn. At most --rows rows are judged, the same for all
weights. Prints the accuracy in percent, its mean over the splits. Exit code 2: a mistake.
"""
import collections
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

from runtime.arguments import Parser
from runtime.errors import UserError, exit_code, importing

with importing(__name__):
    import numpy as np

    import modeling
    from runtime import checkpoints
    from runtime.compat import tf

from data import splits, tasks, text
from learner.configs import read_feature_layers
from tokenization import Tokenizer

ROWS_AT_ONCE = 32
LAYOUT = text.Layout(text_b=("sentence2", "text2", "text_b"))

Split = collections.namedtuple("Split", ["rows", "label_ids"])  # numbers of texts, int [n]; int [n]
JudgedTask = collections.namedtuple("JudgedTask", ["name", "train", "test"])  # the splits, a list; a Split


# --- rows -------------------------------------------------------------------------------------------------------------
class Texts:
    """Different texts, each with a number."""

    def __init__(self):
        self._numbers = collections.OrderedDict()

    def split(self, examples, labels):
        """Split of a list of text.TextExample, whose label ids follow the list `labels`."""
        pairs = [(example.text_a, example.text_b) for example in examples]
        rows = [self._numbers.setdefault(pair, len(self._numbers)) for pair in pairs]
        return Split(np.array(rows), np.array([labels.index(example.label) for example in examples]))

    def tokens(self, tokenizer, max_seq_length):
        """List of (token ids, segments), by number."""
        return [tokenizer.encode(one, other, max_seq_length) for one, other in self._numbers]


def public_task(name, options, texts):
    """JudgedTask of a task of LEOPARD."""
    task = tasks.get_task(name)
    paths = [task.json_file(options.leopard_dir, "train", split, options.k) for split in range(options.splits)]
    test = some(text.read_text(tasks.require(task.json_file(options.leopard_dir, "eval"))), options.rows)
    return judged_task(name, [text.read_text(tasks.require(path)) for path in paths], test, texts)


def own_set(name, paths, options, texts):
    """JudgedTask of labelled files: TRAIN and TEST, or one that both are drawn from."""
    parts = [[example for _, example in text.iter_text(tasks.require(path), LAYOUT)] for path in paths]
    test = some(parts[-1], options.rows)
    pool = splits.make_pool(parts[0], test, text.labels_in_order(parts[0]))
    train = [splits.draw(pool, split, options.k, seed=0) for split in range(options.splits)]
    return judged_task(name, train, test, texts)


def some(examples, most):
    """At most so many of the examples, drawn."""
    return [examples[row] for row in np.random.RandomState(0).permutation(len(examples))[:most]]


def judged_task(name, train, test, texts):
    labels = text.labels_in_order([example for part in train + [test] for example in part])
    return JudgedTask(name, [texts.split(part, labels) for part in train], texts.split(test, labels))


# --- features ---------------------------------------------------------------------------------------------------------
def last_text(mask, segments):
    """Weights of a row's positions, [rows, seq]: equal over the second text of a pair, or over all of a single text."""
    pairs = segments.any(axis=1, keepdims=True)
    weights = np.where(pairs, mask * segments, mask).astype(np.float32)
    return weights / weights.sum(axis=1, keepdims=True)


class Encoder:
    """Encodes rows with one set of weights after the other.

    Args:
      config: modeling.BertConfig.
    """

    def __init__(self, config):
        with tf.Graph().as_default():
            self._inputs = [tf.placeholder(tf.int32, [None, None]) for _ in range(3)]
            variables = modeling.create_variables(config)
            self._weights = {name: tf.placeholder(tf.float32, variable.shape) for name, variable in variables.items()}
            self._load = [variable.assign(self._weights[name]) for name, variable in variables.items()]
            self._layers = modeling.encode(variables, config, *self._inputs).layers
            proto = tf.ConfigProto()
            proto.graph_options.rewrite_options.disable_meta_optimizer = True  # as in runtime/sessions.py
            self._session = tf.Session(config=proto)

    def features(self, prefix, rows, pool=last_text):
        """Means of every layer over each row's last text, float32 [rows, layers, hidden].

        Args:
          prefix: checkpoint.
          rows: list of (token ids, segments).
          pool: function of mask and segments that gives the weights of the positions, as `last_text`.
        """
        weights = checkpoints.read(prefix, "--weights")
        lacking = [name for name in self._weights if name not in weights]
        if lacking:
            raise UserError("--weights: %s lacks %s and %d more." % (prefix, lacking[0], len(lacking) - 1))
        self._session.run(self._load, {holder: weights[name] for name, holder in self._weights.items()})
        order = sorted(range(len(rows)), key=lambda row: len(rows[row][0]))
        found = [None] * len(rows)
        for start in range(0, len(rows), ROWS_AT_ONCE):
            numbers = order[start : start + ROWS_AT_ONCE]
            ids, mask, segments = padded([rows[number] for number in numbers])
            layers = self._session.run(self._layers, dict(zip(self._inputs, (ids, mask, segments))))
            shares = pool(mask, segments)
            for number, means in zip(numbers, np.einsum("lbsh,bs->blh", np.stack(layers), shares)):
                found[number] = means
        return np.stack(found)


def padded(rows):
    """Token ids, mask and segments, int32 [rows, seq], of (token ids, segments)."""
    arrays = np.zeros([3, len(rows), max(len(ids) for ids, _ in rows)], np.int32)
    for row, (ids, segments) in enumerate(rows):
        arrays[:, row, : len(ids)] = ids, [1] * len(ids), segments
    return arrays


def side_by_side(layers, parts):
    """Features [rows, parts x hidden] from those of all layers [rows, layers, hidden] and [(layer, weight)]."""
    units = layers / np.linalg.norm(layers, axis=2, keepdims=True)
    return np.concatenate([np.sqrt(weight) * units[:, layer - 1] for layer, weight in parts], axis=1)


# --- heads ------------------------------------------------------------------------------------------------------------
def class_means(train, label_ids, test):
    """Scores of rows [test, classes]: minus the squared distance from the mean of each class."""
    means = np.stack([train[label_ids == label].mean(axis=0) for label in range(label_ids.max() + 1)])
    return -np.sum(np.square(test[:, None] - means[None]), axis=-1)


def ridge(train, label_ids, test):
    """Scores of rows [test, classes]: regression on the classes; the penalty is the mean squared norm of the rows."""
    centre = train.mean(axis=0)
    train, test = train - centre, test - centre
    classes = np.eye(label_ids.max() + 1)[label_ids]
    penalty = np.mean(np.sum(np.square(train), axis=1))
    inverse = np.linalg.solve(train @ train.T + penalty * np.eye(len(train)), classes - classes.mean(axis=0))
    return test @ train.T @ inverse


HEADS = {"ridge": ridge, "class_means": class_means}


def accuracy(task, features, head):
    """Mean accuracy over the splits, in percent."""
    test = features[task.test.rows]
    scores = [head(features[split.rows], split.label_ids, test) for split in task.train]
    return 100.0 * np.mean([np.mean(score.argmax(axis=1) == task.test.label_ids) for score in scores])


# --- the program ------------------------------------------------------------------------------------------------------
def named(flag, values):
    """[(name, rest)] of NAME=REST."""
    pairs = [value.partition("=")[::2] for value in values]
    if not all(name and rest for name, rest in pairs):
        raise UserError("--%s=%s: NAME=..." % (flag, values[[not (n and r) for n, r in pairs].index(True)]))
    return pairs


def run(options):
    """Prints a line for each set of weights and features."""
    for name in ("k", "splits", "rows"):
        if getattr(options, name) < 1:
            raise UserError("--%s=%d: at least 1." % (name, getattr(options, name)))
    weights, specs = named("weights", options.weights), [
        (spec, read_feature_layers(spec, "features")) for spec in options.features
    ]
    if not all(parts for _, parts in specs):
        raise UserError("--features names no layer.")
    texts = Texts()
    judged = [public_task(name, options, texts) for name in filter(None, options.tasks.split(","))]
    judged += [own_set(name, paths.split(","), options, texts) for name, paths in named("sets", options.sets)]
    if not judged:
        raise UserError("--tasks or --sets is needed.")
    config = modeling.BertConfig.from_json_file(os.path.join(options.encoder, "bert_config.json"))
    deepest = max(layer for _, parts in specs for layer, _ in parts)
    if deepest > config.num_hidden_layers:
        raise UserError("--features: the encoder has %d layers, not %d." % (config.num_hidden_layers, deepest))
    tokenizer = Tokenizer.from_file(os.path.join(options.encoder, "vocab.txt"), options.do_lower_case)
    rows, encoder = texts.tokens(tokenizer, options.max_seq_length), Encoder(config)
    print("%-30s %s" % ("", " ".join("%10.10s" % task.name for task in judged)))
    for name, prefix in weights:
        layers = encoder.features(prefix, rows)
        for spec, parts in specs:
            features = side_by_side(layers, parts)
            found = [accuracy(task, features, HEADS[options.head]) for task in judged]
            print("%-30s %s" % ("%s %s" % (name, spec), " ".join("%10.1f" % each for each in found)), flush=True)


def main(arguments=None):
    parser = Parser(description=__doc__)
    parser.add_argument("--encoder", required=True, help="folder of bert_config.json and vocab.txt")
    parser.add_argument("--weights", action="append", required=True, help="NAME=PREFIX of a checkpoint; repeatable")
    parser.add_argument("--features", action="append", required=True, help="LAYER:WEIGHT,...; repeatable")
    parser.add_argument("--leopard_dir", default="", help="folder of the LEOPARD data")
    parser.add_argument("--tasks", default="", help="of LEOPARD, comma-separated")
    parser.add_argument("--sets", action="append", default=[], help="NAME=TRAIN or NAME=TRAIN,TEST; repeatable")
    parser.add_argument("--k", type=int, default=4, help="rows a class (default: %(default)s)")
    parser.add_argument("--splits", type=int, default=10, help="default: %(default)s")
    parser.add_argument("--rows", type=int, default=400, help="judged rows of a set, at most (default: %(default)s)")
    parser.add_argument("--head", choices=sorted(HEADS), default="ridge", help="default: %(default)s")
    parser.add_argument("--max_seq_length", type=int, default=128, help="default: %(default)s")
    parser.add_argument("--do_lower_case", action="store_true", help="true for uncased models")
    return exit_code(lambda: run(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
