"""Order and batches in which fine-tuning and evaluation read their rows."""
import numpy as np

FIRST_BUFFER = 100  # shuffle buffer of the first batch
EPOCHS_BUFFER = 500  # shuffle buffer of the repeated file


def shuffled(indices, buffer_size, random):
    """Shuffles as a streaming buffer does: row i comes out no earlier than place i - buffer_size + 1.

    Done here rather than by tf.data so that one seed gives one order on every runtime.

    Args:
      indices: iterable of integers.
      buffer_size: rows the buffer holds.
      random: numpy RandomState.
    """
    buffer = []
    for index in indices:
        buffer.append(index)
        if len(buffer) >= buffer_size:
            yield _pop(buffer, random)
    while buffer:
        yield _pop(buffer, random)


def _pop(buffer, random):
    place = random.randint(len(buffer))
    buffer[place], buffer[-1] = buffer[-1], buffer[place]
    return buffer.pop()


def finetune_batches(size, batch_size, num_epochs, seed):
    """Rows of every fine-tuning step, as published (tests/golden/README.md, finetune).

    First one batch that makes the label embeddings; then the file, repeated, shuffled and cut into batches across the
    epochs' borders, the last one short.

    Args:
      size: number of examples.
      batch_size: rows a step.
      num_epochs: a fraction is dropped.
      seed: of the order.

    Yields:
      int arrays of row numbers.
    """
    random = np.random.RandomState(seed)
    yield np.array(list(shuffled(range(size), FIRST_BUFFER, random))[:batch_size])
    repeated = (row for _ in range(int(num_epochs)) for row in range(size))
    batch = []
    for row in shuffled(repeated, EPOCHS_BUFFER, random):
        batch.append(row)
        if len(batch) == batch_size:
            yield np.array(batch)
            batch = []
    if batch:
        yield np.array(batch)


def stratified_batches(label_ids, batch_size, num_epochs, seed):
    """Rows of every fine-tuning step for files in any order and with classes of any size.

    As `finetune_batches`, but the first batch, which makes the label embeddings, has rows of every class, and epochs
    are shuffled as a whole: a file that is sorted by label, or a class of few rows, starts no class without rows.

    Args:
      label_ids: int [rows].
      batch_size, num_epochs, seed: as for `finetune_batches`; the first batch is larger where there are more classes.

    Yields:
      int arrays of row numbers.
    """
    random = np.random.RandomState(seed)
    label_ids = np.asarray(label_ids)
    order = random.permutation(len(label_ids))
    places = np.zeros(len(order), int)  # how many rows of the same class stand before a row
    for label in np.unique(label_ids):
        rows = order[label_ids[order] == label]
        places[rows] = np.arange(len(rows))
    in_turn = order[np.argsort(places[order], kind="stable")]
    yield in_turn[: max(batch_size, len(np.unique(label_ids)))]
    epochs = [random.permutation(len(order)) for _ in range(int(num_epochs))]
    rows = np.concatenate(epochs) if epochs else order[:0]
    for batch in batches_in_order(len(rows), batch_size):
        yield rows[batch]


def batches_in_order(size, batch_size):
    """Cuts rows 0 .. size - 1 into batches; yields int arrays of row numbers."""
    for start in range(0, size, batch_size):
        yield np.arange(start, min(start + batch_size, size))


def batches_by_length(input_mask, batch_size):
    """Cuts rows into batches of similar length, longest first; yields int arrays of row numbers.

    The shorter the rows, the more make a batch: cut to its longest row, it has no more tokens than a padded one.

    Args:
      input_mask: [rows, seq].
      batch_size: rows of a batch whose rows are seq long.
    """
    lengths = np.sum(input_mask, axis=1)
    order = np.argsort(-lengths, kind="stable")
    start, room = 0, batch_size * input_mask.shape[1]
    while start < len(order):
        rows = room // max(lengths[order[start]], 1)
        yield order[start : start + rows]
        start += rows
