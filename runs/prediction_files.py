"""What predictions look like in a file: tab-separated or JSON lines, a line for every row."""
import json
import os
import re

import numpy as np

from runtime.cells import cell

UNDECIDED = "(undecided)"  # in the place of a label; JSON lines have null

_HEADER = re.compile(r"row\t(text\t)?(label\t)?prediction(\tp\([^\t]*\))+$")
_OBJECT = re.compile(r'\{"row": \d+, .*"prediction": ')


def is_undecided(probabilities, min_confidence):
    """Whether the highest of [classes] probabilities is below --min_confidence, which may be None."""
    return min_confidence is not None and np.max(probabilities) < min_confidence


class Tsv:
    """Tab-separated lines: number, text where known, true label where known, predicted label, probabilities.

    Text and labels are there as runtime.cells.cell makes them. A blank row has empty cells, one whose highest
    probability is below min_confidence has UNDECIDED in the place of the predicted label.

    Args:
      stream: of text; gets the header line.
      class_names: names in the order of the probabilities.
      has_texts, has_labels: whether texts and true labels are known.
      min_confidence: None: every row is decided.
    """

    def __init__(self, stream, class_names, has_texts, has_labels=False, min_confidence=None):
        self._min_confidence = min_confidence
        self._stream, self._names = stream, [cell(name) for name in class_names]
        self._has_texts, self._has_labels = has_texts, has_labels
        columns = ["row"] + ["text"] * has_texts + ["label"] * has_labels + ["prediction"]
        self._put(columns + ["p(%s)" % name for name in self._names])

    def write(self, row, texts, probabilities, label=None):
        """Writes a row.

        Args:
          row: number, the first is 0.
          texts: (text_a, text_b or None), None where it is blank or not known.
          probabilities: [classes]; None for a blank row.
          label: number of the true class.
        """
        cells = [str(row)]
        if self._has_texts:
            cells.append(cell(" ||| ".join(part for part in texts or () if part)))
        if self._has_labels:
            cells.append(self._names[label])
        if probabilities is None:
            cells += [""] * (1 + len(self._names))
        else:
            is_open = is_undecided(probabilities, self._min_confidence)
            cells.append(UNDECIDED if is_open else self._names[int(np.argmax(probabilities))])
            cells += ["%.6f" % p for p in probabilities]
        self._put(cells)

    def _put(self, cells):
        self._stream.write("\t".join(cells) + "\n")


class JsonLines:
    """One JSON object a line, with texts and labels exactly as they are; None (null) where a row is blank.

        {"row": 0, "text": "Never again.", "prediction": "bad", "probabilities": {"bad": 0.991244, "good": 0.008756}}

    A pair has "text2" too; the prediction of a row that is not decided is None (null). Arguments as for Tsv.
    """

    def __init__(self, stream, class_names, has_texts, has_labels=False, min_confidence=None):
        self._min_confidence = min_confidence
        self._stream, self._names = stream, list(class_names)
        self._has_texts, self._has_labels = has_texts, has_labels

    def write(self, row, texts, probabilities, label=None):
        """Writes a row; arguments as for Tsv."""
        content = {"row": row}
        if self._has_texts:
            text_a, text_b = texts or ("", None)
            content.update({"text": text_a}, **({} if text_b is None else {"text2": text_b}))
        if self._has_labels:
            content["label"] = self._names[label]
        known = probabilities is not None
        is_decided = known and not is_undecided(probabilities, self._min_confidence)
        content["prediction"] = self._names[int(np.argmax(probabilities))] if is_decided else None
        content["probabilities"] = (
            {name: round(float(p), 6) for name, p in zip(self._names, probabilities)} if known else None
        )
        self._stream.write(json.dumps(content, ensure_ascii=False) + "\n")


def writer_of(path):
    """Tsv or JsonLines, as a file's name tells."""
    return JsonLines if path.endswith(".jsonl") else Tsv


def are_in(path):
    """Whether a file begins as predictions do."""
    if not os.path.isfile(path):
        return False
    try:
        with open(path, encoding="utf-8") as file:
            line = file.readline(1 << 20).rstrip("\n")
    except (OSError, ValueError):
        return False
    return bool(_HEADER.match(line) or _OBJECT.match(line))
