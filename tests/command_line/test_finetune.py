"""run_finetune.sh for public tasks: refusals first, then the flags it picks, against the published recipe."""

import json
import os

import pytest
from leopard_layout import fixture_environment, fixture_leopard, supply  # noqa: F401

from command_line import finetune, program_flags
from data import tasks
from data.encoding import encode
from data.text import read_text
from fetch import catalogue, shipped
from fetch import minilm as fetch_minilm
from runtime.errors import UserError
from runtime.files import file_sha256
from runtime.paths import ROOT
from tokenization import Tokenizer

# The table of SPEC.md, section 2: {model: {k: (epochs for each class, batch rows for each class)}}
SMLMT = {4: (150, 4), 8: (175, 8), 16: (200, 4), 32: (100, 8)}
PUBLISHED = {
    "hybrid-smlmt": SMLMT,
    "smlmt": SMLMT,
    "leopard": {4: (150, 2), 8: (200, 2), 16: (200, 4), 32: (50, 2)},
}


@pytest.fixture
def minilm(environment, monkeypatch):
    """The environment with ENCODER=minilm, which is at /minilm."""
    monkeypatch.setattr(fetch_minilm, "ensure_minilm", lambda: "/minilm")
    monkeypatch.setattr(shipped, "ensure_whole", lambda model, encoder: os.path.join("/whole", os.path.basename(model)))
    return dict(environment, ENCODER="minilm")


def parsed(command):
    """{flag: value} of what the main program is told."""
    assert command.rest == []
    program_flags.check(command.values)
    return program_flags.names_and_values(command.values)


def picked(arguments, environment):
    return parsed(finetune.command(arguments.split(), environment))


# --- refusals --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "arguments, words",
    [
        ("airline", ["usage", "TASK SPLIT K [N]"]),
        ("airline 0", ["usage", "TASK SPLIT K [N]"]),
        ("airline 0 4 3 1", ["usage", "TASK SPLIT K [N]"]),
        ("airline 0 -", ["usage", "TASK SPLIT K [N]"]),
        ("airline 0 4 -", ["N must be a number", "not -"]),
        ("airline zero 4", ["SPLIT", "zero"]),
        ("airline 0 four", ["K must be a number", "four"]),
        ("airline 0 4 three", ["N must be a number", "three"]),
        ("airlin 0 4", ["'airlin'", "Did you mean airline?"]),
        ("airline 10 4", ["Split 10", "0 to 9"]),
        ("airline -1 4", ["Split -1", "0 to 9"]),
        ("airline 0 5", ["k=5", "4, 8 or 16"]),
        ("airline 0 0", ["k=0", "4, 8 or 16"]),
        ("airline 0 4 2", ["airline", "3 classes", "not 2"]),
        ("conll 0 4 3", ["conll", "4 classes", "not 3"]),
        ("airline 3 4", ["airline_train_3_4.tf_record", "no such file", "split 3, k=4"]),
        ("airline 0 4 --seed 3", ["--seed 3", "--FLAG=VALUE"]),
        ("--overwrite airline 0 4", ["--overwrite airline", "--FLAG=VALUE"]),
    ],
)
def test_bad_arguments(arguments, words, environment):
    with pytest.raises(UserError) as error:
        finetune.command(arguments.split(), environment)
    assert not [word for word in words if word not in str(error.value)], error.value


@pytest.mark.parametrize(
    "change, words",
    [
        ({"ENCODER": "gpt"}, ["ENCODER=gpt", "bert or minilm"]),
        ({"MODEL": "maml"}, ["MODEL=maml", "hybrid-smlmt, smlmt, leopard"]),
        ({"LEOPARD_DIR": "/no/where"}, ["LEOPARD_DIR", "/no/where", "not a directory"]),
    ],
)
def test_bad_environment(change, words, environment):
    with pytest.raises(UserError) as error:
        finetune.command(["airline", "0", "4"], dict(environment, **change))
    assert not [word for word in words if word not in str(error.value)], error.value


@pytest.mark.parametrize("encoder, kind", [("bert", "tf_record"), ("minilm", "json")])
def test_k32_is_not_public_but_can_be_supplied(encoder, kind, minilm, leopard):
    environment = dict(minilm, ENCODER=encoder)
    place = os.path.join(str(leopard), "data", kind, "airline", "airline_train_0_32." + kind)
    with pytest.raises(UserError) as error:
        finetune.command(["airline", "0", "32"], environment)
    assert "No files with k=32 are public" in str(error.value) and place in str(error.value)
    supply(place)  # the one that the message names is enough
    assert picked("airline 0 32", environment)["task_eval_files"].split(",")[0] == place


