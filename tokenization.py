"""BERT's tokenizer: text -> words -> WordPiece ids, cased and uncased, on the standard library alone.

Ids equal those of Hugging Face ``tokenizers`` (BertNormalizer, BertPreTokenizer, WordPiece) on every Python. Python's
own Unicode tables cannot give that: they differ between Python 3.7 and 3.11, and from the tables in the library (whose
punctuation and accents are those of Unicode 8, whose canonical order is that of Unicode 9). So the classes of
characters stand here as explicit ranges, and ``unicodedata`` is only asked what no Unicode version may change.
The behaviour that may surprise:

- Uncased text loses accents ("É" -> "e") and Hangul falls apart into jamo, because that is how NFD works.
- Lower-casing goes character by character: "Σ" is always "σ", where ``str.lower`` writes "ς" at the end of a word.
- Private-use characters, U+FFFD and lone surrogates are dropped like control characters; unassigned ones are letters.
- "[MASK]" in running text is "[", "mask", "]", as in published BERT. To place special tokens, hand over a list of
  WordPiece tokens instead of text: ``encode(tokenizer.tokenize("a ") + ["[MASK]"] + tokenizer.tokenize(" b"))``.
"""

import re
import unicodedata
from bisect import bisect_right
from itertools import chain

from runtime.errors import UserError
from runtime.paths import is_special

_REQUIRED_TOKENS = ("[UNK]", "[CLS]", "[SEP]", "[PAD]")
MAX_WORD_CHARS = 100  # longer words become one [UNK], as in the library
REMEMBERED = 1 << 17  # natural text repeats its words; this bounds a memo to some 30 MB on text that does not
FEW_REMEMBERED = 1 << 14  # an eighth of that memory, for 1.3 times the time
_MEMO_KEY_CHARS = 64  # longer chunks (text without spaces) hardly come again


def _ranges(text):
    """'41-5A 5F' (hexadecimal, inclusive) -> [0x41, 0x5B, 0x5F, 0x60]: the edges at which membership flips."""
    edges = []
    for item in text.split():
        first, _, last = item.partition("-")
        edges += [int(first, 16), int(last or first, 16) + 1]
    return edges


def _within(code, edges):
    """Whether the code point lies inside one of the ranges."""
    return bisect_right(edges, code) % 2 == 1


