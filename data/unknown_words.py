"""How much of a text is [UNK], which tells nothing: a large share tells of a vocabulary that does not fit."""
import re
from typing import NamedTuple

import numpy as np

MOST = 0.05  # that a fitting vocabulary leaves; the wrong letter case gives 9 to 15 % of English text
FEWEST_TOKENS = 20  # of which a share is worth a word
_CAPITAL = re.compile("[A-Z]")


class Share(NamedTuple):
    """Tokens, without [CLS] and [SEP], and those among them that are [UNK]."""

    tokens: int = 0
    unknown: int = 0

    def plus(self, other: "Share") -> "Share":
        """Both together."""
        return Share(self.tokens + other.tokens, self.unknown + other.unknown)


def share_of(encoded, tokenizer) -> Share:
    """The Share of records.Examples."""
    special = np.isin(encoded.input_ids, (tokenizer.cls_id, tokenizer.sep_id)) & (encoded.input_mask > 0)
    unknown = (encoded.input_ids == tokenizer.unk_id) & (encoded.input_mask > 0)
    return Share(int(encoded.input_mask.sum()) - int(special.sum()), int(unknown.sum()))


def doubt(share: Share, tokenizer) -> str:
    """A sentence without its end where the share is large, else nothing."""
    if share.tokens < FEWEST_TOKENS or share.unknown <= MOST * share.tokens:
        return ""
    if tokenizer.do_lower_case or _has_capitals(tokenizer):
        why = "is the vocabulary the model's own, and of this language?"
    else:
        why = "the vocabulary has no capital letters, and the text is not made lower case (--do_lower_case)"
    return "%d %% of the tokens are [UNK], words that the model does not know: %s" % (
        round(100.0 * share.unknown / share.tokens), why)


def _has_capitals(tokenizer):
    return any(_CAPITAL.search(token) for token in tokenizer.tokens() if not token.startswith("["))
