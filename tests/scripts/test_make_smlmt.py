"""scripts/make_smlmt.py: refusals, whole runs on Beam too."""
import gzip
import resource

import pytest
from smlmt_program import (  # noqa: F401 (the fixture)
    VOCAB,
    arguments,
    contents,
    error_of,
    fixture_folder,
    run,
    start,
    text_of,
)

from runtime.errors import UserError


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
    assert "UTF-16" in pytest.raises(UserError, run, folder, overwrite=True).value.args[0]
    assert run(folder, encoding="utf-16-le", overwrite=True)["files"] == expected
    (folder / "text.txt").write_text(text + "\0")
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
    message = error_of(folder, output_dir=folder / "file" / "below")
    assert "--output_dir: " in message and "file/below cannot be written (" in message
    assert "not a directory" in message.lower()  # in the words of the system or of TensorFlow
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
    last = err.splitlines()[-1]
    assert last.startswith("error: --output_dir: ") and "cannot be written" in last and "make room" in last
    assert not (folder / "out").exists()


def test_beam_and_a_folder_that_it_would_take_as_a_pattern(folder):
    output = folder / "a[1]"
    code, out, err = start(*arguments(folder, runner="DirectRunner", output_dir=output))
    assert (code, out) == (2, "") and "Apache Beam takes one of" in err.splitlines()[-1], err
    assert not output.exists()
    code, out, err = start(*arguments(folder, output_dir=output))
    assert code == 0 and (output / "meta_pretrain_2.tf_record").exists(), err
