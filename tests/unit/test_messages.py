"""What leaves for a telephone or a mailbox: names the institution, no debt, no person, and only approved figures."""

import re
from datetime import timedelta
from string import Formatter

import pytest
from builders import NOW, TODAY, an_offered_case, the_policy

from accord.case import Case, Offer, Product
from accord.errors import NotApprovedError
from accord.messages import (
    ASKING,
    NEW_LINK,
    PLAN_ACTIVE,
    WITHOUT_LINK,
    Message,
    contact_message,
    identity_code_sms,
    sender_of,
    signature_code_sms,
    text_id,
)
from accord.texts import LANGUAGES, texts

LINK = f"https://plan.bank.example/c/{'x' * 43}"
WITHOUT_OFFERS = (ASKING, NEW_LINK, PLAN_ACTIVE, *sorted(WITHOUT_LINK))
TEMPLATES = texts("messages")["contacts"]
EVERY = [(template, language) for template in TEMPLATES for language in LANGUAGES]
FORBIDDEN = {
    "zh-CN": ("逾期", "欠款", "催收", "起诉", "法院", "公安", "坐牢", "征信", "后果", "立即", "马上还"),
    "en": (
        "overdue",
        "debt",
        "owe",
        "collection",
        "court",
        "police",
        "jail",
        "legal action",
        "immediately",
        "credit record",
    ),
}


def message(template: str, language: str, case: Case | None = None) -> Message:
    case = case or an_offered_case(language=language)
    sender = sender_of(the_policy(), TODAY, language)
    return contact_message(template, case, [offer.offer_id for offer in case.offers], sender, LINK, NOW)


@pytest.mark.parametrize(("template", "language"), EVERY)
def test_a_message_names_the_institution_and_gives_link_phone_and_a_way_out(template: str, language: str) -> None:
    made = message(template, language)
    name = {"zh-CN": "示例银行", "en": "Example Bank"}[language]
    assert made.sms.startswith((f"【{name}】", f"{name}:"))
    assert made.subject.startswith(name)
    for text in (made.sms, made.email):
        assert name in text
        assert (LINK in text) == (template not in WITHOUT_LINK)
        assert "400-000-0000" in text
    assert re.search("拒收请回复R|STOP", made.sms)


@pytest.mark.parametrize(("template", "language"), EVERY)
def test_a_message_holds_no_amount_no_debt_and_no_threat(template: str, language: str) -> None:
    case = an_offered_case(language=language)
    made = message(template, language, case)
    for text in (made.subject, made.sms, made.email):
        assert "¥" not in text
        assert not [word for word in FORBIDDEN[language] if word in text.lower()]
        assert case.account_id not in text
        assert case.case_id not in text


@pytest.mark.parametrize(("template", "language"), [pair for pair in EVERY if pair[0] not in WITHOUT_OFFERS])
def test_the_day_until_which_the_offers_hold_is_that_of_the_readers_zone(template: str, language: str) -> None:
    case = an_offered_case(language=language)
    late = NOW.replace(hour=17) + timedelta(days=3)  # one in the morning of the next day in Shanghai
    soon = case.model_copy(update={"offers": tuple(o.model_copy(update={"valid_until": late}) for o in case.offers)})
    assert {"zh-CN": "2026年3月9日", "en": "9 March 2026"}[language] in message(template, language, soon).sms


def test_both_languages_fill_in_the_same_things() -> None:
    said = [template[form] for template in TEMPLATES.values() for form in ("subject", "sms", "email")]
    codes = {name: one for name, one in texts("messages")["codes"].items() if name != "version"}
    for one in [*said, *codes.values()]:
        assert set(one) == set(LANGUAGES)
        named = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in one.values()]
        assert named[0] == named[1]


def test_offers_that_nobody_approved_or_that_ran_out_invite_nobody() -> None:
    case = an_offered_case()
    withheld = tuple(offer.model_copy(update={"approved_by": None}) for offer in case.offers)
    past = tuple(offer.model_copy(update={"valid_until": NOW}) for offer in case.offers)
    for offers in (withheld, past, ()):
        with pytest.raises(NotApprovedError):
            message("INVITATION", "zh-CN", case.model_copy(update={"offers": offers}))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_new_link_is_written_with_and_without_offers(language: str) -> None:
    case = an_offered_case(language=language)
    assert message(NEW_LINK, language, case) == message(NEW_LINK, language, case.model_copy(update={"offers": ()}))


def test_an_sms_stays_short() -> None:
    for template, language in EVERY:
        assert len(message(template, language).sms) <= {"zh-CN": 201, "en": 306}[language]  # three, and two, parts


def test_what_was_sent_has_a_name_with_version_and_language() -> None:
    assert text_id("INVITATION", "en") == "INVITATION/1/en"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_code_to_come_in_says_nothing_but_what_it_is_for(language: str) -> None:
    text = identity_code_sms("012345", language, sender_of(the_policy(), TODAY, language), "plan.bank.example")
    assert text.endswith("\n@plan.bank.example #012345")
    assert "¥" not in text
    assert not [word for word in FORBIDDEN[language] if word in text.lower()]


def offer_of(product: Product) -> Offer:
    case = an_offered_case()
    return case.offers[0].model_copy(
        update={"product": product, "regular_instalment": 50_000, "months": 1 if product is Product.LUMP_SUM else 24}
    )


@pytest.mark.parametrize(
    ("product", "language", "words"),
    [
        (Product.INTEREST_FREE, "en", "24 instalments of ¥500.00, the first on"),
        (Product.REDUCED_RATE, "zh-CN", "分24期，每期¥500.00，首期"),
        (Product.LUMP_SUM, "en", "one payment of ¥500.00 by"),
        (Product.LUMP_SUM, "zh-CN", "前一次付清¥500.00"),
    ],
)
def test_the_code_that_signs_says_what_it_signs(product: Product, language: str, words: str) -> None:
    sender = sender_of(the_policy(), TODAY, language)
    text = signature_code_sms("654321", offer_of(product), "a" * 60 + "beef", language, sender, "plan.bank.example")
    assert words in text
    assert "beef" in text
    assert text.endswith("\n@plan.bank.example #654321")
