#!/bin/sh
# Make .venv from requirements.lock, or say nothing when it is that already (then nothing is asked of the network).
# The project itself is not installed but found through a .pth file: that needs no build, so it works offline.
set -eu
cd "$(dirname "$0")/.."

# Everything that the environment depends on: the lock, this script, the place (a virtual environment cannot be moved).
wanted=$({ cat requirements.lock deploy/venv.sh; pwd; } | sha256sum | cut -c1-64)
stamp=.venv/made-from
if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

if ! [ "$(uname -sm)" = "Linux x86_64" ]; then
    echo "Daiya's embedded Kafka and MongoDB run on Linux x86-64; this is $(uname -sm)" >&2
    exit 1
fi

# A version manager leaves names behind that answer with an error, so each is tried, not only looked up.
found=
for python in ${DAIYA_PYTHON:-} python3.11 python3.12 python3.13 python3; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        found=$python
        break
    fi
done
if [ -z "$found" ]; then
    echo "Python 3.11 or newer is needed, and there is none on the path ($(python3 --version 2>&1 || true))." >&2
    echo "Install one, or name it: DAIYA_PYTHON=/path/to/python3.11 make …" >&2
    exit 1
fi
if ! "$found" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$found has no venv module with pip: install it (Debian and Ubuntu: apt install python3-venv)." >&2
    exit 1
fi

# An environment that works is brought up to date in its place; one that was cut short in the making is made anew.
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    echo "making .venv with $("$found" --version)"
    "$found" -m venv --clear .venv
fi
rm -f "$stamp"
echo "installing requirements.lock into .venv (about 250 MB to fetch, once)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock

site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
pwd >"$site/daiya.pth"
printf '#!/bin/sh\nexec "%s/.venv/bin/python" -m services.cli "$@"\n' "$(pwd)" >.venv/bin/daiya
chmod +x .venv/bin/daiya
echo "$wanted" >"$stamp"
