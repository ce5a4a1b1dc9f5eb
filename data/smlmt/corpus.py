"""Unlabelled text: files -> paragraphs -> sentences -> words.

A corpus is a file or a folder (all files in it and below, in the order of their relative paths; hidden ones are left
out). A file holds one sentence or paragraph a line, or JSON lines {"text": ...} as Wikipedia extractors write them;
either may be compressed by gzip, bzip2 or xz.
"""
import bz2
import codecs
import gzip
import hashlib
import json
import lzma
import os
import re
import zlib

from data import foreign
from runtime.compat import tf
from runtime.errors import UserError, check_names, reason
from runtime.paths import is_special
from tokenization import basic_tokenize

BLOCK_BYTES = 1 << 20
# {ending: what opens a compressed stream}
COMPRESSED = {
    ".gz": lambda stream, mode: gzip.GzipFile(fileobj=stream, mode=mode), ".bz2": bz2.BZ2File, ".xz": lzma.LZMAFile
}
PARAGRAPHS_BETWEEN_STEPS = 1000  # of the progress bar
_PACKED = ((b"\x1f\x8b", ".gz"), (b"BZh", ".bz2"), (b"\xfd7zXZ\x00", ".xz"))  # first bytes
_MARK = re.compile("[.!?]+[\"'\u201d\u2019)\\]]*\\s+")  # what may end a sentence
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st jr sr vs etc e.g i.e cf fig no vol pp p ed eds inc ltd co dept gen col capt lt sgt rev hon "
    "jan feb mar apr jun jul aug sep sept oct nov dec u.s u.k a.m p.m approx al ca".split()
)
_OPENING = "\"'\u201c\u2018(["


def files(path):
    """Paths of a corpus in reading order. Raises UserError when there are none."""
    try:
        if not tf.gfile.Exists(path):
            raise UserError("--input: %s: no such file or folder." % path)
        if not tf.gfile.IsDirectory(path):
            return [_regular(path)]
        found = [
            os.path.join(folder, name)
            for folder, names in (_walk(path) if os.path.isdir(path) else _walk_remote(path))
            for name in names
            if not any(part.startswith(".") for part in _parts(os.path.join(folder, name), path))
        ]
    except tf.errors.OpError as error:
        raise UserError("--input: %s cannot be read (%s)." % (path, error.message)) from None
    if not found:
        raise UserError("--input: the folder %s holds no files." % path)
    return sorted(map(_regular, found), key=lambda file: _parts(file, path))


def _regular(path):
    """The path of a file; UserError for a pipe or device, which would be waited for, or never end."""
    if is_special(path):
        raise UserError("--input: %s is a pipe or device: write its text to a file." % path)
    return path


def _walk(path):
    """(folder, names of its files) of a local folder and those below; links are followed, each folder once."""
    seen = set()
    for folder, below, names in os.walk(path, followlinks=True):
        seen.add(os.path.realpath(folder))
        check_names([folder] + names)
        below[:] = sorted(name for name in below if os.path.realpath(os.path.join(folder, name)) not in seen)
        dead = [name for name in names if not name.startswith(".") and not os.path.exists(os.path.join(folder, name))]
        if dead:
            raise UserError("--input: %s is a link to a file that is gone: remove it." % os.path.join(folder, dead[0]))
        yield folder, names


def _walk_remote(path):
    for folder, _, names in tf.gfile.Walk(path):
        yield folder, names


def _parts(file, folder):
    """Names on the way from a folder to a file below it."""
    return file[len(folder) :].strip("/").split("/")


