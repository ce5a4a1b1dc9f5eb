"""Fine-tunes a text classifier: finds or fetches what it needs, then runs the main program.

  run_finetune.sh                                        the quick start: the sample task on the embedded encoder
  run_finetune.sh --train FILE [--eval FILE] [--predict FILE]      a task of your own
  run_finetune.sh --model DIR --predict FILE                       new texts for a model that was trained so
  run_finetune.sh TASK SPLIT K [N]                       one of the 17 tasks; split 0-9, k 4, 8 or 16 examples a class
                                                         (32 with files of your own: scripts/make_splits.py)

A task of your own:
  --train FILE    labelled texts: .csv or .tsv with a header line text[,text2],label, .json, .jsonl, each also .gz;
                  2 classes or more, a few rows of each are enough, and classes may have different numbers of rows
  --eval FILE     more of them, not trained on; leaves accuracy and predictions. Without it the model is only kept
  --predict FILE  texts to classify: .txt (one a line, a tab before the second text of a pair) or a table as above
  --model DIR     a trained model (OUTPUT_DIR, or the folder model/ in it)
  FILE may be -, standard input: labelled rows as CSV, TSV or JSON, texts to classify one a line.
  Epochs and batch size follow from the number of rows a class. The small encoder is used unless MODEL, MODEL_DIR,
  BERT_DIR or ENCODER=bert name BERT. Results: output/NAME_OF_TRAIN_FILE, for --model DIR the folder of its run.
  The same --train FILE again replaces them; another file of that name needs OUTPUT_DIR, or --overwrite.

      run_finetune.sh --train reviews.csv --eval reviews_test.csv --predict new.txt
      printf 'Never again.\\n' | run_finetune.sh --model output/reviews --predict -

Environment:
  MODEL        hybrid-smlmt (default), smlmt, leopard, proto, bert, mtbert or mtbert_softmax; with ENCODER=minilm
               minilm-smlmt (default), minilm-heads (the same without meta-training), minilm (encoder fine-tuned) or
               bert-minilm (a softmax layer)
  ENCODER      bert (default for the 17 tasks) or minilm: the small encoder from the package index, reads text
  BERT_DIR     folder of BERT cased_L-12_H-768_A-12 (bert_config.json, vocab.txt)
  MODEL_DIR    folder of the exported meta-trained model (saved_model.pb, variables/)
  LEOPARD_DIR  folder of the LEOPARD data (data/json, data/tf_record)
  OUTPUT_DIR   where the results go; default for the 17 tasks output/MODEL/TASK_SPLIT_K
Further flags, as --FLAG=VALUE, go to run_classifier_multitask.py and win over what is picked here.
"""
import os
import signal
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from command_line import (
    own_task,
    program_flags,
    public_task,
    recipes,
)
from data import tasks
from runtime.errors import UserError, exit_code
from runtime.files import file_sha256, read_json
from runtime.paths import SAMPLE

PROGRAM = [sys.executable, os.path.join(ROOT, "run_classifier_multitask.py")]
SAMPLE_LABELS = 4
SAMPLE_SHOTS = 16


def public_task_flags(name, split, k, num_labels, environment):
    """Flags of the main program for one of the 17 tasks."""
    task = tasks.get_task(name)
    if num_labels is not None and num_labels != task.num_labels:
        raise UserError("%s has %d classes, not %d: leave N out." % (name, task.num_labels, num_labels))
    model, encoder = public_task.choose_model(environment)
    files = public_task.data_files(task, split, k, encoder, environment)
    public_task.note_defect(files[1])
    weights = public_task.encoder_flags(model, encoder, environment)
    flags = public_task.split_flags(task, k, model, files, weights)
    return flags + ["--output_dir=" + os.path.join("output", model, "%s_%d_%d" % (name, split, k))]


def sample_flags():
    """Flags of the quick start."""
    sample, model = SAMPLE, public_task.DEFAULT_MODELS["minilm"]
    files = ",".join(os.path.join(sample, part) for part in ("train.csv", "eval.csv"))
    return (
        ["--flagfile=" + recipes.preset(model), "--task_eval_files=" + files]
        + recipes.schedule_flags(model, SAMPLE_SHOTS, SAMPLE_LABELS)
        + public_task.encoder_flags(model, "minilm", {})
        + ["--output_dir=" + os.path.join("output", "sample")]
    )


def whole_number(text, name):
    """The argument as an integer."""
    try:
        return int(text)
    except ValueError:
        usage = "run_finetune.sh TASK SPLIT K [N]"
        raise UserError("%s must be a number, not %s (usage: %s)." % (name, text, usage)) from None


