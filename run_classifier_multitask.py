"""Few-shot text classification with a meta-trained BERT: fine-tune on a k-shot task, evaluate, predict.

  python run_classifier_multitask.py --flagfile=presets/hybrid_finetune.flags --do_eval \\
      --task_eval_files=airline_train_0_4.tf_record,airline_eval.tf_record --supervised_data_dir=DIR \\
      --warm_start_model_dir=MODEL --bert_config_file=bert_config.json --test_num_labels=3 --output_dir=output/airline

The program turns flags into frozen settings, settings into an Estimator, and results into files. `run_finetune.sh`
picks the flags for the 17 tasks of the papers.
"""
import dataclasses
import hashlib
import json
import math
import os
import shutil
import sys
import tempfile
import time

from errors import UserError

try:
    from compat import tf  # noqa: I001 (first, for it checks the versions of Python and TensorFlow)

    from absl import app, flags, logging
except (UserError, ImportError) as error:
    if __name__ != "__main__":
        raise
    print("error: %s" % error, file=sys.stderr)
    sys.exit(2)

import results

FLAGS = flags.FLAGS

# Modes
flags.DEFINE_bool("do_train", False, "Meta-train.")
flags.DEFINE_bool("do_eval", False, "Fine-tune on the first of --task_eval_files, evaluate on the second.")
flags.DEFINE_bool("do_predict", False, "Predict the rows of --predict_file with the model in --model_dir.")
flags.DEFINE_bool("debug", False, "Log more; changes nothing that is computed.")

# Data and model
flags.DEFINE_string("data_dir", "", "Folder of files that start with meta_pretrain, and of evaluation files amazon*.")
flags.DEFINE_string("supervised_data_dir", "", "Folder of all other record files.")
flags.DEFINE_string("task_train_files", "", "Record files of meta-training, comma-separated.")
flags.DEFINE_string(
    "task_eval_files",
    "",
    "TRAIN,EVAL of the k-shot task: TFRecords, or text as .json, .jsonl, .csv or .tsv (converted with --vocab_file).",
)
flags.DEFINE_string("output_dir", "output", "Where results.json, predictions.tsv and model/ go.")
flags.DEFINE_string("bert_config_file", None, "Sizes of the encoder; default: bert_config.json beside the checkpoint.")
flags.DEFINE_string("vocab_file", "pretrained-model/vocab.txt", "WordPiece vocabulary; needed for text files.")
flags.DEFINE_string(
    "init_checkpoint",
    "pretrained-model/bert_model.ckpt",
    "BERT checkpoint to start from; not read where --warm_start_model_dir has an encoder too. Empty: random weights.",
)
flags.DEFINE_string("warm_start_model_dir", None, "Exported SavedModel of meta-training to start from.")
flags.DEFINE_bool("do_lower_case", False, "Lower-case text; true for uncased vocabularies.")
flags.DEFINE_integer("max_seq_length", 128, "Tokens a row; record files must have this length.")
flags.DEFINE_float("attention_probs_dropout_prob", None, "Overrides the BERT config.")
flags.DEFINE_float("hidden_dropout_prob", None, "Overrides the BERT config.")
flags.DEFINE_float("keep_prob", 0.9, "1 - dropout on the vector that the heads read.")
flags.DEFINE_bool("use_pooled_output", True, "Heads read BERT's pooled output; else a mixture of all layers' [CLS].")
flags.DEFINE_enum(
    "pooling",
    "cls",
    ["cls", "mean", "last_text"],
    "The pooled output, or in its place the mean over all tokens, or over those of the last text of a pair.",
)
flags.DEFINE_integer("encoder_layers", 0, "Above 0: only so many layers of the encoder, the first ones, are used.")
flags.DEFINE_float("feature_norm", 0.0, "Above 0: scale the vector that the heads read to this length.")

