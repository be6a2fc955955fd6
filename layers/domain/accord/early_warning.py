"""The early warning: from six statement months of a card to points, the chance of a missed payment, and the reasons.

The card of points is data (scorecards/early_warning.json) and is trained by infra/training, which calls the functions
of this file to measure behaviour, so that training and scoring cannot differ. All measures, bins and points are whole
numbers; the one float is the probability, made by one formula from the sum of points.
"""

from bisect import bisect_left
from collections.abc import Mapping
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from accord.behaviour import MEASURES, Behaviour, Unit, Unknown, behaviour_of
from accord.case import Account
from accord.errors import CardBrokenError
from accord.money import PPM, format_money
from accord.texts import texts

SHIPPED = Path(__file__).parent / "scorecards" / "early_warning.json"
MOST_REASONS = 4


class Reason(NamedTuple):
    """Why a score is not the best possible one: the points that one measure costs against its best bin."""

    code: str  # the measure's name
    value: int  # what was measured, in the measure's own unit
    points: int  # lost, above zero


class EarlyWarning(NamedTuple):
    """What the card says of one account. More points are better."""

    points: int
    pd: float  # the chance, 0 to 1, that next month's payment is missed
    reasons: tuple[Reason, ...]  # the largest losses first, at most MOST_REASONS

    @property
    def pd_ppm(self) -> int:
        """The same chance in whole parts per million, as rules compare it."""
        return round(self.pd * PPM)


class Bins(BaseModel):
    """One measure's table: bin i holds the values up to and including upto[i], the last bin what is above them all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    upto: tuple[Annotated[int, Field(strict=True)], ...]
    points: tuple[Annotated[int, Field(strict=True)], ...]

    @cached_property
    def most(self) -> int:
        """The points of the best bin."""
        return max(self.points)

    @model_validator(mode="after")
    def fits_together(self) -> "Bins":
        if len(self.points) != len(self.upto) + 1:
            raise ValueError("there must be one number of points more than bounds")
        if any(low >= high for low, high in pairwise(self.upto)):
            raise ValueError("the bounds must rise")
        return self


class Scorecard(BaseModel):
    """The card as it is shipped."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    target: str  # in words: what the probability is of
    minor_units: dict[str, Annotated[int, Field(strict=True, ge=1)]]  # a currency's minor units in one unit of the card
    base: Annotated[int, Field(strict=True)]
    even_odds: float  # points at which missing and paying are equally likely
    double_odds: Annotated[int, Field(strict=True, ge=1)]  # so many points more halve the odds of missing
    measures: dict[str, Bins]
    trained: dict[str, Any]  # the training record: data, split, figures, libraries, date

    @model_validator(mode="after")
    def measures_exist(self) -> "Scorecard":
        unknown = sorted(set(self.measures) - set(MEASURES))
        if unknown:
            raise ValueError(f"there is no such measure: {', '.join(unknown)}")
        return self

    @cached_property
    def best(self) -> int:
        """The most points that any behaviour can get."""
        return self.base + sum(bins.most for bins in self.measures.values())

    def pd(self, points: int) -> float:
        """The chance of a missed payment, 0 to 1, at so many points."""
        return float(1 / (1 + 2.0 ** ((points - self.even_odds) / self.double_odds)))

    def score(self, behaviour: Behaviour) -> EarlyWarning:
        """Points, probability and reasons of one behaviour."""
        losses = self.losses(behaviour)
        points = self.best - sum(loss.points for loss in losses)
        return EarlyWarning(points, self.pd(points), tuple(losses[:MOST_REASONS]))

    def losses(self, behaviour: Behaviour) -> list[Reason]:
        """Everything that keeps a behaviour from the best score, the largest first; equal ones in the card's order."""
        losses = []
        for name, bins in self.measures.items():
            value = MEASURES[name].of(behaviour)
            lost = bins.most - bins.points[bisect_left(bins.upto, value)]
            if lost:
                losses.append(Reason(name, value, lost))
        return sorted(losses, key=lambda loss: -loss.points)


def read_card(path: Path) -> Scorecard:
    """The card in a file. Raises CardBrokenError that names the file and everything that is wrong with it."""
    try:
        return Scorecard.model_validate_json(path.read_bytes())
    except OSError as error:
        problems = [str(error.strerror)]
    except ValidationError as error:
        problems = [": ".join(filter(None, (".".join(map(str, one["loc"])), one["msg"]))) for one in error.errors()]
    raise CardBrokenError(f"{path}: {'; '.join(problems)}")


@cache
def load_card() -> Scorecard:
    """The shipped card. Raises CardBrokenError."""
    return read_card(SHIPPED)


def early_warning(account: Account, card: Scorecard) -> EarlyWarning | Unknown:
    """What the card says of an account, or why nothing can be said: unknown stays unknown."""
    seen = behaviour_of(account, card.minor_units)
    return seen if isinstance(seen, Unknown) else card.score(seen)


def exact(reason: Reason, account: Account) -> Reason:
    """The reason with what was measured to the minor unit: the card itself counts in whole units of its own money."""
    seen = behaviour_of(account, {account.currency: 1})
    return reason if isinstance(seen, Unknown) else reason._replace(value=MEASURES[reason.code].of(seen))


def sentence(reason: Reason, minor_units: Mapping[str, int], currency: str, language: str) -> str:
    """The reason in words that may be said to a customer, amounts in the account's currency.

    `minor_units` tells how many of a currency's are one unit of the reason's amounts. Raises KeyError for a currency or
    a language that is not known.
    """
    unit, value = MEASURES[reason.code].unit, reason.value
    words: dict[str, str] = texts("early_warning")[reason.code]
    if unit is Unit.SHARE:
        said = f"{value / 10:.1f}%"
    elif unit is Unit.AMOUNT:
        said = format_money(value * minor_units[currency], currency, language)
    else:
        said = str(value)
    return words[language].format(value=said)
