"""The model card: what is known is there, what is not is said to be unknown."""
from runs import model_card
from runs.onnx_export import Checked

CONTENT = {
    "labels": ["up", "a|b"], "pair": True, "text": {"do_lower_case": True, "max_seq_length": 12},
    "bert_config": {"num_hidden_layers": 2, "hidden_size": 16},
}
COUNTS = {"rows": 5, "predicted": 4, "correct": 3, "f1": 2.0 / 3.0}
RESULTS = {
    "flags": {"do_eval": True, "labels": ["up", "down"], "num_train_epochs": 3.0},
    "data": {
        "train": {"path": "train.csv", "examples": 7, "sha256": "abc"}, "eval": {"path": "eval.csv", "examples": 10}
    },
    "metrics": {
        "accuracy": 0.8, "accuracy_interval_95": [0.5, 0.9], "macro_f1": 0.75,
        "per_class": {"up": COUNTS, "a|b": COUNTS},
    },
}


def test_card_of_a_known_run():
    card = model_card.text(CONTENT, RESULTS, Checked(9, 2e-6, 1))
    for words in (
        "a pair of texts in, one of 2 classes", "2 layers of width 16", "`train.csv`, 7 rows, SHA-256 abc",
        "run_classifier_multitask.py --do_eval=true --labels=up,down --num_train_epochs=3.0",
        "Accuracy 0.8000 (95 % interval 0.5000 to 0.9000), macro-F1 0.7500, on the 10 rows of `eval.csv`",
        "| up | 5 | 4 | 3 | 0.6667 |", "| a\\|b | 5 |", "within 2.0e-06", "1 labels of them change",
    ):
        assert words in card, words


def test_a_card_tells_no_places_of_the_machine():
    data = {part: dict(found, path="/home/me/" + found["path"]) for part, found in RESULTS["data"].items()}
    flags = {"task_eval_files": "/home/me/train.csv,/home/me/eval.csv", "output_dir": "out/a", "labels": ["/up", "b"]}
    card = model_card.text(CONTENT, dict(RESULTS, data=data, flags=flags), Checked(9, 2e-6, None))
    assert "/home" not in card and "`train.csv`" in card and "10 rows of `eval.csv`" in card
    assert "--labels=/up,b --output_dir=out/a --task_eval_files=train.csv,eval.csv" in card


def test_card_of_a_model_of_which_nothing_else_is_known():
    card = model_card.text(dict(CONTENT, pair=None), None, Checked(9, 2e-6, None))
    assert "Not known" in card and "not evaluated" in card and "change" not in card


def test_card_of_a_run_without_evaluation():
    card = model_card.text(CONTENT, dict(RESULTS, metrics=None), Checked(9, 2e-6, None))
    assert "train.csv" in card and "not evaluated" in card
