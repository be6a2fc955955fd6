"""What billing tells us: the events on the bus, validated field by field, and the account and person they become."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

from accord.case import Account, Balance, Circumstances, HistoryMonth
from accord.errors import InputRejectedError
from accord.money import rate_to_ppm
from accord.names import signable
from accord.person import Person

# What a text should look like, in words: nobody who hands over accounts has to read a regular expression.
_FORMS: dict[str, str] = {}


def _form(pattern: str, words: str) -> StringConstraints:
    _FORMS[pattern] = words
    return StringConstraints(pattern=pattern)


Identifier = Annotated[
    str, _form(r"^[A-Za-z0-9_.:-]{1,64}$", "should be 1 to 64 letters, digits or any of _ . : - without spaces")
]
_MOST = 10**13
Amount = Annotated[int, Field(strict=True, ge=0, le=_MOST)]
SignedAmount = Annotated[int, Field(strict=True, ge=-_MOST, le=_MOST)]
Count = Annotated[int, Field(strict=True, ge=0, le=10_000)]

_DAY = r"^(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}$"
_MOMENT = r"^(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"
_RATE = r"^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$"


def _day(value: Any) -> Any:
    """Only a whole ISO date names a day: a bare number would be read as seconds since 1970, a time would be cut off."""
    if not isinstance(value, str) or not re.fullmatch(_DAY[1:-1], value):
        raise PydanticCustomError("NOT_A_DATE", "should be a date from 1900 to 2099, for example 2026-05-31")
    return value


def _moment(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(_MOMENT[1:-1], value):
        raise PydanticCustomError(
            "NOT_A_TIME", "should be a time from 1900 to 2099 with its offset, for example 2026-05-31T09:00:00+08:00"
        )
    return value


def _rate(value: Any) -> Any:
    """A JSON number, or a plain decimal as text: what else Python reads as a number (0_1, 1e-1) may be a slip."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number and not (isinstance(value, str) and re.fullmatch(_RATE[1:-1], value)):
        raise PydanticCustomError("NOT_A_RATE", "should be a share from 0 to 1 with at most six decimals: 15 % is 0.15")
    return value


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(signable)]
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date", "pattern": _DAY})]
Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": _MOMENT}),
]
Rate = Annotated[
    Decimal,
    Field(ge=0, le=1, decimal_places=6),
    BeforeValidator(_rate),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string", "pattern": _RATE}]}),
]
ToldEvent = TypeVar("ToldEvent", bound="Told")
# The gravest first: of two words of the same moment it is the one that counts.
AccountStatus = Literal["DECEASED", "BANKRUPT", "FRAUD", "DISPUTED", "MORATORIUM", "SOLD", "CLOSED", "NORMAL"]
Flag = Literal["VULNERABLE", "REPRESENTED", "CEASE_CONTACT", "CONTACT_AGAIN", AccountStatus]


