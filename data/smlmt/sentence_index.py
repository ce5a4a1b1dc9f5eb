"""A corpus in memory: sentences as word numbers in one array, and an inverted index word -> sentence numbers."""
import array
import hashlib

import numpy as np

WORDS_AT_ONCE = 1 << 20  # bounds the memory that building the index takes beside its result


def fingerprint(words):
    """64 bits that tell sentences apart."""
    return int.from_bytes(hashlib.blake2b(" ".join(words).encode("utf-8", "replace"), digest_size=8).digest(), "big")


class SentenceStore:
    """Different sentences in the order in which they came; about 4 bytes a word."""

    def __init__(self):
        self.words = []  # word number -> word
        self._numbers = _Numbers(self.words)
        self._text = array.array("i")  # word numbers of all sentences
        self._ends = array.array("q", [0])
        self._seen = set()

    def __len__(self):
        return len(self._ends) - 1

    @property
    def size(self):
        """Words of all sentences."""
        return len(self._text)

    def add(self, words):
        """Stores a sentence unless it is there already."""
        key = fingerprint(words)
        if key not in self._seen:
            self._seen.add(key)
            self._text.extend(map(self._numbers.__getitem__, words))
            self._ends.append(len(self._text))

    def close(self):
        """No more sentences follow: frees what only adding needs."""
        self._seen, self._numbers = set(), None

    def sentence(self, number):
        """The list of words of a sentence."""
        return [self.words[word] for word in self._text[self._ends[number] : self._ends[number + 1]]]

    def index(self, fold, is_candidate, min_count, max_count):
        """The Index of the words that stand in `min_count` to `max_count` sentences (no limit when `max_count` is 0).

        Args:
          fold: {word: the form that counts as the same word}.
          is_candidate: form -> whether to index it.
        """
        numbers = {}  # form -> its number
        forms = np.full(len(self.words), -1, np.int32)  # word number -> number of its form
        for number, word in enumerate(self.words):
            form = fold[word]
            if is_candidate(form):
                forms[number] = numbers.setdefault(form, len(numbers))
        counts = np.zeros(len(numbers), np.int64)
        for places, _ in self._pairs(forms):
            counts += np.bincount(places, minlength=len(counts))
        kept = sorted(
            form for form, number in numbers.items() if min_count <= counts[number] <= (max_count or len(self))
        )
        order = np.array([numbers[form] for form in kept], np.int64)
        renumbered = np.full(len(numbers) + 1, -1, np.int32)  # the last for forms that are no candidates
        renumbered[order] = np.arange(len(kept))
        starts = np.concatenate([[0], np.cumsum(counts[order])])
        sentences = np.empty(starts[-1], np.int32)
        free = starts[:-1].copy()  # where the next sentence of a word goes
        for places, found in self._pairs(renumbered[forms]):
            ranks = np.arange(len(places)) - np.searchsorted(places, places)  # among the block's sentences of a word
            sentences[free[places] + ranks] = found
            free += np.bincount(places, minlength=len(free))
        return Index(kept, starts, sentences)

    def _pairs(self, forms):
        """Yields (forms, sentence numbers), sorted by both and without repetitions, of one block of text after another.

        Args:
          forms: int [words], -1 for words that do not count.
        """
        text, ends = np.frombuffer(self._text, np.int32), np.frombuffer(self._ends, np.int64)
        first = 0
        while first < len(self):
            last = max(first + 1, int(np.searchsorted(ends, ends[first] + WORDS_AT_ONCE, side="right")) - 1)
            found = forms[text[ends[first] : ends[last]]]
            sentences = np.repeat(np.arange(first, last, dtype=np.int32), np.diff(ends[first : last + 1]))
            found, sentences = found[found >= 0], sentences[found >= 0]
            order = np.argsort(found, kind="stable")  # sentences of one form stay in their order
            found, sentences = found[order], sentences[order]
            new = np.ones(len(found), bool)
            new[1:] = (found[1:] != found[:-1]) | (sentences[1:] != sentences[:-1])
            yield found[new], sentences[new]
            first = last


class Index:
    """Sentence numbers by word.

    Args:
      words: sorted list.
      starts: int [words + 1], where each word's part of `sentences` begins.
      sentences: int, ascending for each word.
    """

    def __init__(self, words, starts, sentences):
        self._starts, self._sentences = starts, sentences
        self._places = {word: place for place, word in enumerate(words)}

    def counts(self):
        """{word: number of sentences}."""
        return {word: int(self._starts[place + 1] - self._starts[place]) for word, place in self._places.items()}

    def sentences(self, word):
        """Numbers of the sentences that hold a word, ascending."""
        place = self._places[word]
        return self._sentences[self._starts[place] : self._starts[place + 1]]


class _Numbers(dict):
    """{word: number}; a new word gets the next number and joins the list."""

    def __init__(self, words):
        super().__init__()
        self._words = words

    def __missing__(self, word):
        self[word] = len(self._words)
        self._words.append(word)
        return self[word]
