"""What billing tells us: the events on the bus, validated field by field, and the account and person they become."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from accord.case import Account, Balance, Circumstances, HistoryMonth
from accord.errors import InputRejectedError
from accord.money import rate_to_ppm
from accord.person import Person

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
_MOST = 10**13
Amount = Annotated[int, Field(strict=True, ge=0, le=_MOST)]
SignedAmount = Annotated[int, Field(strict=True, ge=-_MOST, le=_MOST)]
Count = Annotated[int, Field(strict=True, ge=0, le=10_000)]


def _iso_text(value: Any) -> Any:
    """Only ISO text of this age names a day or a moment: a bare number would be read as seconds since 1970."""
    if not isinstance(value, str) or not re.match(r"(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("should be ISO 8601 and from 1900 to 2099, for example 2026-05-31")
    return value


def _printable(value: str) -> str:
    """A name stands in messages and contracts: nothing that is not seen, and nothing that turns the text around."""
    if re.search(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", value):
        raise ValueError("holds a control character")
    return value


Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(_printable)
]
Day = Annotated[date, BeforeValidator(_iso_text)]
Moment = Annotated[AwareDatetime, BeforeValidator(_iso_text)]
ToldEvent = TypeVar("ToldEvent", bound="Told")
# The gravest first: of two words of the same moment it is the one that counts.
AccountStatus = Literal["DECEASED", "BANKRUPT", "FRAUD", "DISPUTED", "MORATORIUM", "SOLD", "CLOSED", "NORMAL"]
Flag = Literal["VULNERABLE", "REPRESENTED", "CEASE_CONTACT", AccountStatus]


class Told(BaseModel):
    """A part of a billing event: camelCase on the wire. Fields that we do not know come from a newer billing."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore", hide_input_in_errors=True
    )


class ToldBalance(Told):
    principal: Amount
    interest: Amount = 0
    penalty_interest: Amount = 0
    late_fees: Amount = 0
    fees: Amount = 0

    @model_validator(mode="after")
    def can_be_added_up(self) -> "ToldBalance":
        if self.principal + self.interest + self.penalty_interest + self.late_fees + self.fees > _MOST:
            raise ValueError(f"the components add up to more than {_MOST}")
        return self


class ToldMonth(Told):
    month: Annotated[str, StringConstraints(pattern=r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$")]
    billed: SignedAmount
    paid: Amount
    months_past_due: Annotated[int, Field(strict=True, ge=0, le=120)]


class ToldAccount(Told):
    account_id: Identifier
    product_code: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    opened_on: Day
    credit_limit: Amount
    balance: ToldBalance
    days_past_due: Count
    oldest_unpaid_due_date: Day | None = None
    apr: Annotated[Decimal, Field(ge=0, le=1, decimal_places=6)]
    minimum_due: Amount
    history: Annotated[tuple[ToldMonth, ...], Field(max_length=60)] = ()

    @field_validator("history")
    @classmethod
    def each_month_once_newest_first(cls, history: tuple[ToldMonth, ...]) -> tuple[ToldMonth, ...]:
        if len({month.month for month in history}) < len(history):
            raise ValueError("a month stands there more than once")
        return tuple(sorted(history, key=lambda month: month.month, reverse=True))

    @model_validator(mode="after")
    def overdue_has_a_due_date(self) -> "ToldAccount":
        if self.days_past_due > 0 and self.oldest_unpaid_due_date is None:
            raise ValueError("oldestUnpaidDueDate is required when daysPastDue is above 0")
        return self


class ToldCardholder(Told):
    cardholder_id: Identifier
    name: Text
    phone: Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
    email: (
        Annotated[str, StringConstraints(pattern=r"^[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,190}$")] | None
    ) = None
    language: Literal["zh-CN", "en"]
    time_zone: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}$", max_length=64)]
    id_last4: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{4}$")]
    birth_date: Day
    monthly_income: Amount | None = None
    monthly_essential_spend: Amount | None = None
    dependants: Annotated[int, Field(strict=True, ge=0, le=30)] | None = None
    other_debt_payments: Amount | None = None
    hardship: Annotated[str, StringConstraints(pattern=r"^[A-Z_]{1,40}$")] | None = None
    flags: Annotated[tuple[Flag, ...], Field(max_length=20)] = ()


class AccountOverdue(Told):
    """Billing hands over an account whose payment is late."""

    event_id: Identifier
    occurred_at: Moment
    jurisdiction: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    account: ToldAccount
    cardholder: ToldCardholder

    def as_account(self) -> Account:
        """The account as a case keeps it; the yearly rate becomes whole parts per million."""
        told = self.account
        return Account(
            **told.model_dump(exclude={"apr", "balance", "history"}),
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


class AccountStatusChanged(Told):
    """Billing says that an account's standing changed: a death, a dispute, a sale, or back to normal."""

    event_id: Identifier
    account_id: Identifier
    status: AccountStatus
    at: Moment


def parse(model: type[ToldEvent], detail: Any) -> ToldEvent:
    """The detail of a bus event as `model`. Raises InputRejectedError that names each wrong field, without values."""
    try:
        return model.model_validate(detail)
    except ValidationError as error:
        raise InputRejectedError(problems_of(error)) from None


def problems_of(error: ValidationError) -> list[dict[str, str]]:
    """What is wrong, one entry a field, at most 50; without the values, which may be personal."""
    return [
        {
            "field": ".".join(str(part) for part in problem["loc"]) or "detail",
            "problem": problem["msg"].removeprefix("Value error, "),
        }
        for problem in error.errors(include_input=False, include_url=False, include_context=False)[:50]
    ]
