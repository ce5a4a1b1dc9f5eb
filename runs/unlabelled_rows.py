"""The rows of text of a file to predict as blocks of token ids; never the whole file at once.

Nothing here needs TensorFlow.
"""
import dataclasses
from typing import List, NamedTuple, Optional

from data import encoding, text, unknown_words, unlabelled
from data.examples import Examples
from data.text_lines import named
from tokenization import Tokenizer


class Block(NamedTuple):
    """Some rows in the file's order."""

    texts: List[Optional[text.TextExample]]  # None for a blank row, and for records, whose text is not known
    is_blank: List[bool]  # of each row
    examples: Optional[Examples]  # of those that are not blank, None where all are
    cut: int = 0  # how many texts were longer than the sequence
    unknown: unknown_words.Share = unknown_words.Share()  # of text


@dataclasses.dataclass(frozen=True)
class TextRows:
    """Rows of text."""

    path: str
    tokenizer: Tokenizer
    max_seq_length: int
    known: Optional[unlabelled.Census] = None  # where the file was checked before
    most: Optional[int] = None  # rows of a block, None: unlabelled.BLOCK
    has_texts = True

    def census(self):
        """data.unlabelled.Census after a check of the whole file, None of standard input, which comes but once."""
        if self.known or self.path == text.STDIN:
            return self.known
        return unlabelled.census(self.path)

    def blocks(self, batch_size):
        """Yields Blocks; UserError where the file comes to a row that cannot be used."""
        for rows in unlabelled.blocks(unlabelled.read(self.path), batch_size, self.most):
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
