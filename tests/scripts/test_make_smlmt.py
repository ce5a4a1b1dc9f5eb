"""SMLMT generator: refusals, then words, text, index and tasks, then the program as a whole, in one process or more."""
import collections
import gzip
import hashlib
import importlib.util
import json
import os
import random
import resource
import subprocess
import sys

import numpy as np
import pytest
from absl import flags
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from data import records
from data.smlmt import corpus, generator, record_files, sentence_index, word_clusters, words
from runtime.errors import UserError
from runtime.paths import ROOT
from tokenization import Tokenizer, basic_tokenize

SCRIPT = os.path.join(ROOT, "scripts", "make_smlmt.py")
SAMPLE = os.path.join(ROOT, "data", "sample", "corpus.txt")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ","] + list(LETTERS) + ["##" + letter for letter in LETTERS]
NOUNS = ("river", "castle", "engine", "doctor", "garden", "violin")

_spec = importlib.util.spec_from_file_location("make_smlmt", SCRIPT)
make_smlmt = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make_smlmt)


def tokenizer(lower=True):
    """Spells every word letter by letter, so that a mask of a whole word differs from that of its pieces."""
    return Tokenizer({token: index for index, token in enumerate(VOCAB)}, lower)


def readable(input_ids, mask):
    """Words of a row; the pieces of a word are joined."""
    tokens = [VOCAB[index] for index in np.asarray(input_ids)[np.asarray(mask) > 0]]
    assert tokens[0] == "[CLS]" and tokens[-1] == "[SEP]" and set(mask) <= {0, 1}
    found = []
    for token in tokens[1:-1]:  # the letters of a word are one token and its continuations
        if token.startswith("##"):
            found[-1] += token[2:]
        else:
            found.append(token)
    return found


def text_of(size=40, seed=0):
    """Sentences, a line each: every noun of NOUNS in `size` of them, some with two nouns, some with one noun twice."""
    choose = random.Random(seed)
    filler = "the old one was in by so to it he two new big red".split()  # too short to be masked
    lines = []
    for noun in NOUNS:
        for number in range(size):
            line = [choose.choice(filler) for _ in range(choose.randint(6, 12))]
            line.insert(choose.randint(0, len(line)), noun)
            if number % 5 == 0:
                line.insert(choose.randint(0, len(line)), choose.choice(NOUNS))
            if number % 7 == 0:
                line.append(noun)
            lines.append(" ".join(line).capitalize() + ".")
    choose.shuffle(lines)
    return "\n".join(lines) + "\n"


@pytest.fixture
def folder(tmp_path):
    """A folder with vocab.txt and text.txt."""
    (tmp_path / "vocab.txt").write_text("\n".join(VOCAB) + "\n")
    (tmp_path / "text.txt").write_text(text_of())
    return tmp_path


def arguments(folder, **changes):
    given = dict(
        input=folder / "text.txt", output_dir=folder / "out", vocab_file=folder / "vocab.txt", do_lower_case=True,
        classes="2,3", tasks_per_class_count=6, records_per_task=10, seed=1,
    )
    given.update(changes)
    return ["--%s=%s" % item for item in given.items() if item[1] is not None]


def run(folder, **changes):
    """The program in this process; returns the manifest."""
    values = flags.FlagValues()
    make_smlmt.define_flags(values)
    values(["make_smlmt.py"] + arguments(folder, **changes))
    make_smlmt.run(values)
    with open(str(changes.get("output_dir", folder / "out") / "manifest.json")) as file:
        return json.load(file)