def test_text_takes_the_place_of_records_that_are_not_there(environment, leopard):
    text = supply(os.path.join(str(leopard), "data", "json", "airline", "airline_train_0_32.json"))
    assert picked("airline 0 32", environment)["task_eval_files"].split(",")[0] == text
    task = tasks.TASKS["airline"]
    os.remove(task.record_file(leopard, "train", 0, 4))
    train, evaluation = picked("airline 0 4", environment)["task_eval_files"].split(",")
    assert (train, evaluation) == (task.json_file(leopard, "train", 0, 4), task.record_file(leopard, "eval"))
    os.remove(tasks.TASKS["sentiment_electronics"].record_file(leopard, "eval"))
    with pytest.raises(UserError, match="sentiment_electronics_eval.tf_record: no such file"):  # 3 rows of text
        finetune.command(["sentiment_electronics", "0", "4"], environment)


# --- what is picked --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name, classes", [("airline", 3), ("conll", 4)])
@pytest.mark.parametrize("k", [4, 8, 16, 32])
@pytest.mark.parametrize("model", list(PUBLISHED))
def test_published_recipe(model, k, name, classes, environment, leopard):
    train = supply(os.path.join(str(leopard), "data", "tf_record", name, "%s_train_0_%d.tf_record" % (name, k)))
    given = dict(environment, MODEL=model)
    found = parsed(finetune.command([name, "0", str(k)], given))
    assert parsed(finetune.command([name, "0", str(k), str(classes)], given)) == found  # N is known
    epochs, rows = PUBLISHED[model][k]
    expected = {
        "do_eval": True,
        "task_name": name,
        "task_eval_files": "%s,%s" % (train, tasks.TASKS[name].record_file(leopard, "eval")),
        "num_train_epochs": float(epochs * classes),
        "train_batch_size": rows * classes,
        "eval_batch_size": rows * classes,
        "warp_layers": model != "leopard",
        "warmup_proportion": 0.1,
        "decay_finetune_lr": True,
        "train_lr": 1e-5,
        "max_seq_length": 128,
        "output_layers": 2,
        "label_emb_size": 256,
        "activation_fn": "tanh",
        "use_euclidean_norm": False,
        "update_only_label_embedding": True,
        "train_word_embeddings": True,
        "clip_lr": True,
        "keep_prob": 0.9,
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "SGD_K": 1,
        "pooling": "cls",
        "head_init": "normal",
        "prototypical_baseline": False,
        "bert_config_file": os.path.join(environment["BERT_DIR"], "bert_config.json"),
        "vocab_file": os.path.join(environment["BERT_DIR"], "vocab.txt"),
        "warm_start_model_dir": environment["MODEL_DIR"],
        "do_lower_case": False,
        "output_dir": os.path.join("output", model, "%s_0_%d" % (name, k)),
        "overwrite": False,
    }
    assert {flag: found[flag] for flag in expected} == expected


@pytest.mark.parametrize("model, released", [("hybrid-smlmt", "hybrid-smlmt"), ("leopard", "leopard-model")])
def test_what_is_missing_is_fetched(model, released, environment, leopard, monkeypatch):
    monkeypatch.setattr(catalogue, "ensure_bert", lambda: "/bert")
    monkeypatch.setattr(catalogue, "ensure_model", lambda name: "/models/" + name)
    monkeypatch.setattr(catalogue, "ensure_leopard", lambda: str(leopard))
    found = picked("airline 0 4", {"MODEL": model})
    assert found["vocab_file"] == os.path.join("/bert", "vocab.txt")
    assert found["warm_start_model_dir"] == "/models/" + released
    assert found["task_eval_files"].startswith(str(leopard))


@pytest.mark.parametrize("model", ["hybrid-smlmt", "smlmt", "leopard"])
def test_emotion_is_evaluated_on_its_text(model, environment, leopard, capsys):
    train, evaluation = picked("emotion 0 4", dict(environment, MODEL=model))["task_eval_files"].split(",")
    assert train == os.path.join(str(leopard), "data", "tf_record", "emotion", "emotion_train_0_4.tf_record")
    assert evaluation == os.path.join(str(leopard), "data", "json", "emotion", "emotion_eval.json")
    assert capsys.readouterr().err == ""


