#!/usr/bin/env python3
"""Makes SMLMT meta-training data: raw text -> DIR/meta_pretrain_N.tf_record, consecutive records are one task.

  scripts/make_smlmt.py --input=TEXT --output_dir=DIR --vocab_file=VOCAB --do_lower_case \\
      --classes=2,3,4 --tasks_per_class_count=1000

Beside each record file, DIR/meta_pretrain_N.words.tsv lists the words of every task; DIR/manifest.json, written last,
says what the files were made from. To look at tasks:

  scripts/make_smlmt.py --inspect=DIR/meta_pretrain_3.tf_record --vocab_file=VOCAB

Hard tasks (words of one cluster) with 100 clusters over the encoder's word embeddings:

  ... --task_difficulty=hard --clusters=100 --embeddings=bert_model.ckpt

A corpus that one machine cannot hold runs on Apache Beam, with the same result (scripts/setup_env.sh --with=beam):

  ... --runner=FlinkRunner --beam_options="--flink_master=HOST:8081"

The runner's workers need this repository on their PYTHONPATH; all machines must reach --input and --output_dir.
"""
import logging
import os
import signal
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from runtime.errors import UserError, exit_code, importing

with importing(__name__):
    from runtime.compat import tf  # noqa: F401, I001 (first, for it checks the versions of Python and TensorFlow)

    from absl import flags

from command_line import program, program_flags
from data import records, unknown_words, workers
from data.smlmt import (
    corpus,
    generator,
    record_files,
    word_clusters,
    words,
)
from runtime.progress import Progress
from runtime.staging import Staging
from tokenization import Tokenizer

CLUSTERS_FILE = "word_clusters.tsv"
EMBEDDED = "embedded"


def define_flags(values):
    """Defines all flags in an absl FlagValues."""

    add = program_flags.Definer(values)
    string, boolean, integer, choice = add.string, add.boolean, add.integer, add.enum

    # Input and output
    string("input", None, "File (a sentence or paragraph a line, or JSON lines; packed or not) or folder of such.")
    string("encoding", "utf-8", "Of all files.")
    string("output_dir", None, "Folder of the record files and manifest.json.")
    boolean("overwrite", False, "Replace files of an earlier run in --output_dir.")
    string("file_prefix", "meta_pretrain", "Files are called PREFIX_N.tf_record; meta_pretrain...")
    string("vocab_file", None, "The model's vocab.txt.")
    boolean("do_lower_case", False, "Lower the case; true for uncased models.")

    # Tasks
    add.names("classes", "2,3,4", "Numbers of classes N; a file for each.")
    integer("tasks_per_class_count", 1000, "Tasks of each file.")
    integer("records_per_task", 90, "train_batch_size of the meta-training.")
    integer("max_seq_length", 128, "Tokens a record; longer sentences are cut between words.")
    integer("seed", 0, "One seed and one corpus give one result.")

    # Words and sentences
    integer("min_count", 0, "Sentences that hold a word, at least; never below what a task needs.")
    integer("max_count", 10000, "Sentences that hold a word, at most (0: no limit).")
    integer("min_word_length", 4, "Letters of a word to mask, at least.")
    integer("min_sentence_words", 5, "Shorter sentences are left out.")
    choice("sampling", "uniform", words.SAMPLING, "log: words in proportion to 1 + log(sentences with it).")

    # Clusters of words
    choice(
        "task_difficulty", "", words.DIFFICULTIES, "hard: words of one cluster; easy: different ones. Needs clusters."
    )
    string("word_clusters", None, "Text file with a line word<TAB>cluster for each word.")
    integer("clusters", None, "In place of --word_clusters: so many by k-means (scikit-learn) over --embeddings.")
    string("embeddings", None, "BERT checkpoint, for its word embeddings, or .npz with the arrays words and vectors.")

    # How it runs
    integer("workers", 1, "Processes; the result does not depend on it.")
    string("runner", EMBEDDED, "embedded: on this machine; else a runner of Apache Beam: DirectRunner, ...")
    string("beam_options", "", "Options for the Beam runner, separated by blanks.")

    # A look inside
    string("inspect", None, "Print the first tasks of this record file and do nothing else.")
    integer("inspect_tasks", 1, "How many.")


