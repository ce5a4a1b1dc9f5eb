"""Copies heads and learned rates of a meta-trained model without its encoder, which took no part in the training.

  scripts/minilm_smlmt/export_heads.py --model_dir=output/meta/model --encoder=data/downloads/minilm/bert_model.ckpt \\
      --output_dir=models/minilm-smlmt

The copy is taken as --warm_start_model_dir together with the --init_checkpoint that the encoder is read from. Exit code
2: a mistake, such as a model whose encoder was meta-trained too (--encoder names the checkpoint to compare it with).
"""
import argparse
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

from runtime.errors import UserError, exit_code


def run(options):
    """Writes the copy; prints what it holds."""
    import numpy as np  # here, for both bring much, which --help does without

    from runtime import checkpoints  # here, as numpy

    flag = "--model_dir"
    model = checkpoints.read(checkpoints.exported_variables(options.model_dir, flag), flag)
    encoder = checkpoints.read(options.encoder, "--encoder")
    kept = {}
    for name in sorted(model):
        if not checkpoints.is_encoder(name):
            kept[name] = model[name]
        elif name not in encoder or not np.array_equal(model[name], encoder[name]):
            raise UserError("--model_dir: %s is not as in --encoder: without it the heads are worth nothing." % name)
    checkpoints.export(kept, options.output_dir)
    print("%d variables, %d numbers: %s" % (len(kept), sum(value.size for value in kept.values()), options.output_dir))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model_dir", required=True, help="exported model of meta-training")
    parser.add_argument("--encoder", required=True, help="BERT checkpoint that the meta-training started from")
    parser.add_argument("--output_dir", required=True, help="folder of the copy")
    return exit_code(lambda: run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
