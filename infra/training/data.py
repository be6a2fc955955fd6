"""The accounts that the card is trained on: the data set's rows as behaviour, with what happened in the next month."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accord.behaviour import MEASURES, Behaviour
from infra.data import uci
from infra.data.uci_file import COLUMNS, LABEL, BadFileError, read_rows

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Accounts:
    """Row by row: behaviour, whether the next payment was missed, and, to measure fairness alone, sex and age."""

    sha256: str  # of the CSV, unpacked
    behaviours: tuple[Behaviour, ...]
    missed: NDArray[np.int64]
    sex: NDArray[np.int64]  # 1 male, 2 female
    age: NDArray[np.int64]  # years

    @property
    def not_yet_late(self) -> NDArray[np.bool_]:
        return np.array([seen.late[0] == 0 for seen in self.behaviours])


def read_accounts(source: Path) -> Accounts:
    """The labelled accounts of the data set, gzip'ed or plain. Raises BadFileError if it is another file, OSError."""
    rows = list(read_rows(source, (*COLUMNS, "SEX", "AGE", LABEL)))
    if not rows:
        raise BadFileError(f"{source}: it has no rows")
    packed = source.read_bytes()
    data = gzip.decompress(packed) if source.suffix == ".gz" else packed
    return Accounts(
        sha256=hashlib.sha256(data).hexdigest(),
        behaviours=tuple(uci.behaviour(row) for row in rows),
        missed=np.array([row[LABEL] for row in rows]),
        sex=np.array([row["SEX"] for row in rows]),
        age=np.array([row["AGE"] for row in rows]),
    )


def measured(behaviours: tuple[Behaviour, ...]) -> Numbers:
    """A column a measure: made by the very functions that score in production."""
    return np.array([[measure.of(seen) for measure in MEASURES.values()] for seen in behaviours], dtype=np.float64)


def everything(behaviours: tuple[Behaviour, ...]) -> Numbers:
    """The measures and every raw figure beside them, for the model that the card is compared with."""
    raw = [[seen.limit, *seen.billed, *seen.paid, *seen.late] for seen in behaviours]
    return np.hstack([measured(behaviours), np.array(raw, dtype=np.float64)])
