"""The step that proposes: who told us something and keeps the offers hears so; who told us nothing hears nothing."""

from collections.abc import Iterator
from types import ModuleType

import pytest
from integration.web_fixtures import CONTEXT, Web, web_on_moto
from loading import load_app

from accord.case import Circumstances
from accord.customer import tell_circumstances
from accord.events import Actor

CUSTOMER = Actor(kind="CUSTOMER", id="visit-1")
NOTHING_LEFT = {"monthly_income": 300_000, "monthly_essential_spend": 300_000, "other_debt_payments": 0}


@pytest.fixture(scope="module")
def steps() -> Iterator[tuple[Web, dict[str, ModuleType]]]:
    with web_on_moto() as web:
        yield web, {name: load_app(name) for name in ("assess", "propose")}


@pytest.mark.parametrize(("told_by", "messages"), [("CUSTOMER", ["OFFERS_STAND"]), ("BILLING", [])])
def test_that_the_offers_stand_is_said_to_who_told_us_something(
    steps: tuple[Web, dict[str, ModuleType]], told_by: str, messages: list[str]
) -> None:
    web, apps = steps
    web.clear()
    case = web.invited()
    if told_by == "CUSTOMER":
        web.change(case.case_id, lambda case: tell_circumstances(case, NOTHING_LEFT, "d-1", CUSTOMER, web.now))
    else:
        web.update(case.case_id, circumstances=Circumstances(**NOTHING_LEFT, told_by="BILLING"))
    for name in ("assess", "propose"):
        result = apps[name].handler({"case_id": case.case_id, "step": f"{case.case_id}/{name}"}, CONTEXT)
    assert result == {"outcome": "KEPT"}
    requested = [record.template for record in web.cases.get(case.case_id).contacts]
    assert requested == ["INVITATION", *messages]
