"""The personal part of a cardholder: the only record of a name, a phone number, an e-mail address or an identity."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict


class Person(BaseModel):
    """Who a cardholder is. Lives in the people table alone; everywhere else stands the cardholder id."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    cardholder_id: str
    name: str
    phone: str  # E.164
    email: str | None = None
    language: str
    id_last4: str
    birth_date: date
    told_at: datetime

    def __repr__(self) -> str:
        """Without any personal field, so that a log or a traceback shows none."""
        return f"Person({self.cardholder_id})"

    __str__ = __repr__
