"""The first-order meta-gradient of one task, without unrolling the inner loop.

With constant sums of clipped gradients (`stop_grad`) a query loss depends on the initial weights and the rates through

    fast = initial - sum_k rate_k * taken_k

alone. So each query pass needs one backward pass, at once: initial weights receive the gradient by the fast weights,
rate k receives minus its dot product with taken_k, and nothing of the steps before is kept. Label embeddings pass their
part back into the support batch that they were made from.
"""
import collections

from learner.adaptation import LABEL_EMBEDDINGS
from learner.classifier import Pass
from learner.episode import Log, clip_half_squares, half_square
from modeling import WORD_EMBEDDINGS
from runtime import precision
from runtime.compat import tf

_Record = collections.namedtuple("_Record", ["loss", "norm", "support", "gradients"])  # of a step; the last two traced


def run(episode, with_gradient, trace):
    """Runs the inner loop of an inner_loop.Episode; returns TaskResult."""
    schedule, log = episode.schedule, Log()
    first = log.support(episode.support(episode.initial, 0, 0))
    initial = collections.OrderedDict(episode.initial)
    initial[LABEL_EMBEDDINGS] = first.label_embs
    loop = _Loop(episode, initial, with_gradient, trace)
    loss, logits, totals, records = loop.run()
    log.loop(records, loop.is_step, loop.is_query, episode.adapted if trace else None)
    gradients = loop.to_variables(totals, initial) if with_gradient else None
    return log.result(episode, loss / schedule.divisor, logits, gradients, trace)


