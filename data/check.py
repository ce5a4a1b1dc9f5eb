"""What is wrong with a copy of the LEOPARD data, task by task, and what can be used all the same.

Every part of a task (a training split, the evaluation set) is there in two forms, as text and as records; it is usable
when one of them is whole. A task is usable when its evaluation set and at least one training split are.
"""
import collections
import os
from dataclasses import dataclass, field
from typing import Dict, Hashable, List, NamedTuple, Optional, Tuple

from data import records, tasks, text
from data.overlap import label_sets, overlap, text_key
from runtime.errors import UserError

TEXT, RECORDS = "text", "records"
PUBLIC_LENGTH = 128  # tokens of a released record
EVAL = ("eval", None, None)

PartName = Tuple[str, Optional[int], Optional[int]]  # ("train", split, k) or EVAL


class Finding(NamedTuple):
    """Something that is wrong with one file."""

    kind: str  # "missing", "unreadable", "wrong size" or "wrong labels"
    file: str  # its name
    message: str
    known: bool  # whether the public file of this name is known for a defect


class FileRows(NamedTuple):
    """The rows of one file."""

    labels: List[int]
    keys: List[Hashable]  # identities of the texts, comparable within one form
    examples: List[text.TextExample]  # empty for records


class Cut(NamedTuple):
    """Texts that are longer than the sequence length."""

    train: int
    eval: int


@dataclass
class TaskReport:
    """The state of one task. Numbers are None where the files that they would come from cannot be used."""

    task: str
    usable: bool = False
    files: int = 0  # that are there
    files_expected: int = 0
    source: Optional[str] = None  # form from which the numbers below come
    eval_rows: Optional[int] = None
    eval_classes: Optional[Dict[str, int]] = None  # rows of each label
    majority_accuracy: Optional[float] = None  # of always answering with the most frequent label
    eval_repeated: Optional[int] = None  # rows whose text stood in the file before
    eval_ambiguous: Optional[int] = None  # texts that stand there under several labels
    train_texts: Optional[int] = None  # different ones, all splits together
    overlap: Optional[int] = None  # training texts that are evaluation texts, too
    overlap_other_label: Optional[int] = None  # those with another label there
    overlap_parts: Dict[str, int] = field(default_factory=dict)  # {training split: its number of such texts}
    cut: Optional[Cut] = None  # None without a vocabulary, too
    unusable_parts: List[str] = field(default_factory=list)
    findings: List[Finding] = field(default_factory=list)


def check_task(task: tasks.Task, leopard_dir: str, tokenizer=None, max_seq_length: int = PUBLIC_LENGTH) -> TaskReport:
    """Reads all files of a task and reports on them.

    Args:
      leopard_dir: as for ``tasks.Task.json_file``.
      tokenizer: tokenization.Tokenizer; with one, texts that do not fit ``max_seq_length`` are counted.
    """
    report = TaskReport(task.name)
    paths = _paths(task, leopard_dir)
    whole = {}  # {part: {form: FileRows}}, files with a fault left out
    for part, forms in paths.items():
        whole[part] = _whole_forms(task, part, forms, report)
        if not whole[part]:
            report.unusable_parts.append(part_name(part))
    report.files_expected = sum(len(forms) for forms in paths.values())
    train_parts = [part for part in whole if part != EVAL and whole[part]]
    report.usable = bool(whole[EVAL] and train_parts)
    if whole[EVAL]:
        _describe(task, whole, report, tokenizer, max_seq_length)
    return report


def part_name(part: PartName) -> str:
    """"eval" or "train_SPLIT_K"."""
    return "_".join(str(piece) for piece in part if piece is not None)


def _paths(task, leopard_dir) -> Dict[PartName, Dict[str, str]]:
    """{part: {form: path}} of the public parts, and of training splits of the user's own beside them."""
    public = [("train", split, k) for k in tasks.PUBLIC_SHOTS for split in tasks.PUBLIC_SPLITS]
    paths = {part: {TEXT: task.json_file(leopard_dir, *part), RECORDS: task.record_file(leopard_dir, *part)}
             for part in [EVAL] + public}
    for form, path in paths[EVAL].items():
        folder = os.path.dirname(path)
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            known = tasks.identify(name)
            if known and known.task.name == task.name and name.endswith(os.path.splitext(path)[1]):
                paths.setdefault(tuple(known[1:]), {}).setdefault(form, os.path.join(folder, name))
    return paths


