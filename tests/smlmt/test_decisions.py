"""Classes from probabilities, and what is left undecided."""
import numpy as np
import pytest

from smlmt.decisions import Decisions


class Known(Decisions):
    classes_ = np.array([3, 7])

    def predict_proba(self, X):
        return np.array(X)


PROBABILITIES = [[0.6, 0.4], [0.1, 0.9]]


def test_all_rows_are_decided_where_nothing_else_is_asked():
    found = Known().predict(PROBABILITIES)
    assert found.tolist() == [3, 7] and found.dtype == Known.classes_.dtype


def test_unsure_rows_get_the_mark():
    assert Known().predict(PROBABILITIES, 0.9).tolist() == [None, 7]
    assert Known().predict(PROBABILITIES, 0.91, "?").tolist() == ["?", "?"]


@pytest.mark.parametrize("least, mark, words", [(1.5, None, "min_confidence=1.5"), (0.5, 7, "undecided=7 is a label")])
def test_what_cannot_be_asked(least, mark, words):
    with pytest.raises(ValueError, match=words):
        Known().predict(PROBABILITIES, least, mark)
