"""The model card of an exported model: what it is, what it was trained on, how well it does, and how to use it."""
from runtime.cells import one_line
from runtime.paths import portable

_CARD = """# {title}

A text classifier: {rows} in, one of {number} classes out. {encoder}

| classes | {labels} |
|---|---|
| text | {case}, {length} tokens at most |
| graph | `model.onnx`: input_ids, input_mask, segment_ids int32 [batch, seq] to logits, probabilities |
| check | {check} |

    smlmt-predict FOLDER new.txt        # or - for lines of standard input

## Trained on

{trained}

## How well it does

{metrics}
"""


def text(content, results, checked):
    """The card, Markdown.

    Args:
      content: of model.json.
      results: of the results.json of its training; None where it is not known.
      checked: onnx_export.Checked.
    """
    bert, read = content["bert_config"], content["text"]
    rows = {True: "a pair of texts", False: "a single text"}.get(content.get("pair"), "a text or a pair of texts")
    return _CARD.format(
        title="Classifier of %s" % one_line(", ".join(content["labels"]))[:80],
        rows=rows,
        number=len(content["labels"]),
        labels=", ".join(map(_cell, content["labels"])),
        encoder="Encoder: BERT, %s layers of width %s." % (bert.get("num_hidden_layers"), bert.get("hidden_size")),
        case="lower case" if read["do_lower_case"] else "as it is",
        length=read["max_seq_length"],
        check=_check(checked),
        trained=_trained(results),
        metrics=_metrics(results),
    )


def _check(checked):
    line = "logits within %.1e of TensorFlow's on %d texts" % (checked.difference, checked.rows)
    if checked.changed is None:
        return line
    return "%s; then weights made 8-bit integers: %d labels of them change" % (line, checked.changed)


def _trained(results):
    if not results:
        return "Not known: there was no results.json of its training."
    data = results["data"]["train"]
    place = _cell(portable(data["path"]))
    lines = ["`%s`, %d rows, SHA-256 %s" % (place, data["examples"], data["sha256"]), ""]
    flags = ["--%s=%s" % (name, _word(value)) for name, value in sorted((results.get("flags") or {}).items())]
    return "\n".join(lines + ["    run_classifier_multitask.py " + one_line(" ".join(flags))])


def _word(value):
    """A value as a flag has it, without the places of the machine."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else ",".join(map(portable, str(value).split(",")))


def _metrics(results):
    metrics = (results or {}).get("metrics")
    if not metrics:
        return "It was not evaluated."
    low, high = metrics["accuracy_interval_95"]
    data = results["data"]["eval"]
    lines = [
        "Accuracy %.4f (95 %% interval %.4f to %.4f), macro-F1 %.4f, on the %d rows of `%s`."
        % (metrics["accuracy"], low, high, metrics["macro_f1"], data["examples"],
           _cell(portable(data["path"]))),
        "", "| class | rows | predicted | correct | F1 |", "|---|---|---|---|---|",
    ]
    for label, found in metrics["per_class"].items():
        numbers = (_cell(label), found["rows"], found["predicted"], found["correct"], found["f1"])
        lines.append("| %s | %d | %d | %d | %.4f |" % numbers)
    return "\n".join(lines)


def _cell(value):
    return one_line(str(value)).replace("|", "\\|")
