"""Trains and measures the early-warning card, with development libraries: nothing of this runs in Lambda."""
