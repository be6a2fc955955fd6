"""docs/events is the contract with other systems: it equals the models, and real events satisfy it."""

import json
import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from loading import ROOT

from accord import events, portfolio
from accord.billing import AccountOverdue, AccountStatusChanged, parse
from accord.errors import InputRejectedError
from infra.schemas import FOLDER, schemas, text_of

NOW = datetime(2026, 6, 15, 2, 0, tzinfo=UTC)
PUBLISHED: dict[str, events.CaseEvent] = {
    "CaseOpened": events.CaseOpened(round=1, jurisdiction="CN", currency="CNY", balance=1_235_000, days_past_due=45),
    "CaseAssessed": events.CaseAssessed(
        affordable_monthly=30_000,
        affordable_most=None,
        band="PARTIAL",
        confidence="LOW",
        exceeds_ability=True,
        willing=True,
        willingness="MEDIUM",
        questions=("INCOME",),
        doubts=("ABOVE_GUIDELINE",),
        policy_version="cn-1",
        rules=("assessment.rounding_step",),
    ),
    "OfferMade": events.OfferMade(
        currency="CNY",
        offers=(
            events.OfferSummary(
                offer_id="o-1",
                product="INTEREST_FREE",
                months=36,
                regular_instalment=27_777,
                last_instalment=27_805,
                waived=5_000,
                total_payable=1_000_000,
                valid_until="2026-03-19T02:00:00+00:00",
            ),
        ),
        approved_by="policy",
        policy_version="cn-1",
        rules=(),
    ),
    "ContactRequested": events.ContactRequested(
        contact_id="k-1", channel="SMS", template="invitation", offer_ids=("o-1",), rules=()
    ),
    "ComplaintRaised": events.ComplaintRaised(about="AMOUNT", answer_by=NOW),
    "AgreementSigned": events.AgreementSigned(
        offer_id="o-1", terms_hash="0" * 64, consents=({"id": "terms", "version": "1"},), language="en"
    ),
    "PlanActivated": events.PlanActivated(
        offer_id="o-1",
        currency="CNY",
        waived=events.WaivedAmounts(principal=0, interest=0, penalty_interest=0, late_fees=5_000, fees=0),
        schedule=(events.PlannedInstalment(number=1, due_date=date(2026, 7, 31), amount=27_777),),
        annual_rate_ppm=0,
        document_sha256="0" * 64,
    ),
    "InstalmentPaid": events.InstalmentPaid(
        number=1, due_date=date(2026, 7, 31), amount=27_777, paid_on=date(2026, 7, 30), left=972_223
    ),
    "PlanCompleted": events.PlanCompleted(
        offer_id="o-1",
        currency="CNY",
        paid=1_000_000,
        settled_on=date(2029, 6, 30),
        instalments=36,
        in_time=35,
        waived=events.WaivedAmounts(principal=0, interest=0, penalty_interest=0, late_fees=5_000, fees=0),
    ),
    "EvidenceCollected": events.EvidenceCollected(files_sha256="a" * 64),
    "CaseClosed": events.CaseClosed(reason="DECLINED"),
    "StaffTaskCreated": events.StaffTaskCreated(task_id="t-1", kind="REVIEW_OFFERS", due_at=NOW),
}


def validate(name: str, detail: dict[str, Any]) -> None:
    schema = json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(detail)


def test_the_files_equal_the_models() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.schema.json")}
    made = {f"{name}.schema.json": text_of(schema) for name, schema in schemas().items()}
    assert written == made, "run python -m infra.schemas"


@pytest.mark.parametrize("name", sorted(schemas()))
def test_every_file_is_a_json_schema(name: str) -> None:
    Draft202012Validator.check_schema(schemas()[name])


@pytest.mark.parametrize("name", events.PUBLISHED)
def test_what_the_bus_carries_satisfies_its_schema_and_holds_no_other_field(name: str) -> None:
    actor = events.Actor(kind="SYSTEM", id="test")
    chained = events.link("c-1", "A-1001", 1, events.GENESIS, NOW, actor, PUBLISHED[name])
    detail = json.loads(json.dumps(events.announcement(chained)))
    validate(name, detail)
    assert set(detail) == set(schemas()[name]["properties"])


def sample_details() -> list[dict[str, Any]]:
    data = (ROOT / "samples" / "portfolio.csv").read_bytes()
    plan = portfolio.plan([data])
    return [
        detail
        for piece in plan.ranges
        for detail in portfolio.screen(data[piece.start : piece.end], plan.columns, piece.line, NOW).overdue
    ]


