"""What Accord writes to a customer: versioned texts in Chinese and English, with figures from approved offers alone.

A message names the institution first and says what to do, without any amount that is owed: a telephone may lie open
where others read it. The one figure is in the code for signing, which has to say what it signs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from accord.agreement import format_date
from accord.case import Case, Offer, Product
from accord.errors import NotApprovedError
from accord.money import format_money
from accord.offers import quotable
from accord.policy import Policy

LANGUAGES = ("zh-CN", "en")


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


@dataclass(frozen=True)
class Template:
    """One reviewed text in all languages; a changed word is a new version."""

    version: int
    subject: dict[str, str]
    sms: dict[str, str]
    email: dict[str, str]


# The one template that invites to no offer: the customer's means are asked for first.
ASKING = "QUESTIONS"

TEMPLATES: dict[str, Template] = {
    "INVITATION": Template(
        version=1,
        subject={
            "zh-CN": "{institution}：请查看为您准备的还款安排",
            "en": "{institution}: options for your card account",
        },
        sms={
            "zh-CN": "【{institution}】您好，我们为您的信用卡账户准备了几种可选安排，{until}前有效，请查看：{link} "
            "如需人工帮助请致电{phone}。我们不会在电话中向您索要验证码。拒收请回复R",
            "en": "{institution}: hello. We have some options for your card account. Please look at them by {until}: "
            "{link} To speak with us call {phone}. We never ask for a code by phone. Reply STOP to opt out.",
        },
        email={
            "zh-CN": "您好：\n\n我们为您的信用卡账户准备了几种可选安排，{until}前有效。您可以慢慢看，不必马上决定。\n\n"
            "请打开您的专属链接：\n{link}\n\n打开后我们会先确认是您本人，确认之前页面上没有您的账户信息。"
            "请不要把链接转发给别人。\n\n需要人工帮助，请致电 {phone}。我们不会在电话或邮件中向您索要验证码。\n"
            "如果不想再收到这类邮件，请致电告诉我们。\n\n{institution}",
            "en": "Hello,\n\nWe have some options for your card account. They are valid until {until}. Take your time: "
            "nothing is decided until you say so.\n\nOpen your personal link:\n{link}\n\nWe first make sure that it is "
            "you. Before that the page shows nothing about your account. Please do not pass the link on.\n\n"
            "To speak with a person call {phone}. We never ask for a code by phone or e-mail.\n"
            "If you do not want e-mails like this one, call and tell us.\n\n{institution}",
        },
    ),
    "REMINDER": Template(
        version=1,
        subject={"zh-CN": "{institution}：您的可选安排仍然有效", "en": "{institution}: your options are still open"},
        sms={
            "zh-CN": "【{institution}】您好，为您的信用卡账户准备的几种安排{until}前仍然有效：{link} "
            "新链接已代替旧链接。如需人工帮助请致电{phone}。拒收请回复R",
            "en": "{institution}: hello. The options for your card account are open until {until}: {link} "
            "This link replaces the one before. To speak with us call {phone}. Reply STOP to opt out.",
        },
        email={
            "zh-CN": "您好：\n\n为您的信用卡账户准备的几种安排{until}前仍然有效。您随时可以继续，之前的进度都在。\n\n"
            "请打开您的专属链接（它代替了之前的链接）：\n{link}\n\n需要人工帮助，请致电 {phone}。"
            "我们不会在电话或邮件中向您索要验证码。\n如果不想再收到这类邮件，请致电告诉我们。\n\n{institution}",
            "en": "Hello,\n\nThe options for your card account are open until {until}. You can go on where you stopped."
            "\n\nOpen your personal link (it replaces the one before):\n{link}\n\nTo speak with a person call {phone}. "
            "We never ask for a code by phone or e-mail.\n"
            "If you do not want e-mails like this one, call and tell us.\n\n{institution}",
        },
    ),
    "NEW_OFFERS": Template(
        version=1,
        subject={"zh-CN": "{institution}：您的新安排已准备好", "en": "{institution}: your new options are ready"},
        sms={
            "zh-CN": "【{institution}】您好，我们已根据您告诉我们的情况重新准备了几种安排，{until}前有效，请查看："
            "{link} 如需人工帮助请致电{phone}。拒收请回复R",
            "en": "{institution}: hello. We used what you told us and made new options, open until {until}: {link} "
            "To speak with us call {phone}. Reply STOP to opt out.",
        },
        email={
            "zh-CN": "您好：\n\n谢谢您告诉我们您的情况。我们据此重新准备了几种安排，{until}前有效。\n\n"
            "请打开您的专属链接（它代替了之前的链接）：\n{link}\n\n需要人工帮助，请致电 {phone}。"
            "我们不会在电话或邮件中向您索要验证码。\n如果不想再收到这类邮件，请致电告诉我们。\n\n{institution}",
            "en": "Hello,\n\nThank you for telling us how things are. We used it to make new options. They are open "
            "until {until}.\n\nOpen your personal link (it replaces the one before):\n{link}\n\nTo speak with a person "
            "call {phone}. We never ask for a code by phone or e-mail.\n"
            "If you do not want e-mails like this one, call and tell us.\n\n{institution}",
        },
    ),
    "QUESTIONS": Template(
        version=1,
        subject={
            "zh-CN": "{institution}：请告诉我们您的情况，我们好为您安排",
            "en": "{institution}: tell us how things are, so that we can find a plan",
        },
        sms={
            "zh-CN": "【{institution}】您好，关于您的信用卡账户，我们想先了解您每月的收支，"
            "才能准备您负担得起的安排，请填写：{link} "
            "如需人工帮助请致电{phone}。我们不会在电话中向您索要验证码。拒收请回复R",
            "en": "{institution}: hello. About your card account: tell us what comes in and goes out each month, "
            "so that we can find a plan you can afford: {link} To speak with us call {phone}. "
            "We never ask for a code by phone. Reply STOP to opt out.",
        },
        email={
            "zh-CN": "您好：\n\n关于您的信用卡账户，我们想为您准备负担得起的安排。"
            "请先告诉我们您每月的收入和必要支出。\n\n"
            "请打开您的专属链接：\n{link}\n\n打开后我们会先确认是您本人，确认之前页面上没有您的账户信息。"
            "请不要把链接转发给别人。\n\n需要人工帮助，请致电 {phone}。我们不会在电话或邮件中向您索要验证码。\n"
            "如果不想再收到这类邮件，请致电告诉我们。\n\n{institution}",
            "en": "Hello,\n\nWe would like to find a plan for your card account that you can afford. "
            "Please tell us what comes in and what has to go out each month.\n\nOpen your personal link:\n{link}\n\n"
            "We first make sure that it is you. Before that the page shows nothing about your account. "
            "Please do not pass the link on."
            "\n\nTo speak with a person call {phone}. We never ask for a code by phone or e-mail.\n"
            "If you do not want e-mails like this one, call and tell us.\n\n{institution}",
        },
    ),
}

# The last line lets a phone offer the code on the page of this very site and on no other.
_AUTOFILL = "\n@{host} #{code}"
_IDENTITY_CODE = {
    "zh-CN": "【{institution}】验证码 {code}，用于查看您的账户安排，5分钟内有效。任何人向您索要都是诈骗，请勿告知。",
    "en": "{institution}: your code is {code}. It opens your page and is good for 5 minutes. Tell it to nobody: "
    "we never ask for it.",
}
_SIGNATURE_CODE = {
    "zh-CN": "【{institution}】签署验证码 {code}，5分钟内有效。您将签署：{plan}。条款尾号 {terms}。"
    "如果不是您要签的内容，请勿输入，并致电{phone}。",
    "en": "{institution}: your signing code is {code}, good for 5 minutes. You sign: {plan}. Terms end in {terms}. "
    "If this is not what you want to sign, do not use it and call {phone}.",
}
_PLAN = {
    "zh-CN": "分{months}期，每期{amount}，首期{first}",
    "en": "{months} instalments of {amount}, the first on {first}",
}
_PLAN_AT_ONCE = {"zh-CN": "{first}前一次付清{amount}", "en": "one payment of {amount} by {first}"}


def sender_of(policy: Policy, today: date, language: str) -> Sender:
    """The institution as the policy in force names it."""
    return Sender(policy.rule("institution.name", today)[language], policy.rule("institution.phone", today))


def text_id(template: str, language: str) -> str:
    """Template, version and language of a text: the evidence of what was sent."""
    return f"{template}/{TEMPLATES[template].version}/{language}"


def contact_message(
    template: str, case: Case, offer_ids: Sequence[str], sender: Sender, link: str, now: datetime
) -> Message:
    """The message that brings a personal link, to offers or, without any, to the question of income.

    Raises NotApprovedError when it invites to offers and none of them may be quoted now.
    """
    text, language = TEMPLATES[template], case.language
    words = {"institution": sender.institution, "phone": sender.phone, "link": link}
    if template != ASKING:
        words["until"] = format_date(_until(case, offer_ids, now), language)
    return Message(
        subject=text.subject[language].format(**words),
        sms=text.sms[language].format(**words),
        email=text.email[language].format(**words),
    )


def _until(case: Case, offer_ids: Sequence[str], now: datetime) -> date:
    """The last day on which all the offers that may be quoted are valid, where the customer is."""
    valid = []
    for offer_id in offer_ids:
        try:
            valid.append(quotable(case, offer_id, now))
        except NotApprovedError:
            continue
    if not valid:
        raise NotApprovedError("the message invites to offers, and none of them is approved and valid")
    return min(offer.valid_until for offer in valid).astimezone(ZoneInfo(case.time_zone)).date()


def identity_code_sms(code: str, language: str, sender: Sender, host: str) -> str:
    """The SMS with the code that lets a person in."""
    words = _IDENTITY_CODE[language].format(institution=sender.institution, code=code)
    return words + _AUTOFILL.format(host=host, code=code)


def signature_code_sms(code: str, offer: Offer, terms_hash: str, language: str, sender: Sender, host: str) -> str:
    """The SMS with the code that signs: it says what is signed, so that a changed page is noticed.

    `offer` comes from `accord.offers.quotable`.
    """
    at_once = offer.product is Product.LUMP_SUM
    plan = (_PLAN_AT_ONCE if at_once else _PLAN)[language].format(
        months=offer.months,
        amount=format_money(offer.regular_instalment, offer.currency, language),
        first=format_date(offer.first_due_date, language),
    )
    words = _SIGNATURE_CODE[language].format(
        institution=sender.institution, phone=sender.phone, code=code, plan=plan, terms=terms_hash[-4:]
    )
    return words + _AUTOFILL.format(host=host, code=code)
