import json
import os

import pytest

from runtime.files import write_json
from training.validation import Validator


class Estimator:
    """Exports a folder with the number of the export in it."""

    exports = 0

    def export_saved_model(self, folder, inputs):
        del inputs
        self.exports += 1
        target = os.path.join(folder, "1")
        os.mkdir(target)
        with open(os.path.join(target, "number"), "w") as file:
            file.write(str(self.exports))
        return target.encode()

    def evaluate(self, data):
        return data()


@pytest.mark.parametrize("done, exports, best", [(4, 0, 0.9), (0, 2, 0.6)])
def test_what_was_judged_of_checkpoints_that_are_gone_is_judged_again(done, exports, best, tmp_path):
    """As after somebody deleted the checkpoints to start over: then none is done."""
    entry = {"step": 4, "query_accuracy": 0.9, "query_loss": 0.0}
    write_json(str(tmp_path / "validation.json"), [entry])
    write_json(str(tmp_path / "best.json"), entry)
    estimator = Estimator()
    accuracies = {4: 0.3, 8: 0.6}
    step = None
    validator = Validator(
        estimator, lambda: {"query_accuracy": accuracies[step], "query_loss": 1.0}, 4, str(tmp_path), done
    )
    for step in (4, 8):
        validator.validate(step)
    assert [entry["step"] for entry in json.loads((tmp_path / "validation.json").read_text())] == [4, 8]
    assert json.loads((tmp_path / "best.json").read_text())["query_accuracy"] == best
    assert estimator.exports == exports
