"""The inner loop of one few-shot task: its episode, the parts of a step, and a log of what happened.

"Checklist" below is tests/golden/CHECKLIST.md.
"""
import collections

from learner import adaptation, heads
from learner.adaptation import LABEL_EMBEDDINGS, LAYER_MIXTURE
from learner.classifier import Batch, Classifier, Pass
from learner.inner_schedule import rate_sets_used
from modeling import WORD_EMBEDDINGS
from runtime import precision
from runtime.compat import tf

TaskResult = collections.namedtuple(
    "TaskResult",
    [
        "loss",  # weighted sum of the query losses
        "accuracy",  # of the last query pass
        "predictions",  # of the last query pass, int32 [query rows]
        "gradients",  # {variable name: gradient of loss or None}; None in evaluation
        "support_losses",  # [support passes]
        "query_losses",  # [query passes]
        "inner_norms",  # gradient norms before clipping, [inner steps]
        "trace",  # Trace where asked for
    ],
)

Trace = collections.namedtuple(
    "Trace",
    [
        "passes",  # every forward Pass in program order
        "inner_gradients",  # {name: gradient before clipping} per inner step
        "fast",  # {name: tensor} at the last query pass
        "word_ids",  # vocabulary ids of the rows of the task's word table
    ],
)


class Episode(Classifier):
    """One task's rows, the initial weights and rates that it starts from, and the parts of an inner step.

    Every pass has a place in the inner loop, 2 i for the support pass of position i and 2 i + 1 for the query pass
    after it; its dropout masks follow from the place.
    """

    def __init__(self, variables, task, bert_config, config, schedule, last_step, dropout):
        super().__init__(bert_config, config, task.num_labels, second_order=not config.stop_grad)
        self._masks = dropout
        self.variables = variables
        self.schedule = schedule
        self.remakes_labels = not config.update_only_label_embedding
        self._last_step = last_step
        self.sets = rate_sets_used(schedule)
        ids = [task.support.input_ids, task.query.input_ids]
        read = tf.concat([tf.reshape(part, [-1]) for part in ids], axis=0)
        if config.reference_mode:
            self.word_ids, local = tf.range(bert_config.vocab_size), read
        else:  # a task reads few rows of the word table: only those are gathered and adapted
            self.word_ids, local = tf.unique(read)
        local_support, local_query = tf.split(local, [tf.size(part) for part in ids])
        self._support = task.support._replace(input_ids=tf.reshape(local_support, tf.shape(ids[0])))
        self.query = task.query._replace(input_ids=tf.reshape(local_query, tf.shape(ids[1])))
        self.initial = collections.OrderedDict()
        for name, variable in variables.items():
            if name == WORD_EMBEDDINGS:
                self.initial[name] = tf.gather(variable, self.word_ids)
            elif name == LAYER_MIXTURE:
                self.initial[name] = tf.nn.softmax(variable)  # what the inner loop adapts (checklist, section 1)
            elif not adaptation.is_rate(name):
                self.initial[name] = tf.identity(variable)
        names = list(self.initial) + [LABEL_EMBEDDINGS]
        self.adapted = [
            name
            for name in names
            if self.sets and adaptation.is_adapted(name, config) and heads.reads(name, config)
        ]
        self.encoder_is_constant = config.fix_bert and heads.features_are_constant(names, config)
        self.rates = collections.OrderedDict(
            (name, adaptation.rate_stack(name, variables, config, self.sets)) for name in self.adapted
        )  # each [sets used]

    def mini_batch(self, index):
        """Support mini-batch of a Python or tensor index; the whole support where num_batches is 0."""
        if self.config.num_batches == 0:
            return self._support
        size = self.config.meta_batchsz // self.config.num_batches
        return Batch(*[part[index * size : (index + 1) * size] for part in self._support])

    def support(self, fast, index, position, label_embs=None):
        """Support pass on mini-batch `index`, at a position of the inner loop; makes label embeddings unless given."""
        self._at(2 * position)
        return self.support_pass(fast, self.mini_batch(index), label_embs)

    def query_pass(self, fast, position):
        """Pass on the query rows with the fast weights, the label embeddings among them."""
        self._at(2 * position + 1)
        features = self.features(fast, self.query, fast.get(LAYER_MIXTURE))
        return self.classify(fast, features, fast[LABEL_EMBEDDINGS], self.query.label_ids)

    def label_gradients(self, fast, index, position, vector):
        """Gradients of <label embeddings made in a support pass, vector> by the weights `fast`; None for some."""
        self._at(2 * position)
        batch = self.mini_batch(index)
        made = self.make_label_embeddings(fast, self.features(fast, batch, fast.get(LAYER_MIXTURE)), batch.label_ids)
        return precision.gradients(made, list(fast.values()), self.config, grad_ys=vector)

    def _at(self, place):
        self.dropout = self._masks.at(place) if self._masks else None

    def counted(self, scale, index):
        """The factor of a clipped step, 0 for a mini-batch past the last one that randomize_inner_steps drew."""
        return scale if self._last_step is None else scale * tf.cast(index <= self._last_step, tf.float32)

    def accumulate(self, taken, gradients, scale, rate_set):
        """Adds a step to the sums of clipped gradients.

        Args:
          taken: {name: [a sum per set used]}; empty before the first step.
          gradients: {name: gradient}.
          scale: factor of all of them.
          rate_set: set of rates of the step, Python or tensor integer.

        Returns:
          New sums, of the names in `gradients`. Where a weight restarts at every step its sum is the step alone.
        """
        updated = collections.OrderedDict()
        for name, gradient in gradients.items():
            step = tf.convert_to_tensor(gradient) * scale
            if self.config.stop_grad:
                step = tf.stop_gradient(step)
            steps = [step]
            if len(self.sets) > 1:
                steps = [step * tf.cast(tf.equal(rate_set, used), tf.float32) for used in self.sets]
            if name in taken and not adaptation.restarts(name):
                steps = [total + step for total, step in zip(taken[name], steps)]
            updated[name] = steps
        return updated

    def moved(self, initial, rates, taken):
        """{name: initial - sum_k rate_k * taken_k} of the weights in `taken`."""
        return collections.OrderedDict(
            (name, initial[name] - tf.add_n([rates[name][k] * total for k, total in enumerate(sums)]))
            for name, sums in taken.items()
        )


