"""What can be fetched: the encoders, the LEOPARD task data and the released models.

``ensure_bert``, ``ensure_leopard`` and ``ensure_model`` return a folder that is ready to use and fetch it only when it
is not there yet. Everything can also be put in place by hand: each error names the address and the place.
``python -m fetch NAME`` fetches one of them, scripts/fetch_data.py several, whose checksums it keeps.
"""
import contextlib
import os
import urllib.parse
from typing import NamedTuple, Tuple

from data.tasks import DATA_URL
from fetch import archives, drive, transfer
from fetch.archives import MIB, missing
from runtime import folders
from runtime.claims import alone_in
from runtime.errors import UserError
from runtime.paths import DOWNLOADS


class Source(NamedTuple):
    """Something to download: a zip, and what the folder made from it must hold."""

    folder: str  # name of the folder below the downloads
    what: str  # for messages
    url: str
    needs: Tuple[str, ...]  # entries that make the folder complete
    min_size: int  # bytes of the zip; well below the true size
    max_size: int  # bytes of the zip, and of what is in it; well above


def _released(name, file_id):
    needs = ("saved_model.pb", "variables/variables.index")
    return Source(name, "the released model " + name, drive.address(file_id), needs, 100 * MIB, 4096 * MIB)


CATALOGUE = {
    "bert": Source(
        "bert", "BERT (cased_L-12_H-768_A-12)",
        "https://storage.googleapis.com/bert_models/2018_10_18/cased_L-12_H-768_A-12.zip",
        ("bert_config.json", "vocab.txt", "bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001"),
        300 * MIB, 1024 * MIB),
    "leopard": Source(
        "leopard-master", "the LEOPARD task data", DATA_URL, ("data/json", "data/tf_record"), MIB, 1024 * MIB),
    "hybrid-smlmt": _released("hybrid-smlmt", "1k5WJl-rZ8ks__PTPdoS9ibLmY2ifP6H5"),
    "smlmt": _released("smlmt", "1DkQShmdf1BNLdWOL4JvdD_j0aERHZgr2"),
    "leopard-model": _released("leopard-model", "1JybValybM8sqJHKPAKh9g6VxUTsqfGEe"),
}
MODELS = ("hybrid-smlmt", "smlmt", "leopard-model")
NAMES = tuple(CATALOGUE) + ("minilm",)  # minilm comes from the package index


def _rebased(url, base):
    """``url`` with ``base`` in place of scheme and host (a mirror, or a test's server)."""
    if base is None:
        return url
    parts = urllib.parse.urlsplit(url)
    return base.rstrip("/") + urllib.parse.urlunsplit(("", "", parts.path, parts.query, ""))


def _ensure(name, folder, base):
    source = CATALOGUE[name]
    folder = folder or os.path.join(DOWNLOADS, source.folder)
    archive = os.path.abspath(folder) + ".zip"  # put there by hand, and kept
    fetched = os.path.abspath(folder) + ".download"
    if not missing(folder, source.needs):
        folders.tidy(folder)
        _discard(fetched)
        return folder
    with alone_in(os.path.dirname(archive)):
        if missing(folder, source.needs):  # another process may have made it meanwhile
            if not os.path.exists(archive):
                transfer.fetch(
                    _rebased(source.url, base), fetched, min_size=source.min_size, max_size=source.max_size,
                    what=source.what, check=lambda path: archives.check(path, source.max_size), by_hand=archive,
                )
            is_by_hand = os.path.exists(archive)
            try:
                archives.unzip(archive if is_by_hand else fetched, folder, source.needs, source.max_size)
            except archives.Unfit as error:
                if is_by_hand:
                    raise
                _discard(fetched)  # else no later call would ask the server again
                raise UserError("%s (it was removed: the same command fetches it again)" % error) from None
    _discard(fetched)
    return folder


def _discard(fetched):
    """Removes an archive that was fetched and unpacked, also one that a killed program left."""
    with contextlib.suppress(OSError):
        os.remove(fetched)


def ensure_bert(folder=None, base=None):
    """Folder with BERT cased base: ``bert_config.json``, ``vocab.txt``, ``bert_model.ckpt.*``.

    Args (also of the two functions below):
      folder: where it is or shall be; default: below the downloads. A zip that lies at ``folder + ".zip"`` is taken
        in place of a download.
      base: scheme and host of a mirror.
    Returns:
      ``folder``.
    """
    return _ensure("bert", folder, base)


def ensure_leopard(folder=None, base=None):
    """Folder with the LEOPARD tasks: ``data/json/TASK/`` and ``data/tf_record/TASK/``."""
    return _ensure("leopard", folder, base)


def ensure_model(name, folder=None, base=None):
    """Folder with a released SavedModel; ``name`` is one of ``MODELS``."""
    if name not in MODELS:
        raise UserError("there is no released model %s: choose one of %s" % (name, ", ".join(MODELS)))
    return _ensure(name, folder, base)


def ensure(name, dest=DOWNLOADS, base=None):
    """Folder below ``dest`` with what ``name``, one of ``NAMES``, stands for."""
    if name == "minilm":
        from fetch.minilm import ensure_minilm  # it brings TensorFlow, which the other downloads do without

        return ensure_minilm(os.path.join(dest, name))
    return _ensure(name, os.path.join(dest, CATALOGUE[name].folder), base)
