"""Identification: how late, whether something forbids negotiating, who needs extra care."""

from datetime import date, timedelta

import pytest
from builders import NOW, TODAY, YUAN, a_balance, a_case, a_history, a_policy, an_account, circumstances, the_policy

from accord.case import Change, Identification, Status
from accord.errors import RuleMissingError
from accord.events import CaseIdentified
from accord.identification import bucket, identify, segment


@pytest.mark.parametrize(
    ("days", "name"),
    [(-3, "M0"), (0, "M0"), (1, "M1"), (30, "M1"), (31, "M2"), (60, "M2"), (61, "M3"), (90, "M3"), (91, "M4"),
     (150, "M5"), (151, "M6"), (180, "M6"), (181, "M6+"), (4_000, "M6+")],
)  # fmt: skip
def test_the_bucket_follows_from_the_days_past_due(days: int, name: str) -> None:
    assert bucket(days) == name


def identified(**changes: object) -> Change:
    return identify(a_case(**changes), the_policy(), NOW)


def test_an_overdue_account_is_negotiated() -> None:
    change = identified()
    assert change.result == {"outcome": "NEGOTIATE"}
    assert change.case.status is Status.IDENTIFIED
    assert change.case.identification is not None
    assert change.case.identification.delinquency_bucket == "M3"
    (event,) = change.events
    assert isinstance(event, CaseIdentified)
    assert (event.exclusion, event.policy_version) == (None, "cn-2026.3")
    assert "identification.exclusions" in event.rules


@pytest.mark.parametrize("flag", ["DECEASED", "BANKRUPT", "FRAUD", "DISPUTED", "MORATORIUM", "SOLD", "CLOSED"])
def test_an_account_in_another_procedure_is_excluded_with_the_reason(flag: str) -> None:
    change = identified(flags=("VULNERABLE", flag))
    assert change.result == {"outcome": "EXCLUDED"}
    assert change.case.identification is not None
    assert change.case.identification.exclusion == flag
    assert change.case.status is Status.IDENTIFIED  # closing is the next step's


@pytest.mark.parametrize(
    ("account", "reason"),
    [
        (
            an_account(balance=a_balance(principal=0, interest=0, penalty_interest=0, late_fees=0, fees=0)),
            "NOTHING_OWED",
        ),
        (an_account(days_past_due=0), "NOT_OVERDUE"),
    ],
)
def test_without_a_debt_that_is_late_there_is_nothing_to_negotiate(account: object, reason: str) -> None:
    change = identified(account=account)
    # An account that came to us was late: that it is not is word of it since.
    assert change.result == {"outcome": "CURED" if reason == "NOT_OVERDUE" else "EXCLUDED"}
    assert change.case.identification is not None
    assert change.case.identification.exclusion == reason


@pytest.mark.parametrize(
    ("changes", "vulnerable"),
    [
        ({}, False),
        ({"flags": ("VULNERABLE",)}, True),
        ({"circumstances": circumstances(hardship="ILLNESS")}, True),
        ({"circumstances": circumstances(hardship="JOB_LOSS")}, False),
        ({"flags": ("REPRESENTED",)}, False),
    ],
)
def test_who_needs_extra_care_is_noted(changes: dict[str, object], vulnerable: bool) -> None:
    change = identified(**changes)
    assert change.result == {"outcome": "NEGOTIATE"}
    assert change.case.identification is not None
    assert change.case.identification.vulnerable is vulnerable


def test_without_the_rule_nobody_is_identified() -> None:
    with pytest.raises(RuleMissingError, match=r"identification\.exclusions"):
        identify(a_case(), a_policy(identification__exclusions=None), NOW)


@pytest.mark.parametrize("status", [status for status in Status if status not in (Status.OPENED, Status.IDENTIFIED)])
def test_a_case_that_is_further_already_goes_on_where_it_stands(status: Status) -> None:
    case = a_case(status=status)
    change = identify(case, the_policy(), NOW)
    assert (change.result, change.case, change.events) == ({"outcome": status.value}, case, ())


