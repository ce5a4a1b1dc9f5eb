"""Labelled rows to supervised record files: the published layouts, any labelled file, refusals, and side files."""
import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from absl import flags
from supervised_program import SEQ, VOCAB, WORDS, arguments, contents, error_of, program, rows_of, run, save, side_of

from data import meta_tasks
from data.supervised import conversion, glue
from runtime.errors import UserError


# --- published layouts -----------------------------------------------------------------------------------------------
def nli_json(*rows):
    """SNLI's JSON lines from (label, text, text)."""
    names = ("gold_label", "sentence1", "sentence2")
    objects = [dict(zip(names, row), captionID="1.jpg#0", annotator_labels=[row[0]]) for row in rows]
    return "".join(json.dumps(each) + "\n" for each in objects)


def mnli_row(*fields):
    """Index, prompt, pair, genre, four parses, then the given fields."""
    return ["0", "1", "1n", "slate"] + ["( p )"] * 4 + list(fields)


MNLI_PARSES = ["sentence1_binary_parse", "sentence2_binary_parse", "sentence1_parse", "sentence2_parse"]
MNLI_TRAIN = ["index", "promptID", "pairID", "genre"] + MNLI_PARSES + ["sentence1", "sentence2", "label1", "gold_label"]
MNLI_DEV = MNLI_TRAIN[:-1] + ["label2", "label3", "label4", "label5", "gold_label"]
NLI_LABELS = ["contradiction", "entailment", "neutral"]

# {task: (files, number of classes, {part: rows}, {part: rows left out})}
PUBLISHED = {
    "cola": (
        {
            "CoLA/train.tsv": [["gj04", "1", "", "it was good ."], ["gj04", "0", "*", 'it "was ,']],
            "CoLA/dev.tsv": [["gj04", "0", "*", "was it"], ["gj04", "1"]],
        },
        2,
        {"train": [(1, "it was good ."), (0, 'it " was [UNK]')], "dev": [(0, "was it")]},
        {"dev": {"wrong number of fields": 1}},
    ),
    "sst2": (
        {
            "SST-2/train.tsv": [["sentence", "label"], ['"good dog', "1"], ["bad cat ", "0"], ["so bad", ""]],
            "SST-2/dev.tsv": [["sentence", "label"], ["we say yes", "1"]],
        },
        2,
        {"train": [(1, '" good dog'), (0, "bad cat")], "dev": [(1, "we say yes")]},
        {"train": {"missing label": 1}},
    ),
    "mrpc": (
        {
            "MRPC/train.tsv": "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n1\t7\t8\tit was\tso it was\r\n",
            "MRPC/dev.tsv": [["Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"], ["0", "1", "2", "dog", "cat"]],
        },
        2,
        {"train": [(1, "it was", "so it was")], "dev": [(0, "dog", "cat")]},
        {},
    ),
    "qqp": (
        {
            "QQP/train.tsv": [
                ["id", "qid1", "qid2", "question1", "question2", "is_duplicate"],
                ["1", "3", "4", "was it rain", "was it sun", "0"],
                ["2", "5", "6", "was it"],
                ["3", "7", "8", "", "so", "1"],
                ["4", "9", "10", "was it so", "so was it", "1"],
            ],
        },
        2,
        {"train": [(0, "was it rain", "was it sun"), (1, "was it so", "so was it")]},
        {"train": {"wrong number of fields": 1, "missing text": 1}},
    ),
    "stsb": (
        {
            "STS-B/train.tsv": [
                "index genre filename year old_index source1 source2 sentence1 sentence2 score".split(),
                ["0", "main", "f", "2012", "1", "none", "none", "dog", "dog", "5.000"],
                ["1", "main", "f", "2012", "1", "none", "none", "dog", "cat", "2.50"],
                ["2", "main", "f", "2012", "1", "none", "none", "dog", "sun", "0.4"],
            ],
        },
        6,
        {"train": [(5, "dog", "dog"), (3, "dog", "cat"), (0, "dog", "sun")]},
        {},
    ),
    "mnli": (
        {
            "MNLI/train.tsv": [MNLI_TRAIN, mnli_row("it was", "so", "x", "neutral")],
            "MNLI/dev_matched.tsv": [MNLI_DEV, mnli_row("sun", "no rain", "x", "x", "x", "x", "x", "entailment")],
            "MNLI/dev_mismatched.tsv": [MNLI_DEV, mnli_row("sun", "rain", "x", "x", "x", "x", "x", "contradiction")],
        },
        3,
        {
            "train": [(2, "it was", "so")],
            "dev_matched": [(1, "sun", "no rain")],
            "dev_mismatched": [(0, "sun", "rain")],
        },
        {},
    ),
    "qnli": (
        {
            "QNLI/train.tsv": [
                ["index", "question", "sentence", "label"],
                ["0", "was it here", "it was here .", "entailment"],
                ["1", "was it here", "we say no", "not_entailment"],
            ],
        },
        2,
        {"train": [(0, "was it here", "it was here ."), (1, "was it here", "we say no")]},
        {},
    ),
    "rte": (
        {
            "RTE/train.tsv": [["index", "sentence1", "sentence2", "label"], ["0", "dog", "cat", "not_entailment"]],
            "RTE/dev.tsv": [["index", "sentence1", "sentence2", "label"], ["0", "dog", "dog", "entailment"]],
        },
        2,
        {"train": [(1, "dog", "cat")], "dev": [(0, "dog", "dog")]},
        {},
    ),
    "wnli": (
        {"WNLI/train.tsv": [["index", "sentence1", "sentence2", "label"], ["0", "dog", "cat", "1"]]},
        2,
        {"train": [(1, "dog", "cat")]},
        {},
    ),
    "snli": (
        {
            "SNLI/snli_1.0_train.jsonl": nli_json(
                ("neutral", "dog", "good dog"), ("-", "dog", "sun"), ("entailment", "dog", "dog"),
                ("contradiction", "sun", "rain"), ("neutral", "sun", "dog"), ("-", "sun", "it"),
            ),
            "SNLI/original/snli_1.0_dev.jsonl": nli_json(("contradiction", "no", "yes")),
        },
        3,
        {
            "train": [
                (2, "dog", "good dog"), (1, "dog", "dog"), (0, "sun", "rain"), (2, "sun", "dog"),
            ],
            "dev": [(0, "no", "yes")],
        },
        {"train": {"label -": 2}},
    ),
}


