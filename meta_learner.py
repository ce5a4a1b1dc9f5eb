"""Meta-learning of few-shot tasks: the inner loop, and the meta-gradient through it.

A task adapts the initial weights with a few SGD steps on its support rows and is judged on its query rows (MAML, Finn
et al. 2017; Meta-SGD, Li et al. 2017; Bansal et al. 2019, algorithm 1). The state of the inner loop is the sum of the
clipped gradients taken so far, one sum per set of learned rates; the fast weights follow from it:

    fast = initial - sum_k rate_k * taken_k

With ``stop_grad`` the sums are constants, so the meta-gradient of a query loss needs no backward pass through the inner
steps, and the loop need not be unrolled (`_looped`). Without it autodiff goes through the sums (`_unrolled`).

"Checklist" below is tests/golden/CHECKLIST.md.
"""
import collections

import adaptation
import heads
import modeling
from adaptation import LABEL_EMBEDDINGS, LAYER_MIXTURE
from compat import tf
from episode import Batch, Classifier, Pass
from modeling import WORD_EMBEDDINGS
from schedule import make_schedule, rate_sets_reaching_loss, rate_sets_used

Task = collections.namedtuple(
    "Task",
    [
        "support",  # Batch of meta_batchsz rows
        "query",  # Batch of the other rows
        "num_labels",  # int32 scalar, the task's number of classes
    ],
)

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


def create_variables(bert_config, config):
    """Makes encoder, heads and learned rates; returns {name: variable}."""
    weights = modeling.create_variables(bert_config)
    weights.update(heads.create_variables(bert_config, config))
    weights.update(adaptation.create_rates(list(weights) + [LABEL_EMBEDDINGS], config))
    return weights


def make_task(rows, config):
    """Splits the rows of one task, in order, into support (the first meta_batchsz) and query.

    Args:
      rows: dict of input_ids, input_mask, segment_ids [rows, seq] and label_ids, num_labels [rows].
      config: LearnerConfig.
    """
    batch = Batch(*[rows[name] for name in Batch._fields])
    support = Batch(*[part[: config.meta_batchsz] for part in batch])
    query = Batch(*[part[config.meta_batchsz :] for part in batch])
    return Task(support, query, rows["num_labels"][0])


def run_tasks(
    variables, tasks, bert_config, config, evaluation=False, dropouts=None, last_step=None, trace=False, unroll=False
):
    """Runs the inner loop on every task; returns a list of TaskResult.

    Args:
      variables: {name: variable} of `create_variables`.
      tasks: list of Task.
      bert_config, config: BertConfig and LearnerConfig.
      evaluation: meta-evaluation: five inner epochs, no meta-gradient.
      dropouts: a dropout.Dropout for each task, or None for none (as in meta-evaluation).
      last_step: int32 scalar in the place of the random number that randomize_inner_steps draws.
      trace: keep every pass and gradient, for tests.
      unroll: build the inner loop as one graph for first order too (second order always is).
    """
    schedule = make_schedule(config, evaluation)
    run = _unrolled if unroll or config.reference_mode or not config.stop_grad else _looped
    results = []
    for task, dropout in zip(tasks, dropouts or [None] * len(tasks)):
        limit = None
        if config.randomize_inner_steps and config.num_batches > 0 and not evaluation:
            limit = draw_last_step(config, dropout) if last_step is None else last_step
        episode = _Episode(variables, task, bert_config, config, schedule, limit, dropout)
        results.append(run(episode, with_gradient=not evaluation, trace=trace))
    return results


def draw_last_step(config, dropout):
    """Id of the last mini-batch whose step counts, uniform in min_inner_steps .. num_batches - 1."""
    if dropout is None:
        return tf.random.uniform([], config.min_inner_steps, config.num_batches, dtype=tf.int32)
    return tf.random.stateless_uniform([], dropout.draw(), config.min_inner_steps, config.num_batches, tf.int32)


def mean_of_tasks(results):
    """(loss, accuracy) of a meta-batch: plain means over the tasks' TaskResult."""
    share = 1.0 / len(results)
    return tf.add_n([r.loss for r in results]) * share, tf.add_n([r.accuracy for r in results]) * share


