"""The main program's flags for one of the 17 tasks: what is needed is found, or fetched when missing.

Flags are given as {flag: value}.
"""
import os
import sys

from command_line import own_encoder, recipes
from data import tasks
from fetch import catalogue
from runtime.errors import UserError

DEFAULT_MODELS = {"bert": "hybrid-smlmt", "minilm": "minilm-smlmt"}  # {encoder: model}


def choose_for_texts(environment):
    """As `choose_model`, but the small encoder unless another one is named in some way."""
    if any(environment.get(name) for name in ("ENCODER", "ENCODER_DIR", "MODEL", "MODEL_DIR", "BERT_DIR")):
        return choose_model(environment)
    return choose_model({"ENCODER": "minilm"})


def choose_model(environment):
    """(model, encoder) whose preset and recipe are used; a model that is for one encoder brings it."""
    if own_encoder.is_named(environment):
        return own_encoder.choose(environment), own_encoder.NAME
    named = recipes.MODELS.get(environment.get("MODEL"))
    encoder = environment.get("ENCODER") or (named.encoder if named and named.encoder else "bert")
    if encoder not in recipes.ENCODERS:
        raise UserError("ENCODER=%s: use %s." % (encoder, " or ".join(recipes.ENCODERS)))
    choices = recipes.models_for(encoder)
    model = environment.get("MODEL") or DEFAULT_MODELS[encoder]
    if model not in choices:
        other = "is for ENCODER=%s; with ENCODER=%s " % (named.encoder or "bert", encoder) if named else ""
        offered = choices if named or environment.get("ENCODER") else recipes.MODELS  # some bring theirs
        raise UserError("MODEL=%s: %suse one of %s." % (model, other, ", ".join(offered)))
    return model, encoder


def encoder_flags(model, encoder, environment):
    """Flags that name encoder, vocabulary and the weights to start from.

    Args:
      model: of recipes.MODELS.
      encoder: of recipes.ENCODERS, or own_encoder.NAME.
      environment: mapping that may have BERT_DIR, ENCODER_DIR and MODEL_DIR.

    Raises:
      UserError: a download failed, or the model is meta-trained and there is nothing to fetch.
    """
    recipe = recipes.MODELS[model]
    if encoder == own_encoder.NAME:
        return own_encoder.flags(model, environment)
    if encoder == "minilm":
        from fetch import minilm, shipped  # here, for they bring TensorFlow, which mistakes do without

        folder = minilm.ensure_minilm()
    else:
        folder = environment.get("BERT_DIR") or _fetched_bert(environment.get("MODEL_DIR"))
    flags = {"vocab_file": os.path.join(folder, "vocab.txt")}
    if encoder == "minilm":
        flags["do_lower_case"] = True
    if not recipe.meta_trained:
        return dict(flags, init_checkpoint=os.path.join(folder, "bert_model.ckpt"))
    model_dir = environment.get("MODEL_DIR")
    if not model_dir and recipe.shipped:
        model_dir = shipped.ensure_whole(recipe.shipped, folder)
    elif not model_dir:
        if encoder != "bert" or not recipe.released:
            raise UserError(
                "Model %s with the encoder %s was never released: meta-train it, and name its export by MODEL_DIR "
                "(reproduce_tables.py: --model_dirs=%s=DIR)." % (model, encoder, model)
            )
        model_dir = catalogue.ensure_model(recipe.released)
    return dict(
        flags, bert_config_file=os.path.join(folder, "bert_config.json"), warm_start_model_dir=model_dir
    )


def _fetched_bert(model_dir):
    """BERT's folder, fetched when it is missing; not for a MODEL_DIR that is none."""
    if model_dir and "://" not in model_dir and not os.path.isdir(model_dir):
        raise UserError("MODEL_DIR: %s is no folder." % model_dir)
    return catalogue.ensure_bert()


def data_files(task, split, k, encoder, environment):
    """Paths of training and evaluation rows: the released records, or the text for another vocabulary.

    A record file that is missing, was never released or is broken gives way to its text.
    """
    folder = environment.get("LEOPARD_DIR")
    if folder and not os.path.isdir(folder):
        raise UserError("LEOPARD_DIR: %s is not a directory." % folder)
    folder = folder or catalogue.ensure_leopard()
    kinds = [task.record_file] * (encoder == "bert") + [task.json_file]

    def pick(*part):
        for kind in kinds:
            if _is_there(kind, folder, *part):
                return kind(folder, *part)
        paths = [kind(folder, *part) for kind in kinds]
        return tasks.require(next((path for path in paths if not tasks.known_defect(path)), paths[0]))

    return pick("train", split, k), pick("eval")


def _is_there(kind, folder, *part):
    """Whether there is a file where a method of data.tasks.Task looks for it, and none that is known to be broken."""
    try:
        path = kind(folder, *part)
    except UserError:  # k=32 without a file of one's own
        return False
    return os.path.isfile(path) and not tasks.known_defect(path)


def note_defect(path):
    """Tells of an evaluation file's known defect; with a broken training file the main program ends, and tells it."""
    defect = tasks.known_defect(path)
    if defect:
        print("note: %s: known defect of the public data: it %s; %s." % (path, *defect[1:]), file=sys.stderr)


def split_flags(task, k, model, files, encoder):
    """Flags of the main program for one split, but --output_dir.

    Args:
      task: data.tasks.Task.
      k: examples a class.
      model: of recipes.MODELS.
      files: of `data_files`.
      encoder: of `encoder_flags`.
    """
    flags = recipes.preset_flags(model)
    flags.update(task_name=task.name, task_eval_files="%s,%s" % files)
    flags.update(recipes.schedule_flags(model, k, task.num_labels))
    flags.update(encoder)
    return flags
