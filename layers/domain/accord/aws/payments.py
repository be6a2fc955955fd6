"""Payments: every one that billing posts is kept by its id and beside its account, and reaches the account's case."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from accord import clock
from accord.aws.clients import client, error_code, translated
from accord.aws.rejects import read_envelope
from accord.aws.store import CaseStore
from accord.billing import PaymentPosted, PaymentReversed, parse
from accord.case import Posting
from accord.errors import InputRejectedError
from accord.opening import check_told_by_now
from accord.payments import note_payment
from accord.policy import load_policy

# A payment may come back long after it was posted, and an account may come to us long after it was paid to.
_KEEP = timedelta(days=400)


@dataclass(frozen=True)
class KeptPayment:
    """A payment as billing told it."""

    payment_id: str
    account_id: str
    amount: int  # minor units
    currency: str
    posted_at: datetime
    taken_back: bool = False


class PaymentBook:
    """The payments, by their own ids and by account. Whatever comes twice or in another order is kept the same way."""

    def __init__(self, cases_table: str) -> None:
        self._table = cases_table
        self._db = client("dynamodb")

    def keep(self, payment: KeptPayment) -> KeptPayment:
        """Keep a payment that was posted; return it with whether it was taken back.

        Raises InputRejectedError when its id was given before to another payment.
        """
        given = _values(payment)
        same = " AND ".join(f"#{name} = :{name}" for name in given)
        try:
            found = self._set(_by_id(payment.payment_id), given, f"attribute_not_exists(account_id) OR ({same})")
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            problem = "another payment had this id before: every payment needs one of its own"
            raise InputRejectedError.of("paymentId", "ID_USED_BEFORE", problem) from None
        return self._beside_account(_found(payment.payment_id, found))

    def take_back(self, payment_id: str) -> KeptPayment | None:
        """Keep that a payment was taken back; return it, or None while nothing else is known of it."""
        found = self._set(_by_id(payment_id), _TAKEN_BACK)
        return self._beside_account(_found(payment_id, found)) if "account_id" in found else None

    def of_account(self, account_id: str) -> list[KeptPayment]:
        """The payments to an account that were heard in the last months, in no order."""
        with translated():
            pages = self._db.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :account AND begins_with(sk, :payment)",
                ExpressionAttributeValues={":account": {"S": f"ACCOUNT#{account_id}"}, ":payment": {"S": "PAYMENT#"}},
                ConsistentRead=True,
            )
            return [_found(item["sk"]["S"].removeprefix("PAYMENT#"), item) for page in pages for item in page["Items"]]

    def _beside_account(self, payment: KeptPayment) -> KeptPayment:
        """Both who posts and who takes back may come here, in any order: that it was taken back is never unsaid."""
        key = {"pk": {"S": f"ACCOUNT#{payment.account_id}"}, "sk": {"S": f"PAYMENT#{payment.payment_id}"}}
        self._set(key, _values(payment) | (_TAKEN_BACK if payment.taken_back else {}))
        return payment

    def _set(self, key: Mapping[str, Any], values: Mapping[str, Any], condition: str | None = None) -> dict[str, Any]:
        values = {**values, "expires_at": {"N": str(int((clock.now() + _KEEP).timestamp()))}}
        with translated():
            answer = self._db.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
                ExpressionAttributeNames={f"#{name}": name for name in values},
                ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
                ReturnValues="ALL_NEW",
                **({"ConditionExpression": condition} if condition else {}),
            )
        attributes: dict[str, Any] = answer["Attributes"]
        return attributes


class Payments:
    """Takes billing's payments in, each once."""

    def __init__(self, cases: CaseStore, book: PaymentBook) -> None:
        self._cases = cases
        self._book = book

    def take(self, body: str) -> str:
        """Take one bus event in; return COUNTED, TAKEN_BACK, or WITHOUT_CASE where no case is about the account (yet).

        Raises InputRejectedError for what can never be right, ServiceUnavailableError for what may be right later.
        """
        kind, detail, _ = read_envelope(body)
        match kind:
            case "PaymentPosted":
                posted = parse(PaymentPosted, detail)
                check_told_by_now("postedAt", posted.posted_at, clock.now())
                return self._post(self._book.keep(KeptPayment(**posted.model_dump(exclude={"event_id"}))))
            case "PaymentReversed":
                back = parse(PaymentReversed, detail)
                check_told_by_now("reversedAt", back.reversed_at, clock.now())
                payment = self._book.take_back(back.payment_id)
                return "WITHOUT_CASE" if payment is None else self._post(payment)
            case other:
                raise InputRejectedError.of("detail-type", "UNKNOWN_TYPE", f"not taken in here: {other}")

    def _post(self, payment: KeptPayment) -> str:
        known = self._cases.cases_of(payment.account_id)
        case_id = known.open_case_id or known.last_case_id
        if case_id is None:
            return "WITHOUT_CASE"
        post(self._cases, case_id, payment)
        return "TAKEN_BACK" if payment.taken_back else "COUNTED"


def post(cases: CaseStore, case_id: str, payment: KeptPayment) -> None:
    """Post a payment, or that it was taken back, to a case; once each."""
    posting = Posting(
        payment_id=payment.payment_id, amount=payment.amount, posted_at=payment.posted_at, void=payment.taken_back
    )
    key = f"payment/{payment.payment_id}" + ("/back" if payment.taken_back else "")
    cases.change(
        case_id,
        key,
        lambda case: note_payment(case, posting, payment.currency, load_policy(case.jurisdiction), clock.now()),
    )


_TAKEN_BACK = {"taken_back": {"BOOL": True}}


def _by_id(payment_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"PAYMENT#{payment_id}"}, "sk": {"S": "PAYMENT"}}


def _values(payment: KeptPayment) -> dict[str, dict[str, Any]]:
    return {
        "account_id": {"S": payment.account_id},
        "amount": {"N": str(payment.amount)},
        "currency": {"S": payment.currency},
        "posted_at": {"S": payment.posted_at.isoformat()},
    }


def _found(payment_id: str, item: Mapping[str, Any]) -> KeptPayment:
    return KeptPayment(
        payment_id=payment_id,
        account_id=item["account_id"]["S"],
        amount=int(item["amount"]["N"]),
        currency=item["currency"]["S"],
        posted_at=datetime.fromisoformat(item["posted_at"]["S"]),
        taken_back="taken_back" in item,
    )
