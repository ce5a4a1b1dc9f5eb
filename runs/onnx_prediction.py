"""A model's folder with a model.onnx, and predictions with it. Nothing here needs TensorFlow."""
import importlib.util
import os

from data import encoding
from runs import predicting, vocabulary_file
from runs.onnx_session import OnnxSession
from runs.unlabelled_rows import TextRows
from runtime import folders, onnx_model, run_files, schema
from runtime.errors import UserError
from runtime.plain_progress import PlainProgress
from runtime.schema import fields, flag, none_or, one_of, whole
from tokenization import FEW_REMEMBERED, Tokenizer

BATCH = 8  # rows of which a few batches are answered first
# What is read of a model.json, which holds more.
_SETTINGS = fields(
    {
        "labels": run_files.LABELS,
        "text": fields({"do_lower_case": flag, "max_seq_length": whole(3, 10**6)}, more=True),
    },
    {
        **vocabulary_file.CHECKS, "pair": none_or(flag), "label_kind": one_of(*run_files.LABEL_KINDS),
        "bert_config": fields({}, {"max_position_embeddings": whole(1, 10**6)}, more=True),
    },
    more=True,
)


class OnnxModel:
    """A model that is ready to score texts.

    Args:
      folder: with model.onnx, model.json and vocab.txt, or the folder of a run that has them in its model/.
      max_seq_length: tokens of a text or pair; None: the model's.
      threads: as for OnnxSession.
      flag: what named the folder, for errors; with its colon, or empty.

    Raises:
      UserError: the folder holds no such model, or one that cannot be used.
    """

    def __init__(self, folder, max_seq_length=None, threads=None, flag=""):
        folder = find(folder, flag)

        def read():
            settings = _settings(os.path.join(folder, run_files.MODEL_FILE))
            vocabulary_file.check(folder, settings, flag)
            vocab_file = os.path.join(folder, run_files.VOCAB_FILE)
            tokenizer = Tokenizer.from_file(vocab_file, settings["text"]["do_lower_case"], FEW_REMEMBERED)
            session = OnnxSession(os.path.join(folder, onnx_model.FILE), len(settings["labels"]), threads)
            return settings, tokenizer, session

        settings, self.tokenizer, self._session = folders.read_whole(folder, read)
        self.labels, self.is_pair = settings["labels"], settings.get("pair")
        self.label_kind = settings.get("label_kind", "U")
        self.max_seq_length = settings["text"]["max_seq_length"] if max_seq_length is None else max_seq_length
        positions = settings.get("bert_config", {}).get("max_position_embeddings", 512)
        if not 3 <= self.max_seq_length <= positions:
            raise UserError("%s: texts of %d tokens: 3 to %d can be read." % (folder, self.max_seq_length, positions))

    def score(self, examples):
        """Logits of data.examples.Examples, [rows, classes]."""
        return self._session.score(examples)

    def encode(self, texts, source="X"):
        """data.examples.Examples of TextExamples."""
        return encoding.encode(texts, self.tokenizer, (), self.max_seq_length, source)


class _Rows(predicting.RowPredictor):
    def __init__(self, model, rows, path, flag):
        self._model = model
        super().__init__(model.labels, model.is_pair, rows, path, flag)

    def score(self, examples, batch_size):
        """Logits of data.examples.Examples, [rows, classes]."""
        return self._model.score(examples)


def run(model, predict_file, outputs, path, known=None, is_unbuffered=False, flag="", min_confidence=None):
    """Predicts the rows of a file, as runs/prediction.py does.

    Args:
      model: OnnxModel.
      predict_file: of text; "-" is standard input.
      outputs, path: of prediction_places.outputs.
      known: unlabelled.Census of the file, where it was checked before.
      is_unbuffered: whether every row is answered before the next one is read.
      flag: what named the file, for errors; with its colon, or empty.
      min_confidence: rows whose highest probability is below it are not decided; None: all are.

    Returns:
      predicting.Prediction.
    """
    most, batch_size = (1, 1) if is_unbuffered else (None, BATCH)
    rows = TextRows(predict_file, model.tokenizer, model.max_seq_length, known, most)
    predictor = _Rows(model, rows, predict_file, flag)
    return predicting.predict(predictor, batch_size, outputs, path, PlainProgress, min_confidence)


def find(folder, flag=""):
    """The folder that has model.onnx beside model.json, `folder` itself or its model/; UserError without one."""
    for path in (folder, os.path.join(folder, run_files.MODEL)):
        folders.recover(path)
        if is_in(path):
            return path
    for path in (folder, os.path.join(folder, run_files.MODEL)):
        if os.path.isfile(os.path.join(path, onnx_model.FILE)):
            raise UserError("%s%s has a %s without its %s." % (flag, path, onnx_model.FILE, run_files.MODEL_FILE))
    name = onnx_model.FILE
    raise UserError(
        "%sno model in %s (neither %s nor %s/%s): scripts/export_onnx.py makes one of a fine-tuned model."
        % (flag, folder, name, run_files.MODEL, name)
    )


def is_in(folder):
    """Whether a folder of a model has a model.onnx."""
    return all(os.path.isfile(os.path.join(folder, name)) for name in (onnx_model.FILE, run_files.MODEL_FILE))


def is_possible():
    """Whether onnxruntime is installed."""
    return importlib.util.find_spec("onnxruntime") is not None


def _settings(path):
    try:
        return schema.load(path, _SETTINGS)
    except OSError as error:
        raise UserError("%s cannot be read (%s)." % (path, error.strerror)) from None
    except schema.Malformed as error:
        raise UserError("%s is damaged (%s)." % (path, error)) from None