def outer_gradients(results, variables, config):
    """Mean over tasks of the meta-gradients.

    Returns:
      {name: dense gradient}, without the variables that no task's loss depends on: those get no update at all.
    """
    unreached = _unreached_rates(variables, config)
    gradients = collections.OrderedDict()
    for name, variable in variables.items():
        parts = [result.gradients[name] for result in results]
        if variable.trainable and name not in unreached and all(part is not None for part in parts):
            gradients[name] = tf.add_n([tf.convert_to_tensor(part) for part in parts]) / float(len(parts))
    return gradients


def _unreached_rates(variables, config):
    """Names of the rates that the loss of a task does not depend on."""
    schedule = make_schedule(config)
    reached = set()
    for name in list(variables) + [LABEL_EMBEDDINGS]:
        if adaptation.is_rate(name) or not adaptation.is_adapted(name, config):
            continue
        in_query = not name.startswith("label_") or name == LABEL_EMBEDDINGS
        in_labels = not config.update_only_label_embedding and (
            not name.startswith("output_") or config.prototypical_baseline
        )
        sets = rate_sets_reaching_loss(schedule, adaptation.restarts(name), in_query, in_labels)
        reached.update(adaptation.rate_name(name, rate_set) for rate_set in sets)
    return {name for name in variables if adaptation.is_rate(name) and name not in reached}


class _Episode(Classifier):
    """One task's rows, and the initial weights and rates that it starts from."""

    def __init__(self, variables, task, bert_config, config, schedule, last_step, dropout):
        super().__init__(bert_config, config, task.num_labels, dropout)
        self.variables = variables
        self.schedule = schedule
        self.remakes_labels = not config.update_only_label_embedding
        self._last_step = last_step
        self._sets = rate_sets_used(schedule)
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
        self.adapted = [name for name in names if self._sets and adaptation.is_adapted(name, config)]
        self.rates = collections.OrderedDict(
            (name, adaptation.rate_stack(name, variables, config, self._sets)) for name in self.adapted
        )  # each [sets used]

    def mini_batch(self, index):
        """Support mini-batch of a Python or tensor index; the whole support where num_batches is 0."""
        if self.config.num_batches == 0:
            return self._support
        size = self.config.meta_batchsz // self.config.num_batches
        return Batch(*[part[index * size : (index + 1) * size] for part in self._support])

    def step_pass(self, fast, index):
        """Support pass of an inner step: label embeddings are among the fast weights, or remade from the batch."""
        return self.support_pass(fast, self.mini_batch(index), None if self.remakes_labels else fast[LABEL_EMBEDDINGS])

    def query_pass(self, fast):
        """Pass on the query rows with the fast weights, the label embeddings among them."""
        features = self.features(fast, self.query, fast.get(LAYER_MIXTURE))
        return self.classify(fast, features, fast[LABEL_EMBEDDINGS], self.query.label_ids)

    def take_step(self, taken, support, fast, index, rate_set):
        """Inner gradient of a support pass, clipped and added to the sums.

        Args:
          taken: {name: [a sum per set used]}; empty before the first step.
          support: Pass made with `fast`.
          fast: {name: tensor} that the gradient is taken by.
          index, rate_set: support mini-batch and set of rates, Python or tensor integers.

        Returns:
          (new sums, {name: gradient before clipping}, its norm)
        """
        gradients = tf.gradients(support.loss, [fast[name] for name in self.adapted])
        gradients = collections.OrderedDict((n, g) for n, g in zip(self.adapted, gradients) if g is not None)
        norm, scale = clip_scale(gradients)
        if self._last_step is not None:
            scale *= tf.cast(index <= self._last_step, tf.float32)
        updated = collections.OrderedDict()
        for name, gradient in gradients.items():
            step = tf.convert_to_tensor(gradient) * scale
            if self.config.stop_grad:
                step = tf.stop_gradient(step)
            steps = [step]
            if len(self._sets) > 1:
                steps = [step * tf.cast(tf.equal(rate_set, used), tf.float32) for used in self._sets]
            if name in taken and not adaptation.restarts(name):
                steps = [total + step for total, step in zip(taken[name], steps)]
            updated[name] = steps
        return updated, gradients, norm

    def fast_weights(self, initial, rates, taken, support=None):
        """initial - sum_k rate_k * taken_k; label embeddings that are remade are those of the support pass."""
        fast = collections.OrderedDict(initial)
        for name, sums in taken.items():
            fast[name] = initial[name] - tf.add_n([rates[name][k] * total for k, total in enumerate(sums)])
        if self.remakes_labels and support is not None:
            fast[LABEL_EMBEDDINGS] = support.label_embs
        return fast


