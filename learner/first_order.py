"""The first-order meta-gradient of one task, without unrolling the inner loop.

With constant sums of clipped gradients (`stop_grad`) a query loss depends on the initial weights and the rates through

    fast = initial - sum_k rate_k * taken_k

alone. So each query pass needs one backward pass, at once: initial weights receive the gradient by the fast weights,
rate k receives minus its dot product with taken_k, and nothing of the steps before is kept. Label embeddings pass their
part back into the support batch that they were made from.
"""
import collections

from learner import descent, heads
from learner.adaptation import LABEL_EMBEDDINGS
from learner.classifier import Pass
from learner.episode import InnerStep, State
from learner.inner_schedule import Position
from learner.trace import Log
from modeling import WORD_EMBEDDINGS
from runtime.compat import tf


def run(episode, with_gradient, trace):
    """Runs the inner loop of an episode.Episode; returns trace.TaskResult."""
    log = Log()
    first, state = episode.begin()
    log.support(first)
    loop = _Loop(episode, state.start, with_gradient, trace)
    loss, logits, totals, records = loop.run()
    log.loop(episode.schedule.positions, logits, records, episode.adapted if trace else None)
    gradients = loop.to_variables(totals) if with_gradient else None
    return log.result(episode, loss / episode.schedule.divisor, gradients, trace)


