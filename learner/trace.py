"""What the inner loop of a task leaves: its result, and the log that the result is made from."""
import collections

from learner import heads
from learner.classifier import Pass
from runtime.compat import tf

TaskResult = collections.namedtuple(
    "TaskResult",
    [
        "loss",  # weighted sum of the query losses
        "accuracy",  # of the last query pass
        "predictions",  # of the last query pass, int32 [query rows]
        "gradients",  # {variable name: gradient of loss} of the variables that it depends on; None in evaluation
        "support_losses",  # [support passes]
        "query_losses",  # [query passes]
        "inner_norms",  # gradient norms before clipping, [inner steps]
        "trace",  # Trace where asked for
    ],
)

Trace = collections.namedtuple(
    "Trace",
    [
        "passes",  # every forward Pass in program order
        "inner_gradients",  # {name: gradient before clipping} per inner step
        "fast",  # {name: tensor} at the last query pass
        "word_ids",  # vocabulary ids of the rows of the task's word table
    ],
)


class Log:
    """Collects passes, gradients and norms in program order."""

    def __init__(self):
        self._passes = []
        self._support_losses, self._query_losses, self._norms = [], [], []  # lists of vectors
        self._gradients = []
        self._fast = None  # weights at the last query pass
        self._logits = None  # of the last query pass

    def support(self, result):
        """Adds a support pass, and returns it."""
        self._passes.append(result)
        self._support_losses.append(result.loss[None])
        return result

    def step(self, taken):
        """Adds an episode.InnerStep."""
        self._gradients.append(taken.gradients)
        self._norms.append(taken.norm[None])

    def query(self, result, fast):
        """Adds a query pass with the weights {name: tensor}, and returns it."""
        self._passes.append(result)
        self._query_losses.append(result.loss[None])
        self._fast, self._logits = fast, result.logits
        return result

    def loop(self, positions, logits, records, names):
        """Adds what a loop over the positions recorded, but for the first support pass, which was added before.

        Args:
          positions: of the InnerSchedule.
          logits: of the last query pass.
          records: {key: tensor [positions, ...]} with support_loss, query_loss and norm; where `names` are given also
            the other fields of Pass behind "support_" and "query_", and "gradient/" and "fast/" before each name.
          names: of the weights to remember, None where only losses and norms were recorded.
        """
        count = len(positions)
        steps = [at for at, position in enumerate(positions) if position.rate_set is not None]
        queries = [at for at, position in enumerate(positions) if position.query_weight is not None]

        def picked(key, places):
            return tf.gather(tf.reshape(records[key], [count]), tf.constant(places, tf.int32))

        self._support_losses.append(picked("support_loss", list(range(1, count))))
        self._query_losses.append(picked("query_loss", queries))
        self._norms.append(picked("norm", steps))
        self._logits = logits
        for at in range(count) if names is not None else []:
            for kind in ["support"] * (at > 0) + ["query"] * (at in queries):
                self._passes.append(Pass(*[records["%s_%s" % (kind, field)][at] for field in Pass._fields]))
            if at in steps:
                self._gradients.append({name: records["gradient/" + name][at] for name in names})
            if at in queries:
                self._fast = {name: records["fast/" + name][at] for name in names}

    def result(self, episode, loss, gradients, trace):
        """TaskResult of an episode.Episode; with a Trace where `trace` says so."""

        def joined(vectors):
            return tf.concat([tf.reshape(v, [-1]) for v in vectors], axis=0) if vectors else tf.zeros([0])

        return TaskResult(
            loss=loss,
            accuracy=heads.accuracy(self._logits, episode.query_rows.label_ids),
            predictions=heads.predictions(self._logits),
            gradients=gradients,
            support_losses=joined(self._support_losses),
            query_losses=joined(self._query_losses),
            inner_norms=joined(self._norms),
            trace=Trace(self._passes, self._gradients, self._fast, episode.word_ids) if trace else None,
        )
