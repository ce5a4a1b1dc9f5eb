"""Numbers of the published program, replayed: losses, logits, gradients and variables after the steps.

The tolerances are those of tests/golden/README.md. Every array of expected.npz is compared; a case that cannot be
replayed fails.
"""
import re

import golden_replay
import numpy as np
import pytest

from runtime import sessions
from runtime.compat import tf

SECOND_MOMENT = r"^(after_\d|final)/.*AdamWeightDecayOptimizer_1$"  # 0.001 g^2 after one step
# Rounding noise of a gradient, a thirtieth of its own tolerance. Where terms cancel it is more than 1e-4 of the second
# moment: differences of up to 3e-7 come and go there with the CPU's matrix kernels (oneDNN, Eigen), in either mode.
GRADIENT_NOISE = 3e-7

# (pattern of the name in expected.npz, absolute tolerance, tolerance relative to the largest magnitude expected)
TOLERANCES = [
    (r"^step0/(loss|per_task_loss)$", 1e-5, 0.0),
    (r"^step[12]/(fwd/.*/)?(loss|per_task_loss)$", 2e-4, 0.0),
    (r"^fwd/.*/loss$", 1e-5, 0.0),
    (r"^fwd/.*/logits$", 1e-5, 1e-5),
    (r"/label_embs$|label_embedding_after$|first_pass_label_embs$", 1e-5, 0.0),
    (r"^inner/.*/global_norm$|^step0/grad_global_norm$|^grad_global_norm_dense$", 0.0, 1e-5),
    (r"^step[12]/grad_global_norm$", 0.0, 1e-4),
    (r"^(step\d+/|inner/t0/s\d+/)?grad(_clipped)?/", 1e-5, 1e-5),
    (r"^(after_\d|final)/.*AdamWeightDecayOptimizer$", 1e-6, 1e-5),
    (SECOND_MOMENT, 0.0, 1e-4),
    (r"^fast/", 5e-6, 0.0),
    (r"^eval/(logits|probabilities)$", 5e-5, 0.0),
    (r"^eval/batch_loss$|^batch\d+/(loss|per_task_loss)$", 1e-5, 0.0),
    (r"^metric/(mean_loss|eval_loss|precision|recall)$", 2e-6, 0.0),
    (r"outer_lr$", 0.0, 1e-6),
    (r"(accuracy|query_acc|pred|predictions)$|global_step$|training_step$", 0.0, 0.0),
]
FINETUNE_TOLERANCES = [
    (r"^(after_\d|final)/(global_step|training_step)$", 0.0, 0.0),
    (r"^(after_\d|final)/", 5e-6, 0.0),
    (r"/global_norm$", 0.0, 1e-5),
    (r"^metric/eval_loss$", 2e-6, 0.0),
    (r"loss$|^loss_sequence$", 1e-5, 0.0),
    (r"^step\d+/logits$", 1e-5, 1e-5),
] + TOLERANCES
META_TOLERANCES = TOLERANCES + [(r"^after_1/", 2e-5, 0.0), (r"^after_3/", 5e-5, 0.0)]


def difference(name, actual, expected, table):
    """None when within tolerance, else a line that says how far off."""
    expected = np.asarray(expected)
    actual = np.asarray(actual).reshape(expected.shape) if np.size(actual) == expected.size else np.asarray(actual)
    if actual.shape != expected.shape:
        return "%s: shape %s, expected %s" % (name, actual.shape, expected.shape)
    absolute, relative = next((a, r) for pattern, a, r in table if re.search(pattern, name))
    if absolute == relative == 0.0:
        same = np.array_equal(np.float32(actual), np.float32(expected))
        return None if same else "%s: %s, expected %s" % (name, actual, expected)
    largest = np.max(np.abs(expected)) if expected.size else 0.0
    limit = absolute + relative * largest
    if re.search(SECOND_MOMENT, name):
        limit += 0.001 * GRADIENT_NOISE * (GRADIENT_NOISE + 2.0 * np.sqrt(largest / 0.001))
    error = np.max(np.abs(np.float64(actual) - expected)) if expected.size else 0.0
    return None if error <= limit else "%s: off by %.3g, allowed %.3g" % (name, error, limit)


def check(case, found):
    table = FINETUNE_TOLERANCES if case.spec["mode"] == "finetune" else META_TOLERANCES
    problems = []
    found.setdefault("grad_global_norm_dense", found.get("step0/grad_global_norm"))
    for name, expected in sorted(case.expected.items()):
        if name not in found:
            if "grad" in name and not np.any(expected):
                continue  # a gradient that is zero because nothing depends on the variable
            problems.append("%s: not computed" % name)
            continue
        problem = difference(name, found[name], expected, table)
        if problem:
            problems.append(problem)
    skipped = set(case.spec.get("outer_no_grad") or [])
    problems += ["%s: has a gradient, none expected" % n for n in skipped if "grad/" + n in found]
    assert not problems, "%d of %d arrays differ:\n%s" % (len(problems), len(case.expected), "\n".join(problems[:40]))


@pytest.mark.parametrize("mode", ["fast", "reference"])
@pytest.mark.parametrize("name", golden_replay.case_names())
def test_case(name, mode):
    case = golden_replay.load_case(name)
    with tf.Graph().as_default():
        check(case, golden_replay.replay(case, reference_mode=mode == "reference"))


@pytest.mark.parametrize("name", golden_replay.one_of_each_mode())
def test_case_in_halves(monkeypatch, name):
    monkeypatch.setattr(sessions, "LEAST_WIDTH", 0)  # as wide encoders work
    case = golden_replay.load_case(name)
    with tf.Graph().as_default():
        check(case, golden_replay.replay(case))


def test_there_are_cases():
    assert golden_replay.case_names(), "no case.json below %s" % golden_replay.golden_dir()
