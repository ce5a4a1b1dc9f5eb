#!/usr/bin/env python3
"""Makes supervised meta-training data: labelled rows -> DIR/NAME_train.tf_record, and NAME_dev.tf_record where there
are development rows.

GLUE and SNLI as published: --input is a folder with CoLA, SST-2, MRPC, QQP, STS-B, MNLI, QNLI, RTE, WNLI, SNLI in it.

  scripts/make_supervised.py --input=glue_data --output_dir=DIR --vocab_file=VOCAB
  scripts/make_supervised.py --input=glue_data --tasks=mnli,snli --pairwise --output_dir=DIR --vocab_file=VOCAB
  scripts/make_supervised.py --input=snli_1.0_train.jsonl --tasks=snli --output_dir=DIR --vocab_file=VOCAB

Any labelled file (.csv, .tsv, .json or .jsonl, also .gz):

  scripts/make_supervised.py --input=train.csv --dev_input=dev.csv --name=mine --output_dir=DIR --vocab_file=VOCAB \\
      --text_columns=title,body --label_column=topic

A data set of the Hugging Face package datasets (scripts/setup_env.sh --with=datasets), or a folder that its
save_to_disk wrote:

  scripts/make_supervised.py --dataset=glue,mnli --output_dir=DIR --vocab_file=VOCAB

Tasks of N classes drawn from the training rows, DIR/NAME_train_N.tf_record, beside the whole set (of 60 intents 2, 4 or
8, and other ones in every task; data/supervised/episodes.py says how):

  scripts/make_supervised.py --input=train.csv --name=mine --classes=2,4,8 --tasks_per_class_count=1000 \\
      --output_dir=DIR --vocab_file=VOCAB

Beside each record file, FILE.json says the number of classes, which the main program reads, their names in the order of
the label ids, the number of records, and what they were made from: keep it with its file. Rows that cannot be used are
left out, counted there and reported here; any other mistake ends the program before anything is written.
"""
import os
import re
import signal
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from runtime.errors import UserError, exit_code, importing

with importing(__name__):
    from runtime.compat import tf  # noqa: F401, I001 (first, for it checks the versions of Python and TensorFlow)

    from absl import flags

from command_line import program, program_flags
from data import tasks, text
from data.supervised import conversion as supervised
from data.supervised import (
    episodes,
    glue,
    hub,
)
from runtime.progress import Progress
from runtime.staging import Staging
from tokenization import Tokenizer

ALL = "all"
COLUMN_FLAGS = ("text_columns", "label_column", "labels", "skip_labels")
DRAWING_FLAGS = ("tasks_per_class_count", "records_per_task", "first_batch", "seed")


def define_flags(values):
    """Defines all flags in an absl FlagValues."""

    add = program_flags.Definer(values)
    string, boolean, integer, names = add.string, add.boolean, add.integer, add.names

    # Input
    string("input", None, "Folder with the folders of GLUE tasks and SNLI, or one labelled file.")
    names(
        "tasks", None, "GLUE tasks to convert: all (of a folder, the default), or some of %s. With a file: "
        "the one in whose published layout the file is." % ", ".join(glue.TASKS)
    )
    string("dev_input", None, "Development rows beside an --input that is a file.")
    string("dataset", None, "In place of --input: NAME or NAME,CONFIG of Hugging Face datasets, or a saved folder.")
    string("name", None, "Record files are called NAME_train.tf_record; default: from the input.")

    # Columns of files without a published layout, and of --dataset
    names("text_columns", None, "Column of the text, or two columns A,B of pairs; default: the usual names are tried.")
    string("label_column", None, "Column of the label; default: the usual names are tried.")
    names("labels", None, "Labels in the order of their ids; default: those of the training rows, sorted.")
    names("skip_labels", "-", "Rows with one of these labels are left out.")
    boolean("quoted", True, "Whether double quotes mean something in a .tsv file.")

    # Tasks
    boolean("pairwise", False, "Also make the three tasks of two classes out of each task of three (MNLI, SNLI).")

    # Tasks of N classes, drawn
    names("classes", None, "Also draw tasks of N classes, a file for each N: 2,3,4 for instance.")
    integer("tasks_per_class_count", 1000, "Tasks of each of these files.")
    integer("records_per_task", 90, "train_batch_size of the meta-training.")
    integer("first_batch", 16, "Rows at the start of a task that have all classes alike: meta_batchsz / num_batches.")
    integer("seed", 0, "One seed and the same rows give the same tasks.")
    integer("workers", 1, "Processes that draw tasks; the result does not depend on it.")

    # Output
    string("output_dir", None, "Folder of the record files.")
    boolean("overwrite", False, "Replace files of an earlier run in --output_dir.")
    string("vocab_file", None, "The model's vocab.txt.")
    boolean("do_lower_case", False, "Lower the case; true for uncased models.")
    integer("max_seq_length", 128, "Tokens a record.")


