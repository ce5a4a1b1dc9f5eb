"""Files of tasks that appear in a folder together, or not at all, also in one that is not local (gs://...).

This stands beside folders.py because such places know no rename of folders and no processes: there the order of the
moves alone keeps a file from standing beside another one's list. In a local folder the moves are recorded too, and
whoever comes after a kill finishes them (folders.py); their order serves those who read files one by one for hours.
"""
import contextlib
import errno
import json
import os
import uuid

from runtime import folders, moves
from runtime.compat import tf
from runtime.errors import UserError, cannot_write


class Staging:
    """A hidden folder inside the output folder, whose files move to their places together; a context manager.

    Those who read the files later call folders.recover first. Without `publish` nothing is left behind, not even an
    output folder that was not there before. Folders are local or what else TensorFlow's file systems know (gs://...).

    Args:
      output_dir: folder.
      names: files that will be made. None of them is ever in its place without all that stand before it, even when the
        process is killed while they move.
      overwrite: whether files of an earlier run may be replaced.

    Raises:
      UserError: nothing can be written there, or files of an earlier run are there.
    """

    def __init__(self, output_dir, names, overwrite=False):
        self.output_dir, self._names = output_dir, list(names)
        self._claim = self.folder = None  # the claim: of a local folder
        self._made = []  # folders that were not there, outermost first
        with contextlib.ExitStack() as stack:
            stack.push(self)  # after an error nothing is left
            try:
                if "://" not in output_dir:
                    folders.tidy(output_dir)
                self._refuse_earlier(overwrite)
                folder = output_dir
                while folder and not tf.gfile.Exists(folder):
                    self._made.insert(0, folder)
                    folder = os.path.dirname(folder)
                tf.gfile.MakeDirs(output_dir or ".")
                self._make_workplace()
                self._refuse_earlier(overwrite)  # once more: now nobody else writes
            except (OSError, tf.errors.OpError) as error:
                raise cannot_write(output_dir, error) from None
            stack.pop_all()

    def _refuse_earlier(self, overwrite):
        there = [name for name in self._names if tf.gfile.Exists(self.target(name))]
        if there and not overwrite:
            raise UserError(
                "--output_dir: %s holds %s of an earlier run: choose another folder, or give --overwrite."
                % (self.output_dir, there[0])
            )

    def _make_workplace(self):
        if "://" in self.output_dir:
            self.folder = os.path.join(self.output_dir, ".unfinished-" + uuid.uuid4().hex)
        else:
            target = os.path.realpath(self.output_dir)
            self._claim = folders.claim(target)
            if os.path.dirname(self._claim) != target:  # no folder, but a file
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), target)
            self.folder = os.path.join(self._claim, moves.WORK)
        tf.gfile.MakeDirs(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._claim:
            moves.leave(self._claim)
        elif self.folder:
            with contextlib.suppress(tf.errors.OpError):  # already gone
                tf.gfile.DeleteRecursively(self.folder)
        self._remove_made()

    def path(self, name):
        """Where to write a file that is to become `name`."""
        return os.path.join(self.folder, name)

    def target(self, name):
        """Where the file will be."""
        return os.path.join(self.output_dir, name)

    def write_json(self, name, values):
        """Writes a file `name` of JSON; UserError when the disk is full."""
        try:
            with tf.gfile.Open(self.path(name), "w") as file:
                file.write(json.dumps(values, indent=1, sort_keys=True) + "\n")
        except (OSError, tf.errors.OpError) as error:
            raise cannot_write(self.output_dir, error) from None

    def publish(self, outdated=()):
        """Moves all files to their places, in order. Those of an earlier run and the files `outdated` go before."""
        outdated = self._names[::-1] + [name for name in outdated if name not in self._names]
        try:
            if self._claim:
                moves.make_in_order(self._claim, self._names, outdated)
                return
            for name in outdated:
                if tf.gfile.Exists(self.target(name)):
                    tf.gfile.Remove(self.target(name))
            for name in self._names:
                tf.gfile.Rename(self.path(name), self.target(name))
        except (OSError, tf.errors.OpError) as error:
            raise cannot_write(self.output_dir, error) from None

    def _remove_made(self):
        for folder in reversed(self._made):
            try:
                if not tf.gfile.ListDirectory(folder):
                    tf.gfile.DeleteRecursively(folder)
            except tf.errors.OpError:  # not made
                pass
