"""Few-shot text classification as a scikit-learn classifier.

>>> from smlmt import FewShotClassifier
>>> texts = ["loved it", "a great film", "never again", "a waste of time"]
>>> classifier = FewShotClassifier(progress=False).fit(texts, ["good", "good", "bad", "bad"])
>>> classifier.predict(["what a great time"]).shape
(1,)
>>> classifier.save("my_model")
>>> FewShotClassifier.load("my_model").classes_.tolist()
['bad', 'good']

docs/API.md tells more. Needs scikit-learn (scripts/setup_env.sh --with=sklearn).
"""
import contextlib
import dataclasses
import os
import threading
from typing import NamedTuple, Optional

import numpy as np

from learner import configs
from runtime.errors import UserError
from runtime.installation import setup

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils.validation import check_consistent_length, check_is_fitted
except ImportError as error:
    raise UserError(
        "FewShotClassifier needs scikit-learn (%s): %s." % (error, setup("sklearn"))
    ) from None

from command_line import own_task, program_flags, recipes
from data.examples import Examples
from data.overlap import text_key
from learner.finetuning import goes_uphill, has_constant_features
from runs import model_folder, onnx_export, selection, self_check, task_data
from runs.scores import Scores
from runtime import checkpoints, folders, run_files
from smlmt import inputs, starts
from smlmt.decisions import Decisions
from training import finetuner as finetuners

PREDICT_BATCH = 32


