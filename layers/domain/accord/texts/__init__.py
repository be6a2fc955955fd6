"""The texts for customers that lie beside this file as YAML: an editor may change them without a programmer."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def texts(name: str) -> Any:
    """The texts of a file, for example `agreement`, by name and language."""
    path = Path(__file__).parent / f"{name}.yaml"
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader, in C if there is one
