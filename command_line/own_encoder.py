"""An encoder of the user's own: one that was converted (ENCODER_DIR), or an export that says what it is (MODEL_DIR).

Flags are given as {flag: value}. Nothing here needs TensorFlow.
"""
import os

from command_line import presets, recipes
from fetch import hf_tokenizer
from learner import configs
from runtime import run_files
from runtime.errors import UserError
from runtime.files import read_json

NAME = "own"  # beside recipes.ENCODERS
CHECKPOINT = "bert_model.ckpt"
HEADS = "minilm-heads"  # the model of an encoder that was not meta-trained
# Settings of an export that decide which weights it has and what they mean; the others are fine-tuning's own.
_MEANING = (
    "output_layers", "label_emb_size", "use_euclidean_norm", "activation_fn", "deep_set_layers",
    "prototypical_baseline", "use_pooled_output", "pooling", "feature_layers", "feature_norm", "min_layer_with_grad",
    "train_word_embeddings", "adapt_layer_norm", "update_only_label_embedding", "rate_sets", "is_meta_sgd",
    "use_exp_lr",
)


def is_named(environment):
    """Whether ENCODER_DIR, or MODEL_DIR alone with an export that says what it is, names an encoder."""
    if environment.get("ENCODER_DIR"):
        return True
    is_other = environment.get("ENCODER") or environment.get("BERT_DIR")
    return not is_other and bool(_export(environment)[1])


def choose(environment):
    """The model of recipes.MODELS whose preset and recipe are used; UserError for one that does not fit."""
    others = [name for name in ("ENCODER", "BERT_DIR") if environment.get(name)]
    if others:
        raise UserError("ENCODER_DIR and %s exclude each other: each names an encoder." % others[0])
    place, described = _export(environment)
    model = environment.get("MODEL") or (_model_of(described) if place else HEADS)
    if model is None:
        raise UserError(
            "MODEL_DIR: %s does not say how it was meta-trained (no %s): name its kind by MODEL."
            % (place, run_files.EXPORT_FILE)
        )
    choices = [name for name, recipe in recipes.MODELS.items() if recipe.meta_trained == bool(place)]
    if model not in choices:
        known = recipes.MODELS.get(model)
        hint = " is meta-trained: name its export by MODEL_DIR, or" if known and known.meta_trained else ""
        raise UserError("MODEL=%s:%s use one of %s with an encoder of your own." % (model, hint, ", ".join(choices)))
    return model


def flags(model, environment):
    """Flags that name encoder, vocabulary and weights, and those of a model's preset that follow from their sizes."""
    place, described = _export(environment)
    folder = environment.get("ENCODER_DIR") or place
    flag = "ENCODER_DIR" if environment.get("ENCODER_DIR") else "MODEL_DIR"
    vocab_file = _file(folder, run_files.VOCAB_FILE, flag)
    preset, sizes = recipes.preset_flags(model), _sizes(folder, flag)
    found = {
        "bert_config_file": os.path.join(folder, run_files.BERT_CONFIG),
        "vocab_file": vocab_file,
        "do_lower_case": hf_tokenizer.is_uncased_file(vocab_file),
        "max_seq_length": min(preset["max_seq_length"], sizes["max_position_embeddings"]),
    }
    if not place:
        _file(folder, CHECKPOINT + ".index", flag)
        return dict(found, init_checkpoint=os.path.join(folder, CHECKPOINT), **_fitted(preset, sizes))
    return dict(found, warm_start_model_dir=place, **_meaning(place, described))


def _meaning(place, described):
    """{flag: value} of _MEANING as an export says it; empty for one that says nothing."""
    settings = described.get("learner") or described.get(configs.SOFTMAX)
    if not settings:
        return {}
    settings = dict({name: "" for name in configs.LATER}, **settings)
    found = {configs.FLAG_NAMES.get(name, name): settings[name] for name in _MEANING if name in settings}
    kinds = presets.kinds()
    for name, value in found.items():
        if not (type(value) is kinds[name] or (kinds[name] is float and type(value) is int)):
            raise UserError(
                "MODEL_DIR: %s is damaged (%s is %.40r)." % (os.path.join(place, run_files.EXPORT_FILE), name, value)
            )
    return found


def _fitted(preset, sizes):
    """A preset's flags about layers and widths as they are in an encoder of other sizes than the small one's."""
    layers, width, found = sizes["num_hidden_layers"], sizes["hidden_size"], {}
    if "min_layer_with_grad" in preset:  # label embeddings alone are adapted
        found["min_layer_with_grad"] = layers
    if preset.get("prototypical_baseline"):  # label embeddings are means of features
        found["label_emb_size"] = width
    if preset.get("feature_layers"):
        weights = [part.split(":")[1] for part in preset["feature_layers"].split(",")]
        places = sorted({max(1, round(2 * layers / 3)), layers})  # where the small encoder's are
        found["feature_layers"] = ",".join("%d:%s" % each for each in zip(places, weights[-len(places) :]))
        found["label_emb_size"] = width * len(places)
    return found


def _model_of(described):
    """The model that is fine-tuned as an export was meta-trained; None where that is not known."""
    if configs.SOFTMAX in described:
        return "mtbert"
    learner = described.get("learner")
    if not learner:
        return None
    if learner.get("prototypical_baseline"):
        return "minilm-smlmt" if learner.get("rate_sets") else "proto"
    return "hybrid-smlmt" if learner.get("warp_layers") else "leopard"


def _export(environment):
    """(folder of the export that MODEL_DIR names, None where it names none; what it says of itself, {} for nothing)."""
    named = environment.get("MODEL_DIR")
    if not named:
        return None, {}
    for folder in (named, os.path.join(named, run_files.MODEL)):
        described = read_json(os.path.join(folder, run_files.EXPORT_FILE))
        if isinstance(described, dict) and all(isinstance(part, dict) for part in described.values()):
            return folder, described
    return named, {}


def _sizes(folder, flag):
    path = _file(folder, run_files.BERT_CONFIG, flag)
    sizes, names = read_json(path), ("hidden_size", "num_hidden_layers", "max_position_embeddings")
    if not isinstance(sizes, dict) or any(type(sizes.get(name)) is not int or sizes[name] < 1 for name in names):
        raise UserError("%s: %s is no BERT config." % (flag, path))
    return sizes


def _file(folder, name, flag):
    """Path of a file; UserError where it is not there."""
    path = os.path.join(folder, name)
    if os.path.isfile(path):
        return path
    if flag == "MODEL_DIR":
        way_out = "put the encoder's there, or name the encoder's folder by ENCODER_DIR"
    elif os.path.exists(os.path.join(folder, "config.json")):
        way_out = "convert the Hugging Face folder (scripts/convert_checkpoint.py --input=%s --output_dir=DIR)" % folder
    else:
        way_out = "name the folder that scripts/convert_checkpoint.py made"
    raise UserError("%s: there is no %s in %s: %s." % (flag, name, folder, way_out))
