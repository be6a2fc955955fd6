"""Every error of Accord by name. State machines name these classes in Retry and Catch, so a name is a contract."""

from datetime import datetime


class AccordError(Exception):
    """Anything Accord raises on purpose."""


class TransientError(AccordError):
    """The same call may succeed later: state machines and queues retry it."""


class CaseChangedError(TransientError):
    """Someone else changed the case between our read and our write."""


class ServiceUnavailableError(TransientError):
    """An AWS service throttled us or did not answer."""


class OvertakenError(AccordError):
    """Another execution has taken the case up since: this one may change nothing any more."""


class CaseNotFoundError(AccordError):
    """There is no case of this id."""


class CaseDamagedError(AccordError):
    """An item of the case in the table is not what Accord wrote: somebody else did, and nothing may be built on it.

    Its text is the case's id and, where it is another item than the case itself, which one. What was found there is not
    told: it may be anything, and this is logged.
    """


class PersonNotFoundError(AccordError):
    """The people table holds nobody of this id: erased, or never received."""


class MoveNotAllowedError(AccordError):
    """The table of allowed moves has no move between these two statuses."""


class RuleMissingError(AccordError):
    """The policy in force has no such rule on this day. What no rule allows is denied."""


class CardBrokenError(AccordError):
    """The early-warning card cannot be read, or is not one: nobody's chance of a missed payment can be told."""


class NotApprovedError(AccordError):
    """A figure was asked for that comes from no approved, valid offer."""


class TextNotReviewedError(AccordError):
    """A text is not, word for word, one that was reviewed: it is not sent."""


class NotSentError(AccordError):
    """A message did not leave, or nobody can say whether it did; trying again could send it twice.

    `reason` is the word (of `TaskReason`) that tells a person what to do, `facts` what goes with it.
    """

    def __init__(self, reason: str, **facts: str) -> None:
        super().__init__(" ".join((reason, *facts.values())))
        self.reason = reason
        self.facts = facts


class DecisionRefusedError(AccordError):
    """The customer, or a member of staff, cannot do this now.

    `reason` is a word that the pages put into a sentence with the way out; `not_before`, where it is known, is when
    the same will be possible.
    """

    def __init__(self, reason: str, not_before: datetime | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.not_before = not_before


class AgreementIncompleteError(AccordError):
    """An agreement lacks contents that the law or the policy requires; it must not be sealed."""


class TermsAlteredError(AccordError):
    """The terms on the case are not those that the customer signed; nothing may be sealed or begin on them."""


class DocumentAlteredError(AccordError):
    """The sealed document is missing, or is not the one that the chain names."""


class GlyphMissingError(AccordError):
    """The fonts cannot draw a character of the document; a contract never shows an empty box."""


class SealCertificateError(AccordError):
    """The certificate of the bank's seal cannot be used: unreadable, expired, not yet valid, or of another key."""


class TimeStampError(AccordError):
    """The time-stamping authority did not answer, or not rightly. The seal holds without it, and says no time."""


class ChainBrokenError(AccordError):
    """The events of a case do not form the unbroken chain that they claim."""


class AnchorDamagedError(AccordError):
    """What lies in the anchors' bucket in an anchor's place is none. Its text is where."""


class InputRejectedError(AccordError):
    """Input from outside is not what the contract says.

    `problems` lists what is wrong, one entry a field: `{"field": ..., "code": ..., "problem": ...}`, the code for
    machines and the sentence for people, without the values, because they may be personal.
    """

    def __init__(self, problems: list[dict[str, str]]) -> None:
        super().__init__("; ".join(f"{problem['field']}: {problem['problem']}" for problem in problems))
        self.problems = problems

    @classmethod
    def of(cls, field: str, code: str, problem: str) -> "InputRejectedError":
        """One thing that is wrong."""
        return cls([{"field": field, "code": code, "problem": problem}])
