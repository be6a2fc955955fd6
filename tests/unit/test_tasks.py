"""A task for staff: when it is due, and that it carries a reason with the facts of that reason and no others."""

from datetime import timedelta

import pytest
from builders import NOW, a_case

from accord.case import DUE_WITHIN, TASK_FACTS, StaffTask, TaskKind, TaskReason, new_task


def test_every_kind_has_a_time_within_which_it_should_be_done_and_every_reason_its_facts() -> None:
    assert set(DUE_WITHIN) == set(TaskKind)
    assert set(TASK_FACTS) == set(TaskReason)


@pytest.mark.parametrize("reason", TaskReason)
def test_a_task_carries_its_reason_and_exactly_the_facts_of_it(reason: TaskReason) -> None:
    facts = dict.fromkeys(TASK_FACTS[reason], "x")
    task, created = new_task(a_case(), TaskKind.CALL_CUSTOMER, NOW, reason, facts)
    assert (task.reason, task.facts) == (reason, facts)
    assert StaffTask.model_validate_json(task.model_dump_json()) == task
    assert created.task_id == task.task_id
    for wrong in (facts | {"name": "x"}, {"name": "x"}):
        with pytest.raises(ValueError, match="takes the facts"):
            new_task(a_case(), TaskKind.CALL_CUSTOMER, NOW, reason, wrong)


def test_a_fact_that_is_missing_is_refused() -> None:
    with pytest.raises(ValueError, match="rule"):
        new_task(a_case(), TaskKind.REACH_BY_HAND, NOW, TaskReason.CONTACT_REFUSED)


def test_a_task_is_due_in_the_time_of_its_kind_unless_it_is_more_urgent() -> None:
    reason = TaskReason.REVIEW_OVERDUE
    assert new_task(a_case(), TaskKind.REVIEW_OFFERS, NOW, reason)[0].due_at == NOW + timedelta(days=1)
    assert new_task(a_case(), TaskKind.REVIEW_OFFERS, NOW, reason, within=timedelta(0))[0].due_at == NOW