def clip_scale(gradients):
    """Joint norm of {name: gradient}, and the factor that clips it to norm 1.

    The word table's gradient enters row by gathered row, duplicates apart (checklist, section 7).
    """
    halves = []  # halves of the squared norms
    for name, gradient in gradients.items():
        rows = gradient.values if name == WORD_EMBEDDINGS and isinstance(gradient, tf.IndexedSlices) else gradient
        halves.append(tf.nn.l2_loss(tf.convert_to_tensor(rows)))
    norm = tf.sqrt(2.0 * tf.add_n(halves))
    return norm, 1.0 / tf.maximum(norm, 1.0)


def _unrolled(episode, with_gradient, trace):
    """The inner loop as one graph, differentiable to any order; returns TaskResult."""
    schedule, log = episode.schedule, _Log()
    first = log.support(episode.support_pass(episode.initial, episode.mini_batch(0)))
    initial = collections.OrderedDict(episode.initial)
    initial[LABEL_EMBEDDINGS] = first.label_embs
    fast, taken, losses = initial, {}, []
    if schedule.first_step:
        taken = log.step(*episode.take_step(taken, first, fast, 0, 0))
        fast = episode.fast_weights(initial, episode.rates, taken, first)
    if schedule.first_query_weight is not None:
        losses.append(schedule.first_query_weight * log.query(episode.query_pass(fast), fast).loss)
    for step in schedule.steps:
        support = log.support(episode.step_pass(fast, step.batch))
        taken = log.step(*episode.take_step(taken, support, fast, step.batch, step.rate_set))
        fast = episode.fast_weights(initial, episode.rates, taken, support)
        if step.query_weight is not None:
            losses.append(step.query_weight * log.query(episode.query_pass(fast), fast).loss)
    loss = tf.add_n(losses) / schedule.divisor
    gradients = None
    if with_gradient:
        names = list(episode.variables)
        gradients = dict(zip(names, tf.gradients(loss, [episode.variables[name] for name in names])))
    return log.result(episode, loss, log.logits, gradients, trace)


def _looped(episode, with_gradient, trace):
    """First-order form: adds up the meta-gradient query by query, in a loop over the inner steps.

    A query loss depends on initial weights and rates through `fast_weights` alone, with constant sums; label embeddings
    pass their gradient back into support batch 0 (or, where they are remade, into the batch before the query). So a
    query needs one backward pass, at once, and nothing of the steps before is kept. Returns TaskResult.
    """
    schedule, log = episode.schedule, _Log()
    first = log.support(episode.support_pass(episode.initial, episode.mini_batch(0)))
    initial = collections.OrderedDict(episode.initial)
    initial[LABEL_EMBEDDINGS] = first.label_embs
    # What query losses are differentiated by, cut from the variables so that no path is counted twice.
    sources = _map(tf.stop_gradient, initial)
    rates = _map(tf.stop_gradient, episode.rates)
    meta = _MetaGradient(sources, rates, with_gradient)
    fast, taken = sources, {}
    sums = _Sums(
        loss=tf.constant(0.0),
        logits=tf.zeros([tf.size(episode.query.label_ids), episode.num_labels]),
        gradient=meta.zeros(),
    )

    def query(fast, weight, sums):
        result, partials = meta.query(episode, fast, weight)
        log.query(result, fast)
        return _Sums(
            sums.loss + weight * result.loss, result.logits, meta.add(sums.gradient, fast, partials, sources, rates)
        )

    steps = list(schedule.steps)
    if schedule.first_step:
        taken = log.step(*episode.take_step(taken, first, initial, 0, 0))
        fast = episode.fast_weights(
            sources, rates, taken, first._replace(label_embs=sources[LABEL_EMBEDDINGS])
        )
    if schedule.first_query_weight is not None:
        sums = query(fast, schedule.first_query_weight, sums)
    if steps and not taken:
        # The first gradient is apart: it reaches the encoder through the label embeddings of batch 0 too.
        step = steps.pop(0)
        start = sources if episode.remakes_labels else initial
        support = log.support(episode.step_pass(start, step.batch))
        taken = log.step(*episode.take_step(taken, support, start, step.batch, step.rate_set))
        if step.query_weight is not None:
            sums = query(episode.fast_weights(sources, rates, taken, support), step.query_weight, sums)
    if steps:
        sums = _loop(episode, steps, sources, rates, taken, sums, meta, log, trace)
    gradients = meta.finish(sums.gradient, initial, episode, schedule.divisor) if with_gradient else None
    return log.result(episode, sums.loss / schedule.divisor, sums.logits, gradients, trace)


