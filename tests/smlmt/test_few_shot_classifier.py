"""FewShotClassifier on a tiny encoder: errors, scikit-learn's conventions, folders, and the examples of the docs."""
import gc
import os
import pickle
import re
import shutil
import subprocess
import sys

import numpy as np
import other_process
import pytest
import tiny
from embedded_encoder import fixture_embedded, fixture_encoder  # noqa: F401
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from command_line.settings import ScoreSettings
from fetch import minilm as fetch_minilm
from runs import evaluation
from runtime.compat import tf
from runtime.errors import UserError
from runtime.paths import ROOT
from runtime.run_files import ENCODER_FILE
from smlmt import few_shot_classifier
from smlmt.few_shot_classifier import FewShotClassifier

TEXTS = ["good film", "good plot", "very good film", "bad film", "slow plot slow", "bad bad plot", "red green"]
LABELS = ["up", "up", "up", "down", "down", "down", "größer"]
pytestmark = pytest.mark.filterwarnings("ignore:y. the label .* has one row:UserWarning")
SMALL = dict(max_seq_length=12, epochs=2, progress=False)


@pytest.fixture(scope="module")
def fitted(encoder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetch_minilm, "ensure_minilm", lambda: encoder)
        return FewShotClassifier(**SMALL).fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    "X, y, words",
    [
        ([], [], "empty"),
        ("good film", ["up"], "list or array"),
        (["good", 3], ["up", "down"], "row 1 is 3"),
        (["good", " "], ["up", "down"], "row 1 has an empty text"),
        ([("a", "b", "c"), ("a", "b", "c")], ["up", "down"], "row 0"),
        ([("a", "b"), "c"], ["up", "down"], "1 of 2 rows are pairs"),
        (["good", "bad"], ["up"], "inconsistent"),
        (["good", "bad"], ["up", "up"], "all 2 rows have the label 'up'"),
        (["good", "bad"], [0.5, 1.5], "y: row 0 is 0.5: labels are strings, integers or booleans"),
    ],
)
def test_bad_rows(X, y, words):
    with pytest.raises(ValueError, match=words):
        FewShotClassifier(**SMALL).fit(X, y)


@pytest.mark.parametrize(
    "name, value",
    [(name, -1) for name in ("epochs", "batch_size", "max_seq_length", "random_state")]
    + [("max_seq_length", 129), ("random_state", 2**31)],  # more than the encoder's positions; than a seed may be
)
def test_bad_parameters(name, value):
    with pytest.raises(ValueError, match=name):
        FewShotClassifier(**dict(SMALL, **{name: value})).fit(TEXTS, LABELS)


def test_not_fitted(tmp_path):
    for use in (lambda c: c.predict(TEXTS), lambda c: c.predict_proba(TEXTS), lambda c: c.save(str(tmp_path / "m"))):
        with pytest.raises(NotFittedError):
            use(FewShotClassifier())


def test_bad_folders(fitted, tmp_path):
    with pytest.raises(UserError, match="no fine-tuned model"):
        FewShotClassifier.load(str(tmp_path))
    (tmp_path / "mine").write_text("")
    with pytest.raises(UserError, match="FewShotClassifier.save: .*mine is no folder"):
        fitted.save(str(tmp_path / "mine"))
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "model.json").write_text('{"class_name": "Sequential"}')
    with pytest.raises(UserError, match="FewShotClassifier.save: .*theirs is there, and holds no model"):
        fitted.save(str(tmp_path / "theirs"))
    assert sorted(os.listdir(str(tmp_path))) == ["mine", "theirs"]
    assert os.listdir(str(tmp_path / "theirs")) == ["model.json"]


def damaged(folder, name, content):
    """Replaces a file, or removes it where the content is None; returns the folder."""
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    return str(folder)


@pytest.mark.parametrize("name, content, words", [
    ("model.json", None, "no fine-tuned model in"), ("model.json", b"{", "model.json is damaged"),
    ("model.ckpt.index", None, "model.ckpt.index is missing"), ("model.ckpt.index", b"", "model.ckpt cannot be read"),
    (ENCODER_FILE, None, "model.ckpt cannot be read"),
    ("model.ckpt.data-00001-of-00002", b"", "model.ckpt cannot be read"),
    ("vocab.txt", None, "has no vocab.txt"),
    ("vocab.txt", b"\xff", "^FewShotClassifier.load: [^ ]*vocab.txt is not the vocabulary"),
])
def test_a_damaged_model_is_told_without_a_flag(name, content, words, fitted, tmp_path):
    fitted.save(str(tmp_path / "model"))
    folder = damaged(tmp_path / "model", name, content)
    with pytest.raises(UserError, match=words) as error:
        FewShotClassifier.load(folder)
    assert "--" not in str(error.value)


