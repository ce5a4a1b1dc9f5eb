"""The checksum manifest of downloads: made once, compared afterwards."""
import hashlib
import json
import os

import pytest

from fetch import manifest
from runtime.errors import UserError


@pytest.fixture(name="dest")
def fixture_dest(tmp_path):
    """A folder of downloads with one download, whose files lie in two folders."""
    (tmp_path / "bert" / "sub").mkdir(parents=True)
    (tmp_path / "bert" / "vocab.txt").write_bytes(b"words")
    (tmp_path / "bert" / "sub" / "data").write_bytes(b"")
    return tmp_path


def failure(*arguments):
    with pytest.raises(UserError) as caught:
        manifest.verify_or_add(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_first_time_adds_and_the_second_compares(dest):
    files, known = manifest.verify_or_add(str(dest), "bert")
    assert not known and sorted(files) == ["sub/data", "vocab.txt"]
    assert files["vocab.txt"] == {"bytes": 5, "sha256": hashlib.sha256(b"words").hexdigest()}
    assert manifest.verify_or_add(str(dest), "bert") == (files, True)
    content = json.loads((dest / "manifest.json").read_text())
    assert content == {"format": 1, "folders": {"bert": files}}


def test_other_folders_stay_listed(dest):
    manifest.verify_or_add(str(dest), "bert")
    (dest / "model").mkdir()
    manifest.verify_or_add(str(dest), "model")
    assert sorted(manifest.read(str(dest))) == ["bert", "model"]


@pytest.mark.parametrize("change, words", [
    (lambda folder: (folder / "vocab.txt").write_bytes(b"wordz"), "vocab.txt has changed"),
    (lambda folder: os.remove(str(folder / "vocab.txt")), "vocab.txt is missing"),
])
def test_what_has_changed_is_named(dest, change, words):
    manifest.verify_or_add(str(dest), "bert")
    before = (dest / "manifest.json").read_bytes()
    change(dest / "bert")
    message = failure(str(dest), "bert")
    assert words in message and "delete the folder" in message
    assert (dest / "manifest.json").read_bytes() == before


def test_many_faults_are_counted(dest):
    for number in range(5):
        (dest / "bert" / ("%d.txt" % number)).write_text("")
    manifest.verify_or_add(str(dest), "bert")
    for number in range(5):
        os.remove(str(dest / "bert" / ("%d.txt" % number)))
    message = failure(str(dest), "bert")
    assert "2.txt is missing and 2 more" in message and "3.txt" not in message


def test_files_beside_the_listed_ones_are_let_be(dest):
    manifest.verify_or_add(str(dest), "bert")
    (dest / "bert" / "mine").write_text("")
    assert manifest.verify_or_add(str(dest), "bert")[1]


@pytest.mark.parametrize("name", ["airline_train_0_32.json", "conll_train_10_4.tf_record", "airline_train_3_5.json"])
def test_own_splits_are_not_listed(dest, name):
    """Also where a manifest of an older version of this program lists them."""
    public = ["airline_train_0_16.json", "airline_eval.json", "conll_train_9_4.tf_record"]
    for each in public + [name]:
        (dest / "bert" / "sub" / each).write_text("")
    files, _ = manifest.verify_or_add(str(dest), "bert")
    assert sorted(files) == sorted(["vocab.txt", "sub/data"] + ["sub/" + each for each in public])
    content = json.loads((dest / "manifest.json").read_text())
    content["folders"]["bert"]["sub/" + name] = files["sub/data"]
    (dest / "manifest.json").write_text(json.dumps(content))
    (dest / "bert" / "sub" / name).write_text("drawn anew")
    assert manifest.verify_or_add(str(dest), "bert")[1]
    os.remove(str(dest / "bert" / "sub" / name))
    assert manifest.verify_or_add(str(dest), "bert")[1]
    (dest / "bert" / "sub" / public[0]).write_text("changed")
    assert public[0] + " has changed" in failure(str(dest), "bert")


@pytest.mark.parametrize("content, words", [
    ("{", "no manifest of downloads (no JSON"),
    ("[]", "no manifest of downloads"),
    ('{"format": 2, "folders": {}}', "no manifest of downloads"),
    ("[" * 100000, "nested too deeply"),
    ('{"format": 1, "folders": []}', "no manifest of downloads"),
    ('{"format": 1, "folders": {"bert": ["vocab.txt"]}}', "no manifest of downloads"),
    ('{"format": 1, "folders": {"bert": {"vocab.txt": {"bytes": true, "sha256": ""}}}}', "no manifest of downloads"),
    ('{"format": 1, "folders": {"bert": {"vocab.txt": {"bytes": 1}}}}', "no manifest of downloads"),
])
def test_a_manifest_of_something_else(dest, content, words):
    (dest / "manifest.json").write_text(content)
    assert words in failure(str(dest), "bert")
    assert (dest / "manifest.json").read_text() == content


def test_a_folder_that_cannot_be_written(dest, monkeypatch):
    def refuse(path, values):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(manifest, "write_json", refuse)
    assert "manifest.json cannot be written (Permission denied): choose another place" in failure(str(dest), "bert")
