"""Checkpoints that fit, and what is said about those that do not."""

import os

import numpy as np
import pytest

from runtime import checkpoints
from runtime.compat import tf
from runtime.errors import UserError

FLAG = "--init_checkpoint"
pytestmark = pytest.mark.usefixtures("graph")


def save(prefix, values):
    """Writes a checkpoint of {name: array}."""
    with tf.Graph().as_default(), tf.Session() as session:
        variables = [tf.get_variable(name, initializer=tf.constant(value)) for name, value in values.items()]
        session.run(tf.global_variables_initializer())
        return tf.train.Saver(variables).save(session, str(prefix), write_meta_graph=False)


def make_variables(shapes):
    return {name: tf.get_variable(name, shape) for name, shape in shapes.items()}


def data_file(prefix):
    folder = os.path.dirname(prefix)
    (name,) = [n for n in os.listdir(folder) if n.startswith(os.path.basename(prefix) + ".data")]
    return os.path.join(folder, name)


def test_missing_checkpoint(tmp_path):
    prefix = str(tmp_path / "bert_model.ckpt")
    with pytest.raises(UserError) as error:
        checkpoints.checkpoint_shapes(prefix, FLAG)
    assert FLAG in str(error.value) and prefix in str(error.value) and "bert_model.ckpt.index" in str(error.value)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint at all", None])
