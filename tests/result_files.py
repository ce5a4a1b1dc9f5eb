"""Results files as runs leave them, for the tests of the tables."""
import json

import numpy as np

LABELS = ["negative", "neutral", "positive"]


def content(correct=60, rows=100, labels=LABELS, **more):
    """What a results file holds: `correct` of `rows` rows, evenly spread over the classes as far as they go."""
    classes = len(labels)
    confusion = np.zeros([classes, classes], int)
    for row in range(rows):
        confusion[row % classes, (row + (row >= correct)) % classes] += 1
    metrics = {"accuracy": correct / rows, "macro_f1": 0.5, "loss": 1.25, "confusion": confusion.tolist()}
    config = {"labels": list(labels), "learner": {}, "finetuning": {}}
    return dict({"task": None, "config": config, "metrics": metrics}, **more)


def put(folder, name, values):
    """Writes a results file into the folder `name` below a folder."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "results.json").write_text(json.dumps(values))


def put_sweep(folder, accuracies, **more):
    """Writes runs given as {(model, task, k): correct rows of 100 of each split}."""
    for (model, task, k), splits in accuracies.items():
        for split, correct in enumerate(splits):
            put(folder, "%s/%s/%d/%d" % (model, task, k, split), content(correct, **more))
