"""Learned rates by layer, from exported models."""
import math

import pytest

pytest.importorskip("pandas")

from result_files import content, put  # noqa: E402

from runs.tables import rates  # noqa: E402
from runs.tables.layout import Results  # noqa: E402
from runs.tables.runs import read_runs  # noqa: E402
from runtime.compat import tf  # noqa: E402


@pytest.mark.parametrize("variable, expected", [
    ("layer_11/sgd0/learning_rate", (0, "layer 11")),
    ("sgd1/word_embedding_lr", (1, "embeddings")),
    ("sgd0/pooler_lr", (0, "pooler")),
    ("sgd0/bert_layer_weights", (0, "layer mixture")),
    ("sgd0/bert_proj_weight", (0, "projection")),
    ("sgd0/output/layer1/learning_rate", (0, "output MLP")),
    ("sgd0/label/layer0/learning_rate", (0, "label MLP")),
    ("sgd0/label/set/layer0/learning_rate", (0, "label MLP")),
    ("sgd0/label_embs/learning_rate", (0, "label embeddings")),
    ("sgd0/pooler_lr/AdamWeightDecayOptimizer", None),
    ("bert/pooler/dense/bias", None),
    ("global_step", None),
])
def test_places(variable, expected):
    assert rates.place(variable) == expected


def test_order():
    layers = ["label embeddings", "layer 10", "pooler", "layer 2", "embeddings", "layer 2"]
    assert rates.in_network_order(layers) == ["embeddings", "layer 2", "layer 10", "pooler", "label embeddings"]


def results_of(folder, **more):
    put(folder, "a/airline/4/0", content(**more))
    return Results(read_runs(str(folder))[0])


def export(folder, values):
    """Writes variables as an exported model has them."""
    (folder / "variables").mkdir(parents=True)
    with tf.Graph().as_default(), tf.Session() as session:
        variables = [tf.get_variable(name, initializer=tf.constant(value)) for name, value in values.items()]
        session.run(tf.global_variables_initializer())
        tf.train.Saver(variables).save(session, str(folder / "variables" / "variables"), write_meta_graph=False)


@pytest.mark.parametrize("use_exp_lr", [False, True])
def test_rates_of_the_model_that_runs_started_from(tmp_path, use_exp_lr):
    rate = 0.125
    value = math.log(rate) if use_exp_lr else rate
    names = ("sgd0/pooler_lr", "layer_3/sgd0/learning_rate")
    export(tmp_path / "model", dict({name: value for name in names}, output_weights_0=[1.0], global_step=3))
    config = {
        "learner": {"use_exp_lr": use_exp_lr}, "finetuning": {"warm_start_model_dir": str(tmp_path / "model")},
    }
    found, notes = rates.learned_rates(results_of(tmp_path, config=config))
    assert not notes
    assert [(each.layer, each.variable) for each in found] == [
        ("layer 3", "layer_3/sgd0/learning_rate"), ("pooler", "sgd0/pooler_lr")]
    assert [each.rate for each in found] == pytest.approx([rate, rate])


def test_no_rates(tmp_path):
    config = {"finetuning": {"warm_start_model_dir": str(tmp_path / "gone")}}
    assert rates.learned_rates(results_of(tmp_path, config=config)) == ([], [])


@pytest.mark.parametrize("damage", ["variables.index", "variables.data-00000-of-00001", "empty"])
def test_a_damaged_model_is_noted_and_the_others_are_read(tmp_path, damage):
    export(tmp_path / "whole", {"sgd0/pooler_lr": 0.5})
    export(tmp_path / "damaged", {"sgd0/pooler_lr": 0.5})
    for path in (tmp_path / "damaged" / "variables").iterdir():
        if damage == "empty":
            path.unlink()
        elif path.name == damage:
            path.write_bytes(path.read_bytes()[:2])
    for model, folder in (("a", "damaged"), ("b", "whole")):
        config = {"finetuning": {"warm_start_model_dir": str(tmp_path / folder)}}
        put(tmp_path, "runs/%s/airline/4/0" % model, content(config=config))
    found, (note,) = rates.learned_rates(Results(read_runs(str(tmp_path / "runs"))[0]))
    assert [(each.model, each.rate) for each in found] == [("b", 0.5)]
    assert note.startswith("The rates of a are left out. --warm_start_model_dir: %s" % (tmp_path / "damaged"))
    assert "\n" not in note