def test_who_sees_the_offers_and_was_promised_a_message_is_told_when_the_case_is_started_again() -> None:
    case = a_case(status=Status.NEGOTIATING, untold=True)
    assert identify(case, the_policy(), NOW).result == {"outcome": "OFFERED"}


# --- the early warning and the treatment -------------------------------------------------------------------------

CALM = an_account(history=a_history(*[1_500 * YUAN] * 6), days_past_due=0, oldest_unpaid_due_date=None)
FEW_DAYS = {"days_past_due": 3, "oldest_unpaid_due_date": date(2026, 3, 2)}


def with_pd(monkeypatch: pytest.MonkeyPatch, pd_ppm: int | None) -> None:
    """What the scorecard says is the scorecard's matter; here it is what a test needs."""
    monkeypatch.setattr("accord.identification.pd_of", lambda account: (pd_ppm, ("UTILISATION",)))


def found(change: Change) -> Identification:
    assert change.case.identification is not None
    return change.case.identification


@pytest.mark.parametrize(
    ("changes", "pd_ppm", "treatment"),
    [
        ({}, 500_000, "NEGOTIATION"),
        ({"account": an_account(**FEW_DAYS)}, 100_000, "SELF_CURE_WATCH"),
        ({"account": an_account(**FEW_DAYS)}, 250_000, "NEGOTIATION"),  # the policy's bound
        ({"account": an_account(**FEW_DAYS)}, None, "NEGOTIATION"),  # unknown is not unlikely
        ({"account": an_account(days_past_due=6)}, 100_000, "NEGOTIATION"),
        ({"account": CALM, "at_risk": True}, 300_000, "EARLY_CONTACT"),
        ({"account": CALM, "at_risk": True}, None, "EARLY_CONTACT"),  # billing says so
        ({"account": CALM, "at_risk": True}, 299_999, "NONE"),
        ({"flags": ("VULNERABLE",)}, 500_000, "SPECIALIST_DESK"),
        ({"account": an_account(**FEW_DAYS), "flags": ("VULNERABLE",)}, 100_000, "SPECIALIST_DESK"),
        ({"flags": ("SOLD",)}, 500_000, "NONE"),
    ],
)
def test_the_treatment_follows_the_policy(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], pd_ppm: int | None, treatment: str
) -> None:
    with_pd(monkeypatch, pd_ppm)
    assert found(identified(**changes)).treatment == treatment


def test_who_is_hardly_late_is_watched_until_the_days_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with_pd(monkeypatch, 100_000)
    change = identified(account=an_account(**FEW_DAYS))
    # Three days late at ten in the morning: the sixth day begins in three days at midnight.
    assert change.result == {"outcome": "WATCH", "wait_seconds": (2 * 24 + 14) * 3600 + 1}
    later = identify(change.case, the_policy(), NOW + timedelta(seconds=change.result["wait_seconds"]))
    assert later.result == {"outcome": "NEGOTIATE"}


def test_who_is_not_late_and_not_at_risk_is_left_in_peace(monkeypatch: pytest.MonkeyPatch) -> None:
    with_pd(monkeypatch, 10_000)
    change = identified(account=CALM, at_risk=True)
    assert change.result == {"outcome": "EXCLUDED"}
    assert (found(change).exclusion, found(change).delinquency_bucket) == ("NOT_AT_RISK", "M0")


def test_the_scorecards_word_is_on_record_with_its_reasons() -> None:
    identification = found(identified())
    assert identification.pd_ppm is not None
    assert 0 < identification.pd_ppm < 1_000_000
    assert identification.pd_reasons
    unknown = found(identified(account=an_account(history=a_history(100))))
    assert (unknown.pd_ppm, unknown.pd_reasons) == (None, ())


@pytest.mark.parametrize(
    ("owed", "name"), [(4_999_99, "SMALL"), (5_000_00, "STANDARD"), (49_999_99, "STANDARD"), (10**9, "LARGE")]
)
def test_the_segment_follows_from_what_is_owed(owed: int, name: str) -> None:
    assert segment(owed, the_policy().on(TODAY)) == name
