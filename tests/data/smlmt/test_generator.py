"""SMLMT tasks: what holds for every record, task and file."""
import collections
import hashlib
import os

import make_smlmt
import pytest
from absl import flags
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from smlmt_program import (  # noqa: F401 (the fixture)
    NOUNS,
    SAMPLE,
    VOCAB,
    arguments,
    contents,
    fixture_folder,
    readable,
    run,
    start,
    text_of,
    tokenizer,
)

from data import records
from data.smlmt import corpus, generator, record_files, words
from runtime.errors import UserError
from tokenization import basic_tokenize


@pytest.mark.parametrize("lower", [True, False])
def test_whole_words_are_masked(lower):
    maker = generator.RecordMaker(tokenizer(lower), 40, words.FoldedForms())
    text = "art party, Art start art. arts \xe0rt"
    ids = maker.input_ids(basic_tokenize(text, lower), "art")
    found = readable(ids, [1] * len(ids))
    others = ["party", ",", "[MASK]", "start", "[MASK]", ".", "arts"]
    assert found == ["[MASK]"] + others + ["[MASK]"]  # one mask a word, whatever its case and accents


def test_records_have_the_schema(folder):
    maker = generator.RecordMaker(tokenizer(), 12, words.FoldedForms())
    path = str(folder / "one.tf_record")
    task = generator.SmlmtTask(("ab", "cd"), [maker.record(1, ["ab", "cd"], "cd")])
    record_files.write_tasks(path, str(folder / "words"), [task])
    read = records.read_records(path, 12, num_labels=2, vocab_size=len(VOCAB))
    assert read.input_ids[0].tolist()[:5] == [2, 7, 34, 4, 3] and not read.input_ids[0][5:].any()
    assert read.input_mask.sum() == 5 and not read.segment_ids.any() and read.label_ids.tolist() == [1]


def check_task(names, rows, task, wanted, sentences):
    """One task: balanced, whole words masked, no leaks, no sentence twice.

    Args:
      names: words by label.
      rows: [(label, words of the row)].
      wanted: records of the task.
      sentences: the corpus, a list of lists of words.
    """
    sizes = collections.Counter(label for label, _ in rows)
    assert len(rows) == wanted and set(sizes) == set(range(len(names)))
    assert max(sizes.values()) - min(sizes.values()) <= 1
    assert len({words.stem(name) for name in names}) == len(names)
    restored = set()
    for label, row in rows:
        assert "[MASK]" in row and not set(names) & set(row), (task, row)
        restored.add(tuple(names[label] if word == "[MASK]" else word for word in row))
    assert len(restored) == wanted
    assert restored <= {tuple(sentence) for sentence in sentences}


@settings(deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))
@given(
    st.integers(0, 1000), st.integers(2, 4), st.integers(8, 17), st.sampled_from(words.SAMPLING),
    st.integers(0, generator.MAX_SEED), st.integers(3, 4),
)
def test_tasks_keep_the_rules(text_seed, classes, rows, sampling, seed, min_length):
    chosen = generator.SmlmtSettings((classes,), 3, rows, sampling=sampling, seed=seed, min_word_length=min_length)
    reader = corpus.SentenceReader(tokenizer(), 128, 5)
    lines = text_of(20, text_seed).splitlines()
    store, index = generator.read_corpus(lines, reader, chosen)
    sentences = [store.sentence(number) for number in range(len(store))]
    tables = {classes: generator.word_table(index.counts(), classes, chosen)}
    maker = generator.SmlmtTaskMaker(chosen, store, index, tables, tokenizer())
    made = 0
    for number in range(chosen.tasks_per_class_count):
        try:
            task = maker.task(classes, number)
        except UserError:  # frequent words leave too few sentences without each other
            continue
        made += 1
        assert maker.task(classes, number) == task
        examples = decode(task.records)
        rows_of = [
            (int(label), readable(ids, mask))
            for label, ids, mask in zip(examples.label_ids, examples.input_ids, examples.input_mask)
        ]
        check_task(task.words, rows_of, number, rows, sentences)
    assume(made)  # the test fails when no example has a task


def decode(serialized):
    return records.decode("task", enumerate(serialized), 128, vocab_size=len(VOCAB))


