"""BERT encoders from Hugging Face folders to TensorFlow checkpoints, and back.

Hugging Face: ``config.json``, ``model.safetensors``, ``vocab.txt`` (or ``tokenizer.json``); TensorFlow:
``bert_config.json``, ``bert_model.ckpt.*``, ``vocab.txt``. Weights keep every bit, but for their type, which becomes
float32. Kernels are [out, in] there and [in, out] here, and "gelu" is the erf form there and the tanh form here.
"""
import errno
import os
import re

import numpy as np

import modeling
from fetch import hf_tokenizer
from runtime import checkpoints, kernels
from runtime.compat import tf
from runtime.errors import UserError, listed, reason
from runtime.files import write_json
from runtime.installation import setup
from tokenization import load_vocab

CHECKPOINT = "bert_model.ckpt"
TENSORFLOW_FILES = ("bert_config.json", "vocab.txt", CHECKPOINT + ".index", CHECKPOINT + ".data-00000-of-00001")
HUGGING_FACE_FILES = ("config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors")

# {Hugging Face's name: BERT's}; the first of those with one meaning is what is written.
ACTIVATIONS = {
    "gelu": "gelu_erf", "gelu_new": "gelu", "gelu_pytorch_tanh": "gelu", "relu": "relu", "tanh": "tanh",
    "linear": "linear",
}
CONFIG_KEYS = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_dropout_prob",
    "attention_probs_dropout_prob", "max_position_embeddings", "type_vocab_size", "initializer_range",
)
# What the encoder computes, whatever config.json says: other values cannot be converted.
FIXED = {
    "model_type": "bert",
    "layer_norm_eps": kernels.LAYER_NORM_EPSILON,
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
}
BUFFERS = ("embeddings.position_ids", "embeddings.token_type_ids")  # in the files, but no weights
POOLER = "bert/pooler/dense"
LISTED = 3  # names that a message spells out


# --- configuration ---------------------------------------------------------------------------------------------------
def bert_config(config):
    """BERT's configuration from Hugging Face's, both as dicts; UserError for what the encoder cannot compute."""
    for key, value in FIXED.items():
        if config.get(key, value) != value:
            raise UserError("%s %s in config.json is not supported: the encoder has %s" % (key, config[key], value))
    activation = config.get("hidden_act")
    if activation not in ACTIVATIONS:
        raise UserError("hidden_act %s in config.json is not supported: use one of %s"
                        % (activation, ", ".join(sorted(ACTIVATIONS))))
    lacking = [key for key in CONFIG_KEYS if key not in config]
    if lacking:
        raise UserError("config.json lacks %s: use the config.json of a BertModel" % ", ".join(lacking))
    return dict({key: config[key] for key in CONFIG_KEYS}, hidden_act=ACTIVATIONS[activation])


def hugging_face_config(config, pad_id=0):
    """Hugging Face's configuration for a modeling.BertConfig."""
    activation = next(name for name, meaning in ACTIVATIONS.items() if meaning == config.hidden_act)
    return dict(
        {key: getattr(config, key) for key in CONFIG_KEYS},
        architectures=["BertModel"], hidden_act=activation, pad_token_id=pad_id, **FIXED
    )


# --- weights ---------------------------------------------------------------------------------------------------------
def hugging_face_name(name):
    """Hugging Face's tensor name for a variable ``name`` of modeling.variable_shapes."""
    name = re.sub(r"layer_(\d+)", r"layer.\1", name[len("bert/"):].replace("/", "."))
    name = re.sub(r"\.(kernel|gamma)$", ".weight", name)
    name = re.sub(r"\.beta$", ".bias", name)
    return re.sub(r"_embeddings$", "_embeddings.weight", name)


def _plain_name(name):
    """A tensor name as BertModel has it: without ``bert.``, and new names where old files have TensorFlow's."""
    name = re.sub(r"^bert\.", "", name)
    return re.sub(r"LayerNorm\.beta$", "LayerNorm.bias", re.sub(r"LayerNorm\.gamma$", "LayerNorm.weight", name))


