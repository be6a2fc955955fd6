"""Least, mean and most over the offers of one account: nobody knows yet which of them the customer takes."""

from collections.abc import Iterable
from typing import NamedTuple


class Spread(NamedTuple):
    """Three whole numbers; the mean is rounded down."""

    least: int
    mean: int
    most: int


def spread(values: Iterable[int]) -> Spread:
    """The spread of some numbers, one at least."""
    told = sorted(values)
    return Spread(told[0], sum(told) // len(told), told[-1])