# Sizes
flags.DEFINE_integer("train_batch_size", 32, "Rows a fine-tuning step; records a task in meta-training.")
flags.DEFINE_integer("eval_batch_size", 8, "Rows an evaluation batch; the fine-tuning schedule counts by it.")
flags.DEFINE_integer("predict_batch_size", 8, "Rows a prediction batch.")
flags.DEFINE_integer("meta_batchsz", 8, "Support records a task.")
flags.DEFINE_integer("tasks_per_gpu", 6, "Tasks a device and meta-training step.")
flags.DEFINE_integer("num_gpus", 4, "Devices of meta-training, on all machines; fewer that are there share the tasks.")
flags.DEFINE_integer("num_batches", 0, "Support mini-batches; 0: the whole support at every step.")
flags.DEFINE_integer("max_train_batch_size", -1, "Records a supervised task, when above 0.")
flags.DEFINE_integer("eval_examples_per_task", 2000, "Rows of each file in meta-validation.")
flags.DEFINE_integer("test_num_labels", 2, "Classes of the k-shot task; known for the tasks of the registry.")

# Outer loop
flags.DEFINE_float("learning_rate", 5e-5, "AdamW's rate in meta-training.")
flags.DEFINE_float("num_train_epochs", 3.0, "Passes over the training records.")
flags.DEFINE_float("warmup_proportion", 0.1, "Part of the steps with a linearly growing rate.")
flags.DEFINE_integer("save_checkpoints_steps", 1000, "Steps between checkpoints of meta-training.")
flags.DEFINE_bool("fix_bert", False, "Do not meta-train the encoder.")
flags.DEFINE_bool(
    "replica_clipping", False, "Clip the gradient of each of the --num_gpus by itself and sum them, as published."
)
flags.DEFINE_bool("data_sqrt_sampling", False, "Sample training files by the square root of their size.")
flags.DEFINE_float("pretrain_task_weight", 1.0, "Total weight of SMLMT files when below 1.")
flags.DEFINE_bool("average_query_loss", False, "Average the query losses of several inner steps.")
flags.DEFINE_integer("average_query_every", 1, "Inner steps between two query losses.")
flags.DEFINE_bool("weight_query_loss", False, "Weight query losses by powers of two.")

# Inner loop and fine-tuning
flags.DEFINE_float("train_lr", 5e-5, "Initial value of the learned rates.")
flags.DEFINE_integer("SGD_K", 2, "Sets of learned rates; 0: no adaptation.")
flags.DEFINE_bool("stop_grad", True, "First-order meta-gradient.")
flags.DEFINE_integer("inner_epochs", 1, "Passes over the support mini-batches.")
flags.DEFINE_bool("randomize_inner_steps", False, "Draw the number of inner steps that count.")
flags.DEFINE_integer("min_inner_steps", 3, "Least number that --randomize_inner_steps draws.")
flags.DEFINE_bool("sgd_first_batch", False, "The batch that makes the label embeddings is a gradient step too.")
flags.DEFINE_bool("is_meta_sgd", True, "Learn the rates.")
flags.DEFINE_bool("use_exp_lr", False, "Rate = exp(variable).")
flags.DEFINE_bool("clip_lr", False, "Clip the rates to [1e-8, 1] after each update.")
flags.DEFINE_bool("warp_layers", False, "Feed-forward sub-layers and output MLP are not adapted.")
flags.DEFINE_integer("min_layer_with_grad", 0, "Lowest encoder layer that is adapted.")
flags.DEFINE_bool("train_word_embeddings", False, "Adapt the embeddings.")
flags.DEFINE_bool("adapt_layer_norm", True, "Adapt every LayerNorm (without --warp_layers).")
flags.DEFINE_bool(
    "update_only_label_embedding", False, "Make label embeddings once, then update them; else adapt the label MLP."
)
flags.DEFINE_bool("decay_finetune_lr", True, "Linear decay of the rates in fine-tuning.")
flags.DEFINE_bool(
    "reference_mode",
    False,
    "Do the work as the published code did: padded rows, unrolled inner loop, label embeddings made at every "
    "fine-tuning step, dense embedding gradients, one-hot lookups; same numbers, slower.",
)

# Head
flags.DEFINE_integer("output_layers", 1, "Layers of the output MLP and of the label MLP.")
flags.DEFINE_integer("label_emb_size", 256, "Size of a label embedding.")
flags.DEFINE_bool("use_euclidean_norm", True, "Logit = -squared distance; else dot product + bias.")
flags.DEFINE_enum("activation_fn", "tanh", ["tanh", "relu", "gelu", "linear"], "Between the heads' layers.")
flags.DEFINE_integer("deep_set_layers", 0, "Layers on top of the label embeddings.")
flags.DEFINE_bool("prototypical_baseline", False, "The label MLP is the output MLP.")
flags.DEFINE_enum("head_init", "normal", ["normal", "identity"], "How heads start that no checkpoint holds.")

