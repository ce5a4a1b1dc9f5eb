"""Reading weights from checkpoints and exported models, with a clear word on what does not fit; saving a model."""
import glob
import os
import re
import shutil

import numpy as np

from runtime import folders, plain_paths
from runtime.compat import tf
from runtime.errors import UserError, is_want_of_descriptors, is_want_of_memory, listed, reason, refused, writing
from runtime.run_files import BERT_CONFIG, CHECKPOINT, EXPORT_FILE, MODEL, VOCAB_FILE

OLD = ".old"  # suffix of what earlier versions replaced
EXPORT = "exported model"  # kind of making
UNREADABLE = (tf.errors.OpError, ValueError, IndexError)  # what the readers of a damaged checkpoint raise
_EXPORTED = re.compile(r"variables\.(index|data-\d{5}-of-\d{5})$")
_STATE = "checkpoint"  # the file of a tf.train.Saver that names the newest
_LATER = re.compile(r"-[1-9]\d*\.index$")
LISTED = 5  # names of missing or misshaped variables that an error spells out


def exported_variables(model_dir, flag="--warm_start_model_dir"):
    """Checkpoint prefix inside an exported SavedModel directory; UserError, which names the flag, when there is none.

    A directory that holds an exported model in a folder below it is taken too: `model`, as in the released archives,
    the newest of the time stamps of an exporter, or else the only one there is; and so is the folder of a fine-tuned
    model.
    """
    if not os.path.isdir(model_dir):
        raise UserError("%s: %s is not a directory; point at an exported SavedModel." % (flag, model_dir))
    folders.recover(model_dir)
    for folder in [model_dir] + _folders_of_models(model_dir):
        prefix = _prefix_in(folder)
        if prefix:
            return prefix
    raise UserError("%s: %s holds no variables/variables.index; point at an exported SavedModel." % (flag, model_dir))


def _prefix_in(folder):
    """Prefix of the checkpoint of a model's folder; None where it is none."""
    prefixes = [os.path.join(folder, part) for part in (os.path.join("variables", "variables"), CHECKPOINT)]
    return next((prefix for prefix in prefixes if os.path.exists(prefix + ".index")), None)


def _folders_of_models(folder):
    """Where a model below a folder is looked for; never in what a kill left, as it is or under another name."""
    names = [name for name in sorted(os.listdir(folder)) if not name.startswith(".") and not name.endswith(OLD)]
    stamps = sorted((name for name in names if name.isdigit()), key=int, reverse=True)
    others = [name for name in names if name != MODEL and name not in stamps]
    others = [name for name in others if _prefix_in(os.path.join(folder, name))]
    return [os.path.join(folder, name) for name in [MODEL] + stamps + others * (len(others) == 1)]


def checkpoint_shapes(prefix, flag):
    """{name: shape} of a checkpoint's variables; UserError when it is missing, cut short or no checkpoint."""
    if not os.path.exists(prefix + ".index"):
        raise UserError("%s: no checkpoint at %s (%s.index is missing)." % (flag, prefix, os.path.basename(prefix)))
    try:
        shapes = dict(open_reader(prefix).get_variable_to_shape_map())
    except UNREADABLE as error:
        raise UserError("%s: %s cannot be read (%s)." % (flag, prefix, reason(error))) from None
    except MemoryError:  # the index itself is small
        raise UserError("%s: %s cannot be read (its index is damaged)." % (flag, prefix)) from None
    known = glob.glob(glob.escape(prefix) + ".data-*")
    if known and sum(int(np.prod(shape, dtype=float)) for shape in shapes.values()) > sum(map(os.path.getsize, known)):
        raise UserError("%s: %s cannot be read (its tensors are larger than its files)." % (flag, prefix))
    return shapes


def assignment(prefix, variables, flag):
    """Checks that a checkpoint holds finite weights for every one of `variables`, in its shape.

    Args:
      prefix: checkpoint path.
      variables: {name in the checkpoint: variable}.
      flag: the flag that named the checkpoint, for errors.

    Returns:
      {name: variable}.
    """
    _check_fits(prefix, variables, flag)
    _refuse_infinite(prefix, variables, flag)
    return dict(variables)


def _check_fits(prefix, variables, flag):
    """UserError for {name: variable} that a checkpoint lacks, or has in another shape."""
    shapes = checkpoint_shapes(prefix, flag)
    missing = [name for name in variables if name not in shapes]
    misshaped = [
        "%s (%s in the checkpoint, %s in the model)" % (name, shapes[name], variable.shape.as_list())
        for name, variable in variables.items()
        if name in shapes and list(shapes[name]) != variable.shape.as_list()
    ]
    if missing or misshaped:
        faults = []
        if missing:
            faults.append("lacks %d variables: %s" % (len(missing), listed(missing, LISTED)))
        if misshaped:
            faults.append("has %d variables of another shape: %s" % (len(misshaped), listed(misshaped, LISTED)))
        raise UserError(
            "%s: %s %s. Use the flags and the BERT config that the checkpoint was trained with."
            % (flag, prefix, "; and ".join(faults))
        )