def save_all(tmp_path, names=tuple(PUBLISHED)):
    for name in names:
        for path, content in PUBLISHED[name][0].items():
            save(tmp_path / "glue_data" / path, content)
    return tmp_path / "glue_data"


def test_the_published_layouts(tmp_path, capsys):
    run(tmp_path, input=save_all(tmp_path), do_lower_case=True)
    assert list(PUBLISHED) == list(glue.TASKS)
    names = set()
    for task, (files, num_labels, parts, left_out) in PUBLISHED.items():
        for part, rows in parts.items():
            name = "%s_%s.tf_record" % (task, part)
            names |= {name, name + ".json"}
            assert rows_of(tmp_path, name) == rows, name
            side = side_of(tmp_path, name)
            assert side["num_labels"] == num_labels == len(side["labels"]) == meta_tasks.num_labels_of(
                str(tmp_path / "out" / name)
            )
            assert side["records"] == len(rows) and side["skipped"] == left_out.get(part, {})
            source = next(path for path in files if part.split("_")[-1] in path)
            assert side["source"] == os.path.basename(source)
            content = (tmp_path / "glue_data" / source).read_bytes()
            assert side["sha256"] == hashlib.sha256(content).hexdigest()
    assert set(os.listdir(str(tmp_path / "out"))) == names
    assert side_of(tmp_path, "snli_train.tf_record")["labels"] == NLI_LABELS
    out = capsys.readouterr().out
    assert "snli_train.tf_record: 4 records, 3 classes (contradiction, entailment, neutral)" in out
    assert "left out: 2 for label - (first: line 2)" in out


def test_a_folder_with_some_tasks(tmp_path, capsys):
    place = save_all(tmp_path, ("cola", "rte"))
    run(tmp_path, input=place, tasks="all")
    assert "not there: SST-2, MRPC" in capsys.readouterr().out
    assert sorted(os.listdir(str(tmp_path / "out")))[::2] == [
        "cola_dev.tf_record", "cola_train.tf_record", "rte_dev.tf_record", "rte_train.tf_record"
    ]
    run(tmp_path, input=place / "RTE", tasks="rte,rte", output_dir=tmp_path / "rte")
    assert contents(tmp_path / "rte") == {k: v for k, v in contents(tmp_path / "out").items() if k.startswith("rte")}


def test_a_single_file_in_a_published_layout(tmp_path):
    place = save_all(tmp_path, ("snli", "mnli"))
    train = place / "SNLI" / "snli_1.0_train.jsonl"
    run(tmp_path, input=train, dev_input=place / "SNLI" / "original" / "snli_1.0_dev.jsonl", tasks="snli", name="mine")
    assert rows_of(tmp_path, "mine_train.tf_record") == PUBLISHED["snli"][2]["train"]
    assert rows_of(tmp_path, "mine_dev.tf_record") == PUBLISHED["snli"][2]["dev"]


