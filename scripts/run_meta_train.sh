#!/usr/bin/env bash
# Meta-trains with a published preset: scripts/run_meta_train.sh hybrid|smlmt|leopard [--FLAG=VALUE ...]
#
#   DATA_DIR             folder of SMLMT files, meta_pretrain*_N.tf_record (scripts/make_smlmt.py makes them)
#   SUPERVISED_DATA_DIR  folder of supervised record files (hybrid and leopard; scripts/make_supervised.py makes them)
#   BERT_DIR             folder of BERT cased_L-12_H-768_A-12; default: fetched to data/downloads/bert
#   OUTPUT_DIR           default: output/meta_PRESET; the same command goes on where an earlier one stopped
#
# All meta_pretrain*.tf_record of DATA_DIR and all others of SUPERVISED_DATA_DIR are trained on, in the order of their
# bytes, but files of development rows, which end in _dev, _dev_matched, _dev_mismatched or _dev_N;
# --task_train_files=A,B and --task_eval_files=C pick them by name.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
fail() { echo "error: $*" >&2; exit 2; }

preset=${1:-}
case $preset in
  hybrid) flags=hybrid_smlmt needs="DATA_DIR SUPERVISED_DATA_DIR" ;;
  smlmt) flags=smlmt needs="DATA_DIR" ;;
  leopard) flags=leopard needs="SUPERVISED_DATA_DIR" ;;
  -h | --help) sed -n '2,/^set -e/{/^set -e/!{s/^# \{0,1\}//;p;};}' "${BASH_SOURCE[0]}"; exit 0 ;;
  *) fail "usage: scripts/run_meta_train.sh hybrid|smlmt|leopard [--FLAG=VALUE ...]" ;;
esac
shift

files=()
for name in $needs; do
  folder=${!name:-}
  [ -n "$folder" ] || fail "$name is not set: name the folder of its record files (--help tells more)."
  [ -d "$folder" ] || fail "$name: $folder is not a directory."
  # Where the main program looks for a file follows from its name.
  if [ "$name" = DATA_DIR ]; then others=""; else others="-v"; fi
  found=$(cd "$folder" && LC_ALL=C ls | grep '\.tf_record$' | grep -Ev '_dev(_(mis)?matched|_[0-9]+)?\.tf_record$' |
    grep $others '^meta_pretrain' || true)
  [ -n "$found" ] || fail "$name: $folder holds no record files to train on (--help tells which)."
  while read -r file; do files+=("$file"); done <<<"$found"
done

python=$("$here/scripts/setup_env.sh" --print-python) || exit $?
bert=${BERT_DIR:-}
[ -n "$bert" ] || bert=$(cd "$here" && "$python" -m fetch bert) || exit $?
exec "$python" "$here/run_classifier_multitask.py" --do_train --flagfile="$here/presets/${flags}_metatrain.flags" \
  --data_dir="${DATA_DIR:-}" --supervised_data_dir="${SUPERVISED_DATA_DIR:-}" \
  --task_train_files="$(IFS=,; echo "${files[*]}")" \
  --bert_config_file="$bert/bert_config.json" --vocab_file="$bert/vocab.txt" \
  --init_checkpoint="$bert/bert_model.ckpt" --output_dir="${OUTPUT_DIR:-output/meta_$preset}" "$@"