def start(*command, **options):
    """The program in a process of its own: (exit code, output, errors)."""
    done = subprocess.run(
        [sys.executable, SCRIPT] + list(command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


def contents(path):
    """{name: bytes} of a folder."""
    return {name: (path / name).read_bytes() for name in sorted(os.listdir(str(path)))}


# --- refusals --------------------------------------------------------------------------------------------------------
def error_of(folder, **changes):
    """The one line of the UserError that the program must end with, leaving nothing behind."""
    with pytest.raises(UserError) as error:
        run(folder, **changes)
    assert "\n" not in str(error.value)
    assert not (folder / "out").exists()
    return str(error.value)


@pytest.mark.parametrize(
    "text, fault",
    [
        ("", "--input: no sentences of at least 5 words"),
        ("\n \n\t\n", "no sentences"),
        ("word\n", "no sentences"),
        ("word word word word word word.\n" * 50, "N=2: only 0 words"),
        ("".join("A river %s was so long and wide.\n" % ("a" * n) for n in range(1, 9)), "N=2: only 3 words"),
    ],
)
def test_texts_without_tasks(folder, text, fault):
    (folder / "text.txt").write_text(text)
    assert fault in error_of(folder, classes="2" if "0 words" in fault else "4").replace("N=4", "N=2")


def test_too_few_words_names_n_and_the_ways_out(folder):
    message = error_of(folder, classes="2,7", records_per_task=70)
    assert message.startswith("N=7: only 6 words (of different stems) are there in 10 to 10000 sentences")
    assert "needs 10 for each word" in message and "more text" in message and "--records_per_task" in message
    assert "N=2: only 0 words" in error_of(folder, classes="2", records_per_task=400)


def test_words_that_always_meet_make_no_task(folder):
    (folder / "text.txt").write_text("".join("a river by a castle is %s\n" % ("x" * n) for n in range(1, 60)))
    message = error_of(folder, classes="2")
    assert "N=2: task 0: in 50 tries" in message


@pytest.mark.parametrize(
    "content, position",
    [
        (b"first line is fine\nna\xefve words here\n", 21),
        (b"\xef\xbb\xbfa mark, then \xff\n", 16),
        ("The caf\xe9 was closed that day. ".encode("utf-8") * 50000 + b"\xe9", 1550000),
        (b"cut short \xe2\x82", 10),
    ],
)
def test_mixed_encodings(folder, content, position):
    (folder / "more").mkdir()
    (folder / "more" / "a.txt").write_text("Fine text in UTF-8.\n")
    (folder / "more" / "b.txt").write_bytes(content)
    message = error_of(folder, input=folder / "more")
    assert "b.txt: byte %d (0x%02x)" % (position, content[position]) in message and "--encoding" in message


def test_other_encodings(folder):
    expected = run(folder)["files"]
    text = (folder / "text.txt").read_text()
    (folder / "text.txt").write_bytes(text.encode("utf-16"))
    assert "--encoding" in pytest.raises(UserError, run, folder, overwrite=True).value.args[0]
    assert run(folder, encoding="utf-16", overwrite=True)["files"] == expected
    (folder / "text.txt").write_bytes(text.encode("utf-16-le"))  # ASCII in UTF-16 is UTF-8 with NULs
    assert "NUL" in pytest.raises(UserError, run, folder, overwrite=True).value.args[0]
    for encoding in ("klingon", "rot13", "base64"):
        message = pytest.raises(UserError, run, folder, overwrite=True, encoding=encoding).value.args[0]
        assert message.startswith("--encoding=%s is unknown" % encoding)


@pytest.mark.parametrize(
    "changes, fault",
    [
        (dict(input=None), "--input is missing"),
        (dict(vocab_file=None), "--vocab_file is missing"),
        (dict(input="missing.txt"), "missing.txt: no such file"),
        (dict(classes="2,x"), "--classes=2,x"),
        (dict(classes="1,2"), "--classes=1,2"),
        (dict(classes="2,2"), "--classes=2,2"),
        (dict(classes=""), "--classes="),
        (dict(tasks_per_class_count=0), "--tasks_per_class_count=0"),
        (dict(records_per_task=5), "--records_per_task=5"),
        (dict(max_seq_length=2), "--max_seq_length=2"),
        (dict(seed=-1), "--seed=-1"),
        (dict(seed=2 ** 40), "--seed="),
        (dict(max_count=3), "--max_count=3"),
        (dict(max_count=4), "--max_count=4: a task of 10 records and 2 classes needs words in 5 sentences."),
        (dict(workers=0), "--workers=0"),
        (dict(file_prefix="mine"), "--file_prefix=mine"),
        (dict(task_difficulty="hard"), "--word_clusters or --clusters"),
        (dict(clusters=3, task_difficulty="hard"), "--embeddings"),
        (dict(word_clusters="x.tsv", clusters=3, task_difficulty="hard", embeddings="x"), "exclude"),
        (dict(word_clusters="x.tsv", task_difficulty="hard"), "x.tsv cannot be read"),
        (dict(runner="NoSuchRunner"), "--runner"),
    ],
)
def test_flags_that_make_no_sense(folder, changes, fault):
    assert fault in error_of(folder, **changes)


def test_vocabulary_without_mask(folder):
    (folder / "vocab.txt").write_text("\n".join(token for token in VOCAB if token != "[MASK]") + "\n")
    assert "lacks [MASK]" in error_of(folder)


def test_broken_compression_and_json(folder):
    (folder / "text.gz").write_bytes(gzip.compress(text_of().encode("ascii"))[:-500])
    assert "text.gz: cannot be read" in error_of(folder, input=folder / "text.gz")
    (folder / "text.gz").write_bytes(b"no gzip at all")
    assert "text.gz: cannot be read" in error_of(folder, input=folder / "text.gz")
    for line in ("{broken", "[]", '{"txt": ""}', '{"text": 3}'):
        (folder / "a.jsonl").write_text('{"text": "Fine."}\n%s\n' % line)
        assert "a.jsonl: line 2 is no JSON object" in error_of(folder, input=folder / "a.jsonl")


def test_output_that_cannot_be_written(folder):
    (folder / "file").write_text("no folder")
    assert "--output_dir: cannot be written" in error_of(folder, output_dir=folder / "file" / "below")
    assert (folder / "file").read_text() == "no folder"


def test_an_earlier_run_is_kept_or_replaced_whole(folder):
    run(folder)
    before = contents(folder / "out")
    assert "--overwrite" in pytest.raises(UserError, run, folder).value.args[0]
    (folder / "text.txt").write_text("too little\n")
    pytest.raises(UserError, run, folder, overwrite=True)
    assert contents(folder / "out") == before
    (folder / "text.txt").write_text(text_of())
    run(folder, overwrite=True, classes="4", records_per_task=12)
    assert sorted(contents(folder / "out")) == [
        "manifest.json", "meta_pretrain_4.tf_record", "meta_pretrain_4.words.tsv"
    ]


def test_full_disk(folder):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200000, 200000))

    options = arguments(folder, tasks_per_class_count=300)
    code, out, err = start(*options, preexec_fn=limit)
    assert (code, out) == (2, "") and "Traceback" not in err
    assert err.splitlines()[-1].startswith("error: --output_dir: cannot be written")
    assert not (folder / "out").exists()


