#!/usr/bin/env bash
# Runs the test suite, making the environment first.
#
#   [RUNTIME=modern|reference] [JOBS=2] [GOLDEN_DIR=DIR] [LEOPARD_DIR=DIR] scripts/test.sh [PYTEST ARGUMENTS]
#
# PYTEST ARGUMENTS name tests from the repository's root, for example: tests/fetch/test_transfer.py -k resume.
# JOBS=0 runs everything in one process.
set -euo pipefail
caller=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export RUNTIME=${RUNTIME:-modern}
for variable in GOLDEN_DIR LEOPARD_DIR; do  # given relative to the caller's folder
  case ${!variable:-} in
    "" | /*) ;;
    *) export "$variable=$caller/${!variable}" ;;
  esac
done
if [ -n "${VENV:-}" ]; then
  case $VENV in /*) ;; *) export VENV=$caller/$VENV ;; esac
fi
python=$(scripts/setup_env.sh --with=tools,test,beam,sklearn,tables --print-python) || exit $?
exec "$python" -m pytest -q -n "${JOBS:-2}" --dist worksteal "$@"
