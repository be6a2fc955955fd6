"""Who may see a case on the web: links, one-time codes, sessions, and the claim that a message is sent once at most.

A link only says which case is meant; knowledge (last four of the identity document) and possession (a code by SMS)
let a person in. Nothing here is kept in the clear: locators and session ids as SHA-256, codes under a KMS HMAC key.
Every limit is counted by a conditional write before the guess is looked at, so parallel guesses gain nothing.

Items of the access table (key `pk`, TTL `expires_at`):
  LINK#<hash>               which case a locator means
  CASE#<id>                 the one link in force, failed tries of each door, locks lifted, when codes were asked for
  CODE#<id>#<purpose>       the one code in force, its tries, who asked and what it is bound to
  SESSION#<hash>            one visit
  DRAFT#<case>#<page>       what was typed and not sent, in the clear, found for a day: figures and picks alone
  SENT#<case>#<page>        when the page's form was last accepted, and in which visit
  CONTACT#<id>              one message that somebody began to send

What expired is not found from that moment. DynamoDB deletes it within days, and the table's point-in-time recovery can
bring it back for 35 days more.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError

from accord.aws.clients import client, error_code, translated
from accord.messages import CODE_MINUTES

LINK_FOR = timedelta(days=7)
CODE_FOR = timedelta(minutes=CODE_MINUTES)
TRIES_PER_CODE = 5
CODES_PER_HOUR = 3
IDLE_FOR = timedelta(minutes=10)
SESSION_FOR = timedelta(minutes=30)
DRAFT_FOR = timedelta(days=1)

_HOUR = timedelta(hours=1)
_UNSENT_FOR = timedelta(minutes=5)  # so long a code that did not leave takes the place of one that did
_TWICE_WITHIN = timedelta(seconds=10)  # the same form, sent by an impatient thumb
_TOUCH_AFTER = timedelta(minutes=1)  # a visit's idle clock is written at most this often
_KEEP_CASE = timedelta(days=400)  # failed tries outlive every link of the case
_KEEP_CONTACT = timedelta(days=60)  # longer than any queue can bring a message again
_NOBODY = "-"  # an unknown locator is looked up to the end under this id, so that it costs the same time


class Purpose(StrEnum):
    """What a one-time code is for. A code for one is none for the other."""

    IDENTITY = "IDENTITY"
    SIGNATURE = "SIGNATURE"


# Each door has its own tries, so that who stands outside with the link uses up none of who is inside. Together they are
# all the looks that anybody gets at codes of a million: the probability of a hit stays within 0.0015 % for a case.
FAILURES_PER_CASE = {Purpose.IDENTITY: 10, Purpose.SIGNATURE: 5}
_FAILURES = {Purpose.IDENTITY: "failures", Purpose.SIGNATURE: "failures_to_sign"}


class Claim(StrEnum):
    """What is known of a message before it is sent."""

    OURS = "OURS"  # nobody tried before: send it
    BUSY = "BUSY"  # someone is sending it right now
    DOUBTFUL = "DOUBTFUL"  # someone was about to send it and never told how it went


@dataclass(frozen=True)
class Link:
    """What a valid locator means."""

    case_id: str
    cardholder_id: str


@dataclass(frozen=True)
class Session:
    """One visit of a person who has proved who they are. `key` is the hash of the cookie, safe to store and log."""

    key: str
    case_id: str
    language: str
    opened_at: datetime


def fingerprint(secret: str) -> str:
    """SHA-256 of a locator or session id: what is stored instead of it. Its first eight characters may be logged."""
    return hashlib.sha256(secret.encode()).hexdigest()


def csrf_token(session_id: str) -> str:
    """The token that every form of a session carries; it can be made only by who holds the cookie's value."""
    return hmac.new(session_id.encode(), b"accord-form-v1", hashlib.sha256).hexdigest()


