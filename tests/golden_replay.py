"""Replays a golden case through the project's own functions and returns what it computes, under the case's names."""
import collections
import dataclasses
import json
import os

import numpy as np

import meta_learner
import modeling
import optimization
from learner import adaptation, configs, finetuning
from learner.classifier import Batch
from runtime.compat import tf

Case = collections.namedtuple("Case", ["name", "path", "spec", "init", "inputs", "expected"])


def golden_dir():
    """GOLDEN_DIR, or the copy in the repository."""
    return os.environ.get("GOLDEN_DIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")


def case_names():
    """Names of all cases: every folder with a case.json."""
    root = golden_dir()
    return sorted(name for name in os.listdir(root) if os.path.exists(os.path.join(root, name, "case.json")))


def one_of_each_mode():
    """Name of the last case of every mode: meta-training, its evaluation, fine-tuning."""
    return sorted({load_case(name).spec["mode"]: name for name in case_names()}.values())


def load_case(name):
    """Reads one case folder."""
    path = os.path.join(golden_dir(), name)
    with open(os.path.join(path, "case.json")) as file:
        spec = json.load(file)
    arrays = [dict(np.load(os.path.join(path, part + ".npz"))) for part in ("init", "inputs", "expected")]
    return Case(name, path, spec, *arrays)


def settings(case, reference_mode=False):
    """(BertConfig, LearnerConfig) of a case."""
    bert = modeling.BertConfig.from_dict(case.spec["bert_config"])
    config = configs.from_flags(configs.LearnerConfig, case.spec["flags"])
    return bert, dataclasses.replace(config, reference_mode=reference_mode)


class Replay:
    """A session that holds the case's initial values."""

    def __init__(self, case, reference_mode):
        self.case = case
        self.bert_config, self.config = settings(case, reference_mode)
        self.variables = meta_learner.create_variables(self.bert_config, self.config)
        self.global_step = tf.train.get_or_create_global_step()

    def start(self):
        """Loads the initial values; every variable of the case must exist here with its shape and trainable flag."""
        options = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
        options.graph_options.rewrite_options.disable_meta_optimizer = True  # each graph runs but a few times
        self.session = tf.Session(config=options)
        self.by_name = {variable.op.name: variable for variable in tf.global_variables()}
        feed = {}
        for spec in self.case.spec["variables"]:
            variable = self.by_name[spec["name"]]
            assert variable.shape.as_list() == spec["shape"], spec["name"]
            assert variable.trainable == spec["trainable"], spec["name"]
            initial = self.case.init[spec["name"]]
            feed[variable.initializer.inputs[1]] = initial.astype(variable.dtype.as_numpy_dtype)
        self.session.run(tf.global_variables_initializer(), feed)
        extra = set(self.by_name) - {spec["name"] for spec in self.case.spec["variables"]}
        assert not [name for name in extra if self.by_name[name].trainable], extra

    def values(self, prefix):
        """Current values of all variables as {prefix/name: array}."""
        arrays = self.session.run(self.by_name)
        return {"%s/%s" % (prefix, name): value for name, value in arrays.items()}


def _golden_name(name):
    return {"cls_output_projection": "bert_proj_weight", adaptation.LABEL_EMBEDDINGS: "label_embs"}.get(name, name)


