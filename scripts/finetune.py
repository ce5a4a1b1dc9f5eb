"""Fine-tunes one task with the published hyper-parameters: finds or fetches what it needs, then runs the main program.

  run_finetune.sh TASK SPLIT K [N] [--FLAG=VALUE ...]    one of the 17 tasks; split 0-9, k 4, 8 or 16 examples a class
  run_finetune.sh                                        the quick start: the sample task on the embedded encoder

Environment:
  MODEL        hybrid-smlmt (default), smlmt, leopard, proto, bert, mtbert or mtbert_softmax; with ENCODER=minilm
               minilm-smlmt (default), minilm-heads (the same without meta-training) or minilm (encoder fine-tuned)
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

import recipes  # noqa: E402
import task_flags  # noqa: E402
from data import tasks  # noqa: E402
from errors import UserError  # noqa: E402

MINILM_MODEL = "minilm-smlmt"
SAMPLE_LABELS = 4
SAMPLE_SHOTS = 16


def public_task_flags(name, split, k, num_labels, environment):
    """Flags of the main program for one of the 17 tasks."""
    task = tasks.get_task(name)
    if num_labels is not None and num_labels != task.num_labels:
        raise UserError("%s has %d classes, not %d: leave N out." % (name, task.num_labels, num_labels))
    model, encoder = choose_model(environment)
    files = task_flags.data_files(task, split, k, encoder, environment)
    task_flags.note_defect(files[1])
    weights = task_flags.encoder_flags(model, encoder, environment)
    flags = task_flags.split_flags(task, k, model, files, weights)
    return flags + ["--output_dir=" + os.path.join("output", model, "%s_%d_%d" % (name, split, k))]


def sample_flags(environment):
    """Flags of the quick start."""
    sample = os.path.join(ROOT, "data", "sample")
    files = ",".join(os.path.join(sample, part) for part in ("train.csv", "eval.csv"))
    return (
        ["--flagfile=" + recipes.preset("minilm"), "--task_eval_files=" + files]
        + recipes.schedule_flags("minilm", SAMPLE_SHOTS, SAMPLE_LABELS)
        + task_flags.encoder_flags("minilm", "minilm", environment)
        + ["--output_dir=" + os.path.join("output", "sample")]
    )


def choose_model(environment):
    """(model, encoder) whose preset and recipe are used."""
    encoder = environment.get("ENCODER") or "bert"
    if encoder not in recipes.ENCODERS:
        raise UserError("ENCODER=%s: use %s." % (encoder, " or ".join(recipes.ENCODERS)))
    if encoder == "minilm":
        choices = [name for name, recipe in recipes.MODELS.items() if recipe.encoder == encoder]
        model = environment.get("MODEL") or MINILM_MODEL
    else:
        choices = [name for name, recipe in recipes.MODELS.items() if recipe.encoder in (None, encoder)]
        model = environment.get("MODEL") or "hybrid-smlmt"
    if model not in choices:
        raise UserError("MODEL=%s: use one of %s." % (model, ", ".join(choices)))
    return model, encoder


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
        picked = public_task_flags(words[0], numbers[0], numbers[1], num_labels, environment)
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
