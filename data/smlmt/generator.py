"""SMLMT tasks from sentences (Bansal et al. 2020, section 3): N masked words to tell apart.

Task number t for N classes is a function of the seed, N, t and the corpus alone, so that any number of processes or
machines computes the same files. Steps: draw N words, pick sentences for each that hold none of the others, mask the
words, shuffle. When a word has too few such sentences, the task is tried again with other words.
"""
import collections
from dataclasses import dataclass
from typing import Tuple

import numpy as np

from data import records
from data.smlmt.sentence_index import SentenceStore
from data.smlmt.words import DIFFICULTIES, SAMPLING, FoldedForms, WordTable, is_candidate
from runtime.compat import tf
from runtime.errors import UserError

MAX_ATTEMPTS = 50  # sets of words tried for one task
MIN_SEQ_LENGTH = 8
MAX_SEED = 2 ** 32 - 1
MASK = "[MASK]"


@dataclass(frozen=True)
class SmlmtSettings:
    """What the generator is asked for; each field is a flag of scripts/make_smlmt.py.

    Raises UserError for values that make no sense.
    """

    classes: Tuple[int, ...]  # a file for each N
    tasks_per_class_count: int  # tasks of each file
    records_per_task: int = 90
    max_seq_length: int = 128
    min_count: int = 0  # sentences that hold a word; never less than what a task needs
    max_count: int = 10000  # 0: no limit
    min_word_length: int = 4
    min_sentence_words: int = 5
    sampling: str = "uniform"
    task_difficulty: str = ""
    seed: int = 0

    def __post_init__(self):
        least = {
            "tasks_per_class_count": 1, "min_count": 0, "max_count": 0, "min_word_length": 1, "min_sentence_words": 1,
            "seed": 0, "max_seq_length": MIN_SEQ_LENGTH,
        }
        for name, value in least.items():
            if getattr(self, name) < value:
                raise UserError("--%s=%d: at least %d." % (name, getattr(self, name), value))
        if self.seed > MAX_SEED:
            raise UserError("--seed=%d: at most %d." % (self.seed, MAX_SEED))
        if not self.classes or min(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            listed = ",".join(map(str, self.classes))
            raise UserError("--classes=%s: different numbers from 2 on, for example 2,3,4." % listed)
        if self.records_per_task < 2 * max(self.classes):
            raise UserError(
                "--records_per_task=%d: %d classes need at least %d, one support and one query record each."
                % (self.records_per_task, max(self.classes), 2 * max(self.classes))
            )
        for name, known in (("sampling", SAMPLING), ("task_difficulty", DIFFICULTIES)):
            if getattr(self, name) not in known:
                raise UserError("--%s=%s: use %s." % (name, getattr(self, name), " or ".join(filter(None, known))))
        fewest = min(self.classes)  # most records of each word
        if self.max_count and self.max_count < self.needed(fewest):
            raise UserError(
                "--max_count=%d: a task of %d records and %d classes needs words in %d sentences."
                % (self.max_count, self.records_per_task, fewest, self.needed(fewest))
            )

    def needed(self, classes):
        """Fewest sentences of a word that may stand in a task of N classes."""
        return max(self.min_count, -(-self.records_per_task // classes))

    def is_candidate(self, form):
        """Whether a folded word may be masked."""
        return is_candidate(form, self.min_word_length)


@dataclass(frozen=True)
class TaskWords:
    """One try at a task: by label, its words and how many records each gets."""

    words: Tuple[str, ...]
    sizes: Tuple[int, ...]


def check_tokenizer(tokenizer):
    """Raises UserError when the vocabulary has no [MASK]."""
    if tokenizer.mask_id is None:
        raise UserError("--vocab_file: the vocabulary lacks %s: use the one of a BERT model." % MASK)


def word_table(counts, classes, settings, clusters=None):
    """The WordTable of N from {word: number of sentences}; UserError when there are too few words."""
    needed = settings.needed(classes)
    fitting = {
        word: count for word, count in counts.items() if needed <= count <= (settings.max_count or float("inf"))
    }
    try:
        return WordTable(fitting, classes, settings.sampling, clusters, settings.task_difficulty)
    except UserError as error:
        raise UserError(
            "%s in %d %s sentences (a task of %d records needs %d for each word): give more text, lower "
            "--records_per_task, --min_count or --min_word_length, or raise --max_count."
            % (
                error, needed, "to %d" % settings.max_count if settings.max_count else "or more",
                settings.records_per_task, needed,
            )
        ) from None


def _random(settings, classes, number, attempt, part):
    """The random numbers of one part of a task; parts are drawn in different places when machines share the work."""
    return np.random.RandomState([settings.seed, classes, number, attempt, part])


def plan_task(table, settings, classes, number, attempt):
    """The TaskWords of one try at a task, or None when no words could be drawn.

    Sizes are equal, or differ by one so that the task has exactly `records_per_task` records.
    """
    random = _random(settings, classes, number, attempt, 0)
    words = table.draw(random)
    if words is None:
        return None
    rest = settings.records_per_task % classes
    more = set(random.permutation(classes)[:rest].tolist())
    sizes = (settings.records_per_task // classes + (label in more) for label in range(classes))
    return TaskWords(tuple(words), tuple(sizes))


def pick_sentences(plan, label, count, sentence_at, fold, settings, classes, number, attempt):
    """Sentences of one class in random order; none holds another word of the task.

    Args:
      plan: the task's TaskWords.
      label: of the class.
      count: number of sentences that hold its word.
      sentence_at: place among them -> list of words.
      fold: FoldedForms.

    Returns:
      list of sentences, or None when there are too few.
    """
    others = set(plan.words) - {plan.words[label]}
    picked = []
    for place in _random(settings, classes, number, attempt, 1 + label).permutation(count):
        words = sentence_at(place)
        if others.isdisjoint(map(fold.__getitem__, words)):
            picked.append(words)
            if len(picked) == plan.sizes[label]:
                return picked
    return None


def shuffled_rows(plan, picked, settings, classes, number, attempt):
    """The task's rows [(label, words of the sentence)] in random order, from the sentences of each class."""
    rows = [(label, words) for label, sentences in enumerate(picked) for words in sentences]
    order = _random(settings, classes, number, attempt, 1 + classes).permutation(len(rows))
    return [rows[place] for place in order]


class RecordMaker:
    """Sentence and masked word -> the bytes of a record."""

    def __init__(self, tokenizer, max_seq_length, fold):
        self._tokenizer, self._max_seq_length, self._fold = tokenizer, max_seq_length, fold
        self._ids = {}  # word -> its ids

    def input_ids(self, words, masked):
        """[CLS], the sentence with one [MASK] for every occurrence of the word `masked`, [SEP]."""
        ids = [self._tokenizer.cls_id]
        for word in words:
            if self._fold[word] == masked:
                ids.append(self._tokenizer.mask_id)
            else:
                ids.extend(self._ids_of(word))
        return ids + [self._tokenizer.sep_id]

    def record(self, label, words, masked):
        """A serialized tf.train.Example with the features of records.SCHEMA."""
        ids = self.input_ids(words, masked)
        row = {"input_ids": ids, "input_mask": [1] * len(ids), "segment_ids": [0] * len(ids), "label_ids": label}
        features = {}
        for field in records.SCHEMA:
            values = row[field.name] if field.per_token else [row[field.name]]
            if field.per_token:
                values = values + [field.padding] * (self._max_seq_length - len(values))
            features[field.name] = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        example = tf.train.Example(features=tf.train.Features(feature=features))
        return example.SerializeToString(deterministic=True)

    def _ids_of(self, word):
        ids = self._ids.get(word)
        if ids is None:
            ids = self._ids[word] = self._tokenizer.ids(self._tokenizer.wordpiece(word))
        return ids


def no_task(settings, classes, number):
    """The error for a task for which no words could be found."""
    return UserError(
        "N=%d: task %d: in %d tries no %d words were found that have %d sentences each without the others: give more "
        "text, or lower --records_per_task." % (classes, number, MAX_ATTEMPTS, classes, settings.needed(classes))
    )


# --- in one process, or a few on one machine -------------------------------------------------------------------------
SmlmtTask = collections.namedtuple("SmlmtTask", ["words", "records"])  # words by label; serialized records


class SmlmtTaskMaker:
    """Makes tasks from an indexed corpus in memory.

    Args:
      settings: SmlmtSettings.
      store: SentenceStore.
      index: its Index.
      tables: {N: WordTable}.
      tokenizer: of the model.
    """

    def __init__(self, settings, store, index, tables, tokenizer):
        self._settings, self._store, self._index, self._tables = settings, store, index, tables
        self._fold = FoldedForms()
        self._maker = RecordMaker(tokenizer, settings.max_seq_length, self._fold)

    def task(self, classes, number):
        """SmlmtTask `number` of N classes. Raises UserError when no words for it are found."""
        for attempt in range(MAX_ATTEMPTS):
            which = (self._settings, classes, number, attempt)
            plan = plan_task(self._tables[classes], *which)
            picked = plan and self._picked(plan, which)
            if picked:
                rows = shuffled_rows(plan, picked, *which)
                records = [self._maker.record(label, words, plan.words[label]) for label, words in rows]
                return SmlmtTask(plan.words, records)
        raise no_task(self._settings, classes, number)

    def _picked(self, plan, which):
        """Sentences of each class, or None when a class has too few."""
        picked = []
        for label, word in enumerate(plan.words):
            numbers = self._index.sentences(word)
            sentences = pick_sentences(
                plan, label, len(numbers), lambda place, numbers=numbers: self._store.sentence(numbers[place]),
                self._fold, *which
            )
            if sentences is None:
                return None
            picked.append(sentences)
        return picked


def read_corpus(paragraphs, reader, settings):
    """(SentenceStore, Index) of an iterable of paragraphs. Raises UserError when it holds no sentences."""
    store = SentenceStore()
    for paragraph in paragraphs:
        for words in reader.sentences(paragraph):
            store.add(words)
    store.close()
    if not len(store):
        raise empty_corpus(settings)
    least = min(map(settings.needed, settings.classes))
    return store, store.index(FoldedForms(), settings.is_candidate, least, settings.max_count)


def empty_corpus(settings):
    """The error for a corpus without sentences."""
    return UserError("--input: no sentences of at least %d words were found." % settings.min_sentence_words)