@pytest.mark.parametrize("parameter, name", [("model_dir", "model.ckpt.index"), ("model", ENCODER_FILE)])
def test_a_damaged_start_is_told_by_the_parameter(parameter, name, fitted, tmp_path):
    fitted.save(str(tmp_path / "model"))
    folder = damaged(tmp_path / "model", name, None)
    with pytest.raises(UserError, match="^%s: " % parameter) as error:
        FewShotClassifier(**dict(SMALL, **{parameter: folder})).fit(TEXTS, LABELS)
    assert "--" not in str(error.value)


def test_the_command_line_scores_a_saved_model_alike(fitted, tmp_path):
    fitted.save(str(tmp_path / "model"))
    (tmp_path / "a.csv").write_text("text,label\n" + "".join("%s,%s\n" % row for row in zip(TEXTS, LABELS)), "utf-8")
    asked = ScoreSettings(str(tmp_path / "model"), str(tmp_path / "a.csv"), str(tmp_path / "out"), 8, None, None)
    found = evaluation.run(asked)
    assert found.summary["metrics"]["accuracy"] == fitted.score(TEXTS, LABELS)
    np.testing.assert_allclose(found.scores.probabilities, fitted.predict_proba(TEXTS), atol=1e-6)


def test_pairs_are_not_single_texts(fitted, tmp_path):
    fitted.save(str(tmp_path / "model"))
    for classifier in (fitted, FewShotClassifier.load(str(tmp_path / "model"), **SMALL)):
        with pytest.raises(ValueError, match="X holds pairs of texts, but the model was fitted on single texts"):
            classifier.predict([("good", "bad")])


def test_a_temperature_is_fitted_saved_and_loaded(fitted, tmp_path):
    fitted.save(str(tmp_path / "model"))
    again = FewShotClassifier.load(str(tmp_path / "model"), **SMALL)
    assert fitted._temperature != 1.0 and again._temperature == fitted._temperature
    np.testing.assert_array_equal(again.predict_proba(TEXTS), fitted.predict_proba(TEXTS))


def test_unsure_texts_stay_undecided(fitted):
    tops = fitted.predict_proba(TEXTS).max(axis=1)
    plain, found = fitted.predict(TEXTS), fitted.predict(TEXTS, min_confidence=float(np.median(tops)))
    assert found.tolist() == [label if top >= np.median(tops) else None for label, top in zip(plain, tops)]
    assert None in found.tolist()
    assert set(fitted.predict(TEXTS, 1.0, undecided="?").tolist()) <= {"?"} | set(plain)
    with pytest.raises(ValueError, match="undecided='up' is a label"):
        fitted.predict(TEXTS, 0.5, undecided="up")
    with pytest.raises(ValueError, match="min_confidence=2"):
        fitted.predict(TEXTS, min_confidence=2)


def test_a_batch_of_more_rows_than_all_epochs_warns(encoder):
    with pytest.warns(UserWarning, match=r"batch_size=32 is more than the rows of all epochs \(7 rows, epochs=2\)"):
        FewShotClassifier(batch_size=32, **SMALL).fit(TEXTS, LABELS)


def test_suggested_texts_differ(fitted):
    texts = ["good film", "Good film", "red green", "slow plot", "fine"]
    found = fitted.suggest(texts, n=3).tolist()
    assert len(set(found)) == 3 and not {0, 1} <= set(found)
    assert sorted(fitted.suggest(texts).tolist()) == [0, 2, 3, 4]
    with pytest.raises(ValueError, match="n=0"):
        fitted.suggest(texts, n=0)
    with pytest.raises(ValueError, match="n=None: an integer at least 1 is needed$"):
        fitted.suggest(texts, n=None)


def test_a_check_leaves_the_fitted_model_as_it_is(fitted):
    before = fitted.predict_proba(TEXTS)
    found = fitted.check(TEXTS[:6], LABELS[:6])
    assert found["rows"] == 6 and 0.0 <= found["accuracy"] <= 1.0 and found["majority_baseline"] == 0.5
    assert found == FewShotClassifier(**SMALL).check(TEXTS[:6], LABELS[:6])
    assert "fewer than two rows" in fitted.check(TEXTS, LABELS)["skipped"]
    np.testing.assert_array_equal(fitted.predict_proba(TEXTS), before)
    with pytest.raises(ValueError, match="inconsistent"):
        FewShotClassifier(**SMALL).check(TEXTS, LABELS[:3])


