# Which Python an environment is made with, and for which runtime: functions of setup_env.sh, which sources this file.

modern="3.12 3.13 3.11 3.10 3.9"
case $(uname -sm) in "Darwin x86_64") modern="3.11 3.10 3.9" ;; esac  # TensorFlow 2.21 has no wheels there

version_of() {  # of an interpreter; empty where it does not run, as an inactive pyenv shim, or has 32 bits
  "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2] * (sys.maxsize > 2**32))' 2>/dev/null </dev/null || true
}
runtime_of() { case "$1: $modern " in 3.7:*) echo reference ;; ?*:*" $1 "*) echo modern ;; esac; }  # of a version
interpreters() {  # those of the versions $@, one a line: the machine's own, others on the path, pyenv's
  local path pyenv=${PYENV_ROOT:-${HOME:-}/.pyenv}/versions
  { type -ap python3 python "${@/#/python}" || true  # all: a dead shim can hide one that works
    for path in "${@/#/$pyenv/}"; do ls "$path".*/bin/python || true; done
  } 2>/dev/null | while IFS= read -r path; do [[ " $* " != *" $(version_of "$path") "* ]] || echo "$path"; done
}

# Interpreters to make the environment with, one a line.
candidates() { if [ -n "$program" ]; then echo "$program"; else interpreters $versions; fi; }

# From PYTHON, $runtime (RUNTIME, which may be empty) and $groups: $program (PYTHON where it is one, else empty),
# $versions (those that fit, the first choice first; in words $needed), $runtime, and $folder, the default place.
choose_python() {
  local version found
  case $runtime in "" | modern | reference) ;; *) fail "RUNTIME=$runtime is unknown: use modern or reference" ;; esac
  program="" versions=""
  if [[ ${PYTHON:-} =~ ^((python)?3\.[0-9]+ *)+$ ]]; then versions=${PYTHON//python/}
  elif [ -n "${PYTHON:-}" ]; then
    program=$(type -P "$PYTHON") || fail "PYTHON=$PYTHON is not a program: give the path of a python executable"
    program=$(absolute "$program") versions=$(version_of "$program")
  fi
  for version in ${versions:-${program:+none}}; do
    found=$(runtime_of "$version")
    [ -n "$found" ] ||
      fail "PYTHON=$PYTHON does not fit: ${modern// /, } (modern) or 3.7 (reference), 64 bit, is needed"
    [ "${runtime:-$found}" = "$found" ] ||
      fail "PYTHON=$PYTHON is for RUNTIME=$found, and RUNTIME=$runtime was asked for"
    runtime=$found
  done
  runtime=${runtime:-$(runtime_of "$(version_of "$(absolute "${VENV:-$repository/.venv}")/bin/python")")}
  if [ -z "$runtime" ] && [ -z "$(interpreters $modern)" ] && [ -n "$(interpreters 3.7)" ]; then
    runtime=reference
    say "none of Python ${modern// /, } is here: taking Python 3.7 and the reference runtime"
  fi
  case "${runtime:=modern}: $groups " in
    modern:*) folder=.venv versions=${versions:-$modern} ;;
    *" gpu "*) fail "the group gpu is for RUNTIME=modern: TensorFlow 1.15 takes CUDA 10.0 from the system" ;;
    *) folder=.venv-reference versions=3.7 ;;
  esac
  needed="Python ${versions// /, }"
}
