"""Own tasks of run_finetune.sh: refusals first, then the flags that are picked, then whole ways from file to file."""
import csv
import io
import json
import os
import subprocess
import sys

import pytest
import tiny

from command_line import finetune, own_task, recipes, settings
from fetch import minilm as fetch_minilm
from runtime.errors import UserError
from runtime.files import file_sha256
from runtime.paths import ROOT

SCRIPT = os.path.join(ROOT, "scripts", "finetune.py")
GOOD = "text,label\ngood film,up\nbad film,down\n"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny.write_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(autouse=True)
def here(tmp_path, encoder, monkeypatch):
    """An empty working directory, and the encoder at hand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fetch_minilm, "ensure_minilm", lambda: encoder)


def write(name, content, **options):
    with open(name, "w", encoding="utf-8", newline="", **options) as file:
        file.write(content)
    return name


def command(line, environment=None):
    """The flags that the main program is given, as FlagValues."""
    return finetune.own_command(*own_task.parse(line.split()), environment or {}).values


def refused(line, *words):
    with pytest.raises(UserError) as error:
        command(line)
    missing = [word for word in words if word not in str(error.value)]
    assert not missing and "\n" not in str(error.value), error.value


# --- refusals --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "line, words",
    [
        ("--train", ["--train", "expected one argument"]),
        ("--train=", ["--train is empty"]),
        ("--train a.csv b.csv", ["b.csv", "--FLAG=VALUE"]),
        ("--train a.csv --train=b.csv", ["--train is given 2 times (a.csv, b.csv)"]),
        ("--train a.csv --seed 3", ["3", "--FLAG=VALUE"]),
        ("--train a.csv --task_eval_files=b.csv", ["--task_eval_files: ", "named by --train and --eval"]),
        ("--model m --predict a.txt --model_dir=other", ["--model_dir: ", "named by --model"]),
        ("--train a.csv --supervised_data_dir=", ["--supervised_data_dir: ", "named by their paths"]),
        ("--eval a.csv", ["--eval needs --train FILE or --model DIR"]),
        ("--predict a.txt", ["--predict needs --train FILE or --model DIR"]),
        ("--model m", ["--model needs --predict", "--eval"]),
        ("--train mine.csv --output a.tsv", ["--output needs --predict"]),
        ("--train mine.csv --predict new.txt --output=", ["--output is empty"]),
        ("--model m --train a.csv --predict b.txt", ["exclude each other"]),
        ("--train - --predict -", ["only one of", "standard input"]),
        ("--train nowhere.csv", ["nowhere.csv", "no such file"]),
        ("--train mine.txt", ["mine.txt", "has no labels", "text and label"]),
        ("--train mine.pdf", ["mine.pdf", "unknown kind of file"]),
        ("--model . --predict mine.txt", ["--model", "no fine-tuned model"]),
        ("--model . --eval mine.txt", ["mine.txt", "has no labels"]),
        ("--model . --eval - --predict -", ["only one of", "standard input"]),
    ],
)
def test_bad_command_lines(line, words):
    write("mine.txt", "good\n")
    refused(line, *words)


@pytest.mark.parametrize(
    "content, words",
    [
        ("", ["is empty"]),
        ("text,label\n", ["holds no texts"]),
        ("sentence,label\ngood,up\n", ["header", "no column sentence1 or text", "sentence, label"]),
        ("text,class\ngood,up\n", ["no column label", "text, class"]),
        ("text,label\ngood,up\n,down\n", ["line 3", "the text is empty"]),
        ("text,label\ngood,up\nbad,\n", ["line 3", "the label is missing"]),
        ("text,label\ngood,up\nbad film,up\n", ["all 2 rows have the label 'up'", "two labels"]),
        ("text,label\ngood, very good,up\n", ["line 2", "3 fields", "header has 2"]),
        ("text,text2,label\ngood,film,up\nbad,,down\n", ["line 3", "no second text"]),
    ],
)
def test_bad_training_files(content, words):
    write("mine.csv", content)
    refused("--train mine.csv", "mine.csv", *words)


@pytest.mark.parametrize(
    "content, words",
    [
        ("text,label\ngood,up\nfine,flat\n", ["'flat'", "no training row", "down, up"]),
        ("text,text2,label\ngood,film,up\n", ["pairs of texts", "single texts"]),
    ],
)
def test_bad_evaluation_files(content, words):
    write("mine.csv", GOOD)
    write("test.csv", content)
    refused("--train mine.csv --eval test.csv", "test.csv", *words)


def test_texts_to_predict_are_checked_before_training():
    write("mine.csv", GOOD)
    refused("--train mine.csv --predict new.txt", "new.txt", "no such file")
    write("new.csv", "words\nfine\n")
    refused("--train mine.csv --predict new.csv", "new.csv", "no column")


# --- what is picked --------------------------------------------------------------------------------------------------
def test_flags(encoder):
    write("mine.csv", GOOD + "fine film,up\n" * 5)
    write("new.txt", "fine\n")
    values = command("--train mine.csv --eval=mine.csv --predict new.txt --seed=3")
    epochs, rows = recipes.MODELS["minilm-smlmt"].by_k[4]
    expected = dict(
        do_eval=True, do_predict=True, task_eval_files="mine.csv,mine.csv", predict_file="new.txt", seed=3,
        stratified=True, num_train_epochs=epochs * 2, train_batch_size=rows * 2, eval_batch_size=rows * 2,
        pooling="last_text", label_names=["auto"], do_lower_case=True, vocab_file=os.path.join(encoder, "vocab.txt"),
        output_dir=os.path.join("output", "mine"), overwrite=False,
    )
    assert {name: values[name].value for name in expected} == expected
    assert settings.run_settings(values).labels is None  # the file tells
    values = command("--train mine.csv", {"OUTPUT_DIR": "there"})
    assert (values.output_dir, values.overwrite, values.do_predict) == ("there", False, False)
    assert values.task_eval_files == "mine.csv"
    assert command("--train mine.csv --label_names=").label_names == []


def test_rows_that_look_like_a_mistake_are_noted(encoder, capsys):
    write("mine.csv", "text,label\ngood,laundry\nfine,laundry\nbad,laundy\nslow,laundy\n GOOD,laundy\n")
    command("--train mine.csv")
    notes = capsys.readouterr().err.splitlines()
    assert len(notes) == 2 and all(note.startswith("note: mine.csv: ") for note in notes)
    assert "'laundry' (lines 2, 3) and" in notes[0] and "line 2 as 'laundry', line 6 as 'laundy'" in notes[1]


def test_folders_of_dotted_names():
    for year in ("2023", "2024"):
        write("reviews.%s.csv" % year, GOOD)
        values = command("--train reviews.%s.csv" % year)
        assert values.output_dir == os.path.join("output", "reviews." + year)


def test_only_results_of_the_same_file_are_replaced(tmp_path):
    """The same by its path, whatever its content now, or by its content, for standard input has no lasting path."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write(os.path.join(folder, "train.csv"), GOOD + folder + ",up\n")
    (tmp_path / "output" / "train").mkdir(parents=True)
    train = {"path": "a/train.csv", "sha256": file_sha256("a/train.csv")}
    (tmp_path / "output" / "train" / "results.json").write_text(json.dumps({"data": {"train": train}}))
    assert command("--train %s" % (tmp_path / "a" / "train.csv")).overwrite
    refused("--train b/train.csv", "output/train", "a/train.csv", "OUTPUT_DIR", "--overwrite")
    assert command("--train b/train.csv --overwrite").overwrite
    assert not command("--train b/train.csv", {"OUTPUT_DIR": "there"}).overwrite
    os.rename("a/train.csv", "b/train.csv")
    assert command("--train b/train.csv").overwrite
    write("a/train.csv", GOOD)
    assert command("--train a/train.csv").overwrite


