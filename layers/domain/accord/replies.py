"""What a customer answers to a text message: whether they want no more of them."""

import re
import unicodedata

# What our messages name themselves (R, STOP), what 47 CFR 64.1200(a)(10) names (stop, quit, end, revoke, opt out,
# cancel, unsubscribe), and what people in China are used to answering, in either script.
_NO_MORE = frozenset(
    {"stop", "stopall", "quit", "end", "revoke", "optout", "cancel", "unsubscribe"}
    | {"r", "t", "td", "拒收", "退订", "退訂", "取消", "停止"}
)
# A letter alone may not be said twice: "rr" is no word that anybody was told.
_LONG = "|".join(sorted((word for word in _NO_MORE if len(word) > 1), key=len, reverse=True))
_NO_MORE_AT_ALL = re.compile(rf"(?:{_LONG})+|[{''.join(word for word in sorted(_NO_MORE) if len(word) == 1)}]")
# What people say beside it that makes it no other wish.
_BESIDE = re.compile(r"\b(?:please|pls|all|the|these|texts?|texting|messages?|messaging|sms|me|to|thank you|thanks?)\b")
_BESIDE_IN_CHINESE = re.compile("请|請|麻烦|麻煩|回复|回復|回|短信|简讯|簡訊|谢谢|謝謝|谢|謝|您|你|了")

# "Cancel the stop": for a person to hear.
_STARTS_AGAIN = re.compile(r"(?:取消|停止) ?(?:退订|退訂|拒收)|\b(?:cancel|end|revoke) (?:stop|unsubscribe|opt ?out)\b")


def is_opt_out(text: str) -> bool:
    """Whether an answer says nothing but that no more texts are wanted, whatever its letters' size, width and marks,
    how often it says so, and how politely.

    Any other answer is for a person to hear: a wish in other words must not be taken for one of these, or for none.
    """
    plain = unicodedata.normalize("NFKC", text).casefold().replace("_", " ")
    said = re.findall(r"[a-z0-9]+|[^\W a-z0-9]+", _BESIDE_IN_CHINESE.sub(" ", _BESIDE.sub(" ", plain)))
    if _STARTS_AGAIN.search(" ".join(said)):
        return False
    return bool(said) and ("".join(said) in _NO_MORE or all(map(_NO_MORE_AT_ALL.fullmatch, said)))
