"""Policy packs: what law, supervisors and the bank allow, as data with source, confidence and dates.

A key that is not known here is a mistake in the pack; a known key that a pack lacks, or that is not in force on the
day, is denied when it is asked for. Amounts are minor units of the pack's currency, shares are whole per cent.
"""

import re
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Strict,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from accord.case import ClosedReason, Product
from accord.errors import RuleMissingError
from accord.holidays import calendars
from accord.money import MINOR_DIGITS, PPM
from accord.policy_file import read_pack, shown
from accord.zones import zone_of

_PACKS = Path(__file__).parent / "policies"
AnyValue = TypeVar("AnyValue")


def wrong(what: str, way_out: str) -> PydanticCustomError:
    """What is wrong with a value, and the way out, for whoever writes the pack."""
    return PydanticCustomError("pack", "{what}", {"what": what, "way_out": way_out})


# --- numbers -----------------------------------------------------------------------------------------------------


def _whole(least: int, most: int, unit: str, one_percent: int | None = None, minor_units: bool = False) -> Any:
    """A whole number within bounds. `one_percent` is what one per cent is in the unit."""

    def check(value: Any) -> int:
        if type(value) is int and least <= value <= most:
            return value
        meant = None if type(value) is int else _number_meant(value, one_percent, minor_units)
        if meant is not None and meant == int(meant) and least <= meant <= most:
            way_out = f"write {int(meant)}"
        else:
            way_out = f"write a whole number within the bounds {least} and {most}, without quotes, point or comma"
        if one_percent == PPM // 100:
            way_out += "; 36 per cent is written 360000"
        if minor_units:
            way_out += "; the smallest unit is fen, cent or penny: 12.50 is written 1250"
        raise wrong(f"{shown(value)} stands here, where {unit} from {least} to {most} is wanted", way_out)

    return BeforeValidator(check)


def _number_meant(value: Any, one_percent: int | None, minor_units: bool) -> Decimal | None:
    """The number that somebody meant who wrote 75%, 1,000, "60", 0.36 or 12.50."""
    told = str(value) if isinstance(value, str | Decimal) else ""
    digits = re.sub(r"[,，_\s]", "", told.rstrip("%％ "))
    if re.fullmatch(r"\d{1,12}(\.\d{1,6})?", digits) is None:
        return None
    number = Decimal(digits)
    if told.rstrip()[-1:] in "%％":
        return number * one_percent if one_percent else None
    if one_percent and (number != int(number) or isinstance(value, Decimal)):
        # A share of one (0.36), or a rate in per cent (7.5).
        return number * one_percent * (100 if number <= 1 else 1)
    return number * 100 if minor_units and isinstance(value, Decimal) else number