def check_flags(values):
    """Raises UserError for flags that are missing or do not fit together."""
    for name in ("output_dir", "vocab_file"):
        if not values[name].value:
            raise UserError("--%s is missing; see --help." % name)
    if bool(values.input) == bool(values.dataset):
        raise UserError("--input or --dataset is needed, one of them; see --help.")
    is_file = values.input and not os.path.isdir(values.input)
    for name, fits in (
        ("tasks", values.input),
        ("dev_input", is_file),
        ("name", is_file or values.dataset),
        ("quoted", is_file and not values.tasks),
    ) + tuple((name, values.dataset or (is_file and not values.tasks)) for name in COLUMN_FLAGS):
        if values[name].present and not fits:
            raise UserError("--%s has no meaning with this input; see --help." % name)
    for name in DRAWING_FLAGS + ("workers",):
        if values[name].present and not values.classes:
            raise UserError("--%s has no meaning without --classes; see --help." % name)
    if values.workers < 1:
        raise UserError("--workers=%d: at least 1." % values.workers)


def drawing_from(values):
    """episodes.EpisodeSettings, or None where no tasks are to be drawn."""
    if not values.classes:
        return None
    try:
        classes = tuple(map(int, values.classes))
    except ValueError:
        raise UserError("--classes=%s: whole numbers." % ",".join(values.classes)) from None
    return episodes.EpisodeSettings(classes, **{name: values[name].value for name in DRAWING_FLAGS})


def data_sets(values):
    """What is to be converted: list of supervised.DataSet."""
    if values.dataset:
        return [hugging_face(values)]
    if os.path.isdir(values.input):
        return glue_folder(values.input, values.tasks or [ALL])
    paths = {part: path for part, path in (("train", values.input), ("dev", values.dev_input)) if path}
    for path in paths.values():
        tasks.require(path)
    return [published_files(values, paths) if values.tasks else labelled_files(values, paths)]


def glue_folder(folder, names):
    """Published data sets inside a folder."""
    wanted = list(glue.TASKS) if names == [ALL] else dict.fromkeys(names)
    found, missing = [], []
    for task in map(glue.get_task, wanted):
        place = glue.folder_of(task, folder)
        if place:
            found.append(supervised.published(task, task.find(place)))
        else:
            missing.append(task.folders[0])
    if missing and (names != [ALL] or not found):
        raise UserError("--input: %s has no folder %s." % (folder, " or ".join(missing)))
    if missing:
        print("not there: %s" % ", ".join(missing))
    return found


def published_files(values, paths):
    """Single files in the layout of a GLUE task."""
    if len(values.tasks) != 1 or values.tasks == [ALL]:
        raise UserError("--tasks=%s: one task, for --input is a file." % ",".join(values.tasks))
    return supervised.published(glue.get_task(values.tasks[0]), paths, values.name)


def labelled_files(values, paths):
    """Any labelled files."""
    parts = {}
    for part, path in paths.items():
        layout = layout_of(values, path, text.column_names(path, values.quoted))
        parts[part] = supervised.TextFile(path, layout)
    return supervised.DataSet(values.name or name_of(values.input), parts, labels_from(values))


def hugging_face(values):
    """A data set of Hugging Face datasets."""
    name, _, config = values.dataset.partition(",")
    parts = hub.load(name, config or None)
    for split in parts.values():
        split.layout = layout_of(values, split.name, split.columns)
    labels = labels_from(values) or same(parts["train"].class_names)
    return supervised.DataSet(values.name or config or os.path.basename(os.path.abspath(name)), parts, labels)


def layout_of(values, source, columns):
    """text.Layout of rows with the given columns."""
    return supervised.layout_of(
        source, columns, values.text_columns, values.label_column, values.quoted, values.skip_labels
    )


def labels_from(values):
    """Labels that are given by hand, as in supervised.DataSet."""
    text.check_labels(values.labels or ())
    return same(values.labels)


def same(labels):
    """Labels that are the names of their classes; None without any."""
    return {label: label for label in labels} if labels else None


def name_of(path):
    """The name of a file without its ending and without "train", or that of its folder."""
    stem = os.path.splitext(re.sub(r"\.gz$", "", os.path.basename(path)))[0]
    stem = re.sub(r"[-_]?train$", "", stem, flags=re.IGNORECASE)
    return stem or os.path.basename(os.path.dirname(os.path.abspath(path)))


def convert(values, tokenizer):
    """Reads, converts and puts all files into place; returns the report, a list of lines."""
    drawing, found = drawing_from(values), data_sets(values)
    with Progress(sum(len(each.parts) for each in found), "reading", "file") as progress:
        conversions = [
            supervised.Conversion(each, values.pairwise, drawing, lambda: progress.update(1)) for each in found
        ]
    names = [name for conversion in conversions for name in conversion.file_names()]
    report = []
    with Staging(values.output_dir, names, values.overwrite) as staging:
        with Progress(sum(conversion.rows for conversion in conversions), "converting", "row") as progress:
            for conversion in conversions:
                report += conversion.write(tokenizer, values.max_seq_length, staging, progress.update)
        if drawing:
            with Progress(sum(conversion.tasks for conversion in conversions), "drawing", "task") as progress:
                for conversion in conversions:
                    report += conversion.write_tasks(values.max_seq_length, staging, values.workers, progress.update)
        staging.publish()
    return report


def run(values):
    """What the flags ask for; UserError for any mistake."""
    check_flags(values)
    tokenizer = Tokenizer.from_file(values.vocab_file, values.do_lower_case)
    for line in convert(values, tokenizer):
        print(line)


def main(argv):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, so that the staging folder goes

    def checked():
        if argv[1:]:
            raise UserError("Unexpected argument %r; see --help." % argv[1])
        run(flags.FLAGS)

    sys.exit(exit_code(checked))


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    program.start(main)
