"""Makes the files beside it: a tiny BERT saved by Hugging Face's transformers, and what it computes.

Run with torch 2.13.0 and transformers 5.23.0, neither of which the tests need: python tests/fetch/hugging_face/make.py
"""
import os

import numpy as np
import torch
from transformers import BertConfig, BertModel

HERE = os.path.dirname(os.path.abspath(__file__))
SIZES = dict(
    vocab_size=30, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
    max_position_embeddings=16, initializer_range=0.3,
)

torch.manual_seed(0)
model = BertModel(BertConfig(**SIZES)).eval()
with torch.no_grad():
    for weight in model.parameters():  # biases and LayerNorms start as zeros and ones, which would hide mistakes
        weight.add_(0.1 * torch.randn_like(weight))
    input_ids = torch.randint(5, 30, (3, 10))
    input_mask = (torch.arange(10) < torch.tensor([[10], [7], [3]])).long()
    segment_ids = (torch.arange(10) > 4).long() * input_mask
    output = model(input_ids, attention_mask=input_mask, token_type_ids=segment_ids, output_hidden_states=True)
model.save_pretrained(HERE)
np.savez(
    os.path.join(HERE, "outputs.npz"), input_ids=input_ids, input_mask=input_mask, segment_ids=segment_ids,
    layers=torch.stack(output.hidden_states[1:]), pooled=output.pooler_output,
)