# Control, format and private-use characters and U+FFFD, as in the library. Lone surrogates (JSON may carry them, the
# library cannot) join them: they stand for bytes that were no text.
_REMOVED = _ranges(
    """
    0-8 B-C E-1F 7F-9F AD 600-605 61C 6DD 70F 180E 200B-200F 202A-202E 2060-2064 2066-206F D800-F8FF FEFF FFF9-FFFB
    FFFD 110BD 1BCA0-1BCA3 1D173-1D17A E0001 E0020-E007F F0000-FFFFD 100000-10FFFD
    """
)
_SPACE = _ranges("9-A D 20 A0 1680 2000-200A 2028-2029 202F 205F 3000")
# Each ideograph is a word. 2B920 is 2B820 in published BERT; the library's value gives the ids.
_CJK = _ranges("3400-4DBF 4E00-9FFF F900-FAFF 20000-2A6DF 2A700-2B81F 2B920-2CEAF 2F800-2FA1F")
# ASCII symbols such as "$" and "^" count as punctuation.
_PUNCTUATION = _ranges(
    """
    21-2F 3A-40 5B-60 7B-7E A1 A7 AB B6-B7 BB BF 37E 387 55A-55F 589-58A 5BE 5C0 5C3 5C6 5F3-5F4 609-60A 60C-60D 61B
    61E-61F 66A-66D 6D4 700-70D 7F7-7F9 830-83E 85E 964-965 970 AF0 DF4 E4F E5A-E5B F04-F12 F14 F3A-F3D F85 FD0-FD4
    FD9-FDA 104A-104F 10FB 1360-1368 1400 166D-166E 169B-169C 16EB-16ED 1735-1736 17D4-17D6 17D8-17DA 1800-180A
    1944-1945 1A1E-1A1F 1AA0-1AA6 1AA8-1AAD 1B5A-1B60 1BFC-1BFF 1C3B-1C3F 1C7E-1C7F 1CC0-1CC7 1CD3 2010-2027
    2030-2043 2045-2051 2053-205E 207D-207E 208D-208E 2308-230B 2329-232A 2768-2775 27C5-27C6 27E6-27EF 2983-2998
    29D8-29DB 29FC-29FD 2CF9-2CFC 2CFE-2CFF 2D70 2E00-2E2E 2E30-2E42 3001-3003 3008-3011 3014-301F 3030 303D 30A0
    30FB A4FE-A4FF A60D-A60F A673 A67E A6F2-A6F7 A874-A877 A8CE-A8CF A8F8-A8FA A8FC A92E-A92F A95F A9C1-A9CD
    A9DE-A9DF AA5C-AA5F AADE-AADF AAF0-AAF1 ABEB FD3E-FD3F FE10-FE19 FE30-FE52 FE54-FE61 FE63 FE68 FE6A-FE6B
    FF01-FF03 FF05-FF0A FF0C-FF0F FF1A-FF1B FF1F-FF20 FF3B-FF3D FF3F FF5B FF5D FF5F-FF65 10100-10102 1039F 103D0
    1056F 10857 1091F 1093F 10A50-10A58 10A7F 10AF0-10AF6 10B39-10B3F 10B99-10B9C 11047-1104D 110BB-110BC 110BE-110C1
    11140-11143 11174-11175 111C5-111C9 111CD 111DB 111DD-111DF 11238-1123D 112A9 114C6 115C1-115D7 11641-11643
    1173C-1173E 12470-12474 16A6E-16A6F 16AF5 16B37-16B3B 16B44 1BC9F 1DA87-1DA8B
    """
)
# Removed from uncased text, after canonical decomposition.
_ACCENT = _ranges(
    """
    300-36F 483-487 591-5BD 5BF 5C1-5C2 5C4-5C5 5C7 610-61A 64B-65F 670 6D6-6DC 6DF-6E4 6E7-6E8 6EA-6ED 711 730-74A
    7A6-7B0 7EB-7F3 816-819 81B-823 825-827 829-82D 859-85B 8E3-902 93A 93C 941-948 94D 951-957 962-963 981 9BC
    9C1-9C4 9CD 9E2-9E3 A01-A02 A3C A41-A42 A47-A48 A4B-A4D A51 A70-A71 A75 A81-A82 ABC AC1-AC5 AC7-AC8 ACD AE2-AE3
    B01 B3C B3F B41-B44 B4D B56 B62-B63 B82 BC0 BCD C00 C3E-C40 C46-C48 C4A-C4D C55-C56 C62-C63 C81 CBC CBF CC6
    CCC-CCD CE2-CE3 D01 D41-D44 D4D D62-D63 DCA DD2-DD4 DD6 E31 E34-E3A E47-E4E EB1 EB4-EB9 EBB-EBC EC8-ECD F18-F19
    F35 F37 F39 F71-F7E F80-F84 F86-F87 F8D-F97 F99-FBC FC6 102D-1030 1032-1037 1039-103A 103D-103E 1058-1059
    105E-1060 1071-1074 1082 1085-1086 108D 109D 135D-135F 1712-1714 1732-1734 1752-1753 1772-1773 17B4-17B5
    17B7-17BD 17C6 17C9-17D3 17DD 180B-180D 18A9 1920-1922 1927-1928 1932 1939-193B 1A17-1A18 1A1B 1A56 1A58-1A5E
    1A60 1A62 1A65-1A6C 1A73-1A7C 1A7F 1AB0-1ABD 1B00-1B03 1B34 1B36-1B3A 1B3C 1B42 1B6B-1B73 1B80-1B81 1BA2-1BA5
    1BA8-1BA9 1BAB-1BAD 1BE6 1BE8-1BE9 1BED 1BEF-1BF1 1C2C-1C33 1C36-1C37 1CD0-1CD2 1CD4-1CE0 1CE2-1CE8 1CED 1CF4
    1CF8-1CF9 1DC0-1DF5 1DFC-1DFF 20D0-20DC 20E1 20E5-20F0 2CEF-2CF1 2D7F 2DE0-2DFF 302A-302D 3099-309A A66F
    A674-A67D A69E-A69F A6F0-A6F1 A802 A806 A80B A825-A826 A8C4 A8E0-A8F1 A926-A92D A947-A951 A980-A982 A9B3
    A9B6-A9B9 A9BC A9E5 AA29-AA2E AA31-AA32 AA35-AA36 AA43 AA4C AA7C AAB0 AAB2-AAB4 AAB7-AAB8 AABE-AABF AAC1
    AAEC-AAED AAF6 ABE5 ABE8 ABED FB1E FE00-FE0F FE20-FE2F 101FD 102E0 10376-1037A 10A01-10A03 10A05-10A06
    10A0C-10A0F 10A38-10A3A 10A3F 10AE5-10AE6 11001 11038-11046 1107F-11081 110B3-110B6 110B9-110BA 11100-11102
    11127-1112B 1112D-11134 11173 11180-11181 111B6-111BE 111CA-111CC 1122F-11231 11234 11236-11237 112DF 112E3-112EA
    11300-11301 1133C 11340 11366-1136C 11370-11374 114B3-114B8 114BA 114BF-114C0 114C2-114C3 115B2-115B5 115BC-115BD
    115BF-115C0 115DC-115DD 11633-1163A 1163D 1163F-11640 116AB 116AD 116B0-116B5 116B7 1171D-1171F 11722-11725
    11727-1172B 16AF0-16AF4 16B30-16B36 16F8F-16F92 1BC9D-1BC9E 1D167-1D169 1D17B-1D182 1D185-1D18B 1D1AA-1D1AD
    1D242-1D244 1DA00-1DA36 1DA3B-1DA6C 1DA75 1DA84 1DA9B-1DA9F 1DAA1-1DAAF 1E8D0-1E8D6 E0100-E01EF
    """
)
# What stays in uncased text although canonical order may swap it with a neighbour, composed characters included.
_MOVABLE = _ranges(
    """
    8D4-8E1 1B44 1BAA 1BF2-1BF3 1DFB 302E-302F A953 A9C0 111C0 11235 1134D 11442 11446 116B6 11C3F 1D15E-1D166
    1D16D-1D172 1D1BB-1D1C0 1E000-1E006 1E008-1E018 1E01B-1E021 1E023-1E024 1E026-1E02A 1E944-1E94A
    """
)
# Younger than Python 3.7's tables (Unicode 11) but known to the library: lower case from ... to ..., and a composed
# character that the library leaves whole.
_YOUNG_CASE = (
    "2C2F:2C5F A7BA:A7BB A7BC:A7BD A7BE:A7BF A7C0:A7C1 A7C2:A7C3 A7C4:A794 A7C5:282 A7C6:1D8E A7C7:A7C8 A7C9:A7CA "
    "A7D0:A7D1 A7D6:A7D7 A7D8:A7D9 A7F5:A7F6 10570-1057A:10597 1057C-1058A:105A3 1058C-10592:105B3 10594-10595:105BB"
)
_YOUNG_COMPOSED = "\U00011938"