class Told(BaseModel):
    """A part of a billing event: camelCase on the wire. Fields that we do not know come from a newer billing."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, extra="ignore", hide_input_in_errors=True)


class ToldBalance(Told):
    principal: Amount
    interest: Amount = 0
    penalty_interest: Amount = 0
    late_fees: Amount = 0
    fees: Amount = 0

    @model_validator(mode="after")
    def can_be_added_up(self) -> "ToldBalance":
        if self.principal + self.interest + self.penalty_interest + self.late_fees + self.fees > _MOST:
            raise PydanticCustomError("TOO_LARGE", "the components add up to more than {most}", {"most": _MOST})
        return self


class ToldMonth(Told):
    month: Annotated[
        str, _form(r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$", "should be a month from 1900 to 2099, for example 2026-05")
    ]
    billed: SignedAmount
    paid: Amount
    months_past_due: Annotated[int, Field(strict=True, ge=0, le=120)]


class ToldAccount(Told):
    account_id: Identifier
    product_code: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    currency: Annotated[str, _form(r"^[A-Z]{3}$", "should be three capital letters, for example CNY")]
    opened_on: Day
    credit_limit: Amount
    balance: ToldBalance
    days_past_due: Count
    oldest_unpaid_due_date: Day | None = None
    apr: Rate
    minimum_due: Amount
    history: Annotated[tuple[ToldMonth, ...], Field(max_length=60)] = ()

    @field_validator("history")
    @classmethod
    def each_month_once_newest_first(cls, history: tuple[ToldMonth, ...]) -> tuple[ToldMonth, ...]:
        if len({month.month for month in history}) < len(history):
            raise PydanticCustomError("REPEATED", "a month stands there more than once")
        return tuple(sorted(history, key=lambda month: month.month, reverse=True))

    @model_validator(mode="after")
    def overdue_has_a_due_date(self) -> "ToldAccount":
        if self.days_past_due > 0 and self.oldest_unpaid_due_date is None:
            raise PydanticCustomError(
                "MISSING", "it is required when daysPastDue is above 0", {"field": "oldestUnpaidDueDate"}
            )
        return self


class ToldCardholder(Told):
    cardholder_id: Identifier
    name: Name
    phone: Annotated[
        str, _form(r"^\+[1-9][0-9]{6,14}$", "should be a plus sign, the country code and the number: 7 to 15 digits")
    ]
    email: (
        Annotated[str, _form(r"^[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,190}$", "should be an e-mail address")]
        | None
    ) = None
    language: Literal["zh-CN", "en"]
    time_zone: Annotated[
        str,
        _form(r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}$", "should be a time zone, for example Asia/Shanghai"),
        Field(max_length=64),
    ]
    id_last4: Annotated[str, _form(r"^[0-9A-Za-z]{4}$", "should be the last four letters or digits of the document")]
    birth_date: Day
    monthly_income: Amount | None = None
    monthly_essential_spend: Amount | None = None
    dependants: Annotated[int, Field(strict=True, ge=0, le=30)] | None = None
    other_debt_payments: Amount | None = None
    hardship: (
        Annotated[str, _form(r"^[A-Z_]{1,40}$", "should be a word in capital letters, for example JOB_LOSS")] | None
    ) = None
    flags: Annotated[tuple[Flag, ...], Field(max_length=20)] = ()


class AccountOverdue(Told):
    """Billing hands over an account whose payment is late."""

    event_id: Identifier
    occurred_at: Moment
    jurisdiction: Annotated[str, _form(r"^[A-Z]{2}$", "should be two capital letters, for example CN")]
    account: ToldAccount
    cardholder: ToldCardholder

    def as_account(self) -> Account:
        """The account as a case keeps it; the yearly rate becomes whole parts per million."""
        told = self.account
        return Account(
            **told.model_dump(exclude={"apr", "balance", "history"}),
            as_of=self.occurred_at.astimezone(ZoneInfo(self.cardholder.time_zone)).date(),
            apr_ppm=rate_to_ppm(told.apr),
            balance=Balance(**told.balance.model_dump()),
            history=tuple(HistoryMonth(**month.model_dump()) for month in told.history),
        )

    def as_circumstances(self) -> Circumstances:
        """What billing knows of the person's means."""
        return Circumstances(**self.cardholder.model_dump(include=set(Circumstances.model_fields)))

    def as_person(self) -> Person:
        """The personal part, for the people table alone."""
        return Person(**self.cardholder.model_dump(include=set(Person.model_fields)), told_at=self.occurred_at)


class AccountAtRisk(AccountOverdue):
    """Billing hands over an account that is not late yet and may become so."""


class AccountInOrder(AccountAtRisk):
    """Nothing is late and nothing gives reason to worry: what it says of the person reaches a case that is open."""


class AccountStatusChanged(Told):
    """Billing says that an account's standing changed: a death, a dispute, a sale, or back to normal."""

    event_id: Identifier
    account_id: Identifier
    status: AccountStatus
    at: Moment


