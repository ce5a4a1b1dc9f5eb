"""From flags to settings and paths."""
import json
import os

import pytest
import tiny

from command_line import program_flags, recipes, settings
from runtime.errors import UserError


def parsed(*arguments):
    return program_flags.parse(["--init_checkpoint=", *arguments])


@pytest.mark.parametrize("more", [["--num_batches=10"], ["--num_batches=2", "--randomize_inner_steps"]])
def test_only_meta_training_looks_at_the_inner_loop(more):
    """Fine-tuning, and training with a softmax layer, take flags that do not fit together there."""
    values = program_flags.names_and_values(parsed(*more))
    settings.classifier_settings(values)
    with pytest.raises(UserError, match="--num_batches"):
        settings.meta_training_settings(values)
    softmax = parsed("--classifier=softmax", *more)
    settings.meta_training_settings(program_flags.names_and_values(softmax))


@pytest.mark.parametrize("model", ["minilm-smlmt", "minilm-heads", "minilm", "bert-minilm"])
def test_a_preset_without_a_command_line_gives_the_settings_that_it_has_there(model, tmp_path):
    """Which flags a preset leaves out, and their defaults, are the same."""
    (tmp_path / "bert_config.json").write_text(
        json.dumps(tiny.sizes(num_hidden_layers=6, max_position_embeddings=128))
    )
    values = dict(recipes.preset_flags(model), init_checkpoint=str(tmp_path / "bert_model.ckpt"))
    all_values = program_flags.names_and_values(program_flags.parse([], values))
    for read in (
        settings.bert_settings, settings.classifier_settings, settings.finetune_settings, settings.text_settings
    ):
        assert read(values) == read(all_values)


@pytest.fixture
def bert_flags(tmp_path):
    return ["--bert_config_file=%s" % tiny.write_config(tmp_path), "--max_seq_length=12"]


def test_settings_of_a_run(bert_flags):
    values = parsed("--task_eval_files=a.csv,b.csv", "--labels=up,down", "--seed=3", *bert_flags)
    found = settings.run_settings(values)
    assert (found.train_file, found.eval_file, found.labels) == ("a.csv", "b.csv", ("up", "down"))
    assert found.text == settings.TextSettings(do_lower_case=False, max_seq_length=12)
    assert found.num_labels is None and found.finetuning.seed == 3
    assert found.given == program_flags.given(values) and found.given["labels"] == ["up", "down"]
    assert settings.run_settings(parsed("--task_eval_files=a.csv", "--test_num_labels=2", *bert_flags)).num_labels == 2


@pytest.mark.parametrize(
    "flags, expected",
    [
        ([], None),
        (["--task_name=airline"], ("negative", "neutral", "positive")),
        (["--task_name=airline", "--labels=a,b"], ("a", "b")),
        (["--task_eval_files=airline_train_0_4.tf_record"], ("negative", "neutral", "positive")),
        (["--task_eval_files=sentiment_dvd_train_0_4.json"], ("negative", "positive")),  # the right names
        (["--task_eval_files=mine.tf_record", "--task_name=sentiment_dvd"], ("negative", "positive")),
        (["--task_name=sentiment_dvd"], ("positive", "negative")),  # text of a user's own: as it was
        (["--task_eval_files=sentiment_dvd_train_0_4.json", "--labels=positive,negative"], ("positive", "negative")),
    ],
)
def test_where_labels_are_known_from(flags, expected, bert_flags):
    found = settings.run_settings(parsed("--task_eval_files=a.csv", *(flags + bert_flags)))
    assert found.labels == expected


def test_settings_of_a_prediction_tell_what_was_given():
    found = settings.prediction_settings(parsed("--predict_file=a.txt", "--output_dir=out"))
    assert found == settings.PredictionSettings(os.path.join("out", "model"), "a.txt", "out", 8, None, None, None)
    values = parsed("--predict_file=a.txt", "--model_dir=m", "--vocab_file=v", "--max_seq_length=128")
    found = settings.prediction_settings(values)
    assert (found.model_dir, found.vocab_file, found.max_seq_length) == ("m", "v", 128)
    for output in ("-", "a.tsv", "b/c.jsonl"):
        values = parsed("--do_predict", "--predict_file=a.txt", "--output=" + output)
        assert settings.prediction_settings(values).output == output


def test_settings_of_meta_training(bert_flags):
    found = settings.training_settings(parsed("--task_train_files=x", "--cpu_devices=2", *bert_flags))
    assert found.training.task_train_files == ("x",) and found.cpu_devices == 2
    with pytest.raises(UserError, match="--output_layers=6"):
        settings.training_settings(parsed("--task_train_files=x", "--output_layers=6", *bert_flags))


def test_a_vocabulary_that_is_not_there_is_told_by_meta_training(bert_flags, tmp_path, caplog):
    found = settings.training_settings(parsed("--task_train_files=x", "--vocab_file=%s/v" % tmp_path, *bert_flags))
    assert found.vocab_file is None and "--vocab_file: %s/v is no file" % tmp_path in caplog.text
