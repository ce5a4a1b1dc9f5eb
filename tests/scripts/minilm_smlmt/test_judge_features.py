"""Features of several sets of weights, judged by heads that cost nothing."""
import argparse
import json

import judge_features
import numpy as np
import pytest
import tiny

import modeling
from learner import configs, heads
from runtime.compat import tf

CONFIG = modeling.BertConfig.from_dict(tiny.TEXT_SIZES)
ROWS = [([2, 5, 7, 3], [0] * 4), ([2, 5, 3, 6, 8, 9, 3], [0, 0, 0, 1, 1, 1, 1]), ([2, 9, 3], [0] * 3)]


@pytest.fixture(name="encoder", scope="module")
def fixture_encoder(tmp_path_factory):
    """Folder with a tiny encoder: config, vocabulary and two sets of weights, one.ckpt and two.ckpt."""
    folder = tmp_path_factory.mktemp("encoder")
    (folder / "bert_config.json").write_text(json.dumps(tiny.TEXT_SIZES))
    (folder / "vocab.txt").write_text("\n".join(tiny.WORDS) + "\n")
    with tf.Graph().as_default(), tf.Session() as session:
        variables = modeling.create_variables(CONFIG)
        saver = tf.train.Saver(variables)
        session.run(tf.global_variables_initializer())
        saver.save(session, str(folder / "one.ckpt"), write_meta_graph=False)
        session.run([variable.assign(0.5 * variable) for variable in variables.values()])
        saver.save(session, str(folder / "two.ckpt"), write_meta_graph=False)
    return folder


# --- features ---------------------------------------------------------------------------------------------------------
def test_features_are_means_over_the_last_text(encoder):
    found = judge_features.Encoder(CONFIG)
    layers = found.features(str(encoder / "one.ckpt"), ROWS)
    assert layers.shape == (3, 2, 16)
    reader = tf.train.load_checkpoint(str(encoder / "one.ckpt"))
    weights = {name: reader.get_tensor(name) for name in modeling.variable_shapes(CONFIG)}
    for (ids, segments), expected in zip(ROWS, layers):
        with tf.Graph().as_default(), tf.Session() as session:
            inputs = [tf.constant([each]) for each in (ids, [1] * len(ids), segments)]
            states = [layer[0] for layer in session.run(modeling.encode(weights, CONFIG, *inputs).layers)]
        last = [place for place in range(len(ids)) if segments[place] == max(segments)]
        np.testing.assert_allclose(expected, [state[last].mean(axis=0) for state in states], atol=1e-5)
    other = found.features(str(encoder / "two.ckpt"), ROWS)
    assert np.abs(other - layers).max() > 0.01
    np.testing.assert_array_equal(found.features(str(encoder / "one.ckpt"), ROWS), layers)


def test_features_are_those_that_the_heads_read():
    layers = np.random.RandomState(0).normal(size=[50, 3, 8])
    config = configs.LearnerConfig(pooling="cls", feature_layers="1:0.25,3:2")
    states = [tf.constant(layers[:, layer][:, None], tf.float32) for layer in range(3)]
    encoded = modeling.EncoderOutput(states, None, None, None)
    with tf.Session() as session:
        expected = session.run(heads.features({}, encoded, config, None))
    found = judge_features.side_by_side(layers, configs.read_feature_layers(config.feature_layers))
    np.testing.assert_allclose(found, expected, atol=1e-6)


# --- heads ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("head", sorted(judge_features.HEADS))
def test_heads_tell_classes_apart_wherever_the_rows_lie(head):
    random = np.random.RandomState(0)
    centres = 10.0 * np.eye(3, 5) + 100.0
    labels = np.arange(30) % 3
    rows = centres[labels] + random.normal(size=[30, 5])
    scores = judge_features.HEADS[head](rows[:9], labels[:9], rows[9:])
    assert scores.shape == (21, 3) and (scores.argmax(axis=1) == labels[9:]).all()


def test_ridge_solves_the_penalised_problem():
    random = np.random.RandomState(0)
    train, labels, test = random.normal(size=[8, 5]), np.arange(8) % 2, random.normal(size=[4, 5])
    centred, classes = train - train.mean(axis=0), np.eye(2)[labels] - 0.5
    penalty = np.mean(np.sum(centred ** 2, axis=1))
    primal = np.linalg.solve(centred.T @ centred + penalty * np.eye(5), centred.T @ classes)
    found = judge_features.ridge(train, labels, test)
    np.testing.assert_allclose(found, (test - train.mean(axis=0)) @ primal, atol=1e-10)


# --- the program ------------------------------------------------------------------------------------------------------
def save(path, **words):
    """Writes labelled rows, three of each label; returns the path."""
    rows = [{"text": "very " * row + text, "label": label} for label, text in words.items() for row in range(3)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.fixture(name="mine")
def fixture_mine(tmp_path):
    """A set as --sets names it."""
    train = save(tmp_path / "train.jsonl", up="good film", down="bad plot")
    return "mine=%s,%s" % (train, save(tmp_path / "test.jsonl", up="fine film", down="slow plot"))


@pytest.fixture(name="run")
def fixture_run(encoder, mine):
    """Runs the program, with --more flags; returns the exit code."""

    def run(*more, **changes):
        given = dict(
            encoder=encoder, weights="one=%s" % (encoder / "one.ckpt"), features="1:0.5,2:0.5", k=2, splits=3, sets=mine
        )
        given.update(changes)
        return judge_features.main(["--do_lower_case"] + ["--%s=%s" % item for item in given.items()] + list(more))

    return run


def test_a_line_for_each_set_of_weights_and_features(encoder, run, capsys):
    assert run("--weights=two=%s" % (encoder / "two.ckpt"), "--features=2", "--head=class_means") == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.split() == ["mine"]
    specs = ("1:0.5,2:0.5", "2")
    assert [line.split()[:2] for line in lines] == [[name, spec] for name in ("one", "two") for spec in specs]
    assert all(0.0 <= float(line.split()[2]) <= 100.0 for line in lines)


def test_rows_that_are_judged_are_not_trained_on(tmp_path):
    rows = [{"text": "text %d" % row, "label": "ab"[row % 2]} for row in range(12)]
    (tmp_path / "all.jsonl").write_text("\n".join(map(json.dumps, rows)))
    options = argparse.Namespace(rows=4, k=1, splits=3)
    task = judge_features.own_set("mine", [str(tmp_path / "all.jsonl")], options, judge_features.Texts())
    assert len(task.test.rows) == 4 and len(task.train) == 3
    assert not any(set(split.rows) & set(task.test.rows) for split in task.train)


@pytest.mark.parametrize("changes, words", [
    (dict(features="3"), "--features: the encoder has 2 layers, not 3"),
    (dict(features="two"), "--features=two: different layers from 1"),
    (dict(features=""), "--features names no layer"),
    (dict(weights="one"), "--weights=one: NAME=..."),
    (dict(weights="one=missing"), "--weights: no checkpoint at missing"),
    (dict(sets="mine"), "--sets=mine: NAME=..."),
    (dict(sets="mine=missing.jsonl"), "missing.jsonl: no such file"),
    (dict(k=0), "--k=0: at least 1"),
    (dict(tasks="airlines"), "Unknown task 'airlines'"),
])
def test_mistakes_end_in_a_line(run, capsys, changes, words):
    assert run(**changes) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: " + words)
