"""From probabilities to classes, with a mark for what is too unsure to be decided."""
import numpy as np

from smlmt import inputs


def check(classes, min_confidence, undecided):
    """ValueError for a least probability that is none, or a mark that is a class; arguments as of `decide`."""
    inputs.check_number("min_confidence", min_confidence, 0, 1, whole=False)
    if min_confidence is not None and undecided in classes.tolist():
        raise ValueError("undecided=%r is a label: choose another mark" % (undecided,))


def decide(classes, probabilities, min_confidence=None, undecided=None):
    """The most probable class of each row, [n].

    Args:
      classes: [classes].
      probabilities: [n, classes].
      min_confidence: rows whose highest probability is below it get `undecided` in the place of a class; the array then
        holds objects. None: all rows are decided.
      undecided: the mark.
    """
    found = classes[np.argmax(probabilities, axis=1)]
    if min_confidence is not None:
        found = found.astype(object)
        found[probabilities.max(axis=1) < min_confidence] = undecided
    return found
