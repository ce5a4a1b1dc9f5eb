#!/usr/bin/env python3
"""Foreign sides of prediction_tools.py, in an environment with requirements-setfit.txt: trains, or predicts a file.

  prediction_side.py train-setfit ENCODER TRAIN.csv FOLDER
  prediction_side.py setfit FOLDER TEXTS.txt OUT.txt         SetFit's model, as its documentation predicts
  prediction_side.py transformers ENCODER TEXTS.txt OUT.txt FOLDER   its tokenizer before onnxruntime and our graph

ENCODER is a folder of Hugging Face files (scripts/convert_checkpoint.py), FOLDER what SetFit saves, or one of
scripts/export_onnx.py.
"""
import argparse
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MAX_SEQ_LENGTH, BATCH = 128, 32


def train_setfit(encoder, train, folder):
    """Trains SetFit with its defaults and saves it."""
    sys.path.insert(0, ROOT)
    import baseline_setfit  # here, for the sides that are timed need nothing of ours

    from data import text  # likewise

    rows = text.read_text(train)
    model = baseline_setfit.finetune(baseline_setfit.load_encoder(encoder), rows, text.labels_in_order(rows), seed=0)
    model.save_pretrained(folder)


def setfit(folder, texts):
    """Numbers of the classes that SetFit predicts."""
    from setfit import SetFitModel

    return SetFitModel.from_pretrained(folder, device="cpu").predict(texts)


def transformers(encoder, texts, folder):
    """Numbers of the classes by the tokenizer of transformers and our graph, batches in order, each padded."""
    import numpy as np
    import onnxruntime
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(encoder)
    session = onnxruntime.InferenceSession(os.path.join(folder, "model.onnx"), providers=["CPUExecutionProvider"])
    found = []
    for start in range(0, len(texts), BATCH):
        tokens = tokenizer(
            texts[start : start + BATCH], padding=True, truncation=True, max_length=MAX_SEQ_LENGTH, return_tensors="np"
        )
        feed = {
            name: tokens[key].astype(np.int32)
            for name, key in (
                ("input_ids", "input_ids"), ("input_mask", "attention_mask"), ("segment_ids", "token_type_ids"),
            )
        }
        found.extend(session.run(["logits"], feed)[0].argmax(axis=1))
    return found


def run(options):
    """Trains, or writes the predicted classes, one a line."""
    if options.side == "train-setfit":
        return train_setfit(options.source, options.given, options.out)
    with open(options.given, encoding="utf-8") as file:
        texts = file.read().splitlines()
    if options.side == "setfit":
        found = setfit(options.source, texts)
    else:
        found = transformers(options.source, texts, options.folder)
    with open(options.out, "w", encoding="utf-8") as file:
        file.write("".join("%s\n" % (label,) for label in found))
    return None


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", choices=["train-setfit", "setfit", "transformers"])
    parser.add_argument("source", help="ENCODER, or FOLDER of SetFit")
    parser.add_argument("given", help="rows to train on, or texts")
    parser.add_argument("out", help="FOLDER of SetFit to make, or file of predictions")
    parser.add_argument("folder", nargs="?", help="FOLDER of the graph")
    return run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
