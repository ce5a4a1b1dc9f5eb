"""How TensorFlow's sessions are set up: devices, mixed precision, XLA, graph optimiser."""
from compat import mixed_precision_options, tf


def session_config(config, cpu_devices=1, optimise=True):
    """tf.ConfigProto of a session.

    Args:
      config: LearnerConfig or SoftmaxConfig; its `amp` and `xla` are looked at.
      cpu_devices: logical CPU devices.
      optimise: on a CPU, run TensorFlow's graph optimiser too; it always runs on GPUs and for mixed precision.
    """
    proto = tf.ConfigProto(allow_soft_placement=True, device_count={"CPU": cpu_devices})
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


def gpus():
    """Number of GPUs of this machine."""
    return len(tf.config.experimental.list_physical_devices("GPU"))
