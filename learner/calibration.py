"""The temperature of a classifier's probabilities, from the logits of training rows that were held out."""
import math

import numpy as np

GRID = np.exp(np.linspace(math.log(1 / 16), math.log(4.0), 121))  # temperatures that are looked at
# Chosen by docs/EXPERIMENTS.md: the usual temperature, and the spread of the logarithm of the best one around it.
USUAL, SPREAD = 0.71, 0.3


def temperature(logits, labels, usual=USUAL, spread=SPREAD):
    """The most probable temperature T, by which logits are divided before the softmax (Guo et al. 2017).

    The likelihood is that of held-out rows, the prior a normal distribution of log T: where few rows tell little, the
    usual temperature stands.

    Args:
      logits: [held-out rows, classes], of models that had not seen the rows.
      labels: int [held-out rows]; there may be none.
      usual: of the prior, the temperature in its middle.
      spread: of the prior, its standard deviation.
    """
    logits = np.asarray(logits, np.float64)
    costs = [_cross_entropy(logits / each, labels) + _surprise(each, usual, spread) for each in GRID]
    return float(GRID[int(np.argmin(costs))])


def _surprise(temperature, usual, spread):
    """Minus the logarithm of the prior, but for a constant."""
    return math.log(temperature / usual) ** 2 / (2 * spread**2)


def _cross_entropy(logits, labels):
    """Summed over the rows."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return float(np.sum(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]))
