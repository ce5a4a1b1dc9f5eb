"""The files of the SMLMT generator: staging until all is well, manifest, and a look inside."""
import collections
import json
import os
import uuid

from compat import tf
from data import records
from errors import UserError
from tokenization import load_vocab

MANIFEST = "manifest.json"
FORMAT = 1  # of the manifest


def record_file(prefix, classes):
    """Name of the record file of N classes."""
    return "%s_%d.tf_record" % (prefix, classes)


def words_file(prefix, classes):
    """Name of the text file that says which words each task is about: a line a task, words in the order of labels."""
    return "%s_%d.words.tsv" % (prefix, classes)


class Staging:
    """A hidden folder inside the output folder, whose files move to their places together; a context manager.

    Without `publish` nothing is left behind, not even an output folder that was not there before. Folders are local or
    what else TensorFlow's file systems know (gs://...).

    Args:
      output_dir: folder.
      names: files that will be made, without the manifest.
      overwrite: whether files of an earlier run may be replaced.

    Raises:
      UserError: nothing can be written there, or files of an earlier run are there.
    """

    def __init__(self, output_dir, names, overwrite=False):
        self._output_dir, self._names = output_dir, list(names)
        self.folder = os.path.join(output_dir, ".smlmt-" + uuid.uuid4().hex[:8])
        self._made = []  # folders that were not there, outermost first
        try:
            there = [name for name in [MANIFEST] + self._names if tf.gfile.Exists(self._target(name))]
            if there and not overwrite:
                raise UserError(
                    "--output_dir: %s holds %s of an earlier run: choose another folder, or give --overwrite."
                    % (output_dir, there[0])
                )
            folder = output_dir
            while folder and not tf.gfile.Exists(folder):
                self._made.insert(0, folder)
                folder = os.path.dirname(folder)
            tf.gfile.MakeDirs(self.folder)
        except tf.errors.OpError as error:
            self._remove_made()
            raise cannot_write(output_dir, error) from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            tf.gfile.DeleteRecursively(self.folder)
        except tf.errors.OpError:  # already gone
            pass
        self._remove_made()

    def path(self, name):
        """Where to write a file that is to become `name`."""
        return os.path.join(self.folder, name)

    def publish(self, manifest):
        """Moves all files to their places, the manifest last. Files that an older manifest lists go."""
        try:
            with tf.gfile.Open(self.path(MANIFEST), "w") as file:
                file.write(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
            for name in self._names + [MANIFEST]:
                _flush(self.path(name))
            for name in [MANIFEST] + _listed_files(self._target(MANIFEST)):
                if name not in self._names and tf.gfile.Exists(self._target(name)):
                    tf.gfile.Remove(self._target(name))
            for name in self._names + [MANIFEST]:
                tf.gfile.Rename(self.path(name), self._target(name), overwrite=True)
        except (OSError, tf.errors.OpError) as error:
            raise cannot_write(self._output_dir, error) from None

    def _target(self, name):
        return os.path.join(self._output_dir, name)

    def _remove_made(self):
        for folder in reversed(self._made):
            try:
                if not tf.gfile.ListDirectory(folder):
                    tf.gfile.DeleteRecursively(folder)
            except tf.errors.OpError:  # not made
                pass


def _flush(path):
    """Makes sure that a local file is on the disk before it is renamed."""
    if os.path.exists(path):
        with open(path, "rb") as file:
            os.fsync(file.fileno())


def _listed_files(manifest_path):
    """Names of the files that a manifest speaks of; none when it is missing or of another program."""
    try:
        with tf.gfile.Open(manifest_path) as file:
            entries = json.loads(file.read())["files"]
        names = [entry[key] for entry in entries for key in ("name", "words_name")]
    except (tf.errors.OpError, ValueError, KeyError, TypeError):
        return []
    return [name for name in names if isinstance(name, str) and name == os.path.basename(name)]


def write_tasks(record_path, words_path, tasks):
    """Writes a record file and its words file; UserError when the disk is full.

    Args:
      tasks: iterable of smlmt.Task.
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


def cannot_write(folder, error):
    """The UserError for an OSError or a TensorFlow error while writing."""
    reason = getattr(error, "strerror", None) or getattr(error, "message", None) or str(error)
    return UserError("--output_dir: cannot be written in %s (%s)." % (folder, reason.strip().splitlines()[0]))


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


def inspect(path, vocab_file, tasks=1, records_per_task=None, max_seq_length=None):
    """Yields lines that show the first tasks of a record file.

    The sizes come from the manifest beside it where they are not given; the masked words from its words file.
    """
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
        with open(os.path.join(os.path.dirname(path), MANIFEST), encoding="utf-8") as file:
            return json.load(file)["parameters"]
    except (OSError, ValueError, KeyError):
        return {}


def _words_of(path):
    """Words of each task from the words file beside a record file; an empty list without one."""
    try:
        with open(path[: -len(".tf_record")] + ".words.tsv", encoding="utf-8") as file:
            return [line.rstrip("\n").split("\t") for line in file]
    except OSError:
        return []
