#!/usr/bin/env bash
# Fine-tunes one k-shot task; without arguments, the quick start. `run_finetune.sh --help` tells the rest.
set -euo pipefail
# Python would not start:
[ ! -d /dev/stdin ] || { echo "error: standard input is a folder: name a file in it." >&2; exit 2; }
[ ! -t 2 ] || printf 'starting ...\r' >&2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=$("$here/scripts/setup_env.sh" --print-python) || exit $?
exec "$python" "$here/scripts/finetune.py" "$@"
