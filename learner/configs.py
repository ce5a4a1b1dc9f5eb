"""Frozen settings of the learner. Field names are the names of the flags (except SGD_K, here rate_sets)."""
import dataclasses

from runtime.errors import UserError

POOLINGS = ("cls", "mean", "last_text")
HEAD_INITS = ("normal", "identity")
ACTIVATION_NAMES = ("tanh", "relu", "gelu", "linear")


@dataclasses.dataclass(frozen=True)
class LearnerConfig:
    """Everything that decides what the heads, the inner loop and the fine-tuning step compute."""

    # head
    output_layers: int = 1
    label_emb_size: int = 256
    use_euclidean_norm: bool = True  # logit = -squared distance; else dot product + bias
    activation_fn: str = "tanh"
    deep_set_layers: int = 0
    prototypical_baseline: bool = False  # the label MLP is the output MLP
    head_init: str = "normal"  # fresh weights; "identity" makes step 0 of prototypes a nearest-class-mean classifier
    # feature that the heads read
    use_pooled_output: bool = True  # else a learned mixture of all layers' [CLS]
    pooling: str = "cls"  # the mean over all tokens or those of the last text takes the place of the pooled output
    feature_norm: float = 0.0  # above 0: what the heads read is scaled to this length
    keep_prob: float = 0.9
    # which weights the inner loop adapts
    warp_layers: bool = False
    min_layer_with_grad: int = 0
    train_word_embeddings: bool = False
    adapt_layer_norm: bool = True
    update_only_label_embedding: bool = False
    # learned rates
    train_lr: float = 5e-5
    rate_sets: int = 2  # flag SGD_K
    is_meta_sgd: bool = True
    use_exp_lr: bool = False
    clip_lr: bool = False
    # inner loop
    meta_batchsz: int = 8
    num_batches: int = 0
    inner_epochs: int = 1
    stop_grad: bool = True  # first-order meta-gradient
    fix_bert: bool = False  # the outer loop leaves the encoder as it is
    sgd_first_batch: bool = False
    randomize_inner_steps: bool = False
    min_inner_steps: int = 3
    # query losses of the meta-objective
    average_query_loss: bool = False
    average_query_every: int = 1
    weight_query_loss: bool = False
    # fine-tuning
    decay_finetune_lr: bool = True
    # the same numbers with the published code's amount of work: padded rows, unrolled inner loop, label embeddings made
    # at every fine-tuning step, dense gradients of the word table, one-hot lookups
    reference_mode: bool = False
    amp: bool = False  # 16-bit floats where they are faster
    xla: bool = False

    def __post_init__(self):
        def require(holds, message):
            if not holds:
                raise UserError(message)

        require(self.pooling in POOLINGS, "--pooling=%s: use one of %s." % (self.pooling, ", ".join(POOLINGS)))
        require(
            self.activation_fn in ACTIVATION_NAMES,
            "--activation_fn=%s: use one of %s." % (self.activation_fn, ", ".join(ACTIVATION_NAMES)),
        )
        require(
            self.head_init in HEAD_INITS,
            "--head_init=%s: use one of %s." % (self.head_init, ", ".join(HEAD_INITS)),
        )
        require(self.output_layers >= 1, "--output_layers=%d: at least 1." % self.output_layers)
        require(self.label_emb_size >= 1, "--label_emb_size=%d: at least 1." % self.label_emb_size)
        require(0.0 < self.keep_prob <= 1.0, "--keep_prob=%g: above 0, at most 1." % self.keep_prob)
        require(self.rate_sets >= 0, "--SGD_K=%d: at least 0." % self.rate_sets)
        require(self.train_lr > 0.0, "--train_lr=%g: above 0." % self.train_lr)
        require(self.average_query_every >= 1, "--average_query_every=%d: at least 1." % self.average_query_every)
        require(self.meta_batchsz >= 1, "--meta_batchsz=%d: at least 1." % self.meta_batchsz)
        require(self.num_batches >= 0, "--num_batches=%d: at least 0." % self.num_batches)
        require(self.inner_epochs >= 1, "--inner_epochs=%d: at least 1." % self.inner_epochs)
        require(
            self.use_pooled_output or self.pooling == "cls",
            "--pooling=%s and --use_pooled_output=false exclude each other." % self.pooling,
        )

    def check_inner_loop(self):
        """UserError for an inner loop that cannot be laid out; fine-tuning does not read these settings."""
        if self.num_batches and self.meta_batchsz % self.num_batches:
            raise UserError(
                "--meta_batchsz=%d is not a multiple of --num_batches=%d." % (self.meta_batchsz, self.num_batches)
            )
        if self.randomize_inner_steps and 0 < self.num_batches <= self.min_inner_steps:
            raise UserError(
                "--min_inner_steps=%d: must be below --num_batches=%d." % (self.min_inner_steps, self.num_batches)
            )

    @classmethod
    def from_flags(cls, values):
        """Builds the settings from a {flag name: value} mapping; missing flags keep their defaults."""
        picked = {}
        for field in dataclasses.fields(cls):
            flag = "SGD_K" if field.name == "rate_sets" else field.name
            if flag in values:
                picked[field.name] = values[flag]
        return cls(**picked)