# This program's own
flags.DEFINE_string("task_name", None, "One of the 17 tasks: gives labels and their number.")
flags.DEFINE_list("labels", None, "Names of the labels in the order of their ids.")
flags.DEFINE_string("predict_file", None, "Rows to predict: TFRecord or text (.txt, .json, .csv, ...; - is stdin).")
flags.DEFINE_string("model_dir", None, "Fine-tuned model for --do_predict; default: OUTPUT_DIR/model.")
flags.DEFINE_bool("keep_model", True, "Keep the fine-tuned model.")
flags.DEFINE_bool("overwrite", False, "Replace the model of another run in --output_dir.")
flags.DEFINE_integer("seed", 0, "Of the order of rows, fresh weights and dropout.")
flags.DEFINE_integer("cpu_devices", 1, "Logical CPU devices for meta-training on a machine without GPUs.")
flags.DEFINE_integer("worker_timeout", 300, "Seconds until a machine of TF_CONFIG that does not answer is given up.")

# Accepted for old command lines, without effect
NO_EFFECT = ("use_tpu", "master", "iterations_per_loop", "num_train_tasks", "num_eval_tasks", "tasks_labels")
flags.DEFINE_bool("use_tpu", False, "Without effect.")
flags.DEFINE_string("master", None, "Without effect.")
flags.DEFINE_integer("iterations_per_loop", 1000, "Without effect.")
flags.DEFINE_integer("num_train_tasks", 6, "Without effect.")
flags.DEFINE_integer("num_eval_tasks", 6, "Without effect.")
flags.DEFINE_string("tasks_labels", "2,2", "Without effect.")

# (flags, whether a value will do, what will do)
ALLOWED = (
    (
        ("train_batch_size", "eval_batch_size", "predict_batch_size", "test_num_labels", "max_seq_length")
        + ("num_gpus", "tasks_per_gpu", "save_checkpoints_steps", "cpu_devices", "worker_timeout"),
        lambda value: value > 0,
        "above 0",
    ),
    (("num_train_epochs",), lambda value: 0.0 < value < math.inf, "above 0"),
    (("warmup_proportion",), lambda value: 0.0 <= value <= 1.0, "0 to 1"),
    (
        ("attention_probs_dropout_prob", "hidden_dropout_prob"),
        lambda value: value is None or 0.0 <= value < 1.0,
        "at least 0, below 1",
    ),
    (("deep_set_layers", "min_layer_with_grad"), lambda value: value >= 0, "at least 0"),
    (("seed",), lambda value: 0 <= value < 2**31, "0 to %d" % (2**31 - 1)),
)

MODEL_FILE = "model.json"
META_FILE = "meta_training.json"
EXAMPLES_SHOWN = 5


def main(argv):
    if len(argv) > 1:
        raise UserError("unknown argument %s: flags begin with --." % argv[1])
    for name in NO_EFFECT:
        if FLAGS[name].present:
            logging.info("--%s has no effect.", name)
    if not (FLAGS.do_train or FLAGS.do_eval or FLAGS.do_predict):
        raise UserError("nothing to do: give --do_train, --do_eval or --do_predict (--help lists the flags).")
    check_flags()
    if FLAGS.do_train:
        run_meta_training()
    if FLAGS.do_eval and not FLAGS.do_train:  # with --do_train the evaluation is the meta-validation
        run_finetuning()
    if FLAGS.do_predict:
        run_prediction()


def run_meta_training():
    """Meta-trains, or goes on where an earlier run of the same settings stopped; exports the best model.

    Where TF_CONFIG names several machines, this is one process of a run that they share.
    """
    import cluster
    import meta_training

    machines = cluster.parse(os.environ.get("TF_CONFIG", ""))
    bert_config, config, run = bert_settings(), learner_settings(), meta_training_settings()
    check_head_widths(bert_config, config)
    check_output_dir()
    settings = {
        "bert_config": dataclasses.asdict(bert_config),
        "learner": dataclasses.asdict(config),
        "meta_training": dataclasses.asdict(run),
    }
    refuse_other_meta_training(settings)
    plan = meta_training.make_plan(bert_config, config, run)
    make_output_dir()
    if machines.is_chief:
        results.write_json(os.path.join(FLAGS.output_dir, META_FILE), settings)
    finished = meta_training.meta_train(plan, FLAGS.output_dir, machines, FLAGS.cpu_devices, FLAGS.worker_timeout)
    if finished:
        print("meta-training is complete; the best model: %s" % os.path.join(FLAGS.output_dir, "model"))
    else:
        print("stopped and saved: run the same command again to go on")


