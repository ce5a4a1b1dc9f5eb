"""A fine-tuned model as a folder that needs no TensorFlow: model.onnx, vocab.txt, model.json and a model card.

The graph is checked before anything of it is to be seen: by onnx, and by onnxruntime against TensorFlow's logits.
"""
import contextlib
import logging
import os
import tempfile
from typing import Callable, NamedTuple, Optional

import numpy as np

from data import encoding, text, unlabelled
from runs import model_card, model_folder, onnx_session, schemas, vocabulary_file
from runtime import checkpoints, folders, onnx_model, run_files, schema
from runtime.errors import UserError, writing
from runtime.files import read_json, write_json
from runtime.installation import setup
from runtime.paths import SAMPLE
from tokenization import Tokenizer
from training import finetuner

KIND = "ONNX model"  # kind of making
MOST_AWAY = 1e-4  # of logits from TensorFlow's
MOST_AWAY_RELATIVE = 1e-5  # the same where logits are larger than 10
SAMPLE_TEXTS = 48
ODD_TEXTS = ("?", "a", "Ünïcödé 你好 \U0001f600", "x" * 150, "no " * 200, "well , you know . " * 40)
BATCH = 8


class FittedModel(NamedTuple):
    """A fine-tuned model as it is exported."""

    weights: dict  # {name: array} of its checkpoint
    bert_config: object
    config: object  # LearnerConfig or SoftmaxConfig
    content: dict  # of model.json
    tokenizer: Tokenizer
    score: Callable  # from data.examples.Examples to TensorFlow's logits, [rows, classes]
    results: Optional[dict] = None  # the results.json of its training, where it is known


class Checked(NamedTuple):
    """How an exported model compares with TensorFlow's."""

    rows: int  # texts that were compared
    difference: float  # largest one of a logit, before quantization
    changed: Optional[int]  # texts whose label is another one after quantization; None without it


def export(source, folder, texts=None, quantize=False, flag="--output_dir"):
    """Writes the folder, which appears whole or not at all.

    Args:
      source: FittedModel.
      folder: to make; it does not exist, or is empty.
      texts: TextExamples to compare logits on; None: some of our own.
      quantize: whether weights are 8-bit integers, which is smaller and faster, and changes some labels.
      flag: flag or argument that named the folder, for errors.

    Returns:
      Checked.

    Raises:
      UserError: the folder cannot be made, or the logits are not TensorFlow's.
    """
    check_packages()
    with folders.atomic_folder(folder, KIND, flag=flag) as work, writing(folder, flag):
        checked = add(source, work, texts, quantize)
        source.tokenizer.write(os.path.join(work, run_files.VOCAB_FILE))
        content = dict(source.content, **vocabulary_file.described(work))
        write_json(os.path.join(work, run_files.MODEL_FILE), content)
    return checked


def add(source, folder, texts=None, quantize=False):
    """Writes model.onnx and the model card into an existing folder; arguments and result as for `export`."""
    length, is_pair = source.content["text"]["max_seq_length"], source.content.get("pair")
    texts = texts or _texts(is_pair)
    examples = encoding.encode(texts, source.tokenizer, (), length, "texts")
    path = os.path.join(folder, onnx_model.FILE)
    labels = source.content["labels"]
    _write_graph(source, path)
    expected = source.score(examples) / np.float32(_temperature(source))
    found = onnx_session.OnnxSession(path, len(labels)).score(examples)
    away = np.abs(found - expected)
    if not np.all(away <= np.maximum(MOST_AWAY, MOST_AWAY_RELATIVE * np.abs(expected))):
        raise UserError("The exported graph is wrong: its logits differ from TensorFlow's by up to %g." % away.max())
    changed = None
    if quantize:
        _quantize(path)
        found = onnx_session.OnnxSession(path, len(labels)).score(examples)
        changed = int(np.sum(found.argmax(axis=1) != expected.argmax(axis=1)))
    checked = Checked(len(texts), float(away.max()), changed)
    with open(os.path.join(folder, onnx_model.CARD), "w", encoding="utf-8") as file:
        file.write(model_card.text(source.content, source.results, checked))
    return checked


def _temperature(source):
    """What the probabilities' temperature of a FittedModel is."""
    return source.content.get("temperature", 1.0)


def check_packages():
    """UserError where the packages of an export, which are an extra, are missing."""
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise UserError("an export to ONNX needs onnx and onnxruntime (%s): %s." % (error, setup("onnx"))) from None
    return onnx, onnxruntime


@contextlib.contextmanager
def opened(folder, flag="--model_dir"):
    """Gives the FittedModel in the folder of a fine-tuned model; its `score` works as long as the block.

    Raises UserError, which names `flag`, when there is none, or one that never read text.
    """

    def read():
        stored = model_folder.load(folder, flag)
        content = schema.load(os.path.join(folder, run_files.MODEL_FILE), schemas.model)
        if not stored.vocab_file:
            raise UserError(
                "%s: %s has no %s (fine-tuned on records): put the encoder's there."
                % (flag, folder, run_files.VOCAB_FILE)
            )
        tokenizer = Tokenizer.from_file(stored.vocab_file, stored.text.do_lower_case)
        weights = checkpoints.read(stored.checkpoint, flag)
        predictor = finetuner.Predictor(stored.bert_config, stored.config, len(stored.labels), stored.checkpoint)
        return stored, content, tokenizer, weights, predictor

    stored, content, tokenizer, weights, predictor = folders.read_whole(folder, read)
    with predictor:
        yield FittedModel(
            weights, stored.bert_config, stored.config, content, tokenizer,
            lambda examples: predictor.score(examples, BATCH), results_beside(folder, content),
        )


def results_beside(folder, content):
    """The results.json of the run that made a model, {} of model.json; None where it is not beside the folder."""
    found = read_json(os.path.join(os.path.dirname(os.path.abspath(folder)), run_files.RESULTS))
    is_its_own = isinstance(found, dict) and found.get("run_id") and found["run_id"] == content.get("run_id")
    return found if is_its_own else None


def _texts(is_pair):
    """Texts of our own to compare logits on: TextExamples, single ones or pairs."""
    rows = [row for row in unlabelled.read(os.path.join(SAMPLE, "eval.csv")) if row][:: 160 // SAMPLE_TEXTS]
    texts = [row.text_a for row in rows] + list(ODD_TEXTS)
    return [text.TextExample(*pair) for pair in zip(texts, texts[1:] + texts[:1])] if is_pair else [
        text.TextExample(each) for each in texts
    ]


def _write_graph(source, path):
    """Writes the graph, as onnx accepts it."""
    onnx, _ = check_packages()
    from runs import onnx_graph  # here, for onnx is an extra

    model = onnx_graph.build(
        source.weights, source.bert_config, source.config, len(source.content["labels"]), _temperature(source)
    )
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def _quantize(path):
    """Makes the weights of a model.onnx 8-bit integers, those of each output of a layer by their own scale."""
    from onnxruntime import quantization

    logging.disable(logging.WARNING)  # it advises to run other tools before
    try:
        with tempfile.TemporaryDirectory(dir=os.path.dirname(path)) as work:
            given, made = [os.path.join(work, name) for name in ("given.onnx", "made.onnx")]
            os.replace(path, given)  # beside which it may leave files of its own
            quantization.quantize_dynamic(given, made, per_channel=True, weight_type=quantization.QuantType.QInt8)
            os.replace(made, path)
    finally:
        logging.disable(logging.NOTSET)
