"""Which words SMLMT tasks are about: their form, their stems, and drawing N of them for a task."""
import bisect
import itertools
import math
import re

from runtime.errors import UserError
from tokenization import basic_tokenize

SAMPLING = ("uniform", "log")
DIFFICULTIES = ("", "hard", "easy")
DRAWS_PER_WORD = 50  # until a task counts as impossible with the words drawn so far
_LETTERS = re.compile(r"[^\W\d_]+\Z")
_VOWELS = frozenset("aeiouy")
_SUFFIXES = sorted(
    "ization isation ational fulness ousness iveness ability ibility ation ition ment ness less ful able ible "
    "ance ence ingly edly ing ed ize ise ism ist ity ive ous ion ally ly al er or est ship hood".split(),
    key=lambda suffix: (-len(suffix), suffix),
)


class FoldedForms(dict):
    """{word: its form without case and accents}, filled on demand: "Bank" and "bank" are one word to mask."""

    def __missing__(self, word):
        self[word] = "".join(basic_tokenize(word, True))
        return self[word]


def is_candidate(word, min_length):
    """Whether a folded word may be masked: letters only, and enough of them."""
    return len(word) >= min_length and _LETTERS.match(word) is not None


def stem(word):
    """What inflected and derived forms of an English word have in common: teach, teaches, teaching, teacher -> teach.

    A few suffix rules in the manner of Porter's stemmer (1980). It rather takes too much away: two words of one stem
    only never stand in one task.
    """
    word = _singular(word)
    for _ in range(3):  # creatively: creative, creat
        shorter = _without_suffix(word)
        if shorter == word:
            break
        word = shorter
    if len(word) > 3 and word[-1] == "e":
        word = word[:-1]
    return word[:-1] + "i" if word[-1:] == "y" else word


def _singular(word):
    if len(word) < 4 or not word.endswith("s"):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("ses", "xes", "zes", "ches", "shes")):
        return word[:-2]
    return word if word.endswith(("ss", "us", "is")) else word[:-1]


def _without_suffix(word):
    for suffix in _SUFFIXES:
        rest = word[: -len(suffix)]
        if word.endswith(suffix) and len(rest) >= (3 if len(suffix) < 5 else 4) and not _VOWELS.isdisjoint(rest):
            if rest[-1] == rest[-2] and rest[-1] not in _VOWELS:
                rest = rest[:-1]  # running, runn, run
            return rest
    return word


class WordTable:
    """The words that tasks of N classes are made of.

    Args:
      counts: {word: number of sentences that hold it}, only words that may be drawn.
      classes: N.
      sampling: "uniform", or "log": in proportion to 1 + log(count).
      clusters: {word: cluster} or None; words without one are left out.
      difficulty: "hard": the words of a task are of one cluster, "easy": of different ones, "": no matter.

    Raises:
      UserError: no task can be made.
    """

    def __init__(self, counts, classes, sampling="uniform", clusters=None, difficulty=""):
        self._classes, self._difficulty = classes, difficulty
        group = {word: clusters.get(word) for word in counts} if difficulty else dict.fromkeys(counts, "")
        stems = {word: stem(word) for word in counts}
        members = {}  # {cluster: stems}
        for word, cluster in group.items():
            members.setdefault(cluster, set()).add(stems[word])
        members.pop(None, None)
        if difficulty == "hard":
            members = {cluster: found for cluster, found in members.items() if len(found) >= classes}
        self.words = sorted((word for word in counts if group[word] in members), key=lambda word: (group[word], word))
        self._check(members)
        self._stems = [stems[word] for word in self.words]
        self._clusters = [group[word] for word in self.words]
        weights = (1.0 + math.log(counts[word]) if sampling == "log" else 1.0 for word in self.words)
        self._sums = [0.0] + list(itertools.accumulate(weights))

    def _check(self, members):
        stems = set().union(*members.values()) if members else set()
        if self._difficulty == "hard" and not members:
            fault = "no cluster has that many words (of different stems)"
        elif self._difficulty == "easy" and len(members) < self._classes:
            fault = "only %d clusters hold words" % len(members)
        elif len(stems) < self._classes:
            fault = "only %d words (of different stems) are there" % len(stems)
        else:
            return
        raise UserError("N=%d: %s" % (self._classes, fault))

    def draw(self, random):
        """Draws the N words of a task, of different stems, by label; None when that failed.

        Args:
          random: numpy RandomState.
        """
        chosen = []
        stems, clusters = set(), set()
        first, last = 0, len(self.words)
        for _ in range(DRAWS_PER_WORD * self._classes):
            place = self._draw_between(first, last, random.random_sample())
            if self._stems[place] in stems or (self._difficulty == "easy" and self._clusters[place] in clusters):
                continue
            chosen.append(self.words[place])
            stems.add(self._stems[place])
            clusters.add(self._clusters[place])
            if len(chosen) == self._classes:
                return [chosen[label] for label in random.permutation(self._classes)]
            if self._difficulty == "hard":  # words are sorted by cluster
                first = bisect.bisect_left(self._clusters, self._clusters[place])
                last = bisect.bisect_right(self._clusters, self._clusters[place])
        return None

    def _draw_between(self, first, last, fraction):
        """The place of a word among those from `first` to before `last`, by weight."""
        low, high = self._sums[first], self._sums[last]
        place = bisect.bisect_right(self._sums, low + fraction * (high - low)) - 1
        return min(max(place, first), last - 1)
