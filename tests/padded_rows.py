"""Rows of token ids, drawn and padded, for tests of what carries them."""
import numpy as np

from data.examples import pad


def make_examples(size=5, seq=8, seed=0):
    """data.examples.Examples of pairs of three classes."""
    rng = np.random.RandomState(seed)
    rows = []
    for _ in range(size):
        length = rng.randint(3, seq + 1)
        segments = [0] * (length - 1) + [1]
        ids = rng.randint(1, 50, size=length).tolist()
        rows.append(
            {"input_ids": ids, "input_mask": [1] * length, "segment_ids": segments, "label_ids": rng.randint(3)}
        )
    return pad(rows, seq)
