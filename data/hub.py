"""Labelled rows from the Hugging Face package `datasets`: sources for data/supervised.py.

The package is imported when a data set is asked for, not before, for it is no part of the run-time core.
"""
import hashlib
import json
import os

from data import supervised, text
from errors import UserError


def load(name, config=None):
    """The splits {"train": ..., "dev...": ...} of a data set; those called validation are parts called dev.

    Args:
      name: of the data set, or a folder written by its `save_to_disk`.
      config: its configuration, where it has several.

    Raises:
      UserError: the package is missing, the data set cannot be loaded, or it has no split "train".
    """
    try:
        import datasets
    except ImportError as error:
        raise UserError(
            "--dataset needs the Hugging Face package datasets (%s): scripts/setup_env.sh --with=datasets installs it."
            % error
        ) from None
    called = ",".join(filter(None, (name, config)))
    try:
        found = datasets.load_from_disk(name) if os.path.isdir(name) else datasets.load_dataset(name, config)
    except Exception as error:  # the package raises what its dozens of formats, its cache and the network raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError("--dataset=%s: cannot be loaded (%s)." % (called, reason)) from None
    splits = dict(found) if isinstance(found, dict) else {supervised.TRAIN: found}
    if supervised.TRAIN not in splits:
        raise UserError("--dataset=%s: no split train; its splits are: %s." % (called, ", ".join(splits)))
    parts = {supervised.TRAIN: splits[supervised.TRAIN]}
    for split in splits:
        if split.startswith(("validation", "dev")):
            parts["dev" + split[len("validation" if split.startswith("validation") else "dev") :]] = splits[split]
    origin = os.path.basename(os.path.abspath(name)) if os.path.isdir(name) else called
    return {part: Split("%s/%s" % (called, part), "%s/%s" % (origin, part), rows) for part, rows in parts.items()}


class Split:
    """One split of a data set, a source once `layout` is set.

    Args:
      name: for errors.
      origin: for the side file.
      rows: datasets.Dataset, or what else yields dicts and has `column_names` and `features`.
    """

    def __init__(self, name, origin, rows):
        self.name, self.origin = name, origin
        self.layout = None
        self._rows = rows

    @property
    def columns(self):
        """Names of the columns."""
        return list(self._rows.column_names)

    @property
    def class_names(self):
        """Names of the classes in the order of their numbers where the data set knows them, else None."""
        return getattr(self._rows.features[self.layout.label[0]], "names", None)

    def rows(self, reject):
        """Yields (where, text.TextExample)."""
        label, names = self.layout.label[0], self.class_names
        for index, row in enumerate(self._rows):
            where = "row %d (the first is 0)" % index
            if names and isinstance(row[label], int):  # -1 stands for no label
                row = dict(row, **{label: names[row[label]] if 0 <= row[label] < len(names) else None})
            try:
                example = text.example_of(self.name, where, row, self.layout)
            except text.RowFault as fault:
                reject(fault)
            else:
                yield where, example

    def sha256(self):
        """Of the texts and labels: where the rows lie on disk differs from machine to machine."""
        digest = hashlib.sha256()
        for _, example in self.rows(lambda fault: None):
            digest.update(json.dumps([example.text_a, example.text_b, example.label]).encode("ascii") + b"\n")
        return digest.hexdigest()
