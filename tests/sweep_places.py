"""A tiny encoder and tiny tasks in the public layout, for sweeps with the golden meta-trained model."""
import json
import os

from data import encoding, records
from data.tasks import TASKS
from data.text import read_text
from runtime.paths import ROOT
from tokenization import Tokenizer

GOLDEN = os.path.join(ROOT, "tests", "golden", "ft_warm_start")
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] late rude fine thanks delayed flight good bad".split()
TEXTS = "late flight,fine thanks,flight,rude,good flight,bad delayed,thanks,late late fine".split(",")
TASK_NAMES = ("airline", "political_bias", "sentiment_books")
SPLITS = (0, 1, 2)


def write(folder):
    """Writes bert/ and leopard/ into a folder; returns the flags that name them."""
    bert, leopard = folder / "bert", folder / "leopard"
    bert.mkdir(parents=True)
    with open(os.path.join(GOLDEN, "saved_model_export.json")) as file:
        (bert / "bert_config.json").write_text(json.dumps(json.load(file)["bert_config"]))
    (bert / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    tokenizer = Tokenizer.from_file(str(bert / "vocab.txt"), False)
    for name in TASK_NAMES:
        task = TASKS[name]
        for part in [("eval",)] + [("train", split, 4) for split in SPLITS]:
            first = part[1] if part[0] == "train" else 0
            texts = (TEXTS[first:] + TEXTS[:first])[: 2 * task.num_labels + 1]
            rows = [{"sentence1": text, "label": task.labels[i % task.num_labels]} for i, text in enumerate(texts)]
            source, target = task.json_file(leopard, *part), task.record_file(leopard, *part)
            for path in (source, target):
                os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(source, "w") as file:
                json.dump(rows, file)
            records.write_records(target, encoding.encode(read_text(source), tokenizer, task.labels, 16, source))
    return [
        "--bert_dir=%s" % bert, "--leopard_dir=%s" % leopard,
        "--model_dirs=hybrid=%s" % os.path.join(GOLDEN, "saved_model"),
    ]
