"""What a run is known by."""
import dataclasses

import pytest
import tiny

import modeling
from command_line.settings import TextSettings
from learner.configs import FinetuneConfig, SoftmaxConfig
from runs import identity
from runtime.errors import UserError

LABELS = tiny.RUN_LABELS


@pytest.fixture
def settings(tmp_path):
    return tiny.run_settings(tmp_path)


def run_id(settings, labels=LABELS, weights=None):
    return identity.identify(settings, labels, weights or {}).run_id


def test_the_same_run_has_the_same_name_wherever_its_files_are(settings, tmp_path):
    """Changed: what may not matter."""
    before = run_id(settings)
    assert len(before) == 16
    (tmp_path / "train.csv").rename(tmp_path / "moved.csv")
    changes = dict(
        train_file=str(tmp_path / "moved.csv"), output_dir="elsewhere", overwrite=True, keep_model=False,
        vocab_file="v", given={"seed": 0},
    )
    assert run_id(dataclasses.replace(settings, **changes)) == before


@pytest.mark.parametrize(
    "change",
    [
        dict(finetuning=FinetuneConfig(seed=1)),
        dict(text=TextSettings(True, 12)),
        dict(classifier=SoftmaxConfig()),
        dict(classifier=dataclasses.replace(tiny.LEARNER, train_lr=1.0)),
        dict(bert_config=modeling.BertConfig.from_dict(dict(tiny.TEXT_SIZES, num_hidden_layers=1))),
        dict(eval_file=None),
    ],
)
def test_settings_count(change, settings):
    assert run_id(dataclasses.replace(settings, **change)) != run_id(settings)


def test_names_count_where_they_are_made_use_of(settings):
    """And leave no trace where not, so that earlier runs keep their names."""
    named = dataclasses.replace(settings, finetuning=FinetuneConfig(label_names=("auto",)))
    assert run_id(named) != run_id(settings)
    assert "label_names" not in identity.identify(settings, LABELS, {}).description["finetuning"]


def test_right_names_of_misnamed_labels_leave_the_run_its_name(settings, tmp_path):
    """But where the names are made use of: then it computes something else than it did with the wrong ones."""
    (tmp_path / "train.csv").rename(tmp_path / "sentiment_dvd_train_0_4.json")
    public = dataclasses.replace(settings, train_file=str(tmp_path / "sentiment_dvd_train_0_4.json"))
    published, right = ("positive", "negative"), ("negative", "positive")
    assert run_id(public, right) == run_id(public, published)
    assert identity.identify(public, right, {}).description["labels"] == list(right)
    named = dataclasses.replace(public, finetuning=FinetuneConfig(label_names=("auto",)))
    assert run_id(named, right) != run_id(named, published)


def test_labels_and_their_order_count(settings):
    assert len({run_id(settings, labels) for labels in (LABELS, LABELS[::-1], LABELS + ("more",))}) == 3


def test_content_counts(settings, tmp_path):
    before = run_id(settings)
    (tmp_path / "eval.csv").write_text("other rows")
    assert run_id(settings) != before


def test_weights_count_by_their_content_not_their_path(settings, tmp_path):
    found = []
    for place, weights in (("a", "one"), ("b", "one"), ("c", "two")):
        index = tmp_path / (place + ".index")
        index.write_text(weights)
        here = dataclasses.replace(settings, finetuning=FinetuneConfig(init_checkpoint=str(tmp_path / place)))
        found.append(run_id(here, weights={"init_checkpoint": str(index)}))
    assert found[0] == found[1] != found[2] and run_id(settings) not in found


def test_files_and_their_checksums(settings):
    found = identity.identify(settings, LABELS, {"init_checkpoint": "w.index"}, checksum="sum of {}".format)
    assert found.files == {"train": settings.train_file, "eval": settings.eval_file, "init_checkpoint": "w.index"}
    assert found.checksums == {part: "sum of " + path for part, path in found.files.items()}
    alone = dataclasses.replace(settings, eval_file=None)
    assert set(identity.identify(alone, LABELS, {}).files) == {"train"}


def test_where_weights_are(tmp_path):
    model = tiny.write(tmp_path, LABELS)
    index = str(tmp_path / "model.ckpt.index")
    assert identity.weight_files(FinetuneConfig()) == {}
    assert identity.weight_files(FinetuneConfig(init_checkpoint=model.checkpoint)) == {"init_checkpoint": index}
    warm = FinetuneConfig(warm_start_model_dir=str(tmp_path))
    assert identity.weight_files(warm) == {"warm_start_model_dir": index}
    with pytest.raises(UserError, match="--init_checkpoint: no checkpoint at"):
        identity.weight_files(FinetuneConfig(init_checkpoint=str(tmp_path / "none")))
