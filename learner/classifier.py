"""Forward passes of one few-shot task: features, label embeddings, scores and losses."""
import collections

import modeling
from learner import heads
from learner.adaptation import LAYER_MIXTURE
from runtime import kernels, packing, sessions
from runtime.compat import tf

Batch = collections.namedtuple("Batch", ["input_ids", "input_mask", "segment_ids", "label_ids"])  # [rows, seq], [rows]
INPUTS = Batch._fields[:3]  # what features are made of, and what a served model takes

Pass = collections.namedtuple("Pass", ["loss", "logits", "accuracy", "label_embs"])


class Classifier:
    """The forward passes that meta-training and fine-tuning share; weights and dropout are arguments of each.

    Args:
      bert_config, config: BertConfig and LearnerConfig; a SoftmaxConfig will do for `features` alone.
      num_labels: number of classes, a Python or tensor scalar; `features` does not look at it.
      second_order: whether gradients are differentiated again.
      encoder_is_constant: whether no gradient of the encoder is wanted.
    """

    def __init__(self, bert_config, config, num_labels, second_order=False, encoder_is_constant=False):
        self.bert_config = bert_config
        self.config = config
        self.num_labels = num_labels
        self._form = kernels.PLAIN if second_order or config.reference_mode else kernels.FIRST_ORDER
        self.encoder_is_constant = encoder_is_constant

    def features(self, weights, batch, mixture=None, dropout=None):
        """What the heads read, [rows, hidden]. Columns that are padding in every row cost nothing.

        Args:
          weights: {name: tensor}.
          batch: Batch; its labels are not looked at.
          mixture: weights of the layers, as in `heads.features`.
          dropout: dropout.Dropout, or None for none.
        """
        if not sessions.works_in_halves(self.bert_config, self.config):
            return self._features(weights, batch, mixture, dropout)
        texts = [batch.input_ids, batch.input_mask, batch.segment_ids]
        halves = packing.halves(batch.input_mask)
        parts = [
            self._features(
                weights, Batch(*[tf.gather(text, rows) for text in texts], label_ids=None), mixture, dropout
            )
            for rows in halves
        ]
        joined = tf.gather(tf.concat(parts, axis=0), tf.math.invert_permutation(tf.concat(halves, axis=0)))
        joined.set_shape([batch.input_ids.shape[0], None])
        return joined

    def _features(self, weights, batch, mixture, dropout):
        reference = self.config.reference_mode
        if not reference:
            batch = trimmed(batch)
        encoded = modeling.encode(
            weights,
            self.bert_config,
            batch.input_ids,
            batch.input_mask,
            batch.segment_ids,
            dropout,
            only_first=self.config.pooling == "cls" and not reference,
            reference_mode=reference,
            form=self._form,
        )
        if self.encoder_is_constant:
            encoded = modeling.without_gradient(encoded)
        return heads.features(weights, encoded, self.config, mixture, dropout)

    def label_sums(self, weights, features, labels):
        """Sums and counts per class of the label MLP's vectors: [num_labels, size], [num_labels, 1]."""
        vectors = heads.label_mlp(weights, features, self.config)
        return heads.class_sums(vectors, labels, self.num_labels)

    def make_label_embeddings(self, weights, features, labels):
        """Label embeddings from the rows of one batch, [num_labels, label embedding size]."""
        return self.finish_label_embeddings(weights, *self.label_sums(weights, features, labels))

    def finish_label_embeddings(self, weights, sums, counts):
        """Label embeddings from the sums and counts of `label_sums`."""
        return heads.label_embeddings(weights, sums, counts, self.config)

    def classify(self, weights, features, label_embs, labels):
        """Scores of the rows against label embeddings, and their mean loss; returns Pass."""
        logits = heads.logits(heads.output_mlp(weights, features, self.config), label_embs, self.config)
        loss = tf.reduce_mean(heads.cross_entropy(logits, labels))
        return Pass(loss, logits, heads.accuracy(logits, labels), label_embs)

    def support_pass(self, weights, batch, label_embs=None, dropout=None):
        """Pass on support rows; the label embeddings are made from them unless given.

        `label_embs` is a tensor, or a function from the label embeddings that the rows make to those to use.
        In an episode the mixture of layers among the weights is already softmaxed (checklist, section 1).
        """
        features = self.features(weights, batch, weights.get(LAYER_MIXTURE), dropout)
        if label_embs is None or callable(label_embs):
            made = self.make_label_embeddings(weights, features, batch.label_ids)
            label_embs = made if label_embs is None else label_embs(made)
        return self.classify(weights, features, label_embs, batch.label_ids)


def trimmed(batch):
    """Cuts the columns that are padding in every row of a Batch; at least one column stays."""
    used = tf.reduce_max(tf.cast(batch.input_mask > 0, tf.int32), axis=0)  # [seq]
    length = tf.maximum(tf.reduce_max(used * tf.range(1, tf.size(used) + 1)), 1)
    return batch._replace(
        input_ids=batch.input_ids[:, :length],
        input_mask=batch.input_mask[:, :length],
        segment_ids=batch.segment_ids[:, :length],
    )
