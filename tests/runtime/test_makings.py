"""Whose files: what a folder says itself, and nothing else."""
import json

import pytest

from runtime import makings

ENTRY = {"token": "t", "files": ["a", "b/c"]}


def write(folder, content):
    (folder / makings.MADE).write_text(content if isinstance(content, str) else json.dumps(content))


def test_a_folder_says_what_is_ours(tmp_path):
    write(tmp_path, makings.content({"model": ENTRY}))
    assert makings.read(str(tmp_path)) == {"model": ENTRY}
    assert makings.ours(str(tmp_path), "model", lambda folder: ["other"]) == {"model": {"a", "b/c"}}


def test_files_of_a_version_without_a_list(tmp_path):
    write(tmp_path, makings.content({"run": ENTRY}))
    found = makings.ours(str(tmp_path), "model", lambda folder: ["model.json"])
    assert found == {"run": {"a", "b/c"}, "model": {"model.json"}}
    assert makings.ours(str(tmp_path / "none"), "model", lambda folder: ["model.json"]) == {}


@pytest.mark.parametrize("content", [
    "", "[]", "{", {}, dict(makings.content({"model": ENTRY}), program="another"),
    dict(makings.content({"model": ENTRY}), format=2), makings.content([ENTRY]), makings.content({"model": []}),
    makings.content({"model": {"files": []}}), makings.content({"model": dict(ENTRY, token=1)}),
    makings.content({"model": dict(ENTRY, files="a")}), makings.content({"model": dict(ENTRY, files=[1])}),
    makings.content({"model": dict(ENTRY, files=["../a"])}), makings.content({"model": dict(ENTRY, files=["/a"])}),
    makings.content({"model": dict(ENTRY, files=["a/../../b"])}), makings.content({"model": dict(ENTRY, files=[""])}),
    makings.content({"model": dict(ENTRY, files=["a//b"])}), makings.content({"model": dict(ENTRY, files=["."])}),
    makings.content({"model": ENTRY, "run": dict(ENTRY, files=[".."])}),
])
def test_what_is_not_ours_or_leads_elsewhere_counts_for_nothing(tmp_path, content):
    write(tmp_path, content)
    assert makings.read(str(tmp_path)) == {}


def test_no_list(tmp_path):
    assert makings.read(str(tmp_path)) == {} == makings.read(str(tmp_path / "none"))
