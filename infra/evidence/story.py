"""Whether a chain tells what can have happened: who they are before what they do, understanding before signing."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from accord.events import ChainedEvent

# A signature is written to the chain moments after its time was taken.
_WRITTEN_WITHIN = timedelta(minutes=5)
# What may come from somebody at the door, of whom nobody knows yet who they are.
_AT_THE_DOOR = ("CodeSent", "AccessLocked", "IdentityConfirmed")


def problem_of_story(events: Iterable[ChainedEvent]) -> str | None:
    """What cannot have happened as it is told; None when all of it can."""
    story = _Story()
    for event in events:
        if problem := story.problem_with(event):
            return f"event {event.seq} ({event.type}): {problem}"
    return None


def signed_without_term(events: Iterable[ChainedEvent]) -> int | None:
    """The event that made the offer which was signed, where it does not say until when that stood; else None.

    Chains did not tell it from the beginning.
    """
    made: dict[str, tuple[int, bool]] = {}
    for event in events:
        data = event.content.get("data", {})
        if event.type == "OfferMade":
            made |= {offer["offerId"]: (event.seq, "validUntil" in offer) for offer in data["offers"]}
        if event.type == "AgreementSigned":
            seq, is_told = made[data["offerId"]]
            if not is_told:
                return seq
    return None


class _Story:
    """What is known after each event."""

    def __init__(self) -> None:
        self._last: datetime | None = None
        self._seen: set[str] = set()
        self._offers: dict[str, str | None] = {}  # until when each of them stands, where that was recorded
        self._chosen: str | None = None
        self._understood: str | None = None
        self._identity_code = False
        self._code_for: str | None = None  # the terms that a code was sent for
        self._signed: str | None = None
        self._sealed: str | None = None

    def problem_with(self, event: ChainedEvent) -> str | None:
        told = event.content
        data, actor = told.get("data", {}), told.get("actor", {})
        problem = self._out_of_time(event) or self._out_of_turn(event, data, actor)
        self._seen.add(event.type)
        self._learn(event.type, data)
        return problem

    def _out_of_time(self, event: ChainedEvent) -> str | None:
        moment, before = event.moment, self._last
        self._last = moment
        return "it is earlier than the event before it" if before is not None and moment < before else None

    def _out_of_turn(self, event: ChainedEvent, data: dict[str, Any], actor: dict[str, Any]) -> str | None:
        kind = event.type
        if (kind == "CaseOpened") == bool(self._seen):
            return "a case is opened once, and first"
        by_customer = actor.get("kind") == "CUSTOMER" and kind not in _AT_THE_DOOR
        if by_customer and "IdentityConfirmed" not in self._seen:
            return "nobody had confirmed who they are"
        match kind:
            case "IdentityConfirmed" if not self._identity_code:
                return "no code was sent before"
            case "OfferChosen" if data.get("offerId") not in self._offers:
                return "no such offer was made"
            case "AgreementSigned":
                return self._signed_too_soon(data) or self._signed_too_late(event, data)
            case "AgreementSealed" if self._signed is None or data.get("termsHash") != self._signed:
                return "other terms were signed"
            case "PlanActivated" if self._sealed is None or data.get("documentSha256") != self._sealed:
                return "another document was sealed"
            case "InstalmentPaid" | "PlanCompleted" if "PlanActivated" not in self._seen:
                return "no plan had begun"
        return None

    def _signed_too_soon(self, data: dict[str, Any]) -> str | None:
        if data.get("offerId") != self._chosen:
            return "another offer was chosen"
        if data.get("offerId") != self._understood:
            return "the questions on this offer were not all answered rightly before"
        if data.get("termsHash") != self._code_for:
            return "the code before it was sent for other terms"
        return None

    def _signed_too_late(self, event: ChainedEvent, data: dict[str, Any]) -> str | None:
        until = self._offers[data["offerId"]]
        is_over = until is not None and event.moment > datetime.fromisoformat(until) + _WRITTEN_WITHIN
        return "the offer had run out" if is_over else None

    def _learn(self, kind: str, data: dict[str, Any]) -> None:
        match kind:
            case "OfferMade":
                self._offers |= {offer["offerId"]: offer.get("validUntil") for offer in data["offers"]}
            case "OfferChosen":
                self._chosen = data.get("offerId")
            case "ComprehensionChecked" if data.get("passed"):
                self._understood = data.get("offerId")
            case "CodeSent" if data.get("purpose") == "IDENTITY":
                self._identity_code = True
            case "CodeSent" if data.get("purpose") == "SIGNATURE":
                self._code_for = data.get("termsHash")
            case "AgreementSigned":
                self._signed = data.get("termsHash")
            case "AgreementSealed":
                self._sealed = data.get("documentSha256")
