"""The classes' names as a prior of their label embeddings, as strong as the support rows bear it out."""
from runtime.compat import tf

NAME_ROWS = 8.0  # a name counts for as many rows


def lean(embeddings, names, rows):
    """Moves label embeddings along the directions of their classes' names.

    A name's direction d_c is its embedding minus the mean over the classes, of length 1. How far all label embeddings
    are moved follows from how far they lie in these directions already, on average over the classes, seen from their
    centre e: a = max(0, mean of (e_c - e) . d_c), and e_c becomes e_c + strength a d_c. Names that say nothing are no
    nearer to their own class than to another one, so that a is about 0, and never below: no name pushes a class away.
    More rows need names less: the strength is NAME_ROWS / (rows of the class + 1).

    Args:
      embeddings: label embeddings made from rows, [num_labels, size].
      names: label embeddings made from one text a class, which tells its name, [num_labels, size].
      rows: how many rows each class has, [num_labels, 1].

    Returns:
      [num_labels, size]
    """
    directions = tf.math.l2_normalize(names - tf.reduce_mean(names, axis=0), axis=-1)
    from_centre = embeddings - tf.reduce_mean(embeddings, axis=0)
    agreement = tf.nn.relu(tf.reduce_mean(tf.reduce_sum(from_centre * directions, axis=-1)))
    return embeddings + NAME_ROWS / (rows + 1.0) * agreement * directions