def test_predictions(fitted):
    assert fitted.classes_.tolist() == ["down", "größer", "up"]
    probabilities = fitted.predict_proba(TEXTS)
    assert probabilities.shape == (7, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)
    assert fitted.predict(TEXTS).tolist() == fitted.classes_[probabilities.argmax(axis=1)].tolist()
    assert fitted.score(TEXTS, LABELS) == np.mean(fitted.predict(TEXTS) == LABELS)
    # Rounding differs with a row's place in the batch, which small probabilities show.
    np.testing.assert_allclose(fitted.predict_proba(TEXTS[::-1])[::-1], probabilities, rtol=1e-5, atol=1e-6)


def test_labels_that_look_like_a_mistake():
    y = ["laundry", "laundry", "laundry", "laundy", "refund", "refund", "refund"]
    with pytest.warns(UserWarning) as told:
        FewShotClassifier(**SMALL).fit(TEXTS[:6] + TEXTS[:1], y)
    assert [str(each.message).split(":")[1].strip() for each in told] == [
        "the label 'laundy' has one row alone (row 3)",
        "the labels 'laundy' (row 3) and 'laundry' (3 rows) may be meant to be the same.",
        "one text stands under several labels (row 0 as 'laundry', row 6 as 'refund').",
    ]
    assert {each.filename for each in told} == {__file__}


@pytest.mark.parametrize("labels", [[3, 3, 3, -1, -1, -1, 7], [True, True, True, False, False, False, False]])
def test_labels_keep_their_type(labels, tmp_path):
    classifier = FewShotClassifier(**SMALL).fit(np.array(TEXTS, object), labels)
    classifier.save(str(tmp_path / "model"))
    again = FewShotClassifier.load(str(tmp_path / "model"), **SMALL)
    assert again.classes_.tolist() == sorted(set(labels))
    assert again.classes_.dtype.kind == np.array(labels).dtype.kind
    assert again.predict(TEXTS).tolist() == classifier.predict(TEXTS).tolist()


def test_fits_are_the_same_and_change_no_other_classifier(fitted):
    before = fitted.predict_proba(TEXTS)
    again = clone(fitted).fit(TEXTS, LABELS)
    np.testing.assert_array_equal(again.predict_proba(TEXTS), before)
    other = clone(fitted).fit(TEXTS, LABELS[::-1])
    assert np.abs(other.predict_proba(TEXTS) - before).max() > 1e-3
    np.testing.assert_array_equal(fitted.predict_proba(TEXTS), before)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(TEXTS), before)


def test_seed_changes_the_model(fitted):
    other = clone(fitted).set_params(random_state=1).fit(TEXTS, LABELS)
    assert np.abs(other.predict_proba(TEXTS) - fitted.predict_proba(TEXTS)).max() > 0


def test_refits_make_nothing_new(fitted, monkeypatch):
    clone(fitted).fit(TEXTS, LABELS)

    def made(*arguments, **options):
        raise AssertionError("a graph was made")

    monkeypatch.setattr(few_shot_classifier.finetuners, "Finetuner", made)
    graph = few_shot_classifier._SHARED._finetuner._session.graph
    size = len(graph.get_operations())
    for _ in range(3):
        clone(fitted).fit(TEXTS, LABELS).predict(TEXTS)
    assert len(graph.get_operations()) == size


def test_graphs_are_given_back(fitted):
    """Settings that change need a graph of their own; the one before goes."""

    def graphs():
        gc.collect()
        return [thing for thing in gc.get_objects() if type(thing) is tf.Graph and len(thing.get_operations()) > 100]

    before = graphs()
    for seed in range(4):
        clone(fitted).set_params(random_state=seed).fit(TEXTS, LABELS)
    assert sum(not any(graph is other for other in before) for graph in graphs()) == 1


def test_conventions(fitted):
    assert is_classifier(fitted)
    assert clone(fitted).get_params() == fitted.get_params()
    assert set(fitted.get_params()) == {
        "model_dir", "epochs", "batch_size", "max_seq_length", "random_state", "progress", "label_names",
        "model", "encoder",
    }
    scores = cross_val_score(FewShotClassifier(**SMALL), TEXTS[:6], LABELS[:6], cv=3)
    assert scores.shape == (3,) and np.isfinite(scores).all()
    pairs = [(text, "film") for text in TEXTS[:6]]
    assert np.isfinite(cross_val_score(make_pipeline(FewShotClassifier(**SMALL)), pairs, LABELS[:6], cv=3)).all()


