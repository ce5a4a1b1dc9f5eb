"""The rows of a file to predict as blocks of token ids, of text or of records; never the whole file at once."""
import dataclasses
from typing import List, NamedTuple, Optional

from data import encoding, records, text, unknown_words, unlabelled
from data.text_lines import named
from tokenization import Tokenizer


class Block(NamedTuple):
    """Some rows in the file's order."""

    texts: List[Optional[text.TextExample]]  # None for a blank row, and for records, whose text is not known
    is_blank: List[bool]  # of each row
    examples: Optional[records.Examples]  # of those that are not blank, None where all are
    cut: int = 0  # how many texts were longer than the sequence
    unknown: unknown_words.Share = unknown_words.Share()  # of text


@dataclasses.dataclass(frozen=True)
class TextRows:
    """Rows of text."""

    path: str
    tokenizer: Tokenizer
    max_seq_length: int
    known: Optional[unlabelled.Census] = None  # where the file was checked before
    has_texts = True

    def census(self):
        """data.unlabelled.Census after a check of the whole file, None of standard input, which comes but once."""
        if self.known or self.path == text.STDIN:
            return self.known
        return unlabelled.census(self.path)

    def blocks(self, batch_size):
        """Yields Blocks; UserError where the file comes to a row that cannot be used."""
        for rows in unlabelled.blocks(unlabelled.read(self.path), batch_size):
            texts = [row for row in rows if row is not None]
            examples, cut, unknown = None, 0, unknown_words.Share()
            if texts:
                examples = encoding.encode(texts, self.tokenizer, (), self.max_seq_length, named(self.path))
                cut = encoding.count_truncated(texts, examples, self.tokenizer)
                unknown = unknown_words.share_of(examples, self.tokenizer)
            yield Block(rows, [row is None for row in rows], examples, cut, unknown)

    def doubt(self, unknown):
        """What a Share of all rows tells of the vocabulary, or nothing."""
        return unknown_words.doubt(unknown, self.tokenizer)


@dataclasses.dataclass(frozen=True)
class RecordRows:
    """Rows of a record file."""

    file: records.RecordFile
    max_seq_length: int
    vocab_size: int
    has_texts = False

    def census(self):
        """As for TextRows."""
        pairs = [block.examples.has_pairs for block in self.blocks(unlabelled.BLOCK)]
        return unlabelled.Census(self.file.size, any(pairs))

    def blocks(self, batch_size):
        """As for TextRows."""
        for numbers in unlabelled.blocks(range(self.file.size), batch_size):
            examples = self.file.examples(numbers, self.max_seq_length, vocab_size=self.vocab_size)
            yield Block([None] * len(numbers), [False] * len(numbers), examples)

    def doubt(self, unknown):
        """As for TextRows: of records nothing is known."""
        return ""
