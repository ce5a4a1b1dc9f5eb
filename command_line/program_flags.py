"""The flags of the main program, group by group, and the values that they take."""
import functools
import json
import math

from absl import flags, logging

from command_line import program
from data.text import check_labels
from learner import configs
from runtime.errors import UserError

flags.disclaim_key_flags()  # --help lists them as those of the program that defines them

PROGRAM = "run_classifier_multitask.py"
NO_EFFECT = ("use_tpu", "master", "iterations_per_loop", "num_train_tasks", "num_eval_tasks", "tasks_labels")

MOST_EPOCHS = 10**6

# (flags, whether a value will do, what will do)
ALLOWED = (
    (
        ("train_batch_size", "eval_batch_size", "predict_batch_size", "test_num_labels", "max_seq_length")
        + ("num_gpus", "tasks_per_gpu", "save_checkpoints_steps", "cpu_devices", "worker_timeout", "suggest_n")
        + ("eval_examples_per_task",),
        lambda value: 0 < value < 2**31,
        "above 0, and %d at most" % (2**31 - 1),
    ),
    (("num_train_epochs",), lambda value: 0.0 < value <= MOST_EPOCHS, "above 0, and %d at most" % MOST_EPOCHS),
    (("learning_rate",), lambda value: 0.0 < value < math.inf, "above 0"),
    (("warmup_proportion", "pretrain_task_weight"), lambda value: 0.0 <= value <= 1.0, "0 to 1"),
    (
        ("attention_probs_dropout_prob", "hidden_dropout_prob"),
        lambda value: value is None or 0.0 <= value < 1.0,
        "at least 0, below 1",
    ),
    (("min_confidence",), lambda value: value is None or 0.0 <= value <= 1.0, "0 to 1"),
    (("deep_set_layers", "min_layer_with_grad", "min_inner_steps"), lambda value: value >= 0, "at least 0"),
    (("seed",), lambda value: 0 <= value < 2**31, "0 to %d" % (2**31 - 1)),
)


class Definer:
    """Defines flags on an absl.flags.FlagValues, by the kind of their values."""

    def __init__(self, values):
        def kind(define):
            return functools.partial(define, flag_values=values)

        self.boolean, self.string = kind(flags.DEFINE_bool), kind(flags.DEFINE_string)
        self.integer, self.real = kind(flags.DEFINE_integer), kind(flags.DEFINE_float)
        self.names, self.enum = kind(flags.DEFINE_list), kind(flags.DEFINE_enum)


def _modes(add):
    """Modes."""
    add.boolean("do_train", False, "Meta-train; with --classifier=softmax multi-task training (MT-BERT).")
    add.boolean("do_eval", False, "Fine-tune on the first of --task_eval_files, evaluate on the second, if any.")
    add.boolean("do_predict", False, "Predict the rows of --predict_file with the model in --model_dir.")
    add.boolean("do_score", False, "Evaluate the model in --model_dir on --score_file; nothing is trained.")
    add.boolean("do_suggest", False, "Which texts of --suggest_file to label next, by the model in --model_dir.")
    add.boolean("debug", False, "Log more; changes nothing that is computed.")