def test_names_of_labels(fitted, tmp_path):
    """The labels themselves unless others are given; numbers are no names."""

    def fit(names, labels=LABELS):
        return FewShotClassifier(label_names=names, **SMALL).fit(TEXTS, labels)

    told = {"up": "good film very good plot good", "down": "bad film slow plot bad slow"}
    told["größer"] = "red green red green"
    named = fit(told)
    listed = fit([told[label] for label in named.classes_])
    np.testing.assert_array_equal(named.predict_proba(TEXTS), listed.predict_proba(TEXTS))
    assert np.abs(named.predict_proba(TEXTS) - fit(None).predict_proba(TEXTS)).max() > 1e-3
    own = fit(["down", "größer", "up"])
    np.testing.assert_array_equal(own.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    numbers = [len(label) for label in LABELS]
    assert (fit("auto", numbers).predict_proba(TEXTS) == fit(None, numbers).predict_proba(TEXTS)).all()
    named.save(str(tmp_path / "model"))
    loaded = FewShotClassifier.load(str(tmp_path / "model"), **SMALL)
    np.testing.assert_array_equal(loaded.predict_proba(TEXTS), named.predict_proba(TEXTS))
    for wrong in ("down", ["down"], {"up": "good"}, [1, 2, 3], ["a", " ", "b"]):
        with pytest.raises(ValueError, match="label_names"):
            fit(wrong)


def test_folder(fitted, tmp_path):
    folder = str(tmp_path / "new" / "model")
    fitted.save(folder)
    fitted.save(folder)  # replaces
    assert os.listdir(os.path.dirname(folder)) == ["model"]
    loaded = FewShotClassifier.load(folder, **SMALL)
    assert loaded.classes_.tolist() == fitted.classes_.tolist()
    np.testing.assert_array_equal(loaded.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    loaded.save(str(tmp_path / "copy"))
    copy = FewShotClassifier.load(str(tmp_path / "copy"), **SMALL)
    np.testing.assert_array_equal(copy.predict_proba(TEXTS), fitted.predict_proba(TEXTS))


def test_export_onnx(fitted, tmp_path):
    with pytest.raises(NotFittedError):
        FewShotClassifier().export_onnx(str(tmp_path / "onnx"))
    found = fitted.export_onnx(str(tmp_path / "onnx"), quantize=True)
    assert found.difference < 1e-4 and 0 <= found.changed <= found.rows
    assert {"model.onnx", "model.json", "vocab.txt"} <= set(os.listdir(str(tmp_path / "onnx")))
    with pytest.raises(UserError, match="FewShotClassifier.export_onnx: .*onnx"):
        fitted.export_onnx(str(tmp_path / "onnx"))


def test_a_fitted_classifier_needs_no_folder(fitted, encoder, tmp_path, monkeypatch):
    fitted.save(str(tmp_path / "model"))
    loaded = FewShotClassifier.load(str(tmp_path / "model"), **SMALL)
    pickled = pickle.dumps(fitted)
    expected = fitted.predict_proba(TEXTS)
    shutil.rmtree(str(tmp_path / "model"))
    monkeypatch.setattr(fetch_minilm, "ensure_minilm", lambda: str(tmp_path / "gone"))
    monkeypatch.setattr(few_shot_classifier, "_SHARED", few_shot_classifier._SharedFinetuner())  # as a new process
    for classifier in (loaded, pickle.loads(pickled), loaded.set_params(model_dir="elsewhere")):
        np.testing.assert_array_equal(classifier.predict_proba(TEXTS), expected)
        classifier.save(str(tmp_path / "again"))
    again = FewShotClassifier.load(str(tmp_path / "again"), **SMALL)
    np.testing.assert_array_equal(again.predict_proba(TEXTS), expected)
    with pytest.raises(UserError, match="elsewhere"):
        loaded.fit(TEXTS, LABELS)


def test_mistakes_are_value_errors_of_the_classifier(fitted, tmp_path):
    for name, value in [("epochs", "2"), ("batch_size", 2.0), ("max_seq_length", True), ("random_state", "0")]:
        with pytest.raises(ValueError, match="%s=" % name):
            FewShotClassifier(**dict(SMALL, **{name: value})).fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match="row 3 has no label"):
        FewShotClassifier(**SMALL).fit(TEXTS[:4], LABELS[:3] + [float("nan")])
    with pytest.raises(ValueError, match="X is a list or array"):
        fitted.predict({"text": TEXTS})
    FewShotClassifier(**dict(SMALL, random_state=None)).fit(TEXTS, LABELS)


FORKED = """
import multiprocessing, os
from smlmt import FewShotClassifier
saved = sys.argv[1]

def predict(classifier):
    return classifier.predict(["good film"]).tolist()

def main():
    def pool(kind, classifier):
        with multiprocessing.get_context(kind).Pool(2) as pool:
            return pool.map_async(predict, [classifier] * 2).get(60)

    loaded = FewShotClassifier.load(saved, progress=False)
    print(pool("fork", loaded))  # nothing has run here yet
    expected = predict(loaded)
    try:
        print(pool("fork", loaded))
    except Exception as error:
        print(type(error).__name__, error)
    print(predict(loaded) == expected)

main()
"""


def test_after_a_fork_there_is_an_answer_or_an_error_at_once(fitted, tmp_path):
    fitted.save(str(tmp_path / "model"))
    code, output, error = other_process.run(FORKED, tmp_path / "model")
    assert code == 0, error
    first, second, third = output.splitlines()
    assert first.count("[") == 3 and third == "True"
    assert second.startswith("UserError FewShotClassifier: this process was forked off") and "spawn" in second


def test_a_graph_that_only_scores_is_not_fitted_from(fitted, monkeypatch):
    monkeypatch.setattr(few_shot_classifier, "_SHARED", few_shot_classifier._SharedFinetuner())
    expected = fitted.predict_proba(TEXTS)
    np.testing.assert_array_equal(clone(fitted).fit(TEXTS, LABELS).predict_proba(TEXTS), expected)


def test_a_stopped_change_of_weights_leaves_nobody_with_anothers(fitted, monkeypatch):
    expected = fitted.predict_proba(TEXTS)
    other = pickle.loads(pickle.dumps(fitted))
    other._weights = {name: value + 1 for name, value in fitted._weights.items()}
    finetuner = few_shot_classifier._SHARED._finetuner
    whole = finetuner.load

    def stopped(weights):
        whole(weights)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(finetuner, "load", stopped)
        other.predict_proba(TEXTS)
    np.testing.assert_array_equal(fitted.predict_proba(TEXTS), expected)


def test_fit_goes_on_from_a_loaded_model(tmp_path):
    tiny.write(tmp_path, ["up", "down"])  # another encoder than the embedded one
    loaded = FewShotClassifier.load(str(tmp_path), **SMALL)
    first = loaded.fit(TEXTS[:6], LABELS[:6]).predict_proba(TEXTS)
    assert first.shape == (7, 2)
    np.testing.assert_array_equal(loaded.fit(TEXTS[:6], LABELS[:6]).predict_proba(TEXTS), first)
    scratch = FewShotClassifier(**SMALL).fit(TEXTS[:6], LABELS[:6]).predict_proba(TEXTS)
    assert np.abs(first - scratch).max() > 1e-6


def test_killed_save_leaves_the_model_before(fitted, tmp_path, monkeypatch):
    fitted.save(str(tmp_path / "model"))

    def killed(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(few_shot_classifier.model_folder, "add_settings", killed)
    with pytest.raises(KeyboardInterrupt):
        fitted.save(str(tmp_path / "model"))
    assert os.listdir(str(tmp_path)) == ["model"]
    FewShotClassifier.load(str(tmp_path / "model"))


def test_the_face_brings_nothing_before_it_is_asked_for():
    code = (
        "import sys, smlmt; assert not {'sklearn', 'tensorflow', 'numpy'} & set(sys.modules); "
        "assert not hasattr(smlmt, 'other'); from smlmt import FewShotClassifier; print(FewShotClassifier.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, universal_newlines=True)
    assert (done.returncode, done.stdout) == (0, "FewShotClassifier\n")


@pytest.mark.filterwarnings("ignore:X. .* of the tokens are .UNK.:UserWarning")  # the tiny encoder knows few words
def test_examples_of_the_docs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with open(os.path.join(ROOT, "docs", "API.md"), encoding="utf-8") as file:
        examples = re.findall(r"```python\n(.*?)```", file.read(), re.DOTALL)
    assert len(examples) == 9
    names = {}
    for example in examples:
        exec(example, names)
    docstring = re.findall(r">>> (.*)", few_shot_classifier.__doc__)
    exec("\n".join(docstring), names)
    assert "good" in capsys.readouterr().out
