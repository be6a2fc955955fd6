"""A person with a telephone and a browser: from the link in an SMS to a sealed agreement that verifies."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from billing_events import overdue_detail
from browser.looks import OLD_PHONE, chromium, fits, keeping_pages
from browser.states import TEXTS
from playwright.sync_api import Browser, expect

from accord import clock
from accord.aws.store import CaseStore
from accord.billing import AccountOverdue, parse
from accord.case import Case, Status
from accord.comprehension import questions
from accord.drawing import strokes
from accord.events import verify_chain
from accord.opening import case_id_of
from infra.local.application import BUS, accord_stack
from infra.local.gateway import Gateway
from infra.local.server import Server, listen
from infra.local.stack import LocalStack

pytestmark = pytest.mark.xdist_group("journeys")  # one stack and one browser for all of them


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    listener = listen(0)
    with accord_stack(f"http://127.0.0.1:{listener.getsockname()[1]}") as running:
        server = Server(Gateway(running), listener)
        server.start()
        yield running
        server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


class Customer:
    """A card holder whom billing handed over, and who got a message."""

    def __init__(self, stack: LocalStack, number: str, name: str = "王小明") -> None:
        self.stack = stack
        detail = overdue_detail(
            event_id=f"evt-{number}",
            account_id=f"acct-{number}",
            cardholder={"phone": f"+86100000{number}", "name": name},
            occurredAt=clock.now().isoformat(),
        )
        self.phone: str = detail["cardholder"]["phone"]
        self.case_id = case_id_of(parse(AccountOverdue, detail))
        self.cases = CaseStore(stack.physical_id("CasesTable"), stack.physical_id("EventsTable"))
        stack.put_event(BUS, "billing.cards", "AccountOverdue", detail)

    @property
    def case(self) -> Case:
        return self.cases.get(self.case_id)

    def message(self, pattern: str, number: int = 1) -> str:
        """What matches in the newest SMS of the `number` that have to be there."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            mine = [message.text for message in self.stack.messages if message.to == self.phone]
            if len(mine) >= number and (found := re.search(pattern, mine[-1])):
                return found[1]
            time.sleep(0.05)
        raise AssertionError(f"no SMS with {pattern}; problems: {self.stack.problems}")

    def answers(self) -> dict[str, str]:
        case = self.case
        offer = case.offer(case.chosen_offer_id)
        assert offer is not None
        return {question.id: question.right for question in questions(offer, "en")}


