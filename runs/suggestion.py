"""Which texts of a file to label next, as a table to fill in."""
import csv
import os
from typing import NamedTuple

import numpy as np

from data.overlap import text_key
from data.text import TextExample, stem
from runs import output_folder, prediction, selection
from runtime import folders, run_files
from runtime.cells import cell, one_line, read_cell
from runtime.errors import UserError, writing
from runtime.files import atomic_file

LABEL = "label"  # the column to fill in


class Suggestion(NamedTuple):
    """What came out."""

    path: str  # of the table
    chosen: int  # its rows
    rows: int  # of the file that could be chosen: no blank ones, none that the model was trained on here


class Candidate(NamedTuple):
    """A row that may be chosen."""

    unsure: float
    row: int
    text: TextExample
    probabilities: np.ndarray  # [classes]
    features: np.ndarray  # [size]


def run(settings, known=None):
    """Chooses rows and writes them to the output folder, as text[,text2],label with no labels yet.

    Args:
      settings: command_line.settings.SuggestionSettings.
      known: what was read before, as for task_data.Reader; texts of labelled rows in it are not chosen again.

    Returns:
      Suggestion.

    Raises:
      UserError: something cannot be used, read or written; a table that labels were filled in is never replaced.
    """
    path = check(settings)
    known = known or {}
    labelled = set()
    for (_, has_labels), rows in known.items():
        for example in rows if has_labels else ():
            labelled |= {_key(example), _key(example, read_cell)}  # the second: of a table of ours that was filled in
    with folders.read_whole(
        settings.model_dir,
        lambda: prediction.LoadedModel(settings, settings.suggest_file, known, "--suggest_file: "),
    ) as model:
        if not model.rows.has_texts:
            raise UserError("--suggest_file: %s holds records: give texts." % settings.suggest_file)
        candidates, rows = _candidates(model, settings, labelled)
    if not candidates:
        raise UserError("--suggest_file: every text of %s has a label already." % settings.suggest_file)
    chosen = selection.choose(
        [each.probabilities for each in candidates], [each.features for each in candidates], settings.count
    )
    check(settings)  # once more, for labels that came meanwhile
    _write(path, [candidates[place].text for place in chosen])
    return Suggestion(path, len(chosen), rows)


def check(settings):
    """The path of the table; UserError where it cannot be written, makes nothing yet."""
    output_folder.check(settings.output_dir)
    path = os.path.join(settings.output_dir, "%s_%s.csv" % (run_files.TO_LABEL, stem(settings.suggest_file)))
    if os.path.exists(path) and not _is_blank(path):
        raise UserError("%s is there, with labels: move it before others are suggested." % path)
    return path


def _is_blank(path):
    """Whether a file is a table of ours without any label."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            header, *rows = list(csv.reader(file))
    except (OSError, ValueError, csv.Error):
        return False
    return header[-1:] == [LABEL] and not any(len(row) != len(header) or row[-1].strip() for row in rows)


def _key(example, read=str):
    """Identity of a text or pair, the same for that in a table of ours, whose cells `read` undoes."""
    return text_key(TextExample(*[part and one_line(read(part)) for part in (example.text_a, example.text_b)]))


def _candidates(model, settings, labelled):
    """The rows to choose from, most unsure first, and how many there are; of a text that comes twice the first."""
    kept, number, rows = {}, 0, 0
    for block in model.rows.blocks(settings.batch_size):
        texts = [text for text in block.texts if text is not None]
        probabilities, features = model.described(block, settings.batch_size) if texts else ((), ())
        for text, distribution, feature in zip(texts, probabilities, features):
            number += 1
            key = _key(text)
            if key in labelled or key in kept:
                continue
            rows += 1
            unsure = float(selection.unsureness(distribution[None])[0])
            kept[key] = Candidate(unsure, number, text, distribution, feature)
        best = sorted(kept.items(), key=lambda pair: (-pair[1].unsure, pair[1].row))
        kept = dict(best[: selection.CANDIDATES * settings.count])
    return list(kept.values()), rows


def _write(path, texts):
    """Writes the table, whole or not at all."""
    has_pairs = any(text.text_b is not None for text in texts)
    output_folder.make(os.path.dirname(path))
    with writing(path), atomic_file(path, newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["text"] + ["text2"] * has_pairs + [LABEL])
        for text in texts:
            parts = (text.text_a, text.text_b) if has_pairs else (text.text_a,)
            writer.writerow([cell(part or "") for part in parts] + [""])
