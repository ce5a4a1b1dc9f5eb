"""What of a text can be seen: not blanks, and not characters without a width at its ends."""

# Zero width, marks of direction, word joiner, byte order mark, soft hyphen.
INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"
BLANK = "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + INVISIBLE


def trimmed(text: str) -> str:
    """The text from the first to the last character that can be seen."""
    return text.strip(BLANK)


def is_empty(text: str) -> bool:
    """Whether nothing can be seen."""
    return not trimmed(text)
