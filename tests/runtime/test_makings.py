"""Whose files: what a folder says itself, and nothing else."""
import json

import pytest

from runtime import makings

NAMES = ["a", "b/c"]


def write(folder, content):
    (folder / makings.MADE).write_text(content if isinstance(content, str) else json.dumps(content))


def test_a_folder_says_what_is_ours(tmp_path):
    write(tmp_path, makings.content({"model": NAMES}))
    assert makings.read(str(tmp_path)) == {"model": NAMES}
    assert makings.ours(str(tmp_path), "model", lambda folder: ["other"]) == {"model": {"a", "b/c"}}


def test_files_of_a_version_without_a_list(tmp_path):
    write(tmp_path, makings.content({"run": NAMES}))
    found = makings.ours(str(tmp_path), "model", lambda folder: ["model.json"])
    assert found == {"run": {"a", "b/c"}, "model": {"model.json"}}
    assert makings.ours(str(tmp_path / "none"), "model", lambda folder: ["model.json"]) == {}


@pytest.mark.parametrize("content", [
    "", "[]", "{", {}, dict(makings.content({"model": NAMES}), program="another"),
    dict(makings.content({"model": NAMES}), format=2), makings.content([NAMES]), makings.content({"model": {}}),
    makings.content({"model": None}), makings.content({"model": "a"}), makings.content({"run": NAMES, "model": [".."]}),
] + [makings.content({"model": [name]}) for name in (1, None, "", ".", "..", "../a", "/a", "a/../../b", "a//b", "a/")])
def test_what_is_not_ours_or_leads_elsewhere_counts_for_nothing(tmp_path, content):
    write(tmp_path, content)
    assert makings.read(str(tmp_path)) == {}


def test_no_list(tmp_path):
    assert makings.read(str(tmp_path)) == {} == makings.read(str(tmp_path / "none"))