def _data_and_model(add):
    """Data and model."""
    add.string("data_dir", "", "Folder of files that start with meta_pretrain, and of evaluation files amazon*.")
    add.string("supervised_data_dir", "", "Folder of all other record files.")
    add.string("task_train_files", "", "Record files of meta-training, comma-separated.")
    add.string(
        "task_eval_files",
        "",
        "TRAIN[,EVAL] of the k-shot task: TFRecords, or text (.json, .jsonl, .csv, .tsv), converted with --vocab_file.",
    )
    add.string("output_dir", "output", "Where results.json, predictions.tsv and model/ go.")
    add.string("bert_config_file", None, "Sizes of the encoder; default: bert_config.json beside the checkpoint.")
    add.string("vocab_file", "pretrained-model/vocab.txt", "WordPiece vocabulary; needed for text files.")
    add.string(
        "init_checkpoint",
        "pretrained-model/bert_model.ckpt",
        "BERT checkpoint to start from; not read where --warm_start_model_dir has an encoder. Empty: random weights.",
    )
    add.string("warm_start_model_dir", None, "Exported SavedModel of meta-training to start from.")
    add.boolean("do_lower_case", False, "Lower-case text; true for uncased vocabularies.")
    add.integer("max_seq_length", 128, "Tokens a row; record files must have this length.")
    add.real("attention_probs_dropout_prob", None, "Overrides the BERT config.")
    add.real("hidden_dropout_prob", None, "Overrides the BERT config.")
    add.real("keep_prob", 0.9, "1 - dropout on the vector that the heads read.")
    add.boolean("use_pooled_output", True, "Heads read BERT's pooled output; else a mixture of all layers' [CLS].")
    add.enum(
        "pooling",
        "cls",
        list(configs.POOLINGS),
        "The pooled output, or in its place the mean over all tokens, or over those of the last text of a pair.",
    )
    add.string(
        "feature_layers", "",
        "LAYER:WEIGHT,LAYER:WEIGHT: these layers (from 1) side by side in place of the last one, as --pooling says, "
        "each of squared length WEIGHT.",
    )
    add.integer("encoder_layers", 0, "Above 0: only so many layers of the encoder, the first ones, are used.")
    add.real("feature_norm", 0.0, "Above 0: scale the vector that the heads read to this length.")
    add.enum(
        "classifier",
        "label_embeddings",
        ["label_embeddings", configs.SOFTMAX],
        "softmax: the baselines' fresh softmax layer, trained with AdamW, in the place of the meta-trained heads.",
    )


def _sizes(add):
    """Sizes."""
    add.integer("train_batch_size", 32, "Rows a fine-tuning step; records a task in meta-training.")
    add.integer("eval_batch_size", 8, "Rows an evaluation batch; the fine-tuning schedule counts by it.")
    add.integer("predict_batch_size", 8, "Rows a prediction batch.")
    add.integer("meta_batchsz", 8, "Support records a task.")
    add.integer("tasks_per_gpu", 6, "Tasks a device and meta-training step.")
    add.integer("num_gpus", 4, "Devices of meta-training, on all machines; fewer that are there share the tasks.")
    add.integer("num_batches", 0, "Support mini-batches; 0: the whole support at every step.")
    add.integer("max_train_batch_size", -1, "Records a supervised task, when above 0.")
    add.integer("eval_examples_per_task", 2000, "Rows of each file in meta-validation.")
    add.integer("test_num_labels", 2, "Classes of the k-shot task; known for the tasks of the registry.")


def _outer_loop(add):
    """Outer loop."""
    add.real("learning_rate", 5e-5, "AdamW's rate, in meta-training and with --classifier=softmax.")
    add.real("num_train_epochs", 3.0, "Passes over the training records.")
    add.real("warmup_proportion", 0.1, "Part of the steps with a linearly growing rate.")
    add.integer("save_checkpoints_steps", 1000, "Steps between checkpoints of meta-training.")
    add.boolean("fix_bert", False, "Do not train the encoder, in meta-training and with --classifier=softmax.")
    add.boolean(
        "replica_clipping", False, "Clip the gradient of each of the --num_gpus by itself and sum them, as published."
    )
    add.boolean("data_sqrt_sampling", False, "Sample training files by the square root of their size.")
    add.real("pretrain_task_weight", 1.0, "Total weight of SMLMT files when below 1.")
    add.boolean("average_query_loss", False, "Average the query losses of several inner steps.")
    add.integer("average_query_every", 1, "Inner steps between two query losses.")
    add.boolean("weight_query_loss", False, "Weight query losses by powers of two.")


