"""Names of the files that runs leave, below their output folder, and what names of labels in them may be."""
from runtime import schema

RESULTS = "results.json"  # what was run, and how well
PREDICTIONS = "predictions.tsv"
EVALUATION = "evaluation"  # and the file's name: of a model on rows that were no part of its run
TO_LABEL = "to_label"  # and the file's name: rows of it that are worth a label
PREDICTION_SUFFIXES = (".tsv", ".jsonl")  # of the kinds of files that predictions are written to
STDOUT = "-"
LABEL_KINDS = ("U", "i", "u", "b")  # what model.json may say that labels were: NumPy's kinds
LABELS = schema.array(schema.text(least=1, most=10**4), least=1, most=10**5, distinct=True)
META_TRAINING = "meta_training.json"  # the settings of a run over many tasks
MODEL = "model"  # folder: a fine-tuned model, or the export of a meta-trained one

# In the folder of an exported model
EXPORT_FILE = "export.json"  # the settings of its classifier
BERT_CONFIG = "bert_config.json"

# In the folder of a fine-tuned model
CHECKPOINT = "model.ckpt"  # prefix of its weights
ENCODER_FILE = CHECKPOINT + ".data-00000-of-00002"  # of the encoder alone, where training left it as it was
MODEL_FILE = "model.json"
VOCAB_FILE = "vocab.txt"
