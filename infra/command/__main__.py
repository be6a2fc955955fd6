"""`python -m infra.command`, which .venv/bin/accord calls."""

from infra.command.app import app

app(prog_name="accord")
