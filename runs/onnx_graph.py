"""A fine-tuned model as an ONNX graph, written from its weights: what modeling.py, learner/heads.py and
learner/softmax.py compute of a row, forward and without dropout.

Only what the logits need is there: no layer above the highest one whose output is read, and of the last one only the
[CLS] token where no other is. Attention, GELU and LayerNorm are spelt as onnxruntime looks for them to fuse them.
"""
import math

import numpy as np
from onnx import TensorProto, helper, numpy_helper

import modeling
from learner import configs, heads
from learner.adaptation import LAYER_MIXTURE, PROJECTION
from learner.finetuning import LABEL_EMBEDDING_VARIABLE
from runtime.kernels import LAYER_NORM_EPSILON, TANH_CUBE, TANH_SCALE
from runtime.onnx_model import INPUTS, IR_VERSION, LOGITS, OPSET, PROBABILITIES

NORM_EPSILON = 1e-12  # of tf.math.l2_normalize


def build(weights, bert_config, config, num_labels, temperature=1.0):
    """The model as onnx.ModelProto.

    It takes int32 [batch, seq] (any batch, seq up to the encoder's positions) and gives float32 [batch, classes].

    Args:
      weights: {name: array} of the checkpoint.
      bert_config, config: BertConfig, and LearnerConfig or SoftmaxConfig.
      num_labels: classes.
      temperature: what logits are divided by.
    """
    graph = _Graph(weights)
    encoded = _Encoder(graph, bert_config, config).encode()
    features = _features(graph, encoded, config)
    is_softmax = isinstance(config, configs.SoftmaxConfig)
    logits = (_softmax_layer if is_softmax else _label_scores)(graph, features, config)
    graph.name(LOGITS, graph("Div", logits, temperature) if temperature != 1.0 else logits)
    graph.name(PROBABILITIES, graph("Softmax", LOGITS, axis=1))
    taken = [helper.make_tensor_value_info(name, TensorProto.INT32, ["batch", "seq"]) for name in INPUTS]
    scores = [LOGITS, PROBABILITIES]
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", num_labels]) for name in scores]
    made = helper.make_graph(graph.nodes, "classifier", taken, given, graph.constants)
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(made, opset_imports=opsets, ir_version=IR_VERSION, producer_name="smlmt")


class _Graph:
    """Nodes and constants as they are added; a tensor is known by its name.

    A call adds a node and returns the name of its output; numbers and arrays among its inputs become constants.

    Args:
      weights: {name: array}.
    """

    def __init__(self, weights):
        self.weights = weights
        self.nodes, self.constants, self._known = [], [], {}

    def __call__(self, kind, *inputs, **attributes):
        output = "%s_%d" % (kind, len(self.nodes))
        names = [each if isinstance(each, str) else self._constant(each) for each in inputs]
        self.nodes.append(helper.make_node(kind, names, [output], **attributes))
        return output

    def name(self, name, tensor):
        """Gives a tensor another name, of an output of the graph."""
        self.nodes.append(helper.make_node("Identity", [tensor], [name]))

    def weight(self, name):
        """A weight as it is."""
        return self._add(name, self.weights[name])

    def dense(self, name, x):
        """[..., in] -> [..., out]"""
        product = self("MatMul", x, self.weight(name + "/kernel"))
        return self("Add", product, self.weight(name + "/bias"))

    def layer_norm(self, name, x):
        """LayerNorm over the last axis (runtime/kernels.py)."""
        centred = self("Sub", x, self("ReduceMean", x, axes=[-1]))
        variance = self("ReduceMean", self("Pow", centred, 2.0), axes=[-1])
        normal = self("Div", centred, self("Sqrt", self("Add", variance, LAYER_NORM_EPSILON)))
        scaled = self("Mul", normal, self.weight(name + "/LayerNorm/gamma"))
        return self("Add", scaled, self.weight(name + "/LayerNorm/beta"))

    def activation(self, name, x):
        """One of kernels.ACTIVATIONS."""
        if name == "gelu":
            cubed = self("Mul", self("Pow", x, 3.0), TANH_CUBE)
            tanh = self("Tanh", self("Mul", self("Add", x, cubed), TANH_SCALE))
            return self("Mul", self("Mul", x, 0.5), self("Add", tanh, 1.0))
        if name == "gelu_erf":
            erf = self("Erf", self("Div", x, math.sqrt(2.0)))
            return self("Mul", self("Mul", x, self("Add", erf, 1.0)), 0.5)
        return x if name == "linear" else self({"relu": "Relu", "tanh": "Tanh"}[name], x)

    def total(self, x, axis, keepdims=0):
        """Sums over an axis."""
        return self("ReduceSum", x, axes=[axis], keepdims=keepdims)

    def normalized(self, x):
        """Each row of [batch, size] divided by its length."""
        square = self.total(self("Mul", x, x), -1, keepdims=1)
        return self("Div", x, self("Sqrt", self("Max", square, NORM_EPSILON)))

    def mlp(self, kind, config, x):
        """learner/heads.py: _mlp"""
        for layer in range(config.output_layers):
            x = self.activation(config.activation_fn, x) if layer else x
            x = self("MatMul", x, self.weights["%s_weights_%d" % (kind, layer)].T)
            x = self("Add", x, self.weights["%s_bias_%d" % (kind, layer)])
        return x

    def _constant(self, value):
        value = np.asarray(value)
        value = value.astype(np.float32) if value.dtype.kind == "f" else value
        name = "%s_%r" % (value.dtype, value.item()) if value.ndim == 0 else "constant_%d" % len(self.constants)
        return self._add(name, value)

    def _add(self, name, value):
        if name not in self._known:
            self._known[name] = None
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name))
        return name


