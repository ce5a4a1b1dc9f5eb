"""From probabilities to classes, with a mark for what is too unsure to be decided."""
import numpy as np

from smlmt import inputs


class Decisions:
    """`predict` of a classifier that has `classes_`, [classes], and `predict_proba`, [n, classes]."""

    def predict(self, X, min_confidence=None, undecided=None):
        """The most probable label of each text, [n].

        Args:
          X: texts.
          min_confidence: texts whose highest probability is below it get `undecided` in the place of a label; the array
            then holds objects.
          undecided: must be none of the labels.
        """
        inputs.check_number("min_confidence", min_confidence, 0, 1, whole=False)
        probabilities = self.predict_proba(X)
        found = self.classes_[np.argmax(probabilities, axis=1)]
        if min_confidence is None:
            return found
        if undecided in self.classes_.tolist():
            raise ValueError("undecided=%r is a label: choose another mark" % (undecided,))
        found = found.astype(object)
        found[probabilities.max(axis=1) < min_confidence] = undecided
        return found
