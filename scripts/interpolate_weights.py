#!/usr/bin/env python3
"""Puts weights on the line between two sets: each becomes (1 - WEIGHT) times that of --start plus WEIGHT times --end.

  scripts/interpolate_weights.py --start=data/downloads/minilm/bert_model.ckpt --end=output/meta/model --weight=0.5 \\
      --output_dir=output/half

Meta-training takes an encoder away from what it knew; between the weights before and after it most of both may be found
(Wortsman et al. 2022, arXiv 2109.01903). --start and --end are a folder of an exported model or the prefix of a
checkpoint. What only --end has (heads and learned rates, where --start is an encoder) stays as it is there; what only
--start has, and variables of the optimiser, stay behind. The output folder is taken as --warm_start_model_dir.
Exit code 2: a mistake.
"""
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from runtime.arguments import Parser
from runtime.errors import UserError, exit_code


def weights_of(path, flag):
    """{name: array} of an exported model's folder or a checkpoint's prefix, without an optimiser's variables."""
    from optimization import SLOT  # here, for both bring TensorFlow, which --help does without
    from runtime import checkpoints  # here, as SLOT

    prefix = checkpoints.exported_variables(path, flag) if os.path.isdir(path) else path
    found = checkpoints.read(prefix, flag)
    return {name: value for name, value in found.items() if "/" + SLOT not in name and name != "global_step"}


def between(start, end, weight):
    """{name: array} on the line between two sets of weights, under the names of `end`.

    Args:
      start, end: {name: array}.
      weight: 0 for `start`, 1 for `end`.

    Returns:
      Arrays of the types of `end`; those that `start` lacks as they are.

    Raises:
      UserError: no name in common, or two shapes under one name.
    """
    if not set(start) & set(end):
        raise UserError("--start and --end have no variable in common.")
    found = {}
    for name, value in end.items():
        if name in start and start[name].shape != value.shape:
            raise UserError("%s is %s in --start and %s in --end." % (name, list(start[name].shape), list(value.shape)))
        found[name] = value
        if name in start:
            found[name] = ((1.0 - weight) * start[name] + weight * value).astype(value.dtype)
    return found


def run(options):
    """Writes the weights; prints what became of them."""
    from runtime import checkpoints  # here, as in `weights_of`

    if not 0.0 <= options.weight <= 1.0:
        raise UserError("--weight=%g: from 0 (--start) to 1 (--end)." % options.weight)
    start, end = weights_of(options.start, "--start"), weights_of(options.end, "--end")
    beside = checkpoints.described_by(options.end)
    checkpoints.export(between(start, end, options.weight), options.output_dir, beside)
    common = len(set(start) & set(end))
    print("%s: %d variables, %d of them as in --end alone" % (options.output_dir, len(end), len(end) - common))


def main(arguments=None):
    """Command line; returns the exit code."""
    parser = Parser(description=__doc__)
    parser.add_argument("--start", required=True, help="exported model or checkpoint, with weight 1 - WEIGHT")
    parser.add_argument("--end", required=True, help="exported model or checkpoint, with weight WEIGHT")
    parser.add_argument("--weight", type=float, default=0.5, help="from 0 to 1 (default: %(default)s)")
    parser.add_argument("--output_dir", required=True, help="folder of the result")
    return exit_code(lambda: run(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
