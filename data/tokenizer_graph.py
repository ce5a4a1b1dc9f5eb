"""BERT's tokenizer as a TensorFlow graph, for models that are asked with text: the ids of tokenization.Tokenizer.

It needs nothing but TensorFlow's own operations, also those of 1.15: what becomes of each character is taken from
tokenization.py when the graph is made, as ranges of code points and a table. One thing differs: in uncased text, two
combining marks that stay (some Indic vowel signs, musical symbols) are not put in canonical order.
"""
import functools
from typing import NamedTuple, Tuple

import numpy as np

from runtime.compat import tf
from tokenization import MAX_WORD_CHARS, character

_KEPT, _REMOVED, _SPACE, _ALONE, _SPELLED = range(5)  # what becomes of a character
_NONE = -1  # in the place of an id
_UNIT = "UTF8_CHAR"


class Rules(NamedTuple):
    """What becomes of characters."""

    starts: np.ndarray  # first code points of ranges, [ranges]
    kinds: np.ndarray  # of these ranges, [ranges]
    spelled: Tuple[Tuple[int, ...], Tuple[str, ...]]  # code points and what they become


@functools.lru_cache(maxsize=None)
def rules(do_lower_case):
    """The Rules of cased or uncased text; takes some seconds, once."""
    kinds, spelled = np.zeros([0x110000], np.int32), {}
    for code in range(len(kinds)):
        char, becomes = chr(code), character(code, do_lower_case)
        known = {char: _KEPT, "": _REMOVED, " ": _SPACE, " %s " % char: _ALONE}
        kinds[code] = known.get(becomes, _SPELLED)
        if kinds[code] == _SPELLED:
            spelled[code] = becomes
    starts = np.flatnonzero(np.diff(kinds, prepend=-1))
    return Rules(starts.astype(np.int32), kinds[starts], (tuple(spelled), tuple(spelled.values())))


def sequences(text_a, text_b, vocab, rules, max_seq_length):
    """Input sequences of BERT.

    Args:
      text_a: strings [batch], UTF-8.
      text_b: the second texts, or None.
      vocab: {token: id}.
      rules: Rules.
      max_seq_length: most ids of a row, as for tokenization.Tokenizer.encode.

    Returns:
      (input_ids, input_mask, segment_ids), int32 [batch, seq]; seq is that of the longest row. Tables are to be
      initialised (tf.tables_initializer).
    """
    table = _table(list(vocab), list(vocab.values()), tf.string, tf.int32, _NONE)
    spelling = _table(*rules.spelled, tf.int64, tf.string, "") if rules.spelled[0] else None
    longest = max(map(len, vocab))

    def ids(texts):
        return _ids(_words(texts, rules, spelling), table, vocab["[UNK]"], longest)

    return _assemble(ids(text_a), None if text_b is None else ids(text_b), vocab, max_seq_length)


def _table(keys, values, key_type, value_type, default):
    initializer = tf.lookup.KeyValueTensorInitializer(keys, values, key_type, value_type)
    return tf.lookup.StaticHashTable(initializer, default)


def _words(texts, rules, spelling):
    """Whole words, punctuation marks and single ideographs: RaggedTensor of strings [batch, (words)]."""
    chars, codes = tf.strings.unicode_split(texts, "UTF-8"), tf.strings.unicode_decode(texts, "UTF-8").flat_values
    found = tf.searchsorted(rules.starts, codes, side="right") - 1
    kind, char = tf.gather(rules.kinds, found), chars.flat_values
    becomes = tf.where(tf.equal(kind, _KEPT), char, tf.fill(tf.shape(char), ""))
    becomes = tf.where(tf.equal(kind, _SPACE), tf.fill(tf.shape(char), " "), becomes)
    becomes = tf.where(tf.equal(kind, _ALONE), tf.strings.join([" ", char, " "]), becomes)
    if spelling is not None:
        becomes = tf.where(tf.equal(kind, _SPELLED), spelling.lookup(tf.cast(codes, tf.int64)), becomes)
    rows = tf.strings.reduce_join(chars.with_flat_values(becomes).to_tensor(""), axis=1)
    return tf.strings.split(rows, result_type="RaggedTensor")