def clip_scale(gradients):
    """Joint norm of {name: gradient}, and the factor that clips it to norm 1.

    The word table's gradient enters row by gathered row, duplicates apart (checklist, section 7).
    """
    return clip_half_squares([half_square(name, gradient) for name, gradient in gradients.items()])


def half_square(name, gradient):
    """Half the squared norm of a gradient as it enters the joint norm."""
    rows = gradient.values if name == WORD_EMBEDDINGS and isinstance(gradient, tf.IndexedSlices) else gradient
    return tf.nn.l2_loss(tf.convert_to_tensor(rows))


def clip_half_squares(halves):
    """(norm, factor) as `clip_scale` from the half squares of the parts."""
    norm = tf.sqrt(2.0 * tf.add_n(halves))
    return norm, 1.0 / tf.maximum(norm, 1.0)


class Log:
    """Collects passes, gradients and norms in program order."""

    def __init__(self):
        self._passes = []  # (kind, Pass)
        self._losses = {"support": [], "query": []}  # lists of vectors
        self._norms = []  # list of vectors
        self._gradients = []
        self._queried = None  # fast weights at the last query pass
        self.logits = None  # of the last query pass

    def support(self, result):
        return self._add("support", result)

    def query(self, result, fast):
        self._queried, self.logits = fast, result.logits
        return self._add("query", result)

    def _add(self, kind, result):
        self._passes.append((kind, result))
        self._losses[kind].append(result.loss[None])
        return result

    def step(self, gradients, norm):
        """Adds {name: gradient before clipping} of an inner step and its norm."""
        self._gradients.append(gradients)
        self._norms.append(norm[None])

    def loop(self, records, is_step, is_query, names):
        """Adds the records of a loop, stacked over its positions.

        Args:
          records: {key: tensor [positions, ...]} with support_loss, query_loss and norm; where `names` are given also
            the other fields of Pass behind "support_" and "query_", and "gradient/" and "fast/" before each name.
          is_step, is_query: for each position, whether it took a step and made a query pass. The support pass of
            position 0 was added before.
          names: of the weights to remember, None where only losses and norms were recorded.
        """
        count = len(is_step)
        steps, queries = ([i for i in range(count) if flags[i]] for flags in (is_step, is_query))

        def picked(key, positions):
            return tf.gather(tf.reshape(records[key], [count]), tf.constant(list(positions), tf.int32))

        self._losses["support"].append(picked("support_loss", range(1, count)))
        self._losses["query"].append(picked("query_loss", queries))
        self._norms.append(picked("norm", steps))
        for index in range(count) if names is not None else []:
            kinds = ["support"] * (index > 0) + ["query"] * (index in queries)
            for kind in kinds:
                fields = [records["%s_%s" % (kind, field)][index] for field in Pass._fields]
                self._passes.append((kind, Pass(*fields)))
            if index in steps:
                self._gradients.append({name: records["gradient/" + name][index] for name in names})
            if index in queries:
                self._queried = {name: records["fast/" + name][index] for name in names}

    def result(self, episode, loss, logits, gradients, trace):
        def joined(vectors):
            return tf.concat([tf.reshape(v, [-1]) for v in vectors], axis=0) if vectors else tf.zeros([0])

        return TaskResult(
            loss=loss,
            accuracy=heads.accuracy(logits, episode.query.label_ids),
            predictions=heads.predictions(logits),
            gradients=gradients,
            support_losses=joined(self._losses["support"]),
            query_losses=joined(self._losses["query"]),
            inner_norms=joined(self._norms),
            trace=Trace([p for _, p in self._passes], self._gradients, self._queried, episode.word_ids)
            if trace
            else None,
        )