def refuse_other_meta_training(settings):
    """UserError when --output_dir holds checkpoints of other settings."""
    path = os.path.join(FLAGS.output_dir, META_FILE)
    if not os.path.exists(path):
        return
    with open(path, encoding="utf-8") as file:
        if json.load(file) != json.loads(json.dumps(settings)):
            raise UserError(
                "--output_dir: %s holds a meta-training run of other settings (%s); choose another folder."
                % (FLAGS.output_dir, META_FILE)
            )


def run_finetuning():
    """Fine-tunes, evaluates, and writes model/, predictions.tsv and results.json."""
    import checkpoints
    import estimators
    from data import records
    from evaluation import Scores

    begun = time.time()
    bert_config, config, run = bert_settings(), learner_settings(), finetune_settings()
    check_head_widths(bert_config, config)
    train_file, eval_file = task_files()
    check_output_dir()
    label_names = known_labels(train_file)
    train, label_names, _ = load_examples(train_file, label_names, bert_config)
    evaluation, _, texts = load_examples(eval_file, label_names, bert_config)
    if run.train_batch_size != run.eval_batch_size:
        logging.warning(
            "--train_batch_size=%d and --eval_batch_size=%d differ: the schedule of the rates counts by the latter, as "
            "published, so that they can end early or turn negative.", run.train_batch_size, run.eval_batch_size,
        )
    data = {
        part: {"path": path, "sha256": records.sha256(path), "examples": examples.size}
        for part, path, examples in (("train", train_file, train), ("eval", eval_file, evaluation))
    }
    settings = {
        "bert_config": dataclasses.asdict(bert_config),
        "learner": dataclasses.asdict(config),
        "finetuning": dataclasses.asdict(run),
        "labels": list(label_names),
        "text": text_settings(),
    }
    run_id = fingerprint(settings, data)
    refuse_other_model(run_id)

    is_new = not os.path.isdir(FLAGS.output_dir)
    work_dir = make_work_dir()
    model_dir = os.path.join(FLAGS.output_dir, "model")
    try:
        try:
            outcome = estimators.finetune(bert_config, config, run, train, evaluation, len(label_names), work_dir)
        except (tf.errors.OutOfRangeError, tf.errors.DataLossError, tf.errors.NotFoundError):  # reading weights
            raise damaged_checkpoint(run) from None
        scores = Scores(outcome.logits, evaluation.label_ids)
        if FLAGS.keep_model:
            results.write_json(os.path.join(work_dir, MODEL_FILE), dict(settings, run_id=run_id))
            if os.path.exists(FLAGS.vocab_file):
                shutil.copy(FLAGS.vocab_file, os.path.join(work_dir, "vocab.txt"))
            os.chmod(work_dir, 0o755)
            checkpoints.replace_directory(work_dir, model_dir)
        else:  # an earlier model is one of the same run, or --overwrite was given
            for folder in (work_dir, model_dir):
                shutil.rmtree(folder, ignore_errors=True)
    except BaseException:
        shutil.rmtree(work_dir, ignore_errors=True)
        if is_new and not os.listdir(FLAGS.output_dir):
            os.rmdir(FLAGS.output_dir)
        raise
    predictions = os.path.join(FLAGS.output_dir, "predictions.tsv")
    results.write_predictions(predictions, scores.probabilities, label_names, evaluation.label_ids, texts)
    summary = {
        "run_id": run_id,
        "task": FLAGS.task_name,
        "config": settings,
        "flags": {name: flag.value for name, flag in FLAGS._flags().items() if flag.present},
        "data": data,
        "metrics": results.metrics(scores, label_names, run.eval_batch_size),
        "steps": outcome.steps,
        "seconds": {
            "train": outcome.train_seconds,
            "eval": outcome.eval_seconds,
            "total": time.time() - begun,
        },
        "runtime": results.runtime(),
    }
    results.write_json(os.path.join(FLAGS.output_dir, "results.json"), summary)
    if texts:
        print_examples(scores, label_names, texts)
    print_summary(summary)


