"""A fine-tuning run: what it computes, and what it leaves."""
import json
import os
import shutil

import numpy as np
import pytest
from few_shot_files import (
    BATCH,
    BERT,
    DATA,
    EVAL,
    LABELS,
    TRAIN,
    checksum,
    content,
    predict,
    read_json,
    read_predictions,
    refused,
    task,
)
from main_program import run

from runtime.compat import tf


def test_results_of_text(from_text, files):
    output, _, result = from_text
    assert result.code == 0 and result.err == ""
    found = read_json(output / "results.json")
    for part, rows in (("train", TRAIN), ("eval", EVAL)):
        path = files / (part + ".csv")
        assert found["data"][part] == {"path": str(path), "sha256": checksum(path), "examples": len(rows)}
    assert found["config"]["labels"] == LABELS
    assert found["config"]["bert_config"] == dict(BERT, hidden_act="gelu")
    assert found["config"]["finetuning"]["train_batch_size"] == BATCH
    assert found["config"]["learner"]["pooling"] == "mean"
    assert found["config"]["learner"]["rate_sets"] == 1
    assert found["flags"]["pooling"] == "mean" and "keep_prob" not in found["flags"]
    assert found["steps"] == 1 + 6 * 2 // BATCH
    seconds = found["seconds"]
    assert 0 < seconds["train"] and 0 < seconds["eval"] and seconds["train"] + seconds["eval"] < seconds["total"] < 600
    assert found["runtime"]["tensorflow"] == tf.__version__
    assert "accuracy %.4f" % found["metrics"]["accuracy"] in result.out
    assert str(output / "results.json") in result.out and str(output / "model") in result.out


@pytest.mark.parametrize("source", ["text", "records"])
def test_results_agree_with_predictions(source, from_text, from_records):
    output = (from_text if source == "text" else from_records)[0]
    metrics = read_json(output / "results.json")["metrics"]
    header, rows, probabilities = read_predictions(output / "predictions.tsv")
    texts = ["text"] if source == "text" else []
    assert header == ["row"] + texts + ["label", "prediction"] + ["p(%s)" % label for label in LABELS]
    assert [row["row"] for row in rows] == [str(i) for i in range(len(EVAL))]
    if texts:
        assert [row["text"] for row in rows] == [text for text, _ in EVAL]
    true = np.array([LABELS.index(row["label"]) for row in rows])
    assert [LABELS[i] for i in true] == [label for _, label in EVAL]
    predicted = np.array([LABELS.index(row["prediction"]) for row in rows])
    assert np.array_equal(predicted, np.argmax(probabilities, axis=1))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=2e-6)
    assert np.ptp(probabilities) > 0.1  # a model that tells the rows apart, else these tests see nothing
    assert metrics["accuracy"] == pytest.approx(np.mean(predicted == true))
    low, high = metrics["accuracy_interval_95"]
    assert 0.0 <= low < metrics["accuracy"] < high <= 1.0 or metrics["accuracy"] in (0.0, 1.0)
    f1 = []
    for i, label in enumerate(LABELS):
        hits, of, made = np.sum((true == i) & (predicted == i)), np.sum(true == i), np.sum(predicted == i)
        f1.append(2.0 * hits / (of + made))
        counts = dict(metrics["per_class"][label])
        assert counts.pop("f1") == pytest.approx(f1[i])
        assert counts == {"rows": of, "predicted": made, "correct": hits}
    assert metrics["macro_f1"] == pytest.approx(np.mean(f1))
    losses = -np.log(probabilities[np.arange(len(true)), true])
    batches = [np.mean(losses[i : i + BATCH]) for i in range(0, len(losses), BATCH)]
    assert metrics["loss"] == pytest.approx(np.mean(batches), rel=1e-3)
    confusion = np.array(metrics["confusion"])
    assert np.array_equal(confusion.sum(axis=1), np.bincount(true, minlength=3))
    assert np.trace(confusion) == np.sum(predicted == true)


