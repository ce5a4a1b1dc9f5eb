"""The records of a file to predict as blocks; never the whole file at once."""
import dataclasses

from data import records, unlabelled
from runs.unlabelled_rows import Block


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
