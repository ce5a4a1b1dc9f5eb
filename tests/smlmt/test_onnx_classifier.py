"""OnnxClassifier: errors, labels of all kinds, the same probabilities as TensorFlow, and what it does without."""
import os
import shutil
import subprocess
import sys

import numpy as np
import onnx_folder
import pytest

from runs import onnx_export
from runs.scores import Scores
from runtime.errors import UserError
from runtime.paths import ROOT
from smlmt import inputs
from smlmt.onnx_classifier import OnnxClassifier

TEXTS = ["good film", "bad slow plot very slow", "fine", "red 你好 green blue good unknown", "?"]
# What predictions do without; None in sys.modules fails an import.
ABSENT = ("tensorflow", "absl", "sklearn", "scipy", "six", "tqdm", "google", "onnx", "platformdirs")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return onnx_folder.write(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def classifier(folders):
    return OnnxClassifier(folders[1])


@pytest.mark.parametrize(
    "X, words",
    [([], "empty"), ("good film", "list or array"), (["good", " "], "row 1 has an empty text"), ([3], "row 0 is 3")],
)
def test_bad_rows(classifier, X, words):
    with pytest.raises(ValueError, match=words):
        classifier.predict(X)


def test_bad_folders_and_parameters(folders, tmp_path):
    with pytest.raises(UserError, match="no model in .*export_onnx"):
        OnnxClassifier(str(tmp_path))
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(UserError, match="has a model.onnx without its model.json"):
        OnnxClassifier(str(tmp_path))
    with pytest.raises(ValueError, match="threads=0"):
        OnnxClassifier(folders[1], threads=0)
    with pytest.raises(UserError, match="texts of 25 tokens: 3 to 24"):
        OnnxClassifier(folders[1], max_seq_length=25)


def test_probabilities_are_tensorflows(folders, classifier):
    with onnx_export.opened(folders[0]) as model:
        examples = classifier._model.encode(inputs.read_texts(TEXTS))
        expected = Scores(model.score(examples), examples.label_ids).probabilities
    found = classifier.predict_proba(TEXTS)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert classifier.predict(TEXTS).tolist() == classifier.classes_[expected.argmax(axis=1)].tolist()
    assert classifier.classes_.tolist() == list(onnx_folder.LABELS)
    assert OnnxClassifier(folders[1], max_seq_length=5, threads=1).predict_proba(TEXTS).shape == found.shape


def test_unsure_texts_stay_undecided(classifier):
    tops = classifier.predict_proba(TEXTS).max(axis=1)
    least = float(np.median(tops))
    found = classifier.predict(TEXTS, min_confidence=least, undecided="?").tolist()
    assert found == [label if top >= least else "?" for label, top in zip(classifier.predict(TEXTS), tops)]
    assert "?" in found
    with pytest.raises(ValueError, match="is a label"):
        classifier.predict(TEXTS, least, undecided=onnx_folder.LABELS[0])


def test_labels_keep_their_type_and_kinds_of_rows_are_told_apart(tmp_path):
    _, folder = onnx_folder.write(tmp_path, ("1", "20"), label_kind="i", pair=True)
    classifier = OnnxClassifier(folder)
    assert classifier.predict([("good", "film")]).dtype.kind == "i" and classifier.classes_.tolist() == [1, 20]
    with pytest.raises(ValueError, match="X holds single texts, but the model was fitted on pairs"):
        classifier.predict(["good"])


def test_it_needs_numpy_and_onnxruntime_alone(folders, tmp_path):
    folder = str(tmp_path / "onnx")
    shutil.copytree(folders[1], folder)
    code = (
        "import sys\n"
        "for name in %r: sys.modules[name] = None\n"
        "from smlmt import predict\n"
        "from smlmt.onnx_classifier import OnnxClassifier\n"
        "print(len(OnnxClassifier(%r).predict(['good film'])))\n"
        "assert predict.main([%r]) == 0\n"
        "print([name for name in %r if sys.modules[name]])\n" % (ABSENT, folder, folder, ABSENT)
    )
    environment = dict(os.environ, PYTHONPATH=ROOT)
    done = subprocess.run(
        [sys.executable, "-c", code], input="good film\n".encode(), env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, cwd=str(tmp_path),
    )
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0 and lines[0] == "1" and lines[-1] == "[]", done.stderr.decode()
    assert lines[2].startswith("0\tgood film\t")
