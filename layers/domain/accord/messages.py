"""What Accord writes to a customer: versioned texts in Chinese and English, with figures from approved offers alone.

A message names the institution first and says what to do, without any amount that is owed: a telephone may lie open
where others read it. The one figure is in the code for signing, which has to say what it signs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from accord.case import Case, Offer, Product
from accord.contact_gate import Purpose
from accord.customer import offers_to_show
from accord.errors import NotApprovedError
from accord.money import format_money
from accord.policy import Policy
from accord.texts import format_date, texts
from accord.wording import check_reviewed


@dataclass(frozen=True)
class Sender:
    """Who writes: the institution by its name in the reader's language, and the number that answers."""

    institution: str
    phone: str


@dataclass(frozen=True)
class Message:
    """A text ready to leave, in the form of each channel."""

    subject: str
    sms: str
    email: str


# The template that invites to no offer: the customer's means are asked for first.
ASKING = "QUESTIONS"
# The template for who was locked out: it leads to whatever the pages hold, offers or not.
NEW_LINK = "NEW_LINK"
# What became of it: the plan is active; a person decided, and there is no plan, or what was offered before stands.
PLAN_ACTIVE, REVIEW_NO_PLAN, REVIEW_KEPT = "PLAN_ACTIVE", "REVIEW_NO_PLAN", "REVIEW_KEPT"
# The account came in order by itself, and what was offered is not needed any more.
IN_ORDER = "IN_ORDER"
# The customer wants none of it; nobody decided in time; a complaint was made.
DECLINED, RAN_OUT, COMPLAINT_NOTED = "DECLINED", "RAN_OUT", "COMPLAINT_NOTED"
# The customer asked for a call, or for a person to decide; what they told us changed nothing that was offered.
CALL_NOTED, PERSON_NOTED, OFFERS_STAND = "CALL_NOTED", "PERSON_NOTED", "OFFERS_STAND"
# A person has answered the complaint; a promised call did not reach the customer.
COMPLAINT_ANSWERED, CALL_TRIED = "COMPLAINT_ANSWERED", "CALL_TRIED"
# What was signed does not begin.
PLAN_WITHDRAWN = "PLAN_WITHDRAWN"
# What is owed has changed since the offers were made, and they with it.
CHANGED_OFFERS = "CHANGED_OFFERS"
# The pages hold nothing more to see or to decide, or nothing that the message is about.
WITHOUT_LINK = frozenset(
    {
        REVIEW_NO_PLAN,
        IN_ORDER,
        DECLINED,
        RAN_OUT,
        COMPLAINT_NOTED,
        COMPLAINT_ANSWERED,
        PLAN_WITHDRAWN,
        CALL_NOTED,
        CALL_TRIED,
        PERSON_NOTED,
    }
)
_WITHOUT_OFFERS = WITHOUT_LINK | {ASKING, NEW_LINK, PLAN_ACTIVE}
# A one-time code is good for so long.
CODE_MINUTES = 5
# The last line lets a phone offer the code on the page of this very site and on no other.
_AUTOFILL = "\n@{host} #{code}"


def sender_of(policy: Policy, today: date, language: str) -> Sender:
    """The institution as the policy in force names it."""
    return Sender(policy.rule("institution.name", today)[language], policy.rule("institution.phone", today))


def text_id(template: str, language: str) -> str:
    """Template, version and language of a text: the evidence of what was sent."""
    return f"{template}/{texts('messages')['contacts'][template]['version']}/{language}"


def purpose_of(template: str) -> Purpose:
    """Whether a message is our own wish (COLLECTION) or answers what the person did (SERVICE)."""
    purpose: Purpose = texts("messages")["contacts"][template]["purpose"]
    return purpose


def check_template(template: str) -> None:
    """Check that a template's words were reviewed, before anything is made for it: a new link ends the one before.

    Raises TextNotReviewedError.
    """
    said = texts("messages")["contacts"][template]
    check_reviewed(f"messages/{template}/{said['version']}", said)


def contact_message(
    template: str, case: Case, offer_ids: Sequence[str], sender: Sender, link: str, now: datetime
) -> Message:
    """The message that brings a personal link (except for WITHOUT_LINK) to offers, a question, or where things stand.

    Raises NotApprovedError when it invites to offers and none of them may be quoted now, TextNotReviewedError where the
    words are not those that were reviewed.
    """
    check_template(template)
    said, language = texts("messages")["contacts"][template], case.language
    words = {"institution": sender.institution, "phone": sender.phone, "link": link}
    if template not in _WITHOUT_OFFERS:
        words["until"] = format_date(_until(case, offer_ids, now), language)
    return Message(
        subject=said["subject"][language].format(**words),
        sms=said["sms"][language].format(**words),
        email=said["email"][language].format(**words),
    )


def _until(case: Case, offer_ids: Sequence[str], now: datetime) -> date:
    """The last day on which all the offers that may be quoted are valid, where the customer is."""
    valid = [offer for offer in offers_to_show(case, now) if offer.offer_id in offer_ids]
    if not valid:
        raise NotApprovedError("the message invites to offers, and none of them is approved and valid")
    return last_day(valid, case)


def last_day(offers: Iterable[Offer], case: Case) -> date:
    """The last day on which all of the offers are valid, where the customer is."""
    return min(offer.valid_until for offer in offers).astimezone(ZoneInfo(case.time_zone)).date()


def check_codes() -> None:
    """Check that the words of codes were reviewed, before a code is made and counted. Raises TextNotReviewedError."""
    said = texts("messages")["codes"]
    check_reviewed(f"messages/codes/{said['version']}", said)


def identity_code_sms(code: str, language: str, sender: Sender, host: str) -> str:
    """The SMS with the code that lets a person in. Raises TextNotReviewedError."""
    words: str = _codes()["identity"][language].format(institution=sender.institution, code=code, minutes=CODE_MINUTES)
    return words + _AUTOFILL.format(host=host, code=code)


def signature_code_sms(code: str, offer: Offer, terms_hash: str, language: str, sender: Sender, host: str) -> str:
    """The SMS with the code that signs: it says what is signed, so that a changed page is noticed.

    `offer` comes from `accord.offers.quotable`. Raises TextNotReviewedError.
    """
    said = _codes()
    plan = said["once" if offer.product is Product.LUMP_SUM else "instalments"][language].format(
        months=offer.months,
        amount=format_money(offer.regular_instalment, offer.currency, language),
        first=format_date(offer.first_due_date, language),
    )
    words: str = said["signature"][language].format(
        institution=sender.institution,
        phone=sender.phone,
        code=code,
        minutes=CODE_MINUTES,
        plan=plan,
        terms=terms_hash[-4:],
    )
    return words + _AUTOFILL.format(host=host, code=code)


def _codes() -> Any:
    check_codes()
    return texts("messages")["codes"]
