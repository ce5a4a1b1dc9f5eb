"""Frozen settings of the learner and of its training. Field names are the names of the flags (but for SGD_K)."""
import dataclasses
import math

from runtime.errors import UserError

POOLINGS = ("cls", "mean", "last_text")
HEAD_INITS = ("normal", "identity")
ACTIVATION_NAMES = ("tanh", "relu", "gelu", "linear")
SOFTMAX = "softmax"  # a value of --classifier
# Settings that earlier versions did not have, off where they are empty.
LATER = ("feature_layers", "label_names", "calibrate", "tf32")
FLAG_NAMES = {"rate_sets": "SGD_K"}  # of the fields that are not called as their flag


def _require(holds, message):
    """UserError with the message unless something holds."""
    if not holds:
        raise UserError(message)


def _require_one_of(flag, value, known):
    _require(value in known, "--%s=%s: use one of %s." % (flag, value, ", ".join(known)))


def _require_feature(config):
    """UserError for settings of the vector that the heads or the layer read, which both classifiers have."""
    _require_one_of("pooling", config.pooling, POOLINGS)
    _require(0.0 < config.keep_prob <= 1.0, "--keep_prob=%g: above 0, at most 1." % config.keep_prob)
    _require(0.0 <= config.feature_norm < math.inf, "--feature_norm=%g: at least 0." % config.feature_norm)
    read_feature_layers(config.feature_layers)


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
    feature_layers: str = ""  # "4:0.7,6:0.6": of these layers side by side, see `read_feature_layers`
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
    tf32: bool = False  # on GPUs, 32-bit products of factors that are rounded to TensorFloat-32
    xla: bool = False

    def __post_init__(self):
        _require_feature(self)
        _require_one_of("activation_fn", self.activation_fn, ACTIVATION_NAMES)
        _require_one_of("head_init", self.head_init, HEAD_INITS)
        _require(self.output_layers >= 1, "--output_layers=%d: at least 1." % self.output_layers)
        _require(self.label_emb_size >= 1, "--label_emb_size=%d: at least 1." % self.label_emb_size)
        _require(self.rate_sets >= 0, "--SGD_K=%d: at least 0." % self.rate_sets)
        _require(self.train_lr > 0.0, "--train_lr=%g: above 0." % self.train_lr)
        _require(self.average_query_every >= 1, "--average_query_every=%d: at least 1." % self.average_query_every)
        _require(self.meta_batchsz >= 1, "--meta_batchsz=%d: at least 1." % self.meta_batchsz)
        _require(self.num_batches >= 0, "--num_batches=%d: at least 0." % self.num_batches)
        _require(self.inner_epochs >= 1, "--inner_epochs=%d: at least 1." % self.inner_epochs)
        _require(
            self.use_pooled_output or self.pooling == "cls",
            "--pooling=%s and --use_pooled_output=false exclude each other." % self.pooling,
        )
        _require(
            self.use_pooled_output or not self.feature_layers,
            "--feature_layers=%s and --use_pooled_output=false exclude each other." % self.feature_layers,
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


@dataclasses.dataclass(frozen=True)
class SoftmaxConfig:
    """What BERT with a softmax layer (softmax.py) computes, and how it is trained; names are those of the flags."""

    # feature that the layer reads
    use_pooled_output: bool = True
    pooling: str = "cls"
    feature_layers: str = ""
    feature_norm: float = 0.0
    keep_prob: float = 0.9
    # training
    learning_rate: float = 5e-5
    fix_bert: bool = False  # only the layer is trained
    # how it is computed
    reference_mode: bool = False  # padding takes part in the work
    amp: bool = False  # 16-bit floats where they are faster
    tf32: bool = False  # on GPUs, 32-bit products of factors that are rounded to TensorFloat-32
    xla: bool = False

    def __post_init__(self):
        _require_feature(self)
        _require(self.learning_rate > 0.0, "--learning_rate=%g: above 0." % self.learning_rate)
        _require(
            self.use_pooled_output,
            "--use_pooled_output=false mixes the layers with weights that --classifier=softmax does not have.",
        )


@dataclasses.dataclass(frozen=True)
class FinetuneConfig:
    """How one k-shot task is trained; names are those of the flags."""

    train_batch_size: int = 32
    eval_batch_size: int = 8
    predict_batch_size: int = 8
    num_train_epochs: float = 3.0
    warmup_proportion: float = 0.1
    init_checkpoint: str = None
    warm_start_model_dir: str = None
    stratified: bool = False  # batches that data/batching.py stratifies, not the published ones
    seed: int = 0
    calibrate: bool = False  # choose a temperature of the probabilities, see learner/calibration.py
    label_names: tuple = ()  # what the classes are called, see learner/name_prior.py; empty: not made use of


@dataclasses.dataclass(frozen=True)
class MetaTrainConfig:
    """How meta-training runs; names are those of the flags, lists in the place of comma-separated files."""

    task_train_files: tuple
    task_eval_files: tuple = ()
    train_batch_size: int = 32
    max_train_batch_size: int = -1
    tasks_per_gpu: int = 6
    num_gpus: int = 4
    num_train_epochs: float = 3.0
    warmup_proportion: float = 0.1
    learning_rate: float = 5e-5
    replica_clipping: bool = False
    save_checkpoints_steps: int = 1000
    eval_examples_per_task: int = 2000
    data_sqrt_sampling: bool = False
    pretrain_task_weight: float = 1.0
    max_seq_length: int = 128
    init_checkpoint: str = None
    warm_start_model_dir: str = None
    seed: int = 0

    @property
    def tasks_per_step(self):
        """Tasks whose mean gradient makes one step, whatever devices share them."""
        return self.tasks_per_gpu * self.num_gpus


def read_feature_layers(spec, flag="feature_layers"):
    """Which layers stand side by side in what the heads read: a list of (layer, weight).

    Args:
      spec: LAYER or LAYER:WEIGHT, comma-separated: the layer's vector has the squared length WEIGHT, else 1. Layers
        count from 1. Empty: the last layer alone, as it is.
      flag: what gave it, for the error.

    Raises:
      UserError: it says something else.
    """
    try:
        parts = [part.partition(":") for part in spec.split(",")] if spec else []
        found = [(int(layer), float(weight) if colon else 1.0) for layer, colon, weight in parts]
    except ValueError:
        found = [(0, 0.0)]
    layers = [layer for layer, _ in found]
    if any(layer < 1 or not 0.0 < weight < math.inf for layer, weight in found) or len(set(layers)) < len(layers):
        raise UserError("--%s=%s: different layers from 1, each LAYER or LAYER:WEIGHT, comma-separated." % (flag, spec))
    return found


def feature_width(hidden, config):
    """Width of what the heads read; `hidden` is the encoder's."""
    return hidden * max(1, len(read_feature_layers(config.feature_layers)))


def from_flags(kind, values):
    """Settings of a kind (a class above) from a {flag name: value} mapping; missing flags keep their defaults."""
    names = {field.name: FLAG_NAMES.get(field.name, field.name) for field in dataclasses.fields(kind)}
    return kind(**{name: values[flag] for name, flag in names.items() if flag in values})


def described(config):
    """The settings of a classifier in files: {key: values} with a key that tells which classifier it is."""
    return {SOFTMAX if isinstance(config, SoftmaxConfig) else "learner": values_of(config)}


def values_of(config):
    """The settings of a class above in files, as {name: value}.

    Those that earlier versions did not have are left out where they are off, so that runs keep their identity.
    """
    return {name: value for name, value in dataclasses.asdict(config).items() if value or name not in LATER}


def classifier_of(description):
    """The LearnerConfig or SoftmaxConfig in a mapping that was updated with `described`; KeyError without any."""
    if SOFTMAX in description:
        return SoftmaxConfig(**description[SOFTMAX])
    return LearnerConfig(**description["learner"])