def test_files_and_manifest(folder):
    manifest = run(folder, classes="2,3,4", records_per_task=11, tasks_per_class_count=9)
    reader = corpus.SentenceReader(tokenizer(), 128, 5)
    sentences = [each for line in text_of().splitlines() for each in reader.sentences(line)]
    used = collections.Counter()
    assert [entry["num_labels"] for entry in manifest["files"]] == [2, 3, 4]
    for entry in manifest["files"]:
        path = folder / "out" / entry["name"]
        assert entry["name"] == "meta_pretrain_%d.tf_record" % entry["num_labels"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]
        read = records.read_records(str(path), num_labels=entry["num_labels"], vocab_size=len(VOCAB))
        assert read.size == entry["records"] == 99 and entry["tasks"] == 9
        names = [line.split("\t") for line in (folder / "out" / entry["words_name"]).read_text().splitlines()]
        for task in range(9):
            rows = range(task * 11, task * 11 + 11)
            found = [(int(read.label_ids[row]), readable(read.input_ids[row], read.input_mask[row])) for row in rows]
            check_task(names[task], found, task, 11, sentences)
            used.update(names[task])
    assert manifest["words"] == used
    text = (folder / "text.txt").read_bytes()
    digest = hashlib.sha256(hashlib.sha256(text).hexdigest().encode("ascii")).hexdigest()
    assert manifest["corpus"]["sha256"] == digest and manifest["corpus"]["bytes"] == len(text)
    assert manifest["parameters"]["records_per_task"] == 11 and manifest["parameters"]["classes"] == [2, 3, 4]


def test_labels_are_spread_over_a_task(folder):
    """The first rows, which become support rows, are no block of one class; no label goes with a word."""
    run(folder, classes="2", tasks_per_class_count=40, records_per_task=20)
    read = records.read_records(str(folder / "out" / "meta_pretrain_2.tf_record"))
    labels = read.label_ids.reshape(40, 20)
    assert (labels.sum(axis=1) == 10).all()
    assert 0.3 < labels[:, :10].mean() < 0.7 and 0.2 < labels[:, 0].mean() < 0.8
    names = [line.split("\t") for line in (folder / "out" / "meta_pretrain_2.words.tsv").read_text().splitlines()]
    assert all({pair[label] for pair in names} == set(NOUNS) for label in range(2))


def test_seed_decides(folder):
    first, same, other = (run(folder, output_dir=folder / name, seed=seed) for name, seed in zip("abc", (5, 5, 6)))
    assert contents(folder / "a") == contents(folder / "b") and first == same
    assert [entry["sha256"] for entry in first["files"]] != [entry["sha256"] for entry in other["files"]]


def test_longer_files_begin_like_shorter_ones(folder):
    run(folder, output_dir=folder / "short", classes="3", tasks_per_class_count=3)
    run(folder, output_dir=folder / "long", classes="2,3", tasks_per_class_count=5)
    name = "meta_pretrain_3.tf_record"
    assert (folder / "long" / name).read_bytes().startswith((folder / "short" / name).read_bytes())


def test_workers_and_inspection(folder):
    run(folder)
    code, out, err = start(*arguments(folder, workers=3, output_dir=folder / "more"))
    assert code == 0, err
    assert "meta_pretrain_3.tf_record: 6 tasks, 60 records" in out
    assert contents(folder / "out") == contents(folder / "more")
    lines = list(record_files.inspect(str(folder / "more" / "meta_pretrain_3.tf_record"), str(folder / "vocab.txt"), 2))
    assert lines[0].endswith("6 tasks of 10 records") and lines.count("task 1") == 1 and "task 2" not in lines
    names = (folder / "more" / "meta_pretrain_3.words.tsv").read_text().split("\n")[0].split("\t")
    sizes = collections.Counter(line.split()[0] for line in lines[6:16])
    assert lines[3:6] == ["  label %d: %s (%d records)" % (i, names[i], sizes[str(i)]) for i in range(3)]
    assert all("[MASK]" in line for line in lines[6:16]) and sum(sizes.values()) == 10
    with pytest.raises(UserError, match="no such file"):
        list(record_files.inspect(str(folder / "missing.tf_record"), str(folder / "vocab.txt")))


def test_command_line_errors_and_help(folder):
    code, out, err = start(*arguments(folder, input=folder / "missing"))
    assert (code, out) == (2, "") and err.startswith("error: --input: ") and len(err.splitlines()) == 1
    values = flags.FlagValues()
    make_smlmt.define_flags(values)
    shown = make_smlmt.__doc__ + values.get_help()
    assert all(flag in shown for flag in ("--input", "--classes", "--runner", "--inspect", "--clusters", "--workers"))


def test_sample_corpus():
    """The corpus in the repository is small and has different sentences and enough frequent words."""
    with open(SAMPLE, encoding="ascii") as file:
        lines = file.read().splitlines()
    assert os.path.getsize(SAMPLE) < 400000 and len(set(lines)) == len(lines) > 3000
    assert all(3 <= len(line.split()) <= 30 and line == " ".join(line.split()) and line[-1] == "." for line in lines)
    seen = collections.Counter(word for line in lines for word in set(basic_tokenize(line, True)) if len(word) >= 4)
    assert sum(count >= 23 for count in seen.values()) >= 300  # 4 classes of 90 records
    assert sum(count >= 45 for count in seen.values()) >= 80  # 2 classes
