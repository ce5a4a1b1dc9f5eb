"""The main program as a process of its own."""
import os
import signal
import subprocess
import sys
import time

from few_shot_files import content, cut, refused, rewrite, task
from main_program import Run, run, run_program, start_program

from runtime.paths import ROOT


def test_bad_input_of_the_program(files, base, tmp_path):
    rewrite(files / "train.tf_record", tmp_path / "cut.tf_record", cut)
    before = content(tmp_path)
    names = "--task_eval_files=%s,%s" % (tmp_path / "cut.tf_record", files / "eval.tf_record")
    result = run_program(*(base + [names, "--test_num_labels=3", "--output_dir=%s" % (tmp_path / "out")]))
    refused(result, "cut.tf_record", "cut short")
    assert result.out == ""
    assert content(tmp_path) == before


def test_damaged_checkpoint_of_the_program(files, base, weights, tmp_path):
    arguments = ["--init_checkpoint=%s" % (weights / "cut_data"), "--output_dir=%s" % (tmp_path / "out")]
    refused(run_program(*(base + [task(files, ".csv")] + arguments)), "--init_checkpoint", "cut_data")
    assert content(tmp_path) == {}


def test_interpreter_that_does_not_fit(tmp_path):
    code = "import runpy, sys; sys.version_info = (3, 14, 0); runpy.run_path(%r, run_name='__main__')"
    program = os.path.join(ROOT, "run_classifier_multitask.py")
    result = subprocess.run(
        [sys.executable, "-c", code % program], stderr=subprocess.PIPE, universal_newlines=True, cwd=str(tmp_path),
        env=dict(os.environ, PYTHONPATH=ROOT),
    )
    refused(Run(result.returncode, "", result.stderr, result.stderr.splitlines()), "Python 3.14", "3.13")


def test_killed_run_is_run_again(from_text, tmp_path):
    """Its files are those of a run that nothing disturbed, and nothing hidden stays."""
    output = tmp_path / "out"
    arguments = ["--output_dir=%s" % output] + from_text[1]
    process = start_program(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.time() + 120
    while not os.listdir(str(tmp_path)) and time.time() < deadline and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert [name.startswith(".") for name in os.listdir(str(tmp_path))] == [True]
    assert run(*arguments).code == 0
    assert os.listdir(str(tmp_path)) == ["out"]
    expected = content(from_text[0])
    found = content(output)
    assert set(found) == set(expected)
    assert found["./predictions.tsv"] == expected["./predictions.tsv"]
