# Sourced by the scripts beside it. Leaves the shell at the repository's root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
python=${PYTHON:-python3}
venv=${FLUXMLX_DEV_VENV:-$root/.venv-dev}

if command -v ccache >/dev/null && [[ -z ${CMAKE_CXX_COMPILER_LAUNCHER:-} ]]; then
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
fi

say() { printf '\n== %s\n' "$*"; }

die() {
  printf 'ci: %s\n' "$*" >&2
  exit 1
}

# tools GROUP...: the named groups of pyproject.toml in one virtual environment, first on PATH.
# GROUP is "build" (what the core needs to build), "run" (what the package imports) or the name of an extra.
tools() {
  local wanted stamp=$venv/.installed
  [[ -x $venv/bin/python ]] || "$python" -m venv "$venv"
  wanted=$("$venv/bin/python" ci/requirements.py "$@")
  if ! [[ -f $stamp ]] || [[ -n $(comm -23 <(sort <<<"$wanted") <(sort -u "$stamp")) ]]; then
    printf '%s\n' "$wanted" >"$venv/requirements.txt"
    # Debian 12's pip takes over ten minutes to resolve the extra "clients", pip 26 half a minute.
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade pip
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$venv/requirements.txt"
    printf '%s\n' "$wanted" >>"$stamp"
  fi
  export PATH=$venv/bin:$PATH PYTHON=$venv/bin/python
  python=$PYTHON
}
