"""The checksum of a model's vocabulary in its model.json: ids of another one would be answered wrongly, and silently.

Nothing here needs TensorFlow.
"""
import os

from runtime import schema
from runtime.errors import UserError
from runtime.files import file_sha256
from runtime.run_files import VOCAB_FILE

KEY = "vocab_sha256"
CHECKS = {KEY: schema.text(64, 64)}  # for the schema of a model.json; earlier versions wrote none


def described(folder):
    """What model.json says of the vocabulary in a folder, as {name: value}; nothing where there is none."""
    path = os.path.join(folder, VOCAB_FILE)
    return {KEY: file_sha256(path)} if os.path.isfile(path) else {}


def check(folder, content, flag=""):
    """UserError where the vocabulary in a folder is not the one that the content of its model.json tells of.

    Args:
      flag: what named the folder; with its colon, or empty.
    """
    path = os.path.join(folder, VOCAB_FILE)
    if KEY not in content or not os.path.isfile(path):  # a folder that lacks it is told where it is needed
        return
    try:
        found = file_sha256(path)
    except OSError as error:
        raise UserError("%s%s cannot be read (%s)." % (flag, path, error.strerror)) from None
    if found != content[KEY]:
        raise UserError(
            "%s%s is not the vocabulary that the model learned with (another checksum): copy the model's folder again."
            % (flag, path)
        )
