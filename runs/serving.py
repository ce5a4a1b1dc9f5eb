"""A fine-tuned model as a SavedModel for a server: token ids or text in, probabilities out."""
import os
import shutil

from data import tokenizer_graph
from learner.classifier import INPUTS
from runtime import checkpoints, folders, saved_model
from runtime.compat import tf
from runtime.errors import writing
from runtime.run_files import MODEL_FILE, VOCAB_FILE
from tokenization import load_vocab
from training import task_models

TEXT = "text"  # a signature
EXTRA = "assets.extra"  # where a SavedModel keeps files that are no part of the graph


def export(stored, export_dir):
    """Writes a SavedModel with two signatures.

    Both give logits (divided by the model's temperature) and probabilities, float32 [batch, classes], and label, string
    [batch]. The default of serving takes input_ids, input_mask and segment_ids, int32 [batch, seq] (seq up to the
    encoder's positions). "text" takes text and, where the model's rows may be pairs, text2, strings [batch]; a model
    without a vocabulary lacks it.
    Vocabulary and settings, which a client needs to make token ids, lie in assets.extra/.

    Args:
      stored: model_folder.StoredModel.
      export_dir: folder to make, which does not exist; it appears whole or not at all.

    Raises:
      UserError: the model cannot be read, or the folder cannot be written.
    """
    with folders.atomic_folder(export_dir, "SavedModel") as work, writing(export_dir):
        os.rmdir(work)  # TensorFlow makes it
        _write(stored, work)
        extra = os.path.join(work, EXTRA)
        os.mkdir(extra)
        for name in (MODEL_FILE, VOCAB_FILE):
            path = os.path.join(stored.folder, name)
            if os.path.exists(path):
                shutil.copyfile(path, os.path.join(extra, name))


def _write(stored, folder):
    with tf.Graph().as_default(), tf.Session() as session:
        texts = {name: tf.placeholder(tf.string, [None], name) for name in _text_names(stored)}
        tokens = _tokens(stored, texts) if texts else None
        model = task_models.make_model(stored.bert_config, stored.config, len(stored.labels), tokens)
        inputs = {name: getattr(model.batch, name) for name in INPUTS}
        logits = model.logits if stored.temperature == 1.0 else model.logits / stored.temperature
        outputs = {
            "logits": logits,
            "probabilities": tf.nn.softmax(logits),
            "label": tf.gather(tf.constant(list(stored.labels)), tf.argmax(model.logits, axis=-1)),
        }
        checkpoints.restore(session, stored.checkpoint, model.saved_variables(), "--model_dir")
        saved_model.write(session, inputs, outputs, folder, {TEXT: (texts, outputs)} if texts else None)


def _text_names(stored):
    """Names of what the signature TEXT takes; none without a vocabulary."""
    if not stored.vocab_file:
        return []
    return ["text"] + ["text2"] * (stored.pair is not False and stored.bert_config.type_vocab_size > 1)


def _tokens(stored, texts):
    """The encoder's inputs, made of texts where they are not fed."""
    found = tokenizer_graph.sequences(
        texts["text"], texts.get("text2"), load_vocab(stored.vocab_file),
        tokenizer_graph.rules(stored.text.do_lower_case), stored.text.max_seq_length,
    )
    return [tf.placeholder_with_default(each, [None, None]) for each in found]
