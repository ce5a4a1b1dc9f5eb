"""Fine-tunes one task with the published hyper-parameters: finds or fetches what it needs, then runs the main program.

  run_finetune.sh TASK SPLIT K [N] [--FLAG=VALUE ...]    one of the 17 tasks; split 0-9, k 4, 8 or 16 examples a class
  run_finetune.sh                                        the quick start: the sample task on the embedded encoder

Environment:
  MODEL        hybrid-smlmt (default), smlmt or leopard: the meta-trained model to start from
  ENCODER      bert (default) or minilm: the small encoder from the package index, with the text of the tasks
  BERT_DIR     folder of BERT cased_L-12_H-768_A-12 (bert_config.json, vocab.txt)
  MODEL_DIR    folder of the exported meta-trained model (saved_model.pb, variables/)
  LEOPARD_DIR  folder of the LEOPARD data (data/json, data/tf_record)
  OUTPUT_DIR   where the results go; default output/MODEL/TASK_SPLIT_K
Further flags go to run_classifier_multitask.py and win over what is picked here.
"""
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from data import download, tasks  # noqa: E402
from errors import UserError  # noqa: E402

# {model: {k: (epochs per class, rows per class in a batch)}}, the published fine-tuning recipe
SMLMT_RECIPE = {4: (150, 4), 8: (175, 8), 16: (200, 4), 32: (100, 8)}
RECIPES = {
    "hybrid-smlmt": SMLMT_RECIPE,
    "smlmt": SMLMT_RECIPE,
    "leopard": {4: (150, 2), 8: (200, 2), 16: (200, 4), 32: (50, 2)},
    "minilm": {4: (20, 4), 8: (15, 4), 16: (10, 4), 32: (5, 4)},
}
MOST_EPOCHS = {"minilm": 60}  # few steps suffice where label embeddings start as class means
RELEASED = {"hybrid-smlmt": "hybrid-smlmt", "smlmt": "smlmt", "leopard": "leopard-model"}
SAMPLE_LABELS = 4
SAMPLE_SHOTS = 16


def preset(model):
    """Path of a model's fine-tuning flags."""
    return os.path.join(ROOT, "presets", model.replace("-", "_") + "_finetune.flags")


def schedule_flags(model, k, num_labels):
    """Batch size and epochs of the recipe for k examples a class."""
    if k not in RECIPES[model]:
        raise UserError("k=%d: the recipes are for %s examples a class." % (k, ", ".join(map(str, RECIPES[model]))))
    epochs_per_class, rows = RECIPES[model][k]
    epochs = min(epochs_per_class * num_labels, MOST_EPOCHS.get(model, sys.maxsize))
    batch = rows * num_labels
    return [
        "--num_train_epochs=%d" % epochs,
        "--train_batch_size=%d" % batch,
        "--eval_batch_size=%d" % batch,
    ]


def encoder_flags(model, environment):
    """Flags that name encoder, vocabulary and meta-trained model, fetched when missing."""
    if model == "minilm":
        from data import minilm

        folder = minilm.ensure_minilm()
        return [
            "--init_checkpoint=" + os.path.join(folder, "bert_model.ckpt"),
            "--vocab_file=" + os.path.join(folder, "vocab.txt"),
        ]
    bert = environment.get("BERT_DIR") or download.ensure_bert()
    model_dir = environment.get("MODEL_DIR") or download.ensure_model(RELEASED[model])
    return [
        "--bert_config_file=" + os.path.join(bert, "bert_config.json"),
        "--vocab_file=" + os.path.join(bert, "vocab.txt"),
        "--warm_start_model_dir=" + model_dir,
    ]


def data_files(task, split, k, model, environment):
    """Paths of training and evaluation rows: the released records, or the text for another vocabulary.

    A record file that was never released or is broken gives way to its text.
    """
    folder = environment.get("LEOPARD_DIR")
    if folder and not os.path.isdir(folder):
        raise UserError("LEOPARD_DIR: %s is not a directory." % folder)
    folder = folder or download.ensure_leopard()

    def pick(*part):
        path = (task.json_file if model == "minilm" else task.record_file)(folder, *part)
        if model != "minilm" and tasks.known_defect(path):
            text = task.json_file(folder, *part)
            path = path if tasks.known_defect(text) else text
        defect = tasks.known_defect(tasks.require(path))
        if defect and part[0] == "eval":  # the main program ends at a broken training file, with the same words
            print("note: %s: known defect of the public data: it %s; %s." % (path, *defect[1:]), file=sys.stderr)
        return path

    return pick("train", split, k), pick("eval")