def _case_pairs(text):
    """'A7C4:A794 10594-10595:105BB' -> {upper: lower}, characters."""
    pairs = {}
    for item in text.split():
        upper, lower = item.split(":")
        first, end = _ranges(upper)
        pairs.update((chr(code), chr(int(lower, 16) + code - first)) for code in range(first, end))
    return pairs


_YOUNG_LOWER = _case_pairs(_YOUNG_CASE)


class _Memo(dict):
    """A dict that computes missing values and is emptied when full, so that memory stays bounded on any input.

    Lookups of known keys run in C, which makes ``map(memo.__getitem__, keys)`` and ``str.translate`` fast.
    """

    def __init__(self, compute, most=REMEMBERED):
        super().__init__()
        self._compute, self._most = compute, most

    def __missing__(self, key):
        value = self._compute(key)
        if isinstance(key, int) or len(key) <= _MEMO_KEY_CHARS:
            if len(self) >= self._most:
                self.clear()
            self[key] = value
        return value


def _cased(code):
    """What a code point becomes in cased text; words are what blanks separate afterwards."""
    if _within(code, _REMOVED):
        return ""
    if _within(code, _SPACE):
        return " "
    if _within(code, _PUNCTUATION) or _within(code, _CJK):
        return " %s " % chr(code)
    return chr(code)


def _uncased(code):
    """The same for uncased text."""
    bases = (char for char in _decompose(chr(code)) if not _within(ord(char), _ACCENT))
    return "".join(_cased(ord(_YOUNG_LOWER.get(char) or char.lower())) for char in bases)


def character(code, do_lower_case):
    """What a code point becomes before blanks separate words; the order of combining marks is another matter."""
    return _uncased(code) if do_lower_case else _cased(code)


def _decompose(char):
    """The canonical decomposition of one character."""
    return char if char == _YOUNG_COMPOSED else unicodedata.normalize("NFD", char)


_CASED, _UNCASED = _Memo(_cased), _Memo(_uncased)
_ASCII_REMOVED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+")
_ASCII_WORD = re.compile(r"[^\W_]+|[^\w\s]|_", re.ASCII)
_MOVABLE_CHAR = re.compile(
    "[%s]" % "".join("%c-%c" % (first, end - 1) for first, end in zip(_MOVABLE[::2], _MOVABLE[1::2]))
)


