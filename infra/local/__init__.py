"""Runs the template on this machine: see stack.py."""
