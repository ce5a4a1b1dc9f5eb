"""From flags to settings and paths."""
import os

import pytest

from command_line import program_flags, settings
from runtime.errors import UserError


def parsed(*arguments):
    return program_flags.parse(["--init_checkpoint=", *arguments])


@pytest.mark.parametrize(
    "flag, name, folder",
    [
        ("task_train_files", "meta_pretrain_2.tf_record", "smlmt"),
        ("task_eval_files", "meta_pretrain_2.tf_record", "smlmt"),
        ("task_train_files", "sst_train.tf_record", "supervised"),
        ("task_eval_files", "sst_dev.tf_record", "supervised"),
        ("task_train_files", "amazon_books.tf_record", "supervised"),
        ("task_eval_files", "amazon_books.tf_record", "smlmt"),
    ],
)
def test_where_record_files_are_looked_up(flag, name, folder):
    """Spec, section 2."""
    values = parsed("--data_dir=smlmt", "--supervised_data_dir=supervised", "--%s=%s,x" % (flag, name))
    expected = os.path.join(folder, name), os.path.join("supervised", "x")
    assert settings.record_paths(values, flag) == expected
    assert getattr(settings.meta_training_settings(values), flag) == expected


@pytest.mark.parametrize("more", [["--num_batches=10"], ["--num_batches=2", "--randomize_inner_steps"]])
def test_only_meta_training_looks_at_the_inner_loop(more):
    """Fine-tuning, and training with a softmax layer, take flags that do not fit together there."""
    values = parsed(*more)
    settings.classifier_settings(values)
    with pytest.raises(UserError, match="--num_batches"):
        settings.meta_training_settings(values)
    settings.meta_training_settings(parsed("--classifier=softmax", *more))