def run_prediction():
    """Predicts with a fine-tuned model and writes labels by name with probabilities."""
    import configs
    import estimators
    import modeling
    from evaluation import Scores

    model_dir = FLAGS.model_dir or os.path.join(FLAGS.output_dir, "model")
    path = os.path.join(model_dir, MODEL_FILE)
    try:
        with open(path, encoding="utf-8") as file:
            saved = json.load(file)
        bert_config = modeling.BertConfig.from_dict(saved["bert_config"])
        config = configs.LearnerConfig(**saved["learner"])
        label_names, text = saved["labels"], saved["text"]
    except OSError:
        raise UserError("--model_dir: no fine-tuned model in %s (%s is missing)." % (model_dir, MODEL_FILE)) from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError("--model_dir: %s is damaged (%s)." % (path, error)) from error
    check_output_dir()
    if FLAGS["max_seq_length"].present:
        text["max_seq_length"] = FLAGS.max_seq_length
        check_positions(bert_config, path)
    vocab_file = os.path.join(model_dir, "vocab.txt")  # missing where the model was fine-tuned on records
    if not os.path.exists(vocab_file):
        vocab_file = FLAGS.vocab_file
    examples, _, texts = load_examples(FLAGS.predict_file, label_names, bert_config, vocab_file, text, labelled=False)
    checkpoint = os.path.join(model_dir, estimators.CHECKPOINT)
    logits = estimators.predict(
        bert_config, config, len(label_names), checkpoint, examples, FLAGS.predict_batch_size
    )
    make_output_dir()
    name = "predictions.tsv"
    if os.path.exists(os.path.join(FLAGS.output_dir, "results.json")):  # keep the evaluation's predictions
        stem = "stdin" if FLAGS.predict_file == "-" else os.path.basename(FLAGS.predict_file).split(".")[0]
        name = "predictions_%s.tsv" % stem
    target = os.path.join(FLAGS.output_dir, name)
    probabilities = Scores(logits, examples.label_ids).probabilities
    results.write_predictions(target, probabilities, label_names, texts=texts)
    print("%d predictions: %s" % (examples.size, target))


# Flags to settings.


def check_flags():
    """UserError for a flag whose value cannot be used; the learner's flags are checked by its config."""
    for names, holds, allowed in ALLOWED:
        for name in names:
            if not holds(FLAGS[name].value):
                raise UserError("--%s=%s: must be %s." % (name, FLAGS[name].value, allowed))
    if FLAGS.labels and (len(set(FLAGS.labels)) < len(FLAGS.labels) or not all(FLAGS.labels)):
        raise UserError("--labels=%s: names must be different and not empty." % ",".join(FLAGS.labels))
    if FLAGS.do_predict and not FLAGS.predict_file:
        raise UserError("--do_predict needs --predict_file: a TFRecord or text file, or - for stdin.")
    if FLAGS.do_eval and FLAGS.do_predict and not FLAGS.keep_model and not FLAGS.model_dir:
        raise UserError("--keep_model=false leaves no model for --do_predict: keep it, or give --model_dir.")


def check_head_widths(bert_config, config):
    """UserError when so many layers halve the width that nothing is left."""
    if bert_config.hidden_size >> (config.output_layers - 1) == 0:
        raise UserError(
            "--output_layers=%d: with the encoder's hidden_size %d at most %d, for every layer but the last halves the "
            "width." % (config.output_layers, bert_config.hidden_size, bert_config.hidden_size.bit_length())
        )


def check_positions(bert_config, path):
    """UserError when --max_seq_length is more than the encoder can take; `path` is where its config comes from."""
    if FLAGS.max_seq_length > bert_config.max_position_embeddings:
        raise UserError(
            "--max_seq_length=%d, but %s allows %d positions."
            % (FLAGS.max_seq_length, path, bert_config.max_position_embeddings)
        )


