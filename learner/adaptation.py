"""Which weights the inner and the outer loop change, and with which learned rate: pure functions over weight names.

Meta-SGD (Li et al. 2017) with one rate per layer (Bansal et al. 2019, section 3.3) and warp layers (Flennerhag et al.
2020; Bansal et al. 2020, section 4).
"""
import collections
import math
import re

from runtime.compat import tf

LABEL_EMBEDDINGS = "label_embs"  # the label embeddings' name among the fast weights
LAYER_MIXTURE = "bert_layer_weights"
PROJECTION = "cls_output_projection"
MIN_RATE, MAX_RATE = 1e-8, 1.0  # clip_lr

_LAYER = re.compile(r"^bert/encoder/layer_(\d+)/")
_LABEL_HEAD = re.compile(r"^label_(weights|bias)_\d+$")
_LABEL_SET = re.compile(r"^label_set_(weights|bias)_\d+$")
_OUTPUT_HEAD = re.compile(r"^output_(weights|bias)_\d+$")


def is_warp(name):
    """Whether an encoder weight belongs to a warp layer: the feed-forward sub-layer with its LayerNorm."""
    layer = _LAYER.match(name)
    return bool(layer) and name[layer.end() :].split("/")[0] in ("intermediate", "output")


def is_adapted(name, config):
    """Whether the inner loop (and fine-tuning) changes the weight of this name; config is a LearnerConfig."""
    if not name.startswith("bert/"):
        return _is_adapted_head(name, config)
    layer = _LAYER.match(name)
    if config.warp_layers and is_warp(name):
        return False
    if not config.warp_layers and config.adapt_layer_norm and "LayerNorm" in name:
        return True
    if layer:
        return int(layer.group(1)) >= config.min_layer_with_grad
    return name.startswith("bert/pooler/") or config.train_word_embeddings


def _is_adapted_head(name, config):
    if name == LABEL_EMBEDDINGS:
        return config.update_only_label_embedding
    if _LABEL_HEAD.match(name) or _LABEL_SET.match(name):
        return not config.update_only_label_embedding
    return bool(_OUTPUT_HEAD.match(name)) or name in (PROJECTION, LAYER_MIXTURE)


def restarts(name):
    """Whether a weight restarts from its initial value at every inner step (golden checklist, section 6).

    Encoder weights and label embeddings accumulate their updates; the task heads do not.
    """
    return not name.startswith("bert/") and name != LABEL_EMBEDDINGS


def has_rate(name):
    """Whether a weight of this name has a learned rate, adapted or not."""
    heads = (_LABEL_HEAD, _LABEL_SET, _OUTPUT_HEAD)
    others = (LABEL_EMBEDDINGS, LAYER_MIXTURE, PROJECTION)
    return name.startswith("bert/") or name in others or any(head.match(name) for head in heads)


def rate_name(name, rate_set):
    """Name of the variable that holds the learned rate of a weight in one set of rates."""
    layer = _LAYER.match(name)
    if layer:
        return "layer_%s/sgd%d/learning_rate" % (layer.group(1), rate_set)
    if name.startswith("bert/embeddings/"):
        group = "word_embedding_lr"
    elif name.startswith("bert/pooler/"):
        group = "pooler_lr"
    elif name == LABEL_EMBEDDINGS:
        group = "label_embs/learning_rate"
    elif name == LAYER_MIXTURE:
        group = "bert_layer_weights"
    elif name == PROJECTION:
        group = "bert_proj_weight"
    else:
        index = name.rsplit("_", 1)[1]
        kind = "label/set" if _LABEL_SET.match(name) else name.split("_", 1)[0]
        group = "%s/layer%s/learning_rate" % (kind, index)
    return "sgd%d/%s" % (rate_set, group)


def is_fixed_rate(name, config):
    """Whether the rate of this weight is the constant 0: the output MLP is a warp layer too."""
    return config.warp_layers and bool(_OUTPUT_HEAD.match(name))


def create_rates(weight_names, config):
    """Makes the rates' variables for every set; returns {name: variable}, all scalars.

    A rate exists for every group of weights, adapted or not; only label embeddings have theirs just where they are
    adapted. With use_exp_lr a variable holds the logarithm of its rate.
    """
    initial = math.log(config.train_lr) if config.use_exp_lr else config.train_lr
    names = [name for name in weight_names if name != LABEL_EMBEDDINGS or config.update_only_label_embedding]
    rates = collections.OrderedDict()
    for rate_set in range(config.rate_sets):
        for name in names:
            rate = rate_name(name, rate_set)
            if rate in rates:
                continue
            fixed = is_fixed_rate(name, config)
            rates[rate] = tf.get_variable(
                rate,
                [],
                initializer=tf.constant_initializer(0.0 if fixed else initial),
                trainable=config.is_meta_sgd and not fixed,
            )
    return rates


def rate_stack(name, rates, config, sets):
    """The rates of one weight in the given sets, [sets]; differentiable with respect to the rates' variables."""
    if is_fixed_rate(name, config):
        return tf.zeros([len(sets)])
    stack = tf.stack([rates[rate_name(name, rate_set)] for rate_set in sets])
    return tf.exp(stack) if config.use_exp_lr else stack


def is_rate(variable_name):
    """Whether a variable holds a learned rate (and is clipped by clip_lr)."""
    return re.match(r"^(layer_\d+/)?sgd\d+/", variable_name) is not None


def rate_bounds(names, config):
    """{name: (low, high)} of the rates' variables among the names: where clip_lr keeps them, or their logarithms."""
    if not config.clip_lr:
        return {}
    bounds = (math.log(MIN_RATE), math.log(MAX_RATE)) if config.use_exp_lr else (MIN_RATE, MAX_RATE)
    return {name: bounds for name in names if is_rate(name)}


def is_fixed(name, config):
    """Whether the outer loop leaves a variable as it is: with fix_bert all whose names start with `bert`.

    The layer mixture is one of them (golden checklist, section 9); config is a LearnerConfig or SoftmaxConfig.
    """
    return config.fix_bert and name.startswith("bert")
