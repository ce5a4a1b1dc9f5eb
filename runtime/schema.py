"""What a JSON file may hold, declared once: types, ranges, lengths and duplicates, checked before anything is built.

A check is a function of a value and of where it stands; it raises Malformed, which says what is wrong there. Checks are
made of checks:

    MODEL = fields({"labels": array(text(), least=1, distinct=True)}, {"pair": none_or(flag)})
    content = load(path, MODEL)
"""
import dataclasses
import json
import math
import sys

from runtime.paths import is_special

MOST_BYTES = 1 << 27  # of a file
MOST_ITEMS = 10**6  # of a list or object
SHOWN = 40  # characters of a value in an error


class Malformed(ValueError):
    """What is wrong with the content of a file, on one line."""


class Unknown(Malformed):
    """A key that is not declared: of a later version, or a slip."""


def _refuse(value, where, needed):
    raise Malformed("%s is %.*r; %s is needed" % (where or "the content", SHOWN, _short(value), needed))


def _short(value):
    return value if isinstance(value, (int, float, str, bool, type(None))) else type(value).__name__


def whole(low=0, high=2**53):
    """Whole numbers from `low` to `high`."""

    def check(value, where=""):
        if type(value) is not int or not low <= value <= high:
            _refuse(value, where, "a whole number from %d to %d" % (low, high))

    return check


def real(low=-math.inf, high=math.inf):
    """Finite numbers from `low` to `high`."""

    def check(value, where=""):
        # of whole numbers, those that no float holds
        if type(value) not in (int, float) or not (low <= value <= high and abs(value) <= sys.float_info.max):
            _refuse(value, where, "a number" + (" from %g to %g" % (low, high) if low > -math.inf else ""))

    return check


def text(least=0, most=1 << 20, ascii_only=False):
    """Strings of so many characters, which may have to be printable ones of ASCII."""

    def check(value, where=""):
        is_plain = isinstance(value, str) and (not ascii_only or all(" " <= char <= "~" for char in value))
        if not is_plain or not least <= len(value) <= most:
            _refuse(value, where, "a text of %d to %d characters" % (least, most))

    return check


def flag(value, where=""):
    """true or false."""
    if not isinstance(value, bool):
        _refuse(value, where, "true or false")


def anything(value, where=""):
    """Whatever JSON can say."""


def one_of(*allowed):
    """One of some texts."""

    def check(value, where=""):
        if value not in allowed or not isinstance(value, str):
            _refuse(value, where, "one of %s" % ", ".join(allowed))

    return check


def none_or(inner):
    """null, or what another check takes."""

    def check(value, where=""):
        if value is not None:
            inner(value, where)

    return check


def array(inner, least=0, most=MOST_ITEMS, distinct=False):
    """Lists of so many items, which may have to differ."""

    def check(value, where=""):
        if not isinstance(value, list) or not least <= len(value) <= most:
            _refuse(value, where, "a list of %d to %d items" % (least, most))
        for number, item in enumerate(value):
            inner(item, "%s[%d]" % (where, number))
        if distinct and len(set(value)) < len(value):
            raise Malformed("%s has %.*r twice" % (where or "the list", SHOWN, _first_again(value)))

    return check


def fields(required, optional=None, more=False):
    """Objects with these keys, {key: check}; with `more` others may be there too."""
    known = dict(optional or {}, **required)

    def check(value, where=""):
        if not isinstance(value, dict) or len(value) > MOST_ITEMS:
            _refuse(value, where, "an object")
        for key in required:
            if key not in value:
                raise Malformed("%s is missing" % _inside(where, key))
        for key, item in value.items():
            if key in known:
                known[key](item, _inside(where, key))
            elif not more:
                raise Unknown("%s is unknown" % _inside(where, key))

    return check


def mapping(inner):
    """Objects with any keys, whose values another check takes."""

    def check(value, where=""):
        fields({}, more=True)(value, where)
        for key, item in value.items():
            inner(item, _inside(where, key))

    return check


def of_dataclass(kind, limits=None, more=False):
    """Objects that a dataclass can be made of: its fields by their types; those without a default are required.

    Args:
      kind: dataclass with fields of int, float, bool, str and tuple (of texts).
      limits: {name: check} for fields of which more is known.
      more: whether other keys may be there.
    """
    checks = {int: whole(-(2**53)), float: real(), bool: flag, str: text(), tuple: array(text())}
    required, optional = {}, {}
    for field in dataclasses.fields(kind):
        check = (limits or {}).get(field.name) or checks[field.type]
        is_required = field.default is dataclasses.MISSING
        (required if is_required else optional)[field.name] = none_or(check) if field.default is None else check
    return fields(required, optional, more)


def _inside(where, key):
    return "%s.%.*s" % (where, SHOWN, key) if where else "%.*s" % (SHOWN, key)


def load(path, check=anything, most_bytes=MOST_BYTES):
    """The content of a JSON file.

    Raises:
      OSError: it cannot be read; FileNotFoundError: there is none.
      Malformed: it is no regular file of `most_bytes` at most, no JSON in UTF-8, or holds what a check does not take.
    """
    if is_special(path):
        raise Malformed("no regular file")
    with open(path, "rb") as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise Malformed("larger than %d bytes" % most_bytes)
    return loads(content, check)


def loads(content, check=anything):
    """The value that UTF-8 bytes, or a text, of JSON stand for; Malformed as for `load`."""
    try:
        if isinstance(content, bytes):
            content = content.decode("utf-8")
        value = json.loads(content, object_pairs_hook=without_doubles, parse_constant=_no_constant)
    except Malformed:
        raise
    except RecursionError:
        raise Malformed("nested too deeply") from None
    except ValueError as error:  # also of more digits than Python takes, and of bytes that are not UTF-8
        raise Malformed("no JSON: %s" % str(error).splitlines()[0]) from None
    check(value)
    return value


def without_doubles(pairs):
    """The object of (key, value) pairs, as JSON's object_pairs_hook; Malformed where a key stands there twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Malformed("the key %.*r stands there twice" % (SHOWN, _first_again(key for key, _ in pairs)))
    return found


def _first_again(items):
    """The first of some items that is one of those before it, in one pass: a damaged file may have a million."""
    seen = set()
    return next(item for item in items if item in seen or seen.add(item))


def _no_constant(name):
    raise Malformed("%s is no number" % name)
