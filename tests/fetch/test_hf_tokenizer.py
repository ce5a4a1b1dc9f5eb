"""What a Hugging Face folder says of its tokenizer and its weights: kept, or refused by name."""
import json
import os

import numpy as np
import pytest
from file_server import failure
from hugging_face_folder import BERT, VOCAB, random_weights, tensors, write_source
from safetensors.numpy import save_file

from fetch import hf_checkpoint, hf_tokenizer

WORDS = "".join("%s\n" % (chr(97 + first) + chr(97 + second)) for first in range(5) for second in range(5))


def folder_of(tmp_path, **files):
    source = tmp_path / "source"
    write_source(source)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (source / name.replace("__", ".")).write_bytes(text.encode("utf-8"))
    return str(source)


def word_piece(**normalizer):
    vocab = {token: index for index, token in enumerate(VOCAB.split())}
    return {"model": {"type": "WordPiece", "vocab": vocab}, "normalizer": dict(normalizer, type="BertNormalizer")}


@pytest.mark.parametrize(
    "files, words",
    [
        ({"tokenizer_config__json": {"do_lower_case": True, "strip_accents": False}}, "strip_accents False"),
        ({"tokenizer_config__json": {"do_lower_case": False, "strip_accents": True}}, "strip_accents True"),
        ({"tokenizer_config__json": {"strip_accents": False}}, "strip_accents False with do_lower_case True"),
        ({"tokenizer_config__json": {"tokenize_chinese_chars": False}}, "tokenize_chinese_chars False"),
        ({"tokenizer_config__json": {"do_basic_tokenize": False}}, "do_basic_tokenize False"),
        ({"tokenizer_config__json": {"tokenizer_class": "RobertaTokenizer"}}, "tokenizer_class RobertaTokenizer"),
        ({"tokenizer_config__json": {"unk_token": "<unk>"}}, "unk_token <unk>"),
        ({"tokenizer_config__json": {"cls_token": {"content": "<s>"}}}, "cls_token <s>"),
        ({"tokenizer_config__json": {"added_tokens_decoder": {"7": {"content": "<user>"}}}}, "added token <user>"),
        ({"added_tokens__json": {"<user>": 5}}, "added token <user>"),
        ({"tokenizer__json": word_piece(lowercase=True, strip_accents=False)}, "strip_accents False"),
        ({"tokenizer__json": word_piece(handle_chinese_chars=False)}, "tokenize_chinese_chars False"),
        ({"tokenizer__json": {"model": {"type": "BPE"}}}, "BPE is not supported"),
        ({"tokenizer__json": {"normalizer": {"type": "Sequence"}}}, "Sequence is not supported"),
        ({"tokenizer__json": dict(word_piece(), added_tokens=[{"content": "<x>", "id": 9}])}, "added token <x>"),
        ({"tokenizer_config__json": "[" * 100000}, "is not JSON"),
        ({"vocab__txt": ""}, "is empty"),
        ({"vocab__txt": "\n\n\n"}, "is empty"),
        ({"vocab__txt": VOCAB.replace("[UNK]", "<unk>")}, r"lacks [UNK]"),
        ({"vocab__txt": VOCAB + "a\nb\nc\nd\ne\nf\ng\n"}, "has 12 tokens and config.json says vocab_size 11"),
    ],
)
def test_tokenizers_that_are_refused(tmp_path, files, words):
    source = folder_of(tmp_path, **files)
    (tmp_path / "made").mkdir()
    assert words in failure(hf_checkpoint.to_tensorflow, source, str(tmp_path / "made"))
    assert os.listdir(str(tmp_path / "made")) == []


@pytest.mark.parametrize(
    "files, lower",
    [
        ({}, None),
        ({"tokenizer_config__json": {}}, None),
        ({"tokenizer_config__json": {"model_max_length": 8}}, True),  # as transformers takes it
        ({"tokenizer_config__json": {"do_lower_case": False, "tokenizer_class": "BertTokenizerFast"}}, False),
        ({"tokenizer_config__json": {"do_lower_case": True, "strip_accents": True}}, True),
        ({"tokenizer_config__json": {"do_lower_case": False, "strip_accents": None}}, False),
        ({"tokenizer__json": word_piece(lowercase=False)}, False),
        ({"tokenizer__json": word_piece(lowercase=True),
          "tokenizer_config__json": {"tokenizer_class": "PreTrainedTokenizerFast"}}, True),
    ],
)
def test_case(tmp_path, files, lower):
    assert hf_tokenizer.lowers_case(folder_of(tmp_path, **files)) is lower


