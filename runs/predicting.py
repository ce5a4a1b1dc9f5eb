"""Predictions block by block, from any model to any places: the rows may be more than memory holds.

Nothing here needs TensorFlow.
"""
import contextlib
import os
from typing import List, NamedTuple, Optional, Tuple

from data import unknown_words
from data.text import kind_of_rows
from data.text_lines import named
from runs import prediction_files
from runs.scores import Scores
from runtime import run_files
from runtime.cells import cell
from runtime.errors import UserError, cannot_write
from runtime.files import atomic_file

SHOWN = 5  # rows that Prediction.examples holds


class Prediction(NamedTuple):
    """How a prediction ended."""

    rows: int  # of the file
    blank: int  # of these without a text, and so without a prediction
    cut: int  # texts that were longer than the sequence
    max_seq_length: int
    path: Optional[str]  # file with the predictions, None where they went to a stream alone
    doubt: str  # what the share of unknown words tells of the vocabulary, empty where it is small
    examples: List[Tuple[str, str, float]]  # (text, label or UNDECIDED, highest probability) of the first known texts
    undecided: int = 0  # rows whose highest probability is below min_confidence


class RowPredictor:
    """A model, and the rows that it is to predict.

    Args:
      labels: the classes' names in the order of the logits.
      is_pair: whether the model is for pairs of texts; None: it does not tell.
      rows: unlabelled_rows.TextRows, or what is like them.
      path: where they come from, for errors.
      flag: flag that named it, for errors; with its colon, or empty.

    Raises:
      UserError: the rows cannot be used.
    """

    temperature = 1.0  # that logits are divided by for probabilities

    def __init__(self, labels, is_pair, rows, path, flag="--predict_file: "):
        self.labels, self.rows = labels, rows
        self._is_pair, self._path, self._flag = is_pair, path, flag
        self.census = rows.census()
        if self.census:
            self.check_kind(self.census.is_pair)

    def score(self, examples, batch_size):
        """Logits of data.examples.Examples, [rows, classes]."""
        raise NotImplementedError

    def check_kind(self, is_pair):
        """UserError where rows are pairs and the model was trained on single texts, or the other way round."""
        if self._is_pair not in (None, is_pair):
            raise UserError(
                "%s%s holds %s, but the model was fine-tuned on %s."
                % (self._flag, named(self._path), kind_of_rows(is_pair), kind_of_rows(self._is_pair))
            )

    def probabilities(self, block, batch_size):
        """One distribution of [classes] a row of an unlabelled_rows.Block, None for a blank one."""
        if block.examples is None:
            return [None] * len(block.is_blank)
        found = iter(self.distributions(self.score(self.checked(block), batch_size)))
        return [None if blank else next(found) for blank in block.is_blank]

    def checked(self, block):
        """The block's examples; UserError for rows of another kind than the model's."""
        if self.census is None:  # standard input, of which nothing is known before
            self.check_kind(block.examples.has_pairs)
        return block.examples

    def distributions(self, logits):
        """Probabilities, [rows, classes]."""
        no_labels = logits.argmax(axis=1)  # true ones
        return Scores(logits, no_labels, self.temperature).probabilities


def predict(model, batch_size, outputs, path, progress, min_confidence=None):
    """Predicts block by block.

    Args:
      model: RowPredictor.
      batch_size: rows.
      outputs: Outputs, which are opened and closed here.
      path: of Prediction.
      progress: as runtime.progress.Progress.
      min_confidence: rows whose highest probability is below it are not decided; None: all are.

    Returns:
      Prediction.
    """
    _check_mark(model.labels, min_confidence, outputs)
    with contextlib.ExitStack() as stack:
        for output in outputs:
            stack.enter_context(output)
            output.begin(model, min_confidence)
        return _predict(model, batch_size, outputs, path, progress, min_confidence)


def _check_mark(labels, min_confidence, outputs):
    """UserError where undecided rows could not be told from those of a class."""
    is_class = prediction_files.UNDECIDED in map(cell, labels)
    if min_confidence is not None and is_class and any(output.has_marks for output in outputs):
        raise UserError(
            "--min_confidence: a class is called %s, which stands for undecided rows: write to an --output=*.jsonl, "
            "where these are null." % prediction_files.UNDECIDED
        )


