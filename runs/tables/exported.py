"""The learned rates that an exported model holds and makes use of. Brings TensorFlow, which other tables do without."""
import dataclasses
import math
from typing import Dict, Mapping

from learner import adaptation, configs
from runtime import checkpoints
from runtime.errors import UserError


def used_rates(model_dir: str, settings: Mapping[str, object]) -> Dict[str, float]:
    """{variable: rate} of an exported model, without those of groups of weights that are not adapted.

    Args:
      settings: of the LearnerConfig that runs with the model have; what is missing has its default.

    Raises:
      UserError: there is no model, or a damaged one.
    """
    values = checkpoints.read(checkpoints.exported_variables(model_dir), "--warm_start_model_dir")
    known = {field.name for field in dataclasses.fields(configs.LearnerConfig)}
    try:
        config = configs.LearnerConfig(**{name: value for name, value in settings.items() if name in known})
    except TypeError as error:
        raise UserError("Its settings cannot be used (%s)." % error) from None
    rates = [name for name, value in values.items() if adaptation.is_rate(name) and not value.shape]
    idle = _idle([name for name in values if adaptation.has_rate(name)], config)
    transform = math.exp if config.use_exp_lr else float
    return {name: transform(values[name]) for name in rates if name not in idle}


def _idle(weights, config):
    """The rates whose weights all stay as they are in the inner loop and in fine-tuning."""
    moved, fixed = set(), set()
    for name in weights:
        is_moved = adaptation.is_adapted(name, config) and not adaptation.is_fixed_rate(name, config)
        own = moved if is_moved else fixed
        own.update(adaptation.rate_name(name, rate_set) for rate_set in range(config.rate_sets))
    return fixed - moved