_Sums = collections.namedtuple("_Sums", ["loss", "logits", "gradient"])  # logits: those of the last query pass


def _loop(episode, steps, sources, rates, taken, sums, meta, log, trace):
    """Runs inner steps that have sums to start from in a `tf.while_loop`; returns the new _Sums."""
    batches = tf.constant([step.batch for step in steps])
    rate_sets = tf.constant([step.rate_set for step in steps])
    is_query = [step.query_weight is not None for step in steps]
    has_query = tf.constant(is_query)
    weights = tf.constant([step.query_weight or 0.0 for step in steps])
    remembered = list(taken) if trace else []
    arrays = {key: tf.TensorArray(tf.float32, len(steps), infer_shape=False) for key in _record_keys(remembered)}
    dropout = episode.dropout

    def body(index, taken, sums, arrays):
        episode.dropout = dropout.in_loop(index) if dropout else None
        local_sources, local_rates = _map(tf.identity, sources), _map(tf.identity, rates)
        fast = episode.fast_weights(local_sources, local_rates, taken)
        support = episode.step_pass(fast, batches[index])
        taken, gradients, norm = episode.take_step(taken, support, fast, batches[index], rate_sets[index])
        fast = episode.fast_weights(local_sources, local_rates, taken, support)

        def run_query():
            result, partials = meta.query(episode, fast, weights[index])
            return weights[index] * result.loss, result, partials

        def skip_query():
            result = Pass(tf.constant(0.0), sums.logits, tf.constant(0.0), tf.zeros_like(fast[LABEL_EMBEDDINGS]))
            return tf.constant(0.0), result, meta.no_partials(fast)

        loss, result, partials = tf.cond(has_query[index], run_query, skip_query)
        gradient = meta.add(sums.gradient, fast, partials, local_sources, local_rates)
        record = _record(support, result, norm, gradients, fast, remembered)
        arrays = {key: array.write(index, record[key]) for key, array in arrays.items()}
        return index + 1, taken, _Sums(sums.loss + loss, result.logits, gradient), arrays

    _, _, sums, arrays = tf.while_loop(
        lambda index, *_: index < len(steps),
        body,
        (0, taken, sums, arrays),
        parallel_iterations=1,
        maximum_iterations=len(steps),
    )
    episode.dropout = dropout
    log.loop({key: array.stack() for key, array in arrays.items()}, is_query, remembered)
    return sums


def _record(support, query, norm, gradients, fast, remembered):
    """What the loop writes down at each step: losses and norm, and all else where there are names to remember."""
    record = {"support_loss": support.loss, "query_loss": query.loss, "norm": norm}
    if remembered:
        for kind, result in (("support", support), ("query", query)):
            record.update({"%s_%s" % (kind, field): value for field, value in result._asdict().items()})
        record.update({"gradient/" + name: tf.convert_to_tensor(gradients[name]) for name in remembered})
        record.update({"fast/" + name: fast[name] for name in remembered})
    return record


