#!/usr/bin/env bash
# Makes (or brings up to date) the virtual environment that the programs and tests run in.
#
#   [RUNTIME=modern|reference] [VENV=DIR] [PYTHON=PROGRAM] scripts/setup_env.sh [--with=GROUP,...] [--print-python]
#
#   RUNTIME   modern: TensorFlow 2.21 on Python 3.12 and 3.13, 2.15 on 3.9-3.11 (default); reference: 1.15 on Python 3.7
#   VENV      where the environment is (default: .venv or .venv-reference in the repository)
#   PYTHON    a program to make it with, or versions as "3.12 3.13" (default: python3, else the path, pyenv and uv)
#   --with    groups beside the core, which stay in it: tools (always in), test (test suite and lint), gpu (CUDA
#             libraries, modern only), beam (make_smlmt.py --runner), sklearn (Python API, make_smlmt.py --clusters),
#             tables (make_tables.py), bench (plot of benchmark.py), datasets (make_supervised.py --dataset),
#             onnx (export_onnx.py, predictions without TensorFlow), serve (the HTTP server of docs/ONNX.md)
#   --print-python  says nothing when there is nothing to do
#
# The last line on standard output is the path of the environment's python; all else goes to standard error.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
exec </dev/null      # what the caller reads is not for it; and no Python starts where that is a folder
unset PYTHONHOME PYTHONPATH  # neither belongs into another interpreter's environment
export PIP_DISABLE_PIP_VERSION_CHECK=1

say() { echo "setup_env: $*" >&2; }
fail() { say "$*"; exit 2; }
absolute() { case $1 in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }

# --- arguments -------------------------------------------------------------------------------------------------------
groups="tools" quiet=no runtime=${RUNTIME:-} known="core tools test gpu beam tables bench datasets sklearn onnx serve"
while [ $# -gt 0 ]; do
  case $1 in
    --with=*) groups="$groups ${1#--with=}" ;;
    --with) [ $# -gt 1 ] || fail "--with needs a list of groups: --with=tools,test,gpu"; groups="$groups $2"; shift ;;
    --print-python) quiet=yes ;;
    -h | --help) sed -n '2,/^set -e/{/^set -e/!s/^# \{0,1\}//p;}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) fail "unknown argument $1: --with=tools,test,gpu, --print-python and --help are known" ;;
  esac
  shift
done
groups=${groups//,/ }
for group in $groups; do
  case " $known " in *" $group "*) ;; *) fail "unknown group $group in --with: $known are known" ;; esac
done

# --- which Python and runtime, where ---------------------------------------------------------------------------------
. "$repository/scripts/interpreters.sh"
choose_python
venv=$(absolute "${VENV:-$repository/$folder}")
python=$venv/bin/python log=$venv/setup.log
stamp=$venv/.installed  # what is in the environment; written last, so an interrupted installation is repeated
ours=$venv/.setup_env   # marks a folder that this script made and may therefore make again
cd "$repository"

# Whether an environment of one of the versions is there, with pip.
fits() { [[ " $versions " = *" $(version_of "$python") "* ]] && "$python" -m pip --version >/dev/null 2>&1; }

end_if_up_to_date() {  # sets $groups, with those of earlier calls, $files and $wanted: what the stamp says when it is
  groups=$(echo "$groups $(head -n 1 "$stamp" 2>/dev/null)" | tr ' ' '\n' | sort -u | grep -v -e '^core$' -e '^$')
  groups=${groups//$'\n'/ }
  files=(requirements.txt $(printf 'requirements-%s.txt ' $groups))
  wanted="$groups"$'\n'"$runtime $(cat "${files[@]}" | cksum)"
  if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && fits; then
    [ $quiet = yes ] || say "$venv is up to date ($runtime: core $groups)"
    echo "$python"; exit
  fi
}
end_if_up_to_date

# --- one setup at a time, and nothing that is not ours ---------------------------------------------------------------
mkdir -p "$venv" 2>/dev/null && [ -w "$venv" ] || fail "nothing can be written in $venv: choose another with VENV=DIR"
exec 9<"$venv"
flock -n 9 2>/dev/null || case $? in
  1) say "waiting for another setup of $venv"; flock 9; end_if_up_to_date ;;
  *) say "there are no locks here: set $venv up once at a time" ;;  # no flock, or a file system without
esac
if [ -z "$(ls -A "$venv")" ]; then touch "$ours"; fi
[ -e "$ours" ] || fits ||
  fail "$venv is neither made by this script nor an environment of $needed with pip: choose another with VENV=DIR"
[ -z "$(find "$venv/" ! -user "$(id -u)" -print -quit 2>/dev/null)" ] ||
  fail "$venv holds files of another user: choose another with VENV=DIR"

# --- make and fill it ------------------------------------------------------------------------------------------------
uv="" scratch=$(mktemp -d) begin=$SECONDS
trap 'rm -rf "$scratch"' EXIT
if [ "$runtime" = modern ] && ! uv=$(type -P uv); then  # one for the moment; it knows nothing of Python 3.7
  for path in "$python" $(type -ap python3 python); do
    "$path" -m pip install -q --retries 1 --target "$scratch" uv && uv=$scratch/bin/uv && break
  done >/dev/null 2>&1 </dev/null || true
fi

# With pip from 21.3 on: older ones neither know all kinds of wheels nor resolve all requirements together. Bytecode, which
# pip makes anyway, saves each process three seconds of a start that PYTHONDONTWRITEBYTECODE would repeat for ever.
install() {
  { [ -n "$uv" ] && "$uv" pip install --compile-bytecode --python "$python" "$@"; } ||
    { "$python" -m pip install -q "pip>=21.3" && "$python" -m pip install -q "$@"; }
}

explain() { { grep -iE "^[a-z]*error" "$log" || cat "$log"; } | tail -n 5 >&2; fail "$*: the whole output is in $log"; }

while ! fits && IFS= read -r path; do
  say "making $venv with Python $path"
  find "$venv" -mindepth 1 ! -path "$ours" ! -path "$log" -delete  # what an interrupted run or another Python left
  { { [ -n "$uv" ] && "$uv" venv --allow-existing --seed --python "$path" "$venv"; } ||
    "$path" -m venv "$venv" || "$path" -m virtualenv "$venv"; } >>"$log" 2>&1 </dev/null || true
done < <(candidates; [ -z "$uv" ] || [ -n "$program" ] || echo "${versions%% *}")
why="see $log"
[ -n "$(candidates)" ] || { own=$(version_of python3); why="none is here${own:+, python3 is $own}"; }
fits || fail "no environment of $needed could be made ($why): install one with its venv module (Debian, Ubuntu:" \
  "python3-venv; else pyenv, conda or uv), or name one with PYTHON="
say "installing the $runtime runtime (core $groups): takes about a minute"
rm -f "$stamp"
install "${files[@]/#/-r}" >"$log" 2>&1 </dev/null || explain "the packages could not be installed"
"$python" -c "from runtime import compat" >>"$log" 2>&1 || explain "TensorFlow in $venv cannot be imported"
printf '%s\n' "$wanted" >"$stamp.new" && mv "$stamp.new" "$stamp"
say "done in $((SECONDS - begin)) s"
echo "$python"
