"""The inner loop of one few-shot task: where it starts, its passes and its step.

"Checklist" below is tests/golden/CHECKLIST.md.
"""
import collections

from learner import adaptation, descent, heads
from learner.adaptation import LABEL_EMBEDDINGS, LAYER_MIXTURE
from learner.classifier import Batch, Classifier
from learner.inner_schedule import rate_sets_used
from modeling import WORD_EMBEDDINGS
from runtime.compat import tf

Start = collections.namedtuple(
    "Start",
    [
        "weights",  # {name: tensor} before any step, the label embeddings of support batch 0 among them
        "rates",  # {name: learned rates in the sets used, [sets]} of the adapted weights
    ],
)

State = collections.namedtuple(
    "State",
    [
        "start",  # Start
        "weights",  # {name: tensor} as adapted so far: start - sum_k rate_k * taken_k
        "taken",  # {name: [sum of clipped gradients in each set used]}; empty before the first step
    ],
)

InnerStep = collections.namedtuple("InnerStep", ["gradients", "norm"])  # {name: tensor} before clipping, joint norm


class Episode(Classifier):
    """One task's rows, the weights and rates that its inner loop starts from, and the loop's parts.

    The place of a pass is 2 i for the support pass of position i and 2 i + 1 for the query pass after it; its dropout
    masks follow from the place.

    Args:
      variables: {name: variable} of meta_learner.create_variables.
      task: meta_learner.TaskBatches.
      bert_config, config: BertConfig and LearnerConfig.
      schedule: inner_schedule.InnerSchedule.
      last_step: last mini-batch whose steps count, an int32 scalar; None where all do.
      dropout: dropout.Dropout of the task, or None for none.
    """

    def __init__(self, variables, task, bert_config, config, schedule, last_step, dropout):
        super().__init__(
            bert_config,
            config,
            task.num_labels,
            second_order=not config.stop_grad,
            encoder_is_constant=config.fix_bert and heads.features_are_constant(variables, config),
        )
        self.variables = variables
        self.schedule = schedule
        self.remakes_labels = not config.update_only_label_embedding
        self._dropout = dropout
        self._last_step = last_step
        self.sets = rate_sets_used(schedule)
        self.word_ids, self._support_rows, self.query_rows = _with_own_words(task, bert_config, config)
        self._initial = collections.OrderedDict()
        for name, variable in variables.items():
            if name == WORD_EMBEDDINGS:
                self._initial[name] = tf.gather(variable, self.word_ids)
            elif name == LAYER_MIXTURE:
                self._initial[name] = tf.nn.softmax(variable)  # what the inner loop adapts (checklist, section 1)
            elif not adaptation.is_rate(name):
                self._initial[name] = tf.identity(variable)
        names = list(self._initial) + [LABEL_EMBEDDINGS] if self.sets else []
        self.adapted = [name for name in names if adaptation.is_adapted(name, config) and heads.reads(name, config)]

    def begin(self):
        """Makes the label embeddings from support batch 0; returns (its Pass, the State before any step)."""
        first = self.support_pass(self._initial, self._mini_batch(0), dropout=self._masks(0))
        weights = collections.OrderedDict(self._initial)
        weights[LABEL_EMBEDDINGS] = first.label_embs
        rates = collections.OrderedDict(
            (name, adaptation.rate_stack(name, self.variables, self.config, self.sets)) for name in self.adapted
        )
        return first, State(Start(weights, rates), weights, {})

    def support(self, state, position, at, label_embs=None):
        """Support pass of the position with number `at`, both of Python numbers or tensors.

        The label embeddings are made from its rows where those of every batch are; else they are those of the state,
        or `label_embs`, which may be a function as in `Classifier.support_pass`.
        """
        if not self.remakes_labels and label_embs is None:
            label_embs = state.weights[LABEL_EMBEDDINGS]
        return self.support_pass(state.weights, self._mini_batch(position.batch), label_embs, self._masks(2 * at))

    def inner_step(self, state, support, position, label_path=None):
        """One SGD step: fast = start - sum_k rate_k * taken_k, of which `taken` gets the clipped gradients.

        Args:
          state: State that the support pass was made with.
          support: Pass.
          position: inner_schedule.Position, of Python numbers or tensors.
          label_path: None, or a function that adds to {name: gradient} and {name: half square} what autodiff does not
            see, and returns both.

        Returns:
          (State after the step, InnerStep).
        """
        read = collections.OrderedDict(state.weights)
        read[LABEL_EMBEDDINGS] = support.label_embs
        gradients = descent.gradients(support.loss, read, self.adapted, self.config)
        half_squares, gradients = descent.half_squares(gradients), descent.dense(gradients)
        if label_path:
            gradients, half_squares = label_path(gradients, half_squares)
        norm, scale = descent.clip(half_squares)
        taken = self._add_step(state.taken, gradients, self._counted(scale, position.batch), position.rate_set)
        weights = collections.OrderedDict(state.start.weights)
        for name, sums in taken.items():
            rates = state.start.rates[name]
            weights[name] -= tf.add_n([rates[k] * total for k, total in enumerate(sums)])
        if self.remakes_labels:
            weights[LABEL_EMBEDDINGS] = support.label_embs  # those of the pass before the step
        return State(state.start, weights, taken), InnerStep(gradients, norm)

    def query(self, state, at):
        """Pass on the query rows after the position with number `at`."""
        rows, weights = self.query_rows, state.weights
        features = self.features(weights, rows, weights.get(LAYER_MIXTURE), self._masks(2 * at + 1))
        return self.classify(weights, features, weights[LABEL_EMBEDDINGS], rows.label_ids)

    def label_embeddings(self, weights, position, at):
        """What the support pass of a position makes with {name: tensor}: [num_labels, label embedding size]."""
        rows = self._mini_batch(position.batch)
        features = self.features(weights, rows, weights.get(LAYER_MIXTURE), self._masks(2 * at))
        return self.make_label_embeddings(weights, features, rows.label_ids)

    @property
    def support_size(self):
        """Rows of a support pass, a tensor."""
        return tf.size(self._mini_batch(0).label_ids)

    def _mini_batch(self, index):
        """Support mini-batch of a Python or tensor index; the whole support where num_batches is 0."""
        if self.config.num_batches == 0:
            return self._support_rows
        size = self.config.meta_batchsz // self.config.num_batches
        return Batch(*[part[index * size : (index + 1) * size] for part in self._support_rows])

    def _masks(self, place):
        return self._dropout.at(place) if self._dropout else None

    def _counted(self, scale, batch):
        """The factor of a clipped step, 0 for a mini-batch past the last one that randomize_inner_steps drew."""
        return scale if self._last_step is None else scale * tf.cast(batch <= self._last_step, tf.float32)

    def _add_step(self, taken, gradients, scale, rate_set):
        """The sums `taken` after a step of {name: gradient} times a scale in one set of rates.

        Where a weight restarts at every step its sum is the step alone.
        """
        updated = collections.OrderedDict()
        for name, gradient in gradients.items():
            step = gradient * scale
            if self.config.stop_grad:
                step = tf.stop_gradient(step)
            steps = [step]
            if len(self.sets) > 1:
                steps = [step * tf.cast(tf.equal(rate_set, used), tf.float32) for used in self.sets]
            if name in taken and not adaptation.restarts(name):
                steps = [total + step for total, step in zip(taken[name], steps)]
            updated[name] = steps
        return updated


def _with_own_words(task, bert_config, config):
    """(ids of the words that a task reads, its support rows, its query rows); the rows count by these words.

    A task reads few rows of the word table: only those are gathered and adapted. In reference mode it is all of them.
    """
    ids = [task.support.input_ids, task.query.input_ids]
    read = tf.concat([tf.reshape(part, [-1]) for part in ids], axis=0)
    words, local = (tf.range(bert_config.vocab_size), read) if config.reference_mode else tf.unique(read)
    parts = [
        tf.reshape(part, tf.shape(whole)) for part, whole in zip(tf.split(local, [tf.size(p) for p in ids]), ids)
    ]
    support, query = (rows._replace(input_ids=part) for rows, part in zip((task.support, task.query), parts))
    return words, support, query
