"""What a policy would do to a whole portfolio, before it does anything: see run.py."""
