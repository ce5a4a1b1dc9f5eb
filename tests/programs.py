"""Every program that writes files, on a few rows, for trials.py: how it is started, and how what it leaves is read."""
import hashlib
import io
import json
import os
import shutil
import zipfile
from typing import Callable, NamedTuple

from runtime.paths import ROOT

BESIDE = {"notes": "mine", "out.old/weights": "mine", ".unfinished-mine/years": "mine"}
INSIDE = ("out/notes", "out/model.old/weights", "out/.unfinished-mine/years")
VOLATILE = ("seconds", "versions", "machine")  # in JSON files
GOLDEN_MODEL = os.path.join(ROOT, "tests", "golden", "ft_warm_start")
SERVER = "PROGRAMS_SERVER"  # environment: address of the server of `archive`


def digests(out):
    """{path: digest of its content} of the files in a folder, or of a file, without what differs at every run."""
    from runtime import folders

    for root, below, _ in os.walk(out):
        below[:] = [name for name in below if not name.startswith(".")]
        folders.recover(root)
    folders.recover(os.path.dirname(out))
    return folders.read_whole(out, lambda: _digests(out))


def downloads(out):
    """The same for downloads, without what has arrived of one: the next call goes on with it."""
    return {name: value for name, value in digests(out).items() if not (".part" in name or name.endswith(".download"))}


def _digests(out):
    found = {}
    if os.path.isfile(out):
        return {"": _digest(out, out)}
    for root, below, names in os.walk(out):
        # The others are parts of a checkpoint that TensorFlow was writing when it was killed.
        below[:] = [name for name in below if not name.startswith(".") and not name.endswith("_temp")]
        for name in names:
            path = os.path.join(root, name)
            relative = os.path.relpath(path, out)
            is_ours = not name.startswith((".", "events.")) and "out/" + relative not in INSIDE
            if is_ours and name != "checkpoint":
                found[relative] = _digest(path, out)
    return found


def _digest(path, out):
    name = os.path.basename(path)
    if name.endswith(".json"):
        with open(path) as file:
            text = json.dumps(_stable(json.load(file)), sort_keys=True)
        return _sha(text.replace(os.path.dirname(out), "").encode())
    if name == "saved_model.pb" or name.endswith(".index"):
        return "there"
    if ".data-" in name:
        from runtime import checkpoints

        weights = checkpoints.read(path[: path.index(".data-")], "--test")
        return _sha(b"".join(name.encode() + weights[name].tobytes() for name in sorted(weights)))
    with open(path, "rb") as file:
        return _sha(file.read())


def _stable(value):
    if isinstance(value, dict):
        return {name: _stable(part) for name, part in value.items() if name not in VOLATILE}
    return [_stable(part) for part in value] if isinstance(value, list) else value


def _sha(data):
    return hashlib.sha256(data).hexdigest()


