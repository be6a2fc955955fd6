"""docs/events is the contract with other systems: it equals the models, and real events satisfy it."""

import json
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
            ),
        ),
        approved_by="policy",
        policy_version="cn-1",
        rules=(),
    ),
    "ContactRequested": events.ContactRequested(
        contact_id="k-1", channel="SMS", template="invitation", offer_ids=("o-1",), rules=()
    ),
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


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("account.balance.principal", -1),
        ("account.balance.principal", "12"),
        ("account.currency", "yuan"),
        ("account.daysPastDue", None),
        ("cardholder.phone", "13800138000"),
        ("cardholder.flags", ["RICH"]),
        ("occurredAt", "yesterday"),
        ("eventId", ""),
    ],
)
def test_schema_and_model_refuse_the_same(path: str, value: Any) -> None:
    detail = json.loads(json.dumps(sample_details()[0]))
    *parents, last = path.split(".")
    target = detail
    for parent in parents:
        target = target[parent]
    target[last] = value
    with pytest.raises(InputRejectedError):
        parse(AccountOverdue, detail)
    with pytest.raises(ValidationError):
        validate("AccountOverdue", detail)


def test_a_change_of_status_satisfies_its_schema() -> None:
    detail = {"eventId": "e-1", "accountId": "A-1001", "status": "DECEASED", "at": "2026-06-15T02:00:00Z"}
    parse(AccountStatusChanged, detail)
    validate("AccountStatusChanged", detail)
    with pytest.raises(ValidationError):
        validate("AccountStatusChanged", detail | {"status": "GONE"})
