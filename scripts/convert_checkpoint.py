#!/usr/bin/env python3
"""Converts BERT encoders between Hugging Face folders and TensorFlow checkpoints; the input tells the direction.

  scripts/convert_checkpoint.py --input=bert-base-cased --output_dir=bert        # config.json, model.safetensors
  scripts/convert_checkpoint.py --input=bert --output_dir=bert-hf                # bert_config.json, bert_model.ckpt.*
  scripts/convert_checkpoint.py --input=output/meta/model --output_dir=meta-hf   # the encoder of an exported model
  scripts/convert_checkpoint.py --input=output/reviews/model --output_dir=my-hf  # the encoder of a fine-tuned model

What is made starts the main program (--init_checkpoint=bert/bert_model.ckpt --vocab_file=bert/vocab.txt) or is read by
transformers' AutoModel and AutoTokenizer. Only the encoder is converted: heads, learned rates and an optimiser's
variables stay behind, and a line says so. The output folder appears when all is in it. Exit code 2: a mistake.
"""
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from runtime import folders
from runtime.arguments import Parser
from runtime.errors import UserError, exit_code
from runtime.files import read_json
from runtime.run_files import BERT_CONFIG, MODEL_FILE, VOCAB_FILE


def parse(arguments):
    """The command line."""
    parser = Parser(description=__doc__)
    parser.add_argument("--input", required=True, help="folder to convert, or prefix of a checkpoint")
    parser.add_argument("--output_dir", required=True, help="folder to make; it must not exist, or be empty")
    parser.add_argument("--bert_config_file", help="of a TensorFlow checkpoint (default: what lies beside it tells)")
    parser.add_argument("--vocab_file", help="of a TensorFlow checkpoint (default: vocab.txt beside it)")
    parser.add_argument("--do_lower_case", action="store_true", help="the TensorFlow model's vocabulary is uncased")
    return parser.parse_args(arguments)


def checkpoint_prefix(path):
    """Prefix of the checkpoint that ``path`` is or holds; UserError when there is none, or more than one."""
    if os.path.exists(path + ".index"):
        return path
    places = [path, os.path.join(path, "variables")]  # the second: an exported model
    found = [os.path.join(folder, name[: -len(".index")]) for folder in places if os.path.isdir(folder)
             for name in sorted(os.listdir(folder)) if name.endswith(".index")]
    if not found:
        raise UserError("--input: %s holds neither model.safetensors nor a TensorFlow checkpoint (*.index)." % path)
    if len(found) > 1:
        raise UserError("--input: %s holds several checkpoints: name one, as %s." % (path, found[0]))
    return found[0]


def companion(prefix, name):
    """Path of a file beside a checkpoint, or beside the folder variables/ of an exported model."""
    folder = os.path.dirname(prefix)
    places = [folder] + [os.path.dirname(folder)] * (os.path.basename(folder) == "variables")
    paths = [os.path.join(place, name) for place in places]
    return next(filter(os.path.exists, paths), paths[0])


def convert(options, folder):
    """Converts into an existing folder; returns lines to print."""
    from fetch import hf_checkpoint  # here, for it brings TensorFlow, which --help does without
    from modeling import BertConfig  # here, as hf_checkpoint

    names = ("model.safetensors", "model.safetensors.index.json")
    if any(os.path.lexists(os.path.join(options.input, name)) for name in names):
        for flag in ("bert_config_file", "vocab_file", "do_lower_case"):
            if getattr(options, flag):
                raise UserError("--%s: a Hugging Face folder has its own." % flag)
        return hf_checkpoint.to_tensorflow(options.input, folder)
    prefix = checkpoint_prefix(options.input)
    config_file, lower = options.bert_config_file or companion(prefix, BERT_CONFIG), options.do_lower_case
    stored = read_json(companion(prefix, MODEL_FILE))  # of a fine-tuned model
    is_told = isinstance(stored, dict) and isinstance(stored.get("bert_config"), dict)
    if is_told and not options.bert_config_file and not os.path.exists(config_file):
        config = BertConfig.from_dict(stored["bert_config"])
        lower = lower or stored.get("text", {}).get("do_lower_case", False)
    else:
        config = BertConfig.from_json_file(config_file)
    vocab_file = options.vocab_file or companion(prefix, VOCAB_FILE)
    return hf_checkpoint.to_hugging_face(prefix, config, vocab_file, folder, lower)


def run(options):
    """Converts; the output folder appears whole or not at all."""
    with folders.atomic_folder(options.output_dir, "checkpoint") as work:
        notes = convert(options, work)
    for line in notes:
        print(line)
    print("%s: %s" % (options.output_dir, ", ".join(sorted(os.listdir(options.output_dir)))))


def main(arguments=None):
    """Command line; returns the exit code."""
    return exit_code(lambda: run(parse(arguments)))


if __name__ == "__main__":
    sys.exit(main())