def bert_weights(tensors, config, source="model.safetensors"):
    """Hugging Face's tensors under BERT's names, as float32.

    Args:
      tensors: {name: array}, names with or without ``bert.``.
      config: modeling.BertConfig.
      source: what errors call the tensors.

    Returns:
      ({name: array} as in modeling.variable_shapes, names of tensors left out: those of heads). A model without a
      pooler (one for masked language modelling) gets one that passes [CLS] on through its tanh.

    Raises:
      UserError: weights are missing, have other shapes, or belong to an encoder of another kind.
    """
    shapes = modeling.variable_shapes(config)
    names = {hugging_face_name(name): name for name in shapes}
    weights, left_out, unknown = {}, [], []
    for name, value in tensors.items():
        plain = _plain_name(name)
        if plain in names:
            if names[plain] in weights:
                raise UserError("%s holds %s twice, with and without bert.: keep one" % (source, plain))
            if np.asarray(value).dtype.kind != "f":
                raise UserError("%s: %s is of type %s, no floats: save the model without quantization"
                                % (source, name, np.asarray(value).dtype))
            if not np.all(np.isfinite(value)):
                raise UserError("%s: %s holds NaN or infinite numbers" % (source, name))
            value = np.asarray(value, np.float32)
            weights[names[plain]] = value.T if names[plain].endswith("/kernel") else value
        elif plain.startswith(("embeddings.", "encoder.", "pooler.")):
            unknown += [name] if plain not in BUFFERS else []
        else:
            left_out.append(name)
    if not weights:
        raise UserError("%s holds no BERT encoder (but %s)" % (source, listed(left_out, LISTED) or "nothing"))
    if unknown:
        raise UserError("%s holds %s, which a BERT encoder of config.json's sizes does not have"
                        % (source, listed(unknown, LISTED)))
    if not any(name.startswith(POOLER) for name in weights):
        weights[POOLER + "/kernel"] = np.eye(config.hidden_size, dtype=np.float32)
        weights[POOLER + "/bias"] = np.zeros(config.hidden_size, np.float32)
    _check_shapes({name: list(value.shape) for name, value in weights.items()}, shapes, source)
    return weights, sorted(left_out)


def hugging_face_tensors(weights):
    """BERT's weights {name: array} under Hugging Face's names."""
    return {
        hugging_face_name(name): np.ascontiguousarray(value.T if name.endswith("/kernel") else value, np.float32)
        for name, value in weights.items()
    }


def read_checkpoint(prefix, config):
    """The encoder's weights of a TensorFlow checkpoint.

    Returns:
      ({name: array} as in modeling.variable_shapes, names of variables left out: heads, rates, an optimiser's).

    Raises:
      UserError: the checkpoint cannot be read, weights are missing or have other shapes.
    """
    found = checkpoints.checkpoint_shapes(prefix, "--input")
    shapes = modeling.variable_shapes(config)
    _check_shapes(found, shapes, prefix)
    try:
        reader = checkpoints.open_reader(prefix)
        return {name: reader.get_tensor(name) for name in shapes}, sorted(set(found) - set(shapes))
    except checkpoints.UNREADABLE as error:
        raise UserError("%s cannot be read (%s): fetch or copy it again" % (prefix, reason(error))) from None


def save_checkpoint(prefix, weights):
    """Writes {name: array} as the TensorFlow checkpoint ``prefix``, with nothing but these variables in it.

    Raises OSError where it cannot be written.
    """
    names = sorted(weights)
    with tf.Graph().as_default(), tf.Session(config=tf.ConfigProto(device_count={"GPU": 0})) as session:
        feeds = [tf.placeholder(weights[name].dtype, weights[name].shape) for name in names]
        save = tf.raw_ops.SaveV2(prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names), tensors=feeds)
        try:
            session.run(save, dict(zip(feeds, (weights[name] for name in names))))
        except tf.errors.OpError as error:
            raise OSError(errno.EIO, reason(error), prefix) from None


def _check_shapes(found, shapes, source):
    """UserError unless ``found`` {name: shape} has every one of ``shapes``."""
    missing = [name for name in shapes if name not in found]
    if missing:
        raise UserError("%s lacks %s, which an encoder of the config's sizes has" % (source, listed(missing, LISTED)))
    for name, shape in shapes.items():
        if list(found[name]) != shape:
            raise UserError("%s has %s of shape %s and the config says %s: the files do not belong together"
                            % (source, name, list(found[name]), shape))


# --- folders ---------------------------------------------------------------------------------------------------------
def _safetensors():
    try:
        import safetensors.numpy
    except ImportError as error:
        raise UserError("the package safetensors is missing: %s." % setup()) from error
    return safetensors