class Links:
    """Personal links: 256 random bits, one in force for each case."""

    def __init__(self, access_table: str) -> None:
        self._table = _Table(access_table)

    def issue(self, case_id: str, cardholder_id: str, now: datetime, until: datetime) -> str:
        """A new locator for a case, in force until a moment, LINK_FOR at least: as long as what it leads to stands.

        The former one stops working; failed tries stay counted.
        """
        expires_at = max(until, now + LINK_FOR)
        locator = secrets.token_urlsafe(32)
        self._table.put(
            f"LINK#{fingerprint(locator)}",
            {"case_id": {"S": case_id}, "cardholder_id": {"S": cardholder_id}, "expires_at": _epoch(expires_at)},
        )
        self._table.update(
            f"CASE#{case_id}",
            "SET link = :link, expires_at = :until",
            {":link": {"S": fingerprint(locator)}, ":until": _epoch(expires_at + _KEEP_CASE)},
        )
        return locator

    def extend(self, case_id: str, until: datetime) -> None:
        """Let the case's link in force work until a moment, where it would end before."""
        link = (self._table.get(f"CASE#{case_id}") or {}).get("link")
        if link is not None:
            later = {":until": _epoch(until)}
            self._table.update(f"LINK#{link['S']}", "SET expires_at = :until", later, "expires_at < :until")
            kept = {":until": _epoch(until + _KEEP_CASE)}
            self._table.update(f"CASE#{case_id}", "SET expires_at = :until", kept, "expires_at < :until")

    def find(self, locator: str, now: datetime) -> Link | None:
        """What the locator means; None when it is unknown, expired or replaced, after the same reads."""
        link = self._table.get(f"LINK#{fingerprint(locator)}") or {}
        case_id = link.get("case_id", {"S": _NOBODY})["S"]
        in_force = (self._table.get(f"CASE#{case_id}") or {}).get("link", {"S": ""})["S"]
        if in_force != fingerprint(locator) or _moment(link["expires_at"]) <= now:
            return None
        return Link(case_id, link["cardholder_id"]["S"])


class Tries:
    """Failed tries of cases, apart for each door: the landing page, where one comes in, and the visit, where one signs.

    The last one locks its door. The case's locks have numbers, from 1, and each is lifted once, for both doors.
    """

    def __init__(self, access_table: str) -> None:
        self._table = _Table(access_table)

    def begin(self, case_id: str, purpose: Purpose) -> bool:
        """Take one of the door's tries, before anything is compared; False when none is left or there is no case."""
        failures = _FAILURES[purpose]
        return (
            self._table.update(
                f"CASE#{case_id}",
                f"ADD {failures} :one",
                {":one": {"N": "1"}, ":most": {"N": str(FAILURES_PER_CASE[purpose])}},
                f"attribute_exists(pk) AND (attribute_not_exists({failures}) OR {failures} < :most)",
            )
            is not None
        )

    def give_back(self, case_id: str, purpose: Purpose) -> None:
        """The try was right, or nothing was there to guess: it does not count as a failure."""
        failures = _FAILURES[purpose]
        less = {":less": {"N": "-1"}, ":none": {"N": "0"}}
        self._table.update(f"CASE#{case_id}", f"ADD {failures} :less", less, f"{failures} > :none")

    def lock(self, case_id: str, purpose: Purpose) -> int | None:
        """The number of the lock that the door has; None while it has tries left."""
        item = self._table.get(f"CASE#{case_id}") or {}
        if int(item.get(_FAILURES[purpose], {"N": "0"})["N"]) < FAILURES_PER_CASE[purpose]:
            return None
        return int(item.get("lifted", {"N": "0"})["N"]) + 1

    def lift(self, case_id: str, lock: int) -> None:
        """Lift the lock of that number: the tries begin anew, and the link in force ends, as it may be in other hands.

        Repeating it changes nothing, neither a later lock nor a later link.
        """
        begin_anew = ", ".join(f"{failures} = :none" for failures in _FAILURES.values())
        self._table.update(
            f"CASE#{case_id}",
            f"SET {begin_anew}, lifted = :lock REMOVE link",
            {":none": {"N": "0"}, ":lock": {"N": str(lock)}},
            "attribute_exists(pk) AND (attribute_not_exists(lifted) OR lifted < :lock)",
        )


