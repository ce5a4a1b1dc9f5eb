"""What the JSON files of runs may hold."""
import re

import modeling
from command_line.settings import TextSettings
from learner import configs
from runs import vocabulary_file
from runtime import run_files
from runtime.schema import Malformed, array, fields, flag, none_or, of_dataclass, one_of, real, text, whole

LEARNER = of_dataclass(
    configs.LearnerConfig,
    {
        "output_layers": whole(1, 64), "label_emb_size": whole(1, 8192), "deep_set_layers": whole(0, 64),
        "rate_sets": whole(0, 1000), "feature_layers": text(most=1000), "min_layer_with_grad": whole(0, 256),
    },
)
SOFTMAX = of_dataclass(configs.SoftmaxConfig, {"feature_layers": text(most=1000)})
_MODEL = fields(
    {
        "bert_config": modeling.ENCODER,
        "labels": run_files.LABELS,
        "text": of_dataclass(TextSettings, {"max_seq_length": whole(1, 10**6)}),
    },
    {
        "learner": LEARNER, configs.SOFTMAX: SOFTMAX,
        "finetuning": fields({}, {"eval_batch_size": whole(1, 10**9)}, more=True),
        "label_kind": one_of(*run_files.LABEL_KINDS), "pair": none_or(flag), "run_id": text(most=64),
        "temperature": real(1e-6, 1e6), **vocabulary_file.CHECKS,
    },
)  # none more: what a later version writes may change the answers
_NAMES = {"i": re.compile(r"-?\d{1,19}$", re.ASCII), "u": re.compile(r"\d{1,20}$", re.ASCII),
          "b": re.compile("(True|False)$")}
_COUNTS = array(array(whole(), most=10**4), least=1, most=10**4)
ACCURATE = fields({"metrics": fields({"accuracy": real(0, 1)}, more=True)}, more=True)  # of a results.json
_FRACTION = real(0, 1)
_CALIBRATION = {  # of runs.confidence
    "calibration_bins": array(
        fields({"from": _FRACTION, "rows": whole(1), "confidence": _FRACTION, "accuracy": _FRACTION}), most=1000
    ),
    "by_min_confidence": array(
        fields({"min_confidence": _FRACTION, "decided": _FRACTION, "accuracy": none_or(_FRACTION)}), most=1000
    ),
}
_RESULTS = fields(
    {
        "metrics": fields(
            {"accuracy": _FRACTION, "macro_f1": _FRACTION, "loss": real(0), "confusion": _COUNTS}, _CALIBRATION,
            more=True,
        )
    },
    {
        "config": none_or(fields({}, {
            "labels": none_or(array(text(), least=1, most=10**4, distinct=True)),
            "learner": none_or(fields({}, {"use_exp_lr": flag}, more=True)),
            "finetuning": none_or(fields({}, {"warm_start_model_dir": none_or(text())}, more=True)),
        }, more=True)),
        "run_id": text(most=64),
        "model": none_or(text(1, 1000)), "task": none_or(text(1, 1000)),
        "k": none_or(whole(1, 10**6)), "split": none_or(whole(0, 10**6)),
    },
    more=True,
)


def model(value, where=""):
    """Check of model.json."""
    _MODEL(value, where)
    if ("learner" in value) == (configs.SOFTMAX in value):
        raise Malformed("one of learner and %s is needed" % configs.SOFTMAX)
    positions = value["bert_config"].get("max_position_embeddings", modeling.BertConfig.max_position_embeddings)
    if value["text"]["max_seq_length"] > positions:
        raise Malformed("text.max_seq_length is more than the encoder's %d positions" % positions)
    names = _NAMES.get(value.get("label_kind"))
    for name in value["labels"] if names else ():
        if not names.match(name):
            raise Malformed("the label %.40r is not of the kind %s" % (name, value["label_kind"]))


def results(value, where=""):
    """Check of the results.json of an evaluated run."""
    _RESULTS(value, where)
    confusion = value["metrics"]["confusion"]
    if any(len(row) != len(confusion) for row in confusion):
        raise Malformed("metrics.confusion is not square")
    labels = (value.get("config") or {}).get("labels")
    if labels is not None and len(labels) != len(confusion):
        raise Malformed("config.labels are %d, the classes of metrics.confusion %d" % (len(labels), len(confusion)))
