"""Fine-tuning from an exported meta-trained model."""
import json
import os
import shutil

import numpy as np
import pytest
from few_shot_files import DATA, SEQUENCE, content, cut, read_json, refused, rewrite, task
from main_program import run

from runtime.compat import tf
from runtime.paths import ROOT

GOLDEN = os.path.join(ROOT, "tests", "golden", "ft_warm_start")


@pytest.fixture(scope="session")
def warm_start(files, tmp_path_factory):
    """Flags to start from the exported model of the golden case."""
    folder = tmp_path_factory.mktemp("warm")
    exported = read_json(os.path.join(GOLDEN, "saved_model_export.json"))
    (folder / "bert_config.json").write_text(json.dumps(exported["bert_config"]))
    names = (
        "SGD_K activation_fn clip_lr keep_prob label_emb_size output_layers train_lr train_word_embeddings "
        "update_only_label_embedding use_euclidean_norm use_pooled_output warp_layers"
    )
    given = ["--%s=%s" % (name, exported["flags"][name]) for name in names.split()]
    return given + [
        "--do_eval",
        "--bert_config_file=%s" % (folder / "bert_config.json"),
        "--vocab_file=%s" % (files / "vocab.txt"),
        "--warm_start_model_dir=%s" % os.path.join(GOLDEN, "saved_model"),
        "--max_seq_length=%d" % SEQUENCE,
        "--train_batch_size=6",
        "--eval_batch_size=6",
        "--num_train_epochs=3",
        task(files, ".csv"),
    ]


def test_warm_start(warm_start, tmp_path):
    result = run("--output_dir=%s" % (tmp_path / "out"), *warm_start)
    assert result.code == 0, result
    exported = np.load(os.path.join(GOLDEN, "saved_model_variables.npz"))
    saved = tf.train.load_checkpoint(str(tmp_path / "out" / "model" / "model.ckpt"))
    same = [  # warp layers, label MLP and rates are not adapted
        "bert/encoder/layer_0/intermediate/dense/kernel",
        "label_weights_0",
        "layer_1/sgd0/learning_rate",
        "sgd0/word_embedding_lr",
    ]
    for name in same:
        np.testing.assert_array_equal(saved.get_tensor(name), exported[name])
    adapted = "bert/encoder/layer_0/attention/self/query/kernel"
    change = np.max(np.abs(saved.get_tensor(adapted) - exported[adapted]))
    assert 0.0 < change < 0.1
    assert read_json(tmp_path / "out" / "results.json")["config"]["finetuning"]["init_checkpoint"] is None


MISFITS = {
    "--output_layers=3": ["lacks 5 variables", "output_weights_2", "label_bias_2", "output_weights_1 ([16, 16] in the"],
    "--label_emb_size=8": ["4 variables of another shape", "label_bias_1 ([17] in the checkpoint, [9] in the model)"],
    "--SGD_K=5": ["lacks 32 variables", "layer_0/sgd1/learning_rate", "and 27 more"],
    "--use_pooled_output=false": ["lacks 4 variables", "bert_layer_weights", "cls_output_projection"],
}


@pytest.mark.parametrize("flag", list(MISFITS))
def test_warm_start_with_other_flags(flag, warm_start, tmp_path):
    result = run("--output_dir=%s" % (tmp_path / "out"), *(warm_start + [flag]))
    refused(result, "--warm_start_model_dir", *MISFITS[flag])
    assert content(tmp_path) == {}


def test_warm_start_from_damaged_export(warm_start, tmp_path):
    copy = tmp_path / "export"
    shutil.copytree(os.path.join(GOLDEN, "saved_model"), str(copy))
    data = copy / "variables" / ("variables" + DATA)
    rewrite(data, data, cut)
    before = content(tmp_path)
    arguments = warm_start + ["--warm_start_model_dir=%s" % copy, "--output_dir=%s" % (tmp_path / "out")]
    refused(run(*arguments), "--warm_start_model_dir", str(copy), "cannot be read")
    assert content(tmp_path) == before