def test_pairwise_tasks(tmp_path):
    run(tmp_path, input=save_all(tmp_path, ("snli", "rte")), pairwise=True)
    whole = PUBLISHED["snli"][2]["train"]
    for first, second, other in ((0, 1, 2), (0, 2, 1), (1, 2, 0)):
        name = "snli_%s_%s_train.tf_record" % (NLI_LABELS[first], NLI_LABELS[second])
        expected = [(int(row[0] == second),) + row[1:] for row in whole if row[0] != other]
        assert rows_of(tmp_path, name) == expected
        side = side_of(tmp_path, name)
        assert meta_tasks.num_labels_of(str(tmp_path / "out" / name)) == 2
        assert side["labels"] == [NLI_LABELS[first], NLI_LABELS[second]] and side["records"] == len(expected)
        assert side["skipped"] == {"label -": 2, "label " + NLI_LABELS[other]: len(whole) - len(expected)}
    assert rows_of(tmp_path, "snli_train.tf_record") == whole
    assert sum(name.startswith("rte") for name in os.listdir(str(tmp_path / "out"))) == 4  # two classes as they are
    # development rows of one class make no file of the other two
    assert rows_of(tmp_path, "snli_contradiction_neutral_dev.tf_record") == [(0, "no", "yes")]


@pytest.mark.parametrize(
    "task, path, content, words",
    [
        ("sst2", "SST-2/train.tsv", [["text", "label"], ["dog", "1"]], ["header", "no column sentence", "text, label"]),
        ("sst2", "SST-2/train.tsv", "", ["is empty"]),
        ("sst2", "SST-2/train.tsv", [["sentence", "label"]], ["no row that can be used"]),
        ("sst2", "SST-2/dev.tsv", [["sentence", "label"], ["dog", ""]], ["line 2: the label is missing"]),
        ("sst2", "SST-2/train.tsv", [["sentence", "label"], ["dog", "1"], ["cat", "2"]], ["line 3", "'2'", "0, 1"]),
        ("sst2", "SST-2/train.tsv", b"sentence\tlabel\ndog\t1\nc\xe9t\t0\n", ["line 3", "0xe9", "not UTF-8"]),
        ("cola", "CoLA/train.tsv", [["sentence", "label"], ["dog", "1"]], ["line 1", "2 fields", "source, label"]),
        ("stsb", "STS-B/train.tsv", [["sentence1", "sentence2", "score"], ["a", "b", "5.1"]], ["line 2", "'5.1'"]),
        ("stsb", "STS-B/train.tsv", [["sentence1", "sentence2", "score"], ["a", "b", "nan"]], ["line 2", "'nan'"]),
        ("stsb", "STS-B/train.tsv", [["sentence1", "sentence2", "score"], ["a", "b", "high"]], ["'high'; scores"]),
        ("snli", "SNLI/snli_1.0_train.jsonl", '{"gold_label": "neutral"\n', ["line 1", "invalid JSON"]),
        ("snli", "SNLI/snli_1.0_train.jsonl", nli_json(("-", "a", "b")), ["no row that can be used", "line 1"]),
        ("mnli", "MNLI/train.tsv", [MNLI_TRAIN[:-1], ["x"] * 11], ["header", "no column gold_label"]),
    ],
)
def test_broken_files(tmp_path, task, path, content, words):
    place = save_all(tmp_path, (task,))
    save(place / path, content)
    message = error_of(tmp_path, input=place, tasks=task)
    assert message.startswith(str(place / path)) and all(word in message for word in words), message


def test_missing_files(tmp_path):
    place = save_all(tmp_path, ("rte", "cola"))
    train = place / "RTE" / "train.tsv"
    assert "no such file" in error_of(tmp_path, input=train, tasks="rte", dev_input=place / "x.tsv")
    assert "no such file" in error_of(tmp_path, input=place / "x.csv")
    train.unlink()
    assert str(train) + ": no such file" in error_of(tmp_path, input=place)
    assert "no folder SNLI" in error_of(tmp_path, input=place, tasks="cola,snli")
    assert "no folder CoLA or SST-2 or" in error_of(tmp_path, input=tmp_path)
    assert "unknown task 'x'; known: cola" in error_of(tmp_path, input=place, tasks="x")