def test_every_account_of_the_sample_portfolio_satisfies_the_schema_of_what_comes_in() -> None:
    details = sample_details()
    assert len(details) > 20
    for detail in details:
        validate("AccountOverdue", detail)


def changed(path: str, value: Any) -> dict[str, Any]:
    """A sample's detail with another value; ... takes the field away."""
    detail: dict[str, Any] = json.loads(json.dumps(sample_details()[0]))
    *parents, last = path.split(".")
    target = detail
    for parent in parents:
        target = target[parent]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return detail


REFUSED = [
    ("account.balance.principal", -1),
    ("account.balance.principal", "12"),
    ("account.balance.principal", True),
    ("account.currency", "yuan"),
    ("account.daysPastDue", None),
    ("account.accountId", ...),
    *[("account.apr", apr) for apr in (
        "0_1", "1.825e-1", " 0.1825 ", "+0.1", "-0.1", ".5", "5.", "00.1", "1.5", "0.1234567", "", "NaN", "٠.١",
        "Infinity", 1.5, -0.1, True, None, [0.1])],
    *[(field, day) for field in ("account.openedOn", "account.oldestUnpaidDueDate", "cardholder.birthDate") for day in (
        "2021-03-15T00:00:00", "2021-03-15 00:00", "2021-03-15T00:00:00Z", "20210315", "2021-3-5", "2021-02-30",
        " 2021-03-15", "1821-03-15", 1615766400, "")],
    *[("occurredAt", at) for at in (
        "yesterday", "2026-06-15", "2026-06-15T02:00:00", "2026-06-15 02:00:00Z", "2026-06-15T02:00Z", 1781488800,
        "2026-06-15T02:00:00+0800", "2026-06-15T25:00:00Z", "2026-02-30T02:00:00Z")],
    ("cardholder.phone", "13800138000"),
    ("cardholder.flags", ["RICH"]),
    ("cardholder.flags", "DECEASED"),
    ("cardholder.language", "fr"),
    ("cardholder", []),
    ("eventId", ""),
]  # fmt: skip
TAKEN = [
    *[("account.apr", apr) for apr in ("0.1825", "0", "1", "1.0", "0.182500", 0.1825, 0, 1, 1e-5)],
    ("account.openedOn", "2021-03-15"),
    *[("occurredAt", at) for at in (
        "2026-06-14T02:00:00Z", "2026-06-14T02:00:00.123456+08:00", "2026-06-14T02:00:00-09:30")],
    ("account.history", []),
    ("cardholder.monthlyIncome", None),
    ("cardholder.newField", "of a newer billing"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value"), REFUSED)
def test_schema_and_model_refuse_the_same(path: str, value: Any) -> None:
    detail = changed(path, value)
    with pytest.raises(InputRejectedError) as refused:
        parse(AccountOverdue, detail)
    assert {problem["field"].startswith(path) for problem in refused.value.problems} == {True}
    with pytest.raises(ValidationError):
        validate("AccountOverdue", detail)


@pytest.mark.parametrize(("path", "value"), TAKEN)
def test_schema_and_model_take_the_same(path: str, value: Any) -> None:
    detail = changed(path, value)
    assert parse(AccountOverdue, detail).event_id == detail["eventId"]
    validate("AccountOverdue", detail)


def in_snake_case(value: Any) -> Any:
    if isinstance(value, dict):
        return {re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower(): in_snake_case(part) for name, part in value.items()}
    return [in_snake_case(part) for part in value] if isinstance(value, list) else value


def test_on_the_wire_a_field_has_its_one_name() -> None:
    detail = in_snake_case(sample_details()[0])
    with pytest.raises(InputRejectedError) as refused:
        parse(AccountOverdue, detail)
    told = {problem["field"]: (problem["code"], problem["problem"]) for problem in refused.value.problems}
    assert told["eventId"] == told["account.accountId"] == told["cardholder.idLast4"] == ("MISSING", "it is missing")
    with pytest.raises(ValidationError):
        validate("AccountOverdue", detail)


def test_a_change_of_status_satisfies_its_schema() -> None:
    detail = {"eventId": "e-1", "accountId": "A-1001", "status": "DECEASED", "at": "2026-06-15T02:00:00Z"}
    parse(AccountStatusChanged, detail)
    validate("AccountStatusChanged", detail)
    with pytest.raises(ValidationError):
        validate("AccountStatusChanged", detail | {"status": "GONE"})
