#!/usr/bin/env python3
"""Fine-tunes a text classifier: finds or fetches what it needs, then does what the main program does.

  run_finetune.sh                                        the quick start: the sample task on the embedded encoder
  run_finetune.sh --train FILE [--eval FILE] [--predict FILE]      a task of your own
  run_finetune.sh --model DIR [--eval FILE] [--predict FILE]       a model that was trained so, on other rows
  run_finetune.sh TASK SPLIT K [N]                       one of the 17 tasks; split 0-9, k 4, 8 or 16 examples a class
                                                         (32 with files of your own: scripts/make_splits.py)

A task of your own:
  --train FILE    labelled texts: .csv or .tsv with a header line text[,text2],label, .json, .jsonl, each also .gz;
                  2 classes or more, a few rows of each are enough, and classes may have different numbers of rows
  --eval FILE     more of them, not trained on; leaves accuracy and predictions. Without it the model is only kept. Of a
                  --model DIR: evaluation_FILE.json and .tsv, beside the results of its training
  --predict FILE  texts to classify: .txt (one a line, a tab before the second text of a pair) or a table as above
  --output FILE   where the predictions go, *.tsv or *.jsonl; - is standard output. Without it they go to a file in the
                  folder of the results, and to standard output too where that is a pipe or a file
  --suggest FILE  texts, the 20 of which that are most worth a label go to a table to fill in (--suggest_n=N: so many)
  --model DIR     a trained model (OUTPUT_DIR, or the folder model/ in it)
  FILE may be -, standard input: labelled rows as CSV, TSV or JSON, texts to classify one a line.
  Epochs and batch size follow from the number of rows a class. The small encoder is used unless MODEL, MODEL_DIR,
  ENCODER_DIR, BERT_DIR or ENCODER=bert name another. Results: output/NAME_OF_TRAIN_FILE, for --model DIR the folder
  of its run.
  The same --train FILE again replaces them; another file of that name needs OUTPUT_DIR, or --overwrite.

      run_finetune.sh --train reviews.csv --eval reviews_test.csv --predict new.txt
      printf 'Never again.\\n' | run_finetune.sh --model output/reviews --predict -

Environment:
  MODEL        hybrid-smlmt (default), smlmt, leopard, proto, bert, mtbert or mtbert_softmax; with ENCODER=minilm
               minilm-smlmt (default), minilm-heads (the same without meta-training), minilm (encoder fine-tuned) or
               bert-minilm (a softmax layer)
  ENCODER      bert (default for the 17 tasks) or minilm: the small encoder from the package index, reads text
  BERT_DIR     folder of BERT cased_L-12_H-768_A-12 (bert_config.json, vocab.txt)
  ENCODER_DIR  folder of an encoder of your own, as scripts/convert_checkpoint.py makes it of a Hugging Face or
               sentence-transformers folder; MODEL is then minilm-heads (default), minilm, bert-minilm or bert
  MODEL_DIR    folder of a meta-trained model: one that run_classifier_multitask.py --do_train left (or its output
               folder) says itself what it is; others belong to MODEL and ENCODER
  LEOPARD_DIR  folder of the LEOPARD data (data/json, data/tf_record)
  OUTPUT_DIR   where the results go; default for the 17 tasks output/MODEL/TASK_SPLIT_K
Further flags, as --FLAG=VALUE, go to run_classifier_multitask.py and win over what is picked here; files of your own
are named as above alone.
"""
import contextlib
import functools
import os
import shutil
import signal
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if not __package__:  # else it is the installed package's, which is on the path
    sys.path.insert(0, ROOT)

from runtime.waiting import waiting

with waiting("starting"):
    from command_line import finetune, own_task, program_flags
    from command_line import program as programs
    from data.text_lines import SPOOL
    from runs import onnx_command
    from runtime.errors import check_names, exit_code
    from runtime.installation import renamed


def start(arguments):
    """Does what a command line asks for."""
    if "--help" in arguments or "-h" in arguments:
        print(renamed(__doc__.strip()))
        return
    check_names(arguments + [os.environ.get("OUTPUT_DIR", "")])
    is_own = own_task.is_asked_for(arguments)
    if is_own and onnx_command.is_enough(*own_task.parse(arguments)):
        onnx_command.run(own_task.parse(arguments)[0], os.environ.get("OUTPUT_DIR"))
        return
    with contextlib.ExitStack() as stack:
        with waiting("starting"):
            if is_own:
                command = own_command(arguments, stack)
            else:
                command = finetune.command(arguments, os.environ)
            import run_classifier_multitask as program  # here, for it brings TensorFlow, which mistakes do without

        program.prepare_output()
        programs.start(
            lambda argv: program.run_main(argv, command.values, command.rows), [program_flags.PROGRAM] + command.rest
        )


def own_command(arguments, stack):
    """The finetune.Command for files of the user's own; a file of standard input lives as long as an ExitStack."""
    options, flags = own_task.parse(arguments)
    own_task.invite(options)
    for part in ("train", "eval"):
        if getattr(options, part) == own_task.STDIN:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=SPOOL))
            signal.signal(signal.SIGTERM, functools.partial(end_without, folder))
            setattr(options, part, own_task.spool(sys.stdin.buffer, folder))
    return finetune.own_command(options, flags, os.environ)


def end_without(folder, *_):
    """Ends the process as SIGTERM does by itself, but removes a folder before; a handler of signals.

    Not by an exception: one that is raised while TensorFlow's C++ calls Python gets lost there.
    """
    shutil.rmtree(folder, ignore_errors=True)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


def main():
    return exit_code(lambda: start(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
