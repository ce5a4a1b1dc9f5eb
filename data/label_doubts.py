"""What looks like a mistake in labelled rows: labels of one row, labels a letter apart, a text under two labels."""
import collections
import itertools
import re
import unicodedata
from typing import Iterator, List, Sequence, Tuple

from data.overlap import label_sets, text_key
from data.text import TextExample

MOST = 5  # lines of a kind
SHORTEST = 4  # letters of a word that may be mistyped
NOTHING = ("nan", "null", "<na>", "n/a", "#n/a", "nat")  # what pandas and spreadsheets write; "none" may be a class
VARIANTS = "\ufe0e\ufe0f"  # choose between two looks of a symbol
WHOLE = re.compile(r"(\d+)\.0+", re.ASCII)  # how tables spell 1 in a column that lacks values elsewhere


def doubts(examples: Sequence[TextExample]) -> List[str]:
    """A line for each thing to look at, at most MOST of a kind; the examples tell where they stand."""
    rows = collections.OrderedDict()
    for example in examples:
        rows.setdefault(example.label, []).append(example.where)
    kinds = (_nothing(rows), _alone(rows), _alike(rows), _of_two(examples))
    return [line for kind in kinds for line in _first(list(kind))]


def _first(lines: List[str]) -> List[str]:
    more = len(lines) - MOST
    return lines if more <= 0 else lines[:MOST] + ["and %d more of this kind" % more]


def _nothing(rows) -> Iterator[str]:
    for label, found in rows.items():
        if label.casefold() in NOTHING:
            yield "the label %r (%s) is what programs write for no label: leave such rows out, or write a word" % (
                label, _places(found)
            )


def _alone(rows) -> Iterator[str]:
    if len(rows) > 1 and all(len(found) == 1 for found in rows.values()):
        yield "each of the %d labels has one row alone: a few more would help" % len(rows)
        return
    for label, found in rows.items():
        if len(found) == 1:
            yield "the label %r has one row alone (%s): a few more would help" % (label, _places(found))


def _alike(rows) -> Iterator[str]:
    for one, other in _candidates(list(rows)):
        if len(rows[one]) > len(rows[other]):
            one, other = other, one
        if may_be_mistyped(one, other):
            count = "%d row%s" % (len(rows[other]), "s" * (len(rows[other]) > 1))
            spelt = ascii if _composed(one) == _composed(other) else repr  # the eye sees no difference
            yield "the labels %s (%s) and %s (%s) may be meant to be the same" % (
                spelt(one), _places(rows[one]), spelt(other), count
            )


def _candidates(labels: Sequence[str]) -> List[Tuple[str, str]]:
    """All pairs that may_be_mistyped holds for, and few others: of thousands of labels not every pair can be looked at.

    What differs by an edit is the same once the right letter of each, or of one, is left out.
    """
    alike = collections.defaultdict(list)  # {words, one of them without a letter: numbers of labels}
    for number, label in enumerate(labels):
        words = _words(label)
        forms = {words}
        for place, word in enumerate(words):
            if len(word) >= SHORTEST and word.isalpha():
                shorter = (word[:letter] + word[letter + 1 :] for letter in range(len(word)))
                forms.update(words[:place] + (form,) + words[place + 1 :] for form in shorter)
        for form in forms:
            alike[form].append(number)
    pairs = {pair for numbers in alike.values() for pair in itertools.combinations(numbers, 2)}
    return [(labels[one], labels[other]) for one, other in sorted(pairs)]


def _of_two(examples: Sequence[TextExample]) -> Iterator[str]:
    keys = [text_key(example) for example in examples]
    labels = label_sets((key, example.label) for key, example in zip(keys, examples))
    rows = collections.OrderedDict()
    for row, key in enumerate(keys):
        rows.setdefault(key, []).append(row)
    for key, found in rows.items():
        if len(labels[key]) > 1:
            told = ", ".join("%s as %r" % (_places([examples[row].where]), examples[row].label) for row in found[:MOST])
            yield "one text stands under several labels (%s)" % (told + ", ..." * (len(found) > MOST))


def _places(found: Sequence[str]) -> str:
    """"lines 2, 5, ..." of "line 2", "line 5" and others."""
    kind = found[0].split(" ")[0]
    numbers = [where.split(" ", 1)[1] for where in found[:MOST]]
    *others, last = numbers  # "3 (the first is 0)" is said once
    shown = ", ".join([number.split(" ")[0] for number in others] + [last])
    return "%s%s %s%s" % (kind, "s" * bool(others), shown, ", ..." * (len(found) > MOST))


def _composed(label: str) -> str:
    """A label as the eye sees it: characters without a shape are left out, accents joined to their letters."""
    seen = "".join(char for char in label if unicodedata.category(char) not in ("Cf", "Cc") and char not in VARIANTS)
    return unicodedata.normalize("NFC", seen)


def _words(label: str) -> Tuple[str, ...]:
    """The words of a label by which it is compared."""
    folded = unicodedata.normalize("NFKC", _composed(label).casefold())
    whole = WHOLE.fullmatch(folded.strip())
    return (whole.group(1),) if whole else tuple(folded.split())


def may_be_mistyped(one: str, other: str) -> bool:
    """Whether two labels differ in what does not count, or in one letter of one word of SHORTEST or more.

    Letter case, blanks, the Unicode form of a character, characters without a shape and 1 as 1.0 do not count.
    """
    words = _words(one), _words(other)
    if words[0] == words[1]:
        return True
    if len(words[0]) != len(words[1]):
        return False
    (first, second), *more = [pair for pair in zip(*words) if pair[0] != pair[1]]
    return not more and first.isalpha() and second.isalpha() and _is_one_edit(*sorted((first, second), key=len))


def _is_one_edit(short: str, long: str) -> bool:
    """Whether one letter was changed, left out or swapped with the next one."""
    if len(short) < SHORTEST or len(long) - len(short) > 1:
        return False
    same = next((i for i, (a, b) in enumerate(zip(short, long)) if a != b), len(short))
    if len(long) > len(short):
        return short[same:] == long[same + 1 :]
    swapped = long[:same] + long[same : same + 2][::-1] + long[same + 2 :]
    return short[same + 1 :] == long[same + 1 :] or short == swapped
