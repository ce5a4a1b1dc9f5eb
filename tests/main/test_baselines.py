"""The baselines' presets from training to results, on a tiny encoder."""
import json
import os

import numpy as np
import pytest
import tiny
from absl import flags
from absl.testing import flagsaver

import run_classifier_multitask
from command_line import recipes
from data import records
from runtime.compat import tf

PRESETS = recipes.PRESETS
FLAGS = flags.FLAGS
SEQ, VOCAB = 6, 20
BERT = tiny.sizes(vocab_size=VOCAB, max_position_embeddings=SEQ)


def run(preset, folder, *arguments):
    """Runs the main program in this process, with a preset cut to the tiny encoder."""
    cut = [
        "--bert_config_file=%s" % (folder / "bert_config.json"), "--init_checkpoint=", "--max_seq_length=%d" % SEQ,
        "--data_dir=%s" % folder, "--supervised_data_dir=%s" % folder, "--vocab_file=%s" % (folder / "none"),
    ]
    with flagsaver.flagsaver(), tf.Graph().as_default():
        FLAGS.unparse_flags()
        flagfile = "--flagfile=%s" % os.path.join(PRESETS, preset + ".flags")
        run_classifier_multitask.main(FLAGS(["program", flagfile] + cut + list(arguments)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Record files of a supervised task, of SMLMT tasks, and of a 2-shot task with three classes."""
    folder = tmp_path_factory.mktemp("baselines")
    (folder / "bert_config.json").write_text(json.dumps(BERT))
    random = np.random.RandomState(0)
    for name, classes, size in (
        ("mnli_train", 3, 48), ("mnli_dev", 3, 12), ("meta_pretrain_2", 2, 48), ("few", 3, 6), ("eval", 3, 12)
    ):
        labels = np.arange(size, dtype=np.int32) % classes
        ids = random.randint(5, VOCAB, [size, SEQ]).astype(np.int32)
        ids[:, 1] = 1 + labels
        examples = records.Examples(ids, np.ones_like(ids), np.zeros_like(ids), labels)
        records.write_records(folder / (name + ".tf_record"), examples)
    return folder


FEW = ["--do_eval", "--task_eval_files=few.tf_record,eval.tf_record", "--test_num_labels=3", "--eval_batch_size=6",
       "--train_batch_size=6", "--num_train_epochs=2"]


def result(output):
    return json.loads((output / "results.json").read_text())


def weights(prefix):
    reader = tf.train.load_checkpoint(str(prefix))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def test_prototypes(folder):
    """Meta-training moves encoder and output MLP; fine-tuning takes no gradient step."""
    run(
        "proto_metatrain", folder, "--do_train", "--task_train_files=meta_pretrain_2.tf_record,mnli_train.tf_record",
        "--train_batch_size=12", "--meta_batchsz=8", "--num_gpus=1", "--output_dir=%s" % (folder / "proto"),
    )
    run("proto_finetune", folder, "--warm_start_model_dir=%s" % (folder / "proto" / "model"),
        "--output_dir=%s" % (folder / "proto_few"), *FEW)
    assert result(folder / "proto_few")["steps"] == 1  # the first batch, which a gradient model makes embeddings from
    trained = weights(folder / "proto" / "model" / "variables" / "variables")
    assert not [name for name in trained if "learning_rate" in name or name.startswith("label_")]
    tuned = weights(folder / "proto_few" / "model" / "model.ckpt")
    for name in tuned:
        if name in trained:
            np.testing.assert_array_equal(tuned[name], trained[name], err_msg=name)
    assert tuned["new_variable/label_embedding"].shape == (3, 256)
    slots = weights(folder / "proto" / "checkpoints" / "model.ckpt-8")
    assert np.any(slots["output_weights_1/AdamWeightDecayOptimizer"])
    assert np.any(slots["bert/pooler/dense/kernel/AdamWeightDecayOptimizer"])


def test_bert_and_multi_task_bert(folder):
    run("bert_finetune", folder, "--output_dir=%s" % (folder / "bert"), *FEW)
    assert result(folder / "bert")["steps"] == 2
    run(
        "mtbert_train", folder, "--do_train", "--task_train_files=mnli_train.tf_record",
        "--task_eval_files=mnli_dev.tf_record", "--train_batch_size=12", "--eval_examples_per_task=12",
        "--output_dir=%s" % (folder / "mt"),
    )
    encoder = weights(folder / "mt" / "model" / "variables" / "variables")
    start = "--warm_start_model_dir=%s" % (folder / "mt" / "model")
    for preset, same in (("mtbert", False), ("mtbert_softmax", True)):
        run(preset + "_finetune", folder, start, "--output_dir=%s" % (folder / preset), *FEW)
        tuned = weights(folder / preset / "model" / "model.ckpt")
        name = "bert/pooler/dense/kernel"
        assert np.array_equal(tuned[name], encoder[name]) == same
        assert np.any(tuned["output_bias"])


@pytest.mark.parametrize("model", ["bert", "proto", "mtbert", "mtbert_softmax"])
def test_recipes_know_the_presets(model):
    assert os.path.exists(recipes.preset(model))
    assert recipes.MODELS[model].meta_trained == (model != "bert")
