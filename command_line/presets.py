"""A preset, which is a file of flags with comments, as plain settings. Nothing here needs a parser of command lines."""
import dataclasses
import re
from typing import Dict

from learner import configs
from runtime.errors import UserError

# Of flags that belong to none of the learner's settings.
OTHER_KINDS = {
    "attention_probs_dropout_prob": float,
    "bert_config_file": str,
    "classifier": str,
    "do_lower_case": bool,
    "encoder_layers": int,
    "hidden_dropout_prob": float,
    "max_seq_length": int,
    "vocab_file": str,
}
SETTINGS = (configs.LearnerConfig, configs.SoftmaxConfig, configs.FinetuneConfig, configs.MetaTrainConfig)
BOOLEANS = {"true": True, "false": False}


def kinds() -> Dict[str, type]:
    """{flag: type of its value} of all flags that a preset may set."""
    found = dict(OTHER_KINDS)
    for settings in SETTINGS:
        for field in dataclasses.fields(settings):
            if field.type in (bool, int, float, str):
                found[configs.FLAG_NAMES.get(field.name, field.name)] = field.type
    return found


def read(path: str) -> Dict[str, object]:
    """The lines --FLAG=VALUE of a file as {flag: value}; UserError for a line that is anything else."""
    known, found = kinds(), {}
    with open(path, encoding="utf-8") as file:
        for line in map(str.strip, file):
            if not line or line.startswith("#"):
                continue
            match = re.match(r"--(\w+)=(.*)$", line)
            if not match:
                raise UserError("%s: %s is no --FLAG=VALUE." % (path, line))
            name, text = match.groups()
            if name not in known:
                raise UserError("%s: --%s is no flag that a preset can set." % (path, name))
            try:
                found[name] = BOOLEANS[text] if known[name] is bool else known[name](text)
            except (KeyError, ValueError):
                raise UserError("%s: %s: the value is no %s." % (path, line, known[name].__name__)) from None
    return found
