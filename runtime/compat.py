"""The only module that knows there are two runtimes.

reference: Python 3.7 with TensorFlow 1.15; modern: Python 3.9-3.11 with TensorFlow 2.15. Everything else imports
``tf`` from here and is written once, in the TensorFlow 1.x style (graphs and sessions).
"""
import logging
import os
import sys
import warnings

from runtime.errors import UserError

SUPPORTED_PYTHONS = ((3, 7), (3, 9), (3, 10), (3, 11))


def _import_tensorflow():
    """Returns ``tensorflow.compat.v1`` with graph mode on; UserError when the runtime does not fit."""
    python = sys.version_info[:2]
    if python not in SUPPORTED_PYTHONS:
        raise UserError(
            "Python %d.%d is not supported: use Python 3.9, 3.10 or 3.11 with TensorFlow 2.15, or Python 3.7 "
            "with TensorFlow 1.15 (scripts/setup_env.sh makes a fitting environment)." % python
        )
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # start-up notes about CPU features and CUDA
    try:
        with warnings.catch_warnings():  # 1.15 spells numpy dtypes in a way newer numpy warns about
            warnings.simplefilter("ignore")
            import tensorflow
            import tensorflow.compat.v1 as v1
    except ImportError as error:
        raise UserError("TensorFlow cannot be imported (%s): run scripts/setup_env.sh first." % error) from None
    version = tuple(int(part) for part in tensorflow.__version__.split(".")[:2])
    if version not in ((1, 15), (2, 15)):
        raise UserError(
            "TensorFlow %s is not supported: 1.15 and 2.15 are. Run scripts/setup_env.sh."
            % tensorflow.__version__
        )
    # It is meant: few rows of the word table are read.
    warnings.filterwarnings("ignore", "Converting sparse IndexedSlices", UserWarning)
    v1.logging.set_verbosity(v1.logging.ERROR)
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


tf = _import_tensorflow()
