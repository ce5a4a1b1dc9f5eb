"""The only module that knows that there are several runtimes.

reference: Python 3.7 with TensorFlow 1.15; modern: Python 3.9-3.11 with TensorFlow 2.15, Python 3.12 and 3.13 with
TensorFlow 2.21. Everything else imports ``tf`` from here and is written once, in the TensorFlow 1.x style (graphs and
sessions).
"""
import contextlib
import gc
import logging
import os
import sys
import warnings

from runtime import collector
from runtime.errors import UserError
from runtime.installation import setup

# {Python: the TensorFlow that is tested with it}
TESTED = {(3, 7): (1, 15), (3, 9): (2, 15), (3, 10): (2, 15), (3, 11): (2, 15), (3, 12): (2, 21), (3, 13): (2, 21)}
OLDEST_MODERN, NEWEST_MODERN = (2, 15), (2, 21)
SUPPORTED = (
    "take Python 3.12 or 3.13 with TensorFlow 2.21, Python 3.9 to 3.11 with TensorFlow 2.15, or Python 3.7 with "
    "TensorFlow 1.15 (for a fitting environment %s)" % setup()
)
QUIET = "3"  # of TF_CPP_MIN_LOG_LEVEL: fatal errors only
# What TensorFlow imports where it is there, does without where it is not, and no graph of ours needs.
SPARED = ("keras.src", "pandas")
NOTED = "FEW_SHOT_TENSORFLOW_NOTED"  # in the environment of a process and of those it starts: the note has been printed


@contextlib.contextmanager
def _quiet_standard_error(is_quiet):
    """Sends what is written to file descriptor 2 nowhere, if `is_quiet`.

    TensorFlow 2.21 writes lines about the processor and about CUDA there while it is imported, before it looks at
    TF_CPP_MIN_LOG_LEVEL.
    """
    try:
        kept = os.dup(2) if is_quiet else None
    except OSError:  # closed: nothing arrives there
        kept = None
    if kept is None:
        yield
        return
    if sys.stderr:
        sys.stderr.flush()  # what was written before belongs where it was meant to go
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)


@contextlib.contextmanager
def _sparing(names):
    """Lets the imports of modules fail in a block, but for those that are there already; a later import finds them."""
    spared = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(spared))
    try:
        yield
    finally:
        for name in spared:
            del sys.modules[name]


def check_versions(python, tensorflow):
    """Returns a note for versions that are accepted and not tested together, else None.

    Args:
      python: (major, minor).
      tensorflow: its version, as text; None: not known yet.

    Raises:
      UserError: versions that are not supported.
    """
    if python not in TESTED:
        raise UserError("Python %d.%d is not supported: %s." % (python + (SUPPORTED,)))
    if tensorflow is None:
        return None
    version, tested = tuple(int(part) for part in tensorflow.split(".")[:2]), TESTED[python]
    if version == tested:
        return None
    if tested < OLDEST_MODERN or not OLDEST_MODERN <= version <= NEWEST_MODERN:
        raise UserError("TensorFlow %s on Python %d.%d is not supported: %s." % ((tensorflow,) + python + (SUPPORTED,)))
    return "TensorFlow %s on Python %d.%d is accepted and not tested: TensorFlow %d.%d is (%s)." % (
        (tensorflow,) + python + tested + (setup(),)
    )


def _import_tensorflow():
    """Returns ``tensorflow.compat.v1`` with graph mode on; UserError when the runtime does not fit."""
    python = sys.version_info[:2]
    check_versions(python, None)
    # Whoever has set the level wants to see more than fatal errors.
    is_quiet = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", QUIET) == QUIET
    try:
        with warnings.catch_warnings(), _quiet_standard_error(is_quiet), _sparing(SPARED), collector.paused():
            warnings.simplefilter("ignore")  # 1.15 spells numpy dtypes in a way newer numpy warns about
            import tensorflow
            import tensorflow.compat.v1 as v1
    except ImportError as error:
        raise UserError("TensorFlow cannot be imported (%s): %s." % (error, setup())) from None
    gc.freeze()  # modules stay: no later search need look at them
    note = check_versions(python, tensorflow.__version__)
    if note and sys.stderr and NOTED not in os.environ:
        os.environ[NOTED] = tensorflow.__version__
        print(note, file=sys.stderr)
    # It is meant: few rows of the word table are read.
    warnings.filterwarnings("ignore", "Converting sparse IndexedSlices", UserWarning)
    # Where several devices share a data set it is TensorFlow itself that takes options off it.
    warnings.filterwarnings("ignore", "To make it possible to preserve tf.data options", UserWarning)
    v1.logging.set_verbosity(v1.logging.ERROR)
    # Users share cards, and TensorFlow would take all memory of each; whoever sets the variable decides.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    v1.disable_v2_behavior()  # graph mode
    v1.enable_resource_variables()  # both are needed for derivatives through loops
    v1.enable_control_flow_v2()
    logging.getLogger("tensorflow").propagate = False  # absl's handler would print each line twice
    return v1


def mixed_precision_options(on_gpu):
    """Names of the graph rewriter's options for 16-bit floats: half floats on GPUs, bfloat16 on CPUs that have it."""
    cpu = "auto_mixed_precision_onednn_bfloat16"
    if on_gpu:
        return ["auto_mixed_precision"]
    return [cpu] if hasattr(tf.ConfigProto().graph_options.rewrite_options, cpu) else []  # 1.15 has none


def round_products(is_rounded):
    """Whether GPUs may round the factors of 32-bit products to 10 bits of mantissa (TensorFloat-32), in all sessions.

    TensorFlow lets those of the Ampere line and later do so unless it is told not to; 1.15 knows no such products.
    """
    switch = getattr(tf.config.experimental, "enable_tensor_float_32_execution", None)
    if switch:
        switch(is_rounded)


tf = _import_tensorflow()
round_products(False)  # the published numbers are those of 32 bits
