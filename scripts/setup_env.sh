#!/usr/bin/env bash
# Makes (or brings up to date) the virtual environment that the programs and tests run in.
#
#   scripts/setup_env.sh [--with=GROUP,...] [--print-python] [--help]
#
#   --with=tools,test,gpu   groups beside the core: tools (always in), test (test suite and lint), gpu (CUDA libraries,
#                           modern only), beam (for scripts/make_smlmt.py --runner), sklearn (for its --clusters and
#                           for the Python API), tables (for scripts/make_tables.py), bench (plot of
#                           scripts/benchmarks/benchmark.py), datasets (for scripts/make_supervised.py --dataset).
#                           Groups once asked for stay part of the environment.
#   --print-python          prints nothing when there is nothing to do but the path of the environment's python
#
#   RUNTIME=modern|reference   modern: Python 3.9-3.11 with TensorFlow 2.15 (default); reference: Python 3.7 with 1.15
#   VENV=DIR                   where the environment is (default: .venv or .venv-reference in the repository)
#   PYTHON=PROGRAM             the interpreter to make it with (default: searched on the path, in pyenv, with uv)
#
# The last line on standard output is the path of the environment's python; all else goes to standard error.
set -euo pipefail

caller=$PWD
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
unset PYTHONHOME PYTHONPATH  # neither belongs into another interpreter's environment

say() { echo "setup_env: $*" >&2; }
fail() { say "$*"; exit 2; }

absolute() {  # a path the caller gave, made independent of the working directory
  case $1 in /*) echo "$1" ;; *) echo "$caller/$1" ;; esac
}

usage() { sed -n '2,/^set -e/{/^set -e/!{s/^# \{0,1\}//;p;};}' "${BASH_SOURCE[0]}"; }

# --- arguments -------------------------------------------------------------------------------------------------------
groups="tools" quiet=no
while [ $# -gt 0 ]; do
  case $1 in
    --with=*) groups="$groups $(echo "${1#--with=}" | tr ',' ' ')" ;;
    --with) [ $# -gt 1 ] || fail "--with needs a list of groups: --with=tools,test,gpu"
      groups="$groups $(echo "$2" | tr ',' ' ')"; shift ;;
    --print-python) quiet=yes ;;
    -h | --help) usage; exit 0 ;;
    *) fail "unknown argument $1: --with=tools,test,gpu, --print-python and --help are known" ;;
  esac
  shift
done
for group in $groups; do
  case $group in
    core | tools | test | gpu | beam | tables | bench | datasets | sklearn) ;;
    *) fail "unknown group $group in --with: core, tools, test, gpu, beam, tables, bench, datasets and sklearn are known" ;;
  esac
done

runtime=${RUNTIME:-}
case $runtime in
  "" | modern | reference) ;;
  *) fail "RUNTIME=$runtime is unknown: use RUNTIME=modern or RUNTIME=reference" ;;
esac

# --- interpreters ----------------------------------------------------------------------------------------------------
runtime_of() {  # RUNTIME that an interpreter fits, empty when none (or when it does not run, as an inactive pyenv shim)
  "$1" -c 'import sys
version = sys.version_info[:2]
known = {(3, 7): "reference", (3, 9): "modern", (3, 10): "modern", (3, 11): "modern"}
print(known.get(version, "") if sys.maxsize > 2 ** 32 else "")' 2>/dev/null </dev/null || true
}

can_make_venv() {  # Debian splits the venv and ensurepip modules off into a package of their own
  "$1" -c 'import ensurepip, venv' >/dev/null 2>&1 </dev/null || "$1" -c 'import virtualenv' >/dev/null 2>&1 </dev/null
}

interpreters() {  # candidates for runtime $1, best first, one a line
  local versions name path root
  if [ "$1" = reference ]; then versions="3.7"; else versions="3.10 3.11 3.9"; fi
  for name in $versions; do
    type -ap "python$name" || true  # all of them: a dead shim can hide a working interpreter
  done
  type -ap python3 python || true
  for root in "${PYENV_ROOT:-}" "${HOME:-}/.pyenv"; do
    for name in $versions; do
      for path in "$root/versions/$name".*/bin/python; do
        if [ -x "$path" ]; then echo "$path"; fi
      done
    done
  done
}