# --- words -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "family",
    [
        "teach teaches teaching teacher teachers",
        "run runs running runner",
        "happy happily happiness",
        "nation nations national",
        "create creates created creating creation creative creatively",
        "city cities",
        "study studies studied studying",
        "box boxes",
        "horse horses",
        "make makes making",
        "hope hopes hoping hopeful hopefully hopefulness",
        "stop stops stopped stopping",
        "argue argued argument arguments",
    ],
)
def test_stems_of_a_family_are_equal(family):
    assert len({words.stem(word) for word in family.split()}) == 1, [words.stem(word) for word in family.split()]


def test_stems_of_different_words_differ():
    different = "house horse river rivet nature nation table cable train brain bus glass this general generous".split()
    assert len({words.stem(word) for word in different}) >= len(different) - 1
    assert all(words.stem(word) for word in ("s", "is", "yes", "ing", "ed", "less", "\xfcber", "\u5927"))


def counts_of(*names):
    return {name: 10 + place for place, name in enumerate(names)}


def test_words_of_a_task_have_different_stems():
    table = words.WordTable(counts_of("teach", "teacher", "teaching", "river", "rivers", "stone"), 3)
    for seed in range(50):
        assert len({words.stem(word) for word in table.draw(np.random.RandomState(seed))}) == 3
    with pytest.raises(UserError, match="N=4: only 3 words"):
        words.WordTable(counts_of("teach", "teacher", "teaching", "river", "rivers", "stone"), 4)


def test_every_word_is_drawn_for_every_label():
    table = words.WordTable(counts_of(*NOUNS), 2)
    drawn = [table.draw(np.random.RandomState(seed)) for seed in range(600)]
    for label in range(2):
        seen = collections.Counter(names[label] for names in drawn)
        assert set(seen) == set(NOUNS) and min(seen.values()) > 60


def test_sampling_by_log_frequency():
    table = words.WordTable({"river": 1, "castle": 2981, "engine": 1}, 2, "log")  # 1 + log: 1, 9, 1
    drawn = collections.Counter(name for seed in range(1000) for name in table.draw(np.random.RandomState(seed)))
    assert drawn["castle"] > 900 and 450 < drawn["river"] < 650


