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
"""
import logging
import os
import signal
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from errors import UserError  # noqa: E402

try:
    from compat import tf  # noqa: F401, I001 (first, for it checks the versions of Python and TensorFlow)

    from absl import app, flags
except (UserError, ImportError) as error:
    if __name__ != "__main__":
        raise
    print("error: %s" % error, file=sys.stderr)
    sys.exit(2)

from data import corpus, records, smlmt, smlmt_files, word_clusters, words  # noqa: E402
from progress import Progress  # noqa: E402
from tokenization import Tokenizer  # noqa: E402

FLAGS = flags.FLAGS
CLUSTERS_FILE = "word_clusters.tsv"
EMBEDDED = "embedded"


def define_flags():
    """Defined only when run as a program, for the main program has flags of the same names."""
    # Input and output
    flags.DEFINE_string(
        "input", None, "Text: a file (a sentence or paragraph a line, or JSON lines with text; also .gz) or a folder."
    )
    flags.DEFINE_string("encoding", "utf-8", "Of all files.")
    flags.DEFINE_string("output_dir", None, "Folder of the record files and manifest.json.")
    flags.DEFINE_bool("overwrite", False, "Replace files of an earlier run in --output_dir.")
    flags.DEFINE_string("file_prefix", "meta_pretrain", "Files are called PREFIX_N.tf_record; meta_pretrain...")
    flags.DEFINE_string("vocab_file", None, "The model's vocab.txt.")
    flags.DEFINE_bool("do_lower_case", False, "Lower the case; true for uncased models.")

    # Tasks
    flags.DEFINE_list("classes", "2,3,4", "Numbers of classes N; a file for each.")
    flags.DEFINE_integer("tasks_per_class_count", 1000, "Tasks of each file.")
    flags.DEFINE_integer("records_per_task", 90, "train_batch_size of the meta-training.")
    flags.DEFINE_integer("max_seq_length", 128, "Tokens a record; longer sentences are cut between words.")
    flags.DEFINE_integer("seed", 0, "One seed and one corpus give one result.")

    # Words and sentences
    flags.DEFINE_integer("min_count", 0, "Sentences that hold a word, at least; never below what a task needs.")
    flags.DEFINE_integer("max_count", 10000, "Sentences that hold a word, at most (0: no limit).")
    flags.DEFINE_integer("min_word_length", 4, "Letters of a word to mask, at least.")
    flags.DEFINE_integer("min_sentence_words", 5, "Shorter sentences are left out.")
    flags.DEFINE_enum("sampling", "uniform", words.SAMPLING, "log: words in proportion to 1 + log(sentences with it).")

    # Clusters of words
    flags.DEFINE_enum(
        "task_difficulty", "", words.DIFFICULTIES, "hard: words of one cluster; easy: different ones. Needs clusters."
    )
    flags.DEFINE_string("word_clusters", None, "Text file with a line word<TAB>cluster for each word; or give ...")
    flags.DEFINE_integer("clusters", None, "... the number of clusters by k-means (scikit-learn) over --embeddings.")
    flags.DEFINE_string(
        "embeddings", None, "BERT checkpoint, for its word embeddings, or .npz with the arrays words and vectors."
    )

    # How it runs
    flags.DEFINE_integer("workers", 1, "Processes; the result does not depend on it.")
    flags.DEFINE_string(
        "runner", EMBEDDED, "embedded: on this machine; else a runner of Apache Beam: DirectRunner, DataflowRunner, ..."
    )
    flags.DEFINE_string("beam_options", "", "Options for the Beam runner, separated by blanks.")

    # A look inside
    flags.DEFINE_string("inspect", None, "Print the first tasks of this record file and do nothing else.")
    flags.DEFINE_integer("inspect_tasks", 1, "How many.")


def required(*names):
    """Raises UserError when one of the flags was not given."""
    for name in names:
        if not FLAGS[name].value:
            raise UserError("--%s is missing; see --help." % name)


def settings_from_flags():
    """smlmt.Settings."""
    values = {name: FLAGS[name].value for name in smlmt.Settings.__dataclass_fields__}
    try:
        values["classes"] = tuple(int(text) for text in FLAGS.classes)
    except ValueError:
        raise UserError("--classes=%s: numbers, for example 2,3,4." % ",".join(FLAGS.classes)) from None
    return smlmt.Settings(**values)


def check_flags():
    """Raises UserError for flags that do not fit together."""
    if not FLAGS.file_prefix.startswith("meta_pretrain") or "/" in FLAGS.file_prefix:
        raise UserError("--file_prefix=%s: the main program knows SMLMT files by meta_pretrain." % FLAGS.file_prefix)
    if FLAGS.workers < 1:
        raise UserError("--workers=%d: at least 1." % FLAGS.workers)
    if FLAGS.word_clusters and FLAGS.clusters:
        raise UserError("--word_clusters and --clusters exclude each other.")
    if bool(FLAGS.task_difficulty) != bool(FLAGS.word_clusters or FLAGS.clusters):
        raise UserError("--task_difficulty=hard or easy and --word_clusters or --clusters need each other.")
    if bool(FLAGS.clusters) != bool(FLAGS.embeddings):
        raise UserError("--clusters and --embeddings need each other.")


def record_name(classes):
    """Name of the record file of N classes."""
    return smlmt_files.record_file(FLAGS.file_prefix, classes)


def words_name(classes):
    """Name of the words file of N classes."""
    return smlmt_files.words_file(FLAGS.file_prefix, classes)


def clusters_of(candidates, tokenizer):
    """{word: cluster} as the flags ask for, or None."""
    if FLAGS.word_clusters:
        return word_clusters.read_clusters(FLAGS.word_clusters)
    if FLAGS.clusters:
        known, vectors = word_clusters.word_vectors(FLAGS.embeddings, sorted(candidates), tokenizer)
        return word_clusters.cluster_words(known, vectors, FLAGS.clusters, FLAGS.seed)
    return None


def parameters():
    """What the result depends on beside the corpus, for the manifest."""
    names = list(smlmt.Settings.__dataclass_fields__) + ["do_lower_case", "encoding", "clusters"]
    values = {name: FLAGS[name].value for name in names}
    values["vocab_sha256"] = records.sha256(FLAGS.vocab_file)
    for name in ("word_clusters", "embeddings"):
        values[name] = os.path.basename(FLAGS[name].value or "") or None
    return dict(values, classes=[int(text) for text in FLAGS.classes])


def generate(settings, tokenizer, staging):
    """Writes all files into the staging folder; returns the manifest."""
    paths = {
        classes: (staging.path(record_name(classes)), staging.path(words_name(classes))) for classes in settings.classes
    }
    backend = Embedded(settings, tokenizer) if FLAGS.runner == EMBEDDED else on_beam(settings, tokenizer, staging)
    summary, counts = backend.read_corpus(corpus.files(FLAGS.input), FLAGS.encoding)
    clusters = clusters_of(counts, tokenizer)
    if FLAGS.clusters:
        word_clusters.write_clusters(staging.path(CLUSTERS_FILE), clusters)
    tables = {classes: smlmt.word_table(counts, classes, settings, clusters) for classes in settings.classes}
    checksums = backend.make_tasks(tables, paths)
    entries = [
        smlmt_files.file_entry(FLAGS.file_prefix, classes, settings, len(tables[classes].words), checksums[classes])
        for classes in settings.classes
    ]
    used = smlmt_files.count_words([words_path for _, words_path in paths.values()])
    return smlmt_files.manifest(summary, parameters(), entries, used)


def on_beam(settings, tokenizer, staging):
    """The generator on Beam."""
    for name in (None, "apache_beam"):  # Beam is talkative; what goes wrong it also raises
        logging.getLogger(name).setLevel(logging.CRITICAL)
    os.environ["PYTHONPATH"] = os.pathsep.join([ROOT, os.environ.get("PYTHONPATH", "")])  # for worker processes
    try:
        from data import smlmt_beam
    except ImportError as error:
        raise UserError(
            "--runner=%s needs Apache Beam (%s): scripts/setup_env.sh --with=beam installs it." % (FLAGS.runner, error)
        ) from None
    pipeline_options = smlmt_beam.options(FLAGS.runner, FLAGS.workers, FLAGS.beam_options)
    return smlmt_beam.BeamRun(settings, tokenizer, staging.folder, pipeline_options)


class Embedded:
    """The generator on this machine."""

    def __init__(self, settings, tokenizer):
        self._settings, self._tokenizer = settings, tokenizer

    def read_corpus(self, paths, encoding):
        """Splits and counts: (what the manifest says about the corpus, {word: number of sentences})."""
        source = corpus.Corpus(paths, encoding)
        reader = corpus.SentenceReader(
            self._tokenizer, self._settings.max_seq_length, self._settings.min_sentence_words
        )
        with Progress(source.megabytes(), "reading text", "megabyte") as progress:
            self._store, self._index = smlmt.read_corpus(source.paragraphs(progress.update), reader, self._settings)
        summary = dict(source.summary(), sentences=len(self._store), words=self._store.size)
        return summary, self._index.counts()

    def make_tasks(self, tables, targets):
        """Writes the files {N: (record file, words file)}; returns {N: SHA-256 of the record file}."""
        maker = smlmt.TaskMaker(self._settings, self._store, self._index, tables, self._tokenizer)
        numbers = range(self._settings.tasks_per_class_count)
        with Progress(len(numbers) * len(tables), "making tasks", "task") as progress:
            for classes, (record_path, words_path) in targets.items():
                tasks = smlmt.make_tasks(maker, [(classes, number) for number in numbers], FLAGS.workers)
                smlmt_files.write_tasks(record_path, words_path, counted(tasks, progress))
        return {classes: records.sha256(record_path) for classes, (record_path, _) in targets.items()}


def counted(tasks, progress):
    """Passes tasks on and counts them."""
    for task in tasks:
        yield task
        progress.update(1)


def run():
    """What the flags ask for; UserError for any mistake."""
    if FLAGS.inspect:
        required("vocab_file")
        given = {name: FLAGS[name].value for name in ("records_per_task", "max_seq_length") if FLAGS[name].present}
        for line in smlmt_files.inspect(FLAGS.inspect, FLAGS.vocab_file, FLAGS.inspect_tasks, **given):
            print(line)
        return
    required("input", "output_dir", "vocab_file")
    check_flags()
    settings = settings_from_flags()
    tokenizer = Tokenizer.from_file(FLAGS.vocab_file, FLAGS.do_lower_case)
    smlmt.check_tokenizer(tokenizer)
    corpus.check_encoding(FLAGS.encoding)
    names = [make(classes) for classes in settings.classes for make in (record_name, words_name)]
    names += [CLUSTERS_FILE] * bool(FLAGS.clusters)
    with smlmt_files.Staging(FLAGS.output_dir, names, FLAGS.overwrite) as staging:
        manifest = generate(settings, tokenizer, staging)
        staging.publish(manifest)
    for entry in manifest["files"]:
        path = os.path.join(FLAGS.output_dir, entry["name"])
        numbers = (entry["tasks"], entry["records"], entry["candidate_words"])
        print("%s: %d tasks, %d records, %d words to draw from" % ((path,) + numbers))


def main(argv):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, so that the staging folder goes
    try:
        if argv[1:]:
            raise UserError("Unexpected argument %r; see --help." % argv[1])
        run()
    except UserError as error:
        print("error: %s" % error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    define_flags()
    app.run(main)