def test_records_and_text_give_the_same(from_text, from_records):
    assert from_records[2].code == 0
    text, records = (read_predictions(each[0] / "predictions.tsv") for each in (from_text, from_records))
    np.testing.assert_allclose(text[2], records[2], atol=2e-6)
    assert [row["prediction"] for row in text[1]] == [row["prediction"] for row in records[1]]


def test_model_and_results_are_all_that_stays(from_text):
    names = {"checkpoint", "model.ckpt.index", "model.ckpt" + DATA, "model.json", "vocab.txt"}
    expected = {"./results.json", "./predictions.tsv", "./model"} | {"model/" + name for name in names}
    assert set(content(from_text[0])) == expected
    assert ".made.json" in os.listdir(str(from_text[0])) and ".made.json" not in os.listdir(str(from_text[0] / "model"))


def test_same_command_gives_the_same_and_keep_model_removes_the_model(from_text, tmp_path):
    output, arguments, _ = from_text
    mine = tmp_path / "mine"
    shutil.copytree(str(output), str(mine))
    before = content(mine)
    result = run("--output_dir=%s" % mine, "--keep_model=false", *arguments)  # same run: needs no --overwrite
    assert result.code == 0
    assert set(content(mine)) == {"./results.json", "./predictions.tsv"}
    assert content(mine)["./predictions.tsv"] == before["./predictions.tsv"]
    old, new = read_json(output / "results.json"), read_json(mine / "results.json")
    assert new["metrics"] == old["metrics"] and new["run_id"] == old["run_id"]
    assert str(mine / "model") not in result.out


def test_keep_onnx_puts_a_graph_into_the_model(from_text, tmp_path):
    arguments = ["--output_dir=%s" % (tmp_path / "mine")] + from_text[1] + ["--keep_onnx"]
    refused(run("--keep_model=false", *arguments), "--keep_onnx and --keep_model=false exclude each other")
    refused(run(*(arguments + ["--vocab_file=none.txt"])), "none.txt is no file")
    assert run(*arguments).code == 0
    made, before = content(tmp_path / "mine"), content(from_text[0])
    assert set(made) - set(before) == {"model/model.onnx", "model/README.md"}
    old, new = read_json(from_text[0] / "results.json"), read_json(tmp_path / "mine" / "results.json")
    assert new["metrics"] == old["metrics"] and new["run_id"] == old["run_id"]
    card = (tmp_path / "mine" / "model" / "README.md").read_text(encoding="utf-8")
    assert "Accuracy %.4f" % new["metrics"]["accuracy"] in card and "train.csv" in card


def test_seed_matters_and_labels_come_from_the_file(from_text, base, files, tmp_path):
    assert run(*(base + [task(files, ".csv"), "--seed=3", "--output_dir=%s" % tmp_path])).code == 0
    assert read_json(tmp_path / "results.json")["config"]["labels"] == sorted(LABELS)
    header, _, probabilities = read_predictions(tmp_path / "predictions.tsv")
    assert header[-3:] == ["p(%s)" % label for label in sorted(LABELS)]
    _, _, reference = read_predictions(from_text[0] / "predictions.tsv")
    order = [LABELS.index(label) for label in sorted(LABELS)]
    assert np.max(np.abs(probabilities - reference[:, order])) > 1e-3


def test_text_and_records_mix_and_unnamed_labels_are_numbers(base, files, tmp_path):
    arguments = [task(files, ".tf_record"), "--test_num_labels=3", "--output_dir=%s" % tmp_path]
    assert run(*(base + arguments)).code == 0
    assert read_predictions(tmp_path / "predictions.tsv")[0][-3:] == ["p(0)", "p(1)", "p(2)"]
    mixed = [task(files, ".tf_record", ".csv"), "--labels=" + ",".join(LABELS), "--output_dir=%s" % tmp_path]
    assert run(*(base + mixed + ["--overwrite"])).code == 0
    assert read_predictions(tmp_path / "predictions.tsv")[0][1:4] == ["text", "label", "prediction"]