@pytest.mark.parametrize("left", [None, "{", "[]", '{"error": "no memory"}'])
def test_a_model_without_results_is_left_to_the_main_program(left, tmp_path):
    """It refuses one of another run."""
    write("mine.csv", GOOD)
    (tmp_path / "output" / "mine").mkdir(parents=True)
    if left is not None:
        (tmp_path / "output" / "mine" / "results.json").write_text(left)
    assert not command("--train mine.csv").overwrite


@pytest.mark.parametrize("named", [{"MODEL": "leopard"}, {"ENCODER": "bert"}, {}])
def test_bert_where_it_is_named(named):
    write("mine.csv", GOOD)
    places = {"BERT_DIR": "bert", "MODEL_DIR": "meta"}
    values = command("--train mine.csv", dict(places, **named))
    assert values.warm_start_model_dir == "meta"
    assert values.warp_layers == (named.get("MODEL") != "leopard")


@pytest.mark.parametrize(
    "content, kind",
    [
        ('[{"text": "good", "label": "up"}]', ".json"),
        ('{"text": "good", "label": "up"}\n', ".jsonl"),
        ("text\tlabel\ngood\tup\n", ".tsv"),
        ("\ufeff" + GOOD, ".csv"),
    ],
)
def test_kinds_on_standard_input(content, kind, tmp_path):
    path = own_task.spool(io.BytesIO(content.encode("utf-8")), str(tmp_path))
    assert path == str(tmp_path / ("stdin" + kind))
    assert own_task.read(path)[0].label == "up"


def test_nothing_on_standard_input(tmp_path):
    with pytest.raises(UserError, match="standard input: is empty"):
        own_task.spool(io.BytesIO(b"\xef\xbb\xbf \n"), str(tmp_path))


