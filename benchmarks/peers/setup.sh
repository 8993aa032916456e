#!/bin/sh
# Makes the virtual environment with the libraries that Keen is measured against: PyTorch, NumPy and JAX.
# It lies outside the tree, in ${KEEN_PEERS:-$HOME/.cache/keen/peers}, and takes about 6 GB. Running it again is free.
set -eu
peers=${KEEN_PEERS:-$HOME/.cache/keen/peers}
if [ ! -x "$peers/bin/python" ]; then
  python3 -m venv "$peers" || {
    echo "setup.sh: python3 -m venv failed; on Debian: apt-get install python3-venv" >&2
    exit 1
  }
fi
missing=
for package in numpy jax torch; do
  "$peers/bin/python" -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('$package') is None)" ||
    missing="$missing $package"
done
[ -z "$missing" ] || "$peers/bin/pip" install --quiet $missing
"$peers/bin/python" - <<'END'
from importlib.metadata import version
print("peers:", ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "jax")))
END