class Codes:
    """One-time codes of cases. `holder` is the hash of the cookie that asked for a code."""

    def __init__(self, access_table: str, code_key_id: str) -> None:
        self._table = _Table(access_table)
        self._tries = Tries(access_table)
        self._key_id = code_key_id

    def new(self, case_id: str, purpose: Purpose, holder: str, bound_to: str, now: datetime) -> str | None:
        """A new code of six digits, good for CODE_FOR; the former one stops working.

        It is good only for the same `holder` and for what it is `bound_to` (the terms' hash, or nothing). None when
        three were asked for within the hour; of those that did not leave (`did_not_leave`) the last minutes count.
        """
        code = f"{secrets.randbelow(1_000_000):06d}"
        salt = secrets.token_hex(16)
        item = {
            "mac": {"S": self._mac(case_id, purpose, salt, code)},  # before it counts: the key may not answer
            "salt": {"S": salt},
            "holder": {"S": holder},
            "bound_to": {"S": bound_to},
            "tries": {"N": "0"},
            "expires_at": _epoch(now + CODE_FOR),
        }
        if not self._may_have_another(case_id, purpose, now):
            return None
        try:
            self._table.put(f"CODE#{case_id}#{purpose}", item)
        except Exception:
            self.did_not_leave(case_id, purpose, now)
            raise
        return code

    def waits_for(self, case_id: str, purpose: Purpose, holder: str, now: datetime) -> str | None:
        """What the code in force is bound to, when this holder asked for it; None when there is none to type in."""
        item = self._table.get(f"CODE#{case_id}#{purpose}")
        if item is None or item["holder"]["S"] != holder or "used_at" in item:
            return None
        if int(item["tries"]["N"]) >= TRIES_PER_CODE or _moment(item["expires_at"]) <= now:
            return None
        return str(item["bound_to"]["S"])

    def accept(self, case_id: str, purpose: Purpose, holder: str, bound_to: str, code: str, now: datetime) -> bool:
        """Whether this is the right code; a right one is used up. A wrong one counts against the code and the case.

        Raises ServiceUnavailableError; then it was no try, and the code is as good as before.
        """
        key = f"CODE#{case_id}#{purpose}"
        in_force = self._table.update(
            key,
            "ADD tries :one",
            {
                ":one": {"N": "1"},
                ":most": {"N": str(TRIES_PER_CODE)},
                ":now": _epoch(now),
                ":holder": {"S": holder},
                ":bound_to": {"S": bound_to},
            },
            "tries < :most AND expires_at > :now AND attribute_not_exists(used_at)"
            " AND holder = :holder AND bound_to = :bound_to",
        )
        if in_force is None or not self._tries.begin(case_id, purpose):
            return False
        salt = in_force["salt"]
        try:
            if not hmac.compare_digest(self._mac(case_id, purpose, salt["S"], code), in_force["mac"]["S"]):
                return False
            # The salt names this very code: one that replaced it meanwhile must not be used up in its place.
            used = self._table.update(
                key,
                "SET used_at = :now",
                {":now": _epoch(now), ":salt": salt},
                "attribute_not_exists(used_at) AND salt = :salt",
            )
            self._tries.give_back(case_id, purpose)  # the right code, even where the same moment used it already
        except Exception:  # nothing was compared, or the right code could not be used: it is good again
            self._tries.give_back(case_id, purpose)
            change = "SET tries = tries - :one REMOVE used_at"
            self._table.update(key, change, {":one": {"N": "1"}, ":salt": salt}, "salt = :salt")
            raise
        return used is not None

    def claim(self, case_id: str, form: str, now: datetime) -> bool:
        """Whether this form comes for the first time in this moment: a double click asks or signs once."""
        values = {":until": _epoch(now + _TWICE_WITHIN), ":now": _epoch(now)}
        condition = "attribute_not_exists(pk) OR expires_at <= :now"
        return self._table.update(f"FORM#{case_id}#{form}", "SET expires_at = :until", values, condition) is not None

    def release(self, case_id: str, form: str) -> None:
        """What the form was for could not be done: it may be sent again."""
        self._table.delete(f"FORM#{case_id}#{form}")

    def restore(self, case_id: str, purpose: Purpose) -> None:
        """What the code was accepted for could not be done: it is good again until its time, and was no try."""
        change = "SET tries = tries - :one REMOVE used_at"
        self._table.update(f"CODE#{case_id}#{purpose}", change, {":one": {"N": "1"}}, "attribute_exists(used_at)")

    def did_not_leave(self, case_id: str, purpose: Purpose, asked_at: datetime) -> None:
        """The code that was made at `asked_at` certainly did not leave: nobody is asked to type it in, and it no longer
        counts as one of the hour's three.

        For a few minutes it still does: whoever tries on and on while nothing leaves is held up by the same number.
        """
        made = {":asked": _epoch(asked_at), ":until": _epoch(asked_at + CODE_FOR)}
        self._table.update(f"CODE#{case_id}#{purpose}", "SET used_at = :asked", made, "expires_at = :until")
        name = f"asked_{purpose}"
        for _ in range(CODES_PER_HOUR + 1):
            before = (self._table.get(f"CASE#{case_id}") or {}).get(name, {"L": []})
            if _epoch(asked_at) not in before["L"]:
                return
            after = [*before["L"], _epoch(asked_at - _HOUR + _UNSENT_FOR)]
            after.remove(_epoch(asked_at))
            values = {":asked": {"L": after}, ":before": before}
            if self._table.update(f"CASE#{case_id}", f"SET {name} = :asked", values, f"{name} = :before") is not None:
                return

    def _may_have_another(self, case_id: str, purpose: Purpose, now: datetime) -> bool:
        name = f"asked_{purpose}"
        for _ in range(CODES_PER_HOUR + 1):  # more cannot be lost to requests of the same moment
            before = (self._table.get(f"CASE#{case_id}") or {}).get(name)
            recent = [entry for entry in (before or {"L": []})["L"] if _moment(entry) > now - _HOUR]
            if len(recent) >= CODES_PER_HOUR:
                return False
            values: dict[str, Any] = {":asked": {"L": [*recent, _epoch(now)]}}
            if before is None:
                condition = f"attribute_exists(pk) AND attribute_not_exists({name})"
            else:
                condition, values[":before"] = f"{name} = :before", before
            if self._table.update(f"CASE#{case_id}", f"SET {name} = :asked", values, condition) is not None:
                return True
        return False

    def _mac(self, case_id: str, purpose: str, salt: str, code: str) -> str:
        message = "\n".join(("accord-code-v1", case_id, purpose, salt, code)).encode()
        with translated():
            mac: bytes = client("kms").generate_mac(KeyId=self._key_id, MacAlgorithm="HMAC_SHA_256", Message=message)[
                "Mac"
            ]
        return mac.hex()


