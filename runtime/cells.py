"""Text of others on one line of a terminal, a table or a file for spreadsheets. Nothing here needs TensorFlow."""
import re
import unicodedata

_FORMULA = ("=", "+", "-", "@")  # what spreadsheets take for the beginning of a formula
_MARK = "'"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$", re.ASCII)


def shown(text):
    """A text with its control characters spelled out: none reaches a terminal, which would obey them.

    Line ends are control characters too. A text without any is returned as it is.
    """
    if text.isprintable():
        return text
    return "".join(_spelled(char) if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in text)


def _spelled(char):
    return char.encode("unicode_escape").decode("ascii")


def one_line(text):
    """A text on one line: each run of blanks, tabs and line ends is one blank; other control characters as `shown`."""
    return shown(" ".join(text.split()))


def cell(text):
    """What a cell of a tab-separated file holds for a text: `one_line`, and no formula.

    A text that a spreadsheet would compute, because it begins with =, +, - or @ and is no number, gets an apostrophe
    before it, and so does one that begins with an apostrophe and one of these or another apostrophe: `read_cell` gives
    back the line as it was.
    """
    return guarded(one_line(text))


def guarded(text):
    """`cell` of a text that stays as it is otherwise, such as a file of quoted fields can hold it."""
    if text.startswith(_FORMULA):
        return text if _NUMBER.match(text) else _MARK + text
    return _MARK + text if _is_marked(text) else text


def read_cell(text):
    """The line that `cell`, or text that `guarded`, made this of."""
    return text[1:] if _is_marked(text) else text


def _is_marked(line):
    return line.startswith(_MARK) and line[1:].startswith(_FORMULA + (_MARK,))