def _predict(model, batch_size, outputs, path, progress, min_confidence):
    rows = blank = undecided = cut = 0
    examples, unknown = [], unknown_words.Share()
    total = model.census.rows if model.census else None
    with progress(total, "prediction", unit="row") as bar:
        for block in model.rows.blocks(batch_size):
            found = model.probabilities(block, batch_size)
            for output in outputs:
                output.write(rows, block.texts, found)
            for text, distribution in zip(block.texts, found):
                is_open = distribution is not None and prediction_files.is_undecided(distribution, min_confidence)
                undecided += is_open
                if text is not None and len(examples) < SHOWN:
                    best = int(distribution.argmax())
                    label = prediction_files.UNDECIDED if is_open else model.labels[best]
                    examples.append((_joined(text), label, float(distribution[best])))
            rows += len(found)
            blank += sum(block.is_blank)
            cut += block.cut
            unknown = unknown.plus(block.unknown)
            bar.update(len(found))
    doubt = model.rows.doubt(unknown)
    return Prediction(rows, blank, cut, model.rows.max_seq_length, path, doubt, examples, undecided)


def _joined(text):
    return " ||| ".join(part for part in (text.text_a, text.text_b) if part)


class Output:
    """A place that predictions are written to; a context manager, after whose end they are there.

    Args:
      place, flag: what errors call it.
      opened: function without arguments: a context manager that gives a stream of text.
      kind: of prediction_files.
    """

    def __init__(self, place, flag, opened, kind=prediction_files.Tsv):
        self._place, self._flag, self._opened, self._kind = place, flag, opened, kind
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with self._telling():
            self._stream = self._stack.enter_context(self._opened())
        return self

    def __exit__(self, *error):
        with self._telling():
            return self._stack.__exit__(*error)

    @property
    def has_marks(self):
        """Whether rows that are not decided are marked by a word."""
        return self._kind is prediction_files.Tsv

    def begin(self, model, min_confidence=None):
        """Writes what stands before the first row."""
        with self._telling():
            self._writer = self._kind(
                self._stream, model.labels, model.rows.has_texts, min_confidence=min_confidence
            )

    def write(self, first, texts, probabilities):
        """Writes rows, the first of which has the number `first`."""
        with self._telling():
            for row, (text, distribution) in enumerate(zip(texts, probabilities), start=first):
                self._writer.write(row, text and (text.text_a, text.text_b), distribution)
            self._stream.flush()

    @contextlib.contextmanager
    def _telling(self):
        try:
            yield
        except BrokenPipeError:  # nobody reads any more: runtime.errors.exit_code
            raise
        except OSError as error:
            raise cannot_write(self._place, error, self._flag) from None


def to_stream(stream):
    """The Output to a stream of text."""
    return Output("standard output", None, lambda: contextlib.nullcontext(stream))


def to_file(path):
    """The Output to a file, whose name tells of which kind it is."""
    return Output(path, "--output", lambda: atomic_file(path), prediction_files.writer_of(path))


def check_file(path, predict_file):
    """UserError where the predictions cannot be written to the file that --output names; makes nothing yet.

    Args:
      path: what --output names.
      predict_file: of the rows, which it must not replace.
    """
    if path == run_files.STDOUT:
        return
    if os.path.realpath(path) == os.path.realpath(predict_file):
        raise UserError("--output: %s is the same file as the one to predict: choose another." % path)
    if not path.endswith(run_files.PREDICTION_SUFFIXES):
        raise UserError(
            "--output=%s: predictions are written to files called %s, or to standard output (-)."
            % (path, " or ".join("*" + suffix for suffix in run_files.PREDICTION_SUFFIXES))
        )
    if os.path.isdir(path) or (os.path.isfile(path) and os.path.getsize(path) and not prediction_files.are_in(path)):
        raise UserError("--output: %s is there, and holds no predictions: choose another file." % path)
    if not os.path.isdir(os.path.dirname(os.path.abspath(path))):
        raise UserError("--output: there is no folder %s: make it, or choose another file." % os.path.dirname(path))