class _Encoder:
    """modeling.encode as a part of a graph, as far as the heads read it."""

    def __init__(self, graph, bert_config, config):
        self._graph, self._config = graph, bert_config
        self._heads = bert_config.num_attention_heads
        self._size = bert_config.hidden_size // self._heads
        self._only_first = config.pooling == "cls"
        read = [layer for layer, _ in configs.read_feature_layers(config.feature_layers)]
        self._layers = max(read) if read else bert_config.num_hidden_layers
        self._pools = heads.reads("bert/pooler/", config)

    def encode(self):
        """modeling.EncoderOutput of the graph's inputs; layers above those that are read are left out."""
        graph, (ids, mask, segments) = self._graph, INPUTS
        x = graph.layer_norm("bert/embeddings", self._embed(ids, segments))
        masked = graph("Sub", 1.0, graph("Cast", self._by_key(mask), to=TensorProto.FLOAT))
        masked_scores = graph("Mul", masked, modeling.MASKED_SCORE)
        mask, segments = [graph("Cast", name, to=TensorProto.FLOAT) for name in (mask, segments)]
        layers = []
        for layer in range(self._layers):
            name = "bert/encoder/layer_%d" % layer
            asking = x
            if self._only_first and layer == self._layers - 1:
                asking = graph("Gather", x, np.array([0]), axis=1)  # [batch, 1, hidden]
            x = graph("Add", self._attention(name, asking, x, masked_scores), asking)
            x = graph.layer_norm(name + "/attention/output", x)
            inner = graph.activation(self._config.hidden_act, graph.dense(name + "/intermediate/dense", x))
            x = graph.layer_norm(name + "/output", graph("Add", graph.dense(name + "/output/dense", inner), x))
            layers.append(x)
        pooled = graph("Tanh", graph.dense("bert/pooler/dense", _first(graph, x))) if self._pools else None
        return modeling.EncoderOutput(layers, pooled, mask, self._last_text(mask, segments))

    def _embed(self, ids, segments):
        """Sums of the embeddings of words, segments and positions, [batch, seq, hidden]."""
        graph = self._graph
        places = graph("Sub", graph("CumSum", self._ones(ids), np.int64(1)), np.int32(1))
        words, segments, places = [
            graph("Gather", graph.weight("bert/embeddings/%s_embeddings" % name), numbers)
            for name, numbers in (("word", ids), ("token_type", segments), ("position", places))
        ]
        return graph("Add", graph("Add", words, segments), places)

    def _ones(self, ids):
        """1 for each token, int32 [batch, seq]: written so that onnxruntime knows which sizes are the same."""
        return self._graph("Add", self._graph("Mul", ids, np.int32(0)), np.int32(1))

    def _by_key(self, mask):
        """[batch, seq] -> [batch, 1, 1, key]"""
        return self._graph("Unsqueeze", self._graph("Unsqueeze", mask, axes=[1]), axes=[2])

    def _attention(self, name, asking, x, masked_scores):
        """What tokens [batch, query, hidden] take from all of [batch, key, hidden]: [batch, query, hidden]."""
        graph, prefix = self._graph, name + "/attention/self/"
        query = self._split(graph.dense(prefix + "query", asking), [0, 2, 1, 3])
        key = self._split(graph.dense(prefix + "key", x), [0, 2, 3, 1])
        value = self._split(graph.dense(prefix + "value", x), [0, 2, 1, 3])
        scores = graph("Div", graph("MatMul", query, key), math.sqrt(self._size))
        shares = graph("Softmax", graph("Add", scores, masked_scores), axis=3)
        context = graph("Transpose", graph("MatMul", shares, value), perm=[0, 2, 1, 3])
        joined = graph("Reshape", context, np.array([0, 0, self._heads * self._size]))
        return graph.dense(name + "/attention/output/dense", joined)

    def _split(self, x, order):
        """[batch, seq, hidden] -> its heads, [batch, seq, heads, size] in another order."""
        parts = self._graph("Reshape", x, np.array([0, 0, self._heads, self._size]))
        return self._graph("Transpose", parts, perm=order)

    def _last_text(self, mask, segments):
        """modeling._last_text"""
        second = self._graph("Mul", mask, segments)
        is_pair = self._graph("ReduceMax", second, axes=[1])
        return self._graph("Add", second, self._graph("Mul", mask, self._graph("Sub", 1.0, is_pair)))