def command(arguments, environment):
    """The main program's arguments for the command line of run_finetune.sh that names no files."""
    words = [word for word in arguments if not word.startswith("--")]
    flags = [word for word in arguments if word.startswith("--")]
    for flag, word in zip(arguments, arguments[1:]):
        if flag in flags and "=" not in flag and word in words:
            raise UserError("%s %s: write flags as --FLAG=VALUE, after TASK SPLIT K." % (flag, word))
    if not words:
        picked = sample_flags()
    elif len(words) in (3, 4):
        numbers = [whole_number(word, name) for word, name in zip(words[1:], ("SPLIT", "K", "N"))]
        num_labels = numbers[2] if len(numbers) > 2 else None
        picked = public_task_flags(words[0], numbers[0], numbers[1], num_labels, environment)
    else:
        raise UserError("usage: run_finetune.sh TASK SPLIT K [N] (no argument: the quick start; --help tells more).")
    return ["--do_eval"] + placed(picked, flags, environment)


def placed(picked, flags, environment):
    """Picked flags, the place of the results, and the user's flags, which win.

    Raises:
      UserError: the folder that was picked holds the results of another training file.
    """
    if environment.get("OUTPUT_DIR"):
        picked = picked + ["--output_dir=" + environment["OUTPUT_DIR"]]
    elif not any(flag.startswith(("--output_dir", "--overwrite")) for flag in flags):
        picked = picked + ["--overwrite"] * is_repeated(picked + flags)
    return picked + flags


def is_repeated(flags):
    """Whether the output folder holds results of the training file: the same command is often run again.

    Raises:
      UserError: it holds those of another one.
    """
    folder = value(flags, "output_dir")
    held = trained_on(folder) if value(flags, "task_eval_files") else None
    if held and not is_same_file(training_file(flags), *held):
        raise UserError(
            "%s holds the results of another training file (%s): name another folder by OUTPUT_DIR, or give "
            "--overwrite." % (folder, held[0])
        )
    return bool(held)


def training_file(flags):
    """Path of the first of --task_eval_files, as the main program finds it."""
    files = value(flags, "task_eval_files")
    folders = [flag for flag in flags if flag.startswith(("--data_dir=", "--supervised_data_dir="))]
    if not folders:
        return files.split(",")[0]
    from command_line import settings  # here, for it brings TensorFlow

    return settings.task_files(program_flags.parse(folders + ["--task_eval_files=" + files]))[0]


def value(flags, name):
    """The last value that --NAME=VALUE has among flags, None without any."""
    start = "--%s=" % name
    return next((flag[len(start) :] for flag in reversed(flags) if flag.startswith(start)), None)


def trained_on(folder):
    """(path, SHA-256) of the training file whose results a folder holds; None where it holds none."""
    try:
        train = read_json(os.path.join(folder, "results.json"))["data"]["train"]
        return train["path"], train["sha256"]
    except (TypeError, KeyError):
        return None


def is_same_file(train, path, checksum):
    """Whether a training file is the one of a path or, as standard input has no lasting one, has its content."""
    if os.path.realpath(train) == os.path.realpath(path):
        return True
    return os.path.isfile(train) and file_sha256(train) == checksum


def run_own_task(arguments, environment):
    """Runs the main program on the user's files; returns its exit code where it does not take this one's place."""
    options, flags = own_task.parse(arguments)
    if options.predict == own_task.STDIN and sys.stdin.isatty():
        print("type texts, one a line; Ctrl-D ends them", file=sys.stderr)
    labelled = [part for part in ("train", "eval") if getattr(options, part) == own_task.STDIN]
    if not labelled:
        return run(placed(own_task.command(options, environment), flags, environment))
    with tempfile.TemporaryDirectory() as folder:
        setattr(options, labelled[0], own_task.spool(sys.stdin.buffer, folder))
        with subprocess.Popen(PROGRAM + placed(own_task.command(options, environment), flags, environment)) as process:
            signal.signal(signal.SIGTERM, lambda *_: process.terminate())  # it is to end with this program
            code = process.wait()
        return code if code >= 0 else 128 - code


def run(flags):
    """Puts the main program in the place of this one."""
    os.execv(sys.executable, PROGRAM + flags)


def start(arguments):
    """Does what a command line asks for."""
    if own_task.is_asked_for(arguments):
        return run_own_task(arguments, os.environ)
    return run(command(arguments, os.environ))


def main():
    arguments = sys.argv[1:]
    if "--help" in arguments or "-h" in arguments:
        print(__doc__.strip())
        return 0
    return exit_code(lambda: start(arguments))


if __name__ == "__main__":
    sys.exit(main())