class FewShotClassifier(Decisions, ClassifierMixin, BaseEstimator):
    """A text classifier that is fine-tuned from a few labelled texts.

    X is a list, array or pandas column of strings, or of pairs of strings (two columns); y are strings, integers or
    booleans, of two classes or more, each with any number of rows.

    Args:
      model_dir: folder of a fine-tuned model, whose weights and settings every fit starts from; None: `model` tells.
      epochs, batch_size: None: from the number of rows a class (recipes.schedule).
      max_seq_length: tokens of a text or pair; what is longer is cut. None: the model's, 128 for the small encoder.
      label_names: what the classes are called: a list in the order of `classes_`, or a dict of all labels. Label
        embeddings lean on the names as far as the rows bear them out. "auto": labels that are strings are names, with
        the small encoder; None: names are not made use of.
      random_state: int seed of the order of rows, dropout and fresh weights.
      progress: whether to show a bar in a terminal.
      model: name of a model of run_finetune.sh ("minilm-smlmt", "minilm-heads", "minilm", "bert-minilm",
        "hybrid-smlmt", ...), or the folder of a fine-tuned model or of one that was meta-trained; None: the small
        encoder, meta-trained (fetched on first use), or `encoder` as it is.
      encoder: folder of an encoder of one's own, as scripts/convert_checkpoint.py makes it.

    Attributes:
      classes_: the labels, sorted, [classes].

    `fit` warns of labels that look like a mistake: one row alone, a letter from another label, two of one text.

    Besides ValueErrors of scikit-learn's conventions, methods raise runtime.errors.UserError when a model cannot be
    read.
    """

    def __init__(
        self, model_dir=None, epochs=None, batch_size=None, max_seq_length=None, random_state=0, progress=True,
        label_names="auto", model=None, encoder=None,
    ):
        self.model_dir = model_dir
        self.epochs = epochs
        self.batch_size = batch_size
        self.max_seq_length = max_seq_length
        self.random_state = random_state
        self.progress = progress
        self.label_names = label_names
        self.model = model
        self.encoder = encoder

    def fit(self, X, y):
        """Fine-tunes on texts [n] or pairs [n, 2] and labels [n], from the same start each time; returns self."""
        task = self._task(X, y)
        self._weights, self._temperature = _SHARED.fit(task, self.progress)
        self._used = task.start  # what the weights go with
        self._finetuning = configs.values_of(task.run)
        self._is_pair = task.is_pair
        self.classes_ = task.classes
        return self

    def check(self, X, y):
        """How good a classifier probably is that is fitted on these rows, by cross-validation over them; seconds.

        Each row is judged by a model that was trained on others. The fitted model, if any, stays as it is.

        Returns:
          {"accuracy", "accuracy_interval_95" (low, high; Wilson's), "majority_baseline", "half_of_the_rows":
          {"accuracy"}, "more_rows_help", "rows"}, or {"skipped": why there is no check}: a class has one row alone, or
          the encoder is trained too.
        """
        return _SHARED.check(self._task(X, y))

    def _task(self, X, y):
        """The _Task that texts, labels and parameters describe."""
        texts, labels = inputs.read_texts(X), inputs.read_labels(y)
        check_consistent_length(texts, labels)
        classes, ids = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise ValueError("all %d rows have the label %r; two classes are needed" % (len(labels), classes[0].item()))
        inputs.warn_of_labels(texts, labels)
        start = self._start()
        epochs, batch = recipes.schedule(start.recipe, len(texts), len(classes))
        batch = self.batch_size or batch
        names = _names(self.label_names, classes, start)
        run = dataclasses.replace(
            start.run, num_train_epochs=self.epochs or epochs, train_batch_size=batch, eval_batch_size=batch,
            label_names=names, calibrate=has_constant_features(start.bert_config, start.config),
        )
        if goes_uphill(len(texts), run, start.config):
            inputs.warn_of_batch(batch, run.num_train_epochs, len(texts))
        train = start.encode(texts, ids)
        inputs.warn_of_unknown(train, start.tokenizer)
        task_data.check_segments(train, start.bert_config, "X")
        return _Task(start, classes, run, train, start.encode_names(names), texts[0].text_b is not None)

    def predict_proba(self, X):
        """Probabilities of the classes in the order of `classes_`, [n, classes]."""
        _, examples = self._encoded(X)
        with self._holding() as finetuner:
            logits = finetuner.score(examples, PREDICT_BATCH, "prediction", self.progress)
        return Scores(logits, examples.label_ids, self._temperature).probabilities

    def _encoded(self, X):
        """(TextExamples, Examples) of texts for the fitted model."""
        check_is_fitted(self)
        texts = inputs.read_texts(X)
        inputs.check_kind(texts, self._is_pair)
        examples = self._used.encode(texts)
        inputs.warn_of_unknown(examples, self._used.tokenizer)
        return texts, examples

    def suggest(self, X, n=20):
        """Which of unlabelled texts to label next: numbers of at most n rows of X, [n], the most unsure first.

        They are those that the model is unsure of and that differ from each other (runs/selection.py); a text that
        comes twice is chosen once.
        """
        inputs.check_number("n", n, 1, none=False)
        texts, examples = self._encoded(X)
        with self._holding() as finetuner:
            logits, features = finetuner.describe(examples, PREDICT_BATCH, self.progress)
        probabilities = Scores(logits, examples.label_ids, self._temperature).probabilities
        first = {text_key(text): row for row, text in reversed(list(enumerate(texts)))}
        rows = np.array(sorted(first.values()))
        return rows[selection.choose(probabilities[rows], features[rows], n)]

    def save(self, folder):
        """Writes the model to a folder, which appears whole; a model that is there already is replaced.

        Other files in the folder stay; UserError when it holds anything but a model, or cannot be written.

        The main program, run_finetune.sh --model and scripts/export_saved_model.py read it.
        """
        check_is_fitted(self)
        with model_folder.replacing(folder, "FewShotClassifier.save") as work:
            with self._holding() as finetuner:
                finetuner.save(work)
            self._used.tokenizer.write(os.path.join(work, run_files.VOCAB_FILE))  # the one it came from may be gone
            model_folder.add_settings(work, self._content(), "")

    def export_onnx(self, folder, quantize=False):
        """Writes the model to a new folder that is read without TensorFlow (smlmt.onnx_classifier, smlmt-predict).

        Needs onnx and onnxruntime (scripts/setup_env.sh --with=onnx); runs/onnx_export.py: export tells more.

        Args:
          folder: to make; UserError when it holds anything, or cannot be written.
          quantize: whether weights are 8-bit integers.

        Returns:
          How it compares with this classifier on texts of the project's own: `difference` is the largest one of a logit
          before quantization, `changed` how many of `rows` labels quantization changes (None without it).
        """
        check_is_fitted(self)
        with self._holding() as finetuner:
            source = onnx_export.FittedModel(
                self._weights, self._used.bert_config, self._used.config, self._content(), self._used.tokenizer,
                lambda examples: finetuner.score(examples, PREDICT_BATCH, "check", show=False),
            )
            return onnx_export.export(source, os.fspath(folder), None, quantize, "FewShotClassifier.export_onnx")

    def _holding(self):
        return _SHARED.holding(self._used, len(self.classes_), self._weights)

    def _content(self):
        """What model.json says of the fitted model."""
        start = self._used
        content = model_folder.description(
            start.bert_config, start.config, self._finetuning, map(str, self.classes_), start.text
        )
        content.update(model_folder.temperature(self._temperature))
        return dict(content, label_kind=self.classes_.dtype.kind, pair=self._is_pair)

    @classmethod
    def load(cls, folder, **params):
        """A fitted classifier from a folder that `save`, the main program or run_finetune.sh left.

        Its `fit` starts from this model, so that another task can be learned on top.

        Args:
          folder: the model's, or the OUTPUT_DIR of a run that holds it.
          params: those of the constructor but model_dir, model and encoder.
        """
        folder = own_task.find_model(folder, "FewShotClassifier.load")
        self = cls(model_dir=folder, **params)

        def read():
            stored = model_folder.load(folder, "FewShotClassifier.load")
            return stored, checkpoints.read(stored.checkpoint, "FewShotClassifier.load"), self._start()

        stored, self._weights, self._used = folders.read_whole(folder, read)
        self._finetuning, self._temperature = stored.finetuning, stored.temperature
        self._is_pair = stored.pair
        convert_name = inputs.LABEL_KINDS[stored.label_kind]
        self.classes_ = np.array([convert_name(name) for name in stored.labels])
        return self

    def _start(self):
        """The starts.StartingPoint that the parameters describe."""
        inputs.check_number("epochs", self.epochs, 1, program_flags.MOST_EPOCHS, whole=False)
        inputs.check_number("batch_size", self.batch_size, 1, 2**31 - 1)
        inputs.check_number("max_seq_length", self.max_seq_length, 1, 2**31 - 1)
        inputs.check_number("random_state", self.random_state, 0, 2**31 - 1)
        for name in ("model", "encoder", "model_dir"):
            inputs.check_folder(name, getattr(self, name))
        start = starts.find(self.model, self.encoder, self.model_dir)
        text = dataclasses.replace(start.text, max_seq_length=self.max_seq_length or start.text.max_seq_length)
        positions = start.bert_config.max_position_embeddings
        if text.max_seq_length > positions:
            raise ValueError("max_seq_length=%d: the encoder has %d positions" % (text.max_seq_length, positions))
        return dataclasses.replace(
            start, text=text, run=dataclasses.replace(start.run, seed=int(self.random_state or 0), stratified=True)
        )


