"""The rows of a k-shot task, from records or text.

`flags` is an absl.flags.FlagValues with the flags of program_flags.py.
"""
from command_line.settings import text_settings
from data import convert, records, tasks
from data import text as text_files
from runtime.errors import UserError
from tokenization import Tokenizer


def known_labels(flags, train_file):
    """Names of the labels from --labels, --task_name or a known file name; None when nothing tells."""
    if flags.labels:
        return list(flags.labels)
    if flags.task_name:
        return list(tasks.get_task(flags.task_name).labels)
    part = tasks.identify(train_file)
    return list(part.task.labels) if part else None


def load_examples(flags, path, label_names, bert_config, vocab_file=None, text=None, labelled=True):
    """Reads rows from records or text.

    Returns:
      (Examples, label names, texts as pairs or None for records)
    """
    text = text or text_settings(flags)
    if path.endswith(".tf_record") or path.endswith(".tfrecord"):
        tasks.require(path)
        label_names = check_number_of_labels(flags, label_names or [str(i) for i in range(flags.test_num_labels)])
        examples = records.read_records(
            path, text["max_seq_length"], len(label_names) if labelled else None, bert_config.vocab_size
        )
        return examples, label_names, None
    if path != "-":
        tasks.require(path)
    rows = text_files.read_text(path, labelled=labelled)
    label_names = label_names or text_files.labels_in_order(rows)
    if labelled:
        label_names = check_number_of_labels(flags, label_names)
    tokenizer = Tokenizer.from_file(vocab_file or flags.vocab_file, text["do_lower_case"])
    if tokenizer.vocab_size > bert_config.vocab_size:
        raise UserError(
            "--vocab_file: %s has %d tokens, but the BERT config has vocab_size %d; use the encoder's own vocabulary."
            % (vocab_file or flags.vocab_file, tokenizer.vocab_size, bert_config.vocab_size)
        )
    examples = convert.encode(rows, tokenizer, label_names, text["max_seq_length"], source=path)
    return examples, label_names, [(row.text_a, row.text_b) for row in rows]


def check_number_of_labels(flags, label_names):
    if flags["test_num_labels"].present and flags.test_num_labels != len(label_names) and flags.do_eval:
        raise UserError(
            "--test_num_labels=%d, but the task has %d labels: %s."
            % (flags.test_num_labels, len(label_names), ", ".join(label_names))
        )
    return label_names