def _record_keys(remembered):
    keys = ["support_loss", "query_loss", "norm"]
    if remembered:
        keys += ["%s_%s" % (kind, field) for kind in ("support", "query") for field in Pass._fields if field != "loss"]
        keys += [prefix + name for prefix in ("gradient/", "fast/") for name in remembered]
    return keys


class _MetaGradient:
    """Weighted sum of the query losses' gradients with respect to initial weights and rates (first order)."""

    def __init__(self, sources, rates, enabled):
        self._sources, self._rates = sources, rates
        self._enabled = enabled
        self._fast_reached = set()  # fast weights that a query loss depends on
        self._reached = set()  # positions in _tensors that some query loss depends on

    @staticmethod
    def _tensors(sources, rates):
        return list(sources.values()) + list(rates.values())

    def zeros(self):
        return [tf.zeros_like(t) for t in self._tensors(self._sources, self._rates)] if self._enabled else []

    def query(self, episode, fast, weight):
        """Query pass, and {name: weighted gradient of its loss by the fast weight}."""
        fast = _map(tf.identity, fast)  # inside a branch these are captured: differentiate by what the pass reads
        result = episode.query_pass(fast)
        if not self._enabled:
            return result, collections.OrderedDict()
        partials = self.no_partials(fast)
        for name, gradient in zip(fast, tf.gradients(result.loss, list(fast.values()))):
            if gradient is not None:
                self._fast_reached.add(name)
                partials[name] = weight * tf.convert_to_tensor(gradient)
        return result, partials

    def no_partials(self, fast):
        return _map(tf.zeros_like, fast) if self._enabled else collections.OrderedDict()

    def add(self, totals, fast, partials, sources, rates):
        """Carries the partials on from fast weights to `sources` and `rates`, and adds them to the totals."""
        if not self._enabled:
            return totals
        names = [name for name in fast if name in self._fast_reached]
        gradients = tf.gradients(
            [fast[name] for name in names],
            self._tensors(sources, rates),
            grad_ys=[partials[name] for name in names],
        )
        self._reached.update(index for index, gradient in enumerate(gradients) if gradient is not None)
        return [total if g is None else total + tf.convert_to_tensor(g) for total, g in zip(totals, gradients)]

    def finish(self, totals, initial, episode, divisor):
        """{variable name: gradient or None}: from initial weights, label embeddings and rates to the variables."""
        outputs = self._tensors(initial, episode.rates)
        names = list(episode.variables)
        gradients = tf.gradients(
            [outputs[index] for index in sorted(self._reached)],
            [episode.variables[name] for name in names],
            grad_ys=[totals[index] / divisor for index in sorted(self._reached)],
        )
        return dict(zip(names, gradients))


class _Log:
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

    def step(self, taken, gradients, norm):
        self._gradients.append(gradients)
        self._norms.append(norm[None])
        return taken

    def loop(self, records, is_query, remembered):
        """Adds the stacked records of a loop."""
        losses = {kind: tf.reshape(records[kind + "_loss"], [len(is_query)]) for kind in self._losses}
        queries = [index for index, queried in enumerate(is_query) if queried]
        self._losses["support"].append(losses["support"])
        self._losses["query"].append(tf.gather(losses["query"], tf.constant(queries, tf.int32)))
        self._norms.append(tf.reshape(records["norm"], [len(is_query)]))
        for index, queried in enumerate(is_query if remembered else []):
            for kind in ["support", "query"] if queried else ["support"]:
                fields = [records["%s_%s" % (kind, field)][index] for field in Pass._fields]
                self._passes.append((kind, Pass(*fields)))
            self._gradients.append({name: records["gradient/" + name][index] for name in remembered})
            if queried:
                self._queried = {name: records["fast/" + name][index] for name in remembered}

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


def _map(function, tensors):
    return collections.OrderedDict((name, function(tensor)) for name, tensor in tensors.items())