def _canonical_order(text):
    """Decomposes the text and sorts each run of combining characters by class, as NFD in Unicode 9 does.

    ``_uncased`` drops accents one by one and needs no order. What it keeps can move only where two such characters
    meet, which is so rare (some Indic vowel signs, musical symbols) that this may be slow.
    """

    def combining_class(char):
        known = _within(ord(char), _ACCENT) or _within(ord(char), _MOVABLE)
        return unicodedata.combining(char) if known else 0

    ordered, run = [], []
    for char in chain.from_iterable(_decompose(char) for char in text if not _within(ord(char), _REMOVED)):
        if combining_class(char):
            run.append(char)
        else:
            ordered += sorted(run, key=combining_class)
            ordered.append(char)
            run = []
    return "".join(ordered + sorted(run, key=combining_class))


def basic_tokenize(text, do_lower_case):
    """Splits text into whole words, punctuation marks and single ideographs, before WordPiece.

    Args:
      text: a str of any content.
      do_lower_case: True also lower-cases and strips accents (uncased models).

    Returns:
      List of non-empty str.
    """
    if text.isascii():
        if not text.isprintable():  # a cheap first look: line breaks are not printable either
            text = _ASCII_REMOVED.sub("", text)
        return _ASCII_WORD.findall(text.lower() if do_lower_case else text)
    if not do_lower_case:
        return text.translate(_CASED).split()
    if len(_MOVABLE_CHAR.findall(text)) > 1:
        text = _canonical_order(text)
    return text.translate(_UNCASED).split()


def load_vocab(path):
    """Reads BERT's vocab.txt: one token a line, the line's number (from 0) is the id.

    Args:
      path: the file.

    Returns:
      dict token -> id. Of a repeated token the last line counts, as in published BERT.

    Raises:
      UserError: the file is missing, empty, not UTF-8 or lacks [UNK], [CLS], [SEP] or [PAD].
    """
    advice = "give the vocab.txt that came with the BERT checkpoint as --vocab_file."
    if is_special(path):
        raise UserError("Vocabulary %s cannot be read (no regular file): %s" % (path, advice))
    try:
        with open(path, "rb") as file:
            text = file.read().decode("utf-8-sig")  # -sig: an editor may have put a byte order mark before [PAD]
    except OSError as error:
        raise UserError("Vocabulary %s cannot be read (%s): %s" % (path, error.strerror, advice)) from error
    except UnicodeDecodeError as error:
        raise UserError("Vocabulary %s is not UTF-8 text (byte %d): %s" % (path, error.start, advice)) from error
    lines = text.split("\n")  # not splitlines: tokens may hold characters that it takes for line ends
    if not lines[-1]:
        lines.pop()
    vocab = {line.strip(): index for index, line in enumerate(lines)}
    if not any(vocab):
        raise UserError("Vocabulary %s is empty: %s" % (path, advice))
    missing = _missing_tokens(vocab)
    if missing:
        raise UserError("Vocabulary %s lacks %s: %s" % (path, missing, advice))
    return vocab


def _missing_tokens(vocab):
    """The special tokens that BERT cannot do without and the vocabulary lacks, as text."""
    return ", ".join(token for token in _REQUIRED_TOKENS if token not in vocab)