def test_index_that_is_no_index(tmp_path, content):
    prefix = save(tmp_path / "model.ckpt", {"a": np.zeros([2], np.float32)})
    with open(prefix + ".index", "rb") as file:
        whole = file.read()
    with open(prefix + ".index", "wb") as file:
        file.write(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(UserError) as error:
        checkpoints.checkpoint_shapes(prefix, FLAG)
    message = str(error.value)
    assert message.startswith("%s: %s cannot be read" % (FLAG, prefix)) and "\n" not in message


@pytest.mark.parametrize("keep", [None, 0, 100])
def test_truncated_or_missing_data(tmp_path, keep):
    prefix = save(tmp_path / "model.ckpt", {"a": np.arange(1000, dtype=np.float32)})
    variables = make_variables({"a": [1000]})
    path = data_file(prefix)
    if keep is None:
        os.remove(path)
    else:
        with open(path, "r+b") as file:
            file.truncate(keep)
    with tf.Session() as session, pytest.raises(UserError) as error:
        checkpoints.restore(session, prefix, variables, FLAG)
    assert prefix in str(error.value) and "\n" not in str(error.value)


def test_shapes(tmp_path):
    prefix = save(tmp_path / "model.ckpt", {"a/b": np.zeros([2, 3], np.float32), "scalar": np.float32(1.0)})
    assert checkpoints.checkpoint_shapes(prefix, FLAG) == {"a/b": [2, 3], "scalar": []}


def test_missing_and_misshaped_variables_are_named(tmp_path):
    prefix = save(tmp_path / "model.ckpt", {"fits": np.zeros([2], np.float32), "wide": np.zeros([2, 9], np.float32)})
    variables = make_variables({"fits": [2], "wide": [2, 8], "absent": [4]})
    with pytest.raises(UserError) as error:
        checkpoints.assignment(prefix, variables, FLAG)
    message = str(error.value)
    assert message.startswith(
        "%s: %s lacks 1 variables: absent; and has 1 variables of another shape: wide" % (FLAG, prefix)
    )
    assert "[2, 9] in the checkpoint, [2, 8] in the model" in message
    assert "fits" not in message.split("Use the flags")[0]


def test_long_lists_are_cut(tmp_path):
    prefix = save(tmp_path / "model.ckpt", {"a": np.zeros([2], np.float32)})
    variables = make_variables({"v%d" % i: [1] for i in range(7)})
    with pytest.raises(UserError, match=r"lacks 7 variables: v0, v1, v2, v3, v4 and 2 more\."):
        checkpoints.assignment(prefix, variables, FLAG)


def test_restore_takes_names_of_the_checkpoint(tmp_path):
    values = {"a": np.float32([1.0, 2.0]), "extra": np.float32(9.0)}
    prefix = save(tmp_path / "model.ckpt", values)
    variable = tf.get_variable("another_name", [2])
    with tf.Session() as session:
        checkpoints.restore(session, prefix, {"a": variable}, FLAG)
        np.testing.assert_array_equal(session.run(variable), values["a"])


def test_an_exported_model_gives_all_weights_and_a_bert_checkpoint_the_encoders(tmp_path):
    encoder = save(tmp_path / "bert.ckpt", {"bert/a": np.float32([1.0]), "output_bias_0": np.float32([9.0])})
    (tmp_path / "variables").mkdir()
    save(tmp_path / "variables" / "variables", {name: np.float32([2.0]) for name in ("bert/a", "output_bias_0")})
    for start, expected in (((encoder, None), [1.0, 0.0]), ((None, str(tmp_path)), [2.0, 2.0])):
        with tf.Graph().as_default(), tf.Session() as session:
            zeros = tf.zeros_initializer()
            variables = {name: tf.get_variable(name, [1], initializer=zeros) for name in ("bert/a", "output_bias_0")}
            values = checkpoints.first_values(variables, *start)
            assert [float(values.get(name, [0.0])[0]) for name in variables] == expected
            checkpoints.initialize(variables, *start)
            session.run(tf.global_variables_initializer())
            assert [float(value[0]) for value in session.run(list(variables.values()))] == expected


def test_weights_to_start_from_that_cannot_be_read_or_are_not_finite(tmp_path):
    variables = make_variables({"bert/a": [4]})
    prefix = save(tmp_path / "bert.ckpt", {"bert/a": np.float32([1.0, np.nan, 1.0, 1.0])})
    with pytest.raises(UserError, match="--init_checkpoint: .* holds bert/a with values that are NaN"):
        checkpoints.first_values(variables, prefix, None)
    os.truncate(prefix + ".data-00000-of-00001", 16)
    with open(prefix + ".data-00000-of-00001", "r+b") as file:
        file.write(b"damaged!")
    with pytest.raises(UserError, match="--init_checkpoint: the weights of .* cannot be read .*fetch or copy it again"):
        checkpoints.first_values(variables, prefix, None)
    assert checkpoints.first_values(variables, None, None) == {}


def test_heads_alone_without_an_encoder_are_an_error(tmp_path):
    (tmp_path / "variables").mkdir()
    save(tmp_path / "variables" / "variables", {"output_bias_0": np.float32([2.0])})
    with pytest.raises(UserError, match="lacks 1 variables: bert/a"):
        checkpoints.initialize(make_variables({"bert/a": [1], "output_bias_0": [1]}), None, str(tmp_path))


def test_exported_variables_errors(tmp_path):
    with pytest.raises(UserError, match="is not a directory"):
        checkpoints.exported_variables(str(tmp_path / "none"))
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is not a directory"):
        checkpoints.exported_variables(str(tmp_path / "file"))
    with pytest.raises(UserError, match=r"variables/variables\.index") as error:
        checkpoints.exported_variables(str(tmp_path))
    assert "--warm_start_model_dir" in str(error.value) and str(tmp_path) in str(error.value)


@pytest.mark.parametrize(
    "folders, expected", [
        ([""], ""), (["model"], "model"), (["1600000000", "1600000009", "1600000001"], "1600000009"),
        (["9", "10"], "10"), (["best"], "best"), (["model", "model.old"], "model"), (["model", "zebra"], "model"),
        (["model", ".unfinished-0123456789abcdef"], "model"), (["1600000000", "1700000000.old"], "1600000000"),
    ]
)
def test_exported_variables(tmp_path, folders, expected):
    for folder in folders:
        path = tmp_path / folder / "variables"
        path.mkdir(parents=True)
        (path / "variables.index").write_text("")
    found = checkpoints.exported_variables(str(tmp_path))
    assert os.path.normpath(found) == str(tmp_path / expected / "variables" / "variables")


@pytest.mark.parametrize("folders", [["model.old"], [".unfinished-0123456789abcdef"], ["best", "other"]])
def test_what_a_kill_left_or_is_in_doubt_is_no_model(tmp_path, folders):
    for folder in folders:
        (tmp_path / folder / "variables").mkdir(parents=True)
        (tmp_path / folder / "variables" / "variables.index").write_text("")
    with pytest.raises(UserError, match="holds no variables/variables.index"):
        checkpoints.exported_variables(str(tmp_path))


OURS, OTHERS = {"bert/a": np.float32([1.0]), "sgd0/rate": np.float32(0.1)}, {"dense/kernel": np.float32([1.0])}


def test_an_export_replaces_an_earlier_one_and_nothing_else(tmp_path):
    checkpoints.export(OURS, str(tmp_path / "m"))
    (tmp_path / "m" / "notes").write_text("mine")
    (tmp_path / "m" / "variables" / "notes").write_text("mine")
    for is_marked in (True, False):
        if not is_marked:  # of a version that made no list
            (tmp_path / "m" / ".made.json").unlink()
        checkpoints.export({"bert/b": np.float32([2.0])}, str(tmp_path / "m"))
        prefix = checkpoints.exported_variables(str(tmp_path / "m"))
        assert checkpoints.checkpoint_shapes(prefix, FLAG) == {"bert/b": [1]}
        assert (tmp_path / "m" / "notes").exists() and (tmp_path / "m" / "variables" / "notes").exists()
        assert os.listdir(str(tmp_path)) == ["m"]


def test_weights_of_another_program_are_not_replaced(tmp_path):
    (tmp_path / "variables").mkdir()
    save(tmp_path / "variables" / "variables", OTHERS)
    before = sorted(os.listdir(str(tmp_path / "variables")))
    with pytest.raises(UserError, match="variables is there, and not of this program"):
        checkpoints.export(OURS, str(tmp_path))
    assert sorted(os.listdir(str(tmp_path / "variables"))) == before and os.listdir(str(tmp_path)) == ["variables"]


@pytest.mark.parametrize("state, words", [
    (None, "is missing, but checkpoints are there"), (b"", "is damaged"), (b"\xff\0", "is damaged"),
    (b"model", "is damaged"), (b'model_checkpoint_path: ""', "is damaged"),
    (b'model_checkpoint_path: "model.ckpt-7"', "names model.ckpt-7, which is not there"),
    (b'model_checkpoint_path: "../../../etc/passwd"', "names passwd, which is not there"),
], ids=range(7))
def test_checkpoints_of_which_the_newest_cannot_be_told_are_not_overlooked(state, words, tmp_path):
    (tmp_path / "model.ckpt-2.index").write_text("")
    if state is not None:
        (tmp_path / "checkpoint").write_bytes(state)
    with pytest.raises(UserError, match='%s: write model_checkpoint_path: "model.ckpt-STEP" into it' % words):
        checkpoints.newest(str(tmp_path))
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-2"')
    assert checkpoints.newest(str(tmp_path)) == str(tmp_path / "model.ckpt-2")


@pytest.mark.parametrize("fault", [
    lambda error: checkpoints.damaged("bert.ckpt", "", error),
    lambda error: checkpoints.damaged_own("model.ckpt-2", error),
])
@pytest.mark.parametrize("message, words", [
    ("bert.ckpt.index; Too many open files", "Too many open files"), ("OOM when allocating", "not enough memory"),
])
def test_want_of_descriptors_or_memory_is_no_damage(fault, message, words):
    line = str(fault(tf.errors.ResourceExhaustedError(None, None, message)))
    assert words in line and "damaged" not in line
    assert "damaged" in str(fault(tf.errors.DataLossError(None, None, "checksum")))


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused_by_name(wrong, tmp_path):
    values = {"a": np.zeros([3], np.float32), "b/kernel": np.zeros([2, 2], np.float32), "step": np.array(3)}
    save(tmp_path / "good", values)
    values["b/kernel"][1, 0] = wrong
    prefix = save(tmp_path / "bad", values)
    assert checkpoints.read(str(tmp_path / "good"), FLAG)["step"] == 3
    words = "^--init_checkpoint: .*bad holds b/kernel with values that are NaN or infinite"
    with pytest.raises(UserError, match=words):
        checkpoints.read(prefix, FLAG)
    variables = make_variables({"a": [3], "b/kernel": [2, 2]})
    with pytest.raises(UserError, match=words):
        checkpoints.assignment(prefix, variables, FLAG)
    checkpoints.assignment(prefix, {"a": variables["a"]}, FLAG)  # what is not taken does not matter
    checkpoints.assignment(str(tmp_path / "good"), variables, FLAG)


def test_large_weights_are_finite(tmp_path):
    prefix = save(tmp_path / "large", {"a": np.full([1000], 3e38, np.float32)})
    assert len(checkpoints.read(prefix, FLAG)["a"]) == 1000


def test_an_index_that_asks_for_all_memory(tmp_path):
    prefix = save(tmp_path / "model.ckpt", {"a": np.zeros([2], np.float32)})
    with open(prefix + ".index", "r+b") as file:
        file.seek(-48, os.SEEK_END)  # its footer: where the blocks are, and how large
        file.write(b"\xff\xff\xff\xff\xff\xff\x00\x00\x00")
    with pytest.raises(UserError, match="cannot be read"):
        checkpoints.checkpoint_shapes(prefix, FLAG)


def test_tensors_larger_than_their_files(tmp_path):
    prefix = save(tmp_path / "model.ckpt", {"a": np.zeros([1000], np.float32)})
    with open(data_file(prefix), "wb") as file:
        file.write(b"1234")
    with pytest.raises(UserError, match="its tensors are larger than its files"):
        checkpoints.checkpoint_shapes(prefix, FLAG)
