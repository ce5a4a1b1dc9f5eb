"""The SMLMT generator on Apache Beam, for corpora that one machine cannot hold.

The functions of the modules beside it as two pipelines with the same result, byte for byte:

1. files -> sentences -> different sentences, and how many of them hold each word;
2. tasks -> requests "word w needs k sentences", joined with the sentences by word -> rows -> shards -> one file for N.

Which words may be drawn is settled between the two, in the program that starts them. No step holds more than the
sentences of one word (at most --max_count), so words and tasks spread over any number of machines. What goes from
one step to the next lies in the staging folder, which all machines must reach.
"""
import contextlib
import hashlib
import io
import json
import os
import uuid

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import execution, fn_runner

from data.smlmt import corpus, generator, record_files
from data.smlmt.sentence_index import fingerprint
from data.smlmt.words import FoldedForms
from runtime import plain_paths
from runtime.compat import tf
from runtime.errors import UserError, cannot_write, reason

# What DirectRunner stands for; newer versions first try to download another program under that name.
PYTHON_RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
TASKS_PER_SHARD = 100
BLOCK_BYTES = 1 << 22
ROUNDS = (range(1), range(1, generator.MAX_ATTEMPTS))  # few tasks need more than one try


def options(runner, workers, text):
    """PipelineOptions from --runner, --workers and --beam_options; UserError when Beam refuses them."""
    is_direct = runner == "DirectRunner"
    arguments = ["--runner=" + (PYTHON_RUNNER if is_direct else runner)] + text.split()
    if is_direct and workers > 1 and "--direct_num_workers" not in text:
        arguments += ["--direct_num_workers=%d" % workers, "--direct_running_mode=multi_processing"]
        _repair_empty_collections()
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            found = PipelineOptions(arguments)
            found.get_all_options()  # reads them: else a mistake would show in the middle of the run
        return found
    except (SystemExit, ValueError) as error:
        fault = (said.getvalue().strip() or reason(error)).splitlines()[-1]
        raise UserError("--beam_options=%s: refused by Beam (%s)." % (text, fault)) from None


def _repair_empty_collections():
    """Beam 2.48, the last for Python 3.7, fails at collections without elements when it has several local workers."""
    if tuple(map(int, beam.__version__.split(".")[:2])) > (2, 48):
        return
    original = fn_runner.ParallelBundleManager.process_bundle

    def process_bundle(self, inputs, *arguments, **options):
        inputs = {name: execution.ListBuffer(None) if data is None else data for name, data in inputs.items()}
        return original(self, inputs, *arguments, **options)

    fn_runner.ParallelBundleManager.process_bundle = process_bundle