# --- any labelled file -----------------------------------------------------------------------------------------------
CSV = 'id,Topic,Body\n1,pets,"dog, cat"\n2,weather,sun\n3,pets,\n4,-,so\n5,weather,rain\n'


@pytest.mark.parametrize(
    "name, content, options, rows",
    [
        (
            "t.csv", CSV, dict(text_columns="body", label_column="topic"),
            [(0, "dog [UNK] cat"), (1, "sun"), (1, "rain")],
        ),
        ("t.csv.gz", "class,sentence\nb,dog\na,cat\n", {}, [(1, "dog"), (0, "cat")]),
        ("t.csv", "label,text\nb,dog\na,cat\n", dict(labels="b,a"), [(0, "dog"), (1, "cat")]),
        ("t.csv", "label,text\n-,dog\n+,cat\n", dict(skip_labels=""), [(1, "dog"), (0, "cat")]),
        (
            "t.tsv", [["premise", "hypothesis", "label"], ["dog", "cat", "no"], ["dog", "", "no"], ["so", "so", "yes"]],
            {}, [(0, "dog", "cat"), (1, "so", "so")],
        ),
        ("t.tsv", [["label", "text"], ["0", '"so'], ["1", "it"]], dict(quoted=False), [(0, '" so'), (1, "it")]),
        (
            "t.jsonl", '{"Question": "was it", "Answer": 1}\n\n{"Question": "so", "Answer": 0}\n',
            dict(text_columns="question", label_column="Answer"), [(1, "was it"), (0, "so")],
        ),
        ("t.json", '[{"text": "dog", "label": "b"}, {"text": "cat", "label": "a"}]', {}, [(1, "dog"), (0, "cat")]),
    ],
)
def test_labelled_files(tmp_path, name, content, options, rows):
    run(tmp_path, input=save(tmp_path / name, content), **options)
    assert rows_of(tmp_path, "t_train.tf_record") == rows
    side = side_of(tmp_path, "t_train.tf_record")
    assert side["num_labels"] == 2 and side["records"] == len(rows) and side["source"] == name


def test_development_rows_have_the_labels_of_the_training_rows(tmp_path):
    save(tmp_path / "mine" / "train.csv", "label,text\nc,dog\nb,cat\na,sun\n")
    save(tmp_path / "dev.csv", "label,text\nc,rain\n")
    files = dict(input=tmp_path / "mine" / "train.csv", dev_input=tmp_path / "dev.csv")
    run(tmp_path, pairwise=True, **files)
    assert rows_of(tmp_path, "mine_dev.tf_record") == [(2, "rain")]
    assert rows_of(tmp_path, "mine_a_c_dev.tf_record") == [(1, "rain")]
    save(tmp_path / "dev.csv", "label,text\nc,rain\nd,rain\n")
    with pytest.raises(UserError, match="dev.csv: line 3: unknown label 'd'; known: a, b, c"):
        run(tmp_path, overwrite=True, **files)
    assert rows_of(tmp_path, "mine_dev.tf_record") == [(2, "rain")]


@pytest.mark.parametrize(
    "name, expected",
    [("a/rte_train.tsv", "rte"), ("a/train.csv.gz", "a"), ("a/x-Train.jsonl", "x"), ("a/v1.0.csv", "v1.0")],
)
def test_default_names(name, expected):
    assert program.name_of(name) == expected


@pytest.mark.parametrize(
    "content, options, words",
    [
        ("label,words\na,dog\n", {}, ["no column sentence1+sentence2 or", "label, words", "--text_columns"]),
        ("topic_id,text\na,dog\n", {}, ["no column label or", "topic_id, text", "--label_column"]),
        ("label,text\na,dog\n", dict(label_column="x"), ["no column x; the columns are: label, text"]),
        ("label,text\na,dog\n", dict(text_columns="a,b,c"), ["--text_columns=a,b,c: one column, or two"]),
        ("label,text\na,dog\na,cat\n-,sun\n", {}, ["two classes", "label a", "left out: 1 for label -"]),
        ("label,text\na,dog\nb,cat\n", dict(labels="a"), ["line 3", "unknown label 'b'; known: a."]),
        ("label,text\na,dog\nb,cat\n", dict(labels="a,a"), ["--labels=a,a", "different"]),
        ("label,text\na,dog\nb,cat\n", dict(name="meta_pretrain_mine"), ["--name=meta_pretrain_mine"]),
        ("label,text\na,dog\nb,cat\n", dict(name="a/b"), ["--name=a/b"]),
        ("label,text\na,dog\nb,cat\n", dict(tasks="all"), ["--tasks=all: one task"]),
        ("label,text\na,dog\nb,cat\n", dict(tasks="rte", labels="a,b"), ["--labels has no meaning"]),
        ("label,text\na,dog\nb,cat\n", dict(dataset="x"), ["--input or --dataset"]),
        ("label,text\na,dog\nb,cat\n", dict(vocab_file=""), ["--vocab_file is missing"]),
        ("label,text\na,dog\nb,cat\n", dict(max_seq_length=2), ["--max_seq_length=2", "no room"]),
        ('label,text\na,"dog\nb,cat\n', {}, ["line 2", "double quote"]),
        ("label,text\n", {}, ["holds no texts"]),
        ("label,text\na,dog,x\nb,cat,y\n", {}, ["line 2: 3 fields where the header has 2"]),
    ],
)
def test_refusals(tmp_path, content, options, words):
    message = error_of(tmp_path, input=save(tmp_path / "t.csv", content), **options)
    assert all(word in message for word in words), message


