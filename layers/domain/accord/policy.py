"""Policy packs: what law, supervisors and the bank allow, as data with source, confidence and dates.

A key that is not known here is a mistake in the pack; a known key that a pack lacks, or that is not in force on the
day, is denied when it is asked for. Amounts are minor units of the pack's currency, shares are whole per cent.
"""

from collections.abc import Mapping
from datetime import date, time
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from accord.case import ClosedReason, Product
from accord.errors import RuleMissingError
from accord.money import minor_digits

_PACKS = Path(__file__).parent / "policies"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError):
        raise ValueError("not a time zone of the IANA database, for example Asia/Shanghai") from None
    return name


def _known_currency(code: str) -> str:
    minor_digits(code)
    return code


Amount = Annotated[int, Field(strict=True, ge=0, le=10**13)]
Count = Annotated[int, Field(strict=True, ge=0, le=100_000)]
Percent = Annotated[int, Field(strict=True, ge=0, le=100)]
Ppm = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Months = Annotated[int, Field(strict=True, ge=1, le=600)]
Bucket = Literal["M0", "M1", "M2", "M3", "M4", "M5", "M6", "M6+"]
Component = Literal["interest", "penalty_interest", "late_fees", "fees"]
Content = Literal["debt", "repayment", "charges", "no_new_card", "rights_and_breach", "other"]
Words = tuple[Annotated[str, Field(pattern=r"^[A-Z][A-Z_]*$")], ...]
Texts = dict[Literal["zh-CN", "en"], str]
Waivers = dict[Component, dict[Bucket, Percent]]
Ending = Literal["BREACHED", "COMPLETED"] | ClosedReason


def _for_every_ending(days: dict[str, int]) -> dict[str, int]:
    missing = {"BREACHED", "COMPLETED", *ClosedReason} - set(days)
    if missing:
        raise ValueError(f"nothing is said of a case that ended as {', '.join(sorted(missing))}")
    return days


DaysByEnding = Annotated[dict[Ending, Count], AfterValidator(_for_every_ending)]


class Closed(BaseModel):
    """A part of a pack: nothing may stand in it that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class QuietHours(Closed):
    """Nobody is contacted from `start` until before `end`, in the debtor's local time; over midnight if start > end."""

    start: time
    end: time

    @model_validator(mode="after")
    def leaves_time_to_contact(self) -> "QuietHours":
        if self.start == self.end:
            raise ValueError("start and end are the same: say contact.channels is empty if nobody may be contacted")
        return self


# What a value has to be, by key. The field's names: a new rule is a new line here and in the packs.
_VALUES: Mapping[str, Any] = {
    "identification.exclusions": Words,
    "identification.vulnerable_hardships": Words,
    "negotiation.new_round_after_days": DaysByEnding,
    "contact.quiet_hours_local": QuietHours,
    "contact.channels": Words,
    "contact.stop_on": Words,
    "contact.max_connected_voice_per_debtor_per_day": Count,
    "contact.max_unanswered_attempts_per_number_per_day": Count,
    "contact.max_messages_per_day": Count,
    "contact.max_contacts_rolling_7_days": Count,
    "assessment.income_counted_percent": dict[Literal["BILLING", "CUSTOMER", "STAFF"], Percent],
    "assessment.protected_floor_per_person": Amount,
    "assessment.dependants_when_unknown": Count,
    "assessment.essential_percent_when_unknown": Percent,
    "assessment.other_debts_percent_when_unknown": Percent,
    "assessment.contingency_percent": Percent,
    "assessment.contingency_cap": Amount,
    "assessment.affordability_percent": Percent,
    "assessment.rounding_step": Annotated[int, Field(strict=True, ge=1, le=10**9)],
    "assessment.history_percent": Percent,
    "assessment.willing_within_months": Count,
    "plan.max_term_months": Months,
    "plan.agreement_required_fields": tuple[Content, ...],
    "plan.no_new_card_undertaking": bool,
    "plan.grace_days": Count,
    "plan.tolerance": Amount,
    "plan.cure_days": Count,
    "plan.breach_after_missed": Count,
    "plan.breach_after_days_past_due": Count,
    "offer.valid_days": Count,
    "offer.first_due_after_days": Count,
    "offer.terms_months": tuple[Months, ...],
    "offer.ordinary_max_months": Months,
    "offer.min_instalment": Amount,
    "offer.reduced_rate_ppm": Ppm,
    "offer.products": dict[Bucket, tuple[Product, ...]],
    "waiver.plan_percent": Waivers,
    "waiver.lump_sum_percent": Waivers,
    "lump_sum.months_to_pay": Months,
    "review.financed_above": Amount,
    "review.vulnerable": bool,
    "review.low_confidence_above": Amount,
    "reminders.max_count": Count,
    "institution.name": Texts,
    "institution.phone": str,
    "support.free_help": Texts,
}
_TYPES = {key: TypeAdapter[Any](kind) for key, kind in _VALUES.items()}