class _Loop:
    """A loop over positions: 0 is support batch 0, whose label embeddings exist already, then come the inner steps.

    At each position a support pass and a step, then a query pass, where the schedule has them.

    Args:
      episode: inner_loop.Episode.
      initial: {name: tensor}, the label embeddings among them.
      with_gradient: whether the meta-gradient is wanted.
      trace: whether every pass and gradient is.
    """

    def __init__(self, episode, initial, with_gradient, trace):
        schedule = episode.schedule
        self._episode, self._with_gradient, self._trace = episode, with_gradient, trace
        # What query losses are differentiated by, cut from the variables so that no path is counted twice.
        self._sources = map_tensors(tf.stop_gradient, initial)
        self._rates = map_tensors(tf.stop_gradient, episode.rates)
        self._first_step = schedule.first_step
        self._made = initial[LABEL_EMBEDDINGS]
        self.is_step = [schedule.first_step] + [True] * len(schedule.steps)
        weights = [schedule.first_query_weight] + [step.query_weight for step in schedule.steps]
        self.is_query = [weight is not None for weight in weights]
        self._weights = tf.constant([weight or 0.0 for weight in weights])
        self._batches = tf.constant([0] + [step.batch for step in schedule.steps])
        self._rate_sets = tf.constant([0] + [step.rate_set for step in schedule.steps])
        self._reached = set()  # names of the fast weights that a query loss depends on

    def run(self):
        """(weighted sum of query losses, last query's logits, totals of the gradients, records by position)."""
        episode, positions = self._episode, len(self.is_step)
        taken = collections.OrderedDict(
            (name, [tf.zeros_like(self._sources[name])] * len(episode.sets)) for name in episode.adapted
        )
        fast = collections.OrderedDict((name, self._sources[name]) for name in taken)
        fast[LABEL_EMBEDDINGS] = self._sources[LABEL_EMBEDDINGS]
        logits = tf.zeros([tf.size(episode.query.label_ids), episode.num_labels])
        names = ["support_loss", "query_loss", "norm"] + (self._traced_keys() if self._trace else [])
        arrays = {name: tf.TensorArray(tf.float32, positions, infer_shape=False) for name in names}
        totals = ()
        if self._with_gradient:
            totals = tuple(map_tensors(tf.zeros_like, part) for part in (self._sources, self._rates))

        def body(position, fast, taken, loss, logits, totals, arrays):
            before, taken_before = fast, taken
            fast, taken, record = self._maybe_step(position, fast, taken)
            query, totals = self._maybe_query(position, fast, taken, before, taken_before, logits, totals)
            weighted = self._weights[position] * query.loss
            written = {"support_loss": record.loss, "query_loss": query.loss, "norm": record.norm}
            if self._trace:
                written.update({"support_" + key: value for key, value in record.support._asdict().items()})
                written.update({"query_" + key: value for key, value in query._asdict().items()})
                written.update({"gradient/" + name: value for name, value in record.gradients.items()})
                written.update({"fast/" + name: fast[name] for name in episode.adapted})
            arrays = {name: array.write(position, written[name]) for name, array in arrays.items()}
            return position + 1, fast, taken, loss + weighted, query.logits, totals, arrays

        _, _, _, loss, logits, totals, arrays = tf.while_loop(
            lambda position, *_: position < positions,
            body,
            (0, fast, taken, tf.constant(0.0), logits, totals, arrays),
            parallel_iterations=2,  # the next step may start beside a query pass, which has the same weights
            maximum_iterations=positions,
        )
        return loss, logits, totals, {name: array.stack() for name, array in arrays.items()}

    def _traced_keys(self):
        keys = ["%s_%s" % (kind, field) for kind in ("support", "query") for field in Pass._fields if field != "loss"]
        return keys + [prefix + name for prefix in ("gradient/", "fast/") for name in self._episode.adapted]

    def _all_weights(self, fast):
        """{name: tensor} of the adapted and the other weights; new tensors, to differentiate by inside a branch."""
        return map_tensors(tf.identity, collections.OrderedDict(self._sources, **fast))

    # The step.

    def _maybe_step(self, position, fast, taken):
        def stay():
            zero = tf.constant(0.0)
            support = gradients = ()
            if self._trace:
                rows = tf.size(self._episode.mini_batch(0).label_ids)
                logits = tf.zeros([rows, self._episode.num_labels])
                support = Pass(zero, logits, zero, tf.zeros_like(fast[LABEL_EMBEDDINGS]))
                gradients = collections.OrderedDict((name, tf.zeros_like(fast[name])) for name in taken)
            return fast, taken, _Record(zero, zero, support, gradients)

        def step():
            return self._step(position, fast, taken)

        if not any(self.is_step):
            return stay()
        return step() if all(self.is_step) else tf.cond(tf.constant(self.is_step)[position], step, stay)

    def _step(self, position, fast, taken):
        episode, batch = self._episode, self._batches[position]
        weights = self._all_weights(fast)
        support = episode.support(weights, batch, position, self._given_labels(position, weights))
        weights[LABEL_EMBEDDINGS] = support.label_embs  # what the loss reads
        gradients = precision.gradients(
            support.loss, [weights[name] for name in episode.adapted], episode.config
        )
        gradients = collections.OrderedDict(zip(episode.adapted, gradients))
        halves = [half_square(name, gradient) for name, gradient in gradients.items()]
        gradients = map_tensors(tf.convert_to_tensor, gradients)
        if not episode.remakes_labels and not self._first_step:
            gradients, halves = tf.cond(
                tf.equal(position, 1),
                lambda: self._with_label_path(gradients, halves),
                lambda: (gradients, halves),
            )
        norm, scale = clip_half_squares(halves)
        taken = episode.accumulate(taken, gradients, episode.counted(scale, batch), self._rate_sets[position])
        moved = episode.moved(self._sources, self._rates, taken)
        if episode.remakes_labels:
            moved[LABEL_EMBEDDINGS] = support.label_embs  # those of the pass before the step
        traced = (support, gradients) if self._trace else ((), ())
        return moved, taken, _Record(support.loss, norm, *traced)

    def _given_labels(self, position, weights):
        """Label embeddings of a support pass, or a function from those that it makes; None: those that it makes."""
        if self._episode.remakes_labels:
            return None
        if not self._first_step:
            return weights[LABEL_EMBEDDINGS]
        return lambda made: tf.where(tf.fill(tf.shape(made), tf.equal(position, 0)), made, weights[LABEL_EMBEDDINGS])

    def _with_label_path(self, gradients, halves):
        """Adds the path loss -> label embeddings -> support batch 0 -> weights, which only the first gradient has."""
        episode = self._episode
        path = precision.gradients(
            self._made, list(episode.initial.values()), episode.config, grad_ys=gradients[LABEL_EMBEDDINGS]
        )
        path = dict(zip(episode.initial, path))
        total, total_halves = collections.OrderedDict(), []
        for (name, gradient), half in zip(gradients.items(), halves):
            more = None if name == LABEL_EMBEDDINGS else path[name]
            total[name] = gradient if more is None else gradient + tf.convert_to_tensor(more)
            if more is None:
                total_halves.append(half)
            elif name == WORD_EMBEDDINGS:  # gathered rows enter one by one (checklist, section 7)
                total_halves.append(half + half_square(name, more))
            else:
                total_halves.append(half_square(name, total[name]))
        return total, total_halves

    # The query.

    def _maybe_query(self, position, fast, taken, before, taken_before, logits, totals):
        def skip():
            zero = tf.constant(0.0)
            return Pass(zero, logits, zero, tf.zeros_like(fast[LABEL_EMBEDDINGS])), totals

        def query():
            return self._query(position, fast, taken, before, taken_before, totals)

        return query() if all(self.is_query) else tf.cond(tf.constant(self.is_query)[position], query, skip)

    def _query(self, position, fast, taken, before, taken_before, totals):
        episode = self._episode
        weights = self._all_weights(fast)
        result = episode.query_pass(weights, position)
        if not self._with_gradient:
            return result, totals
        gradients = precision.gradients(
            self._weights[position] * result.loss, list(weights.values()), episode.config
        )
        partials = self._present(weights, gradients)
        if episode.remakes_labels:  # made in the support pass before, from the weights before the step
            weights = self._all_weights(before)
            path = episode.label_gradients(weights, self._batches[position], position, partials.pop(LABEL_EMBEDDINGS))
            totals = self._add(totals, self._present(weights, path), taken_before)
        return result, self._add(totals, partials, taken)

    @staticmethod
    def _present(names, gradients):
        return collections.OrderedDict(
            (name, tf.convert_to_tensor(g)) for name, g in zip(names, gradients) if g is not None
        )

    def _add(self, totals, partials, taken):
        """Carries gradients by fast weights on to initial weights and rates."""
        self._reached.update(partials)
        of_sources, of_rates = (collections.OrderedDict(part) for part in totals)
        for name, partial in partials.items():
            of_sources[name] += partial
            if name in taken:
                of_rates[name] -= tf.stack([tf.reduce_sum(partial * total) for total in taken[name]])
        return of_sources, of_rates

    def to_variables(self, totals, initial):
        """{variable name: gradient or None}: from initial weights, label embeddings and rates to the variables."""
        episode = self._episode
        outputs, gradients = [], []
        for total, tensors in zip(totals, (initial, episode.rates)):
            names = [name for name in tensors if name in self._reached]
            outputs += [tensors[name] for name in names]
            gradients += [total[name] / episode.schedule.divisor for name in names]
        names = list(episode.variables)
        found = tf.gradients(outputs, [episode.variables[name] for name in names], grad_ys=gradients)
        return dict(zip(names, found))


def map_tensors(function, tensors):
    """{name: function(tensor)}, in the order of the names."""
    return collections.OrderedDict((name, function(tensor)) for name, tensor in tensors.items())
