"""Which endings the run with real accounts recognises, and when it says that all went well."""

from datetime import UTC, datetime, timedelta

import pytest

from accord.billing import AccountOverdue, parse
from accord.case import Case, ClosedReason, Identification, StaffTask, Status, TaskKind, TaskReason
from accord.opening import NEW_ACCOUNT, open_case
from infra.data import sample
from infra.data.run_real import Ending, ending_of, report

NOW = datetime(2026, 6, 16, 2, 0, tzinfo=UTC)


def a_case(status: Status, **changes: object) -> Case:
    opened = open_case(parse(AccountOverdue, sample.details()[0]), NEW_ACCOUNT, NOW).case
    return opened.model_copy(update={"status": status, **changes})


def a_task(kind: TaskKind) -> StaffTask:
    due, reason = NOW + timedelta(days=1), TaskReason.REVIEW_OVERDUE
    return StaffTask(task_id="t", case_id="c", kind=kind, created_at=NOW, due_at=due, reason=reason)


@pytest.mark.parametrize(
    ("case", "tasks", "ending"),
    [
        (a_case(Status.ASSESSED), [], None),
        (a_case(Status.OFFERED), [], None),
        (a_case(Status.IN_REVIEW), [], None),
        (a_case(Status.INVITED), [], ("INVITED", "asked for income first")),
        (a_case(Status.OFFERED), [a_task(TaskKind.REACH_BY_HAND)], ("OFFERED", None)),
        (a_case(Status.ASSESSED), [a_task(TaskKind.REACH_BY_HAND)], ("ASSESSED", None)),
        (
            a_case(Status.IN_REVIEW, review_reasons=("VULNERABLE",)),
            [a_task(TaskKind.REVIEW_OFFERS)],
            ("IN_REVIEW", "VULNERABLE"),
        ),
        (
            a_case(
                Status.CLOSED,
                closed_reason=ClosedReason.EXCLUDED,
                identification=Identification(
                    delinquency_bucket="M1", exclusion="DISPUTED", vulnerable=False, rules=()
                ),
            ),
            [],
            ("CLOSED", "EXCLUDED: DISPUTED"),
        ),
        (a_case(Status.ASSESSED), [a_task(TaskKind.FAILED_STEP)], ("FAILED", "ASSESSED")),
    ],
)
def test_a_case_ends_when_it_waits_for_somebody_outside(
    case: Case, tasks: list[StaffTask], ending: tuple[str, str | None] | None
) -> None:
    found = ending_of(case, tasks)
    assert (found is None) is (ending is None)
    if found and ending:
        assert found[0] == ending[0]
        assert ending[1] in (None, found[1])


FINE = {"A-1": Ending("INVITED", "offers: 2", 0.5), "A-2": Ending("CLOSED", "EXCLUDED", 0.1)}


@pytest.mark.parametrize(
    ("endings", "dead", "fine"),
    [
        (FINE, {}, True),
        ({"A-1": FINE["A-1"]}, {}, False),
        ({}, {}, False),
        (FINE | {"A-2": Ending("FAILED", "ASSESSED", 0.1)}, {}, False),
        (FINE, {"contact-dead": 1}, False),
    ],
)
def test_it_went_well_only_if_nothing_is_lost_stuck_failed_or_undelivered(
    endings: dict[str, Ending], dead: dict[str, int], fine: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(endings, ["A-1", "A-2"], dead, 2.0) is fine
    assert f"lost or stuck: {2 - len(endings)}" in capsys.readouterr().out