@pytest.mark.parametrize(
    "text", ["\ufeff" + VOCAB, VOCAB + "\n\n  \n" * 5, VOCAB.replace("\n", "  \r\n"), VOCAB.rstrip("\n")]
)
def test_vocabularies_are_written_as_they_are_read(tmp_path, text):
    source = folder_of(tmp_path, vocab__txt=text)
    (tmp_path / "made").mkdir()
    hf_checkpoint.to_tensorflow(source, str(tmp_path / "made"))
    assert (tmp_path / "made" / "vocab.txt").read_text() == VOCAB
    (tmp_path / "back").mkdir()
    (tmp_path / "words").write_bytes(text.encode("utf-8"))
    hf_checkpoint.to_hugging_face(
        str(tmp_path / "made" / hf_checkpoint.CHECKPOINT), BERT, str(tmp_path / "words"), str(tmp_path / "back")
    )
    assert (tmp_path / "back" / "vocab.txt").read_text() == VOCAB


def test_the_way_back_refuses_what_transformers_would_read_otherwise(tmp_path):
    prefix = str(tmp_path / "bert.ckpt")
    hf_checkpoint.save_checkpoint(prefix, random_weights())
    (tmp_path / "back").mkdir()
    for text, words in ((VOCAB + "a\nb\nc\nd\ne\nf\ng\n", "has 12 tokens"), ("", "is empty")):
        (tmp_path / "words").write_text(text)
        places = str(tmp_path / "words"), str(tmp_path / "back")
        assert words in failure(hf_checkpoint.to_hugging_face, prefix, BERT, *places)
    assert hf_tokenizer.is_uncased((VOCAB + WORDS).split()) and not hf_tokenizer.is_uncased((WORDS + "Ab").split())
    assert not hf_tokenizer.is_uncased(VOCAB.split())


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda value: np.round(value).astype(np.int8), "of type int8, no floats"),
        (lambda value: value > 0, "of type bool, no floats"),
        (lambda value: value * np.float32("nan"), "NaN or infinite"),
        (lambda value: value + np.float32("inf"), "NaN or infinite"),
    ],
)
def test_weights_that_are_refused(tmp_path, change, words):
    name = "encoder.layer.0.output.dense.weight"
    found = tensors()
    found[name] = change(found[name])
    source = write_source(tmp_path / "source", found)
    (tmp_path / "made").mkdir()
    message = failure(hf_checkpoint.to_tensorflow, source, str(tmp_path / "made"))
    assert words in message and name in message


def test_a_tensor_that_is_there_twice(tmp_path):
    name = "encoder.layer.0.output.dense.weight"
    source = write_source(tmp_path / "source", tensors(**{"bert." + name: tensors()[name]}))
    assert name + " twice" in failure(hf_checkpoint.to_tensorflow, source, str(tmp_path))


def test_weights_in_parts(tmp_path):
    source = tmp_path / "source"
    write_source(source)
    (source / "model.safetensors").unlink()
    found = tensors()
    names = sorted(found)
    parts = {"model-1.safetensors": names[::2], "model-2.safetensors": names[1::2]}
    for part, held in parts.items():
        save_file({name: found[name] for name in held}, str(source / part))
    index = {"weight_map": {name: part for part, held in parts.items() for name in held}}
    (source / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / "made").mkdir()
    assert not hf_checkpoint.to_tensorflow(str(source), str(tmp_path / "made"))
    weights, _ = hf_checkpoint.read_checkpoint(str(tmp_path / "made" / hf_checkpoint.CHECKPOINT), BERT)
    for name, value in random_weights().items():
        np.testing.assert_array_equal(weights[name], value)
    (source / "model-2.safetensors").unlink()
    assert "model-2.safetensors is missing" in failure(hf_checkpoint.to_tensorflow, str(source), str(tmp_path))
    (source / "model-2.safetensors").mkdir()
    assert "model-2.safetensors cannot be read" in failure(hf_checkpoint.to_tensorflow, str(source), str(tmp_path))
