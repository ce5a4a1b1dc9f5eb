"""Labels for the rows of a file from a fine-tuned model, written as they come: the file may be larger than memory."""
import contextlib
import dataclasses
import os
from typing import List, NamedTuple, Optional, Tuple

from command_line.settings import check_positions
from data import unknown_words
from data.text import kind_of_rows, stem
from data.text_lines import named
from runs import model_folder, output_folder, prediction_files, task_data
from runs.scores import Scores
from runtime import folders, run_files
from runtime.errors import UserError, cannot_write
from runtime.files import atomic_file
from runtime.progress import Progress
from training import finetuner

SHOWN = 5  # rows that Prediction.examples holds


class Prediction(NamedTuple):
    """How a prediction ended."""

    rows: int  # of the file
    blank: int  # of these without a text, and so without a prediction
    cut: int  # texts that were longer than the sequence
    max_seq_length: int
    path: Optional[str]  # file with the predictions, None where they went to a stream alone
    doubt: str  # what the share of unknown words tells of the vocabulary, empty where it is small
    examples: List[Tuple[str, str, float]]  # (text, label, its probability) of the first rows whose text is known


def run(settings, known=None, stream=None):
    """Predicts the rows of a file and writes the labels by name with their probabilities.

    Args:
      settings: command_line.settings.PredictionSettings.
      known: what was read before, as for task_data.Reader.
      stream: of text, that gets the predictions (too), tab-separated.

    Returns:
      Prediction.

    Raises:
      UserError: something cannot be used, read or written. What stands in a file appears whole or not at all.
    """
    check(settings)
    model = folders.read_whole(settings.model_dir, lambda: _Model(settings, known or {}))
    with model, contextlib.ExitStack() as stack:
        outputs, path = [], _path(settings)
        if stream:
            outputs.append(_Output("standard output", None, lambda: contextlib.nullcontext(stream)))
        if path:
            outputs.append(_output_in_folder(settings, path) if settings.output is None else _output_file(path))
        for output in outputs:
            stack.enter_context(output)
            output.begin(model)
        return _predict(model, settings, outputs, path)


def check(settings):
    """UserError where the predictions that are asked for cannot be written; makes nothing yet."""
    if settings.output is None:
        output_folder.check(settings.output_dir)
        return
    path = settings.output
    if path == run_files.STDOUT:
        return
    if os.path.isdir(path) or (os.path.isfile(path) and os.path.getsize(path) and not prediction_files.are_in(path)):
        raise UserError("--output: %s is there, and holds no predictions: choose another file." % path)
    if not os.path.isdir(os.path.dirname(os.path.abspath(path))):
        raise UserError("--output: there is no folder %s: make it, or choose another file." % os.path.dirname(path))


def reader_of(settings, stored, known):
    """task_data.Reader for a model_folder.StoredModel."""
    text = stored.text
    if settings.max_seq_length:
        text = dataclasses.replace(text, max_seq_length=settings.max_seq_length)
        path = os.path.join(stored.folder, run_files.MODEL_FILE)
        check_positions(settings.max_seq_length, stored.bert_config, path)
    vocab_file = stored.vocab_file
    if vocab_file is None:  # fine-tuned on records
        vocab_file = settings.vocab_file or os.path.join(stored.folder, run_files.VOCAB_FILE)
    return task_data.Reader(text, vocab_file, stored.bert_config.vocab_size, known)


class _Model:
    """A model with its weights loaded, and the rows that it is to predict; a context manager."""

    def __init__(self, settings, known):
        stored = model_folder.load(settings.model_dir)
        self.labels = stored.labels
        self.rows = reader_of(settings, stored, known).unlabelled(settings.predict_file)
        self._file, self._is_pair = settings.predict_file, stored.pair
        self.census = self.rows.census()
        if self.census:
            self.check_kind(self.census.is_pair)
        self.predictor = finetuner.Predictor(stored.bert_config, stored.config, len(self.labels), stored.checkpoint)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.predictor.__exit__(*error)

    def check_kind(self, is_pair):
        """UserError where rows are pairs and the model was trained on single texts, or the other way round."""
        if self._is_pair not in (None, is_pair):
            raise UserError(
                "--predict_file: %s holds %s, but the model was fine-tuned on %s."
                % (named(self._file), kind_of_rows(is_pair), kind_of_rows(self._is_pair))
            )

    def probabilities(self, block, batch_size):
        """One distribution of [classes] a row of an unlabelled_rows.Block, None for a blank one."""
        if block.examples is None:
            return [None] * len(block.is_blank)
        if self.census is None:  # standard input, of which nothing is known before
            self.check_kind(block.examples.has_pairs)
        logits = self.predictor.score(block.examples, batch_size)
        found = iter(Scores(logits, logits.argmax(axis=1)).probabilities)  # there are no true labels
        return [None if blank else next(found) for blank in block.is_blank]


def _predict(model, settings, outputs, path):
    """Predicts block by block; returns the Prediction."""
    rows = blank = cut = 0
    examples, unknown = [], unknown_words.Share()
    total = model.census.rows if model.census else None
    with Progress(total, "prediction", unit="row") as progress:
        for block in model.rows.blocks(settings.batch_size):
            found = model.probabilities(block, settings.batch_size)
            for output in outputs:
                output.write(rows, block.texts, found)
            for text, distribution in zip(block.texts, found):
                if text is not None and len(examples) < SHOWN:
                    best = int(distribution.argmax())
                    examples.append((_joined(text), model.labels[best], float(distribution[best])))
            rows += len(found)
            blank += sum(block.is_blank)
            cut += block.cut
            unknown = unknown.plus(block.unknown)
            progress.update(len(found))
    return Prediction(rows, blank, cut, model.rows.max_seq_length, path, model.rows.doubt(unknown), examples)


def _joined(text):
    return " ||| ".join(part for part in (text.text_a, text.text_b) if part)


class _Output:
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

    def begin(self, model):
        """Writes what stands before the first row."""
        with self._telling():
            self._writer = self._kind(self._stream, model.labels, model.rows.has_texts)

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


def _path(settings):
    """The file that predictions go to, None where they go to a stream alone."""
    if settings.output == run_files.STDOUT:
        return None
    if settings.output:
        return settings.output
    name = run_files.PREDICTIONS
    if os.path.exists(os.path.join(settings.output_dir, run_files.RESULTS)):  # keep the evaluation's predictions
        name = "predictions_%s.tsv" % stem(settings.predict_file)
    return os.path.join(settings.output_dir, name)


def _output_file(path):
    return _Output(path, "--output", lambda: atomic_file(path), prediction_files.writer_of(path))


def _output_in_folder(settings, path):
    """An _Output to a file in the output folder."""
    name = os.path.basename(path)

    @contextlib.contextmanager
    def opened():
        # of a kind of its own, for predictions of one file do not replace those of another
        with folders.atomic_folder(
            settings.output_dir, name, folders.SHARED, [name], lambda _: [name] * prediction_files.are_in(path)
        ) as work:
            with open(os.path.join(work, name), "w", encoding="utf-8") as file:
                yield file

    return _Output(settings.output_dir, "--output_dir", opened)