without_venv=""
find_interpreter() {  # sets $interpreter for runtime $1; 1 when there is none
  local path
  interpreter=""
  while IFS= read -r path; do
    if [ "$(runtime_of "$path")" = "$1" ]; then
      if can_make_venv "$path"; then interpreter=$path; return 0; fi
      without_venv=${without_venv:-$path}
    fi
  done <<<"$(interpreters "$1")"
  return 1
}

scratch=""
trap 'if [ -n "$scratch" ]; then rm -rf "$scratch"; fi' EXIT

find_uv() {  # sets $uv: the one on the path, else one installed for the moment by any Python 3.8 or newer
  local path
  uv=$(type -P uv || true)
  if [ -n "$uv" ]; then return 0; fi
  scratch=$(mktemp -d)
  while IFS= read -r path; do
    if "$path" -c 'import sys; sys.exit(sys.version_info < (3, 8))' >/dev/null 2>&1 </dev/null &&
      "$path" -m pip --disable-pip-version-check install -qq --target "$scratch/uv" uv >/dev/null 2>&1 </dev/null &&
      [ -x "$scratch/uv/bin/uv" ]; then
      uv=$scratch/uv/bin/uv
      return 0
    fi
  done <<<"$(type -ap python3 python python3.14 python3.13 python3.12 python3.8 || true; interpreters modern)"
  return 1
}

# --- which runtime, where --------------------------------------------------------------------------------------------
folder_of() { if [ "$1" = reference ]; then echo "$repository/.venv-reference"; else echo "$repository/.venv"; fi; }

runs() { [ -x "$1/bin/python" ] && "$1/bin/python" -c "" >/dev/null 2>&1 </dev/null; }

interpreter=""
if [ -n "${PYTHON:-}" ]; then
  interpreter=$(type -P "$PYTHON" || true)
  [ -n "$interpreter" ] || fail "PYTHON=$PYTHON is not a program: give the path of a python executable"
  interpreter=$(absolute "$interpreter")
  found=$(runtime_of "$interpreter")
  [ -n "$found" ] || fail "PYTHON=$PYTHON does not fit: Python 3.9-3.11 (modern) or 3.7 (reference), 64 bit, is needed"
  [ "${runtime:-$found}" = "$found" ] || fail "PYTHON=$PYTHON is for RUNTIME=$found, and RUNTIME=$runtime was asked for"
  runtime=$found
fi
if [ -n "${VENV:-}" ]; then
  venv=$(absolute "$VENV")
  if [ -z "$runtime" ] && runs "$venv"; then runtime=$(runtime_of "$venv/bin/python"); fi
fi
if [ -z "$runtime" ]; then
  runtime=modern
  if [ -n "${VENV:-}" ] || ! runs "$(folder_of modern)"; then
    if ! find_interpreter modern && find_interpreter reference; then
      runtime=reference
      say "there is no Python 3.9-3.11 here: taking Python 3.7 and the reference runtime"
    fi
  fi
fi
case "$runtime $groups " in
  reference*" gpu "*) fail "the group gpu is for RUNTIME=modern: TensorFlow 1.15 takes CUDA 10.0 from the system" ;;
esac
venv=${venv:-$(folder_of "$runtime")}
python=$venv/bin/python
stamp=$venv/.installed    # what is in the environment; written last, so an interrupted installation is repeated
ours=$venv/.setup_env     # marks a folder that this script made and may therefore make again

# --- one at a time ---------------------------------------------------------------------------------------------------
mkdir -p "$venv" 2>/dev/null || fail "the folder $venv cannot be made: choose another with VENV=DIR"
if type -P flock >/dev/null; then
  exec 9<"$venv"
  if ! flock -n 9; then
    say "waiting for another setup of $venv"
    flock 9
  fi
fi

# --- make the environment --------------------------------------------------------------------------------------------
if [ -z "$(ls -A "$venv")" ]; then
  touch "$ours" 2>/dev/null || fail "nothing can be written in $venv: choose another folder with VENV=DIR"
fi
if [ ! -e "$ours" ]; then
  [ -f "$venv/pyvenv.cfg" ] || fail "$venv is not a virtual environment: delete it, or choose another with VENV=DIR"
  runs "$venv" || fail "the python of $venv does not run: delete the folder, or choose another with VENV=DIR"
fi

fits() { runs "$venv" && [ "$(runtime_of "$python")" = "$runtime" ] && "$python" -m pip --version >/dev/null 2>&1; }