def _inner_loop(add):
    """Inner loop and fine-tuning."""
    add.real("train_lr", 5e-5, "Initial value of the learned rates.")
    add.integer("SGD_K", 2, "Sets of learned rates; 0: no adaptation.")
    add.boolean("stop_grad", True, "First-order meta-gradient.")
    add.integer("inner_epochs", 1, "Passes over the support mini-batches.")
    add.boolean("randomize_inner_steps", False, "Draw the number of inner steps that count.")
    add.integer("min_inner_steps", 3, "Least number that --randomize_inner_steps draws.")
    add.boolean("sgd_first_batch", False, "The batch that makes the label embeddings is a gradient step too.")
    add.boolean("is_meta_sgd", True, "Learn the rates.")
    add.boolean("use_exp_lr", False, "Rate = exp(variable).")
    add.boolean("clip_lr", False, "Clip the rates to [1e-8, 1] after each update.")
    add.boolean("warp_layers", False, "Feed-forward sub-layers and output MLP are not adapted.")
    add.integer("min_layer_with_grad", 0, "Lowest encoder layer that is adapted.")
    add.boolean("train_word_embeddings", False, "Adapt the embeddings.")
    add.boolean("adapt_layer_norm", True, "Adapt every LayerNorm (without --warp_layers).")
    add.boolean(
        "update_only_label_embedding", False, "Make label embeddings once, then update them; else adapt the label MLP."
    )
    add.boolean("decay_finetune_lr", True, "Linear decay of the rates in fine-tuning.")
    add.boolean(
        "reference_mode",
        False,
        "Do the work as the published code did: padded rows, unrolled inner loop, label embeddings made at every "
        "fine-tuning step, dense embedding gradients, one-hot lookups, a random number for each entry of a dropout "
        "mask; same numbers but for the masks, slower.",
    )
    add.boolean("amp", False, "Mixed precision: half floats on GPUs, bfloat16 on CPUs (not with TensorFlow 1.15).")
    add.boolean("tf32", False, "On GPUs, let products round their factors to 10 bits of mantissa (TensorFloat-32).")
    add.boolean("xla", False, "Compile with XLA, on GPUs.")


def _head(add):
    """Head."""
    add.integer("output_layers", 1, "Layers of the output MLP and of the label MLP.")
    add.integer("label_emb_size", 256, "Size of a label embedding.")
    add.boolean("use_euclidean_norm", True, "Logit = -squared distance; else dot product + bias.")
    add.enum("activation_fn", "tanh", list(configs.ACTIVATION_NAMES), "Between the heads' layers.")
    add.integer("deep_set_layers", 0, "Layers on top of the label embeddings.")
    add.boolean("prototypical_baseline", False, "The label MLP is the output MLP.")
    add.enum("head_init", "normal", list(configs.HEAD_INITS), "How heads start that no checkpoint holds.")


def _own(add):
    """This program's own."""
    add.string("task_name", None, "One of the 17 tasks: gives labels and their number.")
    add.boolean(
        "stratified", False, "Every class is in the first batch and epochs are shuffled whole, for files sorted by "
        "label and classes of few rows; not as published."
    )
    add.names("labels", None, "Names of the labels in the order of their ids.")
    add.names(
        "label_names", None, "What the classes are called, in the order of their ids: label embeddings lean on it as "
        "far as the training rows bear it out; auto: as the labels. Default: not made use of."
    )
    add.boolean(
        "calibrate", False, "Choose a temperature of the probabilities by cross-validation over the training rows; for "
        "encoders that stay as they are."
    )
    add.boolean("self_check", False, "After --do_eval: how good the model is, by cross-validation over training rows.")
    add.string("predict_file", None, "Rows to predict: TFRecord or text (.txt, .json, .csv, ...; - is stdin).")
    add.string("score_file", None, "Labelled rows to evaluate a model on: TFRecord or text with a label column.")
    add.string(
        "output", None, "File of predictions, *.tsv or *.jsonl, or - for standard output; default: OUTPUT_DIR/"
        "predictions*.tsv, and standard output too where it is a pipe or file."
    )
    add.string("suggest_file", None, "Texts to choose from for labelling (.txt, .json, .csv, ...; - is stdin).")
    add.integer("suggest_n", 20, "How many of them, at most.")
    add.real(
        "min_confidence", None, "Predicted rows whose highest probability is below it are marked as undecided; "
        "default: every row is decided."
    )
    add.string("model_dir", None, "Model for --do_predict, --do_score and --do_suggest; default: OUTPUT_DIR/model.")
    add.boolean("keep_model", True, "Keep the fine-tuned model.")
    add.boolean("keep_onnx", False, "Keep it as an ONNX graph too, which predicts without TensorFlow (docs/ONNX.md).")
    add.boolean("overwrite", False, "Replace the model of another run in --output_dir.")
    add.integer("seed", 0, "Of the order of rows, fresh weights and dropout.")
    add.integer("cpu_devices", 1, "Logical CPU devices for meta-training on a machine without GPUs.")
    add.integer("worker_timeout", 300, "Seconds until a machine of TF_CONFIG that does not answer is given up.")


