"""Models that were fine-tuned from one start without changing its encoder keep the encoder's file once.

It is one part of the checkpoint (runtime/parts_saver.py), and a hard link of the same file in the model that it takes
the place of, or in one beside it, where the bytes are equal. A reference to the start with its checksum would save the
same room, but be worth nothing where the start was moved, deleted or left behind; of a file with several names each
is as good as any other: a model stays whole when the others go, when it is copied, packed, or taken to another machine,
and no reader need know. A store that all models link to would find equal files in folders farther off, and would be
a place more to clear up.
"""
import os

from runtime import same_files
from runtime.run_files import ENCODER_FILE, MODEL


def share(model_dir, home):
    """Shares the encoder's file of a model that was just made, where it has one; else it stays as it is.

    Args:
      model_dir: where the model was made.
      home: the folder that it will be in, or the output folder of the run that made it.
    """
    path = os.path.join(model_dir, ENCODER_FILE)
    if os.path.isfile(path):
        same_files.share(path, _others(os.path.realpath(home)))


def _others(home):
    """Paths that the encoder's file of another model may have: in a folder, in those beside it, in model/ of each."""
    for folder in [home] + _beside(home):
        yield os.path.join(folder, ENCODER_FILE)
        yield os.path.join(folder, MODEL, ENCODER_FILE)


def _beside(home):
    """Folders beside one, none of them hidden."""
    try:
        with os.scandir(os.path.dirname(home)) as entries:
            return sorted(entry.path for entry in entries if not entry.name.startswith(".") and entry.is_dir())
    except OSError:  # it may be entered, but not listed
        return []
