"""scripts/finetune.py as a program: help, exit codes, one process from the command line to the results."""
import json
import os
import re
import signal
import subprocess
import sys
import time

import finetune as program
import onnx_folder
import other_process
import pytest
import tiny
from leopard_layout import fixture_environment, fixture_leopard  # noqa: F401

from data import tasks
from runtime.paths import ROOT

SCRIPT = os.path.join(ROOT, "scripts", "finetune.py")


def test_program_ends_with_one_line_and_code_2(environment):
    command = [sys.executable, SCRIPT, "airline", "0", "32"]
    done = subprocess.run(
        command, env=dict(os.environ, **environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.match(r"error: No files with k=32 are public.*\n$", done.stderr), done.stderr


def test_a_folder_as_standard_input_is_one_line():
    command = 'exec bash "$0" --model a --predict - < "$1"'
    done = subprocess.run(["bash", "-c", command, os.path.join(ROOT, "run_finetune.sh"), ROOT],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 2 and done.stderr == b"error: standard input is a folder: name a file in it.\n"


def test_a_model_with_a_graph_predicts_without_tensorflow(tmp_path):
    (tmp_path / "run").mkdir()
    _, folder = onnx_folder.write(tmp_path / "run")
    (tmp_path / "new.txt").write_text("good film\n")
    arguments = ["--model", folder, "--predict", str(tmp_path / "new.txt"), "--output=-"]
    done = other_process.run_without_tensorflow(SCRIPT, tmp_path, *arguments)
    assert done.returncode == 0 and done.stdout.splitlines()[1].startswith("0\tgood film\t"), done.stderr
    assert done.stderr == "1 predictions: standard output\n"


def test_help(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["finetune.py", "--help"])
    assert program.main() == 0
    out = capsys.readouterr().out
    places = ("ENCODER_DIR", "BERT_DIR", "MODEL_DIR", "LEOPARD_DIR", "OUTPUT_DIR")
    for name in ("TASK SPLIT K [N]", "MODEL", "ENCODER") + places:
        assert name in out


def test_one_line_and_code_2(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["finetune.py", "--train", "nowhere.csv"])
    assert program.main() == 2
    assert capsys.readouterr().err == "error: nowhere.csv: no such file; check the path.\n"


# --- as a process ----------------------------------------------------------------------------------------------------
def launch(change, *arguments, **options):
    """Starts the script in a new interpreter that runs the code `change` before."""
    code = (
        "import runpy, sys; sys.path.insert(0, %r); sys.argv[0] = %r; %s\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [sys.executable, "-c", code % (ROOT, SCRIPT, change)] + list(arguments)
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    environment = dict(os.environ, CUDA_VISIBLE_DEVICES="")
    return subprocess.Popen(command, env=environment, universal_newlines=True, **dict(pipes, **options))


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--train", "bad.csv"], ["bad.csv", "line 3", "the label is missing"]),
        (["--train", "good.csv", "--eval", "bad.csv"], ["bad.csv", "line 3"]),
        (["--train", "good.csv", "--predict", "none.txt"], ["none.txt", "no such file"]),
        (["--train", "good.csv", "--seed"], ["--seed"]),
        (["--train", "good.csv", "--seed=many"], ["--seed", "many"]),
        (["airlin", "0", "4"], ["Did you mean airline?"]),
    ],
)
def test_mistakes_are_told_before_tensorflow_is_imported(arguments, words, tmp_path):
    (tmp_path / "good.csv").write_text("text,label\ngood film,up\nbad film,down\n")
    (tmp_path / "bad.csv").write_text("text,label\ngood film,up\nbad film,\n")
    encoder = "import types; fetch = types.ModuleType('fetch.minilm'); fetch.ensure_minilm = lambda: 'minilm'; "
    change = encoder + "sys.modules['fetch.minilm'] = fetch; sys.modules['tensorflow'] = None"
    process = launch(change, *arguments, cwd=str(tmp_path))
    out, err = process.communicate()
    assert (process.returncode, out, err.count("\n")) == (2, "", 1), err
    assert not [word for word in words if word not in err], err
    assert sorted(os.listdir(str(tmp_path))) == ["bad.csv", "good.csv"]


READS_COUNTED = (
    "import fetch.minilm; fetch.minilm.ensure_minilm = lambda: %r; import data.text; real = data.text.iter_text; "
    "data.text.iter_text = lambda path, *rest, **more: print('read', path) or real(path, *rest, **more)"
)
SMALL = ["--num_train_epochs=2", "--max_seq_length=16"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny.write_encoder(tmp_path_factory.mktemp("encoder"))


def test_files_are_read_once(encoder, tmp_path):
    for name in ("train.csv", "eval.csv"):
        (tmp_path / name).write_text("text,label\ngood film,up\nbad film,down\n")
    (tmp_path / "new.txt").write_text("good\n")
    files = ["--train", "train.csv", "--eval", "eval.csv", "--predict", "new.txt"]
    process = launch(READS_COUNTED % encoder, *(files + SMALL), cwd=str(tmp_path))
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert [line for line in out.splitlines() if line.startswith("read ")] == [
        "read train.csv", "read eval.csv", "read new.txt"
    ]
    assert err.count("read new.txt") == 1  # it was checked, and now is predicted row by row


def test_unknown_flags_are_told_as_by_the_main_program(encoder, tmp_path):
    (tmp_path / "train.csv").write_text("text,label\ngood film,up\nbad film,down\n")
    process = launch(READS_COUNTED % encoder, "--train", "train.csv", "--sed=1", cwd=str(tmp_path))
    err = process.communicate()[1]
    assert process.returncode == 2
    assert err == "error: there is no flag --sed: did you mean --seed?\n"


def test_a_stopped_run_leaves_no_copy_of_standard_input(encoder, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    change = "import tempfile; tempfile.tempdir = %r; " % str(temporary) + READS_COUNTED % encoder
    process = launch(change, "--train", "-", "--num_train_epochs=100000", "--max_seq_length=16", cwd=str(tmp_path))
    process.stdin.write("text,label\ngood film,up\nbad film,down\n")
    process.stdin.close()
    deadline = time.time() + 120
    while len(os.listdir(str(tmp_path))) < 2 and time.time() < deadline:  # "output" is made when the training begins
        time.sleep(0.05)
    assert os.listdir(str(temporary))
    process.send_signal(signal.SIGTERM)
    assert process.wait() == -signal.SIGTERM
    process.stdout.close()
    process.stderr.close()
    assert os.listdir(str(temporary)) == []


def test_from_command_line_to_results(environment, leopard, tmp_path):
    """The whole way, with a tiny model in the place of the released one."""
    golden = os.path.join(ROOT, "tests", "golden", "ft_warm_start")
    with open(os.path.join(golden, "saved_model_export.json")) as file:
        bert_config = json.load(file)["bert_config"]
    bert = tmp_path / "bert"
    bert.mkdir()
    (bert / "bert_config.json").write_text(json.dumps(bert_config))
    words = "[PAD] [UNK] [CLS] [SEP] [MASK] late rude fine thanks delayed flight".split()
    (bert / "vocab.txt").write_text("\n".join(words) + "\n")
    task = tasks.TASKS["airline"]
    texts = ["late flight", "flight", "thanks fine", "rude"]
    rows = [{"sentence1": text, "label": label} for text, label in zip(texts, task.labels + task.labels[:1])]
    for part in (("train", 0, 4), ("eval",)):
        with open(task.json_file(leopard, *part), "w") as file:
            json.dump(rows, file)
    files = ",".join(task.json_file(leopard, *part) for part in (("train", 0, 4), ("eval",)))
    small = "--label_emb_size=16 --max_seq_length=16 --num_train_epochs=3 --task_eval_files=" + files
    given = dict(os.environ, CUDA_VISIBLE_DEVICES="", OUTPUT_DIR=str(tmp_path / "out"), **environment)
    given["MODEL_DIR"] = os.path.join(golden, "saved_model")
    done = subprocess.run(
        [sys.executable, SCRIPT, "airline", "0", "4"] + small.split(), env=given, cwd=str(tmp_path),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
    )
    assert done.returncode == 0, done.stderr
    with open(str(tmp_path / "out" / "results.json")) as file:
        results = json.load(file)
    assert results["task"] == "airline"
    assert results["config"]["labels"] == list(task.labels)
    assert results["config"]["learner"]["warp_layers"] is True
    assert "accuracy %.4f" % results["metrics"]["accuracy"] in done.stdout
