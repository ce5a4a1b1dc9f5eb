"""Logits of a model by onnxruntime. Nothing here needs TensorFlow."""
import os
import re
from concurrent import futures

import numpy as np

from data import batching
from runtime import onnx_model
from runtime.cells import shown
from runtime.cores import cores
from runtime.errors import UserError, reason
from runtime.installation import setup

TOKENS = 1024  # of a batch: what a core works on without leaving its cache


class OnnxSession:
    """A model.onnx that is ready to score rows.

    Batches take turns in one thread a core, each by itself: so no core waits for another in the middle of a batch.

    Args:
      path: the file.
      num_labels: classes that it has to have.
      threads: how many batches are worked on side by side; None: one a core.

    Raises:
      UserError: the file is missing or damaged, cannot be read by this onnxruntime, or is another model; or there is no
        onnxruntime.
    """

    def __init__(self, path, num_labels, threads=None):
        if not os.path.isfile(path):
            raise UserError("%s is missing: make it with scripts/export_onnx.py." % path)
        onnxruntime = _onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_mem_pattern = False  # which keeps something for every shape that comes along
        options.log_severity_level = 3  # errors, which are raised too
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own have no common class
            raise UserError(
                "%s: onnxruntime %s cannot use it (%s)." % (path, onnxruntime.__version__, _reason(error))
            ) from None
        taken = {each.name for each in self._session.get_inputs()}
        given = {each.name: each.shape for each in self._session.get_outputs()}
        if taken != set(onnx_model.INPUTS) or given.get(onnx_model.LOGITS, [None])[-1] != num_labels:
            raise UserError("%s is no model of %d classes as scripts/export_onnx.py makes them." % (path, num_labels))
        self._num_labels = num_labels
        self._pool = futures.ThreadPoolExecutor(threads or cores())

    def score(self, examples):
        """Logits of data.examples.Examples in the rows' order: [rows, num_labels]."""
        found = np.zeros([examples.size, self._num_labels], np.float32)
        lengths = examples.input_mask.sum(axis=1)

        def run(rows):
            length = lengths[rows].max()
            batch = {name: getattr(examples, name)[rows, :length] for name in onnx_model.INPUTS}
            found[rows] = self._session.run([onnx_model.LOGITS], batch)[0]

        at_once = max(1, TOKENS // examples.max_seq_length)
        for _ in self._pool.map(run, batching.batches_by_length(examples.input_mask, at_once)):
            pass  # an error in a thread is raised here
        return found


def _reason(error):
    """Why onnxruntime refuses a model, on one line, without the names of its own functions and files."""
    text = re.sub(r"^.*\) (?=[A-Z])", "", reason(error))
    return shown(re.sub(r"^\[ONNXRuntimeError\].* failed: ?", "", text)).rstrip(".")[:300]


def _onnxruntime():
    """The package, which is an extra; UserError where it is missing."""
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError("a %s needs onnxruntime (%s): %s." % (onnx_model.FILE, error, setup("onnx"))) from None
    return onnxruntime
