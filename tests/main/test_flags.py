"""Flags of the main program that it refuses, and those without effect."""

import pytest
from absl import flags
from few_shot_files import LABELS, content, refused, task
from main_program import run, run_program

BAD_FLAGS = {
    "--train_batch_size=0": ["--train_batch_size=0", "above 0"],
    "--eval_batch_size=-1": ["--eval_batch_size=-1", "above 0"],
    "--predict_batch_size=0": ["--predict_batch_size=0", "above 0"],
    "--eval_examples_per_task=0": ["--eval_examples_per_task=0", "above 0"],  # one task was judged on all the same
    "--num_train_epochs=0": ["--num_train_epochs=0", "above 0"],
    "--num_train_epochs=inf": ["--num_train_epochs=inf", "above 0"],
    "--num_train_epochs=1e308": ["--num_train_epochs=1e+308", "above 0, and 1000000 at most"],
    "--train_batch_size=99999999999999999999": ["above 0, and 2147483647 at most"],
    "--num_train_epochs=nan": ["--num_train_epochs=nan", "above 0"],
    "--warmup_proportion=1.5": ["--warmup_proportion=1.5", "0 to 1"],
    "--hidden_dropout_prob=1": ["--hidden_dropout_prob=1", "below 1"],
    "--attention_probs_dropout_prob=-0.1": ["--attention_probs_dropout_prob=-0.1", "at least 0"],
    "--keep_prob=0": ["--keep_prob=0", "above 0"],
    "--max_seq_length=25": ["--max_seq_length=25", "bert_config.json", "24 positions"],
    "--max_seq_length=0": ["--max_seq_length=0", "above 0"],
    "--max_seq_length=2": ["--max_seq_length=2", "at least 3"],
    "--meta_batchsz=0": ["--meta_batchsz=0", "at least 1"],
    "--inner_epochs=-1": ["--inner_epochs=-1", "at least 1"],
    "--min_inner_steps=-1": ["--min_inner_steps=-1", "at least 0"],
    "--pretrain_task_weight=1.5": ["--pretrain_task_weight=1.5", "0 to 1"],
    "--learning_rate=-1e-5": ["--learning_rate=-1e-05", "above 0"],
    "--do_train --num_batches=3": ["--meta_batchsz=8", "--num_batches=3", "multiple"],
    "--SGD_K=-1": ["--SGD_K=-1", "at least 0"],
    "--train_lr=0": ["--train_lr=0", "above 0"],
    "--output_layers=0": ["--output_layers=0", "at least 1"],
    "--output_layers=6": ["--output_layers=6", "hidden_size 16", "at most 5"],
    "--feature_layers=1": ["--feature_layers=1", "last layer is 2", "--encoder_layers=1"],
    "--feature_layers=2,3": ["--feature_layers=2,3", "last layer is 2", "no deeper"],
    "--label_emb_size=0": ["--label_emb_size=0", "at least 1"],
    "--deep_set_layers=-1": ["--deep_set_layers=-1", "at least 0"],
    "--min_layer_with_grad=-1": ["--min_layer_with_grad=-1", "at least 0"],
    "--seed=-1": ["--seed=-1", "0 to "],
    "--seed=4294967296": ["--seed=4294967296", "0 to "],
    "--use_pooled_output=false": ["--use_pooled_output=false", "--pooling=mean"],
    "--encoder_layers=9": ["--encoder_layers=9", "has 2 layers"],
    "--test_num_labels=4": ["--test_num_labels=4", "3 labels", "up, down, flat"],
    "--labels=up,down,down": ["--labels=up,down,down", "different"],
    "--labels=up,down,": ["--labels=up,down,", "empty"],
    "--labels=up,down": ["train.csv", "line 6", "'flat'", "up, down"],
    "--labels= --task_name=airlin": ["'airlin'", "Did you mean airline?"],
    "--labels= --task_name=airline": ["train.csv", "line 2", "'up'", "negative, neutral, positive"],
    "--task_eval_files=": ["--task_eval_files", "TRAIN,EVAL", "not 0"],
    "--task_eval_files=a,b,c": ["--task_eval_files", "TRAIN,EVAL", "not 3"],
    "--do_eval=false": ["nothing to do", "--do_eval", "--do_predict"],
    "--do_predict": ["--do_predict", "--predict_file"],
    "--do_predict --predict_file=x.txt --keep_model=false": ["--keep_model=false", "--model_dir"],
    "--output_dir=": ["--output_dir", "name a folder"],
    "--bert_config_file=none.json": ["--bert_config_file", "none.json", "No such file"],
    "--bert_config_file= --init_checkpoint=no/where.ckpt": ["--bert_config_file", "no/bert_config.json"],
    "--vocab_file=none.txt": ["none.txt", "--vocab_file"],
    "--init_checkpoint=no/where.ckpt": ["--init_checkpoint", "no/where.ckpt", "missing"],
    "--warm_start_model_dir=nowhere": ["--warm_start_model_dir", "nowhere", "SavedModel"],
    "airline": ["airline", "flags begin with --"],
}


@pytest.mark.parametrize("bad", list(BAD_FLAGS))
def test_bad_flag(bad, files, base, tmp_path):
    good = base + [task(files, ".csv"), "--labels=" + ",".join(LABELS), "--output_dir=%s" % (tmp_path / "out")]
    refused(run(*(good + bad.split())), *BAD_FLAGS[bad])
    assert content(tmp_path) == {}


@pytest.mark.parametrize("bad", ["--no_such_flag=1", "--train_batch_size=many", "--pooling=max", "--do_eval=perhaps"])
def test_flag_that_cannot_be_parsed(bad, tmp_path):
    with pytest.raises(flags.Error, match=bad.split("=")[0].strip("-")):
        run(bad, "--output_dir=%s" % (tmp_path / "out"))
    assert content(tmp_path) == {}


def test_unknown_flag_of_the_program(tmp_path):
    result = run_program("--do_eval", "--no_such_flag=1", "--output_dir=%s" % (tmp_path / "out"))
    assert result.code == 2
    assert result.err == "error: there is no flag --no_such_flag: --help lists them.\n"
    assert content(tmp_path) == {}


def test_flags_without_effect_are_named(base, files, tmp_path):
    arguments = base + [task(files, ".csv"), "--use_tpu", "--tasks_labels=3", "--output_dir=%s" % (tmp_path / "out")]
    result = run_program(*(arguments + ["--task_eval_files=no.csv,no.csv"]))
    assert result.code == 2
    assert [name for name in ("--use_tpu", "--tasks_labels", "--master") if name + " has no effect" in result.err] == [
        "--use_tpu",
        "--tasks_labels",
    ]