class Rule(Closed):
    """One rule with where it comes from, how sure we are of that, and when it is in force (both days included)."""

    value: Any
    citation: str = Field(min_length=1)
    confidence: Literal["high", "medium", "low"]
    effective_from: date
    effective_to: date | None = None


class Policy(Closed):
    """One jurisdiction's pack."""

    jurisdiction: str = Field(pattern=r"^[A-Z]{2}$")
    version: str = Field(pattern=r"^[a-z0-9.-]{1,40}$")
    currencies: tuple[Annotated[str, AfterValidator(_known_currency)], ...] = Field(min_length=1)
    time_zone: Annotated[str, AfterValidator(_known_zone)]
    rules: dict[str, Rule]

    @model_validator(mode="after")
    def every_value_fits_its_key(self) -> "Policy":
        problems = []
        for key, rule in list(self.rules.items()):
            if key not in _TYPES:
                problems.append(f"{key}: there is no such rule")
                continue
            try:
                self.rules[key] = rule.model_copy(update={"value": _TYPES[key].validate_python(rule.value)})
            except ValidationError as error:
                problems += _problems(error, key, "value")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def rule(self, key: str, today: date) -> Any:
        """The value of a rule. Raises RuleMissingError when the pack has none that is in force on that day."""
        rule = self.rules.get(key)
        if rule is None:
            raise RuleMissingError(f"the policy {self.version} has no rule {key}")
        if today < rule.effective_from:
            raise RuleMissingError(f"the rule {key} of {self.version} is in force only from {rule.effective_from}")
        if rule.effective_to is not None and today > rule.effective_to:
            raise RuleMissingError(f"the rule {key} of {self.version} was in force only until {rule.effective_to}")
        return rule.value

    def on(self, today: date) -> "RulesOfTheDay":
        """The rules as they are on a day; what is asked of them is remembered."""
        return RulesOfTheDay(self, today)


class RulesOfTheDay:
    """A policy on one day. `used` names the rules that a decision asked for, in the order of first use."""

    def __init__(self, policy: Policy, today: date) -> None:
        self.version = policy.version
        self._policy, self._today = policy, today
        self._used: dict[str, None] = {}

    def __getitem__(self, key: str) -> Any:
        value = self._policy.rule(key, self._today)
        self._used[key] = None
        return value

    @property
    def used(self) -> tuple[str, ...]:
        return tuple(self._used)


def read_policy(text: str) -> Policy:
    """A pack from YAML. Raises ValueError that names every field that is wrong."""
    try:
        return Policy.model_validate(yaml.load(text, Loader=_Loader))  # noqa: S506 - a safe loader, in C if there is one
    except yaml.YAMLError as error:
        raise ValueError(f"the policy is not YAML: {error}") from error
    except ValidationError as error:
        raise ValueError("; ".join(_problems(error))) from None


def _problems(error: ValidationError, *where: str) -> list[str]:
    """What is wrong and where, one sentence each."""
    return [
        ": ".join(
            part
            for part in (".".join((*where, *map(str, problem["loc"]))), problem["msg"].removeprefix("Value error, "))
            if part
        )
        for problem in error.errors(include_url=False)
    ]


@cache
def load_policy(jurisdiction: str) -> Policy:
    """The pack of a jurisdiction, for example CN. Raises RuleMissingError when there is none."""
    if jurisdiction not in jurisdictions():
        raise RuleMissingError(f"there is no policy pack for the jurisdiction {jurisdiction!r}")
    policy = read_policy((_PACKS / f"{jurisdiction.lower()}.yaml").read_text(encoding="utf-8"))
    if policy.jurisdiction != jurisdiction:
        raise ValueError(f"jurisdiction: the pack of {jurisdiction} says {policy.jurisdiction}")
    return policy


@cache
def jurisdictions() -> tuple[str, ...]:
    """The jurisdictions that have a pack."""
    return tuple(sorted(path.stem.upper() for path in _PACKS.glob("*.yaml")))
