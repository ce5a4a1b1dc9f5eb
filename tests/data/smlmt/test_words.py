"""Words of SMLMT tasks: stems and sampling."""
import collections

import numpy as np
import pytest
from smlmt_program import (  # noqa: F401 (the fixture)
    NOUNS,
    counts_of,
)

from data.smlmt import words
from runtime.errors import UserError


@pytest.mark.parametrize(
    "family",
    [
        "teach teaches teaching teacher teachers",
        "run runs running runner",
        "happy happily happiness",
        "nation nations national",
        "create creates created creating creation creative creatively",
        "city cities",
        "study studies studied studying",
        "box boxes",
        "horse horses",
        "make makes making",
        "hope hopes hoping hopeful hopefully hopefulness",
        "stop stops stopped stopping",
        "argue argued argument arguments",
    ],
)
def test_stems_of_a_family_are_equal(family):
    assert len({words.stem(word) for word in family.split()}) == 1, [words.stem(word) for word in family.split()]


def test_stems_of_different_words_differ():
    different = "house horse river rivet nature nation table cable train brain bus glass this general generous".split()
    assert len({words.stem(word) for word in different}) >= len(different) - 1
    assert all(words.stem(word) for word in ("s", "is", "yes", "ing", "ed", "less", "\xfcber", "\u5927"))


def test_words_of_a_task_have_different_stems():
    table = words.WordTable(counts_of("teach", "teacher", "teaching", "river", "rivers", "stone"), 3)
    for seed in range(50):
        assert len({words.stem(word) for word in table.draw(np.random.RandomState(seed))}) == 3
    with pytest.raises(UserError, match="N=4: only 3 words"):
        words.WordTable(counts_of("teach", "teacher", "teaching", "river", "rivers", "stone"), 4)


def test_every_word_is_drawn_for_every_label():
    table = words.WordTable(counts_of(*NOUNS), 2)
    drawn = [table.draw(np.random.RandomState(seed)) for seed in range(600)]
    for label in range(2):
        seen = collections.Counter(names[label] for names in drawn)
        assert set(seen) == set(NOUNS) and min(seen.values()) > 60


def test_sampling_by_log_frequency():
    table = words.WordTable({"river": 1, "castle": 2981, "engine": 1}, 2, "log")  # 1 + log: 1, 9, 1
    drawn = collections.Counter(name for seed in range(1000) for name in table.draw(np.random.RandomState(seed)))
    assert drawn["castle"] > 900 and 450 < drawn["river"] < 650


def test_hard_and_easy_tasks():
    clusters = dict(river="a", castle="a", engine="b", doctor="b", garden="c", violin="c", lonely="d")
    counts = counts_of(*(NOUNS + ("lonely", "unknown")))
    for difficulty, sizes in (("hard", {1}), ("easy", {2})):
        table = words.WordTable(counts, 2, clusters=clusters, difficulty=difficulty)
        drawn = [table.draw(np.random.RandomState(seed)) for seed in range(200)]
        assert {len({clusters[name] for name in names}) for names in drawn} == sizes
        used = {name for names in drawn for name in names}
        assert used == set(NOUNS) | ({"lonely"} if difficulty == "easy" else set())
    with pytest.raises(UserError, match="no cluster"):
        words.WordTable(counts, 3, clusters=clusters, difficulty="hard")
    with pytest.raises(UserError, match="only 4 clusters"):
        words.WordTable(counts, 5, clusters=clusters, difficulty="easy")
