"""Labelled rows from the Hugging Face package `datasets`: sources for conversion.py.

The package is imported when a data set is asked for, not before, for it is no part of the run-time core.
"""
import hashlib
import json
import os
import re

from data import text
from data.supervised import conversion
from runtime.errors import UserError, reason
from runtime.installation import setup


def load(name, config=None):
    """The splits {"train": ..., "dev...": ...} of a data set: of those for validation one is the part called dev.

    Further ones are called dev_1, dev_2, ..., and those of MNLI dev_matched and dev_mismatched.

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
            "--dataset needs the Hugging Face package datasets (%s): %s." % (error, setup("datasets"))
        ) from None
    called = ",".join(filter(None, (name, config)))
    try:
        found = datasets.load_from_disk(name) if os.path.isdir(name) else datasets.load_dataset(name, config)
    except Exception as error:  # the package raises what its dozens of formats, its cache and the network raise
        raise UserError("--dataset=%s: cannot be loaded (%s)." % (called, reason(error))) from None
    splits = dict(found) if isinstance(found, dict) else {conversion.TRAIN: found}
    if conversion.TRAIN not in splits:
        raise UserError("--dataset=%s: no split train; its splits are: %s." % (called, ", ".join(splits)))
    parts = {conversion.TRAIN: conversion.TRAIN}
    for number, split in enumerate(split for split in splits if split.startswith(("validation", "dev"))):
        matched = re.search("_(mis)?matched$", split)
        parts["dev" + (matched.group() if matched else "_%d" % number if number else "")] = split
    origin = os.path.basename(os.path.abspath(name)) if os.path.isdir(name) else called
    return {
        part: HubSplit("%s/%s" % (called, split), "%s/%s" % (origin, split), splits[split])
        for part, split in parts.items()
    }


class HubSplit:
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
