"""Names of classes as texts."""
import pytest
import tiny

from data import label_names
from runtime.errors import UserError
from tokenization import Tokenizer

LABELS = ["Good_film", "bad"]


def test_names_are_the_labels_or_those_given():
    assert label_names.resolve(label_names.AUTO, LABELS) == tuple(LABELS)
    assert label_names.resolve(["praise", "blame"], LABELS) == ("praise", "blame")


@pytest.mark.parametrize("names", [["praise"], ["a", "b", "c"]])
def test_a_wrong_number_of_names(names):
    with pytest.raises(UserError, match="--label_names=%s: %d names, but .* 2 labels" % (",".join(names), len(names))):
        label_names.resolve(names, LABELS)


@pytest.mark.parametrize("names", [["praise", ""], [" ", "blame"]])
def test_an_empty_name(names):
    with pytest.raises(UserError, match="--label_names=%s: a name is empty" % ",".join(names)):
        label_names.resolve(names, LABELS)


def test_a_row_for_each_name(tmp_path):
    words = tiny.WORDS + ["this", "text", "is", "."]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    found = label_names.encode(LABELS, Tokenizer.from_file(str(tmp_path / "vocab.txt"), True), 12)
    said = [" ".join(words[i] for i in row if i) for row in found.input_ids.tolist()]
    assert said == ["[CLS] this text is good film . [SEP]", "[CLS] this text is bad . [SEP]"]
    assert found.label_ids.tolist() == [0, 1] and not found.has_pairs
