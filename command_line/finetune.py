"""From the command line of run_finetune.sh to the main program's flags: which task, which model, which place."""
import os
import re
from typing import NamedTuple

from absl import flags as absl_flags

from command_line import own_task, program, program_flags, public_task, recipes
from command_line.data_files import task_files
from data import tasks
from runtime.errors import UserError
from runtime.files import file_sha256, read_json
from runtime.installation import FINETUNE
from runtime.paths import SAMPLE
from runtime.run_files import RESULTS

SAMPLE_LABELS = 4
SAMPLE_SHOTS = 16
USAGE = FINETUNE + " TASK SPLIT K [N]"
# What names the files of one's own in the place of the main program's flags, which would win without a word.
NAMED_BY = {
    "task_eval_files": "--train and --eval", "score_file": "--eval", "predict_file": "--predict",
    "suggest_file": "--suggest", "model_dir": "--model",
    "data_dir": "their paths", "supervised_data_dir": "their paths",
}


class Command(NamedTuple):
    """What the main program is to do."""

    values: absl_flags.FlagValues
    rest: list  # arguments that are none of its own flags
    rows: dict  # what was read of files, as for runs.task_data.Reader


def command(arguments, environment):
    """The Command for a command line that names no files of the user's own; UserError for one that makes no sense."""
    flags = [word for word in arguments if re.match(r"-[^\d]", word)]
    words = [word for word in arguments if word not in flags]
    check_flags([flag for flag in flags if "=" not in flag])
    for flag, word in zip(arguments, arguments[1:]):
        if flag in flags and "=" not in flag and word in words:
            raise UserError("%s %s: write flags as --FLAG=VALUE, after TASK SPLIT K." % (flag, word))
    if len(words) not in (0, 3, 4):
        raise UserError("usage: %s (no argument: the quick start; --help tells more)." % USAGE)
    values, rest = program_flags.parse_known(flags)
    check_flags(rest)
    if not words:
        chosen = sample_flags(environment)
    else:
        numbers = [whole_number(word, name) for word, name in zip(words[1:], ("SPLIT", "K", "N"))]
        chosen = public_task_flags(words[0], numbers[0], numbers[1], (numbers + [None])[2], environment)
    settle(values, dict(chosen, do_eval=True), environment)
    return Command(values, rest, {})


def own_command(options, flags, environment):
    """The Command for files of the user's own; arguments as `own_task.parse` returns them, and for own_task.choose."""
    values, rest = program_flags.parse_known(flags)
    check_flags(rest)
    for flag, named_by in NAMED_BY.items():
        if values[flag].present:
            raise UserError("--%s: files of your own are named by %s here." % (flag, named_by))
    chosen, rows = own_task.choose(options, environment)
    settle(values, chosen, environment)
    return Command(values, rest, rows)


def check_flags(arguments):
    """UserError for a flag that no program knows; names those that may be meant."""
    own = [option[2:] for option in own_task.OPTIONS]
    known = set(program_flags.names()) | set(absl_flags.FLAGS) | set(own)
    for argument in arguments:
        name = argument.lstrip("-").split("=")[0]
        if name not in known and name[len("no") :] not in known:
            raise program.unknown(name, known)


def public_task_flags(name, split, k, num_labels, environment):
    """{flag: value} for one of the 17 tasks."""
    task = tasks.get_task(name)
    if num_labels not in (None, task.num_labels):
        raise UserError("%s has %d classes, not %d: leave N out." % (name, task.num_labels, num_labels))
    model, encoder = public_task.choose_model(environment)
    if k != 32 or split not in tasks.PUBLIC_SPLITS:  # before anything is fetched; k=32 is looked for in the data
        tasks.check_split(split, k)
    files = public_task.data_files(task, split, k, encoder, environment)
    public_task.note_defect(files[1])
    weights = public_task.encoder_flags(model, encoder, environment)
    flags = public_task.split_flags(task, k, model, files, weights)
    return dict(flags, output_dir=os.path.join("output", model, "%s_%d_%d" % (name, split, k)))


def sample_flags(environment):
    """{flag: value} of the quick start."""
    model, encoder = public_task.choose_for_texts(environment)
    flags = recipes.preset_flags(model)
    flags.update(recipes.schedule_flags(model, SAMPLE_SHOTS, SAMPLE_LABELS))
    flags.update(public_task.encoder_flags(model, encoder, environment))
    files = ",".join(os.path.join(SAMPLE, part) for part in ("train.csv", "eval.csv"))
    return dict(flags, task_eval_files=files, output_dir=os.path.join("output", "sample"))


def whole_number(text, name):
    """The argument as an integer."""
    try:
        return int(text)
    except ValueError:
        raise UserError("%s must be a number, not %s (usage: %s)." % (name, text, USAGE)) from None


def settle(values, chosen, environment):
    """Sets the flags that the user left out, the place of the results among them.

    Args:
      values: absl.flags.FlagValues with the user's flags, which win.
      chosen: {flag: value}.
      environment: mapping that may have OUTPUT_DIR.

    Raises:
      UserError: the folder that was picked holds the results of another training file.
    """
    place = environment.get("OUTPUT_DIR")
    is_picked = not (place or values["output_dir"].present or values["overwrite"].present)
    program_flags.fill(values, dict(chosen, output_dir=place or chosen["output_dir"]))
    if is_picked and is_repeated(values):
        program_flags.fill(values, {"overwrite": True})


def is_repeated(values):
    """Whether the output folder holds results of the training file: the same command is often run again.

    Raises:
      UserError: it holds those of another one.
    """
    held = trained_on(values.output_dir) if values.task_eval_files else None
    if held and not is_same_file(task_files(program_flags.names_and_values(values))[0], *held):
        raise UserError(
            "%s holds the results of another training file (%s): name another folder by OUTPUT_DIR, or give "
            "--overwrite." % (values.output_dir, held[0])
        )
    return bool(held)


def trained_on(folder):
    """(path, SHA-256) of the training file whose results a folder holds; None where it holds none."""
    try:
        train = read_json(os.path.join(folder, RESULTS))["data"]["train"]
        path, checksum = train["path"], train["sha256"]
    except (TypeError, KeyError):
        return None
    return (path, checksum) if isinstance(path, str) and isinstance(checksum, str) else None


def is_same_file(train, path, checksum):
    """Whether a training file is the one of a path or, as standard input has no lasting one, has its content."""
    if os.path.realpath(train) == os.path.realpath(path):
        return True
    return os.path.isfile(train) and file_sha256(train) == checksum