def test_task_of_the_registry_gives_labels(base, files, tmp_path):
    names = ["airline_train_0_4.tf_record", "airline_eval.tf_record"]
    for part, name in zip(("train", "eval"), names):
        shutil.copy(str(files / (part + ".tf_record")), str(tmp_path / name))
    arguments = ["--supervised_data_dir=%s" % tmp_path, "--task_eval_files=" + ",".join(names)]
    assert run(*(base + arguments + ["--output_dir=%s" % (tmp_path / "out")])).code == 0
    assert read_json(tmp_path / "out" / "results.json")["config"]["labels"] == ["negative", "neutral", "positive"]


def test_names_of_labels(from_text, base, files, tmp_path):
    arguments = base + [task(files, ".csv"), "--labels=" + ",".join(LABELS)]
    result = run(*(arguments + ["--label_names=praise,blame", "--output_dir=%s" % (tmp_path / "none")]))
    refused(result, "--label_names=praise,blame: 2 names, but the task has 3 labels: up, down, flat")
    assert not (tmp_path / "none").exists()
    found = []
    for names in ("auto", "good film,bad,red"):
        output = tmp_path / names[:4]
        assert run(*(arguments + ["--label_names=" + names, "--output_dir=%s" % output])).code == 0
        assert read_json(output / "results.json")["config"]["finetuning"]["label_names"] == names.split(",")
        found.append(read_predictions(output / "predictions.tsv")[2])
        again = predict(output / "model", files / "eval.csv", output)
        assert again.code == 0, again
        np.testing.assert_allclose(read_predictions(output / "predictions_eval.tsv")[2], found[-1], atol=2e-6)
    found.append(read_predictions(from_text[0] / "predictions.tsv")[2])
    assert np.abs(found[1] - found[2]).max() > 1e-3


def test_names_need_label_embeddings(base, files, tmp_path):
    arguments = [task(files, ".csv"), "--classifier=softmax", "--label_names=auto", "--output_dir=%s" % tmp_path]
    refused(run(*(base + arguments)), "--label_names", "--classifier=softmax")


def test_batch_sizes_that_differ_are_warned_of(base, files, tmp_path):
    arguments = [task(files, ".csv"), "--eval_batch_size=3", "--output_dir=%s" % tmp_path]
    result = run(*(base + arguments))
    assert result.code == 0
    assert ["--train_batch_size=4 and --eval_batch_size=3" in line for line in result.lines] == [True]


def test_released_records(leopard_dir, base, tmp_path):
    (tmp_path / "cased.json").write_text(json.dumps(dict(BERT, vocab_size=28996, max_position_embeddings=128)))
    arguments = [
        "--bert_config_file=%s" % (tmp_path / "cased.json"),
        "--max_seq_length=128",
        "--supervised_data_dir=%s" % os.path.join(leopard_dir, "data", "tf_record", "political_message"),
        "--task_eval_files=political_message_train_0_4.tf_record,political_message_eval.tf_record",
        "--output_dir=%s" % (tmp_path / "out"),
        "--num_train_epochs=1",
        "--train_batch_size=36",
        "--eval_batch_size=36",
    ]
    assert run(*(base + arguments)).code == 0
    found = read_json(tmp_path / "out" / "results.json")
    assert found["data"]["train"]["examples"] == 9 * 4 and found["data"]["eval"]["examples"] == 450
    assert found["config"]["labels"][0] == "policy" and len(found["metrics"]["per_class"]) == 9
    assert sum(counts["rows"] for counts in found["metrics"]["per_class"].values()) == 450


VARIANTS = {
    "label MLP": "--update_only_label_embedding=false --SGD_K=1",
    "label embeddings": "--update_only_label_embedding --SGD_K=1",
    "remade prototypes": "--prototypical_baseline --update_only_label_embedding=false --SGD_K=2",
    "prototypes": "--prototypical_baseline --update_only_label_embedding --SGD_K=2",
    "no adaptation": "--update_only_label_embedding --SGD_K=0",
    "five sets": "--update_only_label_embedding=false --SGD_K=5 --train_word_embeddings",
}
ONE_STEP = ("remade prototypes", "no adaptation")