make_venv() {
  if "$interpreter" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    "$interpreter" -m venv "$venv"
  else
    "$interpreter" -m virtualenv -q "$venv"
  fi
}

if ! fits; then
  if runs "$venv" && [ ! -e "$ours" ]; then
    fail "$venv is an environment of Python $("$python" -c 'import platform; print(platform.python_version())')" \
      "or lacks pip, and RUNTIME=$runtime was asked for: choose another with VENV=DIR"
  fi
  begin=$SECONDS
  if [ -n "$interpreter" ] || find_interpreter "$runtime"; then
    say "making $venv with $interpreter"
    find "$venv" -mindepth 1 ! -path "$ours" -delete  # what an interrupted run or another Python left
    make_venv >&2 || fail "$interpreter could not make $venv: see above, or give another one with PYTHON="
  elif [ "$runtime" = modern ] && find_uv; then
    say "making $venv with a Python 3.10 from uv"
    "$uv" --quiet venv --allow-existing --seed --python "${without_venv:-3.10}" "$venv" >&2 ||
      fail "uv could not provide Python 3.10: install Python 3.9, 3.10 or 3.11, or name one with PYTHON="
  elif [ -n "$without_venv" ]; then
    fail "$without_venv has no venv module: install it (Debian, Ubuntu: apt-get install python3-venv) or virtualenv"
  elif [ "$runtime" = modern ]; then
    fail "no Python 3.9, 3.10 or 3.11 was found: install one (for example with pyenv or uv), or name it with PYTHON="
  else
    fail "no Python 3.7 was found: install it (pyenv install 3.7, or conda create -n py37 python=3.7)," \
      "or name it with PYTHON="
  fi
  fits || fail "the new environment in $venv does not run: delete it and try again, or name a Python with PYTHON="
  say "made in $((SECONDS - begin)) s"
fi

# --- install ---------------------------------------------------------------------------------------------------------
if [ -f "$stamp" ]; then groups="$groups $(head -n 1 "$stamp")"; fi
groups=$(echo "$groups" | tr ' ' '\n' | grep -v -e '^core$' -e '^$' | sort -u | tr '\n' ' ')
groups=${groups% }
files=("$repository/requirements.txt")
arguments=(-r "$repository/requirements.txt")
for group in $groups; do
  if [ "$group" = gpu ]; then
    arguments+=("tensorflow[and-cuda]")
  else
    files+=("$repository/requirements-$group.txt")
    arguments+=(-r "$repository/requirements-$group.txt")
  fi
done
wanted="$groups
$runtime $(cat "${files[@]}" | cksum)"

if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$wanted" ]; then
  rm -f "$stamp"
  begin=$SECONDS
  log=$venv/setup.log
  # Old versions neither know the wheel formats nor resolve all requirements together; 24.1 and later left Python 3.7.
  if ! "$python" -c 'import pip, sys; sys.exit(int(pip.__version__.split(".")[0]) < 21)'; then
    "$python" -m pip install -qq "pip>=21.3,<24.1" >"$log" 2>&1 || fail "pip could not be upgraded: see $log"
  fi
  say "installing the $runtime runtime (core $groups): takes about a minute"
  export PIP_DISABLE_PIP_VERSION_CHECK=1
  uv=$(type -P uv || true)
  installed=no
  if [ "$runtime" = modern ] && [ -n "$uv" ]; then
    if "$uv" --quiet pip install --python "$python" "${arguments[@]}" >"$log" 2>&1; then
      installed=yes
    else
      say "uv could not install everything: trying pip"
    fi
  fi
  if [ $installed = no ] && ! "$python" -m pip install -q "${arguments[@]}" >"$log" 2>&1; then
    { grep -i "error" "$log" || tail -n 5 "$log"; } | tail -n 5 >&2
    fail "the packages could not be installed: the whole output is in $log"
  fi
  if ! (cd "$repository" && "$python" -c "from runtime import compat") >>"$log" 2>&1; then
    tail -n 1 "$log" >&2
    fail "TensorFlow is installed in $venv and cannot be imported: the whole output is in $log"
  fi
  printf '%s\n' "$wanted" >"$stamp.new"
  mv "$stamp.new" "$stamp"
  say "installed in $((SECONDS - begin)) s"
elif [ $quiet = no ]; then
  say "$venv is up to date ($runtime: core $groups)"
fi
echo "$python"