def test_emotion_with_the_small_encoder_reads_its_text(minilm, leopard, capsys):
    """All 13 classes, in the order of the released records, from JSON alone."""
    names = ("emotion_train_0_4.json", "emotion_eval.json")
    paths = [os.path.join(str(leopard), "data", "json", "emotion", name) for name in names]
    labels = tasks.TASKS["emotion"].labels
    for path, order in zip(paths, (labels, labels[::-1])):
        rows = [{"sentence1": "text %s" % label, "label": label, "processed_sent": "t"} for label in order]
        with open(path, "w") as file:
            json.dump(rows, file)
    found = picked("emotion 0 4", minilm)
    assert found["task_eval_files"].split(",") == paths and found["task_name"] == "emotion"
    assert capsys.readouterr().err == ""  # the evaluation text has no defect
    for path, ids in zip(paths, (range(13), range(12, -1, -1))):
        texts = read_text(path)
        tokenizer = Tokenizer({"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3})
        assert encode(texts, tokenizer, labels, 8).label_ids.tolist() == list(ids)


def test_emotion_without_its_evaluation_text_says_so(minilm, leopard):
    os.remove(os.path.join(str(leopard), "data", "json", "emotion", "emotion_eval.json"))
    for environment in (minilm, dict(minilm, ENCODER="bert")):
        with pytest.raises(UserError, match="emotion_eval.json: no such file .the evaluation text of task emotion"):
            finetune.command(["emotion", "0", "4"], environment)


def test_minilm_reads_text(minilm, leopard):
    found = picked("conll 0 4", dict(minilm, MODEL_DIR=""))
    folder = os.path.join(str(leopard), "data", "json", "conll")
    names = [os.path.join(folder, name) for name in ("conll_c_train_0_4.json", "conll_c_eval.json")]
    expected = {
        "task_eval_files": ",".join(names),
        "vocab_file": os.path.join("/minilm", "vocab.txt"),
        "warm_start_model_dir": os.path.join("/whole", "minilm-smlmt"),
        "do_lower_case": True,
        "pooling": "last_text",
        "task_name": "conll",
        "output_dir": os.path.join("output", "minilm-smlmt", "conll_0_4"),
    }
    assert {flag: found[flag] for flag in expected} == expected
    assert found["train_batch_size"] == found["eval_batch_size"] > 0


@pytest.mark.parametrize("model, pooling", [("minilm", "mean"), ("minilm-heads", "last_text")])
def test_minilm_without_meta_training(minilm, model, pooling):
    found = picked("conll 0 4", dict(minilm, MODEL=model))
    assert found["pooling"] == pooling and found["warm_start_model_dir"] is None
    assert found["output_dir"] == os.path.join("output", model, "conll_0_4")


def test_text_with_a_known_defect_is_named(minilm, environment, capsys):
    picked("sentiment_electronics 0 4", environment)
    assert capsys.readouterr().err == ""  # the records are whole
    picked("sentiment_electronics 0 4", minilm)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "sentiment_electronics_eval.json" in lines[0] and "3 rows of the 1000" in lines[0]


def test_quick_start(minilm):
    for environment in ({"ENCODER": "minilm"}, {}):  # nothing but the encoder is needed, and it needs no ENCODER
        found = picked("", environment)
        files = found["task_eval_files"].split(",")
        assert [os.path.relpath(path, ROOT) for path in files] == ["data/sample/train.csv", "data/sample/eval.csv"]
        assert all(os.path.isfile(path) for path in files)
        assert found["warm_start_model_dir"] == os.path.join("/whole", "minilm-smlmt")
        assert found["pooling"] == "last_text" and found["do_eval"]
        assert found["output_dir"] == os.path.join("output", "sample")
        assert found["train_batch_size"] == found["eval_batch_size"] == finetune.SAMPLE_SHOTS * finetune.SAMPLE_LABELS


def test_sample_constants_are_those_of_the_sample():
    labels = [row.label for row in read_text(os.path.join(ROOT, "data", "sample", "train.csv"))]
    assert len(set(labels)) == finetune.SAMPLE_LABELS
    assert {labels.count(label) for label in labels} == {finetune.SAMPLE_SHOTS}


def test_own_flags_win_and_an_own_place_is_not_overwritten(environment):
    found = picked("airline 0 4 --train_lr=0.5 --warp_layers=false", environment)
    assert (found["train_lr"], found["warp_layers"], found["overwrite"]) == (0.5, False, False)
    leave_results(found)
    assert picked("airline 0 4 --train_lr=0.5", environment)["overwrite"] is True
    found = picked("airline 0 4 --output_dir=mine", environment)
    assert (found["output_dir"], found["overwrite"]) == ("mine", False)
    found = picked("airline 0 4", dict(environment, OUTPUT_DIR="mine"))
    assert (found["output_dir"], found["overwrite"]) == ("mine", False)
    assert picked("airline 0 4 --overwrite", dict(environment, OUTPUT_DIR="mine"))["overwrite"] is True
    assert picked("--seed=3 airline 0 4", environment)["seed"] == 3


def leave_results(found):
    """Writes what tells whose results are in the output folder of these flags."""
    train = found["task_eval_files"].split(",")[0]
    os.makedirs(found["output_dir"])
    with open(os.path.join(found["output_dir"], "results.json"), "w") as file:
        json.dump({"data": {"train": {"path": os.path.relpath(train), "sha256": file_sha256(train)}}}, file)


def test_results_of_another_training_file_are_kept(minilm, tmp_path):
    found = picked("", minilm)
    leave_results(found)
    assert picked("", minilm)["overwrite"] is True
    mine = tmp_path / "sample.csv"
    mine.write_text("text,label\nfine,up\nrude,down\n")
    more = "--task_eval_files=%s" % mine
    with pytest.raises(UserError, match="output/sample holds .*data/sample/train.csv.*OUTPUT_DIR"):
        finetune.command([more], minilm)
    assert picked(more + " --overwrite", minilm)["overwrite"] is True
    assert picked(more, dict(minilm, OUTPUT_DIR="mine"))["overwrite"] is False


def test_the_training_file_is_looked_for_in_the_folders_that_are_named(minilm, tmp_path):
    """As the main program does: amazon* of --task_eval_files are in --data_dir, others in --supervised_data_dir."""
    names = {"data_dir": "amazon_books_train.tf_record", "supervised_data_dir": "a.tf_record"}
    for flag, name in names.items():
        for folder in ("one", "two"):
            with open(supply(str(tmp_path / folder / name)), "w") as file:
                file.write(folder)
        line = "--task_eval_files=%s,b.tf_record --%s=%s" % (name, flag, tmp_path / "one")
        assert picked(line, minilm)["overwrite"] is False
        train = {"path": str(tmp_path / "one" / name), "sha256": file_sha256(str(tmp_path / "one" / name))}
        os.makedirs(os.path.join("output", "sample"), exist_ok=True)
        with open(os.path.join("output", "sample", "results.json"), "w") as file:
            json.dump({"data": {"train": train}}, file)
        assert picked(line, minilm)["overwrite"] is True
        with pytest.raises(UserError, match="another training file"):
            finetune.command(line.replace("/one", "/two").split(), minilm)
        os.remove(os.path.join("output", "sample", "results.json"))


@pytest.mark.parametrize("words", ["--trian a.csv", "--trian=a.csv", "-trian=a.csv"])
def test_flags_that_are_spelt_alike_are_suggested(words):
    with pytest.raises(UserError, match="there is no flag --trian: did you mean --train"):
        finetune.command(words.split(), {})


@pytest.mark.parametrize("words, fault", [("airline 10 4", "Split 10 does not exist"), ("conll 0 5", "k=5 does not")])
def test_splits_that_are_not_there_are_said_before_anything_is_fetched(words, fault, monkeypatch):
    monkeypatch.setattr(finetune.public_task.catalogue, "ensure_leopard", lambda: pytest.fail("fetched"))
    with pytest.raises(UserError, match=fault):
        finetune.command(words.split(), {})


@pytest.mark.parametrize(
    "environment, epochs",
    [({}, 40), ({"MODEL": "minilm-heads"}, 40), ({"ENCODER": "minilm", "MODEL": "bert-minilm"}, 50)],
)
def test_the_quick_start_takes_the_model_that_is_named(environment, epochs, monkeypatch):
    monkeypatch.setattr(finetune.public_task, "encoder_flags", lambda model, encoder, environment: {})
    flags = finetune.sample_flags(environment)
    assert flags["num_train_epochs"] == epochs and flags["output_dir"] == os.path.join("output", "sample")
    with pytest.raises(UserError, match="MODEL=nonsense: use one of"):
        finetune.sample_flags({"MODEL": "nonsense"})
