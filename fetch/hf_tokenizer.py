"""The tokenizer of a Hugging Face folder: kept where tokenization.py computes the same, refused by name where not."""
import os

from runtime import schema
from runtime.errors import UserError
from tokenization import load_vocab

SPECIAL = {
    "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]"
}
CLASSES = (None, "BertTokenizer", "BertTokenizerFast")
NEEDED = "use a model with BERT's WordPiece tokenizer"
LEAST_CASED = 20  # words that a vocabulary without capital letters needs to have to be called uncased


def read_json(path):
    """The object in a JSON file; UserError when it cannot be read or holds none."""
    try:
        content = schema.load(path)
    except FileNotFoundError:
        raise UserError("%s is missing" % path) from None
    except OSError as error:
        raise UserError("%s cannot be read (%s)" % (path, error.strerror)) from None
    except schema.Malformed as error:
        raise UserError("%s is not JSON (%s)" % (path, error)) from None
    if not isinstance(content, dict):
        raise UserError("%s holds no JSON object" % path)
    return content


def lowers_case(source):
    """Whether the tokenizer of a folder lower-cases text; None when nothing tells. UserError for another tokenizer."""
    path = os.path.join(source, "tokenizer_config.json")
    settings, tokenizer = _read_if_there(path), _read_if_there(os.path.join(source, "tokenizer.json"))
    kind = settings.get("tokenizer_class")
    if kind not in CLASSES and _part(tokenizer, "model").get("type") != "WordPiece":
        raise UserError("%s: tokenizer_class %s is not supported: %s" % (path, kind, NEEDED))
    names = ("do_lower_case", "strip_accents", "tokenize_chinese_chars")
    rules = dict(_normalizer(source, tokenizer), **{name: settings[name] for name in names if name in settings})
    lower = rules.get("do_lower_case")
    if lower is None and settings:
        lower = True  # what transformers takes
    accents = rules.get("strip_accents")
    if accents is not None and lower is not None and bool(accents) != bool(lower):
        raise UserError(
            "%s: strip_accents %s with do_lower_case %s is not supported: accents go where case goes"
            % (path, accents, bool(lower))
        )
    for name in ("tokenize_chinese_chars", "do_basic_tokenize"):
        if rules.get(name, settings.get(name, True)) is False:
            raise UserError("%s: %s False is not supported: %s" % (path, name, NEEDED))
    for name, token in SPECIAL.items():
        if _content(settings.get(name, token)) not in (token, None):
            raise UserError("%s: %s %s is not supported: BERT's is %s" % (path, name, _content(settings[name]), token))
    _refuse_added(source, settings, tokenizer)
    return None if lower is None else bool(lower)


def tokens_of(source, vocab_size):
    """The tokens of a folder, one for each id, from vocab.txt or else tokenizer.json; UserError when they do not fit.

    Blank lines at the end do not count.
    """
    path = os.path.join(source, "vocab.txt")
    if os.path.exists(path):
        try:
            vocab = load_vocab(path)
        except UserError as error:
            raise UserError(str(error).rstrip(".")) from None
    else:
        path = os.path.join(source, "tokenizer.json")
        vocab = _vocab_of_json(path)
    tokens = by_id(vocab, vocab_size, path, " and config.json says")
    return [token or "[unused%d]" % index for index, token in enumerate(tokens)] if path.endswith(".json") else tokens


def by_id(vocab, vocab_size, path, said):
    """The tokens of {token: id} in the order of the ids, up to the last that is not blank; "" where there is none.

    UserError for more than `vocab_size` of them; `path` is where they come from, and `said` who tells that size.
    """
    count = max(index for token, index in vocab.items() if token) + 1
    if count > vocab_size:
        raise UserError("%s has %d tokens%s vocab_size %d: the files do not belong together"
                        % (path, count, said, vocab_size))
    tokens = [""] * count
    for token, index in vocab.items():
        if token:
            tokens[index] = token
    return tokens


def write_vocabulary(path, tokens):
    """Writes the vocab.txt that both programs read with the same ids."""
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write("\n".join(tokens) + "\n")


def is_uncased(tokens):
    """Whether a vocabulary has words and no capital letter, so that cased text would become [UNK]."""
    words = [token for token in tokens if token.isalpha()]
    return len(words) >= LEAST_CASED and not any(token != token.lower() for token in words)


def is_uncased_file(path):
    """`is_uncased` of a vocab.txt; UserError where it cannot be read."""
    return is_uncased(load_vocab(path))


def _vocab_of_json(path):
    content = read_json(path)
    try:
        ids = {str(token): int(index) for token, index in content["model"]["vocab"].items()}
        ids.update((token["content"], int(token["id"])) for token in content.get("added_tokens") or ())
        if not ids or min(ids.values()) < 0:
            raise ValueError
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UserError("%s is not the tokenizer of a BERT model" % path) from None
    return ids


def _read_if_there(path):
    return read_json(path) if os.path.exists(path) else {}


def _part(tokenizer, name):
    part = tokenizer.get(name)
    return part if isinstance(part, dict) else {}


def _normalizer(source, tokenizer):
    """What tokenizer.json says of case, accents and ideographs, under the names of tokenizer_config.json."""
    found = _part(tokenizer, "normalizer")
    kind = _part(tokenizer, "model").get("type", "WordPiece")
    if kind != "WordPiece" or found.get("type", "BertNormalizer") != "BertNormalizer":
        other = kind if kind != "WordPiece" else found["type"]
        raise UserError("%s: %s is not supported: %s" % (os.path.join(source, "tokenizer.json"), other, NEEDED))
    names = {"lowercase": "do_lower_case", "strip_accents": "strip_accents",
             "handle_chinese_chars": "tokenize_chinese_chars"}
    return {names[name]: value for name, value in found.items() if name in names and value is not None}


def _refuse_added(source, settings, tokenizer):
    """UserError for tokens that were added to the vocabulary: they are never split, which WordPiece does."""
    listed, decoder = tokenizer.get("added_tokens") or [], settings.get("added_tokens_decoder") or {}
    if not isinstance(listed, list) or not isinstance(decoder, dict):
        raise UserError("%s: the added tokens of its tokenizer are damaged: fetch it again" % source)
    added = [_content(token) for token in listed + list(decoder.values())]
    added += list(_read_if_there(os.path.join(source, "added_tokens.json")))
    others = [token for token in added if token not in SPECIAL.values()]
    if others:
        raise UserError("%s: the added token %s is not supported: %s" % (source, others[0], NEEDED))


def _content(token):
    return token.get("content") if isinstance(token, dict) else token