class BeamRun:
    """One run of the generator.

    Args:
      settings: generator.SmlmtSettings.
      tokenizer: of the model.
      folder: for intermediate files.
      pipeline_options: see `options`.
    """

    def __init__(self, settings, tokenizer, folder, pipeline_options):
        self._settings, self._tokenizer, self._options = settings, tokenizer, pipeline_options
        self._folder = os.path.join(folder, "beam")
        if any(letter in folder for letter in plain_paths.PATTERN):
            raise UserError(
                "--output_dir: Apache Beam takes one of %s in its path as a pattern: choose another place, or leave "
                "--runner out." % " ".join(plain_paths.PATTERN)
            )
        tf.gfile.MakeDirs(self._folder)

    def read_corpus(self, paths, encoding):
        """Splits and counts: (what the manifest says about the corpus, {word: number of sentences})."""
        reading = ReadSentences(self._tokenizer, self._settings, encoding)

        def build(pipeline):
            read = (
                pipeline
                | "Files" >> beam.Create(list(enumerate(paths)))
                | "SpreadFiles" >> beam.Reshuffle()
                | "ReadSentences" >> beam.ParDo(reading).with_outputs("files", main="sentences")
            )
            sentences = (
                read.sentences
                | "FirstOfEqualSentences" >> beam.CombinePerKey(min)
                | "DropFingerprints" >> beam.Values()
            )
            _write(read.files, self._path("files"))
            _write(sentences, self._path("sentences"))
            lengths = sentences | "Lengths" >> beam.Map(lambda sentence: len(sentence[2]))
            _write(lengths | "Count" >> beam.combiners.Count.Globally(), self._path("sentence_count"))
            _write(lengths | "Sum" >> beam.CombineGlobally(sum), self._path("word_count"))
            counts = (
                sentences
                | "WordsOfSentences" >> beam.ParDo(CandidateWords(self._settings))
                | "CountSentences" >> beam.combiners.Count.PerElement()
                | "RareAndFrequent" >> beam.ParDo(FittingCounts(self._settings))
            )
            _write(counts, self._path("counts"))

        self._run(build)
        files = sorted(self._read("files"))
        summary = corpus.summary([digest for _, digest, _ in files], sum(size for _, _, size in files))
        (summary["sentences"],), (summary["words"],) = self._read("sentence_count"), self._read("word_count")
        if not summary["sentences"]:
            raise generator.empty_corpus(self._settings)
        return summary, dict(self._read("counts"))

    def make_tasks(self, tables, targets):
        """Writes the files.

        Args:
          tables: {N: WordTable}.
          targets: {N: (path of the record file, path of the words file)}.

        Returns:
          {N: SHA-256 of the record file}.
        """
        number_of_tasks = self._settings.tasks_per_class_count
        blocks = [
            (classes, first, min(first + TASKS_PER_SHARD, number_of_tasks))
            for classes in self._settings.classes
            for first in range(0, number_of_tasks, TASKS_PER_SHARD)
        ]

        def build(pipeline):
            by_word = (
                pipeline
                | "Sentences" >> beam.io.ReadFromText(self._path("sentences") + "*")
                | "SentencesByWord" >> beam.ParDo(SentencesByWord(self._settings))
            )
            wanted = (
                pipeline
                | "Blocks" >> beam.Create(blocks)
                | "SpreadBlocks" >> beam.Reshuffle()
                | "Tasks" >> beam.FlatMap(lambda b: [((b[0], number), None) for number in range(b[1], b[2])])
            )
            made = []
            for attempts in ROUNDS:
                result = wanted | "Attempts%d" % attempts[0] >> _Round(
                    by_word, attempts, tables, self._settings, self._tokenizer
                )
                made.append(result.made)
                wanted = result.failed
            _write(wanted, self._path("failed"))
            shards = (
                made
                | "BothRounds" >> beam.Flatten()
                | "ByShard" >> beam.MapTuple(lambda key, task: ((key[0], key[1] // TASKS_PER_SHARD), (key[1], task)))
                | "GroupShards" >> beam.GroupByKey()
                | "WriteShards" >> beam.ParDo(WriteShard(self._folder))
                | "GroupFiles" >> beam.GroupByKey()
            )
            _write(shards | "JoinShards" >> beam.ParDo(JoinShards(targets)), self._path("checksums"))

        self._run(build)
        failed = sorted(which for which, _ in self._read("failed"))
        if failed:
            raise generator.no_task(self._settings, *failed[0])
        return dict(self._read("checksums"))

    def _path(self, name):
        return os.path.join(self._folder, name)

    def _read(self, name):
        """The values that `_write` wrote, in any order."""
        values = []
        parts = [part for part in tf.gfile.ListDirectory(self._folder) if part.startswith(name + "-")]
        for part in parts:  # no pattern: the folder's name may hold characters of one
            with tf.gfile.Open(self._path(part)) as file:
                values += [json.loads(line) for line in file.read().splitlines()]
        return values

    def _run(self, build):
        """Runs one pipeline; a UserError on a worker is raised here as one."""
        try:
            pipeline = beam.Pipeline(options=self._options)
        except (ValueError, ImportError, AttributeError) as error:
            raise UserError("--runner: refused by Beam (%s)." % reason(error)) from None
        build(pipeline)
        try:
            pipeline.run().wait_until_finish()
        except Exception as error:  # runners wrap what a worker raised in ways of their own
            if not isinstance(error, UserError) and "UserError: " not in str(error):
                raise
            message = str(error).split("UserError: ", 1)[-1]
            raise UserError(message.split(" [while running")[0].split("\n")[0]) from None


def _write(values, prefix):
    """Writes values as JSON, one a line, in files PREFIX-...; the label of the steps is the prefix's last part."""
    name = os.path.basename(prefix)
    lines = values | "Json_" + name >> beam.Map(json.dumps)
    return lines | "Write_" + name >> beam.io.WriteToText(prefix)


class ReadSentences(beam.DoFn):
    """(file number, path) -> (fingerprint, [file number, number in it, words]); "files": [file, SHA-256, bytes]."""

    def __init__(self, tokenizer, settings, encoding):
        self._tokenizer, self._settings, self._encoding = tokenizer, settings, encoding

    def setup(self):
        self._reader = corpus.SentenceReader(
            self._tokenizer, self._settings.max_seq_length, self._settings.min_sentence_words
        )

    def process(self, numbered):
        number, path = numbered
        digest, place = corpus.FileDigest(), 0
        with tf.gfile.Open(path, "rb") as file:
            for paragraph in corpus.paragraphs(file, path, self._encoding, digest):
                for words in self._reader.sentences(paragraph):
                    yield "%x" % fingerprint(words), [number, place, words]
                    place += 1
        yield beam.pvalue.TaggedOutput("files", [number, digest.hexdigest(), digest.size])


class _FoldsWords(beam.DoFn):
    """Base of steps that look at the folded words of sentences."""

    def __init__(self, settings):
        self._settings = settings

    def setup(self):
        self._fold = FoldedForms()

    def candidates(self, words):
        """The different folded words that may be masked."""
        return {form for form in map(self._fold.__getitem__, words) if self._settings.is_candidate(form)}


class CandidateWords(_FoldsWords):
    """Sentence -> its different candidate words."""

    def process(self, sentence):
        return self.candidates(sentence[2])


class SentencesByWord(_FoldsWords):
    """A line of JSON -> (word, sentence) for each of its candidate words."""

    def process(self, line):
        sentence = json.loads(line)
        for form in self.candidates(sentence[2]):
            yield form, sentence


class FittingCounts(beam.DoFn):
    """Keeps (word, count) pairs that tasks can use, as data.sentence_index does."""

    def __init__(self, settings):
        self._least = min(map(settings.needed, settings.classes))
        self._most = settings.max_count or float("inf")

    def process(self, pair):
        if self._least <= pair[1] <= self._most:
            yield pair


class _Round(beam.PTransform):
    """Tasks ((N, number), None) -> .made: ((N, number), (words, records)), and .failed: tasks as they came."""

    def __init__(self, by_word, attempts, tables, settings, tokenizer):
        super().__init__()
        self._by_word, self._attempts, self._tables = by_word, attempts, tables
        self._settings, self._tokenizer = settings, tokenizer

    def expand(self, tasks):
        requests = tasks | "Request" >> beam.ParDo(Request(self._attempts, self._tables, self._settings))
        words = requests | "RequestedWords" >> beam.Keys() | "Distinct" >> beam.Distinct()
        wanted = beam.pvalue.AsDict(words | "AsKeys" >> beam.Map(lambda word: (word, True)))
        sentences = self._by_word | "OfRequestedWords" >> beam.Filter(lambda pair, some: pair[0] in some, wanted)
        picked = (
            {"requests": requests, "sentences": sentences}
            | "JoinByWord" >> beam.CoGroupByKey()
            | "Pick" >> beam.ParDo(Pick(self._settings))
        )
        return (
            {"tasks": tasks, "picked": picked}
            | "JoinByTask" >> beam.CoGroupByKey()
            | "Assemble" >> beam.ParDo(Assemble(self._settings, self._tokenizer)).with_outputs("failed", main="made")
        )


class Request(beam.DoFn):
    """Task -> (word, (N, number, attempt, label, words, sizes)) for each attempt and label."""

    def __init__(self, attempts, tables, settings):
        self._attempts, self._tables, self._settings = attempts, tables, settings

    def process(self, task):
        (classes, number), _ = task
        for attempt in self._attempts:
            plan = generator.plan_task(self._tables[classes], self._settings, classes, number, attempt)
            if plan:
                for label, word in enumerate(plan.words):
                    yield word, (classes, number, attempt, label, plan.words, plan.sizes)


class Pick(beam.DoFn):
    """Requests for a word and its sentences -> ((N, number), (attempt, label, words, sizes, sentences or None))."""

    def __init__(self, settings):
        self._settings = settings

    def setup(self):
        self._fold = FoldedForms()

    def process(self, joined):
        requests = list(joined[1]["requests"])
        sentences = [words for _, _, words in sorted(joined[1]["sentences"])] if requests else []  # order of the corpus
        for classes, number, attempt, label, words, sizes in requests:
            picked = generator.pick_sentences(
                generator.TaskWords(tuple(words), tuple(sizes)), label, len(sentences), sentences.__getitem__,
                self._fold, self._settings, classes, number, attempt,
            )
            yield (classes, number), (attempt, label, words, sizes, picked)


class Assemble(beam.DoFn):
    """What was picked for a task -> the records of its first complete attempt."""

    def __init__(self, settings, tokenizer):
        self._settings, self._tokenizer = settings, tokenizer

    def setup(self):
        self._maker = generator.RecordMaker(self._tokenizer, self._settings.max_seq_length, FoldedForms())

    def process(self, joined):
        (classes, number), found = joined
        if not list(found["tasks"]):
            return
        attempts = {}
        for attempt, label, words, sizes, picked in found["picked"]:
            attempts.setdefault(attempt, {})[label] = (words, sizes, picked)
        for attempt, labels in sorted(attempts.items(), key=lambda item: item[0]):
            if all(picked is not None for _, _, picked in labels.values()):
                plan = generator.TaskWords(*map(tuple, labels[0][:2]))
                picked = [labels[label][2] for label in range(classes)]
                rows = generator.shuffled_rows(plan, picked, self._settings, classes, number, attempt)
                made = [self._maker.record(label, words, plan.words[label]) for label, words in rows]
                yield (classes, number), (plan.words, made)
                return
        yield beam.pvalue.TaggedOutput("failed", ((classes, number), None))


class WriteShard(beam.DoFn):
    """((N, shard), tasks) -> (N, [shard, record file, words file]); a repeated step writes new files."""

    def __init__(self, folder):
        self._folder = folder

    def process(self, grouped):
        (classes, shard), numbered = grouped
        tasks = [generator.SmlmtTask(*task) for _, task in sorted(numbered, key=lambda pair: pair[0])]
        name = os.path.join(self._folder, "shard-%d-%06d-%s" % (classes, shard, uuid.uuid4().hex))
        record_files.write_tasks(name + ".tf_record", name + ".words.tsv", tasks)
        yield classes, [shard, name + ".tf_record", name + ".words.tsv"]


class JoinShards(beam.DoFn):
    """(N, shards) -> [N, SHA-256 of the record file]; record files and text files may simply be joined."""

    def __init__(self, targets):
        self._targets = targets

    def process(self, grouped):
        classes, shards = grouped
        shards = sorted(shards)
        record_path, words_path = self._targets[classes]
        digest = _join([shard[1] for shard in shards], record_path)
        _join([shard[2] for shard in shards], words_path)
        yield [classes, digest]


def _join(sources, target):
    """Joins files; returns the SHA-256 of the result. A step that runs twice does no harm: the last result stays."""
    digest, unfinished = hashlib.sha256(), "%s.%s" % (target, uuid.uuid4().hex)
    try:
        with tf.gfile.Open(unfinished, "wb") as joined:
            for source in sources:
                with tf.gfile.Open(source, "rb") as file:
                    while True:
                        block = file.read(BLOCK_BYTES)
                        if not block:
                            break
                        digest.update(block)
                        joined.write(block)
        tf.gfile.Rename(unfinished, target, overwrite=True)
    except tf.errors.OpError as error:
        raise cannot_write(os.path.dirname(target), error) from None
    return digest.hexdigest()