class Tokenizer:
    """Text -> WordPiece tokens, ids and BERT's input sequences.

    Args:
      vocab: dict token -> id; word-internal pieces begin with "##".
      do_lower_case: True for uncased models.
      remembered: words, and chunks between blanks, whose ids are kept.

    Raises:
      UserError: the vocabulary lacks [UNK], [CLS], [SEP] or [PAD]. [MASK] is optional.
    """

    def __init__(self, vocab, do_lower_case=False, remembered=REMEMBERED):
        missing = _missing_tokens(vocab)
        if missing:
            raise UserError("The vocabulary lacks %s: use the one that came with the BERT checkpoint." % missing)
        self.do_lower_case = bool(do_lower_case)
        self._vocab = dict(vocab)
        self._tokens = {index: token for token, index in self._vocab.items()}
        self._longest_piece = max(map(len, self._vocab))
        # Chunks are what single blanks separate: most texts need no more than one lookup per chunk.
        self._chunk_ids = _Memo(self._ids_of_chunk, remembered)
        self._word_ids = _Memo(self._ids_of_word, remembered)

    @classmethod
    def from_file(cls, vocab_file, do_lower_case, remembered=REMEMBERED):
        """A tokenizer with the vocabulary of a vocab.txt; errors as in ``load_vocab``."""
        return cls(load_vocab(vocab_file), do_lower_case, remembered)

    def write(self, vocab_file):
        """Writes the vocabulary as ``from_file`` reads it."""
        with open(vocab_file, "w", encoding="utf-8", newline="\n") as file:
            for index in range(self.vocab_size):  # a gap, where a token came twice, is an empty line
                file.write(self._tokens.get(index, "") + "\n")

    def __reduce__(self):
        return type(self), (self._vocab, self.do_lower_case)  # for worker processes; the memos stay behind

    def tokens(self):
        """All tokens, in no order."""
        return self._vocab.keys()

    @property
    def vocab_size(self):
        """Rows that an embedding table needs: the largest id + 1."""
        return max(self._tokens) + 1

    @property
    def cls_id(self):
        """Id of [CLS], the first token of every sequence."""
        return self._vocab["[CLS]"]

    @property
    def sep_id(self):
        """Id of [SEP], which ends each text of a sequence."""
        return self._vocab["[SEP]"]

    @property
    def pad_id(self):
        """Id of [PAD]."""
        return self._vocab["[PAD]"]

    @property
    def unk_id(self):
        """Id of [UNK], which stands for any word that the vocabulary cannot spell."""
        return self._vocab["[UNK]"]

    @property
    def mask_id(self):
        """Id of [MASK], or None where the vocabulary has none."""
        return self._vocab.get("[MASK]")

    def tokenize(self, text):
        """WordPiece tokens of a text, without [CLS] and [SEP]: list of str."""
        return [self._tokens[index] for index in self.ids(text)]

    def wordpiece(self, word):
        """WordPiece tokens of one word as ``basic_tokenize`` gives it: list of str, ["[UNK]"] if it has none."""
        return [self._tokens[index] for index in self._word_ids[word]]

    def ids(self, text):
        """Ids without [CLS] and [SEP]: list of int.

        Args:
          text: a str; or a list of WordPiece tokens, which is looked up as it is. Only such a list may hold special
            tokens ("[MASK]"); tokens that the vocabulary lacks become [UNK].
        """
        if not isinstance(text, str):
            return [self._vocab.get(token, self.unk_id) for token in text]
        return list(chain.from_iterable(map(self._chunk_ids.__getitem__, text.split(" "))))

    def encode(self, text_a, text_b=None, max_seq_length=128):
        """One input sequence of BERT, not padded: [CLS] a [SEP], or [CLS] a [SEP] b [SEP].

        Too long input loses tokens at the end of the longer text, one by one, of ``text_b`` where both are equally
        long (published BERT's rule). A ``text_b`` that has or keeps no tokens is left out with its [SEP], also as
        published.

        Args:
          text_a: str or list of WordPiece tokens, see ``ids``.
          text_b: the same, or None.
          max_seq_length: most ids returned, [CLS] and [SEP] included.

        Returns:
          (input_ids, segment_ids): two lists of int of one length; segment 1 is ``text_b`` with its [SEP].

        Raises:
          UserError: ``max_seq_length`` has no room for [CLS] and [SEP].
        """
        a = self.ids(text_a)
        b = self.ids(text_b) if text_b is not None else []
        room = max_seq_length - (3 if b else 2)
        if room < 0:
            raise UserError("max_seq_length is %d: %d is the least for this input." % (max_seq_length, 3 if b else 2))
        keep_a, keep_b = truncated_lengths(len(a), len(b), room)
        input_ids = [self.cls_id] + a[:keep_a] + [self.sep_id]
        segment_ids = [0] * len(input_ids)
        if keep_b:
            input_ids += b[:keep_b] + [self.sep_id]
            segment_ids += [1] * (keep_b + 1)
        return input_ids, segment_ids

    def _ids_of_chunk(self, chunk):
        """Tuple of the ids of any piece of text."""
        words = basic_tokenize(chunk, self.do_lower_case)
        return tuple(chain.from_iterable(map(self._word_ids.__getitem__, words)))

    def _ids_of_word(self, word):
        """Tuple of ids: greedily the longest piece that fits, from left to right; [UNK] where none fits."""
        if len(word) > MAX_WORD_CHARS:
            return (self.unk_id,)
        found, start = [], 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(min(len(word), start + self._longest_piece), start, -1):
                index = self._vocab.get(prefix + word[start:end])
                if index is not None:
                    break
            else:
                return (self.unk_id,)
            found.append(index)
            start = end
        return tuple(found)


def truncated_lengths(length_a, length_b, room):
    """(kept_a, kept_b): what is left of two texts when tokens are popped from the longer one (b on a tie) until
    both fit into ``room`` together."""
    if length_a + length_b <= room:
        return length_a, length_b
    kept_b = min(length_b, max(room // 2, room - length_a))
    return room - kept_b, kept_b