def _without_effect(add):
    """Accepted for old command lines, without effect."""
    add.boolean("use_tpu", False, "Without effect.")
    add.string("master", None, "Without effect.")
    add.integer("iterations_per_loop", 1000, "Without effect.")
    add.integer("num_train_tasks", 6, "Without effect.")
    add.integer("num_eval_tasks", 6, "Without effect.")
    add.string("tasks_labels", "2,2", "Without effect.")


GROUPS = (_modes, _data_and_model, _sizes, _outer_loop, _inner_loop, _head, _own, _without_effect)


def define(values):
    """Defines the flags on an absl.flags.FlagValues."""
    for group in GROUPS:
        group(Definer(values))


def parse(arguments, chosen=None):
    """The values that the main program would take from these arguments, presets of --flagfile included.

    Args:
      arguments: list of "--FLAG=VALUE".
      chosen: {flag: value} for flags that the arguments leave out.

    Returns:
      absl.flags.FlagValues, checked.

    Raises:
      UserError: a flag is unknown, or has a value that cannot be used.
    """
    values = _unset()
    rest = _told(values, [PROGRAM] + list(arguments))[1:]
    if rest:
        raise UserError("unknown argument %s: flags are written as --FLAG=VALUE." % rest[0])
    fill(values, chosen or {})
    check(values)
    return values


def parse_known(arguments):
    """(FlagValues that are not checked yet, the arguments that are none of the program's own flags)."""
    values = _unset()
    rest = _told(values, [PROGRAM] + list(arguments), known_only=True)[1:]
    return values, rest


def fill(values, chosen):
    """Sets those flags of {flag: value} that were not given; values are text or have the flag's type."""
    for name, value in chosen.items():
        if name not in values:
            raise UserError("there is no flag --%s." % name)
        if not values[name].present:
            _told(values[name].parse, value)


def names():
    """Names of all flags."""
    return list(_unset())


def _unset():
    """FlagValues of which no flag is given."""
    values = flags.FlagValues()
    define(values)
    values.mark_as_parsed()
    return values


def _told(call, *arguments, **options):
    """What a call returns; its error about flags becomes one for the user."""
    try:
        return call(*arguments, **options)
    except (flags.Error, ValueError) as error:
        raise program.wrong_value(error) from None


def names_and_values(values):
    """{name: value} of all flags."""
    return {name: values[name].value for name in values}


def given(values):
    """{name: value} of the flags that were given."""
    return {name: values[name].value for name in values if values[name].present}


def start_debugging(values):
    """With --debug: shows what is logged for debugging from here on, the value of every flag first."""
    if values.debug:
        logging.set_verbosity(logging.DEBUG)
        logging.debug("flags: %s", json.dumps(names_and_values(values), sort_keys=True))


def check(values):
    """UserError for a flag whose value cannot be used; the learner's flags are checked by its config."""
    for names, holds, allowed in ALLOWED:
        for name in names:
            if not holds(values[name].value):
                raise UserError("--%s=%s: must be %s." % (name, values[name].value, allowed))
    check_labels(values.labels or ())
    if values.do_predict and not values.predict_file:
        raise UserError("--do_predict needs --predict_file: a TFRecord or text file, or - for stdin.")
    if values.do_score and not values.score_file:
        raise UserError("--do_score needs --score_file: a TFRecord or text file with labels.")
    if values.min_confidence is not None and not values.do_predict:
        raise UserError("--min_confidence needs --do_predict: it leaves predicted rows undecided.")
    if values.output is not None and not values.do_predict:
        raise UserError("--output needs --do_predict: it is the file of the predictions.")
    if values.do_suggest and not values.suggest_file:
        raise UserError("--do_suggest needs --suggest_file: a file of texts, or - for stdin.")
    for mode in ("do_score", "do_predict", "do_suggest"):
        if values.do_eval and values[mode].value and not values.keep_model and not values.model_dir:
            raise UserError("--keep_model=false leaves no model for --%s: keep it, or give --model_dir." % mode)
