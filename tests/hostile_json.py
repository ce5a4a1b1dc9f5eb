"""Systematic mutations of a JSON document, for the tests of all that read one."""
import copy
import json
import os

WRONG = [None, "x", "", 7.5, -1, 10**12, 10**30, 10**400, True, [], {}, [[]], float("nan"), float("inf"), "\ud800", 0]
BYTES = {
    "empty": b"", "not UTF-8": b'{"a": "\xff"}', "deep list": b"[" * 100000, "deep object": b'{"a":' * 100000,
    "no object": b"[]", "a number": b"7", "null": b"null", "many digits": b'{"a": ' + b"9" * 10000 + b"}",
    "UTF-16": '{"a": 1}'.encode("utf-16"), "a binary": bytes(range(256)),
}


def mutations(content):
    """Yields (what was done, bytes) for every place of a document: dropped, of a wrong type or size, twice, cut."""
    for path, value in _places(content):
        name = ".".join(map(str, path))
        yield "without " + name, _dumped(_changed(content, path, None, drop=True))
        for wrong in WRONG:
            if wrong != value or type(wrong) is not type(value):
                yield "%s=%r" % (name, wrong), _dumped(_changed(content, path, wrong))
        if isinstance(value, list) and value:
            yield name + " with an item twice", _dumped(_changed(content, path, value + value[:1]))
    whole = _dumped(content)
    yield "a key twice", whole[:1] + whole[1:-1] + b", " + whole[1:]
    for part in range(1, 8):
        yield "cut at %d/8" % part, whole[: len(whole) * part // 8]
    yield from BYTES.items()


def put_no_file(path, kind):
    """Puts a folder, a pipe, or a link to nothing where a file is expected."""
    {"folder": os.mkdir, "pipe": os.mkfifo, "link": lambda place: os.symlink("nowhere", place)}[kind](str(path))


def _dumped(content):
    return json.dumps(content).encode("utf-8")


def _places(value, path=()):
    if path:
        yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, item in items:
        yield from _places(item, path + (key,))


def _changed(content, path, value, drop=False):
    content = copy.deepcopy(content)
    place = content
    for key in path[:-1]:
        place = place[key]
    if drop:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return content