class _Loop:
    """A tf.while_loop over the positions of an episode's schedule.

    At each a support pass and a step, then a query pass, where the schedule has them. The label embeddings of support
    batch 0 exist already.

    Args:
      episode: episode.Episode.
      start: its Start.
      with_gradient: whether the meta-gradient is wanted.
      trace: whether every pass and gradient is.
    """

    def __init__(self, episode, start, with_gradient, trace):
        self._episode, self._with_gradient, self._trace = episode, with_gradient, trace
        self._differentiable = start
        # What query losses are differentiated by, cut from the variables so that no path is counted twice.
        self._start = tf.nest.map_structure(tf.stop_gradient, start)
        positions = episode.schedule.positions
        self._is_step = [position.rate_set is not None for position in positions]
        self._is_query = [position.query_weight is not None for position in positions]
        filled = [Position(p.batch, p.rate_set or 0, p.query_weight or 0.0) for p in positions]
        self._positions = Position(*[tf.constant(part) for part in zip(*filled)])  # each [positions]
        # Names of the weights that a query pass depends on, and those that label embeddings are made from.
        names = [n for n in start.weights if not (episode.encoder_is_constant and n.startswith("bert/"))]
        self._in_query = [name for name in names if heads.in_query_pass(name, episode.config)]
        self._in_labels = [name for name in names if heads.in_label_embeddings(name, episode.config)]

    def run(self):
        """(weighted sum of query losses, last query's logits, totals of the gradients, records by position)."""
        episode, count = self._episode, len(self._is_step)
        taken = collections.OrderedDict(
            (name, [tf.zeros_like(self._start.weights[name])] * len(episode.sets)) for name in episode.adapted
        )
        logits = tf.zeros([tf.size(episode.query_rows.label_ids), episode.num_labels])
        arrays = {key: tf.TensorArray(tf.float32, count, infer_shape=False) for key in self._keys()}

        def body(at, changing, taken, loss, logits, totals, arrays):
            position = Position(*[part[at] for part in self._positions])
            before = self._state(changing, taken)
            changing, taken, written = self._maybe_step(before, position, at)
            after = self._state(changing, taken)
            query, totals = self._maybe_query(after, before, position, at, logits, totals)
            written.update(self._record_query(query, after))
            arrays = {key: array.write(at, written[key]) for key, array in arrays.items()}
            return at + 1, changing, taken, loss + position.query_weight * query.loss, query.logits, totals, arrays

        _, _, _, loss, logits, totals, arrays = tf.while_loop(
            lambda at, *_: at < count,
            body,
            (0, self._changing(self._start.weights), taken, tf.constant(0.0), logits, self._no_totals(), arrays),
            parallel_iterations=2,  # the next step may start beside a query pass, which has the same weights
            maximum_iterations=count,
        )
        return loss, logits, totals, {key: array.stack() for key, array in arrays.items()}

    def _changing(self, weights):
        """The weights that differ from one position to the next."""
        names = [name for name in self._episode.adapted if name != LABEL_EMBEDDINGS] + [LABEL_EMBEDDINGS]
        return collections.OrderedDict((name, weights[name]) for name in names)

    def _state(self, changing, taken):
        return State(self._start, collections.OrderedDict(self._start.weights, **changing), taken)

    # The step.

    def _maybe_step(self, state, position, at):
        """(changing weights, sums taken, records)."""

        def step():
            stepped, support, made = self._step(state, position, at)
            return self._changing(stepped.weights), stepped.taken, self._record_step(support, made)

        def stay():
            zero = tf.constant(0.0)
            logits = tf.zeros([self._episode.support_size, self._episode.num_labels])
            support = Pass(zero, logits, zero, tf.zeros_like(state.weights[LABEL_EMBEDDINGS]))
            gradients = tf.nest.map_structure(tf.zeros_like, {n: state.weights[n] for n in self._traced()})
            records = self._record_step(support, InnerStep(gradients, zero))
            return self._changing(state.weights), state.taken, records

        if not any(self._is_step):
            return stay()
        return step() if all(self._is_step) else tf.cond(tf.constant(self._is_step)[at], step, stay)

    def _step(self, state, position, at):
        """(State after the step, support Pass, InnerStep)."""
        state = _with_new_tensors(state)
        support = self._episode.support(state, position, at, self._given_labels(state, at))
        stepped, made = self._episode.inner_step(state, support, position, self._label_path(at))
        return stepped, support, made

    def _given_labels(self, state, at):
        """None, or what tells the support pass at position 0, where that is a step too, to use what it makes."""
        if self._episode.remakes_labels or not self._is_step[0]:
            return None
        stored = state.weights[LABEL_EMBEDDINGS]
        return lambda made: tf.where(tf.fill(tf.shape(made), tf.equal(at, 0)), made, stored)

    def _label_path(self, at):
        """None, or what adds to the first step's gradient the path through the label embeddings, made in another pass.

        It goes loss -> label embeddings -> support batch 0 -> weights.
        """
        if self._episode.remakes_labels or self._is_step[0]:
            return None
        return lambda *found: tf.cond(tf.equal(at, 1), lambda: self._with_label_path(*found), lambda: found)

    def _with_label_path(self, gradients, half_squares):
        weights, config = self._differentiable.weights, self._episode.config
        names = [name for name in gradients if name != LABEL_EMBEDDINGS]
        made, partial = weights[LABEL_EMBEDDINGS], gradients[LABEL_EMBEDDINGS]
        path = descent.gradients(made, weights, names, config, partial)
        gradients, half_squares = collections.OrderedDict(gradients), collections.OrderedDict(half_squares)
        for name, half_square in descent.half_squares(path).items():
            gradients[name] += tf.convert_to_tensor(path[name])
            if name == WORD_EMBEDDINGS:  # gathered rows enter one by one (checklist, section 7)
                half_squares[name] += half_square
            else:
                half_squares[name] = tf.nn.l2_loss(gradients[name])
        return gradients, half_squares

    # The query.

    def _maybe_query(self, state, before, position, at, logits, totals):
        """(query Pass, totals); `before` is the State before the step."""

        def skip():
            zero = tf.constant(0.0)
            return Pass(zero, logits, zero, tf.zeros_like(state.weights[LABEL_EMBEDDINGS])), totals

        def query():
            return self._query(state, before, position, at, totals)

        return query() if all(self._is_query) else tf.cond(tf.constant(self._is_query)[at], query, skip)

    def _query(self, state, before, position, at, totals):
        episode, state = self._episode, _with_new_tensors(state)
        result = episode.query(state, at)
        if not self._with_gradient:
            return result, totals
        loss = position.query_weight * result.loss
        partials = descent.dense(descent.gradients(loss, state.weights, self._in_query, episode.config))
        if episode.remakes_labels:  # made in the support pass before, from the weights before the step
            before = _with_new_tensors(before)
            made, partial = episode.label_embeddings(before.weights, position, at), partials.pop(LABEL_EMBEDDINGS)
            path = descent.gradients(made, before.weights, self._in_labels, episode.config, partial)
            totals = _added(totals, descent.dense(path), before.taken)
        return result, _added(totals, partials, state.taken)

    # The meta-gradient.

    def _no_totals(self):
        """Zeros for the gradients by initial weights and by rates, of the names that a query loss depends on."""
        if not self._with_gradient:
            return ()
        start, reached = self._start, set(self._in_query)
        if self._episode.remakes_labels:
            reached = reached.union(self._in_labels) - {LABEL_EMBEDDINGS}
        return tuple(
            collections.OrderedDict((name, tf.zeros_like(part[name])) for name in part if name in reached)
            for part in (start.weights, start.rates)
        )

    def to_variables(self, totals):
        """{variable name: gradient}: from initial weights, label embeddings and rates to the variables."""
        episode, outputs, gradients = self._episode, [], []
        for total, tensors in zip(totals, self._differentiable):
            outputs += [tensors[name] for name in total]
            gradients += [gradient / episode.schedule.divisor for gradient in total.values()]
        names = list(episode.variables)
        found = tf.gradients(outputs, [episode.variables[name] for name in names], grad_ys=gradients)
        return {name: gradient for name, gradient in zip(names, found) if gradient is not None}

    # The records.

    def _keys(self):
        keys = ["support_loss", "norm", "query_loss"]
        if self._trace:
            fields = [field for field in Pass._fields if field != "loss"]
            keys += ["%s_%s" % (kind, field) for kind in ("support", "query") for field in fields]
        return keys + [kind + name for kind in ("gradient/", "fast/") for name in self._traced()]

    def _traced(self):
        return self._episode.adapted if self._trace else []

    def _record_step(self, support, made):
        found = {"support_" + field: value for field, value in support._asdict().items()}
        found.update({"gradient/" + name: made.gradients[name] for name in self._traced()}, norm=made.norm)
        return {key: found[key] for key in self._keys() if key in found}

    def _record_query(self, query, state):
        found = {"query_" + field: value for field, value in query._asdict().items()}
        found.update({"fast/" + name: state.weights[name] for name in self._traced()})
        return found


def _with_new_tensors(state):
    """The State with new tensors for weights, to differentiate by inside a branch."""
    return state._replace(weights=tf.nest.map_structure(tf.identity, state.weights))


def _added(totals, partials, taken):
    """Carries gradients by fast weights on to initial weights and rates."""
    of_weights, of_rates = (collections.OrderedDict(part) for part in totals)
    for name, partial in partials.items():
        of_weights[name] += partial
        if name in taken:
            of_rates[name] -= tf.stack([tf.reduce_sum(partial * total) for total in taken[name]])
    return of_weights, of_rates
