"""What fine-tuning from Python starts from: a model by its name, an encoder of one's own, or a model's folder."""
import contextlib
import dataclasses
import os

import numpy as np

from command_line import own_encoder, own_task, public_task, recipes, settings
from data import encoding, label_names
from learner import configs
from runs import model_folder
from runtime import run_files
from runtime.errors import UserError
from tokenization import Tokenizer

EMBEDDED = public_task.DEFAULT_MODELS["minilm"]
_PARAMETERS = {  # {flag or variable of the programs: what it is called here}
    "--init_checkpoint": "encoder", "ENCODER_DIR": "encoder", "MODEL_DIR": "model", " as --vocab_file": "",
    "--train_batch_size": "batch_size", "--max_seq_length": "max_seq_length",
}


@dataclasses.dataclass(frozen=True)
class StartingPoint:
    """What fine-tuning starts from."""

    bert_config: object
    config: object  # LearnerConfig or SoftmaxConfig
    run: configs.FinetuneConfig
    text: settings.TextSettings
    tokenizer: Tokenizer
    recipe: str  # of recipes.MODELS
    parameter: str  # that named the weights

    def encode(self, texts, ids=None):
        """data.records.Examples of TextExamples, with their class numbers where given."""
        with telling(self.parameter):
            examples = encoding.encode(texts, self.tokenizer, (), self.text.max_seq_length, "X")
        return examples if ids is None else dataclasses.replace(examples, label_ids=np.asarray(ids, np.int32))

    def encode_names(self, names):
        """data.records.Examples of the texts that tell the classes' names; None without names."""
        return label_names.encode(names, self.tokenizer, self.text.max_seq_length) if names else None


def find(model=None, encoder=None, model_dir=None):
    """The StartingPoint for parameters of FewShotClassifier.

    Raises:
      ValueError: two of them exclude each other, or `model` is neither a name nor a folder.
      UserError: a folder or a download cannot be used.
    """
    if model_dir is not None:
        if model is not None or encoder is not None:
            raise ValueError("model_dir and %s exclude each other" % ("model" if model is not None else "encoder"))
        with telling("model_dir"):
            return _stored(model_dir, "model_dir")
    environment = {"ENCODER_DIR": encoder and os.fspath(encoder)}
    if model in recipes.MODELS:
        environment["MODEL"] = model
    elif model is not None:
        folder = os.fspath(model)
        if not os.path.isdir(folder):
            raise ValueError("model=%r: a folder, or one of %s" % (model, ", ".join(recipes.MODELS)))
        if own_task.is_fine_tuned(folder):
            if encoder is not None:
                raise ValueError("model=%r has an encoder of its own: leave encoder out" % (model,))
            with telling("model"):
                return _stored(own_task.find_model(folder, "model"), "model")
        environment["MODEL_DIR"] = folder
        if not own_encoder.is_named({"MODEL_DIR": folder}):
            raise UserError(
                "model: %s holds neither a fine-tuned model (%s) nor an exported one that says how it was meta-trained "
                "(%s)." % (folder, run_files.MODEL_FILE, run_files.EXPORT_FILE)
            )
    with telling("model"):
        return _chosen(environment)


@contextlib.contextmanager
def telling(parameter):
    """Lets a UserError name parameters in the place of flags and variables; `parameter` is what named the weights."""
    try:
        yield
    except UserError as error:
        told = str(error).replace("--warm_start_model_dir", parameter)
        for flag, name in _PARAMETERS.items():
            told = told.replace(flag, name)
        raise UserError(told) from None


def _chosen(environment):
    """A model of the recipes, as run_finetune.sh takes it with this environment."""
    model, encoder = public_task.choose_for_texts(environment)
    values = dict(recipes.preset_flags(model), **public_task.encoder_flags(model, encoder, environment))
    text = settings.text_settings(values)
    return StartingPoint(
        settings.bert_settings(values), settings.classifier_settings(values), settings.finetune_settings(values),
        text, Tokenizer.from_file(values["vocab_file"], text.do_lower_case), model, "model",
    )


def _stored(folder, flag):
    """A fine-tuned model's weights and settings; `flag` is what named its folder."""
    stored = model_folder.load(folder, flag)
    if not stored.vocab_file:
        raise UserError("%s: %s has no vocab.txt (fine-tuned on records): put the encoder's there." % (flag, folder))
    recipe = EMBEDDED if getattr(stored.config, "prototypical_baseline", False) else "hybrid-smlmt"
    run = configs.FinetuneConfig(warm_start_model_dir=folder)
    tokenizer = Tokenizer.from_file(stored.vocab_file, stored.text.do_lower_case)
    return StartingPoint(stored.bert_config, stored.config, run, stored.text, tokenizer, recipe, flag)
