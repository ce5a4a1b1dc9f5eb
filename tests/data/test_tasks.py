"""Registry of tasks: names, paths, messages, and agreement with the public files (LEOPARD_DIR)."""

import os
import re
import subprocess
import sys

import pytest

from data import tasks
from runtime.errors import UserError
from runtime.paths import ROOT


@pytest.mark.parametrize("name", ["airlines", "Scitail", "", "sentiment"])
def test_unknown_task_lists_names(name):
    with pytest.raises(UserError) as error:
        tasks.get_task(name)
    assert all(known in str(error.value) for known in tasks.TASKS)
    assert "\n" not in str(error.value)


def test_unknown_task_names_closest():
    with pytest.raises(UserError, match=r"'Airlines'. Did you mean airline\?"):
        tasks.get_task("Airlines")


def test_registry():
    assert len(tasks.TASKS) == 17
    counts = {name: task.num_labels for name, task in tasks.TASKS.items()}
    assert [counts[name] for name in ("airline", "conll", "disaster", "emotion")] == [3, 4, 2, 13]
    assert [counts[name] for name in ("political_message", "restaurant", "rating_dvd", "scitail")] == [9, 8, 3, 2]
    assert {name for name, task in tasks.TASKS.items() if task.pair} == {"conll", "restaurant", "scitail"}
    for name, task in tasks.TASKS.items():
        assert task.name == name and len(set(task.labels)) == task.num_labels
    with pytest.raises(AttributeError):
        tasks.TASKS["airline"].name = "other"


@pytest.mark.parametrize("split, k", [(-1, 4), (10, 4), (None, 4), ("0", 4), (0, 5), (0, 0), (0, None)])
def test_split_or_k_that_does_not_exist(split, k):
    with pytest.raises(UserError, match="does not exist"):
        tasks.check_split(split, k)


def test_k32_is_not_public_unless_supplied(tmp_path):
    task = tasks.get_task("airline")
    folder = tmp_path / "data" / "tf_record" / "airline"
    folder.mkdir(parents=True)
    path = folder / "airline_train_3_32.tf_record"
    with pytest.raises(UserError, match="k=32") as error:
        task.record_file(tmp_path, "train", 3, 32)
    assert str(path) in str(error.value) and "--task_eval_files" in str(error.value)
    path.write_bytes(b"supplied")
    assert task.record_file(tmp_path, "train", 3, 32) == str(path)
    with pytest.raises(UserError, match="k=32"):
        tasks.check_split(3, 32)


def test_paths_follow_the_layout(tmp_path):
    conll = tasks.get_task("conll")
    inner = os.path.join(str(tmp_path), "data")
    expected = os.path.join(inner, "json", "conll", "conll_c_train_9_16.json")
    assert conll.json_file(tmp_path, "train", 9, 16) == expected
    for kind in ("json", "tf_record"):
        os.makedirs(os.path.join(inner, kind))
    assert conll.json_file(inner, "train", 9, 16) == conll.json_file(tmp_path, "train", 9, 16) == expected
    assert conll.record_file(inner, "eval") == os.path.join(inner, "tf_record", "conll", "conll_eval.tf_record")
    with pytest.raises(ValueError, match="train"):
        conll.json_file(inner, "test")


def test_file_names_are_identified():
    for task in tasks.TASKS.values():
        assert tasks.identify(task.json_file("d", "eval")) == (task, "eval", None, None)
        assert tasks.identify(task.record_file("d", "train", 9, 16)) == (task, "train", 9, 16)
    for other in ("conll_eval.json", "conll_c_eval.tf_record", "airline.json", "mine_eval.tf_record", "eval.json"):
        assert tasks.identify(other) is None


@pytest.mark.parametrize(
    "name, words",
    [
        ("emotion_eval.tf_record", ["evaluation records of task emotion", "never released", "convert_text.py"]),
        ("airline_train_3_4.json", ["training text of task airline, split 3, k=4", "run_finetune.sh", "LEOPARD_DIR"]),
        ("mine.csv", ["no such file", "check the path"]),
    ],
)
def test_missing_file(tmp_path, name, words):
    with pytest.raises(UserError) as error:
        tasks.require(tmp_path / name)
    message = str(error.value)
    assert message.startswith(str(tmp_path / name)) and "\n" not in message
    assert all(word in message for word in words), message