def required(values, *names):
    """Raises UserError when one of the flags was not given."""
    for name in names:
        if not values[name].value:
            raise UserError("--%s is missing; see --help." % name)


def settings_from(values):
    """generator.SmlmtSettings."""
    given = {name: values[name].value for name in generator.SmlmtSettings.__dataclass_fields__}
    try:
        given["classes"] = tuple(int(text) for text in values.classes)
    except ValueError:
        raise UserError("--classes=%s: numbers, for example 2,3,4." % ",".join(values.classes)) from None
    return generator.SmlmtSettings(**given)


def check_flags(values):
    """Raises UserError for flags that do not fit together."""
    if not values.file_prefix.startswith("meta_pretrain") or "/" in values.file_prefix:
        raise UserError("--file_prefix=%s: the main program knows SMLMT files by meta_pretrain." % values.file_prefix)
    if values.workers < 1:
        raise UserError("--workers=%d: at least 1." % values.workers)
    if values.word_clusters and values.clusters:
        raise UserError("--word_clusters and --clusters exclude each other.")
    if bool(values.task_difficulty) != bool(values.word_clusters or values.clusters):
        raise UserError("--task_difficulty=hard or easy and --word_clusters or --clusters need each other.")
    if bool(values.clusters) != bool(values.embeddings):
        raise UserError("--clusters and --embeddings need each other.")


def record_name(values, classes):
    """Name of the record file of N classes."""
    return record_files.record_file(values.file_prefix, classes)


def words_name(values, classes):
    """Name of the words file of N classes."""
    return record_files.words_file(values.file_prefix, classes)


def clusters_of(values, candidates, tokenizer):
    """{word: cluster} as the flags ask for, or None."""
    if values.word_clusters:
        return word_clusters.read_clusters(values.word_clusters)
    if values.clusters:
        known, vectors = word_clusters.word_vectors(values.embeddings, sorted(candidates), tokenizer)
        return word_clusters.cluster_words(known, vectors, values.clusters, values.seed)
    return None


def parameters(values):
    """What the result depends on beside the corpus, for the manifest."""
    names = list(generator.SmlmtSettings.__dataclass_fields__) + ["do_lower_case", "encoding", "clusters"]
    found = {name: values[name].value for name in names}
    found["vocab_sha256"] = records.sha256(values.vocab_file)
    for name in ("word_clusters", "embeddings"):
        found[name] = os.path.basename(values[name].value or "") or None
    return dict(found, classes=[int(text) for text in values.classes])


def generate(values, settings, tokenizer, staging):
    """Writes all files into the staging folder; returns the manifest, and a doubt about the vocabulary or nothing."""
    paths = {
        classes: (staging.path(record_name(values, classes)), staging.path(words_name(values, classes)))
        for classes in settings.classes
    }
    if values.runner == EMBEDDED:
        backend = Embedded(settings, tokenizer, values.workers)
    else:
        backend = on_beam(values, settings, tokenizer, staging)
    summary, counts = backend.read_corpus(corpus.files(values.input), values.encoding)
    clusters = clusters_of(values, counts, tokenizer)
    if values.clusters:
        word_clusters.write_clusters(staging.path(CLUSTERS_FILE), clusters)
    tables = {classes: generator.word_table(counts, classes, settings, clusters) for classes in settings.classes}
    checksums = backend.make_tasks(tables, paths)
    entries = [
        record_files.file_entry(values.file_prefix, classes, settings, len(tables[classes].words), checksums[classes])
        for classes in settings.classes
    ]
    used = record_files.count_words([words_path for _, words_path in paths.values()])
    doubt = doubt_of(paths[settings.classes[0]][0], settings.max_seq_length, tokenizer)
    return record_files.manifest(summary, parameters(values), entries, used), doubt


