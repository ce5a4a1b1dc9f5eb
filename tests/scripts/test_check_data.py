"""scripts/check_data.py: exit codes, table, JSON, and what it says about the public data (LEOPARD_DIR)."""
import json
import os

import check_data
import pytest
from leopard_copy import NAME, fixture_folder, fixture_task  # noqa: F401 (a small copy of the data)

from data import check, tasks


def run(capsys, *arguments):
    """(exit code, output, errors)."""
    code = check_data.main(["--%s=%s" % item for item in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_usable(folder, capsys):
    code, output, _ = run(capsys, ("leopard_dir", folder), ("tasks", NAME))
    assert code == 0 and "1 of 1 tasks can be used\n" in output
    header, row = output.splitlines()[:2]
    assert header.split()[0] == "task" and row.split()[:3] == [NAME, "6/6", "3"] and row.split()[-1] == "yes"
    assert max(map(len, output.splitlines()[:2])) <= 120
    assert "negative 1, positive 2" in output
    assert "known defect of the public data: the files of %s have their labels' names swapped" % NAME in output


def test_unusable(folder, capsys, tmp_path):
    code, output, _ = run(
        capsys, ("leopard_dir", folder), ("tasks", NAME + ",airline"), ("json", tmp_path / "report.json")
    )
    assert code == 1 and "1 of 2 tasks can be used; not: airline" in output and "UNUSABLE" in output
    content = json.loads((tmp_path / "report.json").read_text())
    assert [task["usable"] for task in content["tasks"]] == [True, False]
    assert content["tasks"][0]["eval_classes"] == {"negative": 1, "positive": 2}
    assert "have their labels' names swapped (positive is negative" in content["tasks"][0]["misnaming"]
    assert content["tasks"][1]["findings"][0] == {
        "kind": "missing", "file": "airline_eval.json", "message": "is not there.", "known": False
    }


def test_files_that_are_missing_are_listed_together(folder, capsys):
    task = tasks.TASKS[NAME]
    for split in (0, 1):
        os.remove(task.json_file(folder, "train", split, 1))
    _, output, _ = run(capsys, ("leopard_dir", folder), ("tasks", NAME))
    assert "missing: sentiment_books_train_0_1.json, sentiment_books_train_1_1.json\n" in output


def test_parts_of_a_task_are_listed_most_faults_first():
    shared = {"train_%d_4" % split: split for split in range(1, 7)}
    report = check.TaskReport(NAME, True, files=1, overlap_parts=shared, unusable_parts=["train_0_4", "train_7_4"])
    assert check_data.details(report)[:-1] == [
        "evaluation texts in training splits: train_6_4 (6), train_5_4 (5), train_4_4 (4), train_3_4 (3) and 2 more",
        "not usable in either form: train_0_4, train_7_4",
    ]


@pytest.mark.parametrize("arguments, words", [
    ([("leopard_dir", "/nowhere")], "--leopard_dir"),
    ([("leopard_dir", "."), ("tasks", "airlines")], "Did you mean airline?"),
    ([("leopard_dir", "."), ("max_seq_length", 2)], "--max_seq_length"),
    ([("leopard_dir", "."), ("vocab_file", "/nowhere")], "Vocabulary /nowhere"),
    ([("leopard_dir", "."), ("tasks", ""), ("json", "/nowhere/file")], "--json"),
])
def test_mistakes(capsys, arguments, words):
    code, _, errors = run(capsys, *arguments)
    assert code == 2 and words in errors and errors.count("\n") == 1


def test_wrong_use(capsys):
    assert check_data.main([]) == 2
    assert "--leopard_dir" in capsys.readouterr().err


def test_public_data(leopard_dir, capsys):
    names = ("airline", "disaster", "sentiment_electronics", "emotion")
    code, output, _ = run(capsys, ("leopard_dir", leopard_dir), ("tasks", ",".join(names)))
    airline = output.splitlines()[1]
    assert "7320" in airline and "62.4 %" in airline and "10 (5)" in airline
    for task in names:
        for defect in tasks.TASKS[task].defects:
            assert defect.file_name in output and defect.problem in output and defect.way_out in output
    has_text = os.path.exists(tasks.TASKS["emotion"].json_file(leopard_dir, "eval"))
    assert code == (0 if has_text else 1)