def test_require_returns_files_and_refuses_folders(tmp_path):
    (tmp_path / "emotion_eval.tf_record").write_bytes(b"")
    assert tasks.require(tmp_path / "emotion_eval.tf_record") == str(tmp_path / "emotion_eval.tf_record")
    with pytest.raises(UserError, match="is a folder"):
        tasks.require(tmp_path)


def test_defects_stand_at_their_files():
    defects = [defect for task in tasks.TASKS.values() for defect in task.defects]
    assert len(defects) == 4
    assert all(tasks.known_defect(os.path.join("x", defect.file_name)) == defect for defect in defects)
    assert tasks.known_defect("airline_eval.json") is None


def test_registry_and_text_do_without_tensorflow():
    code = "import sys, data.tasks, data.text; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def _public_files(leopard_dir):
    for folder, _, names in sorted(os.walk(leopard_dir)):
        for name in sorted(names):
            if name.endswith((".json", ".tf_record")):
                yield os.path.join(folder, name)


def test_names_that_the_public_files_have_swapped():
    wrong = [name for name, task in tasks.TASKS.items() if task.names != task.labels]
    assert wrong == ["sentiment_" + domain for domain in ("books", "dvd", "electronics", "kitchen")]
    task = tasks.TASKS["sentiment_kitchen"]
    assert (task.labels, task.names) == (("positive", "negative"), ("negative", "positive"))
    assert "positive is negative, negative is positive" in task.misnaming and not tasks.TASKS["airline"].misnaming
    for path, name, expected in (
        ("a/sentiment_kitchen_train_0_4.json", None, task), ("sentiment_kitchen_eval.tf_record", "airline", task),
        ("mine.tf_record", task.name, task), ("mine.csv", task.name, None), ("mine.tf_record", None, None),
    ):
        assert tasks.misnamed(task.names, path, name) == expected
        assert tasks.misnamed(task.labels, path, name) is None


def test_every_public_file_reads_or_names_its_defect(leopard_dir):
    """Reads the whole tree; pairs, labels, sizes and shots per class follow the registry, ids the JSON rows."""
    from data import records, text

    broken, short, labels = set(), set(), {}
    for path in _public_files(leopard_dir):
        part = tasks.identify(path)
        assert part, path
        task = part.task
        defect = tasks.known_defect(path)
        try:
            if path.endswith(".json"):
                examples = text.read_text(path)
                assert {example.text_b is not None for example in examples} == {task.pair}
                ids = [task.labels.index(example.label) for example in examples]
            else:
                examples = records.read_records(path, num_labels=task.num_labels, vocab_size=28996)
                assert bool(examples.segment_ids.any()) == task.pair
                ids = examples.label_ids.tolist()
        except UserError as error:
            assert defect and "%s %s" % (defect.file_name, defect.problem) in str(error) and "\n" not in str(error)
            broken.add(defect.file_name)
            continue
        if part.part == "train":
            assert sorted(ids) == sorted(list(range(task.num_labels)) * part.k), path
        elif task.eval_size not in (None, len(ids)):
            assert defect, path
            short.add(defect.file_name)
        labels.setdefault(part, []).append((path, ids))
    assert broken <= {"disaster_train_0_16.tf_record", "disaster_train_0_16.json"}
    assert short <= {"sentiment_electronics_eval.json"}
    both = [pair for pair in labels.values() if len(pair) == 2]
    assert both, "no part has both a JSON and a record file"
    for (text_path, text_ids), (record_path, record_ids) in both:
        if re.search("sentiment_electronics_eval", text_path):  # its JSON has the first rows only
            record_ids = record_ids[: len(text_ids)]
        assert text_ids == record_ids, (text_path, record_path)
