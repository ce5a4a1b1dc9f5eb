"""How each model is fine-tuned: its flags, its batch sizes and epochs by k, and the weights it starts from."""
import os
import sys
from typing import Dict, List, NamedTuple, Optional, Tuple

from command_line import presets
from runtime.errors import UserError
from runtime.paths import MODELS as MODELS_DIR
from runtime.paths import PRESETS

ENCODERS = ("bert", "minilm")


class Recipe(NamedTuple):
    """One model's."""

    preset: str  # its flags are in presets/PRESET_finetune.flags
    by_k: Dict[int, Tuple[int, int]]  # {examples a class: (epochs per class, rows per class in a batch)}
    meta_trained: bool = True  # starts from an exported model; else from the encoder's own checkpoint
    released: Optional[str] = None  # what fetch/catalogue.py calls that model, where it can be fetched
    most_epochs: int = sys.maxsize
    most_epochs_of_many: Optional[int] = None  # in the place of most_epochs, from the largest k on
    encoder: Optional[str] = None  # the only one it is for
    label_names: bool = False  # own texts' labels are told to it (--label_names=auto)
    calibrate: bool = False  # own texts' probabilities are calibrated (--calibrate)
    shipped: Optional[str] = None  # folder of the model in this repository, which fetch/shipped.py makes whole


SMLMT = {4: (150, 4), 8: (175, 8), 16: (200, 4), 32: (100, 8)}  # published
LEOPARD = {4: (150, 2), 8: (200, 2), 16: (200, 4), 32: (50, 2)}  # published
MINILM = {4: (20, 4), 8: (15, 4), 16: (10, 4), 32: (5, 4)}
BERT_MINILM = {k: (25, 4) for k in (4, 8, 16, 32)}
MINILM_HEADS = {4: (5, 4), 8: (5, 8), 16: (10, 16), 32: (100, 32)}  # all rows at each step

HYBRID = Recipe("hybrid_smlmt", SMLMT, released="hybrid-smlmt")

MODELS = {
    "hybrid": HYBRID,  # short for the next
    "hybrid-smlmt": HYBRID,
    "smlmt": Recipe("smlmt", SMLMT, released="smlmt"),
    "leopard": Recipe("leopard", LEOPARD, released="leopard-model"),
    # the baselines, with the recipe of LEOPARD
    "proto": Recipe("proto", LEOPARD),
    "bert": Recipe("bert", LEOPARD, meta_trained=False),
    "mtbert": Recipe("mtbert", LEOPARD),
    "mtbert_softmax": Recipe("mtbert_softmax", LEOPARD),
    # few steps suffice where label embeddings start as class means
    "minilm-smlmt": Recipe(
        "minilm_heads",
        MINILM_HEADS,
        most_epochs=40,
        most_epochs_of_many=200,
        encoder="minilm",
        label_names=True,
        calibrate=True,
        shipped=os.path.join(MODELS_DIR, "minilm-smlmt"),
    ),
    "minilm-heads": Recipe(
        "minilm_heads", MINILM_HEADS, meta_trained=False, most_epochs=40, most_epochs_of_many=200, encoder="minilm",
        label_names=True, calibrate=True,
    ),
    "minilm": Recipe("minilm", MINILM, meta_trained=False, most_epochs=60, encoder="minilm"),
    "bert-minilm": Recipe("bert_minilm", BERT_MINILM, meta_trained=False, most_epochs=50, encoder="minilm"),
}


def models_for(encoder: str) -> List[str]:
    """Names of the models that are made for an encoder; those for any encoder are BERT's."""
    return [name for name, recipe in MODELS.items() if (recipe.encoder or "bert") == encoder]


def preset(model: str) -> str:
    """Path of a model's fine-tuning flags; UserError when there are none."""
    path = os.path.join(PRESETS, MODELS[model].preset + "_finetune.flags")
    if not os.path.exists(path):
        raise UserError("Model %s: its flags, %s, are missing." % (model, path))
    return path


def preset_flags(model: str) -> Dict[str, object]:
    """A model's fine-tuning flags as {flag: value}; UserError for a file that is missing or holds something else."""
    return presets.read(preset(model))


def schedule_flags(model: str, k: int, num_labels: int) -> Dict[str, int]:
    """Batch size and epochs of the recipe for k examples a class, as {flag: value}."""
    recipe = MODELS[model]
    if k not in recipe.by_k:
        raise UserError("k=%d: the recipes are for %s examples a class." % (k, ", ".join(map(str, recipe.by_k))))
    return schedule_of(_epochs(recipe, k, num_labels), recipe.by_k[k][1] * num_labels)


def _epochs(recipe, k, num_labels):
    """Epochs of a recipe at one of its k."""
    most = recipe.most_epochs_of_many if k == max(recipe.by_k) else None
    return min(recipe.by_k[k][0] * num_labels, most or recipe.most_epochs)


def schedule_of(epochs: int, batch: int) -> Dict[str, int]:
    """{flag: value}: the schedule of the rates counts by --eval_batch_size, so both batches have one size."""
    return {"num_train_epochs": epochs, "train_batch_size": batch, "eval_batch_size": batch}


MOST_ROWS = 1024  # of a batch: of more the tensors of a pass would not fit a common memory
LEAST_EPOCHS = 3  # of many rows


def schedule(model: str, rows: int, num_labels: int) -> Tuple[int, int]:
    """(epochs, rows of a batch) for a task of any size: the recipe of the next smaller k than its rows per class.

    Beyond the largest k the number of steps stays, until the epochs would be fewer than LEAST_EPOCHS. A batch has
    MOST_ROWS at most, of however many classes.
    """
    recipe = MODELS[model]
    per_class = rows / num_labels
    k = max([k for k in recipe.by_k if k <= per_class] or [min(recipe.by_k)])
    epochs = _epochs(recipe, k, num_labels)
    if k == max(recipe.by_k):
        epochs = max(epochs * k / per_class, LEAST_EPOCHS)
    return int(round(epochs)), min(recipe.by_k[k][1] * num_labels, MOST_ROWS)