Amount = Annotated[int, _whole(0, 10**13, "an amount in the currency's smallest unit", minor_units=True)]
Percent = Annotated[int, _whole(0, 100, "a share in whole per cent", one_percent=1)]
PercentOf = Annotated[int, _whole(0, 100_000, "a ratio in whole per cent", one_percent=1)]
Ppm = Annotated[int, _whole(0, PPM, "a rate or chance in parts per million", one_percent=PPM // 100)]
Days = Annotated[int, _whole(0, 100_000, "a number of days")]
Months = Annotated[int, _whole(1, 600, "a number of months")]
MonthsOrNone = Annotated[int, _whole(0, 600, "a number of months")]
Years = Annotated[int, _whole(0, 1_000, "a number of years")]
Times = Annotated[int, _whole(0, 100_000, "a number of times")]
Persons = Annotated[int, _whole(0, 100, "a number of persons")]
TrueOrFalse = Annotated[bool, Strict()]


# --- words -------------------------------------------------------------------------------------------------------


def _spelt(pattern: str, how: str) -> AfterValidator:
    """A text that is spelt like this."""

    def check(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            narrow = "; a list has narrow commas: [SMS, EMAIL]" if "，" in text else ""
            raise wrong(f"{shown(text)} is not spelt as it should be", f"write {how}{narrow}")
        return text

    return AfterValidator(check)


def _one_of(*names: str) -> AfterValidator:
    def check(text: str) -> str:
        if text not in names:
            raise wrong(f"{shown(text)} is not known here", f"write one of {', '.join(names)}")
        return text

    return AfterValidator(check)


def _known_zone(name: str) -> str:
    if zone_of(name) is None:
        raise wrong(f"{shown(name)} is not a time zone of the IANA database", "write for example Asia/Shanghai")
    return name


def _known_currency(code: str) -> str:
    if code not in MINOR_DIGITS:
        raise wrong(f"{shown(code)} is not a code of ISO 4217", "write for example CNY, GBP or USD")
    return code


def _not_blank(text: str) -> str:
    if not text.strip():
        raise wrong("nothing stands here", "write a text")
    return text


def _not_empty(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """One at least. Asked when each is right: who wrote a wrong one need not hear that there is none."""
    if not values:
        raise wrong("name one at least", "write a list: [a, b]")
    return values


Text = Annotated[str, AfterValidator(_not_blank)]
Word = Annotated[str, _spelt(r"[A-Z][A-Z_0-9]*", "a word in capital letters, _ for a space: JOB_LOSS")]
Words = tuple[Word, ...]
SomeOf = Annotated[tuple[AnyValue, ...], AfterValidator(_not_empty)]
Bucket = Literal["M0", "M1", "M2", "M3", "M4", "M5", "M6", "M6+"]
Component = Literal["principal", "interest", "penalty_interest", "late_fees", "fees"]
Content = Literal["debt", "repayment", "charges", "no_new_card", "rights_and_breach", "other"]
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
            raise wrong(f"it lacks {', '.join(missing)}", "add what is missing, with its value")
        return named

    return AfterValidator(check)


EveryBucket = Annotated[ByBucket[AnyValue], _names_all(*BUCKETS)]
Texts = Annotated[dict[Literal["zh-CN", "en"], Text], _names_all("zh-CN", "en")]
Waivers = dict[Component, ByBucket[Percent]]
Role = Literal["POLICY", "NEGOTIATOR", "LEAD", "MANAGER"]  # who approves, in the order of their authority
_ENDINGS = ("BREACHED", "COMPLETED", *(reason.value for reason in ClosedReason))
DaysByEnding = Annotated[dict[Annotated[str, _one_of(*_ENDINGS)], Days], _names_all(*_ENDINGS)]


class Closed(BaseModel):
    """A part of a pack: nothing may stand in it that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _as_clock(told: Any) -> time:
    """In full alone: 22 would be read as so many seconds after midnight."""
    if isinstance(told, time):
        return told
    if not isinstance(told, str) or re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d(:00)?", told) is None:
        raise wrong(f"{shown(told)} is no time of day", 'write hours and minutes in quotes: "22:00"')
    return time.fromisoformat(told)


def _as_day(told: Any) -> date:
    """Told as a day alone: a number would be read as so many seconds after 1970."""
    if type(told) is date:
        return told
    try:
        if isinstance(told, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", told):
            return date.fromisoformat(told)
    except ValueError:
        pass
    raise wrong(f"{shown(told)} is no day", "write year-month-day, for example 2026-01-31")


Clock = Annotated[time, BeforeValidator(_as_clock)]
Day = Annotated[date, BeforeValidator(_as_day)]


class QuietHours(Closed):
    """Nobody is contacted from `start` until before `end`, in the debtor's local time; over midnight if start > end."""

    start: Clock
    end: Clock

    @model_validator(mode="after")
    def leaves_time_to_contact(self) -> "QuietHours":
        if self.start == self.end:
            raise wrong("start and end are the same", "name the hours in which nobody is contacted")
        return self


class BestTime(Closed):
    """A message that nobody waits for waits for the time of day at which the person was there so often before, but
    never longer than so many hours.
    """

    seen_times: Annotated[int, _whole(1, 20, "a number of times")]
    wait_hours: Annotated[int, _whole(1, 72, "a number of hours")]


class Holidays(Closed):
    """On the public holidays of a calendar these channels rest."""

    calendar: Annotated[str, _one_of(*calendars())]
    closed_to: Words


class Band(Closed):
    """From what is known least to what is likely most: where a figure is unknown, both ends are reckoned with."""

    least: int
    most: int

    @model_validator(mode="after")
    def is_in_order(self) -> "Band":
        if self.least > self.most:
            raise wrong(f"least ({self.least}) is above most ({self.most})", "change the two")
        return self


class PercentBand(Band):
    least: Percent
    most: Percent


class PersonsBand(Band):
    least: Persons
    most: Persons


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

    surplus_above_percent: PercentOf  # of income: too good
    paid_above_income_percent: PercentOf  # what was paid to this card a month, of income: something is missing
    spend_below_floor_percent: PercentOf  # told spending, of the protected floor: nobody lives on that
    income_above_limit_percent: PercentOf  # a month's income, of the card's limit: a slip of the pen
    # Income and costs that the customer states, and that are apart from those on record by more than that.
    income_unlike_record_percent: PercentOf
    unlike_papers_percent: PercentOf  # the same for what staff saw on papers before
    income_gone_hardships: Words  # after these, income that billing has on record is most likely no more


class Segment(Closed):
    """Accounts that owe less than an amount, none for the last."""

    name: Word
    owed_below: Amount | None = None


class Watch(Closed):
    """Who is only watched: so early, and so unlikely to miss the next payment too."""

    days_past_due_up_to: Days
    pd_below_ppm: Ppm


class Cap(Closed):
    """The most of a component that somebody may give up: a share of it, and an amount."""

    percent: Percent
    amount: Amount


class ShareBand(Closed):
    """How much likelier a plan breaks whose instalment takes up to a share of what is left: per cent of the base."""

    share_up_to: Percent
    percent: PercentOf


class Reage(Closed):
    """When an account may count as current again, and how often."""

    account_months: MonthsOrNone
    payments_first: Times
    per_12_months: Times
    per_60_months: Times
    workout_per_60_months: Times


# What stands against a contact that the person may open by asking for it.
Opened = Literal[
    "opted_out",
    "contact.express_consent",
    "contact.max_calls_rolling_7d_per_debt",
    "contact.cooldown_after_conversation_days",
]
Flexible = Literal["food_housekeeping", "communications_leisure", "personal"]
Guidelines = Annotated[dict[Flexible, Household], _names_all(*get_args(Flexible))]
Need = Literal["ORDINARY", "PERSONALISED"]  # an ordinary plan clears the debt, or it takes one under Art. 70
Phase = Literal["UP_TO_90_DAYS", "FROM_91_DAYS", "IN_PLAN"]
Teller = Literal["BILLING", "CUSTOMER", "STAFF"]


def _each_component_once(order: tuple[str, ...]) -> tuple[str, ...]:
    """What an order of allocation leaves out would never be paid."""
    if sorted(order) != sorted(get_args(Component)):
        raise wrong(f"it has to name each of {', '.join(get_args(Component))} once", "name all of them, none twice")
    return order


Order = Annotated[tuple[Component, ...], AfterValidator(_each_component_once)]


def _up_to_the_largest(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    limits = [segment.owed_below for segment in segments]
    bounds = [limit for limit in limits[:-1] if limit is not None]
    if limits[-1:] != [None] or len(bounds) != len(limits) - 1 or bounds != sorted(set(bounds)):
        raise wrong(
            "owed_below has to rise, and the last segment alone has none", "put them in order, the largest last"
        )
    return segments


def _has_default(regions: dict[str, Any]) -> dict[str, Any]:
    if "DEFAULT" not in regions:
        raise wrong("DEFAULT is missing: it holds for every region that is not named", "add DEFAULT")
    return regions


Regions = Annotated[dict[Word, AnyValue], AfterValidator(_has_default)]


def _rising(bands: tuple[ShareBand, ...]) -> tuple[ShareBand, ...]:
    shares = [band.share_up_to for band in bands]
    if not shares or shares[-1] != 100 or shares != sorted(set(shares)):
        raise wrong("the shares have to rise and to end at 100", "put them in order, with share_up_to: 100 last")
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
    "contact.channels": SomeOf[Word],
    "contact.best_time": BestTime | None,
    "contact.holidays": Holidays,
    "contact.express_consent": Words,
    "contact.stop_on": Words,
    "contact.service_despite": Words,
    "contact.wish_opens": tuple[Opened, ...],
    "contact.max_connected_voice_per_debtor_per_day": Times | None,
    "contact.max_unanswered_attempts_per_number_per_day": Times | None,
    "contact.max_calls_rolling_7d_per_debt": Times | None,
    "contact.cooldown_after_conversation_days": Days | None,
    "contact.third_party_allowed_when": Words,
    "contact.max_messages_per_day": Times,
    "contact.max_contacts_rolling_7_days": Times,
    "assessment.income_counted_percent": Annotated[dict[Teller, Percent], _names_all(*get_args(Teller))],
    "assessment.protected_floor": Regions[Household],
    "assessment.guidelines": Regions[Guidelines],
    "assessment.fixed_costs_when_unknown": Regions[Household],
    "assessment.dependants_when_unknown": PersonsBand,
    "assessment.essential_percent_when_unknown": PercentBand,
    "assessment.other_debts_percent_when_unknown": PercentBand,
    "assessment.contingency_percent": Percent,
    "assessment.contingency_cap": Amount,
    "assessment.affordability_percent": Percent,
    "assessment.rounding_step": Annotated[
        int, _whole(1, 10**9, "an amount in the currency's smallest unit", minor_units=True)
    ],
    "assessment.history_percent": Percent,
    "assessment.willing_within_months": MonthsOrNone,
    "assessment.stress_percent": Percent,
    "assessment.savings_kept_months": MonthsOrNone,
    "assessment.hardship_months": dict[Word, Months],
    "assessment.evidence": tuple[Evidence, ...],
    "assessment.doubts": Doubts,
    "automated_decision.human_review_on_request": TrueOrFalse,
    "plan.max_term_months": Months,
    "plan.agreement_required_fields": SomeOf[Content],
    "plan.no_new_card_undertaking": TrueOrFalse,
    "plan.grace_days": Days,
    "plan.tolerance": Amount,
    "plan.cure_days": Days,
    "plan.breach_after_missed": Times,
    "plan.breach_after_days_past_due": Days,
    "interest.on_fees": TrueOrFalse,
    "allocation.order": Annotated[dict[Phase, Order], _names_all(*get_args(Phase))],
    "reage.limits": Reage | None,
    "retention.recording_years": Years,
    "retention.impact_assessment_years": Years | None,
    "tax.forgiveness_report_threshold": Amount | None,
    "offer.valid_days": Annotated[int, _whole(1, 100_000, "a number of days")],
    "offer.first_due_after_days": Days,
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
    "review.vulnerable": TrueOrFalse,
    "review.low_confidence_above": Amount,
    "complaint.answer_within_days": Annotated[int, _whole(1, 366, "a number of days")],
    "reminders.max_count": Times,
    "institution.name": Texts,
    "institution.phone": Text,
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
    citation: Text
    confidence: Literal["high", "medium", "low"]
    effective_from: Day
    effective_to: Day | None = None

    @model_validator(mode="after")
    def begins_before_it_ends(self) -> "Rule":
        if self.effective_to is not None and self.effective_to < self.effective_from:
            raise wrong("effective_to is before effective_from: it is never in force", "correct one of the days")
        return self


class Policy(Closed):
    """One jurisdiction's pack."""

    jurisdiction: Annotated[str, _spelt(r"[A-Z]{2}", "two capital letters, for example CN")]
    version: Annotated[str, _spelt(r"[a-z0-9.-]{1,40}", "small letters, digits, . and -, 40 at most: cn-2026.1")]
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
    pack = read_pack(text)
    if pack.problems:
        raise ValueError("; ".join(f"line {one.line}: {one.where}: {one.what}" for one in pack.problems))
    try:
        return Policy.model_validate(pack.content)
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
