"""Writing a checkpoint in parts: a data file for each, whose bytes follow from the tensors in it alone.

So checkpoints that have one part in common have one file in common. To every reader they are checkpoints as all others.
"""
import os

from runtime import plain_paths
from runtime.compat import tf


class PartsSaver:
    """Operations of the current graph that write variables to a checkpoint.

    Args:
      parts: list of {name in the checkpoint: variable}, none of them empty.
    """

    def __init__(self, parts):
        with tf.name_scope("save_parts"):
            self._prefix = tf.placeholder(tf.string, [], "prefix")
            works = [tf.strings.join([self._prefix, ".part%d" % number]) for number in range(len(parts))]
            writes = [
                tf.raw_ops.SaveV2(
                    prefix=work, tensor_names=sorted(part), shape_and_slices=[""] * len(part),
                    tensors=[part[name].read_value() for name in sorted(part)],
                )
                for work, part in zip(works, parts)
            ]
            with tf.control_dependencies(writes):
                self._write = tf.raw_ops.MergeV2Checkpoints(
                    checkpoint_prefixes=works, destination_prefix=self._prefix, delete_old_dirs=False
                )

    def save(self, session, prefix):
        """Writes a checkpoint below an existing folder, and that it is the folder's; raises TensorFlow's errors."""
        place, name = os.path.split(prefix)
        plain = plain_paths.folder(place)
        session.run(self._write, {self._prefix: os.path.join(plain, name)})
        tf.train.update_checkpoint_state(plain, name)