class MetaReplay(Replay):
    """Meta-training or meta-evaluation of a case.

    The graph holds the inner loop of one task, which runs for one task after the other, and the outer step, which is
    fed what they gave: making graphs is most of what a replay takes.
    """

    def __init__(self, case, reference_mode):
        super().__init__(case, reference_mode)
        self.evaluation = case.spec["mode"] == "meta_eval"
        self.feeds = {name: tf.placeholder(tf.int32, array.shape[2:]) for name, array in case.inputs.items()}
        drawn = case.spec["patches"]["random_uniform"]
        self.result = meta_learner.run_task(
            self.variables,
            meta_learner.make_task(self.feeds, self.config),
            self.bert_config,
            self.config,
            evaluation=self.evaluation,
            last_step=None if drawn is None else tf.constant(int(drawn), tf.int32),
            trace=True,
        )
        self.task_outputs = {name: getattr(self.result, name) for name in ("loss", "accuracy", "predictions")}
        if not self.evaluation:
            gradients = self.result.gradients.items()
            self.task_outputs["gradients"] = {name: tf.convert_to_tensor(g) for name, g in gradients}
        self.given = [self._placeholders() for _ in range(case.inputs["label_ids"].shape[1])]  # one a task
        names = [] if self.evaluation else meta_learner.trained_names(self.variables, self.config)
        batch = meta_learner.mean_of_tasks([self.result._replace(**given) for given in self.given], names)
        self.step_outputs, self.step_gradients = {"loss": batch.loss, "query_acc": batch.accuracy}, {}
        self.train_op = tf.no_op()
        if not self.evaluation:
            self._add_training(case.spec["flags"], case.spec["run"], batch.gradients)
        self.start()

    def _placeholders(self):
        """Where the outer step is fed what a task gave: fields of its TaskResult."""
        given = {"loss": tf.placeholder(tf.float32, []), "accuracy": tf.placeholder(tf.float32, [])}
        if not self.evaluation:
            gradients = self.task_outputs["gradients"].items()
            given["gradients"] = {name: tf.placeholder(tf.float32, gradient.shape) for name, gradient in gradients}
        return given

    def _add_training(self, flags, run, gradients):
        outer = optimization.OuterConfig(
            learning_rate=flags["learning_rate"],
            num_train_steps=run["num_train_steps"],
            num_warmup_steps=run["num_warmup_steps"],
        )
        bounds = adaptation.rate_bounds(self.variables, self.config)
        self.step_outputs["outer_lr"] = optimization.learning_rate(outer, self.global_step)
        with tf.control_dependencies([self.step_outputs["outer_lr"]]):
            step = optimization.outer_step(gradients, self.variables, outer, self.global_step, bounds=bounds)
        self.step_outputs["grad_global_norm"], self.train_op = step.norm, step.train_op
        self.step_gradients.update({"grad/" + name: g for name, g in step.gradients.items()})
        self.step_gradients.update({"grad_clipped/" + name: g for name, g in step.clipped.items()})

    def _passes(self):
        return {
            "c%d/%s" % (k, field): value
            for k, forward in enumerate(self.result.trace.passes)
            for field, value in forward._asdict().items()
        }

    def _inner_weights(self):
        """The task's first and last inner gradient and last fast weights, of the word table the task's rows."""
        trace = self.result.trace
        found = {"word_ids": trace.word_ids}
        if self.evaluation or not trace.inner_gradients:
            return found
        last = len(trace.inner_gradients) - 1
        for s in {0, last}:
            for name, gradient in trace.inner_gradients[s].items():
                found["inner/t0/s%d/grad/%s" % (s, _golden_name(name))] = tf.convert_to_tensor(gradient)
        for name in trace.inner_gradients[last]:
            found["fast/t0/" + _golden_name(name)] = trace.fast[name]
        return found

    def _whole_tables(self, found):
        """Puts the rows of the word table in their places; rows the task does not read have not changed."""
        ids = found.pop("word_ids")
        for name, rows in found.items():
            if name.endswith(modeling.WORD_EMBEDDINGS):
                initial = self.case.init[modeling.WORD_EMBEDDINGS]
                table = initial.copy() if name.startswith("fast/") else np.zeros_like(initial)
                table[ids] = rows
                found[name] = table
        return found

    def run(self):
        """{name in expected.npz: value} over all batches of the case."""
        found, inputs = {}, self.case.inputs
        run_task = self.session.make_callable(
            [self.task_outputs, self._passes(), self.result.inner_norms, self._inner_weights()],
            list(self.feeds.values()),
        )
        for step in range(len(inputs["label_ids"])):
            prefix = "batch%d" % step if self.evaluation else "step%d" % step
            tasks = []
            for t in range(len(self.given)):
                task, passes, norms, by_row = run_task(*[inputs[name][step, t] for name in self.feeds])
                tasks.append(task)
                forward = {"fwd/t%d/%s" % (t, key): value for key, value in passes.items()}
                found.update({"%s/%s" % (prefix, key): v for key, v in forward.items() if key.endswith("/loss")})
                if step == 0:
                    found.update(forward)
                    found.update({"inner/t%d/s%d/global_norm" % (t, s): norm for s, norm in enumerate(norms)})
                    found.update(self._whole_tables(by_row) if t == 0 else {})
            outputs, gradients = self._outer_step(tasks)
            outputs["per_task_loss"] = np.stack([task["loss"] for task in tasks])
            outputs["pred"] = np.stack([task["predictions"] for task in tasks])
            found.update({"%s/%s" % (prefix, key): value for key, value in outputs.items()})
            found.update(gradients if step == 0 else {})
            if not self.evaluation and step in (0, 2):
                found.update(self.values("after_%d" % (step + 1)))
        if self.evaluation:
            count = len(inputs["label_ids"])
            found["metric/mean_loss"] = np.mean([found["batch%d/loss" % b] for b in range(count)])
            found["metric/eval_accuracy"] = np.mean([found["batch%d/query_acc" % b] for b in range(count)])
        return found

    def _outer_step(self, tasks):
        """The step's numbers and its gradients, of the values of `task_outputs` of all tasks."""
        feed = {}
        for given, task in zip(self.given, tasks):
            feed.update({given[name]: task[name] for name in ("loss", "accuracy")})
            feed.update({given["gradients"][name]: g for name, g in task.get("gradients", {}).items()})
        outputs, gradients, _ = self.session.run([self.step_outputs, self.step_gradients, self.train_op], feed)
        return outputs, gradients


