"""Sentences in memory, and the index over them."""
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.smlmt import sentence_index, words


def test_a_sentence_is_kept_once_in_the_order_of_coming():
    store = sentence_index.SentenceStore()
    for text in ("a b", "c", "a b", "b a", "c"):
        store.add(text.split())
    assert [store.sentence(number) for number in range(len(store))] == [["a", "b"], ["c"], ["b", "a"]]
    assert (store.size, store.words) == (5, ["a", "b", "c"])


@pytest.mark.parametrize("least, most, expected", [(1, 0, {"a": 3, "b": 1}), (2, 0, {"a": 3}), (1, 2, {"b": 1})])
def test_words_in_too_few_or_too_many_sentences_are_left_out(least, most, expected):
    store = sentence_index.SentenceStore()
    for text in ("a", "a a b", "x a"):
        store.add(text.split())
    assert store.index(words.FoldedForms(), lambda form: form != "x", least, most).counts() == expected


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.sampled_from("river rivers River art party a the \xe9t\xe9 x1 .".split()), max_size=6)))
def test_index_finds_what_a_scan_finds(sentences):
    store, block = sentence_index.SentenceStore(), sentence_index.WORDS_AT_ONCE
    for sentence in sentences:
        store.add(sentence)
    different = []
    for sentence in sentences:
        if sentence not in different:
            different.append(sentence)
    store.close()
    assert [store.sentence(number) for number in range(len(store))] == different
    fold = words.FoldedForms()
    expected = {}
    for number, sentence in enumerate(different):
        for form in {fold[word] for word in sentence if words.is_candidate(fold[word], 2)}:
            expected.setdefault(form, []).append(number)
    try:
        for sentence_index.WORDS_AT_ONCE in (1, 7, block):
            index = store.index(fold, lambda form: words.is_candidate(form, 2), 2, 4)
            found = {form: index.sentences(form).tolist() for form in index.counts()}
            assert found == {form: numbers for form, numbers in expected.items() if 2 <= len(numbers) <= 4}
            assert index.counts() == {form: len(numbers) for form, numbers in found.items()}
    finally:
        sentence_index.WORDS_AT_ONCE = block