def test_evaluation_of_a_model(tmp_path):
    (tmp_path / "run" / "model").mkdir(parents=True)
    for name in ("run/results.json", "run/model/model.json"):
        write(name, "{}")
    write("test.csv", GOOD)
    asked = finetune.own_command(*own_task.parse("--model run --eval test.csv".split()), {})
    values = asked.values
    assert (values.do_score, values.do_eval, values.do_predict) == (True, False, False)
    assert (values.score_file, values.model_dir, values.output_dir) == ("test.csv", "run/model", "run")
    assert [row.label for row in asked.rows["test.csv", True]] == ["up", "down"]  # which is not read again
    write("new.txt", "fine\n")
    values = command("--model run --eval test.csv --predict new.txt", {"OUTPUT_DIR": "there"})
    assert values.do_score and values.do_predict and values.output_dir == "there"


def test_place_of_predictions(tmp_path):
    run = tmp_path / "run"
    (run / "model").mkdir(parents=True)
    (run / "model" / "model.json").write_text("{}")
    write("new.txt", "fine\n")
    for folder in ("run", "run/model"):
        values = command("--model %s --predict new.txt" % folder)
        assert (values.model_dir, values.output_dir) == ("run/model", os.path.join("output", "predictions"))
    (run / "results.json").write_text("{}")
    assert command("--model run --predict new.txt").output_dir == "run"


# --- the whole way ---------------------------------------------------------------------------------------------------
def run(arguments, encoder, stdin=""):
    """(standard output, standard error) of the script as a process, with the tiny encoder in the small one's place."""
    launch = (
        "import runpy, sys; sys.path.insert(0, %r); import fetch.minilm; fetch.minilm.ensure_minilm = lambda: %r; "
        "sys.argv[0] = %r; runpy.run_path(sys.argv[0], run_name='__main__')" % (ROOT, encoder, SCRIPT)
    )
    done = subprocess.run(
        [sys.executable, "-c", launch] + arguments, env=dict(os.environ, CUDA_VISIBLE_DEVICES=""),
        input=stdin.encode("utf-8"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


SMALL = ["--num_train_epochs=2", "--max_seq_length=16"]


def read_predictions(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_from_file_to_predictions(encoder):
    """BOM, CRLF, quoted commas, unicode labels, classes of different sizes, sorted by label; no evaluation."""
    rows = [("good, very good film", "größer")] * 4 + [("bad plot", "klein")] * 2 + [('a "slow" film', "中")]
    content = io.StringIO()
    writer = csv.writer(content)
    writer.writerows([("text", "label")] + rows)
    write("mine.csv", "\ufeff" + content.getvalue())
    write("new.txt", "good\r\nbad\r\n")
    out, err = run(["--train", "mine.csv", "--predict", "new.txt"] + SMALL, encoder)
    assert "trained on 7 rows of 3 classes (größer, klein, 中), not evaluated" in err
    folder = os.path.join("output", "mine")
    assert sorted(os.listdir(folder)) == [".made.json", "model", "predictions_new.tsv", "results.json"]
    predictions = read_predictions(os.path.join(folder, "predictions_new.tsv"))
    assert list(csv.DictReader(io.StringIO(out), delimiter="\t", quoting=csv.QUOTE_NONE)) == predictions
    assert [row["text"] for row in predictions] == ["good", "bad"]
    assert {"p(größer)", "p(klein)", "p(中)"} < set(predictions[0])
    with open(os.path.join(folder, "results.json"), encoding="utf-8") as file:
        results = json.load(file)
    assert results["metrics"] is None and list(results["data"]) == ["train"]
    assert results["config"]["labels"] == ["größer", "klein", "中"]
    out, err = run(["--model", folder, "--predict", "-"], encoder, "fine\n\ngood film\n")
    assert [line.split("\t")[:2] for line in out.splitlines()[1:]] == [["0", "fine"], ["1", ""], ["2", "good film"]]
    assert "1 of 3 rows are blank" in err
    assert "2 predictions: " + os.path.join(folder, "predictions_stdin.tsv") in err
    again, err = run(["--model", folder, "--predict", "-", "--output", "-"], encoder, "fine\n\ngood film\n")
    assert again == out and "2 predictions: standard output" in err


def test_training_from_standard_input_with_evaluation(encoder):
    write("test.csv", "text,text2,label\ngood,film,up\nbad,film,down\nfine,film,up\n")
    rows = "text\ttext2\tlabel\ngood\tfilm\tup\nbad\tplot\tdown\n"
    out, _ = run(["--train", "-", "--eval", "test.csv"] + SMALL, encoder, rows)
    assert "accuracy" in out and "on 3 rows" in out
    folder = os.path.join("output", "stdin")
    assert sorted(os.listdir(folder)) == [".made.json", "model", "predictions.tsv", "results.json"]
    assert [row["label"] for row in read_predictions(os.path.join(folder, "predictions.tsv"))] == ["up", "down", "up"]