class Corpus:
    """The files of a corpus, read in order in this process.

    Args:
      paths: see `files`.
      encoding: of all files.
    """

    def __init__(self, paths, encoding="utf-8"):
        self._paths, self._encoding = paths, encoding
        self._digests, self._bytes = [], 0

    def megabytes(self):
        """Size on disk, for a progress bar."""
        return sum(tf.gfile.Stat(path).length for path in self._paths) / 1e6

    def paragraphs(self, advance=lambda megabytes: None):
        """Yields all paragraphs; errors as in `paragraphs`. `advance` is told what was read from disk."""
        for path in self._paths:
            digest, done = FileDigest(), 0
            with tf.gfile.Open(path, "rb") as raw:
                for number, paragraph in enumerate(paragraphs(raw, path, self._encoding, digest)):
                    yield paragraph
                    if number % PARAGRAPHS_BETWEEN_STEPS == 0:
                        advance((raw.tell() - done) / 1e6)
                        done = raw.tell()
                advance((raw.tell() - done) / 1e6)
            self._digests.append(digest.hexdigest())
            self._bytes += digest.size

    def summary(self):
        """What the manifest says about the files that were read; see `summary`."""
        return summary(self._digests, self._bytes)


def summary(digests, size):
    """{"files", "bytes", "sha256"} of a corpus; the checksum is that of its files' checksums, in order.

    Args:
      digests: SHA-256 of each file's (decompressed) bytes, hexadecimal.
      size: sum of their bytes.
    """
    combined = hashlib.sha256("".join(digests).encode("ascii")).hexdigest()
    return {"files": len(digests), "bytes": size, "sha256": combined}


class FileDigest:
    """SHA-256 and size of what was read from a file."""

    def __init__(self):
        self._digest, self.size = hashlib.sha256(), 0

    def update(self, block):
        """Adds bytes."""
        self._digest.update(block)
        self.size += len(block)

    def hexdigest(self):
        """The checksum in hexadecimal digits."""
        return self._digest.hexdigest()


def paragraphs(stream, name, encoding, digest):
    """Yields the paragraphs of one file, without blank ones.

    Args:
      stream: the open file, binary.
      name: of the file, for errors and its ending.
      encoding: of the text, "utf-8" also takes a byte order mark.
      digest: FileDigest, updated with all bytes of the text.

    Raises:
      UserError: a byte that is not in the encoding, a binary file, broken compression, JSON without text.
    """
    kind = os.path.splitext(name)[1].lower()
    if kind in COMPRESSED:
        stream = COMPRESSED[kind](stream, "rb")
    is_json = None
    for number, line in enumerate(_lines(stream, name, encoding, digest), start=1):
        line = line.strip()
        if not line or line.startswith("<doc id=") or line == "</doc>":  # the extractor's other format
            continue
        if is_json is None:
            is_json = _holds_json(name, line)
        if is_json:
            for paragraph in _json_text(name, number, line).split("\n"):
                if paragraph.strip():
                    yield paragraph
        else:
            yield line


def check_encoding(encoding):
    """Raises UserError for an encoding that Python does not know, or that is not one of text."""
    try:
        known = codecs.lookup(encoding)
        "".encode(encoding)
    except (LookupError, UnicodeError):
        known = None
    if known is None or known.incrementaldecoder is None:
        raise UserError("--encoding=%s is unknown; examples: utf-8, latin-1, cp1252, utf-16." % encoding)


def _lines(stream, name, encoding, digest):
    """Decoded lines; only LF ends a line, for texts may hold U+0085 or U+2028."""
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)("strict")
    seen, rest = 0, ""
    while True:
        try:
            block = stream.read(BLOCK_BYTES)
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, tf.errors.OpError) as error:
            raise UserError("%s: cannot be read (%s)." % (name, reason(error))) from None
        if not seen:
            start = block[: foreign.LONGEST_SIGN]
            _check_kind(start, name, encoding)
        seen += len(block)
        digest.update(block)
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            other = foreign.told(start, is_table=True)
            if other:  # what a text may begin with, but this is none
                raise UserError("%s: %s." % (name, other)) from None
            raise UserError(
                "%s: byte %d (0x%02x) is not %s text: convert the file (iconv -t UTF-8), or say what all files are "
                "with --encoding (for example latin-1)."
                % (name, seen - len(error.object) + error.start, error.object[error.start], encoding.upper())
            ) from None
        if "\0" in text:
            raise UserError(
                "%s: holds NUL characters and is no %s text: leave binary files out of the corpus, or give --encoding "
                "(for example utf-16)." % (name, encoding.upper())
            )
        lines = (rest + text).split("\n")
        rest = lines.pop()
        for line in lines:
            yield line
        if not block:
            break
    if rest:
        yield rest


