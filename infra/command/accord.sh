#!/bin/sh
# The `accord` command: `make setup` copies this to .venv/bin/accord. It works from any folder, and finds its checkout
# from where it lies. -P: what lies in the current folder is never imported.
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
export PYTHONPATH="$root/layers/domain:$root/layers/documents:$root"
exec "$root/.venv/bin/python" -P -m infra.command "$@"