def _refuse_infinite(prefix, names, flag):
    """UserError for weights that are not finite; those that cannot be read are left to whoever restores them."""
    try:
        reader = open_reader(prefix)
        check_finite(((name, reader.get_tensor(name)) for name in names), prefix, flag)
    except UNREADABLE:
        pass


def check_finite(values, source, flag):
    """UserError for weights that are NaN or infinite.

    Args:
      values: (name, array) of each.
      source, flag: what holds them, and what named that, for the error.
    """
    for name, value in values:
        value = np.asarray(value)
        if value.dtype.kind == "f" and not np.isfinite(np.sum(value, dtype=np.float64)):  # the sum needs no more memory
            raise UserError("%s: %s holds %s with values that are NaN or infinite." % (flag, source, name))


def initialize(variables, init_checkpoint, warm_start_model_dir):
    """Makes {name: variable} start from an exported model, else from a BERT checkpoint; others keep their initialisers.

    An exported model must hold every trainable variable, a BERT checkpoint every one of the encoder.
    """
    flag, prefix, wanted = _start(variables, init_checkpoint, warm_start_model_dir)
    if wanted:
        tf.train.init_from_checkpoint(plain_paths.checkpoint(prefix), assignment(prefix, wanted, flag))


def first_values(variables, init_checkpoint, warm_start_model_dir):
    """{name: array} of the variables that `initialize` would change, to be fed to their initialisers.

    They are read and checked in one go, and the graph needs no operations that read them. Where several devices or
    machines share variables, `initialize` does it.
    """
    flag, prefix, wanted = _start(variables, init_checkpoint, warm_start_model_dir)
    if not wanted:
        return {}
    _check_fits(prefix, wanted, flag)
    try:
        values = _values(prefix, wanted)
    except UNREADABLE as error:
        raise damaged(init_checkpoint, warm_start_model_dir, error) from None
    check_finite(values.items(), prefix, flag)
    return values


def _start(variables, init_checkpoint, warm_start_model_dir):
    """(flag, checkpoint's prefix, {name: variable} that start from it): none where neither is given."""
    if warm_start_model_dir:
        wanted = {name: variable for name, variable in variables.items() if variable.trainable}
        return "--warm_start_model_dir", exported_variables(warm_start_model_dir), wanted
    wanted = {name: variable for name, variable in variables.items() if is_encoder(name)}
    return "--init_checkpoint", init_checkpoint, wanted if init_checkpoint else {}


def is_encoder(name):
    """Whether a variable belongs to the encoder, not to heads and rates."""
    return name.startswith("bert/")


def is_of_reading(error):
    """Whether a tf.errors.OpError that a session raised is about a checkpoint that it read."""
    return getattr(error.op, "type", None) == "RestoreV2"


def damaged(init_checkpoint, warm_start_model_dir, error):
    """What to raise for weights to start from whose index could be read, but not they themselves, as an error says."""
    if is_want_of_descriptors(error) or is_want_of_memory(error):
        return UserError(refused(error))
    flag, path = "--init_checkpoint", init_checkpoint
    if warm_start_model_dir:
        flag, path = "--warm_start_model_dir", warm_start_model_dir
    return UserError(
        "%s: the weights of %s cannot be read (a data file is missing, cut short or damaged); fetch or copy it again."
        % (flag, path)
    )


def damaged_own(prefix, error):
    """What to raise for a checkpoint of a run's own that cannot be read, as an error says."""
    if is_want_of_descriptors(error) or is_want_of_memory(error):
        return UserError(refused(error))
    return UserError(
        "--output_dir: the checkpoint %s cannot be read (a file is missing, cut short or damaged); name an older one "
        "as model_checkpoint_path in %s to go on from there, or choose another folder."
        % (prefix, os.path.join(os.path.dirname(prefix), _STATE))
    )


# TensorFlow's functions over paths of checkpoints are called here alone, with plain paths.


def open_reader(prefix):
    """TensorFlow's reader of a checkpoint; raises one of UNREADABLE."""
    return tf.train.load_checkpoint(plain_paths.checkpoint(prefix))


def save(saver, session, prefix, step=None, write_state=True):
    """Writes a checkpoint below an existing folder with a tf.train.Saver, whose errors it raises."""
    place, name = os.path.split(prefix)
    plain = os.path.join(plain_paths.folder(place), name)
    saver.save(session, plain, step, write_meta_graph=False, write_state=write_state)


