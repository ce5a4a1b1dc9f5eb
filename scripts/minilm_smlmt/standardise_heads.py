"""Makes heads that see every feature at the same scale: where meta-training with a fixed encoder may start.

  scripts/minilm_smlmt/standardise_heads.py --flagfile=presets/minilm_metatrain.flags --data_dir=smlmt \\
      --init_checkpoint=data/downloads/minilm/bert_model.ckpt --task_train_files=meta_pretrain_2.tf_record \\
      --output_dir=heads

A few features of an encoder vary several times as much as the others and rule over distances between rows. Here the
first layer of each head's MLP is divided by each feature's standard deviation over the rows of --measured_tasks tasks,
and multiplied by one number so that the rows keep their mean squared norm. The result is for --warm_start_model_dir
together with the same --init_checkpoint. Exit code 2: a mistake in flags or files.
"""
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

from runtime.errors import UserError, exit_code, importing

with importing(__name__):
    import numpy as np
    from absl import app, flags, logging

from command_line import program_flags
from runtime.progress import Progress

FIRST_LAYERS = ("output_weights_0", "label_weights_0")  # [out, features]
NUM_LABELS = 2  # any: features do not depend on the classes
LEAST = 1e-6  # standard deviation of a feature that counts as one


def define(values):
    """Defines the flags, those of the main program among them, on an absl.flags.FlagValues."""
    program_flags.define(values)
    flags.DEFINE_integer("measured_tasks", 400, "Tasks whose rows are measured.", lower_bound=1, flag_values=values)


def scales(features):
    """Factors of the features, [hidden], that give all the same deviation and rows their mean squared norm back."""
    deviations = features.std(axis=0)
    factors = np.where(deviations > LEAST, 1.0 / np.maximum(deviations, LEAST), 0.0)
    scaled = np.mean(np.sum(np.square(features * factors), axis=1))
    return factors * np.sqrt(np.mean(np.sum(np.square(features), axis=1)) / scaled)


def run(values):
    """Measures the tasks and writes the heads."""
    from command_line import settings  # here, for it brings TensorFlow, which --help does without
    from runtime import checkpoints, compat, sessions  # here, as settings
    from training import meta_training, task_models  # here, as settings

    tf = compat.tf
    tf.logging.set_verbosity(tf.logging.FATAL)
    asked = program_flags.names_and_values(values)
    bert_config, config = settings.bert_settings(asked), settings.learner_settings(asked)
    plan = settings.meta_training_settings(asked)
    settings.check_heads(bert_config, config)
    if not values["output_dir"].present:
        raise UserError("--output_dir is missing: name a folder for the heads.")
    source = meta_training.task_source(plan, bert_config)
    checkpoints.check_export(values.output_dir)  # before the measuring, which takes minutes
    sessions.share_cores(bert_config, config)
    with tf.Graph().as_default(), tf.Session(config=sessions.session_config(bert_config, config)) as session:
        model = task_models.TaskModel(bert_config, config, NUM_LABELS)
        checkpoints.initialize(model.variables, plan.init_checkpoint, plan.warm_start_model_dir)
        session.run(tf.global_variables_initializer())
        features = []
        with Progress(values.measured_tasks, "measuring", unit="task") as progress:
            for _, task in source.tasks(range(values.measured_tasks)):
                features.append(model.encode(session, task.examples, values.eval_batch_size, "", show=False))
                progress.update(1)
        heads = {name: v for name, v in model.variables.items() if v.trainable and not checkpoints.is_encoder(name)}
        found = session.run(heads)
    factors = scales(np.concatenate(features).astype(np.float64))
    for name in FIRST_LAYERS:
        if name in found:
            found[name] = (found[name] * factors).astype(np.float32)
    checkpoints.export(found, values.output_dir)
    print("%d variables, measured on %d rows; factors of the features from %.2f to %.2f: %s" % (
        len(found), sum(map(len, features)), factors.min(), factors.max(), values.output_dir))


def main(argv):
    def checked():
        if len(argv) > 1:
            raise UserError("unknown argument %s: flags begin with --." % argv[1])
        program_flags.check(flags.FLAGS)
        run(flags.FLAGS)

    sys.exit(exit_code(checked))


if __name__ == "__main__":
    define(flags.FLAGS)
    logging.use_absl_handler()
    app.run(main)
