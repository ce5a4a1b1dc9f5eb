"""The learned rates of meta-trained models, by layer."""
import os
import re
from typing import Dict, List, Mapping, NamedTuple, Tuple

from runs.tables.layout import Results
from runtime.errors import UserError

BEFORE = ("embeddings",)  # in the order of the network, before and after the encoder's layers
AFTER = ("pooler", "layer mixture", "projection", "output MLP", "label MLP", "label embeddings")
_GROUPS = (
    (r"sgd(\d+)/word_embedding_lr$", "embeddings"),
    (r"sgd(\d+)/pooler_lr$", "pooler"),
    (r"sgd(\d+)/bert_layer_weights$", "layer mixture"),
    (r"sgd(\d+)/bert_proj_weight$", "projection"),
    (r"sgd(\d+)/output/layer\d+/learning_rate$", "output MLP"),
    (r"sgd(\d+)/label/(?:set/)?layer\d+/learning_rate$", "label MLP"),
    (r"sgd(\d+)/label_embs/learning_rate$", "label embeddings"),
)


class Rate(NamedTuple):
    """One learned rate."""

    model: str
    rate_set: int
    layer: str  # "embeddings", "layer 0", ..., "pooler", "output MLP", ...
    variable: str
    rate: float


def learned_rates(results: Results) -> Tuple[List[Rate], List[str]]:
    """The rates that all models make use of whose runs were started from an exported model that is still there.

    Returns:
      The rates, and a note on each model that is there but cannot be read.
    """
    rates, notes = [], []
    for model in results.models:
        runs = [run for run in results.runs if run.model == model]
        started = [run for run in runs if run.warm_start_model_dir and os.path.isdir(run.warm_start_model_dir)]
        try:
            found = used_rates(started[0].warm_start_model_dir, started[0].learner) if started else {}
        except UserError as error:
            notes.append("The rates of %s are left out. %s" % (model, error))
            continue
        rates += [Rate(model, *place, name, value) for place, name, value in _placed(found)]
    return rates, notes


def used_rates(model_dir: str, settings: Mapping[str, object]) -> Dict[str, float]:
    """{variable: rate} as exported.used_rates gives them, of the variables that have a place."""
    from runs.tables import exported  # here, for it brings TensorFlow, which the tables do without

    return {name: rate for name, rate in exported.used_rates(model_dir, settings).items() if place(name)}


def place(variable: str):
    """(set of rates, layer) of a rate's variable, or None for another variable (see adaptation.rate_name)."""
    layer = re.match(r"layer_(\d+)/sgd(\d+)/learning_rate$", variable)
    if layer:
        return int(layer.group(2)), "layer %s" % layer.group(1)
    for pattern, name in _GROUPS:
        match = re.match(pattern, variable)
        if match:
            return int(match.group(1)), name
    return None


def in_network_order(layers) -> List[str]:
    """Names of layers without repetition, from the embeddings up."""
    def rank(layer):
        number = re.match(r"layer (\d+)$", layer)
        if number:
            return len(BEFORE) + int(number.group(1))
        return BEFORE.index(layer) if layer in BEFORE else 10**6 + AFTER.index(layer)

    return sorted(set(layers), key=rank)


def _placed(given):
    """(place, variable, rate) of {variable: rate}, in the order of the network."""
    found = [(place(name), name, value) for name, value in given.items()]
    order = in_network_order(where[1] for where, _, _ in found)
    return sorted(found, key=lambda each: (each[0][0], order.index(each[0][1]), each[1]))