def bert_settings():
    """BertConfig from --bert_config_file, or from the file beside the checkpoint."""
    import modeling

    path = FLAGS.bert_config_file
    if not path:
        path = os.path.join(os.path.dirname(FLAGS.init_checkpoint or ""), "bert_config.json")
        if not os.path.exists(path):
            raise UserError("--bert_config_file is needed (there is no %s either)." % path)
    bert_config = modeling.BertConfig.from_json_file(path)
    overrides = {
        name: FLAGS[name].value
        for name in ("attention_probs_dropout_prob", "hidden_dropout_prob")
        if FLAGS[name].value is not None
    }
    if FLAGS.encoder_layers:
        if not 0 < FLAGS.encoder_layers <= bert_config.num_hidden_layers:
            raise UserError(
                "--encoder_layers=%d: %s has %d layers." % (FLAGS.encoder_layers, path, bert_config.num_hidden_layers)
            )
        overrides["num_hidden_layers"] = FLAGS.encoder_layers
    check_positions(bert_config, path)
    return dataclasses.replace(bert_config, **overrides)


def flag_values():
    return {name: FLAGS[name].value for name in FLAGS}


def learner_settings():
    import configs

    config = configs.LearnerConfig.from_flags(flag_values())
    config.check_inner_loop()
    return config


def finetune_settings():
    import estimators

    values = flag_values()
    names = [field.name for field in dataclasses.fields(estimators.FinetuneConfig)]
    run = estimators.FinetuneConfig(**{name: values[name] for name in names})
    return without_unread_checkpoint(run)


def without_unread_checkpoint(run):
    """The settings without --init_checkpoint where the exported model has an encoder of its own."""
    import checkpoints

    unread = run.warm_start_model_dir and checkpoints.has_encoder(run.warm_start_model_dir)
    return dataclasses.replace(run, init_checkpoint=None) if unread else run


def meta_training_settings():
    import meta_training

    values = flag_values()
    values["task_train_files"] = record_paths(FLAGS.task_train_files)
    values["task_eval_files"] = record_paths(FLAGS.task_eval_files)
    names = [field.name for field in dataclasses.fields(meta_training.MetaTrainConfig)]
    run = meta_training.MetaTrainConfig(**{name: values[name] for name in names})
    return without_unread_checkpoint(run)


def text_settings():
    return {"do_lower_case": FLAGS.do_lower_case, "max_seq_length": FLAGS.max_seq_length}


# Data.


def record_paths(names):
    """Paths of comma-separated files: SMLMT files (and amazon*) are in --data_dir, others in --supervised_data_dir."""

    def folder(name):
        return FLAGS.data_dir if name.startswith(("meta_pretrain", "amazon")) else FLAGS.supervised_data_dir

    return tuple(os.path.join(folder(name), name) for name in names.split(",") if name)


def task_files():
    """Paths of --task_eval_files=TRAIN,EVAL."""
    paths = record_paths(FLAGS.task_eval_files)
    if len(paths) != 2:
        raise UserError("--task_eval_files: give two files, TRAIN,EVAL, not %d." % len(paths))
    return paths


def known_labels(train_file):
    """Names of the labels from --labels, --task_name or a known file name; None when nothing tells."""
    from data import tasks

    if FLAGS.labels:
        return list(FLAGS.labels)
    if FLAGS.task_name:
        return list(tasks.get_task(FLAGS.task_name).labels)
    part = tasks.identify(train_file)
    return list(part.task.labels) if part else None


def load_examples(path, label_names, bert_config, vocab_file=None, text=None, labelled=True):
    """Reads rows from records or text.

    Returns:
      (Examples, label names, texts as pairs or None for records)
    """
    from data import convert, records, tasks
    from data import text as text_files
    from tokenization import Tokenizer

    text = text or text_settings()
    if path.endswith(".tf_record") or path.endswith(".tfrecord"):
        tasks.require(path)
        label_names = check_number_of_labels(label_names or [str(i) for i in range(FLAGS.test_num_labels)])
        examples = records.read_records(
            path, text["max_seq_length"], len(label_names) if labelled else None, bert_config.vocab_size
        )
        return examples, label_names, None
    if path != "-":
        tasks.require(path)
    rows = text_files.read_text(path, labelled=labelled)
    label_names = label_names or text_files.labels_in_order(rows)
    if labelled:
        label_names = check_number_of_labels(label_names)
    tokenizer = Tokenizer.from_file(vocab_file or FLAGS.vocab_file, text["do_lower_case"])
    if tokenizer.vocab_size > bert_config.vocab_size:
        raise UserError(
            "--vocab_file: %s has %d tokens, but the BERT config has vocab_size %d; use the encoder's own vocabulary."
            % (vocab_file or FLAGS.vocab_file, tokenizer.vocab_size, bert_config.vocab_size)
        )
    examples = convert.encode(rows, tokenizer, label_names, text["max_seq_length"], source=path)
    return examples, label_names, [(row.text_a, row.text_b) for row in rows]