class Sessions:
    """Visits: a random id in a cookie, a row here; ten minutes idle, thirty in all."""

    def __init__(self, access_table: str) -> None:
        self._table = _Table(access_table)

    def open(self, case_id: str, language: str, now: datetime) -> str:
        """A new session id for the cookie."""
        session_id = secrets.token_urlsafe(32)
        self._table.put(
            f"SESSION#{fingerprint(session_id)}",
            {
                "case_id": {"S": case_id},
                "language": {"S": language},
                "seen_at": _epoch(now),
                "ends_at": _epoch(now + SESSION_FOR),
                "expires_at": _epoch(now + DRAFT_FOR),
            },
        )
        return session_id

    def find(self, session_id: str, now: datetime) -> Session | None:
        """The session of a cookie, kept awake by this; None when it is unknown, ended, idle for long or too old."""
        key = fingerprint(session_id)
        item = self._table.get(f"SESSION#{key}")
        if item is None or _is_over(item, now):
            return None
        if now - _moment(item["seen_at"]) >= _TOUCH_AFTER:
            self._table.update(f"SESSION#{key}", "SET seen_at = :now", {":now": _epoch(now)}, "attribute_exists(pk)")
        return _session(key, item)

    def find_ended(self, session_id: str, now: datetime) -> Session | None:
        """The session of a cookie that ended by its time, for what was typed when it did; None when it goes on, is
        unknown, was left, or is older than a day.
        """
        key = fingerprint(session_id)
        item = self._table.get(f"SESSION#{key}")
        if item is None or _moment(item["expires_at"]) <= now or not _is_over(item, now):
            return None
        return _session(key, item)

    def speak(self, session: Session, language: str) -> None:
        """The person wants to read another language from now on."""
        self._table.update(
            f"SESSION#{session.key}",
            "SET #language = :language",
            {":language": {"S": language}},
            "attribute_exists(pk)",
            {"#language": "language"},
        )

    def end(self, session: Session) -> None:
        """The visit is over; the cookie is worth nothing any more."""
        self._table.delete(f"SESSION#{session.key}")


