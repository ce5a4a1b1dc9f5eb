"""Which rows are held out, and in which order their logits come."""
import dataclasses

import numpy as np
import pytest
import tiny

from data.records import Examples
from learner import configs
from training import cross_validation

RUN = configs.FinetuneConfig(num_train_epochs=2.0)


@dataclasses.dataclass
class Fitted:
    """In the place of finetuner.Finetuner: the logits of a row are its number, and what each model had is kept."""

    encodes_once: bool = True
    num_labels: int = 3

    def held_out(self, settings, train, folds, names):
        self.folds = folds
        return [np.repeat(held[:, None], self.num_labels, axis=1) for _, held in folds]


def examples(labels):
    batch = tiny.make_batch(len(labels), 6, 2)._replace(label_ids=np.asarray(labels))
    return Examples(*[np.asarray(part, np.int32) for part in batch])


@pytest.mark.parametrize("half", [False, True])
def test_every_row_of_a_class_with_others_is_held_out_once(half):
    train, model = examples([0, 1, 0, 1, 2, 0, 1, 1]), Fitted()
    found = cross_validation.held_out(model, RUN, train, half=half)
    assert found[:, 0].tolist() == [0, 1, 2, 3, 5, 6, 7]  # row 4 is alone in its class
    assert len(model.folds) == 4
    for fitted, held in model.folds:
        assert not set(fitted) & set(held) and 4 in fitted
        assert set(train.label_ids[fitted]) == {0, 1, 2}
        assert len(fitted) == 8 - len(held) or half and len(fitted) < 8 - len(held)


def test_no_fold_where_there_is_nothing_to_learn_from_it():
    assert cross_validation.held_out(Fitted(), RUN, examples([0, 1, 2])).shape == (0, 3)
    assert cross_validation.held_out(Fitted(encodes_once=False), RUN, examples([0, 0, 1, 1])).shape == (0, 3)


@pytest.mark.parametrize("epochs, count", [(1.0, 10), (cross_validation.MOST_LOGITS / 36 / 3, 3), (1e9, 0)])
def test_large_tasks_have_fewer_folds(epochs, count):
    train = examples(np.arange(12) % 2)
    assert cross_validation.fold_count(Fitted(), dataclasses.replace(RUN, num_train_epochs=epochs), train) == count
