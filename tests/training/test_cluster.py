"""TF_CONFIG and the watch over the other machines. Whole runs of several processes are in test_meta_training.py."""
import json
import socket
import time

import pytest

from runtime.errors import UserError
from training import cluster

TWO = {"chief": ["a:1"], "worker": ["b:2", "[::1]:3"]}


def tf_config(jobs, kind="worker", index=0):
    return json.dumps({"cluster": jobs, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize("text", ["", " ", None, "{}", '{"cluster": {}}'])
def test_without_other_machines(text):
    found = cluster.parse(text)
    assert found.size == 1 and found.is_chief and found.others == []


def test_the_chief_comes_first():
    found = cluster.parse(tf_config(TWO, "worker", 1))
    assert found.workers == ("a:1", "b:2", "[::1]:3") and found.index == 2 and not found.is_chief
    assert found.others == ["a:1", "b:2"]
    assert cluster.parse(tf_config(TWO, "chief")).is_chief


def test_the_first_worker_is_the_chief_where_there_is_none():
    assert cluster.parse(tf_config({"worker": ["a:1", "b:2"]}, index=0)).is_chief
    assert not cluster.parse(tf_config({"worker": ["a:1", "b:2"]}, index=1)).is_chief


@pytest.mark.parametrize(
    "text, fault",
    [
        ("{", "no JSON"),
        ("[]", "no cluster"),
        ('{"cluster": 3}', "no cluster"),
        ('{"cluster": {"worker": "a:1"}}', "no cluster"),
        (tf_config({"worker": ["a:1"], "ps": ["b:2"]}), "'ps'"),
        (tf_config({"worker": ["a:1"], "evaluator": ["b:2"]}), "first worker validates"),
        (tf_config({"chief": ["a:1", "b:2"]}, "chief"), "more than one chief"),
        (tf_config({"worker": ["a:1", "a:1"]}), "twice"),
        (tf_config({"worker": ["a"]}), "HOST:PORT"),
        (tf_config({"worker": ["a:x"]}), "HOST:PORT"),
        (tf_config({"worker": ["a:99999"]}), "HOST:PORT"),
        (tf_config({"worker": ["a:\u00b2"]}), "HOST:PORT"),  # a digit that int() does not take
        (tf_config({"worker": [7]}), "HOST:PORT"),
        (tf_config({"worker": ["a:1"]}, "worker", 1), "none of the cluster's 1"),
        (tf_config({"worker": ["a:1"]}, "chief"), "none of the cluster's 1"),
        ('{"cluster": {"worker": ["a:1"]}}', "none of the cluster's 1"),
    ],
)
def test_faults(text, fault):
    with pytest.raises(UserError) as error:
        cluster.parse(text)
    assert fault in str(error.value) and str(error.value).startswith("TF_CONFIG: ")


@pytest.fixture
def gone(monkeypatch):
    """Why the watch ended the process, so far; it asks many times a second."""
    reasons = []
    monkeypatch.setattr(cluster, "SECONDS_BETWEEN_CALLS", 0.05)
    monkeypatch.setattr(cluster, "leave", reasons.append)
    return reasons


def watched(server, timeout, seconds):
    with cluster.Watch(cluster.Cluster(("127.0.0.1:1", "127.0.0.1:%d" % server.getsockname()[1])), timeout):
        time.sleep(seconds)


def test_watch_lets_a_worker_that_answers_be(gone):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)
        watched(server, 0.2, 0.6)
    assert not gone


def test_watch_leaves_when_a_worker_is_silent(gone):
    with socket.socket() as server:  # bound, but nobody listens
        server.bind(("127.0.0.1", 0))
        watched(server, 0.1, 2.0)
        address = "127.0.0.1:%d" % server.getsockname()[1]
    assert gone and address in gone[0]


def test_watch_of_one_process_does_nothing(gone):
    with cluster.Watch(cluster.Cluster(), 0):
        time.sleep(0.05)
    assert not gone
