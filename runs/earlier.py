"""What earlier versions left: files of the time before `.made.json`, told by what is in them where there is no doubt,
and settings that have moved since.
"""
import os
import re

from learner import configs
from runs import prediction_files
from runtime.files import read_json
from runtime.run_files import MODEL, MODEL_FILE, PREDICTIONS, RESULTS, VOCAB_FILE

_WEIGHTS = re.compile(r"(checkpoint|model\.ckpt\.(index|meta|data-\d{5}-of-\d{5}))$")
# In meta_training.json, as (section, name): the classifier's section holds them now, and may have done so then.
_MOVED = (("meta_training", "fix_bert"),)


def model(folder):
    """Names of the files of a fine-tuned model in its folder."""
    content = read_json(os.path.join(folder, MODEL_FILE))
    if not isinstance(content, dict):
        return []
    heads = content.get("learner", content.get(configs.SOFTMAX))
    labels = content.get("labels")
    parts = (content.get("bert_config"), heads, content.get("text"))
    is_named = isinstance(labels, list) and labels and all(isinstance(label, str) for label in labels)
    if not is_named or not all(isinstance(part, dict) for part in parts):
        return []
    return [name for name in os.listdir(folder) if _WEIGHTS.match(name) or name in (MODEL_FILE, VOCAB_FILE)]


def run(folder):
    """Names of the files of a fine-tuning run in its output folder."""
    found = [os.path.join(MODEL, name) for name in model(os.path.join(folder, MODEL))]
    content = read_json(os.path.join(folder, RESULTS))
    if isinstance(content, dict) and ("run_id" in content or {"error", "task", "k", "split"} <= set(content)):
        found.append(RESULTS)
    return found + [PREDICTIONS] * prediction_files.are_in(os.path.join(folder, PREDICTIONS))


def training_settings(stored):
    """The content of a meta_training.json as this version writes it; what does not fit together stays as it is."""
    if not isinstance(stored, dict):
        return stored
    sections = {name: dict(part) if isinstance(part, dict) else part for name, part in stored.items()}
    classifier = sections.get("learner", sections.get(configs.SOFTMAX))
    for name, setting in _MOVED:
        section = sections.get(name)
        if isinstance(section, dict) and isinstance(classifier, dict) and setting in section:
            if classifier.setdefault(setting, section[setting]) == section[setting]:
                del section[setting]
    return sections