def test_hard_and_easy_tasks():
    clusters = dict(river="a", castle="a", engine="b", doctor="b", garden="c", violin="c", lonely="d")
    counts = counts_of(*(NOUNS + ("lonely", "unknown")))
    for difficulty, sizes in (("hard", {1}), ("easy", {2})):
        table = words.WordTable(counts, 2, clusters=clusters, difficulty=difficulty)
        drawn = [table.draw(np.random.RandomState(seed)) for seed in range(200)]
        assert {len({clusters[name] for name in names}) for names in drawn} == sizes
        used = {name for names in drawn for name in names}
        assert used == set(NOUNS) | ({"lonely"} if difficulty == "easy" else set())
    with pytest.raises(UserError, match="no cluster"):
        words.WordTable(counts, 3, clusters=clusters, difficulty="hard")
    with pytest.raises(UserError, match="only 4 clusters"):
        words.WordTable(counts, 5, clusters=clusters, difficulty="easy")


def test_clusters_file(tmp_path):
    path = str(tmp_path / "clusters.tsv")
    word_clusters.write_clusters(path, {"river": "1", "caf\xe9": "0"})
    assert word_clusters.read_clusters(path) == {"river": "1", "caf\xe9": "0"}
    faults = (("", "no words"), ("a\n", "line 1"), ("a\tb\tc\n", "line 1"), ("a\tb\n\na\tc\n", "line 3: a is"))
    for text, fault in faults:
        (tmp_path / "clusters.tsv").write_text(text)
        with pytest.raises(UserError, match=fault):
            word_clusters.read_clusters(path)


def test_k_means_over_vectors(folder):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (scripts/setup_env.sh --with=sklearn)")
    vectors = np.repeat(np.eye(3, 5, dtype=np.float32), 2, axis=0) + 0.01
    np.savez(str(folder / "vectors.npz"), words=np.array(NOUNS), vectors=vectors)
    options = dict(classes="2", clusters=3, embeddings=folder / "vectors.npz")
    run(folder, task_difficulty="hard", **options)
    pairs = {frozenset(line.split("\t")) for line in (folder / "out" / "meta_pretrain_2.words.tsv").open()}
    pairs = {frozenset(name.strip() for name in pair) for pair in pairs}
    assert pairs <= {frozenset(NOUNS[start : start + 2]) for start in (0, 2, 4)}
    found = word_clusters.read_clusters(str(folder / "out" / "word_clusters.tsv"))
    assert set(found) == set(NOUNS) and len(set(found.values())) == 3
    clusters = folder / "out" / "word_clusters.tsv"
    again = dict(classes="2", word_clusters=clusters, task_difficulty="hard", output_dir=folder / "again")
    assert run(folder, **again)["files"] == json.loads((folder / "out" / "manifest.json").read_text())["files"]
    for changes in (dict(clusters=7), dict(embeddings=folder / "text.txt"), dict(embeddings=folder / "vocab.npz")):
        with pytest.raises(UserError, match="--clusters=7|--embeddings"):
            run(folder, **dict(options, task_difficulty="easy", output_dir=folder / "third", **changes))


# --- text ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text, sentences",
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("Mr. Smith met J. R. Brown at 5 p.m. on Monday.", ["Mr. Smith met J. R. Brown at 5 p.m. on Monday."]),
        ("So did I. She left.", ["So did I.", "She left."]),
        ("It cost 3.5 dollars... and more.", ["It cost 3.5 dollars... and more."]),
        ("\u201cWhat?\u201d \u201cThat.\u201d", ["\u201cWhat?\u201d", "\u201cThat.\u201d"]),
        ("No end", ["No end"]),
        ("  ", []),
    ],
)
def test_sentences(text, sentences):
    assert corpus.split_sentences(text) == sentences


