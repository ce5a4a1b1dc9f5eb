"""Whether an output folder holds the same training run; the training itself: tests/training/test_meta_training.py."""
import dataclasses
import json

import pytest
import tiny

import modeling
from command_line.settings import TrainingSettings
from data import examples, records
from learner import configs
from runs import meta_training
from runtime.errors import UserError

OTHERS = "holds a meta-training run of other settings"


def settings_of(folder, classifier):
    training = configs.MetaTrainConfig(task_train_files=("a",))
    return TrainingSettings(tiny.bert(), classifier, training, str(folder), False, 1, 300)


def leave(folder, description, with_checkpoint=True):
    """What a run leaves that was interrupted, after its first checkpoint or before."""
    (folder / "meta_training.json").write_text(json.dumps(description))
    if with_checkpoint:
        (folder / "checkpoints").mkdir()
        (folder / "checkpoints" / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-2"\n')
        (folder / "checkpoints" / "model.ckpt-2.index").write_text("")


@pytest.mark.parametrize("is_chief", [True, False])
@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("kind", [configs.LearnerConfig, configs.SoftmaxConfig])
def test_a_run_that_an_earlier_version_began_goes_on(kind, fixed, is_chief, tmp_path):
    """It wrote fix_bert among the settings of training too."""
    settings = settings_of(tmp_path, kind(fix_bert=fixed))
    stored = meta_training.describe(settings)
    stored["meta_training"]["fix_bert"] = fixed
    leave(tmp_path, stored)
    meta_training.refuse_other_training(settings, meta_training.describe(settings), is_chief)
    other = settings_of(tmp_path, kind(fix_bert=not fixed))
    with pytest.raises(UserError, match=OTHERS):
        meta_training.refuse_other_training(other, meta_training.describe(other), is_chief)


@pytest.mark.parametrize("stored", [[], "x", {}, {"meta_training": 1, "learner": 2}, {"learner": {"fix_bert": True}}])
def test_settings_that_are_none(stored, tmp_path):
    leave(tmp_path, stored)
    settings = settings_of(tmp_path, configs.LearnerConfig())
    with pytest.raises(UserError, match=OTHERS):
        meta_training.refuse_other_training(settings, meta_training.describe(settings), True)


def test_without_a_checkpoint_the_chief_begins_anew(tmp_path):
    leave(tmp_path, {"settings": "others"}, with_checkpoint=False)
    settings = settings_of(tmp_path, configs.LearnerConfig())
    meta_training.refuse_other_training(settings, meta_training.describe(settings), True)
    with pytest.raises(UserError, match=OTHERS):
        meta_training.refuse_other_training(settings, meta_training.describe(settings), False)


def test_a_model_of_another_run_is_not_replaced_unasked(tmp_path):
    (tmp_path / "model").mkdir()
    settings = settings_of(tmp_path, configs.LearnerConfig())
    with pytest.raises(UserError, match="--overwrite"):
        meta_training.refuse_other_training(settings, meta_training.describe(settings), True)


def test_what_lies_beside_an_export(tmp_path):
    settings = settings_of(tmp_path, configs.LearnerConfig(pooling="mean"))
    found = meta_training.beside(settings)
    assert modeling.BertConfig.from_dict(json.loads(found["bert_config.json"].decode())) == settings.bert_config
    assert configs.classifier_of(json.loads(found["export.json"].decode())) == settings.classifier
    assert set(found) == {"bert_config.json", "export.json"}
    (tmp_path / "words").write_text("good\n")
    known = dataclasses.replace(settings, vocab_file=str(tmp_path / "words"))
    assert meta_training.beside(known)["vocab.txt"] == b"good\n"
    assert meta_training.describe(known) == meta_training.describe(settings)  # the same run


def test_pairs_need_an_encoder_that_tells_them_apart(tmp_path):
    for name, segments in (("single.tf_record", 0), ("pairs.tf_record", 1)):
        rows = [{"input_ids": [2, 5, 3], "input_mask": [1] * 3, "segment_ids": [0, segments, segments], "label_ids": 0}]
        records.write_records(tmp_path / name, examples.pad(rows, 4))
    single, pairs = str(tmp_path / "single.tf_record"), str(tmp_path / "pairs.tf_record")
    for train, judged, types, is_refused in (
        ((single, pairs), (), 1, True), ((single,), (pairs,), 1, True),
        ((single,), (), 1, False), ((pairs,), (), 2, False),
    ):
        settings = dataclasses.replace(
            settings_of(tmp_path, configs.LearnerConfig()), bert_config=tiny.bert(type_vocab_size=types),
            training=configs.MetaTrainConfig(task_train_files=train, task_eval_files=judged, max_seq_length=4),
        )
        if is_refused:
            with pytest.raises(UserError, match="pairs.tf_record: holds pairs of texts, but the encoder has"):
                meta_training.check_pairs(settings)
        else:
            meta_training.check_pairs(settings)
