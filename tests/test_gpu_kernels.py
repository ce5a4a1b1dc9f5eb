"""Every operation of a training step can run on a GPU: one that cannot sends its inputs to the processor and waits.

TensorFlow's packages for GPUs know which kernels they have on machines without one too.
"""
import dataclasses
import functools

import few_shot_task
import pytest
import tiny
from tensorflow.python.framework import kernels

import meta_learner
from learner import configs, finetuning
from runtime.compat import tf
from training import task_models

pytestmark = pytest.mark.skipif(not tf.test.is_built_with_cuda(), reason="this TensorFlow has no kernels for GPUs")
BERT = dataclasses.replace(few_shot_task.BERT, hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1)
# Of kernels: those of GPUs, and those of any device, which work on what lies in the processor's memory.
DEVICES = ("GPU", "DEFAULT")


@functools.lru_cache(maxsize=None)
def gpu_kernels(operation):
    """[{attribute: types that it may have}] of an operation's kernels for GPUs."""
    return [
        {part.name: set(part.allowed_values.list.type) for part in kernel.constraint}
        for kernel in kernels.get_registered_kernels_for_op(operation).kernel
        if kernel.device_type in DEVICES
    ]


def has_gpu_kernel(node):
    """Whether there is a kernel for the types of a NodeDef."""
    return any(
        all(node.attr[name].type in types for name, types in constraints.items() if node.attr[name].type)
        for constraints in gpu_kernels(node.op)
    )


def without_gpu_kernel(graph):
    """{(operation, type)} of a graph and its functions."""
    proto = graph.as_graph_def()
    functions = {function.signature.name for function in proto.library.function}
    nodes = [*proto.node, *(node for function in proto.library.function for node in function.node_def)]
    return {
        (node.op, tf.as_dtype(node.attr["T"].type).name if node.attr["T"].type else "")
        for node in nodes
        if node.op not in functions and not has_gpu_kernel(node)
    }


def meta_training(reference_mode, tasks):
    config = few_shot_task.make_config(keep_prob=0.9, reference_mode=reference_mode)
    model = few_shot_task.Model(config)
    rows = [dict(model.rows, number=tf.constant(number)) for number in range(tasks)]
    meta_learner.run_tasks(model.variables, rows, BERT, config, seed=0)


def fine_tuning(config):
    decay = finetuning.RateDecay(tf.placeholder(tf.float64, []), tf.placeholder(tf.int32, []))
    task_models.make_model(BERT, config, 3).training_step(0, decay)


@pytest.mark.parametrize(
    "make",
    [
        functools.partial(meta_training, False, 2),
        functools.partial(meta_training, True, 1),
        functools.partial(fine_tuning, few_shot_task.make_config(keep_prob=0.9)),
        functools.partial(fine_tuning, dataclasses.replace(tiny.LEARNER, label_emb_size=BERT.hidden_size)),
        functools.partial(fine_tuning, configs.SoftmaxConfig()),
    ],
    ids=["meta-training", "meta-training, reference mode", "fine-tuning", "class means", "softmax"],
)
def test_every_operation_of_a_step_has_a_kernel_for_gpus(make, graph):
    make()
    assert without_gpu_kernel(graph) == set()


def test_an_operation_without_one_is_found(graph):
    tf.slice(tf.zeros([3], tf.uint8), tf.constant([0]), tf.constant([2]))
    assert without_gpu_kernel(graph) == {("Slice", "uint8")}