@pytest.mark.parametrize(("language", "number"), [("zh-CN", "001"), ("en", "002")])
def test_from_the_link_to_a_valid_sealed_agreement_without_any_script(
    stack: LocalStack, browser: Browser, tmp_path: Path, language: str, number: str
) -> None:
    words = {key: text[language] for key, text in TEXTS.items()}
    customer = Customer(stack, number)
    phone = browser.new_context(viewport=OLD_PHONE, locale=language, java_script_enabled=False, accept_downloads=True)
    page = phone.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))

    def stands(title: str, **patience: float) -> None:
        expect(page.get_by_role("heading", level=1)).to_have_text(words[title], **patience)
        fits(page)

    def press(button: str, **filled: str) -> None:
        page.get_by_role("button", name=words[button].format(**filled)).click()

    page.goto(customer.message(r"(http\S+/c/\S+)"))
    stands("landing.title")
    page.get_by_label(words["landing.last4"]).fill("204x")
    press("landing.send")
    stands("code.title")
    page.get_by_label(words["code.label"]).fill(customer.message(r"#(\d{6})$", 2))
    press("code.check")

    stands("offers.title")
    press("offers.choose", number="1")
    stands("questions.title")
    for question, choice in customer.answers().items():
        page.locator(f'input[name="{question}"][value="{choice}"]').check()
    press("questions.check")

    stands("agreement.title")
    for box in page.get_by_role("checkbox").all():
        expect(box).not_to_be_checked()
        box.check()
    press("agreement.next")

    stands("sign.title")
    page.get_by_label(words["sign.name"]).fill("王小明")
    page.get_by_label(words["sign.code"]).fill(customer.message(r"[\s\S]*#(\d{6})$", 3))
    press("sign.do")

    stands("plan.done.title", timeout=20_000)  # it updates by itself
    with page.expect_download() as waiting:
        press("plan.download")
    document = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(document)

    assert document.read_bytes().startswith(b"%PDF-")
    said = subprocess.run(["pdfsig", "-nocert", str(document)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    page.get_by_role("link", name=words["plan.verify"]).click()
    stands("verify.title")
    page.locator("#document").set_input_files(document)
    press("verify.send")
    expect(page.get_by_role("status")).to_contain_text(words["verify.ours.title"])
    stack.settle()
    assert customer.case.status is Status.ACTIVE
    assert verify_chain(customer.cases.events(customer.case_id), customer.case.head, customer.case.version) > 10
    ours = page.url.split("/verify")[0]
    assert all(url.startswith(ours) for url in requests)  # nothing is fetched from anybody else
    assert not stack.problems
    phone.close()


def test_who_likes_draws_their_signature_and_finds_it_in_the_agreement(
    stack: LocalStack, browser: Browser, tmp_path: Path
) -> None:
    customer = Customer(stack, "006")
    phone = browser.new_context(viewport=OLD_PHONE, locale="en", accept_downloads=True)
    page = phone.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(customer.message(r"(http\S+/c/\S+)"))
    page.get_by_label("Last four characters").fill("204x")
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_label("Six-digit code").fill(customer.message(r"#(\d{6})$", 2))
    page.get_by_role("button", name="Go in").click()
    page.get_by_role("button", name="Choose option 1").click()
    for question, choice in customer.answers().items():
        page.locator(f'input[name="{question}"][value="{choice}"]').check()
    page.get_by_role("button", name="I have answered").click()
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="I agree").click()

    area = page.get_by_role("img", name="Draw your signature")
    expect(area).to_be_visible()
    fits(page)

    def draw(*points: tuple[float, float]) -> None:
        area.scroll_into_view_if_needed()
        box = area.bounding_box()
        assert box is not None
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=5)
        page.mouse.up()

    draw((0.1, 0.1), (0.2, 0.2))
    page.get_by_role("button", name="Start over").click()
    assert page.locator("#drawing").input_value() == ""
    draw((0.1, 0.5), (0.3, 0.2), (0.5, 0.8))
    draw((0.6, 0.5), (0.9, 0.5))
    drawing = page.locator("#drawing").input_value()
    assert [len(stroke) > 2 for stroke in strokes(drawing)] == [True, True]
    assert strokes(drawing)[1][-1] == (540, 100)

    def sign(name: str) -> None:
        page.get_by_label("Your full name").fill(name)
        page.get_by_label("Signing code").fill(customer.message(r"[\s\S]*#(\d{6})$", 3))
        page.get_by_role("button", name="Sign the agreement").click()

    picture = "canvas => canvas.toDataURL()"
    drawn = area.evaluate(picture)
    sign("王大明")
    expect(page.get_by_role("alert")).to_contain_text("This is not the name that the bank has.")
    expect(page.locator("#drawing")).to_have_value(drawing)
    assert area.evaluate(picture) == drawn
    draw((0.2, 0.9), (0.8, 0.9))
    assert page.locator("#drawing").input_value().startswith(f"{drawing};"), "what is drawn now comes to it"
    sign("王小明")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your plan is agreed", timeout=20_000)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download the agreement").click()
    document = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(document)
    said = subprocess.run(["pdfsig", "-nocert", str(document)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in said
    text = subprocess.run(["pdftotext", str(document), "-"], capture_output=True, text=True, check=False).stdout
    assert "drawing the signature below" in " ".join(text.split())
    assert [problem for problem in problems if "a status of 422" not in problem] == [], "that is the wrong name"
    stack.settle()
    assert not stack.problems
    phone.close()


def test_after_leaving_safely_the_back_button_shows_nothing_of_the_debt(stack: LocalStack, browser: Browser) -> None:
    customer = Customer(stack, "007")
    keeping = keeping_pages(browser)
    page = keeping.new_context(viewport=OLD_PHONE, locale="en").new_page()
    page.goto(customer.message(r"(http\S+/c/\S+)"))
    page.get_by_label("Last four characters").fill("204x")
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_label("Six-digit code").fill(customer.message(r"#(\d{6})$", 2))
    page.get_by_role("button", name="Go in").click()
    owed = page.locator("main").get_by_text("you owed").inner_text().split()[-1]
    page.get_by_role("link", name="I tell you what I earn and spend").click()
    page.get_by_role("button", name="Leave safely").click()
    for _ in range(2):
        page.evaluate("() => { history.back(); }")
        expect(page.get_by_role("heading", level=1)).to_have_text("You have been signed out")
        assert owed not in page.content()
    keeping.close()