def load(saver, session, prefix):
    """Takes the values of a checkpoint with a tf.train.Saver; raises one of UNREADABLE."""
    saver.restore(session, plain_paths.checkpoint(prefix))


def newest(folder):
    """Prefix of the newest checkpoint that a tf.train.Saver has left in a folder; None where there is none.

    UserError where there are some, and what says which is the newest does not: a run would begin anew without a word.
    """
    path = os.path.join(folder, _STATE)
    if not os.path.lexists(path):
        names = os.listdir(folder) if os.path.isdir(folder) else ()
        if any(_LATER.search(name) for name in names):  # that of step 0 alone is of a run that was killed before
            raise _untold(path, "is missing, but checkpoints are there")
        return None
    try:
        state = tf.train.get_checkpoint_state(folder) if os.path.isfile(path) else None
    except ValueError:  # it is empty, or no text
        state = None
    if state is None or not state.model_checkpoint_path:
        raise _untold(path, "is damaged")
    if not os.path.exists(state.model_checkpoint_path + ".index"):
        raise _untold(path, "names %s, which is not there" % os.path.basename(state.model_checkpoint_path))
    return state.model_checkpoint_path


def _untold(path, what):
    return UserError(
        '--output_dir: %s %s: write model_checkpoint_path: "%s-STEP" into it to go on from one that is there, or '
        "choose another folder." % (path, what, CHECKPOINT)
    )


def remember(saver, folder):
    """Tells a tf.train.Saver of the checkpoints in a folder, so that they are removed in their turn."""
    state = tf.train.get_checkpoint_state(plain_paths.folder(folder))
    saver.recover_last_checkpoints(state.all_model_checkpoint_paths)


def _values(prefix, names):
    """{name: array} of variables of a checkpoint; raises one of UNREADABLE."""
    reader = open_reader(prefix)
    return {name: reader.get_tensor(name) for name in names}


def read(prefix, flag):
    """{name: array} of a checkpoint."""
    names = checkpoint_shapes(prefix, flag)
    try:
        values = _values(prefix, names)
    except UNREADABLE as error:
        raise UserError("%s: %s cannot be read (%s)." % (flag, prefix, reason(error))) from None
    check_finite(values.items(), prefix, flag)
    return values


def export(values, folder, beside=()):
    """Writes {name: array} where `exported_variables` finds them, whole or not at all; makes the folder.

    Args:
      values, folder: see above.
      beside: paths of files that are copied into the folder (see `described_by`).

    Raises UserError when it cannot be written.
    """
    names = ["variables"] + [os.path.basename(path) for path in beside]
    with folders.atomic_folder(folder, EXPORT, folders.SHARED, names, made_earlier) as work, writing(folder):
        for path in beside:
            shutil.copyfile(path, os.path.join(work, os.path.basename(path)))
        prefix = os.path.join(work, "variables", "variables")
        os.mkdir(os.path.dirname(prefix))
        with tf.Graph().as_default(), tf.Session() as session:
            variables = {name: tf.Variable(value, name=name.replace("/", "_")) for name, value in values.items()}
            session.run(tf.global_variables_initializer())
            save(tf.train.Saver(variables), session, prefix, write_state=False)


def described_by(folder):
    """Paths of the files in a folder that tell what the encoder of a checkpoint or exported model in it is."""
    paths = [os.path.join(folder, name) for name in (BERT_CONFIG, VOCAB_FILE, EXPORT_FILE)]
    return [path for path in paths if os.path.isfile(path)]


def made_earlier(folder):
    """Names of the files of an exported model that a version without .made.json left; none where it is in doubt."""
    place = os.path.join(folder, "variables")
    prefix = os.path.join(place, "variables")
    try:
        names = list(checkpoint_shapes(prefix, ""))
    except UserError:
        return []
    if not any(is_encoder(name) or "sgd0/" in name for name in names):  # weights of another program
        return []
    files = [os.path.join("variables", name) for name in os.listdir(place) if _EXPORTED.match(name)]
    return files + [name for name in ("saved_model.pb", "fingerprint.pb") if os.path.isfile(os.path.join(folder, name))]


def restore(session, prefix, variables, flag):
    """Loads {name: variable} from a checkpoint into a session."""
    try:
        load(tf.train.Saver(assignment(prefix, variables, flag)), session, prefix)
    except UNREADABLE as error:
        raise UserError("%s: %s cannot be read (%s)." % (flag, prefix, reason(error))) from None


def cannot_save(what, folder, error):
    """The UserError for a checkpoint or model that could not be written; the run can go on from the one before."""
    return UserError(
        "--output_dir: the %s cannot be written to %s (%s); make room and run the same command again, it goes on from "
        "the last checkpoint." % (what, folder, reason(error))
    )