def task_flags(name, split, k, num_labels, model, environment):
    """Flags of the main program for one of the 17 tasks."""
    task = tasks.get_task(name)
    if num_labels is not None and num_labels != task.num_labels:
        raise UserError("%s has %d classes, not %d: leave N out." % (name, task.num_labels, num_labels))
    train, evaluation = data_files(task, split, k, model, environment)
    return (
        ["--flagfile=" + preset(model), "--task_name=" + name, "--task_eval_files=%s,%s" % (train, evaluation)]
        + schedule_flags(model, k, task.num_labels)
        + encoder_flags(model, environment)
        + ["--output_dir=" + os.path.join("output", model, "%s_%d_%d" % (name, split, k))]
    )


def sample_flags(environment):
    """Flags of the quick start."""
    sample = os.path.join(ROOT, "data", "sample")
    files = ",".join(os.path.join(sample, part) for part in ("train.csv", "eval.csv"))
    return (
        ["--flagfile=" + preset("minilm"), "--task_eval_files=" + files]
        + schedule_flags("minilm", SAMPLE_SHOTS, SAMPLE_LABELS)
        + encoder_flags("minilm", environment)
        + ["--output_dir=" + os.path.join("output", "sample")]
    )


def choose_model(environment):
    """Model whose preset and recipe are used."""
    encoder = environment.get("ENCODER") or "bert"
    if encoder not in ("bert", "minilm"):
        raise UserError("ENCODER=%s: use bert or minilm." % encoder)
    if encoder == "minilm":
        return "minilm"
    model = environment.get("MODEL") or "hybrid-smlmt"
    if model not in RELEASED:
        raise UserError("MODEL=%s: use one of %s." % (model, ", ".join(RELEASED)))
    return model


def whole_number(text, name):
    """The argument as an integer."""
    try:
        return int(text)
    except ValueError:
        usage = "run_finetune.sh TASK SPLIT K [N]"
        raise UserError("%s must be a number, not %s (usage: %s)." % (name, text, usage)) from None


def command(arguments, environment):
    """The main program's arguments for the command line of run_finetune.sh."""
    words = [word for word in arguments if not word.startswith("--")]
    flags = [word for word in arguments if word.startswith("--")]
    for flag, word in zip(arguments, arguments[1:]):
        if flag in flags and "=" not in flag and word in words:
            raise UserError("%s %s: write flags as --FLAG=VALUE, after TASK SPLIT K." % (flag, word))
    if not words:
        picked = sample_flags(environment)
    elif len(words) in (3, 4):
        numbers = [whole_number(word, name) for word, name in zip(words[1:], ("SPLIT", "K", "N"))]
        num_labels = numbers[2] if len(numbers) > 2 else None
        picked = task_flags(words[0], numbers[0], numbers[1], num_labels, choose_model(environment), environment)
    else:
        raise UserError("usage: run_finetune.sh TASK SPLIT K [N] (no argument: the quick start; --help tells more).")
    if environment.get("OUTPUT_DIR"):
        picked.append("--output_dir=" + environment["OUTPUT_DIR"])
    # The same command is often run again, to try a flag: what this script itself wrote may be replaced.
    own_place = not environment.get("OUTPUT_DIR") and not any(flag.startswith("--output_dir") for flag in flags)
    overwrite = ["--overwrite"] if own_place else []
    return ["--do_eval"] + picked + overwrite + flags


def main():
    arguments = sys.argv[1:]
    if "--help" in arguments or "-h" in arguments:
        print(__doc__.strip())
        return
    try:
        flags = command(arguments, os.environ)
    except UserError as error:
        print("error: %s" % error, file=sys.stderr)
        sys.exit(2)
    program = os.path.join(ROOT, "run_classifier_multitask.py")
    os.execv(sys.executable, [sys.executable, program] + flags)


if __name__ == "__main__":
    main()
