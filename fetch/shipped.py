"""A model of this repository made whole: it is kept small, in 16-bit floats and without what its encoder brings."""
import os

import numpy as np

from fetch.hf_checkpoint import CHECKPOINT
from runtime import checkpoints
from runtime.claims import alone_in
from runtime.errors import UserError
from runtime.files import file_sha256, read_json, write_json

SOURCES = "made_from.json"  # `sources_of`, in the folder that is made


def ensure_whole(model, encoder):
    """Folder with an exported model, as --warm_start_model_dir takes it.

    Args:
      model: folder of an exported model, which may lack variables of the encoder (the word table, which is most of it,
        where meta-training left it as it was).
      encoder: folder of the BERT checkpoint that it was meta-trained from.

    Returns:
      A folder beside the encoder's, with the name of the model's: float32, and complete. It is made where it is not
      there, or was made from other weights.

    Raises:
      UserError: something cannot be read or written, or the two do not fit.
    """
    folder = os.path.join(os.path.dirname(os.path.abspath(encoder)), os.path.basename(os.path.abspath(model)))
    made_from, sources = os.path.join(folder, SOURCES), sources_of(model, encoder)
    if read_json(made_from) == sources:
        return folder
    with alone_in(os.path.dirname(folder)):
        if read_json(made_from) != sources:  # no other process made it meanwhile
            weights = _whole(checkpoints.exported_variables(model), os.path.join(encoder, CHECKPOINT))
            checkpoints.export(weights, folder, checkpoints.described_by(encoder))
            write_json(made_from, sources)
    return folder


def sources_of(model, encoder):
    """What a model is made whole from: checksums of the indexes of both checkpoints, which hold one of each tensor."""
    prefixes = checkpoints.exported_variables(model), os.path.join(encoder, CHECKPOINT)
    return [file_sha256(prefix + ".index") for prefix in prefixes]


def _whole(model, encoder):
    """{name: array} of two checkpoints, the model's first."""
    given = checkpoints.read(model, "--warm_start_model_dir")
    found = {name: value for name, value in checkpoints.read(encoder, "--init_checkpoint").items()
             if checkpoints.is_encoder(name)}
    for name, value in given.items():
        if name in found and found[name].shape != value.shape:
            raise UserError("%s has %s as %s, %s as %s: it is for another encoder."
                            % (model, name, list(value.shape), encoder, list(found[name].shape)))
        found[name] = value.astype(np.float32) if value.dtype == np.float16 else value
    return found
