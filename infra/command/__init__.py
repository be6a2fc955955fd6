"""The `accord` command: a file a command, registered in app.py."""
