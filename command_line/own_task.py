"""A task of the user's own, given as text files: what is checked before training, and the main program's flags."""
import collections
import os
import sys

from command_line import public_task, recipes
from data import label_doubts, tasks, text, unlabelled
from data.text_lines import named
from runtime import folders
from runtime.arguments import Parser
from runtime.errors import UserError
from runtime.installation import FINETUNE
from runtime.run_files import MODEL, MODEL_FILE, RESULTS

STDIN = text.STDIN
OPTIONS = ("--train", "--eval", "--predict", "--suggest", "--model")  # each is about files of the user's own


def is_asked_for(arguments):
    """Whether a command line of run_finetune.sh is about files of the user's own."""
    return any(argument.split("=")[0] in OPTIONS for argument in arguments)


def parse(arguments):
    """(options, flags of the main program) of a command line; UserError for one that asks for nothing sensible."""
    parser = Parser(prog=FINETUNE, add_help=False, allow_abbrev=False)
    for option in OPTIONS:
        parser.add_argument(option, metavar="DIR" if option == "--model" else "FILE", action="append")
    parser.add_argument("--output", metavar="FILE", action="append")  # of the main program; here "--output -" too
    options, rest = parser.parse_known_args(arguments)
    for name, given in vars(options).items():
        if given and len(given) > 1:  # else the last would count, and the others be ignored without a word
            raise UserError("--%s is given %d times (%s): name one." % (name, len(given), ", ".join(given)))
        setattr(options, name, given and given[0])
    for word in rest:
        if not word.startswith("-"):
            raise UserError("%s: unknown argument; further flags are written as --FLAG=VALUE." % word)
    for option in OPTIONS + ("--output",):
        if getattr(options, option[2:]) == "":
            raise UserError("%s is empty: name a %s." % (option, "folder" if option == "--model" else "file"))
    if options.train and options.model:
        raise UserError("--train and --model exclude each other: a model is trained, or there is one.")
    if options.eval and not (options.train or options.model):
        raise UserError("--eval needs --train FILE or --model DIR: what is to be evaluated.")
    if options.model and not (options.predict or options.eval or options.suggest):
        raise UserError(
            "--model needs --predict FILE (texts to classify), --eval FILE (rows with labels) or --suggest FILE (texts "
            "to choose from)."
        )
    for option in ("predict", "suggest"):
        if getattr(options, option) and not (options.train or options.model):
            raise UserError("--%s needs --train FILE or --model DIR." % option)
    if options.output and not options.predict:
        raise UserError("--output needs --predict FILE: it is the file of the predictions.")
    if [options.train, options.eval, options.predict, options.suggest].count(STDIN) > 1:
        raise UserError("only one of --train, --eval, --predict and --suggest can be standard input.")
    return options, rest


def choose(options, environment):
    """What the main program is to do: everything that can be checked without TensorFlow is, before anything is fetched.

    Args:
      options: of `parse`, with files in the place of standard input that holds labelled rows (see `spool`).
      environment: mapping that may have OUTPUT_DIR, and what chooses another encoder than the small one.

    Returns:
      ({flag: value}, what was read, as for runs.task_data.Reader)
    """
    rows = read_files(options)
    if options.train:
        flags = _training(options, rows, environment)
        folder = os.path.join("output", text.stem(options.train))
        for doubt in label_doubts.doubts(rows[options.train, True]):
            print("note: %s: %s." % (named(options.train), doubt), file=sys.stderr)
    else:
        flags = {"model_dir": find_model(options.model)}
        if options.eval:
            flags.update(do_score=True, score_file=options.eval)
        run = os.path.dirname(os.path.abspath(flags["model_dir"]))
        is_run = os.path.exists(os.path.join(run, RESULTS))
        folder = os.path.relpath(run) if is_run else os.path.join("output", "predictions")
    if options.predict:
        flags.update(do_predict=True, predict_file=options.predict)
        flags.update({"output": options.output} if options.output else {})
    if options.suggest:
        flags.update(do_suggest=True, suggest_file=options.suggest)
    return dict(flags, output_dir=folder), rows


