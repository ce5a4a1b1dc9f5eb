"""Scores of a classifier from its logits, in numpy."""
import numpy as np


class Scores:
    """Metrics of one evaluation.

    Args:
      logits: [rows, classes].
      labels: int [rows].
      temperature: what logits are divided by for probabilities; it changes no prediction.
    """

    def __init__(self, logits, labels, temperature=1.0):
        self.logits = np.asarray(logits, np.float32)
        self.labels = np.asarray(labels)
        shifted = self.logits - np.max(self.logits, axis=1, keepdims=True)
        shifted = shifted / np.float32(temperature)
        log_probabilities = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
        self.probabilities = np.exp(log_probabilities)  # [rows, classes]
        self.predictions = np.argmax(self.logits, axis=1)
        self.losses = -log_probabilities[np.arange(len(self.labels)), self.labels]  # cross entropy of each row

    @property
    def accuracy(self):
        return float(np.mean(self.predictions == self.labels))

    def batch_losses(self, batch_size):
        """Mean loss of each batch of rows in order; the last one may be short."""
        starts = range(0, len(self.losses), batch_size)
        return np.array([np.mean(self.losses[start : start + batch_size]) for start in starts])

    def mean_batch_loss(self, batch_size):
        """The published evaluation loss: the mean of batch means, so a short last batch counts fully."""
        return float(np.mean(self.batch_losses(batch_size)))

    @property
    def confusion(self):
        """Counts, [true class, predicted class]."""
        classes = self.logits.shape[1]
        counts = np.zeros([classes, classes], np.int64)
        np.add.at(counts, (self.labels, self.predictions), 1)
        return counts

    @property
    def precision(self):
        """Published precision: every class but 0 counts as positive; 0 when undefined."""
        return self._positive_hits(np.sum(self.predictions > 0))

    @property
    def recall(self):
        """Published recall: every class but 0 counts as positive; 0 when undefined."""
        return self._positive_hits(np.sum(self.labels > 0))

    def _positive_hits(self, of):
        return float(np.sum((self.predictions > 0) & (self.labels > 0)) / of) if of else 0.0

    @property
    def f1(self):
        """F1 of each class, 0 for one without rows and without predictions (scikit-learn's rule), [classes]."""
        confusion = self.confusion
        total = confusion.sum(axis=0) + confusion.sum(axis=1)
        return np.where(total > 0, 2.0 * np.diag(confusion) / np.maximum(total, 1), 0.0)

    @property
    def macro_f1(self):
        """Mean of the classes' F1."""
        return float(np.mean(self.f1))