def _first(graph, states):
    """[batch, seq, hidden] -> what stands for the first token, [batch, hidden]."""
    return graph("Squeeze", graph("Gather", states, np.array([0]), axis=1), axes=[1])


def _features(graph, encoded, config):
    """heads.features, [batch, configs.feature_width]"""
    if not config.use_pooled_output:
        hidden = _mixed(graph, encoded)
    elif config.feature_layers:
        parts = configs.read_feature_layers(config.feature_layers)
        vectors = [graph.normalized(_vector(graph, encoded, layer, config)) for layer, _ in parts]
        scaled = [graph("Mul", vector, math.sqrt(weight)) for vector, (_, weight) in zip(vectors, parts)]
        hidden = graph("Concat", *scaled, axis=-1)
    elif config.pooling == "cls":
        hidden = encoded.pooled
    else:
        hidden = _vector(graph, encoded, len(encoded.layers), config)
    return graph("Mul", graph.normalized(hidden), config.feature_norm) if config.feature_norm > 0.0 else hidden


def _mixed(graph, encoded):
    """The learned mixture of all layers' [CLS], [batch, hidden]."""
    mixture = np.exp(graph.weights[LAYER_MIXTURE] - np.max(graph.weights[LAYER_MIXTURE]))
    parts = zip(encoded.layers, mixture / mixture.sum())
    mixed = graph("Sum", *[graph("Mul", _first(graph, layer), float(share)) for layer, share in parts])
    return graph("Tanh", graph("MatMul", mixed, graph.weight(PROJECTION)))


def _vector(graph, encoded, layer, config):
    """What a layer, counted from 1, says about each row: [batch, hidden]."""
    states = encoded.layers[layer - 1]
    if config.pooling == "cls":
        return _first(graph, states)
    mask = encoded.mask if config.pooling == "mean" else encoded.last_text
    total = graph("MatMul", graph("Unsqueeze", mask, axes=[1]), states)  # [batch, 1, hidden]
    return graph("Div", graph("Squeeze", total, axes=[1]), graph("Max", graph.total(mask, 1, keepdims=1), 1.0))


def _label_scores(graph, features, config):
    """Scores by label embeddings, [batch, classes] (learner/heads.py: logits)."""
    outputs, embeddings = graph.mlp("output", config, features), graph.weights[LABEL_EMBEDDING_VARIABLE]
    if config.use_euclidean_norm:
        away = graph("Sub", graph("Unsqueeze", outputs, axes=[1]), embeddings[None])  # [batch, classes, size]
        return graph("Neg", graph.total(graph("Mul", away, away), -1))
    product = graph("MatMul", outputs, embeddings[:, : config.label_emb_size].T)
    return graph("Add", product, embeddings[:, -1])


def _softmax_layer(graph, features, config):
    """Scores by a softmax layer, [batch, classes] (learner/softmax.py: logits)."""
    del config
    return graph("Add", graph("MatMul", features, graph.weights["output_weights"].T), graph.weights["output_bias"])
