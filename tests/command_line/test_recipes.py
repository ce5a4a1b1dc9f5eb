"""Presets and schedules of the models."""
import os

import pytest

from command_line import program_flags, recipes
from runtime.errors import UserError


@pytest.mark.parametrize("model", sorted(recipes.MODELS))
def test_presets_are_read_as_the_main_program_reads_them(model):
    values = program_flags.parse(["--flagfile=" + recipes.preset(model)])
    expected = program_flags.given(values)
    found = recipes.preset_flags(model)
    assert found == expected
    assert {name: type(value) for name, value in found.items()} == {n: type(v) for n, v in expected.items()}


def test_a_preset_that_is_missing(monkeypatch):
    monkeypatch.setitem(recipes.MODELS, "none", recipes.Recipe("none", recipes.LEOPARD))
    with pytest.raises(UserError, match="Model none: its flags, .*none_finetune.flags, are missing"):
        recipes.preset_flags("none")


def test_models_of_an_encoder():
    of_bert, of_minilm = map(recipes.models_for, recipes.ENCODERS)
    assert set(of_bert) | set(of_minilm) == set(recipes.MODELS) and not set(of_bert) & set(of_minilm)
    assert "leopard" in of_bert and "minilm-smlmt" in of_minilm
    assert all(os.path.isdir(recipe.shipped) for recipe in recipes.MODELS.values() if recipe.shipped)


def test_schedule_flags():
    assert recipes.schedule_flags("leopard", 8, 3) == {
        "num_train_epochs": 600, "train_batch_size": 6, "eval_batch_size": 6
    }
    assert recipes.schedule_flags("minilm", 4, 9)["num_train_epochs"] == 60  # at most
    with pytest.raises(UserError, match="k=5: the recipes are for 4, 8, 16, 32"):
        recipes.schedule_flags("leopard", 5, 3)


def test_more_rows_get_more_steps():
    """The default takes 40 steps at most below 32 rows a class, and 200 from there on, of any number of classes."""
    steps = {}
    for k in (16, 31, 32, 64, 128):
        epochs, batch = recipes.schedule("minilm-smlmt", 10 * k, 10)
        steps[k] = epochs * -(-10 * k // batch)
    assert steps == {16: 40, 31: 80, 32: 200, 64: 200, 128: 200}
    assert recipes.schedule_flags("minilm-smlmt", 32, 2)["num_train_epochs"] == 200


@pytest.mark.parametrize("model", sorted(recipes.MODELS))
def test_schedule(model):
    """The recipe where there is one, between them the one below, and a bounded number of steps beyond."""
    recipe = recipes.MODELS[model]
    for k, (epochs, rows) in recipe.by_k.items():
        most = recipe.most_epochs_of_many if k == 32 else None
        expected = min(3 * epochs, most or recipe.most_epochs), 3 * rows
        assert recipes.schedule(model, 3 * k, 3) == expected
        if k < max(recipe.by_k):
            assert recipes.schedule(model, 3 * k + 2, 3) == expected
    least = recipes.schedule(model, 3 * min(recipe.by_k), 3)
    assert recipes.schedule(model, 4, 3) == least
    epochs, rows = recipes.schedule(model, 3 * 64, 3)
    assert abs(2 * epochs - recipes.schedule(model, 3 * 32, 3)[0]) <= 1
    assert recipes.schedule(model, 10 ** 6, 3)[0] == recipes.LEAST_EPOCHS
