"""The files of the SMLMT generator: records, words, manifest, and a look inside."""
import collections
import os

from data import records
from runtime import folders, schema
from runtime.compat import tf
from runtime.errors import cannot_write
from runtime.paths import is_special
from tokenization import load_vocab

MANIFEST = "manifest.json"
FORMAT = 1  # of the manifest
# What manifest.json must hold for those who read it: the names of files, and the sizes of tasks.
LISTED = schema.fields(
    {"files": schema.array(schema.fields({"name": schema.text(), "words_name": schema.text()}, more=True))}, more=True
)
SIZED = schema.fields({
    "parameters": schema.fields(
        {}, {"records_per_task": schema.whole(1, 10**6), "max_seq_length": schema.whole(1, 10**6)}, more=True
    )
}, more=True)


def record_file(prefix, classes):
    """Name of the record file of N classes."""
    return "%s_%d.tf_record" % (prefix, classes)


def words_file(prefix, classes):
    """Name of the text file that says which words each task is about: a line a task, words in the order of labels."""
    return "%s_%d.words.tsv" % (prefix, classes)


def publish(staging, manifest):
    """Writes the manifest and moves all files to their places, the manifest last. Files that an older one lists go.

    Args:
      staging: Staging whose names end with MANIFEST.
      manifest: see `manifest`.
    """
    staging.write_json(MANIFEST, manifest)
    staging.publish(outdated=_listed_files(staging.target(MANIFEST)))


def _listed_files(manifest_path):
    """Names of the files that a manifest speaks of; none when it is missing or of another program."""
    if is_special(manifest_path):
        return []
    try:
        with tf.gfile.Open(manifest_path) as file:
            entries = schema.loads(file.read(), LISTED)["files"]
        names = [entry[key] for entry in entries for key in ("name", "words_name")]
    except (tf.errors.OpError, ValueError):
        return []
    return [name for name in names if name == os.path.basename(name)]


def write_tasks(record_path, words_path, tasks):
    """Writes a record file and its words file; UserError when the disk is full.

    Args:
      tasks: iterable of generator.SmlmtTask.
    """
    try:
        with tf.gfile.Open(words_path, "w") as words:
            with tf.python_io.TFRecordWriter(record_path) as writer:
                for task in tasks:
                    words.write("\t".join(task.words) + "\n")
                    for record in task.records:
                        writer.write(record)
    except (OSError, tf.errors.OpError) as error:
        raise cannot_write(os.path.dirname(record_path), error) from None


def manifest(corpus, parameters, files, words):
    """The content of manifest.json; nothing in it depends on the time, the machine or the number of processes.

    Args:
      corpus: {"files", "bytes", "sha256", "sentences", "words"}.
      parameters: {flag: value}.
      files: list of {"name", "num_labels", "tasks", "records", "sha256", ...}.
      words: {word: number of tasks}.
    """
    return {"format": FORMAT, "corpus": corpus, "parameters": parameters, "files": files, "words": words}


def file_entry(prefix, classes, settings, candidates, sha256):
    """What the manifest says about a record file; `candidates` is the number of words that could be drawn."""
    return {
        "name": record_file(prefix, classes),
        "words_name": words_file(prefix, classes),
        "num_labels": classes,
        "tasks": settings.tasks_per_class_count,
        "records": settings.tasks_per_class_count * settings.records_per_task,
        "candidate_words": candidates,
        "sha256": sha256,
    }


def count_words(paths):
    """{word: number of tasks} from words files."""
    counts = collections.Counter()
    for path in paths:
        with tf.gfile.Open(path) as file:
            for line in file:
                counts.update(line.rstrip("\n").split("\t"))
    return dict(counts)


def records_per_task(path):
    """Records of each task of a file, as the manifest beside it says; None where none lists the file."""
    listed = os.path.basename(path) in _listed_files(os.path.join(os.path.dirname(path), MANIFEST))
    return _parameters(path).get("records_per_task") if listed else None


def inspect(path, vocab_file, tasks=1, records_per_task=None, max_seq_length=None):
    """Yields lines that show the first tasks of a record file.

    The sizes come from the manifest beside it where they are not given; the masked words from its words file.
    """
    folders.recover(os.path.dirname(path))
    found = _parameters(path)
    rows = records_per_task or found.get("records_per_task", 90)
    length = max_seq_length or found.get("max_seq_length", 128)
    tokens = {index: token for token, index in load_vocab(vocab_file).items()}
    file = records.RecordFile(path)
    yield "%s: %d tasks of %d records" % (path, file.size // rows, rows)
    words = _words_of(path)
    for number in range(min(tasks, file.size // rows)):
        examples = file.examples(range(number * rows, (number + 1) * rows), length, vocab_size=max(tokens) + 1)
        sizes = collections.Counter(examples.label_ids.tolist())
        yield ""
        yield "task %d" % number
        for label in sorted(sizes):
            word = words[number][label] if number < len(words) and label < len(words[number]) else "?"
            yield "  label %d: %s (%d records)" % (label, word, sizes[label])
        for ids, mask, label in zip(examples.input_ids, examples.input_mask, examples.label_ids):
            yield "  %d  %s" % (label, _readable([tokens.get(index, "?") for index in ids[mask > 0].tolist()]))


def _readable(tokens):
    """Tokens as text: pieces joined, without [CLS] and [SEP]."""
    return " ".join(token for token in tokens if token not in ("[CLS]", "[SEP]")).replace(" ##", "")


def _parameters(path):
    try:
        return schema.load(os.path.join(os.path.dirname(path), MANIFEST), SIZED)["parameters"]
    except (OSError, schema.Malformed):
        return {}


def _words_of(path):
    """Words of each task from the words file beside a record file; an empty list without one."""
    try:
        with open(path[: -len(".tf_record")] + ".words.tsv", encoding="utf-8") as file:
            return [line.rstrip("\n").split("\t") for line in file]
    except OSError:
        return []