class FinetuneReplay(Replay):
    """Fine-tuning of a case, then evaluation."""

    def __init__(self, case, reference_mode):
        super().__init__(case, reference_mode)
        flags, run = case.spec["flags"], case.spec["run"]
        seq = case.inputs["train_input_ids"].shape[1]
        self.batch = Batch(*[tf.placeholder(tf.int32, [None, seq]) for _ in range(3)], tf.placeholder(tf.int32, [None]))
        self.label_embedding = finetuning.create_label_embedding(self.config, flags["test_num_labels"])
        step = finetuning.create_step()
        decay = finetuning.rate_decay(
            run["n_train_examples"], flags["eval_batch_size"], flags["num_train_epochs"], flags["warmup_proportion"]
        )
        assert decay.total == run["num_train_steps"] and decay.warmup == run["num_warmup_steps"]
        steps = finetuning.steps_run(run["n_train_examples"], flags["train_batch_size"], flags["num_train_epochs"])
        assert steps == run["steps_run"] == len(case.inputs["train_batch_sizes"])
        self.model = finetuning.FewShotModel(self.variables, self.label_embedding, self.bert_config, self.config)
        self.step = finetuning.training_step(self.model, step, self.batch, decay)
        self.made = self.model.batch_label_embeddings(self.batch)
        features = self.model.row_features(self.batch)
        self.first_pass = self.model.classify(self.variables, features, self.made, self.batch.label_ids)
        self.evaluation = self.model.predict(self.batch)
        self.start()

    def _feed(self, kind, start, stop):
        return {
            placeholder: self.case.inputs["%s_%s" % (kind, name)][start:stop]
            for name, placeholder in self.batch._asdict().items()
        }

    def run(self):
        found, start, losses = {}, 0, []
        for k, size in enumerate(self.case.inputs["train_batch_sizes"]):
            feed = self._feed("train", start, start + int(size))
            start += int(size)
            made, first = self.session.run([self.made, self.first_pass.loss], feed)
            outputs = {
                "loss": self.step.loss,
                "logits": self.step.logits,
                "accuracy": self.step.accuracy,
                "global_norm": self.step.norm,
            }
            for kind, gradients in (("grad", self.step.gradients), ("grad_clipped", self.step.clipped)):
                for name, gradient in gradients.items():
                    name = finetuning.LABEL_EMBEDDING_VARIABLE if name == adaptation.LABEL_EMBEDDINGS else name
                    outputs["%s/%s" % (kind, name)] = tf.convert_to_tensor(gradient)
            values, _ = self.session.run([outputs, self.step.train_op], feed)
            values.update(first_pass_label_embs=made, first_pass_loss=first)
            values["label_embedding_after"] = self.session.run(self.label_embedding)
            losses.append(values["loss"])
            found.update({"step%d/%s" % (k, key): value for key, value in values.items()})
            if k in (0, 2):
                found.update(self.values("after_%d" % (k + 1)))
        found["loss_sequence"] = np.array(losses)
        found.update(self.values("final"))
        found.update(self._evaluate())
        return found

    def _evaluate(self):
        from runs import scores as evaluation

        labels = self.case.inputs["eval_label_ids"]
        size = self.case.spec["flags"]["eval_batch_size"]
        feeds = [self._feed("eval", start, start + size) for start in range(0, len(labels), size)]
        logits = np.concatenate([self.session.run(self.evaluation.logits, feed) for feed in feeds])
        scores = evaluation.Scores(logits, labels)
        return {
            "eval/logits": logits,
            "eval/probabilities": scores.probabilities,
            "eval/predictions": scores.predictions,
            "eval/batch_loss": scores.batch_losses(size),
            "metric/eval_accuracy": scores.accuracy,
            "metric/eval_loss": scores.mean_batch_loss(size),
            "metric/precision": scores.precision,
            "metric/recall": scores.recall,
        }


def replay(case, reference_mode=False):
    """Computes a case; returns {name: value}."""
    kind = FinetuneReplay if case.spec["mode"] == "finetune" else MetaReplay
    return kind(case, reference_mode).run()
