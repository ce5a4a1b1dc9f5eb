"""Which devices share the steps. What they compute together is in test_meta_training.py."""
import socket

import pytest

from learner.configs import MetaTrainConfig
from runtime.compat import tf
from runtime.errors import UserError
from training import devices
from training.cluster import Cluster


@pytest.fixture(autouse=True)
def no_gpus(monkeypatch):
    monkeypatch.setattr(devices, "gpus", lambda: 0)
    monkeypatch.delenv("TF_CONFIG", raising=False)


@pytest.mark.parametrize("num_gpus, there, used", [(1, 2, 1), (2, 1, 1), (2, 2, 2), (4, 3, 2), (3, 8, 3)])
def test_the_most_devices_that_share_the_tasks_evenly(num_gpus, there, used):
    strategy = devices.make_strategy(MetaTrainConfig((), num_gpus=num_gpus), Cluster(), there)
    assert strategy.num_replicas_in_sync == used


@pytest.mark.parametrize("index", [0, 1])
def test_a_cluster_is_an_argument(index):
    """TF_CONFIG is read by the command line alone."""
    machines = Cluster(("127.0.0.1:1", "127.0.0.1:2"), index)
    strategy = devices.make_strategy(MetaTrainConfig((), num_gpus=4), machines)
    assert strategy.num_replicas_in_sync == 2
    config = strategy.update_config_proto(tf.ConfigProto())
    assert list(config.device_filters) == ["/job:worker/task:%d" % index]
    with pytest.raises(UserError, match="--num_gpus=3, the devices of all machines, is no multiple of the 2"):
        devices.make_strategy(MetaTrainConfig((), num_gpus=3), machines)


def test_one_process_needs_no_address():
    with devices.reachable(Cluster(), tf.ConfigProto()) as target:
        assert target == ""


def test_an_address_that_another_program_has():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        address = "127.0.0.1:%d" % other.getsockname()[1]
        with pytest.raises(UserError, match="TF_CONFIG: cannot listen at %s" % address):
            with devices.reachable(Cluster((address, "127.0.0.1:1"), 0), tf.ConfigProto()):
                pass