class PaymentPosted(Told):
    """Billing posted a payment to an account."""

    event_id: Identifier
    payment_id: Identifier
    account_id: Identifier
    amount: Annotated[int, Field(strict=True, ge=1, le=_MOST)]
    currency: Annotated[str, _form(r"^[A-Z]{3}$", "should be three capital letters, for example CNY")]
    posted_at: Moment


class PaymentReversed(Told):
    """Billing took a posted payment back."""

    event_id: Identifier
    payment_id: Identifier
    reversed_at: Moment
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ContactReceipt(Told):
    """The gateway of a channel says what became of a contact."""

    event_id: Identifier
    contact_id: Identifier
    status: Literal["DELIVERED", "FAILED", "READ", "REPLIED", "ANSWERED", "NO_ANSWER", "OPTED_OUT", "WRONG_PERSON"]
    at: Moment


def parse(model: type[ToldEvent], detail: Any) -> ToldEvent:
    """The detail of a bus event as `model`. Raises InputRejectedError that names each wrong field, without values."""
    try:
        return model.model_validate(detail)
    except ValidationError as error:
        raise InputRejectedError(problems_of(error)) from None


# Pydantic's name of an error → our code, and what the sender reads.
_WORDS = {
    "missing": ("MISSING", "it is missing"),
    "string_type": ("NOT_TEXT", "should be text"),
    "string_unicode": ("NOT_TEXT", "should be text, and half a character is none"),
    "string_too_short": ("TOO_SHORT", "should not be empty"),
    "string_too_long": ("TOO_LONG", "should have at most {max_length} characters"),
    "string_pattern_mismatch": ("WRONG_FORM", "{form}"),
    "int_type": ("NOT_A_WHOLE_NUMBER", "should be a whole number"),
    "greater_than_equal": ("TOO_SMALL", "should be {ge} or more"),
    "less_than_equal": ("TOO_LARGE", "should be {le} or less"),
    "finite_number": ("NOT_A_RATE", "should be a number"),
    "decimal_max_places": ("TOO_MANY_DECIMALS", "should have at most {decimal_places} decimals"),
    "date_from_datetime_parsing": ("NOT_A_DATE", "the calendar has no such day"),
    "date_parsing": ("NOT_A_DATE", "the calendar has no such day"),
    "datetime_parsing": ("NOT_A_TIME", "the calendar has no such day, or the clock no such time"),
    "datetime_from_date_parsing": ("NOT_A_TIME", "the calendar has no such day, or the clock no such time"),
    "literal_error": ("NOT_A_CHOICE", "should be {expected}"),
    "tuple_type": ("NOT_A_LIST", "should be a list"),
    "too_long": ("TOO_MANY", "should hold at most {max_length}"),
    "model_type": ("NOT_AN_OBJECT", "should be an object"),
    "model_attributes_type": ("NOT_AN_OBJECT", "should be an object"),
}
_OTHERWISE = ("INVALID", "is not as the schema says")


def problems_of(error: ValidationError) -> list[dict[str, str]]:
    """What is wrong, one entry a field, at most 50; without the values, which may be personal."""
    return [_problem(told) for told in error.errors(include_input=False, include_url=False)[:50]]


def _problem(told: ErrorDetails) -> dict[str, str]:
    facts = told.get("ctx", {})
    if told["type"].isupper():  # raised here, with its code and its words
        code, words = told["type"], told["msg"]
    else:
        code, sentence = _WORDS.get(told["type"], _OTHERWISE)
        form = _FORMS.get(facts.get("pattern", ""), _OTHERWISE[1])
        words = sentence.format_map(facts | {"form": form}).replace("'", "")
    place = [str(part) for part in told["loc"]]
    if "field" in facts:  # the model as a whole was asked, and one field of it is wrong
        place.append(facts["field"])
    return {"field": ".".join(place) or "detail", "code": code, "problem": words}