def _ids(words, table, unknown, longest):
    """Ids of the words' pieces: RaggedTensor of int32 [batch, (pieces)]; greedily the longest piece that fits."""
    word = words.flat_values
    length = tf.strings.length(word, unit=_UNIT)  # [words]
    sizes = tf.range(longest, 0, -1)  # of pieces
    shape = tf.stack([tf.size(word), longest])

    def fill(values):
        filled = tf.broadcast_to(values[:, None], shape)
        filled.set_shape([None, longest])
        return filled

    def step(start, found, is_bad):
        is_open, left = start < length, length - start
        span = tf.minimum(sizes[None, :], tf.maximum(fill(left), 0))
        piece = tf.strings.substr(fill(word), fill(tf.minimum(start, length - 1)), span, unit=_UNIT)
        mark = tf.where(start > 0, tf.fill(tf.shape(start), "##"), tf.fill(tf.shape(start), ""))
        index = table.lookup(tf.strings.join([fill(mark), piece]))  # [words, sizes]
        index = tf.where(sizes[None, :] <= fill(left), index, tf.fill(shape, _NONE))  # none where the word has ended
        best = tf.argmax(tf.cast(index >= 0, tf.int32), axis=1, output_type=tf.int32)
        index = tf.gather_nd(index, tf.stack([tf.range(tf.size(word)), best], axis=1))
        start = tf.where(index >= 0, start + tf.gather(sizes, best), tf.maximum(start, length))
        return start, tf.concat([found, index[:, None]], axis=1), is_bad | (is_open & (index < 0))

    nothing = tf.zeros_like(length)
    _, found, is_bad = tf.while_loop(
        lambda start, *_: tf.reduce_any(start < length), step,
        [nothing, tf.zeros(tf.stack([tf.size(word), 0]), tf.int32), nothing > 0],
        [nothing.shape, tf.TensorShape([None, None]), nothing.shape],
    )
    is_first = tf.equal(tf.range(tf.shape(found)[1]), 0)[None, :] & tf.ones_like(found, tf.bool)
    only = tf.where(is_first, tf.fill(tf.shape(found), unknown), tf.fill(tf.shape(found), _NONE))
    is_bad = tf.broadcast_to((is_bad | (length > MAX_WORD_CHARS))[:, None], tf.shape(found))
    found = tf.where(is_bad, only, found)
    row = tf.broadcast_to(words.value_rowids()[:, None], tf.shape(found, out_type=tf.int64))
    is_piece = found >= 0
    return tf.RaggedTensor.from_value_rowids(
        tf.boolean_mask(found, is_piece), tf.boolean_mask(row, is_piece), words.nrows()
    )


def _assemble(a, b, vocab, max_seq_length):
    """[CLS] a [SEP], or [CLS] a [SEP] b [SEP], cut as tokenization.truncated_lengths does; returns as `sequences`."""
    size_a = tf.cast(a.row_lengths(), tf.int32)
    size_b = tf.zeros_like(size_a) if b is None else tf.cast(b.row_lengths(), tf.int32)
    room = max_seq_length - tf.where(size_b > 0, tf.fill(tf.shape(size_b), 3), tf.fill(tf.shape(size_b), 2))
    fits = size_a + size_b <= room
    kept_b = tf.where(fits, size_b, tf.minimum(size_b, tf.maximum(room // 2, room - size_a)))
    kept_a = tf.where(fits, size_a, room - kept_b)
    end_a = (kept_a + 1)[:, None]  # where the first [SEP] stands
    total = end_a + 1 + tf.where(kept_b > 0, kept_b + 1, kept_b)[:, None]
    place = tf.range(tf.reduce_max(total))[None, :] + tf.zeros_like(total)  # [batch, seq]

    def token(ragged, first):
        ids = tf.pad(ragged.to_tensor(0), [[0, 0], [0, 1]])  # one column at least
        return tf.gather(ids, tf.clip_by_value(place - first, 0, tf.shape(ids)[1] - 1), batch_dims=1)

    is_a = (place > 0) & (place < end_a)
    is_b = (place > end_a) & (place < total - 1)
    is_mark = (place < total) & ~is_a & ~is_b
    mark = tf.where(tf.equal(place, 0), tf.fill(tf.shape(place), vocab["[CLS]"]),
                    tf.fill(tf.shape(place), vocab["[SEP]"]))
    zero = tf.zeros_like(place)
    ids = tf.where(is_a, token(a, 1), tf.where(is_mark, mark, zero))
    if b is not None:
        ids = tf.where(is_b, token(b, end_a + 1), ids)
    is_used = place < total
    return ids, tf.cast(is_used, tf.int32), tf.cast(is_used & (place > end_a), tf.int32)
