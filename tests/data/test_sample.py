"""The sample task in data/sample: sizes, balance, no duplicates, no class given away by one word."""
import collections
import csv
import os
import re

import pytest

from runtime.paths import SAMPLE

CLASSES = {"delivery", "refund", "payment", "product_question"}


def rows(name):
    with open(os.path.join(SAMPLE, name), encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == ["text", "label"]
        return [(row["text"], row["label"]) for row in reader]


@pytest.mark.parametrize("name, per_class", [("train.csv", 16), ("eval.csv", 40)])
def test_sizes(name, per_class):
    assert collections.Counter(label for _, label in rows(name)) == {label: per_class for label in CLASSES}


def test_any_beginning_of_the_training_rows_is_balanced():
    labels = [label for _, label in rows("train.csv")]
    for start in range(0, len(labels), len(CLASSES)):
        assert set(labels[start:start + len(CLASSES)]) == CLASSES


def test_texts_are_distinct_across_both_files():
    texts = [" ".join(re.findall(r"\w+", text.lower())) for text, _ in rows("train.csv") + rows("eval.csv")]
    assert len(set(texts)) == len(texts)


def test_texts_are_short_and_clean():
    for text, _ in rows("train.csv") + rows("eval.csv"):
        assert 6 <= len(text.split()) <= 30 and text == " ".join(text.split())


def test_no_single_word_decides():
    """No word stands in half of a class and mostly in that class."""
    hits = collections.Counter()
    everything = rows("train.csv") + rows("eval.csv")
    for text, label in everything:
        hits.update((word, label) for word in set(re.findall(r"\w+", text.lower())))
    size = collections.Counter(label for _, label in everything)
    for (word, label), count in hits.items():
        total = sum(hits[word, other] for other in CLASSES)
        assert count < 0.5 * size[label] or count < 0.5 * total, (word, label)