def invite(options):
    """Asks for texts where they are to be typed."""
    if options.predict == STDIN and sys.stdin and sys.stdin.isatty():
        print("type texts, one a line; Ctrl-D ends them", file=sys.stderr)


def read_files(options):
    """Reads the files with labels and checks all that are named; returns what runs.task_data.Reader calls known."""
    rows = {}
    if options.train:
        train = rows[options.train, True] = read(options.train)
        labels = check(options.train, train)
        if options.eval:
            rows[options.eval, True] = read(options.eval)
            check_eval(options.eval, rows[options.eval, True], train, labels)
        for path, _ in rows:
            if "," in path:
                raise UserError("%s: the name has a comma; rename the file." % path)
    elif options.eval:
        rows[options.eval, True] = read(options.eval)
    for path in (options.predict, options.suggest):
        if path and path != STDIN:
            rows[path, False] = unlabelled.census(path)
    return rows


def is_fine_tuned(folder):
    """Whether a folder holds a fine-tuned model, itself or in its model/."""
    return any(os.path.exists(os.path.join(path, MODEL_FILE)) for path in (folder, os.path.join(folder, MODEL)))


def find_model(folder, flag="--model"):
    """The folder of a fine-tuned model, `folder` itself or its model/; UserError, which names `flag`, without one."""
    for path in (folder, os.path.join(folder, MODEL)):
        folders.recover(path)
        if os.path.exists(os.path.join(path, MODEL_FILE)):
            return path
    raise UserError(
        "%s: no fine-tuned model in %s (neither %s nor %s/%s)." % (flag, folder, MODEL_FILE, MODEL, MODEL_FILE)
    )


def _training(options, rows, environment):
    train = rows[options.train, True]
    model, encoder = public_task.choose_for_texts(environment)
    flags = recipes.preset_flags(model)
    flags.update(recipes.schedule_of(*recipes.schedule(model, len(train), len(text.labels_in_order(train)))))
    flags.update(public_task.encoder_flags(model, encoder, environment))
    if recipes.MODELS[model].label_names:
        flags["label_names"] = "auto"
    flags.update(calibrate=recipes.MODELS[model].calibrate, self_check=not options.eval)
    files = [path for path in (options.train, options.eval) if path]
    return dict(flags, do_eval=True, stratified=True, task_eval_files=",".join(files))


def read(path):
    """The labelled rows of a file."""
    if not text.is_labelled_format(path):
        raise UserError("%s: has no labels; give .csv, .tsv, .json or .jsonl with the columns text and label." % path)
    return text.read_text(tasks.require(path))


def check(path, rows):
    """The labels of training rows in the order of their ids; UserError when there is nothing to tell apart."""
    counts = collections.Counter(row.label for row in rows)
    if len(counts) == 1:
        raise UserError(
            "%s: all %d rows have the label %r; a classifier needs two labels or more."
            % (named(path), len(rows), rows[0].label)
        )
    return text.labels_in_order(rows)


def check_eval(path, rows, train, labels):
    """UserError when rows cannot be evaluated by a model that is trained on other rows."""
    unknown = sorted({row.label for row in rows} - set(labels))
    if unknown:
        raise UserError(
            "%s: the label %r stands in no training row (labels there: %s)."
            % (named(path), unknown[0], ", ".join(labels))
        )
    pairs = [kind[0].text_b is not None for kind in (rows, train)]
    if pairs[0] != pairs[1]:
        found, expected = map(text.kind_of_rows, pairs)
        raise UserError("%s: holds %s, but the training file has %s." % (named(path), found, expected))


def spool(stream, folder):
    """Writes what a stream holds to a file whose extension tells the format, found by its beginning; returns its path.

    Args:
      stream: binary.
      folder: existing folder.
    """
    content = stream.read()
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        raise UserError("standard input: is empty.")
    kinds = ((b"[", ".json"), (b"{", ".jsonl"))
    kind = next((kind for sign, kind in kinds if start.startswith(sign)), None)
    if kind is None:
        kind = ".tsv" if b"\t" in start.splitlines()[0] else ".csv"
    path = os.path.join(folder, "stdin" + kind)
    with open(path, "wb") as file:
        file.write(content)
    return path
