"""What may never be said to a customer, and whether a text is the one that was reviewed.

A text that nobody reviewed is not sent: `contact_message` and the call script ask here. `make reviewed` writes the
register, and refuses what holds a threat, a promise or a figure of its own, or changed its words under an old version.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from accord.errors import TextNotReviewedError
from accord.texts import texts

REGISTER = "reviews"
# What a word means by itself. Threats: of courts, police, disgrace, third parties, seizure; pressure of time; and
# promises, which are the policy's and the offer's to make.
_NEVER = {
    "zh-CN": (
        "起诉|诉讼|法院|法庭|律师|公安|警察|报警|坐牢|拘留|逮捕|刑事|犯罪|黑名单|失信|征信|信用记录|曝光|后果"
        "|单位|雇主|家人|家属|亲友|朋友|邻居|通讯录|上门|扣押|查封|冻结|拍卖|工资"
        "|立即|马上还|限期|最后通知|必须还|减免|免除|打折|优惠|保证|承诺"
    ),
    "en": (
        r"court|sue|suing|lawsuit|legal action|lawyer|attorney|police|jail|prison|arrest\w*|crime|criminal|blacklist\w*"
        r"|credit (?:record|score|file)|consequence\w*|expose\w*|shame\w*|employer\w*|workplace|famil(?:y|ies)"
        r"|relatives?|friends?|neighbou?rs?|doorstep|seiz\w+|garnish\w*|repossess\w*|confiscat\w*|wages?|salary"
        r"|immediately|final notice|final warning|must pay|waiv\w+|discount\w*|forgiv\w+|guarantee\w*|promise\w*"
    ),
}
_FIGURE = re.compile(r"[0-9０-９%％¥￥$£€]")
_PLACE = re.compile(r"\{\w+\}")


def improper(text: str, language: str) -> tuple[str, ...]:
    """What of a text may not be said: its threats, promises and pressing words, in their order."""
    pattern = _NEVER[language] if language == "zh-CN" else rf"\b(?:{_NEVER[language]})\b"
    return tuple(dict.fromkeys(found[0] for found in re.finditer(pattern, text, re.IGNORECASE)))


def own_figures(text: str) -> tuple[str, ...]:
    """Figures that stand in a text itself, where every one has to come from an offer, the policy or the case."""
    return tuple(_FIGURE.findall(_PLACE.sub("", text)))


def texts_of_record() -> Iterator[tuple[str, Any]]:
    """Every text that a customer is sent or told, by file, name and version."""
    messages, calls = texts("messages"), texts("calls")
    for name, template in messages["contacts"].items():
        yield f"messages/{name}/{template['version']}", template
    yield f"messages/codes/{messages['codes']['version']}", messages["codes"]
    yield f"calls/{calls['version']}", calls


def fingerprint(text: Any) -> str:
    """SHA-256 of a text with all its languages and forms."""
    return hashlib.sha256(json.dumps(text, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def check_reviewed(name: str, text: Mapping[str, Any]) -> None:
    """Check that a text is, word for word, the one that was reviewed. Raises TextNotReviewedError."""
    if _reviewed().get(name) != fingerprint(text):
        raise TextNotReviewedError(f"{name} is not the text that was reviewed")


@cache
def _reviewed() -> Mapping[str, str]:
    register: Mapping[str, str] = texts(REGISTER)["reviewed"]
    return register