def _whole_forms(task, part, forms, report) -> Dict[str, FileRows]:
    """The forms of a part that are as they should be; adds to the report what is wrong with the others."""
    read, faults = {}, []
    for form, path in forms.items():
        if not os.path.isfile(path):
            faults.append((form, "missing", "is not there."))
            continue
        report.files += 1
        try:
            read[form] = _read(task, form, path)
            fault = _size_fault(task, part, read[form].labels)
            faults += [(form, "wrong size", fault)] if fault else []
        except UserError as error:
            faults.append((form, "unreadable", _without_path(error, path)))
    if len(read) == len(forms) == 2:
        fault = _label_fault(read, forms)
        faults += [(RECORDS, "wrong labels", fault)] if fault else []
    for form, kind, message in faults:
        report.findings.append(_finding(kind, forms[form], message))
        read.pop(form, None)
    return read


def _read(task, form, path) -> FileRows:
    if form == RECORDS:
        rows = records.read_records(path, PUBLIC_LENGTH, task.num_labels)
        return FileRows(rows.label_ids.tolist(), [ids.tobytes() for ids in rows.input_ids], [])
    examples = text.read_text(path)
    for index, example in enumerate(examples):
        if example.label not in task.labels:
            labels = ", ".join(task.labels)
            raise UserError("row %d has the label %r, which is none of %s." % (index, example.label, labels))
        if (example.text_b is not None) != task.pair:
            raise UserError("row %d is %s, unlike the task." % (index, "a single text" if task.pair else "a pair"))
    labels = [task.labels.index(example.label) for example in examples]
    return FileRows(labels, [text_key(example) for example in examples], examples)


def _size_fault(task, part, labels) -> Optional[str]:
    if part == EVAL:
        if task.eval_size in (None, len(labels)):
            return None
        return "has %d rows; the published evaluation set has %d." % (len(labels), task.eval_size)
    counts = collections.Counter(labels)
    wrong = ["%s %d" % (name, counts[index]) for index, name in enumerate(task.labels) if counts[index] != part[2]]
    return "should have %d rows of each label, but has: %s." % (part[2], ", ".join(wrong)) if wrong else None


def _label_fault(read, forms) -> Optional[str]:
    """Whether records and text disagree about labels, row by row as far as both go."""
    pairs = list(zip(read[TEXT].labels, read[RECORDS].labels))
    differing = [row for row, (left, right) in enumerate(pairs) if left != right]
    if not differing:
        return None
    name = os.path.basename(forms[TEXT])
    return "%d of %d label ids differ from %s, row %d first." % (len(differing), len(pairs), name, differing[0])


def _without_path(error, path) -> str:
    message = str(error)
    return message[len(path) + 2:] if message.startswith(path + ": ") else message


def _finding(kind, path, message) -> Finding:
    defect = tasks.known_defect(path)
    if defect and defect.problem not in message:
        message += " Known defect of the public data: it %s; %s." % defect[1:]
    return Finding(kind, os.path.basename(path), message, defect is not None)


def _describe(task, whole, report, tokenizer, max_seq_length):
    """Fills in the numbers, all from one form of the files so that texts can be compared."""
    report.source = source = TEXT if TEXT in whole[EVAL] else RECORDS
    evaluation = whole[EVAL][source]
    train = {part: forms[source] for part, forms in whole.items() if part != EVAL and source in forms}
    counts = collections.Counter(evaluation.labels)
    report.eval_rows = len(evaluation.labels)
    report.eval_classes = {name: counts[index] for index, name in enumerate(task.names)}
    report.majority_accuracy = max(counts.values()) / report.eval_rows
    eval_labels = label_sets(zip(evaluation.keys, evaluation.labels))
    report.eval_repeated = report.eval_rows - len(eval_labels)
    report.eval_ambiguous = sum(len(labels) > 1 for labels in eval_labels.values())
    train_labels = label_sets(pair for rows in train.values() for pair in zip(rows.keys, rows.labels))
    report.train_texts = len(train_labels)
    report.overlap, report.overlap_other_label = overlap(train_labels, eval_labels)
    shared = {part_name(part): sum(key in eval_labels for key in set(rows.keys)) for part, rows in train.items()}
    report.overlap_parts = {name: count for name, count in shared.items() if count}
    if tokenizer is not None and source == TEXT:
        examples = {key: each for rows in train.values() for key, each in zip(rows.keys, rows.examples)}
        report.cut = Cut(
            _count_cut(examples.values(), tokenizer, max_seq_length),
            _count_cut(evaluation.examples, tokenizer, max_seq_length),
        )


def _count_cut(examples, tokenizer, max_seq_length) -> int:
    longer = max_seq_length + 1
    encoded = (tokenizer.encode(example.text_a, example.text_b, longer)[0] for example in examples)
    return sum(len(input_ids) == longer for input_ids in encoded)
