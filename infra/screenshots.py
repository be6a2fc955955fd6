"""Takes the README's pictures from the running application: `python -m infra.screenshots` writes docs/pictures."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from rich.console import Console

from accord.comprehension import questions
from infra.demo import LAST4, NAME, Story
from infra.local.application import SAMPLE_PORTFOLIO, accord_stack, send_portfolio
from infra.local.gateway import Gateway
from infra.local.server import Server, listen
from infra.setup.browser import browser
from infra.setup.fonts import FONTS

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
# A machine without Chinese fonts shows boxes; the document's own fonts serve for the pictures too.
_FONTCONFIG = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>
"""
_PHONE = {"width": 390, "height": 760}


def main() -> int:
    """Walk through the pages as the demonstration does, and take a picture of each that the README shows."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        config = Path(folder) / "fonts.conf"
        config.write_text(_FONTCONFIG.format(fonts=FONTS, cache=folder), encoding="utf-8")
        listener = listen(0)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with accord_stack(address) as stack:
            server = Server(Gateway(stack), listener)
            server.start()
            chromium = playwright.chromium.launch(
                executable_path=browser(),
                args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
                env={**os.environ, "FONTCONFIG_FILE": str(config)},
            )
            page = chromium.new_page(viewport=_PHONE, device_scale_factor=2, locale="zh-CN")
            walk(page, Story(Console(quiet=True), stack), address)
            send_portfolio(stack, SAMPLE_PORTFOLIO)
            stack.settle(120)
            console_page(chromium.new_page(viewport={"width": 1180, "height": 620}, locale="en"), address)
            chromium.close()
            server.stop()
    return 0


def walk(page: Page, story: Story, address: str) -> None:
    """The customer's way, with a picture of the offers, the questions and the agreement."""
    stack = story.stack
    stack.put_event(stack.output("BusName"), "billing.cards", "AccountOverdue", story.detail)
    story.reach("INVITED")
    page.goto(f"{address}{story.phone.link()}")
    page.fill("[name=last4]", LAST4)
    page.click("form:not([action]) button.primary")
    page.fill("[name=code]", story.phone.code())
    page.click("form:not([action]) button.primary")
    page.screenshot(path=PICTURES / "offers.png")
    page.click("[name=offer]")
    page.screenshot(path=PICTURES / "questions.png")
    case = story.case()
    offer = case.offer(case.chosen_offer_id)
    assert offer is not None
    for question in questions(offer, "zh-CN"):
        page.check(f"[name='{question.id}'][value='{question.right}']")
    page.click("form:not([action]) button.primary")
    for consent in page.query_selector_all("[name^=consent-]"):
        consent.check()
    page.click("form:not([action]) button.primary")
    page.fill("[name=name]", NAME)
    page.fill("[name=code]", story.phone.code())
    page.click("form:not([action]) button.primary")
    story.reach("ACTIVE")
    page.goto(f"{address}/my/plan")
    with page.expect_download() as download, tempfile.TemporaryDirectory() as folder:
        page.click("form:not([action]) button.primary")
        pdf = Path(folder) / "agreement.pdf"
        download.value.save_as(pdf)
        target = PICTURES / "agreement"
        subprocess.run(
            ["pdftoppm", "-png", "-r", "72", "-f", "1", "-l", "1", "-singlefile", str(pdf), str(target)], check=True
        )


def console_page(page: Page, address: str) -> None:
    """What staff see."""
    page.goto(f"{address}/ops")
    page.screenshot(path=PICTURES / "tasks.png")


if __name__ == "__main__":
    sys.exit(main())
