"""Clusters of words, for SMLMT tasks that are hard (words of one cluster) or easy (words of different ones).

The idea and k-means over the encoder's word embeddings are from Bansal et al., "Diverse Distributions of
Self-Supervised Tasks for Meta-Learning in NLP" (EMNLP 2021, arXiv 2111.01322).
"""
import os
import zipfile

import numpy as np

from runtime import checkpoints
from runtime.compat import tf
from runtime.errors import UserError, reason
from runtime.installation import setup

TABLE = "embeddings/word_embeddings"  # how the variable's name ends
RESTARTS = 4


def read_clusters(path):
    """{word: cluster} from a text file with a line "word<TAB>cluster" for each word, in lower case without accents.

    Raises UserError for a missing file, another layout, or a word in two clusters.
    """
    clusters = {}
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                fields = line.rstrip("\r\n").split("\t")
                if not line.strip():
                    continue
                if len(fields) != 2 or not fields[0] or not fields[1]:
                    raise UserError("%s: line %d is not a word, a tab and a cluster." % (path, number))
                if clusters.setdefault(*fields) != fields[1]:
                    other = clusters[fields[0]]
                    raise UserError("%s: line %d: %s is already in cluster %s." % (path, number, fields[0], other))
    except OSError as error:
        raise UserError("--word_clusters: %s cannot be read (%s)." % (path, error.strerror)) from None
    except UnicodeDecodeError:
        raise UserError("--word_clusters: %s is not UTF-8 text." % path) from None
    if not clusters:
        raise UserError("--word_clusters: %s holds no words." % path)
    return clusters


def write_clusters(path, clusters):
    """Writes {word: cluster} as `read_clusters` takes it."""
    with tf.gfile.Open(path, "w") as file:
        for word, cluster in sorted(clusters.items(), key=lambda item: (item[1], item[0])):
            file.write("%s\t%s\n" % (word, cluster))


def word_vectors(path, words, tokenizer):
    """Vectors of words: (words that have one, float32 [words, size]).

    Args:
      path: a TensorFlow checkpoint with BERT's word embeddings (a word's vector is the mean of its pieces'), or an .npz
        file with the arrays words [n] and vectors [n, size].
      words: list of folded words.
      tokenizer: of the checkpoint's model.

    Raises:
      UserError: nothing fitting is there.
    """
    if path.endswith(".npz"):
        rows, vectors = _read_npz(path)
        known = [word for word in words if word in rows]
        found = vectors[[rows[word] for word in known]]
    else:
        table = _read_table(path)
        pieces = [tokenizer.ids(tokenizer.wordpiece(word)) for word in words]
        if len(table) < tokenizer.vocab_size:
            raise UserError(
                "--embeddings: %s has %d word embeddings, but the vocabulary has %d entries: give the vocab.txt of the "
                "same model as --vocab_file." % (path, len(table), tokenizer.vocab_size)
            )
        known = [word for word, ids in zip(words, pieces) if tokenizer.unk_id not in ids]
        found = np.array([table[ids].mean(axis=0) for ids in pieces if tokenizer.unk_id not in ids])
    if not known:
        raise UserError("--embeddings: %s has a vector for none of the corpus's words." % path)
    return known, found.astype(np.float32)


def _read_npz(path):
    """({word: row}, float [rows, size])."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            words, vectors = arrays["words"].tolist(), np.asarray(arrays["vectors"], np.float32)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(
            "--embeddings: %s cannot be read (%s): an .npz file needs the arrays words (text) and vectors."
            % (path, reason(error))
        ) from None
    if vectors.ndim != 2 or len(words) != len(vectors):
        raise UserError(
            "--embeddings: %s: %d words, but vectors of shape %s." % (path, len(words), list(vectors.shape))
        )
    return {str(word): row for row, word in enumerate(words)}, vectors


def _read_table(prefix):
    """Float [vocabulary, size] from a checkpoint."""
    if not os.path.exists(prefix + ".index"):
        raise UserError(
            "--embeddings: %s is neither an .npz file nor a TensorFlow checkpoint (%s.index is missing)."
            % (prefix, os.path.basename(prefix))
        )
    try:
        reader = checkpoints.open_reader(prefix)
        names = sorted(name for name in reader.get_variable_to_shape_map() if name.endswith(TABLE))
        if not names:
            raise UserError("--embeddings: %s holds no variable .../%s: give a BERT checkpoint." % (prefix, TABLE))
        return reader.get_tensor(names[0])
    except checkpoints.UNREADABLE as error:
        raise UserError("--embeddings: %s cannot be read (%s)." % (prefix, reason(error))) from None


def cluster_words(words, vectors, number, seed):
    """k-means over word vectors of length 1: {word: cluster}, named "0" to "number - 1".

    Raises UserError when scikit-learn is missing or there are fewer words than clusters.
    """
    try:
        from sklearn.cluster import KMeans
    except ImportError:
        raise UserError("--clusters needs scikit-learn: %s." % setup("sklearn")) from None
    if number < 2 or number > len(words):
        raise UserError("--clusters=%d: 2 to %d, the number of words to cluster." % (number, len(words)))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found = KMeans(number, n_init=RESTARTS, random_state=seed).fit_predict(vectors / np.maximum(lengths, 1e-12))
    return {word: str(cluster) for word, cluster in zip(words, found)}
