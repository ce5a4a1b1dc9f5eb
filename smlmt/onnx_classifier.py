"""A fine-tuned model as a classifier that needs numpy and onnxruntime alone.

>>> from smlmt.onnx_classifier import OnnxClassifier
>>> classifier = OnnxClassifier("output/sample_onnx")
>>> classifier.predict(["Where is my parcel?"])
array(['delivery'], dtype='<U16')

docs/ONNX.md tells how the folder is made.
"""
import os

import numpy as np

from runs.onnx_prediction import OnnxModel
from runs.scores import Scores
from smlmt import inputs
from smlmt.decisions import Decisions


class OnnxClassifier(Decisions):
    """A model that is ready to classify; it may be used from several threads.

    Args:
      folder: of scripts/export_onnx.py or FewShotClassifier.export_onnx; or of a run with --keep_onnx.
      max_seq_length: tokens of a text or pair; what is longer is cut. None: the model's.
      threads: batches that are worked on side by side; None: one a core.

    Attributes:
      classes_: the labels, [classes].

    Raises:
      runtime.errors.UserError: the folder holds no such model, or one that cannot be used; a line that says what to do.
    """

    def __init__(self, folder, max_seq_length=None, threads=None):
        inputs.check_number("max_seq_length", max_seq_length, 3)
        inputs.check_number("threads", threads, 1)
        self._model = OnnxModel(os.fspath(folder), max_seq_length, threads)
        convert_name = inputs.LABEL_KINDS[self._model.label_kind]
        self.classes_ = np.array([convert_name(name) for name in self._model.labels])

    def predict_proba(self, X):
        """Probabilities of the classes in the order of `classes_`, [n, classes].

        X is as for FewShotClassifier: texts [n], or pairs of texts [n, 2]; ValueError for others.
        """
        examples = self._model.encode(self._read(X))
        return Scores(self._model.score(examples), examples.label_ids).probabilities

    def check(self, X):
        """ValueError unless `predict` takes X; a server looks at each request before it puts several together."""
        self._read(X)

    def _read(self, X):
        texts = inputs.read_texts(X)
        inputs.check_kind(texts, self._model.is_pair)
        return texts
