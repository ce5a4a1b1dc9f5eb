"""How the devices of a machine, and the machines of a cluster, share the steps of a run."""
import contextlib

from runtime.compat import tf
from runtime.errors import UserError, reason
from runtime.sessions import gpus

JOB = "worker"  # what all processes of a cluster are in TensorFlow's eyes; the first is its chief


def make_strategy(run, cluster, cpu_devices=1):
    """The tf.distribute.Strategy of a run's steps; to be called before any graph is made.

    Args:
      run: MetaTrainConfig.
      cluster: Cluster.
      cpu_devices: logical CPU devices that stand in for GPUs where this machine has none.

    Raises:
      UserError: the devices cannot share the tasks of a step evenly.
    """
    if cluster.size > 1:
        strategy = tf.distribute.experimental.MultiWorkerMirroredStrategy()
        # TensorFlow 1.15 takes a cluster here or from the environment alone.
        strategy.configure(cluster_spec=_spec(cluster), task_type=JOB, task_id=cluster.index)
    else:
        kind, there = ("gpu", gpus()) if gpus() else ("cpu", cpu_devices)
        shared = max(number for number in range(1, min(run.num_gpus, there) + 1) if run.num_gpus % number == 0)
        devices = ["/%s:%d" % (kind, i) for i in range(shared)]
        strategy = tf.distribute.MirroredStrategy(devices) if shared > 1 else tf.distribute.get_strategy()
    if run.num_gpus % strategy.num_replicas_in_sync:
        raise UserError(
            "--num_gpus=%d, the devices of all machines, is no multiple of the %d that are there (CUDA_VISIBLE_DEVICES "
            "picks those of a machine)." % (run.num_gpus, strategy.num_replicas_in_sync)
        )
    return strategy


@contextlib.contextmanager
def reachable(cluster, config):
    """Keeps this process reachable for the others of a cluster, while its steps are run.

    Args:
      cluster: Cluster.
      config: tf.ConfigProto of this process's sessions.

    Yields:
      The target of those sessions.

    Raises:
      UserError: another program has the address.
    """
    server = None
    if cluster.size > 1:
        own = tf.ConfigProto()
        own.CopyFrom(config)
        del own.device_filters[:]  # they are for sessions; a server with them would not hear the others
        try:
            server = tf.distribute.Server(_spec(cluster), job_name=JOB, task_index=cluster.index, config=own)
        except tf.errors.OpError as error:
            address = cluster.workers[cluster.index]
            raise UserError("TF_CONFIG: cannot listen at %s (%s)." % (address, reason(error))) from None
    yield server.target if server else ""


def _spec(cluster):
    return tf.train.ClusterSpec({JOB: list(cluster.workers)})
