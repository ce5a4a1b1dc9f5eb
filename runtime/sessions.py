"""How TensorFlow's sessions are set up: devices, threads, mixed precision, XLA, graph optimiser."""
import glob

from runtime.compat import mixed_precision_options, round_products, tf
from runtime.cores import cores
from runtime.installation import setup

LEAST_WIDTH = 128  # hidden size of encoders that work in halves
CARDS = "/dev/nvidia[0-9]*"  # NVIDIA's driver makes a file for each card


def session_config(bert_config, config, cpu_devices=1, optimise=False):
    """tf.ConfigProto of a session.

    Args:
      bert_config: BertConfig of the encoder that it runs.
      config: LearnerConfig or SoftmaxConfig; its `amp` and `xla` are looked at.
      cpu_devices: logical CPU devices.
      optimise: on a CPU, run TensorFlow's graph optimiser too, which takes longer than what it makes faster lasts
        (docs/PERFORMANCE.md); it always runs on GPUs and for mixed precision.
    """
    proto = tf.ConfigProto(allow_soft_placement=True, device_count={"CPU": cpu_devices})
    proto.intra_op_parallelism_threads = _threads(bert_config, config)
    options = proto.graph_options.rewrite_options
    # Fusing operations can end the process (a protobuf CHECK fails on 2.15) where the encoder is fixed and its tokens
    # are averaged; what it wins is within the noise (docs/PERFORMANCE.md).
    options.remapping = options.OFF
    on_gpu = gpus() > 0
    if config.amp:
        for option in mixed_precision_options(on_gpu):
            setattr(options, option, options.ON)
    options.disable_meta_optimizer = not (optimise or on_gpu or config.amp)
    if config.xla:
        proto.graph_options.optimizer_options.global_jit_level = tf.OptimizerOptions.ON_1
    return proto


def set_up_process(bert_config, config):
    """Sets what TensorFlow keeps for all sessions of a process: the cores of an operation, and how GPUs multiply.

    Args:
      bert_config: BertConfig of the encoder that it runs.
      config: LearnerConfig or SoftmaxConfig; of more than one the last one's `tf32` holds.

    To be called before the graph is made: what TensorFlow first does in a process fixes its threads for good, and that
    may be a conditional in the graph. Where something has come before, the threads stay as they are; only time is lost.
    """
    round_products(config.tf32)
    try:
        tf.config.threading.set_intra_op_parallelism_threads(_threads(bert_config, config))
    except RuntimeError:
        pass


def _threads(bert_config, config):
    """Threads of an operation; 0 for as many as there are cores."""
    return max(1, cores() // 2) if works_in_halves(bert_config, config) else 0


def works_in_halves(bert_config, config):
    """Whether the rows of every pass take two ways through the encoder side by side, each with half of the cores.

    So cores wait less for each other than where all of them share every operation (docs/PERFORMANCE.md). In a narrow
    encoder operations are over too soon for that: there are only twice as many of them.
    """
    return not config.reference_mode and bert_config.hidden_size >= LEAST_WIDTH and gpus() == 0


def gpus():
    """Number of GPUs of this machine."""
    return len(tf.config.experimental.list_physical_devices("GPU"))


def unused_gpus():
    """What to say where this machine has GPUs that TensorFlow cannot use, for it would say nothing; else None."""
    cards = len(glob.glob(CARDS))
    if not cards or gpus():
        return None
    return (
        "note: the processors compute, not this machine's NVIDIA GPUs (%d): TensorFlow finds no CUDA libraries that "
        "fit: %s (CUDA_VISIBLE_DEVICES=-1 says that it is meant)." % (cards, setup("gpu"))
    )
