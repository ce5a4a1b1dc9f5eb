"""Which texts stand in two places, and whether they carry the same labels there."""
import collections
from typing import Dict, Hashable, Iterable, NamedTuple, Set, Tuple

from data.text import TextExample

LabelSets = Dict[Hashable, Set]  # {identity of a text: labels it carries}


class Overlap(NamedTuple):
    """Texts of one place that also stand in another one."""

    texts: int
    other_label: int  # those that carry a label here which they do not have there


def text_key(example: TextExample) -> Tuple[str, str]:
    """Identity of a text (or pair); letter case and the kind and number of blanks do not count."""
    return tuple(" ".join((text or "").split()).lower() for text in (example.text_a, example.text_b))


def label_sets(keyed: Iterable[Tuple[Hashable, object]]) -> LabelSets:
    """{key: set of its labels} from pairs (key, label)."""
    found = collections.defaultdict(set)
    for key, label in keyed:
        found[key].add(label)
    return dict(found)


def overlap(here: LabelSets, there: LabelSets) -> Overlap:
    """How many texts of ``here`` stand ``there`` too."""
    shared = [key for key in here if key in there]
    return Overlap(len(shared), sum(not here[key] <= there[key] for key in shared))
