"""Meta-validation during training, and the export of the best model."""
import os
import shutil
from concurrent import futures

from runtime import checkpoints, files
from runtime.compat import tf

MODEL = "model"  # below the output directory
BEST = "best.json"
HISTORY = "validation.json"


class Validator:
    """Judges checkpoints by their mean query accuracy and keeps the best one as an exported model.

    Without validation tasks every checkpoint counts as the best so far.

    Args:
      estimator: tf.estimator.Estimator of one device over the checkpoints.
      data: function that makes the tf.data.Dataset of the validation tasks, or None.
      max_seq_length: tokens a row of the exported model.
      output_dir: existing folder; gets model/, best.json and validation.json (every result, in order).
      done: step of the newest checkpoint; what was judged after it belongs to checkpoints that are gone.
    """

    def __init__(self, estimator, data, max_seq_length, output_dir, done):
        self._estimator, self._data, self._max_seq_length = estimator, data, max_seq_length
        self._output_dir = output_dir
        self._history = [entry for entry in files.read_json(self._path(HISTORY)) or [] if entry["step"] <= done]
        best = files.read_json(self._path(BEST))
        self._best = best if best and best["step"] <= done else None
        checkpoints.sweep_unfinished(output_dir)
        checkpoints.recover_directory(self._path(MODEL))

    def validate(self, step):
        """Judges the newest checkpoint, which is that of `step`, unless it was done before.

        Runs in a thread of its own: there the graph, session and strategy of the training do not exist.
        """
        if any(entry["step"] == step for entry in self._history):
            return
        with futures.ThreadPoolExecutor(1) as pool:
            pool.submit(self._validate, step).result()

    def _validate(self, step):
        accuracy = loss = None
        if self._data:
            metrics = self._estimator.evaluate(self._data)
            accuracy, loss = float(metrics["query_accuracy"]), float(metrics["query_loss"])
        best = self._best and self._best["query_accuracy"]
        is_best = best is None or accuracy is None or accuracy > best
        note = "" if accuracy is None else ": query accuracy %.4f, loss %.4f" % (accuracy, loss)
        print("step %d%s%s" % (step, note, ", the best so far" if is_best and accuracy is not None else ""), flush=True)
        entry = {"step": step, "query_accuracy": accuracy, "query_loss": loss}
        try:
            if is_best:
                self._export()
                files.write_json(self._path(BEST), entry)
                self._best = entry
            files.write_json(self._path(HISTORY), self._history + [entry])
        except (tf.errors.OpError, OSError) as error:
            raise checkpoints.cannot_save("model of step %d" % step, self._output_dir, error) from None
        self._history.append(entry)

    def _export(self):
        work = checkpoints.make_unfinished(self._output_dir)
        try:
            exported = self._estimator.export_saved_model(work, self._serving_inputs)
            checkpoints.replace_directory(exported.decode(), self._path(MODEL))
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _serving_inputs(self):
        names = ("input_ids", "input_mask", "segment_ids")
        inputs = {name: tf.placeholder(tf.int32, [None, self._max_seq_length], name=name) for name in names}
        return tf.estimator.export.ServingInputReceiver(inputs, inputs)

    def _path(self, name):
        return os.path.join(self._output_dir, name)
