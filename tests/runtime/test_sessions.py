"""Settings of TensorFlow's sessions."""

import numpy as np
import pytest

from learner.configs import LearnerConfig
from modeling import BertConfig
from runtime import compat, sessions
from runtime.compat import tf

BERT = BertConfig(vocab_size=9)


def test_optimiser_is_off_only_where_asked_and_without_mixed_precision(monkeypatch):
    def is_off(optimise, gpus=0, **settings):
        monkeypatch.setattr(sessions, "gpus", lambda: gpus)
        proto = sessions.session_config(BERT, LearnerConfig(**settings), optimise=optimise)
        return proto.graph_options.rewrite_options.disable_meta_optimizer

    assert is_off(optimise=False)
    assert not is_off(optimise=True)
    assert not is_off(optimise=False, amp=True)
    assert not is_off(optimise=False, gpus=1)


@pytest.mark.parametrize(
    "cores, gpus, width, settings, threads",
    [
        (8, 0, 384, {}, 4), (1, 0, 384, {}, 1), (8, 0, 384, dict(reference_mode=True), 0), (8, 1, 384, {}, 0),
        (8, 0, 12, {}, 0),
    ],
)
def test_halves_of_wide_encoders_share_the_cores_without_gpu(monkeypatch, cores, gpus, width, settings, threads):
    monkeypatch.setattr(sessions, "cores", lambda: cores)
    monkeypatch.setattr(sessions, "gpus", lambda: gpus)
    configs = BertConfig(vocab_size=9, hidden_size=width), LearnerConfig(**settings)
    assert sessions.works_in_halves(*configs) is (threads > 0)
    assert sessions.session_config(*configs).intra_op_parallelism_threads == threads
    sessions.set_up_process(*configs)  # whatever TensorFlow did before



@pytest.mark.parametrize("tf32", [False, True])
def test_the_process_is_told_how_to_multiply(monkeypatch, tf32):
    told = []
    monkeypatch.setattr(sessions, "round_products", told.append)
    sessions.set_up_process(BERT, LearnerConfig(tf32=tf32))
    assert told == [tf32]


def test_mixed_precision_and_xla_are_off_by_default(monkeypatch):
    monkeypatch.setattr(sessions, "gpus", lambda: 1)
    for settings, on in (({}, False), (dict(amp=True, xla=True), True)):
        graph = sessions.session_config(BERT, LearnerConfig(**settings)).graph_options
        assert (graph.rewrite_options.auto_mixed_precision == graph.rewrite_options.ON) is on
        assert (graph.optimizer_options.global_jit_level == tf.OptimizerOptions.ON_1) is on


@pytest.mark.parametrize("cards, gpus, is_noted", [(0, 0, False), (2, 0, True), (2, 2, False)])
def test_cards_that_tensorflow_cannot_use_are_noted(monkeypatch, tmp_path, cards, gpus, is_noted):
    for name in ["nvidia%d" % i for i in range(cards)] + ["nvidiactl"]:
        (tmp_path / name).touch()
    monkeypatch.setattr(sessions, "CARDS", str(tmp_path / "nvidia[0-9]*"))
    monkeypatch.setattr(sessions, "gpus", lambda: gpus)
    note = sessions.unused_gpus()
    assert bool(note) is is_noted
    assert not note or ("NVIDIA GPUs (2)" in note and "--with=gpu" in note)


def test_options_exist_in_this_runtime():
    options = tf.ConfigProto().graph_options.rewrite_options
    for on_gpu in (False, True):
        assert all(hasattr(options, name) for name in compat.mixed_precision_options(on_gpu))


def test_products_with_mixed_precision_stay_near():
    random = np.random.RandomState(0)
    a, b = [np.float32(random.standard_normal([64, 64])) for _ in range(2)]
    found = []
    for amp in (False, True):
        with tf.Graph().as_default():
            x, y = [tf.placeholder(tf.float32, [None, 64]) for _ in range(2)]
            product = tf.matmul(tf.nn.relu(x), y)
            with tf.Session(config=sessions.session_config(BERT, LearnerConfig(amp=amp))) as session:
                found.append(session.run(product, {x: a, y: b}))
    np.testing.assert_allclose(found[1], found[0], atol=0.02 * np.abs(found[0]).max())
