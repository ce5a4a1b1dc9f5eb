"""Whose files: a folder says itself which of its files this program made, so that no other is replaced or removed.

`.made.json` lists them by kind of making. The same content gives the same list: two runs of a program can be compared
file by file.

    {"program": "few-shot-classification", "format": 1, "makings": {"model": ["model.json", ...]}}
"""
import os

from runtime.files import read_json

MADE = ".made.json"
PROGRAM = "few-shot-classification"
FORMAT = 1


def read(target):
    """{kind: names of its files} as a folder's .made.json says it; empty where there is none of ours."""
    content = read_json(os.path.join(target, MADE))
    if not isinstance(content, dict) or (content.get("program"), content.get("format")) != (PROGRAM, FORMAT):
        return {}
    makings = content.get("makings")
    return makings if isinstance(makings, dict) and all(map(are_plain, makings.values())) else {}


def are_plain(names):
    """Whether these are relative names that stay in their folder."""
    return isinstance(names, list) and all(
        isinstance(name, str) and name == os.path.normpath(name) and name.split(os.sep)[0] not in ("", "..", ".")
        for name in names
    )


def ours(target, kind, earlier):
    """{kind: names} of the files in a folder that are ours."""
    found = {each: set(names) for each, names in read(target).items()}
    if kind not in found:
        names = set(earlier(target)) if os.path.isdir(target) else set()
        if names:
            found[kind] = names
    return found


def content(makings):
    """What .made.json says of makings as `read` gives them."""
    return {"program": PROGRAM, "format": FORMAT, "makings": makings}