def _read_tensors(source):
    """(path for errors, {name: array}) of a folder's model.safetensors, or of the parts that its index names."""
    safetensors = _safetensors()
    path = os.path.join(source, "model.safetensors")
    index, paths, tensors = path + ".index.json", [path], {}
    if not os.path.exists(path) and os.path.exists(index):
        parts = hf_tokenizer.read_json(index).get("weight_map")
        if not isinstance(parts, dict) or not parts or not all(isinstance(name, str) for name in parts.values()):
            raise UserError("%s names no files: fetch it again" % index)
        paths = [os.path.join(source, os.path.basename(name)) for name in sorted(set(parts.values()))]
    for path in paths:
        try:
            with open(path, "rb"):  # for the system's own words
                tensors.update(safetensors.numpy.load_file(path))
        except FileNotFoundError:
            raise UserError("%s is missing: save the model with save_pretrained, which writes it" % path) from None
        except OSError as error:
            raise UserError("%s cannot be read (%s)" % (path, error.strerror or error)) from None
        except safetensors.SafetensorError as error:
            raise UserError("%s is not a safetensors file (%s): fetch it again" % (path, error)) from error
        except (KeyError, TypeError) as error:  # bfloat16, which numpy does not have
            fault = "%s has numbers of a type that numpy lacks (%s): save it as float32" % (path, error)
            raise UserError(fault) from None
    return paths[0] if len(paths) == 1 else index, tensors


def to_tensorflow(source, folder):
    """Converts a Hugging Face BERT folder.

    Args:
      source: the folder to read.
      folder: existing folder that receives TENSORFLOW_FILES.

    Returns:
      Lines about what the user should know.

    Raises:
      UserError: when it is no BERT encoder, or its parts do not belong together.
    """
    values = bert_config(hf_tokenizer.read_json(os.path.join(source, "config.json")))
    config = modeling.BertConfig.from_dict(values)
    path, tensors = _read_tensors(source)
    weights, left_out = bert_weights(tensors, config, path)
    lower, tokens = hf_tokenizer.lowers_case(source), hf_tokenizer.tokens_of(source, config.vocab_size)
    save_checkpoint(os.path.join(folder, CHECKPOINT), weights)
    write_json(os.path.join(folder, "bert_config.json"), values)
    hf_tokenizer.write_vocabulary(os.path.join(folder, "vocab.txt"), tokens)
    notes = _left_out(left_out, "tensors")
    if not any(_plain_name(name).startswith("pooler.") for name in tensors):
        notes.append("no pooler in the model: the pooled output is the tanh of [CLS]")
    if lower is not None:
        kind = "uncased" if lower else "cased"
        notes.append("the vocabulary is %s: use --do_lower_case=%s" % (kind, str(bool(lower)).lower()))
    return notes


def to_hugging_face(prefix, config, vocab_file, folder, do_lower_case=False):
    """Converts a TensorFlow checkpoint that holds a BERT encoder.

    Args:
      prefix: the checkpoint, also one of a fine-tuned model or the variables of an exported one.
      config: modeling.BertConfig.
      vocab_file: its vocab.txt.
      folder: existing folder that receives HUGGING_FACE_FILES.
      do_lower_case: whether the vocabulary is uncased.

    Returns, Raises:
      as to_tensorflow.
    """
    safetensors = _safetensors()
    vocab = load_vocab(vocab_file)
    tokens = hf_tokenizer.by_id(vocab, config.vocab_size, vocab_file, ", but the BERT config has")
    if not do_lower_case and hf_tokenizer.is_uncased(tokens):
        raise UserError("%s has no capital letters: give --do_lower_case, else most words become [UNK]" % vocab_file)
    weights, left_out = read_checkpoint(prefix, config)
    path = os.path.join(folder, "model.safetensors")
    safetensors.numpy.save_file(hugging_face_tensors(weights), path, metadata={"format": "pt"})
    write_json(os.path.join(folder, "config.json"), hugging_face_config(config, vocab["[PAD]"]))
    settings = {
        "do_lower_case": bool(do_lower_case),
        "model_max_length": config.max_position_embeddings,
        "tokenizer_class": "BertTokenizer",
    }
    write_json(os.path.join(folder, "tokenizer_config.json"), settings)
    hf_tokenizer.write_vocabulary(os.path.join(folder, "vocab.txt"), tokens)
    return _left_out(left_out, "variables")


def _left_out(names, what):
    if not names:
        return []
    return ["left out %d %s that are not of the encoder: %s" % (len(names), what, listed(names, LISTED))]