def check_number_of_labels(label_names):
    if FLAGS["test_num_labels"].present and FLAGS.test_num_labels != len(label_names) and FLAGS.do_eval:
        raise UserError(
            "--test_num_labels=%d, but the task has %d labels: %s."
            % (FLAGS.test_num_labels, len(label_names), ", ".join(label_names))
        )
    return label_names


# Output.


def fingerprint(settings, data):
    """Identifies a run by its settings and the checksums of its data."""
    content = {"settings": settings, "data": {part: entry["sha256"] for part, entry in data.items()}}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8")).hexdigest()[:16]


def check_output_dir():
    """UserError unless --output_dir is, or can be made, a folder to write to; makes nothing yet."""
    if not FLAGS.output_dir:
        raise UserError("--output_dir is empty: name a folder.")
    folder = os.path.abspath(FLAGS.output_dir)
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise unwritable(error) from error


def make_output_dir():
    try:
        os.makedirs(FLAGS.output_dir, exist_ok=True)
    except OSError as error:
        raise unwritable(error) from error


def make_work_dir():
    """Makes the folder of an unfinished run in --output_dir, and sweeps out what an interrupted run left there."""
    import checkpoints

    make_output_dir()
    try:
        checkpoints.sweep_unfinished(FLAGS.output_dir)
        return checkpoints.make_unfinished(FLAGS.output_dir)
    except OSError as error:
        raise unwritable(error) from error


def unwritable(error):
    return UserError(
        "--output_dir: cannot write to %s (%s); choose another folder." % (FLAGS.output_dir, error.strerror)
    )


def damaged_checkpoint(run):
    """The error for weights whose index could be read, but not they themselves."""
    flag = "warm_start_model_dir" if run.warm_start_model_dir else "init_checkpoint"
    return UserError(
        "--%s: the weights of %s cannot be read (a data file is missing, cut short or damaged); fetch or copy it again."
        % (flag, getattr(run, flag))
    )


def refuse_other_model(run_id):
    """UserError when --output_dir holds a model of another run."""
    path = os.path.join(FLAGS.output_dir, "model", MODEL_FILE)
    if not os.path.lexists(os.path.dirname(path)):
        return
    if not os.path.isdir(os.path.dirname(path)):
        raise UserError("--output_dir: %s is no folder; choose another folder." % os.path.dirname(path))
    if FLAGS.overwrite:
        return
    try:
        with open(path, encoding="utf-8") as file:
            same = json.load(file).get("run_id") == run_id
    except (OSError, ValueError, AttributeError):  # the last: JSON, but no object
        same = False
    if not same:
        raise UserError(
            "--output_dir: %s holds the model of another run; choose another folder or give --overwrite."
            % FLAGS.output_dir
        )


def print_examples(scores, label_names, texts):
    """Shows a few predictions, spread over the rows."""
    rows = range(0, len(texts), -(-len(texts) // EXAMPLES_SHOWN))
    for row in rows:
        guess, truth = scores.predictions[row], scores.labels[row]
        verdict = "" if guess == truth else " (true: %s)" % label_names[truth]
        text = " ".join(" ||| ".join(part for part in texts[row] if part).split())
        print("  %3.0f%% %s%s: %s" % (100 * scores.probabilities[row, guess], label_names[guess], verdict, text[:90]))


def print_summary(summary):
    metrics = summary["metrics"]
    low, high = metrics["accuracy_interval_95"]
    print(
        "accuracy %.4f (95%% interval %.4f to %.4f), macro-F1 %.4f, loss %.4f on %d rows, %.0f s"
        % (metrics["accuracy"], low, high, metrics["macro_f1"], metrics["loss"],
           summary["data"]["eval"]["examples"], summary["seconds"]["total"])
    )
    for name in ["results.json", "predictions.tsv"] + ["model"] * FLAGS.keep_model:
        print("  %s" % os.path.join(FLAGS.output_dir, name))


def run_main(argv):
    """Prints a UserError as one line on stderr and exits with 2."""
    try:
        main(argv)
    except UserError as error:
        print("error: %s" % error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    tf.logging.set_verbosity(tf.logging.FATAL)  # what it reports as an error is raised too, and becomes one line
    app.run(run_main)