class Program(NamedTuple):
    """A program, and what was there before it."""

    name: str
    script: str
    arguments: Callable  # (inputs, output): its arguments
    earlier: Callable = None  # the same of an earlier run; None: nothing is there
    more: Callable = lambda inputs: {}  # environment
    is_whole: bool = True  # all files are of one run at any time; else each file is
    reads_runs: bool = False  # fine-tuned models among the inputs
    passing: tuple = ()  # beginnings of the names of files that come and go while it runs: read, but of any content
    is_shared: bool = True  # a user may have files beside ours
    read: Callable = digests
    code: int = 0  # that it ends with
    refuses: bool = False  # to do once more what is done
    beside: dict = BESIDE

    def environment(self, inputs):
        """Environment variables to set."""
        return dict(self.more(inputs), CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3", NO_PROXY="*")

    def inside(self, folder):
        """A user's files in our folder."""
        out = os.path.join(folder, "out")
        if not self.is_shared or (self.earlier is None and not os.path.isdir(out)):
            return ()
        more = ("out/model/notes",) if os.path.isdir(os.path.join(out, "model")) else ()
        return INSIDE + more


def _script(name):
    return os.path.join(ROOT, "scripts", name)


MAIN = os.path.join(ROOT, "run_classifier_multitask.py")


def _flags(**given):
    """--name=value of each."""
    return ["--%s=%s" % item for item in given.items()]


def _encoder(inputs):
    return _flags(
        bert_config_file=inputs + "/bert_config.json", vocab_file=inputs + "/vocab.txt", init_checkpoint="",
        max_seq_length=12,
    )


def evaluate(seed):
    """Arguments of a short run, as a function of inputs and output."""
    return lambda inputs, out: _encoder(inputs) + _flags(
        do_eval=True, pooling="mean", prototypical_baseline=True, head_init="identity", label_emb_size=16,
        update_only_label_embedding=True, SGD_K=1, train_batch_size=4, eval_batch_size=4, num_train_epochs=1,
        task_eval_files="%s/train.csv,%s/eval.csv" % (inputs, inputs), labels="up,down,flat", seed=seed,
        overwrite=True, output_dir=out,
    )


def _train(inputs, out):
    return _flags(
        do_train=True, init_checkpoint=inputs + "/meta/bert.ckpt", bert_config_file=inputs + "/meta/bert_config.json",
        data_dir=inputs + "/meta", task_train_files="meta_pretrain_2.tf_record",
        task_eval_files="meta_pretrain_valid_2.tf_record", max_seq_length=6, train_batch_size=6, meta_batchsz=3,
        num_batches=3, num_gpus=1, tasks_per_gpu=1, num_train_epochs=0.25, save_checkpoints_steps=1, SGD_K=1,
        label_emb_size=4, update_only_label_embedding=True, warp_layers=True, clip_lr=True, eval_examples_per_task=12,
        output_dir=out,
    )


def _sweep(seed):
    return lambda inputs, out: _flags(
        bert_dir=inputs + "/sweep/bert", leopard_dir=inputs + "/sweep/leopard", label_emb_size=16, max_seq_length=16,
        num_train_epochs=1, models="hybrid", tasks="sentiment_books", ks=4, splits="0-1", seed=seed, output_dir=out,
        model_dirs="hybrid=" + os.path.join(GOLDEN_MODEL, "saved_model"),
    ) + ["--overwrite", "--keep_predictions"]


def _smlmt(seed):
    return lambda inputs, out: _flags(
        input=inputs + "/smlmt/text.txt", output_dir=out, vocab_file=inputs + "/smlmt/vocab.txt", do_lower_case=True,
        classes="2,3", tasks_per_class_count=6, records_per_task=10, seed=seed, overwrite=True,
    )


def _supervised(seed):
    return lambda inputs, out: _flags(
        input=inputs + "/eval.csv", output_dir=out, vocab_file=inputs + "/vocab.txt", name="mine", classes=2,
        tasks_per_class_count=4, records_per_task=4, first_batch=2, max_seq_length=16, seed=seed, overwrite=True,
    )


def _finetune(seed):
    return lambda inputs, out: [
        "--train", inputs + "/train.csv", "--eval", inputs + "/eval.csv", "--predict", inputs + "/eval.txt",
    ] + _flags(num_train_epochs=1, max_seq_length=12, seed=seed, overwrite=True)


def _convert(source):
    return lambda inputs, out: _flags(
        input=inputs + source, output=out, vocab_file=inputs + "/vocab.txt", max_seq_length=12)


def _predict(source):
    return lambda inputs, out: _flags(
        do_predict=True, model_dir=inputs + "/run/model", predict_file=inputs + source, output_dir=out)


def _interpolate(weight):
    return lambda inputs, out: _flags(
        start=inputs + "/bert/bert_model.ckpt", end=inputs + "/other.ckpt", weight=weight, output_dir=out)


def _splits(seed):
    return lambda inputs, out: [
        "--input", inputs + "/eval.csv", "--overwrite",
    ] + _flags(task="mine", k=1, splits=3, seed=seed, format="csv", output_dir=out)


def _check(task):
    return lambda inputs, out: _flags(leopard_dir=inputs + "/sweep/leopard", tasks=task, json=out)


PROGRAMS = {program.name: program for program in [
    Program("finetune", _script("finetune.py"), _finetune(0), _finetune(1), lambda inputs: dict(
        MODEL="bert", BERT_DIR=inputs + "/bert", OUTPUT_DIR="out"), is_whole=False),  # the predictions come after
    Program("evaluate", MAIN, evaluate(0), evaluate(1)),
    Program("predict", MAIN, _predict("/eval.txt"), _predict("/train.csv"), reads_runs=True),
    Program("meta-train", MAIN, _train, is_whole=False,
            passing=("checkpoints/", "model/", "best.json", "validation.json")),
    Program("reproduce_tables", _script("reproduce_tables.py"), _sweep(0), _sweep(1), is_whole=False),
    Program("make_tables", _script("make_tables.py"),
            lambda inputs, out: _flags(results_dir=inputs + "/results", output_dir=out, resamples=10),
            lambda inputs, out: _flags(results_dir=inputs + "/results_old", output_dir=out, resamples=10)),
    Program("make_smlmt", _script("make_smlmt.py"), _smlmt(0), _smlmt(1)),
    Program("make_supervised", _script("make_supervised.py"), _supervised(0), _supervised(1)),
    Program("convert_text", _script("convert_text.py"), _convert("/eval.csv"), _convert("/train.csv"),
            is_shared=False),
    Program("convert_checkpoint", _script("convert_checkpoint.py"),
            lambda inputs, out: _flags(input=inputs + "/hugging_face", output_dir=out), is_shared=False,
            refuses=True),
    Program("export_saved_model", _script("export_saved_model.py"),
            lambda inputs, out: _flags(model_dir=inputs + "/run/model", output_dir=out), is_shared=False,
            reads_runs=True, refuses=True),
    Program("export_onnx", _script("export_onnx.py"),
            lambda inputs, out: _flags(model_dir=inputs + "/run/model", output_dir=out), is_shared=False,
            reads_runs=True, refuses=True),
    Program("fetch_data", _script("fetch_data.py"),
            lambda inputs, out: ["leopard", "--dest=" + out, "--base=" + os.environ[SERVER]], is_whole=False,
            read=downloads),
    Program("interpolate_weights", _script("interpolate_weights.py"), _interpolate(0.5), _interpolate(0.25)),
    Program("make_splits", _script("make_splits.py"), _splits(0), _splits(1), is_whole=False),
    Program("check_data", _script("check_data.py"), _check("sentiment_books"), _check("political_bias"),
            is_shared=False, code=1),  # the task is not whole
    Program("FewShotClassifier.save", os.path.join(ROOT, "tests", "save_classifier.py"),
            lambda inputs, out: [inputs + "/run", out], lambda inputs, out: [inputs + "/other_run", out],
            reads_runs=True),
]}


def archive():
    """A zip as the server of the LEOPARD data would send it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as file:
        file.writestr("leopard-master/data/json/airline/airline_eval.json", "[]")
        file.writestr("leopard-master/data/tf_record/airline/airline_eval.tf_record", os.urandom(1 << 20))
    return content.getvalue()


def make_inputs(folder):
    """Makes all that the programs read; to be called in a process of its own, for it uses TensorFlow."""
    import pathlib

    import few_shot_files
    import hugging_face_folder
    import meta_files
    import result_files
    import smlmt_program

    folder = pathlib.Path(folder)
    (folder / "bert_config.json").write_text(json.dumps(few_shot_files.BERT))
    (folder / "vocab.txt").write_text("\n".join(few_shot_files.WORDS) + "\n")
    few_shot_files.write_rows(folder / "train.csv", few_shot_files.TRAIN)
    few_shot_files.write_rows(folder / "eval.csv", few_shot_files.EVAL)
    (folder / "eval.txt").write_text("".join(text + "\n" for text, _ in few_shot_files.EVAL))
    (folder / "bert").mkdir()
    for name in ("bert_config.json", "vocab.txt"):
        shutil.copy(str(folder / name), str(folder / "bert" / name))
    few_shot_files.save_checkpoint(folder / "bert" / "bert_model.ckpt")
    few_shot_files.save_checkpoint(folder / "other.ckpt")
    hugging_face_folder.write_source(folder / "hugging_face")
    for name, correct in (("results", 60), ("results_old", 70)):
        result_files.put_sweep(folder / name, {("hybrid", "airline", 4): [correct, 65], ("bert", "airline", 4): [50]})
    (folder / "smlmt").mkdir()
    (folder / "smlmt" / "vocab.txt").write_text("\n".join(smlmt_program.VOCAB) + "\n")
    (folder / "smlmt" / "text.txt").write_text(smlmt_program.text_of())
    (folder / "meta").mkdir()
    meta_files.write(folder / "meta")
    _make_sweep(folder / "sweep")


def _make_sweep(folder):
    import sweep_places

    sweep_places.write(folder)