def doubt_of(path, max_seq_length, tokenizer):
    """unknown_words.doubt about the first records of a file."""
    first = records.read_records(path, max_seq_length, most=1000)
    return unknown_words.doubt(unknown_words.share_of(first, tokenizer), tokenizer)


def on_beam(values, settings, tokenizer, staging):
    """The generator on Beam."""
    for name in (None, "apache_beam"):  # Beam is talkative; what goes wrong it also raises
        logging.getLogger(name).setLevel(logging.CRITICAL)
    os.environ["PYTHONPATH"] = os.pathsep.join([ROOT, os.environ.get("PYTHONPATH", "")])  # for worker processes
    try:
        from data.smlmt import beam  # here, for Beam is an extra
    except ImportError as error:
        raise UserError(
            "--runner=%s needs Apache Beam (%s): scripts/setup_env.sh --with=beam installs it." % (values.runner, error)
        ) from None
    pipeline_options = beam.options(values.runner, values.workers, values.beam_options)
    return beam.BeamRun(settings, tokenizer, staging.folder, pipeline_options)


class Embedded:
    """The generator on this machine."""

    def __init__(self, settings, tokenizer, workers):
        self._settings, self._tokenizer, self._workers = settings, tokenizer, workers

    def read_corpus(self, paths, encoding):
        """Splits and counts: (what the manifest says about the corpus, {word: number of sentences})."""
        source = corpus.Corpus(paths, encoding)
        reader = corpus.SentenceReader(
            self._tokenizer, self._settings.max_seq_length, self._settings.min_sentence_words
        )
        with Progress(source.megabytes(), "reading text", "megabyte") as progress:
            self._store, self._index = generator.read_corpus(source.paragraphs(progress.update), reader, self._settings)
        summary = dict(source.summary(), sentences=len(self._store), words=self._store.size)
        return summary, self._index.counts()

    def make_tasks(self, tables, targets):
        """Writes the files {N: (record file, words file)}; returns {N: SHA-256 of the record file}."""
        maker = generator.SmlmtTaskMaker(self._settings, self._store, self._index, tables, self._tokenizer)
        numbers = range(self._settings.tasks_per_class_count)
        with Progress(len(numbers) * len(tables), "making tasks", "task") as progress:
            for classes, (record_path, words_path) in targets.items():
                tasks = workers.make_tasks(maker, [(classes, number) for number in numbers], self._workers)
                record_files.write_tasks(record_path, words_path, counted(tasks, progress))
        return {classes: records.sha256(record_path) for classes, (record_path, _) in targets.items()}


def counted(tasks, progress):
    """Passes tasks on and counts them."""
    for task in tasks:
        yield task
        progress.update(1)


def run(values):
    """What the flags ask for; UserError for any mistake."""
    if values.inspect:
        required(values, "vocab_file")
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # for "| head"
        given = {name: values[name].value for name in ("records_per_task", "max_seq_length") if values[name].present}
        for line in record_files.inspect(values.inspect, values.vocab_file, values.inspect_tasks, **given):
            print(line)
        return
    required(values, "input", "output_dir", "vocab_file")
    check_flags(values)
    settings = settings_from(values)
    tokenizer = Tokenizer.from_file(values.vocab_file, values.do_lower_case)
    generator.check_tokenizer(tokenizer)
    corpus.check_encoding(values.encoding)
    names = [make(values, classes) for classes in settings.classes for make in (record_name, words_name)]
    names += [CLUSTERS_FILE] * bool(values.clusters) + [record_files.MANIFEST]
    with Staging(values.output_dir, names, values.overwrite) as staging:
        manifest, doubt = generate(values, settings, tokenizer, staging)
        record_files.publish(staging, manifest)
    for entry in manifest["files"]:
        path = os.path.join(values.output_dir, entry["name"])
        numbers = (entry["tasks"], entry["records"], entry["candidate_words"])
        print("%s: %d tasks, %d records, %d words to draw from" % ((path,) + numbers))
    if doubt:
        print("note: %s: %s" % (values.input, doubt))


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
