"""Policy packs: what law, supervisors and the bank allow, as data with source, confidence and dates.

A key that is not known here is a mistake in the pack; a known key that a pack lacks, or that is not in force on the
day, is denied when it is asked for. Amounts are minor units of the pack's currency, shares are whole per cent.
"""

from collections.abc import Mapping
from datetime import date, time
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args
from zoneinfo import ZoneInfo

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from accord.case import ClosedReason, Product
from accord.errors import RuleMissingError
from accord.money import minor_digits

_PACKS = Path(__file__).parent / "policies"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
AnyValue = TypeVar("AnyValue")


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError):
        raise ValueError("not a time zone of the IANA database, for example Asia/Shanghai") from None
    return name


def _known_currency(code: str) -> str:
    minor_digits(code)
    return code


def _not_empty(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """One at least. Asked when each is right: who wrote a wrong one need not hear that there is none."""
    if not values:
        raise ValueError("name one at least")
    return values


SomeOf = Annotated[tuple[AnyValue, ...], AfterValidator(_not_empty)]
Amount = Annotated[int, Field(strict=True, ge=0, le=10**13)]
Count = Annotated[int, Field(strict=True, ge=0, le=100_000)]
Percent = Annotated[int, Field(strict=True, ge=0, le=100)]
Ppm = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Months = Annotated[int, Field(strict=True, ge=1, le=600)]
Bucket = Literal["M0", "M1", "M2", "M3", "M4", "M5", "M6", "M6+"]
Component = Literal["principal", "interest", "penalty_interest", "late_fees", "fees"]
Content = Literal["debt", "repayment", "charges", "no_new_card", "rights_and_breach", "other"]
Words = tuple[Annotated[str, Field(pattern=r"^[A-Z][A-Z_]*$")], ...]
BUCKETS: tuple[str, ...] = get_args(Bucket)


def _every_bucket(by_bucket: Any) -> Any:
    """`ALL` in a pack stands for every bucket that is not named."""
    if isinstance(by_bucket, dict) and "ALL" in by_bucket:
        return dict.fromkeys(BUCKETS, by_bucket["ALL"]) | {k: v for k, v in by_bucket.items() if k != "ALL"}
    return by_bucket


ByBucket = Annotated[dict[Bucket, AnyValue], BeforeValidator(_every_bucket)]


def _names_all(*names: str) -> AfterValidator:
    """A map that has to name all of these: what reads it asks for each, and none of them can be denied."""

    def check(named: dict[str, Any]) -> dict[str, Any]:
        missing = [name for name in names if name not in named]
        if missing:
            raise ValueError(f"it lacks {', '.join(missing)}")
        return named

    return AfterValidator(check)


EveryBucket = Annotated[ByBucket[AnyValue], _names_all(*BUCKETS)]
Texts = Annotated[dict[Literal["zh-CN", "en"], Annotated[str, Field(min_length=1)]], _names_all("zh-CN", "en")]
Waivers = dict[Component, ByBucket[Percent]]
Word = Annotated[str, Field(pattern=r"^[A-Z][A-Z_0-9]*$")]
Role = Literal["POLICY", "NEGOTIATOR", "LEAD", "MANAGER"]  # who approves, in the order of their authority
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


def _told_as_text(clock: Any) -> Any:
    """YAML reads 22:00 without quotes as a number to the base of sixty."""
    if isinstance(clock, int | float):
        raise ValueError('a time of day stands in quotes: "22:00"')
    return clock


Clock = Annotated[time, BeforeValidator(_told_as_text)]


class QuietHours(Closed):
    """Nobody is contacted from `start` until before `end`, in the debtor's local time; over midnight if start > end."""

    start: Clock
    end: Clock

    @model_validator(mode="after")
    def leaves_time_to_contact(self) -> "QuietHours":
        if self.start == self.end:
            raise ValueError("start and end are the same: say contact.channels is empty if nobody may be contacted")
        return self


class Band(Closed):
    """From what is known least to what is likely most: where a figure is unknown, both ends are reckoned with."""

    least: int = Field(strict=True, ge=0, le=100)
    most: int = Field(strict=True, ge=0, le=100)

    @model_validator(mode="after")
    def is_in_order(self) -> "Band":
        if self.least > self.most:
            raise ValueError("least is above most")
        return self


class Household(Closed):
    """An amount a month by household: for the first person, and for each further one.

    Tables of the law are not even: `next` is for the second person, the third and so on, before `further` counts.
    """

    first: Amount
    next: tuple[Amount, ...] = ()
    further: Amount

    def of(self, persons: int) -> int:
        """The amount for so many persons."""
        more = max(persons - 1, 0)
        return self.first + sum(self.next[:more]) + self.further * max(more - len(self.next), 0)


class Evidence(Closed):
    """Which papers somebody has to show from an amount owed on; of these hardships alone where some are named."""

    owed_from: Amount
    hardships: tuple[Word, ...] = ()
    papers: SomeOf[Word]


class Doubts(Closed):
    """Figures that a person looks at first. Shares in per cent."""

    surplus_above_percent: Count  # of income: too good
    paid_above_income_percent: Count  # what was paid to this card a month, of income: something is missing
    spend_below_floor_percent: Count  # told spending, of the protected floor: nobody lives on that
    income_above_limit_percent: Count  # a month's income, of the card's limit: a slip of the pen
    income_gone_hardships: Words  # after these, income that billing has on record is most likely no more


class Segment(Closed):
    """Accounts that owe less than an amount, none for the last."""

    name: Word
    owed_below: Amount | None = None


class Watch(Closed):
    """Who is only watched: so early, and so unlikely to miss the next payment too."""

    days_past_due_up_to: Count
    pd_below_ppm: Ppm


class Cap(Closed):
    """The most of a component that somebody may give up: a share of it, and an amount."""

    percent: Percent
    amount: Amount


class ShareBand(Closed):
    """How much likelier a plan breaks whose instalment takes up to a share of what is left: per cent of the base."""

    share_up_to: Percent
    percent: Count


class Reage(Closed):
    """When an account may count as current again, and how often."""

    account_months: Count
    payments_first: Count
    per_12_months: Count
    per_60_months: Count
    workout_per_60_months: Count


Flexible = Literal["food_housekeeping", "communications_leisure", "personal"]
Guidelines = Annotated[dict[Flexible, Household], _names_all(*get_args(Flexible))]
Need = Literal["ORDINARY", "PERSONALISED"]  # an ordinary plan clears the debt, or it takes one under Art. 70
Phase = Literal["UP_TO_90_DAYS", "FROM_91_DAYS", "IN_PLAN"]
Teller = Literal["BILLING", "CUSTOMER", "STAFF"]


def _each_component_once(order: tuple[str, ...]) -> tuple[str, ...]:
    """What an order of allocation leaves out would never be paid."""
    if sorted(order) != sorted(get_args(Component)):
        raise ValueError(f"it has to name each of {', '.join(get_args(Component))} once")
    return order


Order = Annotated[tuple[Component, ...], AfterValidator(_each_component_once)]


def _up_to_the_largest(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    limits = [segment.owed_below for segment in segments]
    bounds = [limit for limit in limits[:-1] if limit is not None]
    if limits[-1:] != [None] or len(bounds) != len(limits) - 1 or bounds != sorted(set(bounds)):
        raise ValueError("owed_below has to rise, and the last segment alone has none")
    return segments


def _has_default(regions: dict[str, Any]) -> dict[str, Any]:
    if "DEFAULT" not in regions:
        raise ValueError("DEFAULT is missing: it holds for every region that is not named")
    return regions


Regions = Annotated[dict[Word, AnyValue], AfterValidator(_has_default)]


def _rising(bands: tuple[ShareBand, ...]) -> tuple[ShareBand, ...]:
    shares = [band.share_up_to for band in bands]
    if not shares or shares[-1] != 100 or shares != sorted(set(shares)):
        raise ValueError("the shares have to rise and to end at 100")
    return bands


# What a value has to be, by key. The field's names: a new rule is a new line here and in the packs.
_VALUES: Mapping[str, Any] = {
    "identification.exclusions": Words,
    "identification.vulnerable_hardships": Words,
    "identification.segments": Annotated[tuple[Segment, ...], AfterValidator(_up_to_the_largest)],
    "identification.watch": Watch,
    "identification.early_contact_pd_ppm": Ppm,
    "negotiation.new_round_after_days": DaysByEnding,
    "contact.quiet_hours_local": QuietHours,
    "contact.channels": Words,
    "contact.stop_on": Words,
    "contact.max_connected_voice_per_debtor_per_day": Count | None,
    "contact.max_unanswered_attempts_per_number_per_day": Count | None,
    "contact.max_calls_rolling_7d_per_debt": Count | None,
    "contact.cooldown_after_conversation_days": Count | None,
    "contact.third_party_allowed_when": Words,
    "contact.max_messages_per_day": Count,
    "contact.max_contacts_rolling_7_days": Count,
    "assessment.income_counted_percent": Annotated[dict[Teller, Percent], _names_all(*get_args(Teller))],
    "assessment.protected_floor": Regions[Household],
    "assessment.guidelines": Regions[Guidelines],
    "assessment.dependants_when_unknown": Band,
    "assessment.essential_percent_when_unknown": Band,
    "assessment.other_debts_percent_when_unknown": Band,
    "assessment.contingency_percent": Percent,
    "assessment.contingency_cap": Amount,
    "assessment.affordability_percent": Percent,
    "assessment.rounding_step": Annotated[int, Field(strict=True, ge=1, le=10**9)],
    "assessment.history_percent": Percent,
    "assessment.willing_within_months": Count,
    "assessment.stress_percent": Percent,
    "assessment.savings_kept_months": Count,
    "assessment.hardship_months": dict[Word, Months],
    "assessment.evidence": tuple[Evidence, ...],
    "assessment.doubts": Doubts,
    "automated_decision.human_review_on_request": bool,
    "plan.max_term_months": Months,
    "plan.agreement_required_fields": SomeOf[Content],
    "plan.no_new_card_undertaking": bool,
    "plan.grace_days": Count,
    "plan.tolerance": Amount,
    "plan.cure_days": Count,
    "plan.breach_after_missed": Count,
    "plan.breach_after_days_past_due": Count,
    "interest.on_fees": bool,
    "allocation.order": Annotated[dict[Phase, Order], _names_all(*get_args(Phase))],
    "reage.limits": Reage | None,
    "retention.recording_years": Count,
    "retention.impact_assessment_years": Count | None,
    "tax.forgiveness_report_threshold": Amount | None,
    "offer.valid_days": Annotated[Count, Field(ge=1)],
    "offer.first_due_after_days": Count,
    "offer.terms_months": SomeOf[Months],
    "offer.ordinary_max_months": Months,
    "offer.min_instalment": Amount,
    "offer.rates_ppm": tuple[Ppm, ...],
    "offer.products": ByBucket[tuple[Product, ...]],
    "offer.price_ceiling_ppm": Ppm,
    "offer.price_floor_percent": Annotated[dict[Need, Percent], _names_all(*get_args(Need))],
    "waiver.plan_percent": Waivers,
    "waiver.lump_sum_percent": Waivers,
    "waiver.steps_percent": SomeOf[Percent],
    "lump_sum.months_to_pay": Months,
    "pricing.discount_rate_ppm": Ppm,
    "pricing.break_ppm_a_month": EveryBucket[Ppm],
    "pricing.break_percent_by_share": Annotated[tuple[ShareBand, ...], AfterValidator(_rising)],
    "pricing.recovery_percent_without_plan": EveryBucket[Percent],
    "pricing.bulk_sale_percent": EveryBucket[Percent],
    "pricing.months_collected_without_plan": Months,
    "pricing.cost_of_plan": Amount,
    "authority.concession": dict[Role, dict[Component, ByBucket[Cap]]],
    "authority.four_eyes_above": Amount,
    "authority.cumulative_12_months": dict[Role, Amount],
    "review.least_role": dict[Word, Role],
    "review.financed_above": Amount,
    "review.vulnerable": bool,
    "review.low_confidence_above": Amount,
    "reminders.max_count": Count,
    "institution.name": Texts,
    "institution.phone": str,
    "support.free_help": Texts,
}
_TYPES = {key: TypeAdapter[Any](kind) for key, kind in _VALUES.items()}
KEYS = frozenset(_VALUES)


def check_value(key: str, value: Any) -> Any:
    """The value as its key wants it. Raises pydantic's ValidationError, KeyError for a key that is not in KEYS."""
    return _TYPES[key].validate_python(value)


class Rule(Closed):
    """One rule with where it comes from, how sure we are of that, and when it is in force (both days included)."""

    value: Any
    citation: str = Field(min_length=1)
    confidence: Literal["high", "medium", "low"]
    effective_from: date
    effective_to: date | None = None

    @model_validator(mode="after")
    def begins_before_it_ends(self) -> "Rule":
        if self.effective_to is not None and self.effective_to < self.effective_from:
            raise ValueError("effective_to is before effective_from: it is never in force")
        return self


class Policy(Closed):
    """One jurisdiction's pack."""

    jurisdiction: str = Field(pattern=r"^[A-Z]{2}$")
    version: str = Field(pattern=r"^[a-z0-9.-]{1,40}$")
    currencies: SomeOf[Annotated[str, AfterValidator(_known_currency)]]
    time_zone: Annotated[str, AfterValidator(_known_zone)]
    rules: dict[str, Rule]

    @model_validator(mode="after")
    def every_value_fits_its_key(self) -> "Policy":
        problems = []
        for key, rule in list(self.rules.items()):
            if key not in KEYS:
                problems.append(f"{key}: there is no such rule")
                continue
            try:
                self.rules[key] = rule.model_copy(update={"value": check_value(key, rule.value)})
            except ValidationError as error:
                problems += _problems(error, key, "value")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def rule(self, key: str, today: date) -> Any:
        """The value of a rule. Raises RuleMissingError when the pack has none that is in force on that day."""
        rule = self.rules.get(key)
        if rule is None:
            raise RuleMissingError(f"the policy {self.version} has no rule {key}; add it to the pack with its source")
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
