"""A person with a telephone and a browser: from the link in an SMS to a sealed agreement that verifies."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from billing_events import overdue_detail
from playwright.sync_api import Browser, Page, expect, sync_playwright

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
from infra.setup.browser import browser as installed_browser

QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
pytestmark = pytest.mark.xdist_group("browser")  # one stack and one browser for all of them
OLD_PHONE = {"width": 320, "height": 568}


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    listener = listen(0)
    with accord_stack(f"http://127.0.0.1:{listener.getsockname()[1]}") as running:
        server = Server(Gateway(running), listener)
        server.start()
        yield running
        server.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed_browser(), args=QUIET)
        yield browser
        browser.close()


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


# With everything unfolded: how much wider than the screen the page is, and which amounts break across lines.
MEASURE = """() => {
  const folded = [...document.querySelectorAll("details:not([open])")];
  folded.forEach(details => { details.open = true; });
  const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const broken = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    for (const found of texts.currentNode.data.matchAll(/¥[\\d,.]*\\d/g)) {
      const range = document.createRange();
      range.setStart(texts.currentNode, found.index);
      range.setEnd(texts.currentNode, found.index + found[0].length);
      if (new Set([...range.getClientRects()].map(line => Math.round(line.top))).size > 1) broken.push(found[0]);
    }
  }
  folded.forEach(details => { details.open = false; });
  return [over, broken];
}"""


def fits(page: Page) -> None:
    """Nothing scrolls sideways, and no amount breaks."""
    over, broken = page.evaluate(MEASURE)
    assert over == 0, f"{page.url} is {over} px too wide"
    assert broken == [], f"{page.url} breaks amounts"


def test_from_the_link_to_a_valid_sealed_agreement_without_any_script(
    stack: LocalStack, chromium: Browser, tmp_path: Path
) -> None:
    customer = Customer(stack, "001")
    phone = chromium.new_context(viewport=OLD_PHONE, locale="zh-CN", java_script_enabled=False, accept_downloads=True)
    page = phone.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))

    page.goto(customer.message(r"(http\S+/c/\S+)"))
    expect(page.get_by_role("heading", level=1)).to_have_text("您的专属页面")
    page.get_by_label("身份证件号码后四位").fill("204x")
    page.get_by_role("button", name="给我发验证码").click()
    page.get_by_label("6 位验证码").fill(customer.message(r"#(\d{6})$", 2))
    page.get_by_role("button", name="进入").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("您可以选的安排")
    fits(page)
    page.get_by_role("button", name="选方案 1").click()
    for question, choice in customer.answers().items():
        page.locator(f'input[name="{question}"][value="{choice}"]').check()
    fits(page)
    page.get_by_role("button", name="答好了").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("请看协议")
    fits(page)
    boxes = page.get_by_role("checkbox")
    for box in boxes.all():
        expect(box).not_to_be_checked()
        box.check()
    page.get_by_role("button", name="同意，给我发签署验证码").click()

    page.get_by_label("您的姓名").fill("王小明")
    page.get_by_label("短信里的签署验证码").fill(customer.message(r"签署验证码[\s\S]*#(\d{6})$", 3))
    fits(page)
    page.get_by_role("button", name="签署协议").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("协议已生效", timeout=20_000)  # it updates by itself
    fits(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="下载协议（PDF）").click()
    document = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(document)

    assert document.read_bytes().startswith(b"%PDF-")
    said = subprocess.run(["pdfsig", "-nocert", str(document)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    page.get_by_role("link", name="任何人都可以检验").click()
    fits(page)
    page.locator("#document").set_input_files(document)
    page.get_by_role("button", name="检验").click()
    expect(page.get_by_role("status")).to_contain_text("是我们的原件")
    stack.settle()
    assert customer.case.status is Status.ACTIVE
    assert verify_chain(customer.cases.events(customer.case_id), customer.case.head, customer.case.version) > 10
    ours = page.url.split("/verify")[0]
    assert all(url.startswith(ours) for url in requests)  # nothing is fetched from anybody else
    assert not stack.problems
    phone.close()


def test_who_likes_draws_their_signature_and_finds_it_in_the_agreement(
    stack: LocalStack, chromium: Browser, tmp_path: Path
) -> None:
    customer = Customer(stack, "006")
    phone = chromium.new_context(viewport=OLD_PHONE, locale="en", accept_downloads=True)
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

    page.wait_for_load_state()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.reload()
    area = page.get_by_role("img", name="Draw your signature")
    expect(area).to_be_visible()
    assert len(requests) <= 3, "the page, its look and its script"
    fits(page)
    area.scroll_into_view_if_needed()

    def draw(*points: tuple[float, float]) -> None:
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

    page.get_by_label("Your full name").fill("王小明")
    page.get_by_label("Signing code").fill(customer.message(r"[\s\S]*#(\d{6})$", 3))
    page.get_by_role("button", name="Sign the agreement").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your plan is agreed", timeout=20_000)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download the agreement").click()
    document = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(document)
    said = subprocess.run(["pdfsig", "-nocert", str(document)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in said
    text = subprocess.run(["pdftotext", str(document), "-"], capture_output=True, text=True, check=False).stdout
    assert "drawing the signature below" in " ".join(text.split())
    assert problems == []
    stack.settle()
    assert not stack.problems
    phone.close()


@pytest.mark.parametrize(("language", "colours"), [("en", "dark"), ("zh-CN", "light")])
def test_no_page_has_a_barrier(stack: LocalStack, chromium: Browser, language: str, colours: str) -> None:
    """axe-core finds nothing on any page, at the width of an old phone."""
    customer = Customer(stack, "002" if language == "en" else "003")
    context = chromium.new_context(
        viewport=OLD_PHONE, locale=language, color_scheme="dark" if colours == "dark" else "light", bypass_csp=True
    )
    page = context.new_page()
    seen: list[str] = []

    def check() -> None:
        page.wait_for_load_state("load")  # a page that is still on its way has no document to look at
        result = Axe().run(page)
        assert result.violations_count == 0, f"{page.url}: {result.generate_report()}"
        fits(page)
        seen.append(page.get_by_role("heading", level=1).inner_text())

    page.goto(customer.message(r"(http\S+/c/\S+)"))
    landing = page.url
    check()
    page.locator("#last4").fill("0000")
    page.locator("main button").click()
    check()
    page.locator("#last4").fill("204X")
    page.locator("main button").click()
    check()
    page.locator("#code").fill(customer.message(r"#(\d{6})$", 2))
    page.locator("main button").click()
    check()
    for way in ("proposal", "income"):
        page.goto(f"{landing.split('/c/')[0]}/my/{way}")
        check()
        page.locator("main input[type=text]").first.fill("much")
        page.locator("main button").click()
        check()
    for way in ("call", "decline", "complaint", "contact", "offers"):
        page.goto(f"{landing.split('/c/')[0]}/my/{way}")
        check()
    page.locator("main summary").first.click()
    check()
    page.locator("main form button").first.click()
    check()
    right = customer.answers()
    wrong = right | {"AMOUNT": next(choice for choice in "abc" if choice != right["AMOUNT"])}
    for answers in (wrong, right):
        for question, choice in answers.items():
            page.locator(f'input[name="{question}"][value="{choice}"]').check()
        page.locator("main form button").click()
        check()
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.locator("main form button").click()
    check()
    page.locator("#name").fill("王小明")
    page.locator("#code").fill("12")
    page.locator("main form button.primary").click()
    check()
    page.locator("#code").fill(customer.message(r"#(\d{6})$", 3))
    page.locator("main form button.primary").click()
    expect(page.locator("main form button")).to_be_visible(timeout=20_000)
    check()
    page.locator("header button").last.click()
    check()
    page.goto(f"{landing.split('/c/')[0]}/my")
    check()
    page.goto(f"{landing.split('/c/')[0]}/verify")
    check()
    page.locator("#document").set_input_files({"name": "a.pdf", "mimeType": "application/pdf", "buffer": b"another"})
    page.locator("main button").click()
    check()
    assert len(seen) == 24
    assert not stack.problems
    context.close()


@pytest.mark.parametrize(
    ("language", "words"), [("en", "We cannot print your name"), ("zh-CN", "您的姓名暂时打印不出来")]
)
def test_who_cannot_sign_yet_is_told_on_an_old_phone_without_a_barrier(
    stack: LocalStack, chromium: Browser, language: str, words: str
) -> None:
    customer = Customer(stack, "004" if language == "en" else "005", name="\U00020bb7" * 100)
    context = chromium.new_context(viewport=OLD_PHONE, locale=language, bypass_csp=True)
    page = context.new_page()
    page.goto(customer.message(r"(http\S+/c/\S+)"))
    page.locator("#last4").fill("204X")
    page.locator("main button").click()
    page.locator("#code").fill(customer.message(r"#(\d{6})$", 2))
    page.locator("main button").click()
    told = page.locator(".notice")
    expect(told).to_contain_text(words)
    expect(told.get_by_role("link").last).to_have_attribute("href", re.compile("/my/call$"))
    assert Axe().run(page).violations_count == 0
    fits(page)
    page.locator("main form button").first.click()
    for question, choice in customer.answers().items():
        page.locator(f'input[name="{question}"][value="{choice}"]').check()
    page.locator("main form button").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(words)
    assert page.locator("main button").count() == 0
    assert Axe().run(page).violations_count == 0
    fits(page)
    context.close()
