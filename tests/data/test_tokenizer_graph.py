"""The tokenizer as a graph against tokenization.Tokenizer."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import tokenizer_graph
from runtime.compat import tf
from tokenization import Tokenizer

LETTERS = list("abcdefgzé中的ß한ᄒ가ا") + ["ab", "abc", "film", "ff"]
WORDS = "[PAD] [UNK] [CLS] [SEP] good bad film The the ! , . - 1 2 É é 中 ß ا A B".split()
VOCAB = {
    token: number for number, token in enumerate(dict.fromkeys(WORDS + LETTERS + ["##" + each for each in LETTERS]))
}
LENGTH = 12


class Graph:
    """The graph for cased or uncased text in a session of its own."""

    def __init__(self, do_lower_case):
        with tf.Graph().as_default():
            self._texts = [tf.placeholder(tf.string, [None]) for _ in range(2)]
            found = tokenizer_graph.rules(do_lower_case)
            self._outputs = [
                tokenizer_graph.sequences(self._texts[0], second, VOCAB, found, LENGTH)
                for second in (None, self._texts[1])
            ]
            self._session = tf.Session()
            self._session.run(tf.tables_initializer())
        self._tokenizer = Tokenizer(VOCAB, do_lower_case)

    def check(self, texts, seconds=None):
        feed = {self._texts[0]: [text.encode("utf-8") for text in texts]}
        if seconds:
            feed[self._texts[1]] = [text.encode("utf-8") for text in seconds]
        ids, mask, segments = self._session.run(self._outputs[bool(seconds)], feed)
        expected = [self._tokenizer.encode(*pair, LENGTH) for pair in zip(texts, seconds or [None] * len(texts))]
        assert ids.shape == mask.shape == segments.shape == (len(texts), max(len(each[0]) for each in expected))
        for row, (row_ids, row_segments) in enumerate(expected):
            size = len(row_ids)
            assert ids[row].tolist() == row_ids + [0] * (len(ids[row]) - size), texts[row]
            assert mask[row].tolist() == [1] * size + [0] * (len(ids[row]) - size)
            assert segments[row].tolist() == row_segments + [0] * (len(ids[row]) - size)


@pytest.fixture(scope="module", params=[False, True], ids=["cased", "uncased"])
def graph(request):
    return Graph(request.param)


CASES = [
    "", " ", "good film", "The film, the GOOD film!", "É é e\u0301 ÉÉ", "中的film中", "한국 가각", "ßſ ﬁ İ K",
    "abcab abcd",
    "a" * 100, "a" * 101, "good\u00a0film\u2028bad\tfilm\nx", "\0a\u200bb\ufffd\ufeff", "\U0001f600 \U00020000a", "ااا",
    "[CLS] [MASK] ##a", "a-b--c...", "good " * 30, "\u0130\u01c5\u1e9e", "zzz unknown ffff", "a\u0300\u0301b",
]


def test_cases(graph):
    graph.check(CASES)
    for text in CASES:  # alone, too: nothing depends on the other rows
        graph.check([text])


def test_pairs(graph):
    graph.check(CASES, CASES[::-1])
    graph.check(["good film"] * 4, ["", "a", "bad " * 20, "film"])
    graph.check(["good " * 20] * 4, ["", "a", "bad " * 20, "bad " * 4])


def test_every_character_of_many_scripts(graph):
    """Each between two letters, where removing, splitting and spelling are told apart."""
    codes = np.r_[1:0x3400, 0x9F00:0xD800, 0xE000:0x10000, 0x10000:0x12000, 0x16A00:0x17000, 0x1D100:0x1F000, 0x10FFFF]
    codes = np.random.RandomState(0).choice(codes, 4000, replace=False)
    graph.check(["a%sb" % chr(code) for code in codes])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(st.characters(blacklist_categories=["Cs", "Mn", "Mc"])), min_size=1, max_size=4))
def test_any_text(graph, texts):
    """Without combining marks, whose order the graph leaves alone."""
    graph.check(texts)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(st.sampled_from("abcfg É中.\t#é한")), min_size=2, max_size=4))
def test_texts_of_known_pieces(graph, texts):
    graph.check(texts, texts[::-1])