def test_a_column_of_no_classes(tmp_path):
    path = save(tmp_path / "t.csv", "label,text\n" + "".join("%d,dog\n" % number for number in range(2000)))
    assert "more than 1000 different labels up to line 1002: " in error_of(tmp_path, input=path)


# --- writing ---------------------------------------------------------------------------------------------------------
def numbers(tmp_path, size=25):
    """A file of three classes with `size` different rows."""
    lines = ["%s,%s" % ("abc"[number % 3], " ".join(WORDS[: number % 15 + 1])) for number in range(size)]
    return save(tmp_path / "t.csv", "label,text\n" + "\n".join(lines) + "\n")


def test_same_bytes_however_many_rows_at_once(tmp_path, monkeypatch, capsys):
    path = numbers(tmp_path)
    run(tmp_path, input=path, pairwise=True, max_seq_length=10)
    for rows in (1, 7):
        monkeypatch.setattr(conversion, "ROWS_AT_ONCE", rows)
        run(tmp_path, input=path, pairwise=True, max_seq_length=10, output_dir=tmp_path / str(rows))
        assert contents(tmp_path / str(rows)) == contents(tmp_path / "out")
    assert capsys.readouterr().out.count("cut to 10 tokens: 9") == 3


def test_files_beside_each_other_and_over_each_other(tmp_path):
    place = save_all(tmp_path, ("rte", "cola"))
    run(tmp_path, input=place, tasks="rte")
    run(tmp_path, input=place, tasks="cola")
    before = contents(tmp_path / "out")
    with pytest.raises(UserError, match="--overwrite"):
        run(tmp_path, input=place, tasks="rte")
    assert contents(tmp_path / "out") == before
    run(tmp_path, input=place, tasks="rte", overwrite=True)
    assert contents(tmp_path / "out") == before


def test_an_interrupted_run_leaves_what_was_there(tmp_path, monkeypatch):
    path = numbers(tmp_path)
    run(tmp_path, input=path)
    before = contents(tmp_path / "out")
    monkeypatch.setattr(conversion, "ROWS_AT_ONCE", 10)
    encode, left = conversion.encoding.encode, iter(range(2))

    def interrupted(*options):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return encode(*options)

    monkeypatch.setattr(conversion.encoding, "encode", interrupted)
    for options in (dict(overwrite=True), dict(output_dir=tmp_path / "new")):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, input=path, max_seq_length=8, **options)
    assert contents(tmp_path / "out") == before and not (tmp_path / "new").exists()


def test_made_files_are_training_files(tmp_path):
    """No table of names: the side file says the number of classes, also of a task that no table knows."""
    run(tmp_path, input=numbers(tmp_path), name="unheard_of")
    path = str(tmp_path / "out" / "unheard_of_train.tf_record")
    ((_, task),) = meta_tasks.TaskSource([path], 12, SEQ, len(VOCAB)).tasks([0])
    assert task.num_labels == 3 and task.examples.size == 12 and set(np.unique(task.examples.label_ids)) <= {0, 1, 2}


def test_command_line(tmp_path):
    done = subprocess.run(
        [sys.executable, program.__file__] + arguments(tmp_path, input=tmp_path / "missing"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    error = done.stderr.decode("utf-8")
    assert (done.returncode, done.stdout) == (2, b"") and error.startswith("error: ") and len(error.splitlines()) == 1
    values = flags.FlagValues()
    program.define_flags(values)
    shown = program.__doc__ + values.get_help()
    assert all(flag in shown for flag in ("--input", "--dataset", "--pairwise", "--tasks", "stsb"))