class _Task(NamedTuple):
    """One task to fit."""

    start: starts.StartingPoint
    classes: np.ndarray  # labels, sorted
    run: configs.FinetuneConfig
    train: Examples
    names: Optional[Examples]  # texts that tell the classes' names
    is_pair: bool


class _SharedFinetuner:
    """The one graph and session of a process, which all classifiers take turns with; made anew for other settings."""

    def __init__(self):
        self._lock = threading.RLock()
        self._process = None  # that has made a graph
        self._model = self._origin = self._finetuner = None
        self._holds = None  # the weights that the session has now, None when they are nobody's

    def fit(self, task, show):
        """Fine-tunes a _Task; returns (weights, temperature of the probabilities)."""
        with self._starting(task):
            outcome = self._finetuner.run(task.run, task.train, None, show=show, names=task.names)
            self._holds = self._finetuner.weights()
            return self._holds, outcome.temperature

    def check(self, task):
        """What self_check.check finds of a _Task."""
        with self._starting(task):
            return self_check.check(self._finetuner, task.run, task.train, task.names)

    @contextlib.contextmanager
    def _starting(self, task):
        """Makes the graph of a _Task, whose session then holds nobody's weights."""
        self._check_process()
        with self._lock:
            with starts.telling(task.start.parameter):
                self._make(task.start, len(task.classes), scores_only=False)
                self._holds = None
                yield

    @contextlib.contextmanager
    def holding(self, start, num_labels, weights):
        """Gives a finetuners.Finetuner with weights that `fit` returned, to score or to save."""
        self._check_process()
        with self._lock:
            self._make(start, num_labels, scores_only=True)
            if self._holds is not weights:
                self._holds = None  # should it be interrupted, the session has a part of them
                self._finetuner.load(weights)
                self._holds = weights
            yield self._finetuner

    def _check_process(self):
        """UserError in a process that was forked off: TensorFlow's threads have stayed behind, and it would wait."""
        if self._process not in (None, os.getpid()):
            raise UserError(
                "FewShotClassifier: this process was forked off one that had used TensorFlow, which cannot go on here: "
                'start processes by multiprocessing.get_context("spawn"), or joblib, or fork before the first fit or '
                "predict."
            )

    def _make(self, start, num_labels, scores_only):
        run, origin = start.run, None
        model = start.bert_config, start.config, num_labels
        if scores_only:  # whatever the graph started from; a new one starts from nothing, for the files may be gone
            run = dataclasses.replace(run, init_checkpoint=None, warm_start_model_dir=None)
        else:
            index = (run.init_checkpoint or checkpoints.exported_variables(run.warm_start_model_dir)) + ".index"
            changed = os.stat(index).st_mtime_ns if os.path.exists(index) else None
            origin = finetuners.start_of(run), changed
        if model == self._model and (scores_only or origin == self._origin):
            return
        if self._finetuner:
            self._finetuner.close()
        self._model = self._origin = self._finetuner = self._holds = None
        self._process = os.getpid()
        self._finetuner = finetuners.Finetuner(start.bert_config, start.config, run, num_labels)
        self._model, self._origin = model, origin


_SHARED = _SharedFinetuner()


def _names(asked, classes, start):
    """FinetuneConfig.label_names for the parameter label_names; ValueError when it does not fit the classes."""
    if isinstance(asked, str) and asked == "auto":
        are_names = classes.dtype.kind == "U" and recipes.MODELS[start.recipe].label_names
        return tuple(map(str, classes)) if are_names else ()
    if asked is not None and isinstance(start.config, configs.SoftmaxConfig):
        raise ValueError("label_names: the model has no label embeddings to lean on them")
    return inputs.read_names(asked, classes.tolist())
