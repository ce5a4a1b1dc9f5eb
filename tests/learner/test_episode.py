"""The parts of the inner loop, one after the other: where it starts, its step, its passes."""
import numpy as np
import pytest
from few_shot_task import Model, make_config, make_rows, same

import meta_learner
from learner import adaptation
from learner.adaptation import LABEL_EMBEDDINGS
from modeling import WORD_EMBEDDINGS
from runtime.compat import tf

pytestmark = pytest.mark.usefixtures("graph")


def make(**changes):
    """(Model, Episode)."""
    model = Model(make_config(**changes))
    return model, meta_learner.make_episode(model.variables, model.task, model.bert_config, model.config)


def test_it_starts_with_the_variables_and_the_label_embeddings_of_batch_0():
    model, episode = make(update_only_label_embedding=True)
    first, state = episode.begin()
    assert state.weights[LABEL_EMBEDDINGS] is first.label_embs and state.taken == {}
    assert LABEL_EMBEDDINGS in episode.adapted and "label_weights_0" not in episode.adapted
    assert not [name for name in state.weights if adaptation.is_rate(name)]
    weights = {name: tensor for name, tensor in state.start.weights.items() if name != LABEL_EMBEDDINGS}
    remade = episode.label_embeddings(state.weights, episode.schedule.positions[0], 0)
    found, words, rates, embeddings, again = model.run(
        [weights, episode.word_ids, state.start.rates, first.label_embs, remade]
    )
    rows = make_rows(model.config)["input_ids"]
    assert sorted(words) == sorted(set(rows.ravel()))  # of the word table only what the task reads
    for name, value in found.items():
        expected = model.values[name]
        same(value, expected[words] if name == WORD_EMBEDDINGS else expected, name)
    for name in episode.adapted:
        same(rates[name], [model.values[adaptation.rate_name(name, 0)]], name)
    same(again, embeddings)


def test_in_reference_mode_the_whole_word_table_is_there():
    model, episode = make(reference_mode=True)
    assert model.run(episode.word_ids).tolist() == list(range(model.bert_config.vocab_size))


@pytest.mark.parametrize("changes", [dict(update_only_label_embedding=True), dict()])
def test_two_steps_by_hand(changes):
    """Clipped gradients add up, but for weights that restart: there the last step alone counts."""
    model, episode = make(sgd_first_batch=True, **changes)
    positions = episode.schedule.positions
    first, state = episode.begin()
    one, taken = episode.inner_step(state, first, positions[0])
    support = episode.support(one, positions[1], 1)
    two, again = episode.inner_step(one, support, positions[1])
    start = {name: state.start.weights[name] for name in episode.adapted}
    fast = {name: two.weights[name] for name in episode.adapted}
    untouched = [two.weights[name] is state.start.weights[name] for name in two.weights if name not in episode.adapted]
    steps = [
        {name: tf.convert_to_tensor(gradient) for name, gradient in made.gradients.items()} for made in (taken, again)
    ]
    start, fast, steps, norms, made = model.run([start, fast, steps, [taken.norm, again.norm], support.label_embs])
    assert len(fast) > 5 and all(untouched[1:] if episode.remakes_labels else untouched)
    for name, value in fast.items():
        if name == LABEL_EMBEDDINGS and episode.remakes_labels:
            same(value, made, name)  # those of the batch before the step
            continue
        clipped = [step[name] / max(1.0, norm) for step, norm in zip(steps, norms)]
        total = clipped[-1] if adaptation.restarts(name) else sum(clipped)
        same(value, start[name] - model.values[adaptation.rate_name(name, 0)] * total, name)


def test_gradients_are_those_of_the_support_loss():
    """Finite differences of the loss of one mini-batch in the label embeddings."""
    model, episode = make(update_only_label_embedding=True, sgd_first_batch=True)
    first, state = episode.begin()
    _, made = episode.inner_step(state, first, episode.schedule.positions[0])
    shift = tf.placeholder_with_default(np.zeros([3, 3], np.float32), [3, 3])
    embeddings = tf.stop_gradient(first.label_embs) + shift
    loss = episode.support(state, episode.schedule.positions[0], 0, embeddings).loss
    gradient = model.run(made.gradients[LABEL_EMBEDDINGS])
    feed = dict(zip(model.rows.values(), make_rows(model.config).values()))
    for place in ((0, 0), (1, 2)):
        step = np.zeros([3, 3], np.float32)
        step[place] = 1e-2
        up, down = (model.session.run(loss, {**feed, shift: each}) for each in (step, -step))
        np.testing.assert_allclose((up - down) / 2e-2, gradient[place], rtol=0.02, atol=1e-3)


def test_a_query_pass_reads_the_weights_of_the_state():
    model, episode = make(update_only_label_embedding=True, sgd_first_batch=True)
    first, state = episode.begin()
    after, _ = episode.inner_step(state, first, episode.schedule.positions[0])
    found = model.run([episode.query(each, 0).loss for each in (state, after)])
    assert abs(found[0] - found[1]) > 1e-4
