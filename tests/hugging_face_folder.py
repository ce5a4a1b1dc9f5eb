"""A Hugging Face folder of a tiny encoder."""
import json

import numpy as np
from safetensors.numpy import save_file

import modeling
from fetch import hf_checkpoint

CONFIG = {
    "architectures": ["BertModel"], "attention_probs_dropout_prob": 0.1, "hidden_act": "gelu",
    "hidden_dropout_prob": 0.2, "hidden_size": 4, "initializer_range": 0.02, "intermediate_size": 6,
    "layer_norm_eps": 1e-12, "max_position_embeddings": 8, "model_type": "bert", "num_attention_heads": 2,
    "num_hidden_layers": 2, "type_vocab_size": 2, "vocab_size": 11,
}
BERT = modeling.BertConfig.from_dict(hf_checkpoint.bert_config(CONFIG))
VOCAB = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nword\n"


def random_weights():
    """BERT's variables of the tiny encoder."""
    random = np.random.RandomState(0)
    return {name: random.randn(*shape).astype(np.float32) for name, shape in modeling.variable_shapes(BERT).items()}


def tensors(**others):
    """Hugging Face's tensors of the tiny encoder."""
    return dict(hf_checkpoint.hugging_face_tensors(random_weights()), **others)


def write_source(folder, found=None, config=None, **changes):
    """The three files of a Hugging Face folder."""
    folder.mkdir(exist_ok=True)
    save_file(tensors() if found is None else found, str(folder / "model.safetensors"))
    (folder / "config.json").write_text(json.dumps(dict(CONFIG if config is None else config, **changes)))
    (folder / "vocab.txt").write_text(VOCAB)
    return str(folder)