def _check_kind(start, name, encoding):
    """UserError for a file that holds no text, or text of another encoding, by its first bytes."""
    other = foreign.told(start, is_table=False)
    if other in (foreign.UTF_16, foreign.UTF_32):
        kind = "UTF-16" if other == foreign.UTF_16 else "UTF-32"
        other = "is %s text: give --encoding=%s for all files, or convert it (iconv -f %s -t UTF-8)"
        other %= (kind, kind.lower(), kind)
        if codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")):
            return
    if other:
        ending = next((ending for sign, ending in _PACKED if start.startswith(sign)), None)
        raise UserError("%s: %s." % (name, "is compressed: let its name end with " + ending if ending else other))


def _holds_json(name, line):
    stem = os.path.splitext(name)[0] if os.path.splitext(name)[1].lower() in COMPRESSED else name
    if stem.lower().endswith((".json", ".jsonl")):
        return True
    try:
        return line.startswith("{") and "text" in json.loads(line)
    except (ValueError, RecursionError):
        return False


def _json_text(name, number, line):
    try:
        text = json.loads(line)["text"]
    except (ValueError, KeyError, TypeError, RecursionError):
        text = None
    if not isinstance(text, str):
        raise UserError('%s: line %d is no JSON object {"text": "..."}.' % (name, number))
    return text


def split_sentences(text):
    """Cuts a paragraph behind . ! ? (with closing quotes) where a blank and no small letter follow.

    Known abbreviations and single capital letters ("J. Smith") end no sentence.
    """
    sentences, start = [], 0
    for mark in _MARK.finditer(text):
        following = text[mark.end() : mark.end() + 4].lstrip(_OPENING)
        if not following or following[0].islower():
            continue
        if mark.group()[0] == "." and mark.group()[1:2].isspace():
            before = text[start : mark.start()].rsplit(None, 1)
            last = before[-1].lstrip(_OPENING) if before else ""
            if last.lower() in _ABBREVIATIONS or (len(last) == 1 and last.isupper() and last != "I"):
                continue
        sentences.append(text[start : mark.end()].strip())
        start = mark.end()
    sentences.append(text[start:].strip())
    return [sentence for sentence in sentences if sentence]


class SentenceReader:
    """Paragraphs -> sentences as lists of words, each short enough for the model.

    Sentences that are too long are cut between two words, so that all words of the result really reach the model.

    Args:
      tokenizer: of the model.
      max_seq_length: WordPiece tokens of a sequence, [CLS] and [SEP] included.
      min_words: sentences with fewer words of letters are left out.
    """

    def __init__(self, tokenizer, max_seq_length, min_words):
        self._lower = tokenizer.do_lower_case
        self._room = max_seq_length - 2
        self._min_words = min_words
        self._lengths = _PieceCounts(tokenizer)

    def sentences(self, paragraph):
        """Yields lists of words (`basic_tokenize`)."""
        for text in split_sentences(paragraph):
            words = self._cut(basic_tokenize(text, self._lower))
            if sum(map(str.isalpha, words)) >= self._min_words:
                yield words

    def _cut(self, words):
        if sum(map(self._lengths.__getitem__, words)) <= self._room:
            return words
        used = 0
        for index, word in enumerate(words):
            used += self._lengths[word]
            if used > self._room:
                return words[:index]
        return words


class _PieceCounts(dict):
    """{word: number of its WordPieces}, filled on demand."""

    def __init__(self, tokenizer):
        super().__init__()
        self._tokenizer = tokenizer

    def __missing__(self, word):
        self[word] = len(self._tokenizer.wordpiece(word))
        return self[word]