@pytest.mark.parametrize("name", list(VARIANTS))
def test_variants_run_and_predict_what_they_evaluated(name, encoder, files, tmp_path):
    variant = VARIANTS[name].split() + ["--label_emb_size=8", "--train_lr=0.3", "--warmup_proportion=0", "--do_eval"]
    sizes = ["--train_batch_size=6", "--eval_batch_size=6", "--num_train_epochs=3"]
    arguments = encoder + variant + sizes + [task(files, ".csv"), "--output_dir=%s" % tmp_path]
    both = ["--do_predict", "--predict_file=%s" % (files / "eval.tf_record")]
    result = run(*(arguments + both))
    assert result.code == 0, result
    assert read_json(tmp_path / "results.json")["steps"] == (1 if name in ONE_STEP else 4)
    _, _, evaluated = read_predictions(tmp_path / "predictions.tsv")
    _, _, predicted = read_predictions(tmp_path / "predictions_eval.tsv")
    np.testing.assert_allclose(predicted, evaluated, atol=2e-6)
    saved = tf.train.load_checkpoint(str(tmp_path / "model" / "model.ckpt"))
    assert np.any(saved.get_tensor("new_variable/label_embedding") != 0.0)


@pytest.mark.parametrize("more", [[], ["--fix_bert"], ["--pooling=mean", "--feature_norm=4"]])
def test_softmax_runs_and_predicts_what_it_evaluated(more, encoder, files, tmp_path):
    sizes = ["--train_batch_size=4", "--eval_batch_size=6", "--num_train_epochs=4", "--learning_rate=0.05"]
    arguments = encoder + sizes + more + [task(files, ".csv"), "--classifier=softmax", "--output_dir=%s" % tmp_path]
    result = run("--do_eval", "--do_predict", "--predict_file=%s" % (files / "eval.tf_record"), *arguments)
    assert result.code == 0, result
    found = read_json(tmp_path / "results.json")
    assert found["steps"] == 6 and "learner" not in found["config"]
    assert found["config"]["softmax"]["fix_bert"] == ("--fix_bert" in more)
    _, _, evaluated = read_predictions(tmp_path / "predictions.tsv")
    _, _, predicted = read_predictions(tmp_path / "predictions_eval.tsv")
    np.testing.assert_allclose(predicted, evaluated, atol=2e-6)


def test_training_alone(files, base, tmp_path):
    """No evaluation rows: the model is that of the run with them, and predictions of an earlier run go."""
    output = tmp_path / "out"
    (tmp_path / "train.csv").write_text((files / "train.csv").read_text().replace("flat", '"\x1b[31m\nflat"'))
    names = ["--stratified", "--output_dir=%s" % output]
    shown = run(*(base + names + ["--task_eval_files=%s" % (tmp_path / "train.csv")])).out
    assert "(\\x1b[31m flat, down, up), not evaluated" in shown and "\x1b" not in shown
    names += ["--labels=" + ",".join(LABELS), "--overwrite"]
    assert run(*(base + names + [task(files, ".csv")])).code == 0
    assert (output / "predictions.tsv").exists()
    weights = checksum(output / "model" / "model.ckpt.data-00000-of-00001")
    result = run(*(base + names + ["--task_eval_files=%s" % (files / "train.csv")]))
    assert result.code == 0, result
    assert "trained on 6 rows of 3 classes (up, down, flat), not evaluated" in result.out
    assert sorted(os.listdir(str(output))) == [".made.json", "model", "results.json"]
    found = read_json(output / "results.json")
    assert found["metrics"] is None and set(found["data"]) == {"train"}
    assert checksum(output / "model" / "model.ckpt.data-00000-of-00001") == weights


def test_the_inner_loop_of_meta_training_is_not_looked_at(files, base, tmp_path):
    arguments = [task(files, ".csv"), "--num_batches=3", "--randomize_inner_steps", "--output_dir=%s" % tmp_path]
    assert run(*(base + arguments)).code == 0


def test_start_from_a_fine_tuned_model(files, base, from_text, tmp_path):
    arguments = base + [task(files, ".csv"), "--output_dir=%s" % (tmp_path / "out")]
    result = run(*(arguments + ["--warm_start_model_dir=%s" % (from_text[0] / "model")]))
    assert result.code == 0, result
