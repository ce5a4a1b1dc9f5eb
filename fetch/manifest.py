"""The checksum manifest of downloads: ``DEST/manifest.json`` lists size and SHA-256 of every file of its folders.

    {"format": 1, "folders": {"bert": {"vocab.txt": {"bytes": 213450, "sha256": "..."}, ...}, ...}}

It is written when a folder was fetched and compared with from then on, also on another machine that it is copied to.
Files that it does not list are left out of the comparison; own splits beside the public ones are never listed.
"""
import os

from data import tasks
from runtime import schema
from runtime.claims import alone_in
from runtime.errors import UserError, listed, writing
from runtime.files import file_sha256, write_json

MANIFEST = "manifest.json"
FORMAT = 1
NAMED = 3  # files that an error spells out
CONTENT = schema.fields({
    "format": schema.whole(FORMAT, FORMAT),
    "folders": schema.mapping(schema.mapping(
        schema.fields({"bytes": schema.whole(), "sha256": schema.text(64, 64, ascii_only=True)}))),
}, more=True)


def checksums(folder):
    """{relative path with "/": {"bytes", "sha256"}} of all files below a folder."""
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            relative = os.path.relpath(path, folder).replace(os.sep, "/")
            found[relative] = {"bytes": os.path.getsize(path), "sha256": file_sha256(path)}
    return found


def is_own_split(name):
    """Whether a file is named as one of the public data, but for a split or k that is not public."""
    part = tasks.identify(name)
    is_train = part is not None and part.part == "train"
    return is_train and not (part.split in tasks.PUBLIC_SPLITS and part.k in tasks.PUBLIC_SHOTS)


def _without_own_splits(files):
    return {name: entry for name, entry in files.items() if not is_own_split(name)}


def read(dest):
    """The folders of ``dest/manifest.json``, {folder: {file: {"bytes", "sha256"}}}; empty when there is no manifest."""
    path = os.path.join(dest, MANIFEST)
    try:
        return schema.load(path, CONTENT)["folders"]
    except FileNotFoundError:
        return {}
    except (OSError, schema.Malformed) as error:
        raise UserError("%s is no manifest of downloads (%s): move it away to make one" % (path, error)) from None


def verify_or_add(dest, folder):
    """Compares ``dest/folder`` with the manifest in ``dest``, or adds it there.

    Returns:
      ({file: {"bytes", "sha256"}} of the folder as the manifest has it, whether it was there before).

    Raises:
      UserError: files are missing or differ, or the manifest cannot be written.
    """
    place, path = os.path.join(dest, folder), os.path.join(dest, MANIFEST)
    with alone_in(dest):
        folders = read(dest)
        found = _without_own_splits(checksums(place))
        if folder in folders:
            _compare(place, found, _without_own_splits(folders[folder]))
            return folders[folder], True
        folders[folder] = found
        with writing(path, flag=None):
            write_json(path, {"format": FORMAT, "folders": folders})
    return found, False


def _compare(place, found, known):
    """UserError unless every file that the manifest knows is there with its checksum."""
    faults = ["%s is missing" % name for name in sorted(known) if name not in found]
    faults += ["%s has changed" % name for name in sorted(known) if name in found and found[name] != known[name]]
    if faults:
        raise UserError(
            "%s is not what %s beside it lists: %s; delete the folder to fetch it again"
            % (place, MANIFEST, listed(faults, NAMED))
        )
