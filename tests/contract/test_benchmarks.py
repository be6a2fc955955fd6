"""The benchmarks are run by hand: what they measure has to be there still."""

import runpy
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize("path", sorted(BENCHMARKS.glob("test_*.py")), ids=lambda path: path.stem)
def test_a_benchmark_finds_what_it_measures(path: Path) -> None:
    names = runpy.run_path(str(path))
    assert [name for name in names if name.startswith("test_")]
