"""BERT with a softmax layer (Devlin et al. 2018, section 4.1): the classifier of the papers' baselines.

It has no learned rates and no label embeddings: a fresh layer on the encoder's feature, and AdamW for all weights or
for the layer alone.
"""
import collections

import modeling
import optimization
from learner import adaptation, descent, heads
from learner.classifier import Classifier
from learner.finetuning import RateDecay
from runtime.compat import tf
from runtime.dropout import Dropout
from runtime.errors import UserError

INITIALIZER_STDDEV = 0.02

Head = collections.namedtuple("Head", ["weights", "bias"])  # [num_labels, hidden], [num_labels]

Scored = collections.namedtuple("Scored", ["loss", "logits", "accuracy"])  # mean loss; [rows, num_labels]; fraction

# Loss and accuracy are those before the update; gradients are {name: gradient} before clipping.
SoftmaxStep = collections.namedtuple("SoftmaxStep", ["train_op", "loss", "accuracy", "gradients"])


def head_names(scope=""):
    """Names of the variables of a softmax layer, in the order of Head."""
    return [scope + "/" * bool(scope) + name for name in ("output_weights", "output_bias")]


def create_head(hidden, num_labels, scope=""):
    """Makes the variables of a softmax layer, called as `head_names` says; returns Head."""
    names = head_names(scope)
    initializer = tf.truncated_normal_initializer(stddev=INITIALIZER_STDDEV, seed=modeling.seed_of(names[0]))
    return Head(
        tf.get_variable(names[0], [num_labels, hidden], initializer=initializer),
        tf.get_variable(names[1], [num_labels], initializer=tf.zeros_initializer()),
    )


def logits(head, features):
    """[rows, hidden] -> [rows, num_labels]"""
    return tf.matmul(features, head.weights, transpose_b=True) + head.bias


def score(weights, head, batch, bert_config, config, dropout=None):
    """Forward pass.

    Args:
      weights: {name: tensor} of the encoder.
      head: Head, variables or tensors.
      batch: classifier.Batch.
      bert_config, config: BertConfig and SoftmaxConfig.
      dropout: dropout.Dropout, or None for none.

    Returns:
      Scored.
    """
    features = Classifier(bert_config, config, None).features(weights, batch, dropout=dropout)
    scores = logits(head, features)
    loss = tf.reduce_mean(heads.cross_entropy(scores, batch.label_ids))
    return Scored(loss, scores, heads.accuracy(scores, batch.label_ids))


def gradients(loss, variables, config):
    """{name: dense gradient} of the loss with respect to what is trained among {name: variable}.

    Weights that the loss does not read, as the pooler's with --pooling=mean, have none and stay as they are.
    """
    names = [name for name in variables if not adaptation.is_fixed(name, config)]
    return descent.dense(descent.gradients(loss, variables, names, config))


def rate_decay(num_examples, train_batch_size, num_train_epochs, warmup_proportion):
    """RateDecay of whole epochs that are batched across their borders, the last batch maybe short."""
    if int(num_train_epochs) < 1:
        raise UserError("--num_train_epochs=%g: at least 1 with --classifier=softmax." % num_train_epochs)
    steps = -(-num_examples * int(num_train_epochs) // train_batch_size)
    return RateDecay(steps, int(steps * warmup_proportion))


def training_step(variables, head, step, batch, bert_config, config, decay, seed):
    """One AdamW step of fine-tuning: clipped at norm 1, linear warm-up, then linear decay to 0.

    Args:
      variables: {name: variable} of the encoder.
      head: Head.
      step: the counter of finetuning.create_step; dropout masks are a function of it and the seed.
      batch: classifier.Batch.
      bert_config, config: BertConfig and SoftmaxConfig.
      decay: RateDecay, of numbers or scalar tensors.
      seed: of dropout.

    Returns:
      SoftmaxStep.
    """
    trained = collections.OrderedDict(variables)
    trained.update(zip(head_names(), head))
    scored = score(variables, head, batch, bert_config, config, Dropout(seed, step, config.reference_mode))
    made = optimization.outer_step(
        gradients(scored.loss, trained, config),
        trained,
        optimization.OuterConfig(config.learning_rate, decay.total, decay.warmup),
        step,
        [scored.loss, scored.accuracy],
    )
    return SoftmaxStep(made.train_op, *made.means, gradients=made.gradients)