def test_files_of_a_folder_in_order(tmp_path):
    for name in ("b/wiki_1", "b/wiki_0", "a/x.txt", "z.txt", ".hidden", "b/.git/x", "b.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    found = [os.path.relpath(path, str(tmp_path)) for path in corpus.files(str(tmp_path))]
    assert found == ["a/x.txt", "b/wiki_0", "b/wiki_1", "b.txt", "z.txt"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no files"):
        corpus.files(str(tmp_path / "empty"))


def test_layouts_of_one_text_give_one_result(folder):
    expected = run(folder)
    text = (folder / "text.txt").read_text()
    lines = text.splitlines()
    layouts = folder / "layouts"
    layouts.mkdir()
    (layouts / "text.gz").write_bytes(gzip.compress(text.encode("ascii")))
    (layouts / "crlf.txt").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode("ascii"))
    (layouts / "paragraphs.txt").write_text("\n\n".join(" ".join(lines[i : i + 9]) for i in range(0, len(lines), 9)))
    articles = [{"id": str(i), "title": "T", "text": "\n".join(lines[i : i + 9])} for i in range(0, len(lines), 9)]
    (layouts / "wiki_00").write_text("\n".join(json.dumps(article) for article in articles))
    (layouts / "doc_00").write_text('<doc id="1" title="T">\n%s\n</doc>\n' % text)
    (layouts / "twice.txt").write_text(text + text)  # equal sentences count once
    for name in sorted(os.listdir(str(layouts))):
        made = run(folder, input=layouts / name, overwrite=True)
        assert made["files"] == expected["files"], name
        assert made["corpus"]["sentences"] == expected["corpus"]["sentences"], name
    assert run(folder, input=layouts / "text.gz", overwrite=True)["corpus"] == expected["corpus"]


def test_long_sentences_are_cut_between_words():
    reader = corpus.SentenceReader(tokenizer(), 12, 2)  # room for 10 letters
    assert list(reader.sentences("abc de fgh ij klm")) == [["abc", "de", "fgh", "ij"]]
    assert list(reader.sentences("abc defghijk lm")) == []  # what is left is too short
    assert list(reader.sentences("abc , 12 d")) == [["abc", ",", "12", "d"]]  # only words of letters count


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.sampled_from("river rivers River art party a the \xe9t\xe9 x1 .".split()), max_size=6)))
def test_index_finds_what_a_scan_finds(sentences):
    store, block = sentence_index.SentenceStore(), sentence_index.WORDS_AT_ONCE
    for sentence in sentences:
        store.add(sentence)
    different = []
    for sentence in sentences:
        if sentence not in different:
            different.append(sentence)
    store.close()
    assert [store.sentence(number) for number in range(len(store))] == different
    fold = words.FoldedForms()
    expected = {}
    for number, sentence in enumerate(different):
        for form in {fold[word] for word in sentence if words.is_candidate(fold[word], 2)}:
            expected.setdefault(form, []).append(number)
    try:
        for sentence_index.WORDS_AT_ONCE in (1, 7, block):
            index = store.index(fold, lambda form: words.is_candidate(form, 2), 2, 4)
            found = {form: index.sentences(form).tolist() for form in index.counts()}
            assert found == {form: numbers for form, numbers in expected.items() if 2 <= len(numbers) <= 4}
            assert index.counts() == {form: len(numbers) for form, numbers in found.items()}
    finally:
        sentence_index.WORDS_AT_ONCE = block


# --- tasks -----------------------------------------------------------------------------------------------------------
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
    task = generator.Task(("ab", "cd"), [maker.record(1, ["ab", "cd"], "cd")])
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
    chosen = generator.Settings((classes,), 3, rows, sampling=sampling, seed=seed, min_word_length=min_length)
    reader = corpus.SentenceReader(tokenizer(), 128, 5)
    lines = text_of(20, text_seed).splitlines()
    store, index = generator.read_corpus(lines, reader, chosen)
    sentences = [store.sentence(number) for number in range(len(store))]
    tables = {classes: generator.word_table(index.counts(), classes, chosen)}
    maker = generator.TaskMaker(chosen, store, index, tables, tokenizer())
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


# --- Beam ------------------------------------------------------------------------------------------------------------
def test_beam_gives_the_same_files(folder):
    pytest.importorskip("apache_beam", reason="apache_beam is not installed (scripts/setup_env.sh --with=beam)")
    (folder / "texts").mkdir()
    lines = text_of(20).splitlines(True)
    (folder / "texts" / "a.txt").write_text("".join(lines[:50] + lines[10:20]))
    (folder / "texts" / "b.gz").write_bytes(gzip.compress("".join(lines[40:]).encode("ascii")))
    options = dict(input=folder / "texts", tasks_per_class_count=130, max_count=22)  # two shards, some second tries
    run(folder, **options)
    code, out, err = start(*arguments(folder, runner="DirectRunner", output_dir=folder / "beam", **options))
    assert code == 0, err
    assert contents(folder / "out") == contents(folder / "beam")
    (folder / "texts" / "b.gz").write_bytes(gzip.compress(b"\xff\n"))
    code, out, err = start(*arguments(folder, runner="DirectRunner", output_dir=folder / "third", **options))
    assert (code, out) == (2, "") and "b.gz: byte 0 (0xff) is not UTF-8" in err.splitlines()[-1], err
    assert not (folder / "third").exists()
