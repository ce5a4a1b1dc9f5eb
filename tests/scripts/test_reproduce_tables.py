"""scripts/reproduce_tables.py on tiny data: which runs, the same numbers as single commands, going on, failures."""

import collections
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import reproduce_tables as program
import sweep_places
from main_program import run as run_program
from sweep_places import GOLDEN, SPLITS, TASK_NAMES, TEXTS

from command_line import recipes
from data import records
from data.tasks import TASKS
from fetch import minilm as fetch_minilm
from fetch import transfer
from runs import finetuning, sweep, task_data
from runs.tables.runs import read_runs
from runtime import checkpoints
from runtime.compat import tf
from runtime.errors import UserError
from runtime.paths import ROOT
from training import finetuner

SCRIPT = os.path.join(ROOT, "scripts", "reproduce_tables.py")
SMALL = ["--label_emb_size=16", "--max_seq_length=16", "--num_train_epochs=3"]


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Flags that name a tiny encoder, a tiny meta-trained model and tiny tasks."""
    return sweep_places.write(tmp_path_factory.mktemp("places"))


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def fetch(*arguments, **options):
        raise UserError("a download was tried")

    monkeypatch.setattr(transfer, "fetch", fetch)
    monkeypatch.setattr(fetch_minilm, "ensure_minilm", fetch)


@pytest.fixture
def arguments(places, tmp_path):
    """A sweep of two tasks with two classes, three splits each."""
    return places + SMALL + [
        "--models=hybrid", "--tasks=sentiment_books,political_bias", "--ks=4", "--splits=0-2",
        "--output_dir=%s" % (tmp_path / "out"),
    ]


@pytest.fixture(scope="module")
def complete(places, tmp_path_factory):
    """Results of a sweep that nothing disturbed, with what was made and read for it."""
    output = tmp_path_factory.mktemp("complete") / "out"
    chosen = ["--models=hybrid", "--tasks=sentiment_books,political_bias", "--ks=4", "--splits=0-2"]
    made, read = [], []
    load, make = task_data.Reader.labelled, finetuner.Finetuner
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            task_data.Reader, "labelled", lambda self, path, *rest: read.append(path) or load(self, path, *rest)
        )
        patch.setattr(finetuner, "Finetuner", lambda *rest: made.append(rest) or make(*rest))
        assert program.main(places + SMALL + chosen + ["--output_dir=%s" % output]) == 0
    return Complete(str(output), content(output), made, read)


Complete = collections.namedtuple("Complete", ["folder", "results", "graphs", "files"])


class Instant:
    """In the place of finetuner.Finetuner: a model that gives every row the first label, made in no time."""

    def __init__(self, bert_config, config, start, num_labels, steps=0):
        self._num_labels = num_labels

    def run(self, run, train, evaluation, **options):
        """As finetuner.Finetuner.run."""
        logits = np.eye(self._num_labels)[np.zeros(evaluation.size, int)]
        return finetuner.Finetuned(logits, 1, 0.0, 0.0, 1.0, None)

    def close(self):
        """Nothing is held."""


@pytest.fixture
def instant(monkeypatch):
    """Runs without TensorFlow, for what does not look at their numbers."""
    monkeypatch.setattr(finetuner, "Finetuner", Instant)
    return Instant


def content(output):
    """{path below the output folder: results without what may differ between two runs}; not whose files these are."""
    found = {}
    for root, _, names in os.walk(str(output)):
        for name in names:
            if name == ".made.json":
                continue
            path = os.path.join(root, name)
            values = None
            if name == "results.json":
                with open(path) as file:
                    values = json.load(file)
                values.pop("seconds", None)
                values.get("flags", {}).pop("output_dir", None)
            found[os.path.relpath(path, str(output))] = values
    return found


def folder(arguments):
    return next(flag.split("=")[1] for flag in arguments if flag.startswith("--output_dir"))


# --- which runs ------------------------------------------------------------------------------------------------------
def keys_of(*arguments):
    options, _ = program.parse(["--output_dir=x"] + list(arguments))
    return program.chosen_keys(options)


def test_510_runs_a_model():
    keys = keys_of("--models=hybrid,leopard")
    assert len(keys) == len(set(keys)) == 2 * 17 * 3 * 10


def test_every_model_of_an_encoder_once(capsys):
    every = {encoder: list(dict.fromkeys(key.model for key in keys_of("--encoder=" + encoder)))
             for encoder in recipes.ENCODERS}
    assert every["bert"] == ["hybrid", "smlmt", "leopard", "proto", "bert", "mtbert", "mtbert_softmax"]
    assert every["minilm"] == ["minilm-smlmt", "minilm-heads", "minilm", "bert-minilm"]
    assert set(every["bert"] + every["minilm"] + ["hybrid-smlmt"]) == set(recipes.MODELS)
    with pytest.raises(SystemExit):
        program.parse(["--help"])
    help_text = "".join(capsys.readouterr().out.split())
    assert all(",".join(names) in help_text for names in every.values())
    assert all(name in program.__doc__ for names in every.values() for name in names)


def test_runs_that_share_a_graph_follow_one_another():
    classes = [(key.model, TASKS[key.task].num_labels) for key in keys_of("--models=hybrid,leopard")]
    changes = sum(one != other for one, other in zip(classes, classes[1:]))
    assert changes == len(set(classes)) - 1


def test_shards_deal_the_runs():
    flags = ["--models=hybrid", "--splits=0,2-4,9", "--ks=8,16"]
    parts = [keys_of("--num_shards=7", "--shard_index=%d" % i, *flags) for i in range(7)]
    assert sorted(key for part in parts for key in part) == sorted(keys_of(*flags))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert {key.split for key in keys_of(*flags)} == {0, 2, 3, 4, 9}


@pytest.mark.parametrize(
    "flag, words",
    [
        ("--models=maml", ["--models", "maml", "hybrid"]),
        ("--models=", ["--models is empty"]),
        ("--tasks=airlin", ["--tasks", "airlin", "airline"]),
        ("--ks=four", ["--ks=four", "0,3,5-7"]),
        ("--ks=5", ["k=5"]),
        ("--splits=0-10", ["Split 10"]),
        ("--splits=0-", ["--splits=0-"]),
        ("--splits=3-1", ["--splits=3-1", "empty"]),
        ("--leopard_dir=/no/where", ["--leopard_dir", "/no/where"]),
        ("--no_such_flag=1", ["no_such_flag"]),
        ("stray", ["stray", "--FLAG=VALUE"]),
        ("--encoder=gpt", ["--encoder=gpt", "minilm"]),
        ("--jobs=0", ["--jobs=0", "at least 1"]),
        ("--shard_index=1", ["--shard_index=1", "--num_shards=1"]),
        ("--model_dirs=airline=x", ["--model_dirs", "MODEL=DIR"]),
        ("--model_dirs=hybrid=/no/where", ["/no/where", "not a directory"]),
    ],
)
def test_mistakes_end_in_one_line(flag, words, arguments, capsys):
    assert program.main(arguments + [flag]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and not [word for word in words if word not in err], err
    assert not os.path.exists(folder(arguments))


# --- the numbers -----------------------------------------------------------------------------------------------------
def test_results_are_those_of_single_commands(arguments, complete, places, capsys):
    """One process, one graph, one reading of the evaluation rows; bit for bit the same as a command for each."""
    options, more = program.parse(arguments)
    environment = {"BERT_DIR": options.bert_dir, "LEOPARD_DIR": options.leopard_dir}
    model_dirs = program.model_folders(options.model_dirs, ["hybrid"])
    jobs = sweep.Jobs(options.output_dir, "bert", environment, model_dirs, more)
    for key in (sweep.Key("hybrid", "political_bias", 4, 0), sweep.Key("hybrid", "sentiment_books", 4, 2)):
        job = jobs.job(key)
        done = run_program(*["--%s=%s" % flag for flag in job.settings.given.items()])
        assert done.code == 0, done.err
        with open(os.path.join(job.folder, "results.json")) as file:
            single = json.load(file)
        swept = complete.results[os.path.join("hybrid", key.task, "4", str(key.split), "results.json")]
        for name in ("run_id", "config", "data", "metrics", "steps", "runtime", "task"):
            assert single[name] == swept[name], name
        assert {name: swept[name] for name in key._fields} == dict(key._asdict())


def test_one_graph_and_one_reading_of_the_evaluation_rows(complete):
    assert len(complete.results) == 6 and len(complete.graphs) == 1
    assert len(complete.files) == 2 + 6 and len(set(complete.files)) == 2 + 6


def test_the_reader_of_results_finds_them(complete):
    runs, failures = read_runs(complete.folder)
    assert len(runs) == 6 and not failures
    assert {(run.model, run.task, run.k) for run in runs} == {("hybrid", t, 4) for t in TASK_NAMES[1:]}


def test_two_processes_make_the_same_results(arguments, complete):
    assert program.main(arguments + ["--jobs=2"]) == 0
    assert content(folder(arguments)) == complete.results


# --- going on --------------------------------------------------------------------------------------------------------
def test_finished_runs_are_kept_and_others_refused(arguments, instant, capsys):
    first = arguments + ["--tasks=sentiment_books"]
    assert program.main(first) == 0
    path = os.path.join(folder(arguments), "hybrid", "sentiment_books", "4", "1", "results.json")
    written = os.stat(path).st_mtime_ns
    assert program.main(arguments) == 0
    assert os.stat(path).st_mtime_ns == written
    out = capsys.readouterr().out
    assert "3 of 6 runs are done already" in out and "6 of 6 runs are done" in out
    assert "make_tables.py --results_dir=" + folder(arguments) in out
    assert "sentiment_books      k=4   60.0 +- 0.0 (3)" in out
    assert program.main(first + ["--seed=1"]) == 2
    err = capsys.readouterr().err
    assert "other settings, weights or data (3 such files)" in err and "--overwrite" in err
    assert os.stat(path).st_mtime_ns == written
    assert program.main(first + ["--seed=1", "--overwrite"]) == 0
    with open(path) as file:
        assert json.load(file)["config"]["finetuning"]["seed"] == 1


def test_changed_data_are_noticed(arguments, instant, places, capsys):
    one = arguments + ["--tasks=sentiment_books", "--splits=0"]
    assert program.main(one) == 0
    task, leopard_dir = TASKS["sentiment_books"], program.parse(arguments)[0].leopard_dir
    path = task.record_file(leopard_dir, "train", 0, 4)
    with open(path, "rb") as file:
        before = file.read()
    try:
        with open(path, "ab") as file:
            file.write(before)
        assert program.main(one) == 2
    finally:
        with open(path, "wb") as file:
            file.write(before)
    assert "other settings, weights or data" in capsys.readouterr().err
    assert program.main(one) == 0


def test_weights_count_by_what_they_are(arguments, instant, tmp_path, capsys, monkeypatch):
    """A model that is elsewhere now is the same, one that was trained anew in its place is another."""
    one = arguments + ["--tasks=sentiment_books", "--splits=0"]
    model, moved = tmp_path / "model", tmp_path / "moved"
    shutil.copytree(os.path.join(GOLDEN, "saved_model"), str(model))
    assert program.main(one + ["--model_dirs=hybrid=%s" % model]) == 0
    with open(os.path.join(folder(arguments), "hybrid", "sentiment_books", "4", "0", "results.json")) as file:
        content = json.load(file)
    weights = content["weights"]
    assert content["config"]["labels"] == ["negative", "positive"] == list(content["metrics"]["per_class"])
    assert "names swapped" in content["known_defects"][0]
    index = str(model / "variables" / "variables.index")
    assert weights == {"warm_start_model_dir": {"path": index, "sha256": records.sha256(index)}}
    model.rename(moved)
    monkeypatch.chdir(tmp_path)
    assert program.main(one + ["--model_dirs=hybrid=moved"]) == 0
    assert "1 of 1 runs are done already" in capsys.readouterr().out
    values = checkpoints.read(str(moved / "variables" / "variables"), "")
    values["output_bias_0"] = values["output_bias_0"] + np.float32(1e-3)
    checkpoints.export(values, str(moved))
    assert program.main(one + ["--model_dirs=hybrid=moved"]) == 2
    assert "other settings, weights or data" in capsys.readouterr().err


def test_weights_that_change_within_a_sweep(arguments, instant, tmp_path, capsys, monkeypatch):
    """Every result tells of the weights that its run started from, and they are needed no more after it."""
    two = arguments + ["--tasks=sentiment_books", "--splits=0-1", "--model_dirs=hybrid=%s" % (tmp_path / "model")]
    shutil.copytree(os.path.join(GOLDEN, "saved_model"), str(tmp_path / "model"))
    index = str(tmp_path / "model" / "variables" / "variables.index")
    values = checkpoints.read(index[: -len(".index")], "")
    values["output_bias_0"] = values["output_bias_0"] + np.float32(1e-3)
    made, started_from = [], []

    class Exporting(Instant):
        def __init__(self, *rest):
            super().__init__(*rest)
            made.append(records.sha256(index))

        def run(self, *rest, **options):
            started_from.append(made[-1])
            if len(started_from) == 1:
                checkpoints.export(values, str(tmp_path / "model"))
            else:
                shutil.rmtree(str(tmp_path / "model"))
            return super().run(*rest, **options)

    monkeypatch.setattr(finetuner, "Finetuner", Exporting)
    assert program.main(two) == 0
    found = [content(folder(two))[os.path.join("hybrid", "sentiment_books", "4", split, "results.json")]
             for split in "01"]
    assert [result["weights"]["warm_start_model_dir"]["sha256"] for result in found] == started_from
    assert len(set(started_from)) == 2 and found[0]["run_id"] != found[1]["run_id"]
    checkpoints.export(values, str(tmp_path / "model"))
    assert program.main(two) == 2
    assert "0/results.json is of other settings, weights or data (1 such files)" in capsys.readouterr().err


def test_data_are_read_for_their_checksum_once(arguments, instant, monkeypatch):
    read, sha256 = [], records.sha256
    monkeypatch.setattr(records, "sha256", lambda path: read.append(path) or sha256(path))
    for _ in range(2):
        read.clear()
        assert program.main(arguments) == 0
        data_files = [path for path in read if path.endswith(".tf_record")]
        assert len(data_files) == len(set(data_files)) == 6 + 2 and len(set(read)) == 6 + 2 + 1


def test_predictions(arguments, instant):
    """They are kept on demand, also of runs that were done without."""
    one = arguments + ["--tasks=sentiment_books", "--splits=0"]
    assert program.main(one) == 0
    assert len(content(folder(arguments))) == 1
    assert program.main(one + ["--keep_predictions"]) == 0
    place = os.path.join("hybrid", "sentiment_books", "4", "0")
    assert set(content(folder(arguments))) == {os.path.join(place, n) for n in ("results.json", "predictions.tsv")}


def test_predictions_go_with_their_results(arguments, instant):
    one = arguments + ["--tasks=sentiment_books", "--splits=0"]
    place = os.path.join("hybrid", "sentiment_books", "4", "0")
    both = {os.path.join(place, name) for name in ("results.json", "predictions.tsv")}
    assert program.main(one + ["--keep_predictions"]) == 0
    assert program.main(one + ["--seed=1"]) == 2
    assert set(content(folder(arguments))) == both  # what is refused changes nothing
    assert program.main(one + ["--seed=1", "--overwrite"]) == 0
    assert set(content(folder(arguments))) == {os.path.join(place, "results.json")}
    os.remove(os.path.join(folder(arguments), place, "results.json"))
    assert program.main(one + ["--seed=1"]) == 0
    assert program.main(one + ["--seed=1", "--keep_predictions"]) == 0
    assert set(content(folder(arguments))) == both


def test_killed_sweeps_end_with_the_same_results(arguments, complete):
    """SIGKILL between two runs or within one, as it comes; the same command then makes what is missing."""
    process = subprocess.Popen(
        [sys.executable, SCRIPT] + arguments, env=dict(os.environ, CUDA_VISIBLE_DEVICES=""),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    output, deadline = folder(arguments), time.time() + 120
    while not glob.glob(os.path.join(output, "hybrid", "*", "4", "*", "results.json")) and time.time() < deadline:
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert program.main(arguments) == 0
    assert content(output) == complete.results


# --- failures --------------------------------------------------------------------------------------------------------
def test_failing_runs_are_recorded_and_tried_again(arguments, instant, monkeypatch, capsys):
    tried = []

    def run(self, *rest, **options):
        tried.append(1)
        if len(tried) == 2:
            raise tf.errors.ResourceExhaustedError(None, None, "no memory\nand more")
        if len(tried) == 3:
            raise UserError("The loss is no number.")
        return Instant.run(self, *rest, **options)

    monkeypatch.setattr(finetuner, "Finetuner", type("Failing", (Instant,), {"run": run}))
    assert program.main(arguments) == 1
    err = capsys.readouterr().err
    assert "ResourceExhaustedError: no memory" in err and "The loss is no number." in err
    runs, failures = read_runs(folder(arguments))
    assert len(runs) == 4
    assert {failure.reason for failure in failures} == {
        "ResourceExhaustedError: no memory", "The loss is no number."
    }
    assert program.main(arguments) == 0
    assert len(tried) == 8
    runs, failures = read_runs(folder(arguments))
    assert len(runs) == 6 and not failures


def test_a_known_defect_is_told_once(places, instant, tmp_path, capsys, monkeypatch):
    bert = places[0].split("=")[1]
    monkeypatch.setattr(fetch_minilm, "ensure_minilm", lambda: bert)
    task, leopard_dir = TASKS["sentiment_electronics"], str(tmp_path / "leopard")
    for part in [("eval",)] + [("train", split, 4) for split in SPLITS]:
        path = task.json_file(leopard_dir, *part)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            json.dump([{"sentence1": text, "label": label} for text, label in zip(TEXTS, task.labels)], file)
    flags = ["--encoder=minilm", "--models=minilm", "--tasks=sentiment_electronics", "--ks=4", "--splits=0-2"]
    flags += ["--init_checkpoint=", "--bert_config_file=" + os.path.join(bert, "bert_config.json"), *SMALL]
    assert program.main(flags + ["--leopard_dir=" + leopard_dir, "--output_dir=%s" % (tmp_path / "out")]) == 0
    assert capsys.readouterr().err.count("3 rows of the 1000") == 1


def test_models_without_weights_do_not_stop_the_others(arguments, instant, capsys):
    """The reason stands in every run's file, and once on the screen; a file that is missing concerns its split."""
    more = ["--models=smlmt,hybrid,minilm", "--tasks=airline", "--splits=2-3"]
    assert program.main(arguments + more) == 1
    runs, failures = read_runs(folder(arguments))
    assert [(run.model, run.split) for run in runs] == [("hybrid", 2)]
    assert len(failures) == 5
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("failed")]
    reasons = ["a download was tried", "airline_train_3_4.tf_record", "airline_train_3_4.json"]
    assert len(lines) == len(reasons)
    assert not [reason for reason in reasons if not any(reason in line for line in lines)]


def test_a_disk_that_is_full_ends_the_sweep(arguments, instant, monkeypatch, capsys):
    def write(path, values):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(finetuning, "write_json", write)
    assert program.main(arguments) == 2
    assert "No space left" in capsys.readouterr().err