class Drafts:
    """What somebody had typed and not sent: found for a day, by a visit to the same case."""

    def __init__(self, access_table: str) -> None:
        self._table = _Table(access_table)

    def keep(self, session: Session, page: str, fields: Mapping[str, str], now: datetime) -> bool:
        """Keep what was typed into a page in a visit, in the place of what was kept before; whether it was kept.

        It is not where another visit has sent that page since this one began: that is the newer word.
        """
        case_id = session.case_id
        sent = self._table.get(f"SENT#{case_id}#{page}")
        if sent is not None and sent["visit"]["S"] != session.key and _moment(sent["sent_at"]) >= session.opened_at:
            return False
        body = {"body": {"S": json.dumps(dict(fields), ensure_ascii=False)}, "expires_at": _epoch(now + DRAFT_FOR)}
        self._table.put(f"DRAFT#{case_id}#{page}", body)
        return True

    def find(self, case_id: str, page: str, now: datetime) -> dict[str, str]:
        """What is kept of a page; nothing where there is nothing, or it is older than a day."""
        item = self._table.get(f"DRAFT#{case_id}#{page}")
        if item is None or _moment(item["expires_at"]) <= now:
            return {}
        found: dict[str, str] = json.loads(item["body"]["S"])
        return found

    def drop(self, case_id: str, page: str) -> None:
        """It is not wanted any more."""
        self._table.delete(f"DRAFT#{case_id}#{page}")

    def sent(self, session: Session, page: str, now: datetime) -> None:
        """The page's form was sent in a visit, and accepted."""
        when = {"visit": {"S": session.key}, "sent_at": _epoch(now), "expires_at": _epoch(now + DRAFT_FOR)}
        self._table.put(f"SENT#{session.case_id}#{page}", when)
        self.drop(session.case_id, page)


class Deliveries:
    """Makes sure that a message is sent once at most, whatever a queue brings again."""

    def __init__(self, access_table: str) -> None:
        self._table = _Table(access_table)

    def claim(self, contact_id: str, now: datetime, busy_for: timedelta) -> Claim:
        """Take a message before sending it. What someone else took is BUSY first and DOUBTFUL later."""
        item = {"claimed_at": _epoch(now), "expires_at": _epoch(now + _KEEP_CONTACT)}
        if self._table.put_new(f"CONTACT#{contact_id}", item):
            return Claim.OURS
        found = self._table.get(f"CONTACT#{contact_id}")
        busy = found is None or _moment(found["claimed_at"]) + busy_for > now  # None: given back this very moment
        return Claim.BUSY if busy else Claim.DOUBTFUL

    def give_back(self, contact_id: str) -> None:
        """The message certainly did not leave: whoever is asked next may send it."""
        self._table.delete(f"CONTACT#{contact_id}")


class _Table:
    """The access table, one item a key; a write whose condition fails answers False."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._db = client("dynamodb")

    def get(self, pk: str) -> dict[str, Any] | None:
        with translated():
            item: dict[str, Any] | None = self._db.get_item(
                TableName=self._name, Key={"pk": {"S": pk}}, ConsistentRead=True
            ).get("Item")
        return item

    def put(self, pk: str, item: dict[str, Any]) -> None:
        with translated():
            self._db.put_item(TableName=self._name, Item={"pk": {"S": pk}, **item})

    def put_new(self, pk: str, item: dict[str, Any]) -> bool:
        """Put an item unless there is one of this key; whether it was put."""
        try:
            with translated():
                self._db.put_item(
                    TableName=self._name,
                    Item={"pk": {"S": pk}, **item},
                    ConditionExpression="attribute_not_exists(pk)",
                )
        except ClientError as error:
            if error_code(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def update(
        self, pk: str, change: str, values: dict[str, Any], condition: str = "", names: dict[str, str] | None = None
    ) -> dict[str, Any] | None:
        """Update an item and return all of it as it is now; None when the condition does not hold."""
        extra: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
        if names:
            extra["ExpressionAttributeNames"] = names
        try:
            with translated():
                item: dict[str, Any] = self._db.update_item(
                    TableName=self._name,
                    Key={"pk": {"S": pk}},
                    UpdateExpression=change,
                    ExpressionAttributeValues=values,
                    ReturnValues="ALL_NEW",
                    **extra,
                )["Attributes"]
        except ClientError as error:
            if error_code(error) == "ConditionalCheckFailedException":
                return None
            raise
        return item

    def delete(self, pk: str) -> None:
        with translated():
            self._db.delete_item(TableName=self._name, Key={"pk": {"S": pk}})


def _session(key: str, item: dict[str, Any]) -> Session:
    opened_at = _moment(item["expires_at"]) - DRAFT_FOR
    return Session(key, item["case_id"]["S"], item["language"]["S"], opened_at)


def _is_over(session: dict[str, Any], now: datetime) -> bool:
    if "ends_at" not in session:  # an older version opened it
        return True
    return _moment(session["ends_at"]) <= now or _moment(session["seen_at"]) + IDLE_FOR <= now


def _epoch(moment: datetime) -> dict[str, str]:
    return {"N": str(int(moment.timestamp()))}


def _moment(value: dict[str, str]) -> datetime:
    return datetime.fromtimestamp(int(value["N"]), UTC)
