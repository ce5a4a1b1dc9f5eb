"""The folder of a fine-tuned model: its settings (model.json), its weights and, where it read text, its vocabulary."""
import contextlib
import dataclasses
import os
from typing import Optional

import modeling
from command_line.settings import TextSettings
from learner import configs
from runs import earlier, schemas, shared_encoder, vocabulary_file
from runtime import folders, paths, schema
from runtime.checkpoints import CHECKPOINT
from runtime.errors import UserError, check_names
from runtime.files import write_json
from runtime.run_files import MODEL_FILE, VOCAB_FILE

_PLACES = ("init_checkpoint", "warm_start_model_dir")  # settings of fine-tuning that are paths


@dataclasses.dataclass(frozen=True)
class StoredModel:
    """What model.json says."""

    folder: str
    bert_config: modeling.BertConfig
    config: object  # LearnerConfig or SoftmaxConfig
    labels: tuple  # names in the order of the ids
    text: TextSettings
    finetuning: dict  # configs.FinetuneConfig that it was trained with
    label_kind: str  # of the numpy type that the names stand for
    pair: Optional[bool]  # whether its rows were pairs of texts; None for a model that does not tell
    temperature: float  # that logits are divided by for probabilities

    @property
    def checkpoint(self):
        """Prefix of the weights."""
        return os.path.join(self.folder, CHECKPOINT)

    @property
    def vocab_file(self):
        """Path of the vocabulary, None where the model was fine-tuned on records."""
        path = os.path.join(self.folder, VOCAB_FILE)
        return path if os.path.exists(path) else None


def load(folder, flag="--model_dir"):
    """Reads a folder's settings; UserError, which names `flag`, when it holds no model or a damaged one.

    Weights that are read later may be another model's by then: folders.read_whole reads both of one.
    """
    folders.recover(folder)
    path = os.path.join(folder, MODEL_FILE)
    try:
        saved = schema.load(path, schemas.model)
        bert_config = modeling.BertConfig.from_dict(saved["bert_config"])
        config = configs.classifier_of(saved)
        labels, text = tuple(saved["labels"]), TextSettings(**saved["text"])
        stored = StoredModel(
            folder, bert_config, config, labels, text, saved.get("finetuning", {}), saved.get("label_kind", "U"),
            saved.get("pair"), saved.get("temperature", 1.0),
        )
    except (FileNotFoundError, NotADirectoryError):
        raise UserError("%s: no fine-tuned model in %s (%s is missing)." % (flag, folder, MODEL_FILE)) from None
    except OSError as error:
        raise UserError("%s: %s cannot be read (%s)." % (flag, path, error.strerror)) from None
    except schema.Unknown as error:
        line = "%s: %s is of a later version, or damaged (%s here): read it with the version that made it."
        raise UserError(line % (flag, path, error)) from None
    except (schema.Malformed, UserError) as error:
        raise UserError("%s: %s is damaged (%s)." % (flag, path, str(error).rstrip("."))) from None
    vocabulary_file.check(folder, saved, flag + ": ")
    return stored


def description(bert_config, classifier, finetuning, labels, text):
    """What model.json says of the settings, as {name: JSON value}.

    Args:
      bert_config, classifier: BertConfig, and LearnerConfig or SoftmaxConfig.
      finetuning: FinetuneConfig, or what `load` made of one.
      labels: names in the order of the ids.
      text: TextSettings.
    """
    values = {
        "bert_config": dataclasses.asdict(bert_config),
        "finetuning": finetuning if isinstance(finetuning, dict) else configs.values_of(finetuning),
        "labels": list(labels),
        "text": dataclasses.asdict(text),
    }
    values.update(configs.described(classifier))
    return values


def check(content):
    """UserError where a model of this `description` could not be read again, to be told before the work on it."""
    try:
        schemas.model(content)
    except schema.Malformed as error:
        raise UserError("no model is made that could not be read again: %s." % error) from None


def temperature(value):
    """What model.json says besides `description` of a temperature of the probabilities: nothing where it is 1."""
    return {} if value == 1.0 else {"temperature": value}


@contextlib.contextmanager
def replacing(folder, flag):
    """Gives a work folder whose files take the place of the model in `folder`; see folders.atomic_folder.

    Raises UserError, which names `flag`, when the folder holds anything but a model, or cannot be written; or has a
    name that is not UTF-8, which TensorFlow does not write to.
    """
    check_names([os.path.abspath(folder)])
    with folders.atomic_folder(folder, "model", folders.OWN, earlier=earlier.model, flag=flag) as work:
        yield work
        shared_encoder.share(work, folder)


def add_settings(folder, content, vocab_file):
    """Puts settings and vocabulary beside the weights that are in a folder.

    Args:
      folder: with the checkpoint CHECKPOINT.
      content: of `description`, and more, as {name: JSON value}.
      vocab_file: path; left out where there is no such file.
    """
    if os.path.isfile(vocab_file):
        try:
            with open(vocab_file, "rb") as file:
                vocabulary = file.read()
        except OSError as error:  # else it would be said of the folder that is written to
            raise UserError("--vocab_file: %s cannot be read (%s)." % (vocab_file, error.strerror)) from None
        with open(os.path.join(folder, VOCAB_FILE), "wb") as file:
            file.write(vocabulary)
    write_json(os.path.join(folder, MODEL_FILE), dict(_portable(content), **vocabulary_file.described(folder)))


def _portable(content):
    """The content of model.json without the places of the machine that made it: the folder may go elsewhere."""
    places = {
        name: paths.portable(content["finetuning"][name]) for name in _PLACES
        if content.get("finetuning", {}).get(name)
    }
    return dict(content, finetuning=dict(content["finetuning"], **places)) if places else content
