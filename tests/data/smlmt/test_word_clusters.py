"""Clusters of words: files of them, vectors, k-means."""
import json

import numpy as np
import pytest
from smlmt_program import (  # noqa: F401 (the fixture)
    NOUNS,
    fixture_folder,
    run,
    tokenizer,
)

from data.smlmt import word_clusters
from runtime.compat import tf
from runtime.errors import UserError


def test_vectors_of_an_npz_file(tmp_path):
    path = str(tmp_path / "vectors.npz")
    np.savez(path, words=np.array(["a", "b"]), vectors=np.array([[1.0, 2.0], [3.0, 4.0]]))
    known, vectors = word_clusters.word_vectors(path, ["b", "c", "a"], None)
    assert known == ["b", "a"] and vectors.tolist() == [[3.0, 4.0], [1.0, 2.0]] and vectors.dtype == np.float32
    with pytest.raises(UserError, match="none of the corpus"):
        word_clusters.word_vectors(path, ["c"], None)
    np.savez(path, words=np.array(["a"]), vectors=np.ones([2, 2]))
    with pytest.raises(UserError, match="1 words, but vectors of shape"):
        word_clusters.word_vectors(path, ["a"], None)


def test_a_word_of_a_checkpoint_is_the_mean_of_its_pieces(tmp_path):
    pieces = tokenizer()
    table = np.random.RandomState(0).normal(size=[pieces.vocab_size, 3]).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        variable = tf.get_variable("bert/embeddings/word_embeddings", initializer=table)
        session.run(variable.initializer)
        prefix = tf.train.Saver([variable]).save(session, str(tmp_path / "model"), write_meta_graph=False)
    known, vectors = word_clusters.word_vectors(prefix, ["ab", "7"], pieces)
    assert known == ["ab"]  # the vocabulary has no digits
    np.testing.assert_allclose(vectors, [table[pieces.ids(["a", "##b"])].mean(axis=0)], rtol=1e-6)
    with pytest.raises(UserError, match="neither an .npz file nor a TensorFlow checkpoint"):
        word_clusters.word_vectors(str(tmp_path / "none"), ["ab"], pieces)


def test_clusters_file(tmp_path):
    path = str(tmp_path / "clusters.tsv")
    word_clusters.write_clusters(path, {"river": "1", "caf\xe9": "0"})
    assert word_clusters.read_clusters(path) == {"river": "1", "caf\xe9": "0"}
    faults = (("", "no words"), ("a\n", "line 1"), ("a\tb\tc\n", "line 1"), ("a\tb\n\na\tc\n", "line 3: a is"))
    for text, fault in faults:
        (tmp_path / "clusters.tsv").write_text(text)
        with pytest.raises(UserError, match=fault):
            word_clusters.read_clusters(path)


def test_k_means_over_vectors(folder):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (scripts/setup_env.sh --with=sklearn)")
    vectors = np.repeat(np.eye(3, 5, dtype=np.float32), 2, axis=0) + 0.01
    np.savez(str(folder / "vectors.npz"), words=np.array(NOUNS), vectors=vectors)
    options = dict(classes="2", clusters=3, embeddings=folder / "vectors.npz")
    run(folder, task_difficulty="hard", **options)
    pairs = {frozenset(line.split("\t")) for line in (folder / "out" / "meta_pretrain_2.words.tsv").open()}
    pairs = {frozenset(name.strip() for name in pair) for pair in pairs}
    assert pairs <= {frozenset(NOUNS[start : start + 2]) for start in (0, 2, 4)}
    found = word_clusters.read_clusters(str(folder / "out" / "word_clusters.tsv"))
    assert set(found) == set(NOUNS) and len(set(found.values())) == 3
    clusters = folder / "out" / "word_clusters.tsv"
    again = dict(classes="2", word_clusters=clusters, task_difficulty="hard", output_dir=folder / "again")
    assert run(folder, **again)["files"] == json.loads((folder / "out" / "manifest.json").read_text())["files"]
    for changes in (dict(clusters=7), dict(embeddings=folder / "text.txt"), dict(embeddings=folder / "vocab.npz")):
        with pytest.raises(UserError, match="--clusters=7|--embeddings"):
            run(folder, **dict(options, task_difficulty="easy", output_dir=folder / "third", **changes))
