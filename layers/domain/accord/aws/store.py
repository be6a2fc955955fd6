"""The case store: a case, its events, its tasks and its waits in DynamoDB, one transaction a change.

Items of the cases table:
  CASE#<id>     CASE            the case: `body` plus what conditions and indexes need
  CASE#<id>     DONE#<key>      what a step with this key returned; makes every repetition a no-op
  CASE#<id>     TASK#<id>       work for a person; in the index `open-tasks` while it is open
  CASE#<id>     WAIT#<who>      the task token of the waiting execution; who is CUSTOMER or STAFF
  ACCOUNT#<id>  CASES           whose it is, which case is open, how many rounds there were, how the last one ended,
                                what was waived
  ACCOUNT#<id>  PAYMENT#<id>    a payment to the account; by its own id: PAYMENT#<id> PAYMENT (accord.aws.payments)
  ACCOUNT#<id>  STATUS          what billing last said of the account's standing
  ACCOUNT#<id>  HOLDER          the same, of what is true of its holder
  ACCOUNT#<id>  IN_ORDER        when billing last found nothing late
  EVENT#<id>    HEARD           an event of billing's: what kind, for which account, and what came of it
  PERSON#<id>   REACH           how a cardholder may be reached: what left over all accounts, refusals, consents
The events table holds the chain alone (key: case_id, seq) and only grows.
"""

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from botocore.exceptions import ClientError

from accord import clock
from accord.anchors import ChainEnd
from accord.aws.clients import client, error_code, translated
from accord.case import ENDED, TASK_FACTS, Case, Change, DamagedTask, StaffTask, Status
from accord.errors import (
    CaseChangedError,
    CaseDamagedError,
    CaseNotFoundError,
    ChainBrokenError,
    InputRejectedError,
    ServiceUnavailableError,
)
from accord.events import AgreementSealed, ChainedEvent, DamagedEvent, found_event, link
from accord.opening import GRAVEST_FIRST, TOLD_OF_THE_HOLDER, AccountCases, End
from accord.reach import Reach

_ATTEMPTS = 8
_BATCH = 100  # what one BatchGetItem call takes
# A marker must outlive everything that may repeat a step: a year's execution, its redrive, a replayed dead letter.
_KEEP_MARKER = timedelta(days=400)
_PARTITIONS_A_DAY = 4  # each takes a thousand writes a second
_KEEP_FLAGS = timedelta(days=30)  # a message lives 14 days in the queue, and as long again once it is sent back there
_PLAN_ENDED = (Status.COMPLETED, Status.BREACHED)
# Why DynamoDB cancels a transaction that would go through at another moment, by what to do about it.
_LOST_A_RACE = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
_THROTTLED = frozenset({"ThrottlingError", "ProvisionedThroughputExceeded"})


class CaseStore:
    """Reads and changes cases. `change` is the only way in which a case ever changes."""

    def __init__(self, cases_table: str, events_table: str) -> None:
        self._cases = cases_table
        self._events = events_table
        self._db = client("dynamodb")

    # --- reading -----------------------------------------------------------------------------------------------

    def get(self, case_id: str) -> Case:
        """The case as of now (a consistent read). Raises CaseNotFoundError, CaseDamagedError."""
        return _found_case(case_id, self._read(f"CASE#{case_id}", "CASE"))

    def events(self, case_id: str) -> Iterator[ChainedEvent]:
        """The chain of a case, first event first. Raises ChainBrokenError that names what is no event."""
        for event in self.found_events(case_id):
            yield _undamaged(event)

    def found_events(self, case_id: str) -> Iterator[ChainedEvent | DamagedEvent]:
        """The same for who wants to see all that is there, damaged or not."""
        with translated():
            pages = self._db.get_paginator("query").paginate(
                TableName=self._events,
                KeyConditionExpression="case_id = :case",
                ExpressionAttributeValues={":case": {"S": case_id}},
                ConsistentRead=True,
            )
            for page in pages:
                yield from map(_found_event, page["Items"])

    def cases_of(self, account_id: str) -> AccountCases:
        """Which cases the account has had."""
        return _found_cases(self._read(f"ACCOUNT#{account_id}", "CASES"))

    def reach(self, cardholder_id: str) -> Reach:
        """How a person may be reached; one of whom nothing is kept was never contacted. Raises CaseDamagedError."""
        return _found_reach(cardholder_id, self._read(f"PERSON#{cardholder_id}", "REACH"))

    def change_reach(self, cardholder_id: str, decide: Callable[[Reach], Reach]) -> Reach:
        """Change what is known of a person, without a case; return it. Raises CaseDamagedError,
        ServiceUnavailableError, or CaseChangedError when it would not hold still.
        """
        for attempt in range(_ATTEMPTS):
            before = self.reach(cardholder_id)
            after = decide(before)
            if after == before:
                return after
            try:
                with translated():
                    self._db.put_item(**self._put_reach(after)["Put"])
                return after
            except ClientError as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise
                time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - jitter, not a secret
        raise CaseChangedError(f"PERSON#{cardholder_id}")

    def with_open_case(self, account_ids: Iterable[str]) -> set[str]:
        """Those of many accounts that have a case which is open; about one read unit for two of them."""
        keys = [(f"ACCOUNT#{account}", "CASES") for account in sorted(set(account_ids))]
        items = self._read_all(keys, ProjectionExpression="pk, sk, open_case_id")
        return {pk.removeprefix("ACCOUNT#") for (pk, _), item in items.items() if "open_case_id" in item}

    def open_cases_of(self, cardholder_id: str, besides: str) -> list[str]:
        """The ids of the person's cases that have not ended, `besides` those about an account. One that was opened in
        this very moment may be missing: the index is behind by that.
        """
        with translated():
            pages = self._db.get_paginator("query").paginate(
                TableName=self._cases,
                IndexName="open-cases-of",
                KeyConditionExpression="open_for = :holder",
                ExpressionAttributeValues={":holder": {"S": cardholder_id}},
            )
            found = [item for page in pages for item in page["Items"] if item["account_id"]["S"] != besides]
        return [item["pk"]["S"].removeprefix("CASE#") for item in found]

    def result_of(self, case_id: str, key: str) -> dict[str, Any] | None:
        """What a change with this key returned, or None when there was none yet. Raises CaseDamagedError."""
        return _found_result(case_id, key, self._read(f"CASE#{case_id}", f"DONE#{key}"))

    def _read(self, pk: str, sk: str) -> dict[str, Any] | None:
        with translated():
            item: dict[str, Any] | None = self._db.get_item(
                TableName=self._cases, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
            ).get("Item")
        return item

    def _read_all(self, keys: Sequence[tuple[str, str]], **how: Any) -> dict[tuple[str, str], dict[str, Any]]:
        """Those of many items that are there, by pk and sk, in one call for a hundred of them.

        Raises ServiceUnavailableError where the table will not give them all.
        """
        waiting = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in keys]
        found: dict[tuple[str, str], dict[str, Any]] = {}
        refusals = 0
        while waiting:
            batch, waiting = waiting[:_BATCH], waiting[_BATCH:]
            with translated():
                answer = self._db.batch_get_item(RequestItems={self._cases: {"Keys": batch, **how}})
            found |= {(item["pk"]["S"], item["sk"]["S"]): item for item in answer["Responses"].get(self._cases, [])}
            left = answer["UnprocessedKeys"].get(self._cases, {}).get("Keys", [])
            refusals = refusals + 1 if left else 0
            if refusals == _ATTEMPTS:
                raise ServiceUnavailableError("the table refused reads again and again")
            if left:
                time.sleep(random.uniform(0, 0.05 * 2**refusals))  # noqa: S311 - jitter, not a secret
            waiting = [*left, *waiting]
        return found

    # --- changing ----------------------------------------------------------------------------------------------

    def change(self, case_id: str, key: str, decide: Callable[[Case], Change]) -> dict[str, Any]:
        """Change a case once per `key` and return what the change returns; a repeated key returns the first result.

        `decide` is pure and may be called again with a newer case when someone else changed it in between.
        Raises CaseNotFoundError, CaseDamagedError, ServiceUnavailableError, or CaseChangedError when the case would
        not hold still.
        """
        marker, place = (f"CASE#{case_id}", f"DONE#{key}"), (f"CASE#{case_id}", "CASE")
        for attempt in range(_ATTEMPTS):
            items = self._read_all([marker, place], ConsistentRead=True)
            if (done := _found_result(case_id, key, items.get(marker))) is not None:
                return done
            before = _found_case(case_id, items.get(place))
            change = decide(before)
            try:
                self._commit(before, change, key)
            except CaseChangedError:
                time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - jitter, not a secret
                continue
            return change.result
        raise CaseChangedError(case_id)

    def open(self, opening: Change, key: str) -> Literal["OPENED", "ALREADY_OPEN", "OVERTAKEN"]:
        """Store a new case with its first events, unless the account has an open case already, or billing found
        nothing late since it said what the case is opened by.

        Repeating the call with the same key is a no-op that returns OPENED.
        """
        case = opening.case
        marker, account = (f"CASE#{case.case_id}", f"DONE#{key}"), f"ACCOUNT#{case.account_id}"
        for attempt in range(_ATTEMPTS):
            items = self._read_all([marker, (account, "CASES"), (account, "IN_ORDER")], ConsistentRead=True)
            if marker in items:
                return "OPENED"
            if _found_cases(items.get((account, "CASES"))).open_case_id is not None:
                return "ALREADY_OPEN"
            in_order = items.get((account, "IN_ORDER"))
            if in_order is not None and case.told is not None and in_order["at"]["S"] > _told(case.told):
                return "OVERTAKEN"
            try:
                self._commit(None, opening, key)
            except CaseChangedError:
                time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - jitter, not a secret
                continue
            return "OPENED"
        raise CaseChangedError(case.case_id)

    def _commit(self, before: Case | None, change: Change, key: str) -> None:
        """One transaction: marker, case, events, tasks, and the account's lock where the case opens or ends."""
        now = clock.now()
        after = change.case
        chain: list[ChainedEvent] = []
        known = before or change.case  # a case that opens counts no event yet
        version, head, head_at = known.version, known.head, known.head_at
        for event in change.events:
            version += 1
            head_at = max(now, head_at or now)  # a chain never goes back in time, whatever a host's clock says
            chained = link(after.case_id, after.account_id, version, head, head_at, change.actor, event)
            chain.append(chained)
            head = chained.hash
        counted = {"revision": known.revision + 1, "version": version, "head": head, "head_at": head_at}
        after = after.model_copy(update=counted)
        writes = [
            self._put_new(self._cases, _marker_item(after.case_id, key, change.result, now)),
            self._put_case(before, after, now),
            *(self._put_new(self._events, _event_item(chained)) for chained in chain),
            *({"Put": {"TableName": self._cases, "Item": _task_item(task)}} for task in change.tasks),
        ]
        writes += [self._sealed_document(event) for event in change.events if isinstance(event, AgreementSealed)]
        if change.reach is not None:
            writes.append(self._put_reach(change.reach))
        if before is None or (after.status in ENDED and before.status not in ENDED):
            writes.append(self._account_lock(after, now, opens=before is None))
            if before is None and after.told is not None:
                writes.append(self._not_in_order_since(after.account_id, after.told))
        elif before.status is not after.status and after.status is Status.ACTIVE:
            writes.append(self._note_waiver(after, now))
        try:
            with translated():
                self._db.transact_write_items(TransactItems=writes)
        except ClientError as error:
            if error_code(error) != "TransactionCanceledException":
                raise
            why = {reason.get("Code", "None") for reason in error.response.get("CancellationReasons", ())} - {"None"}
            if why & _THROTTLED:
                raise ServiceUnavailableError(", ".join(sorted(why))) from error
            if why and why <= _LOST_A_RACE:
                raise CaseChangedError(after.case_id) from error
            raise  # too large, not valid, not permitted: trying again mends nothing

    @staticmethod
    def _put_new(table: str, item: dict[str, Any]) -> dict[str, Any]:
        first_key = next(iter(item))
        return {"Put": {"TableName": table, "Item": item, "ConditionExpression": f"attribute_not_exists({first_key})"}}

    def _put_case(self, before: Case | None, after: Case, now: datetime) -> dict[str, Any]:
        if before is None:
            return self._put_new(self._cases, _case_item(after, now))
        return {
            "Put": {
                "TableName": self._cases,
                "Item": _case_item(after, now),
                "ConditionExpression": "revision = :revision AND #status = :status",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": {
                    ":revision": {"N": str(before.revision)},
                    ":status": {"S": before.status},
                },
            }
        }

    def _put_reach(self, reach: Reach) -> dict[str, Any]:
        """Where a contact counts: of two cases of one person that contact at once, the second looks again."""
        after = reach.model_copy(update={"revision": reach.revision + 1})
        return {
            "Put": {
                "TableName": self._cases,
                "Item": {
                    "pk": {"S": f"PERSON#{reach.cardholder_id}"},
                    "sk": {"S": "REACH"},
                    "revision": {"N": str(after.revision)},
                    "body": {"S": after.model_dump_json()},
                },
                "ConditionExpression": "attribute_not_exists(pk) OR revision = :revision",
                "ExpressionAttributeValues": {":revision": {"N": str(reach.revision)}},
            }
        }

    def _account_lock(self, case: Case, now: datetime, *, opens: bool) -> dict[str, Any]:
        lock: dict[str, Any] = {
            "TableName": self._cases,
            "Key": {"pk": {"S": f"ACCOUNT#{case.account_id}"}, "sk": {"S": "CASES"}},
        }
        if opens:
            lock["UpdateExpression"] = "SET open_case_id = :case, rounds = :round ADD holders :holder"
            lock["ConditionExpression"] = (
                "attribute_not_exists(open_case_id) AND (attribute_not_exists(rounds) OR rounds < :round)"
            )
            lock["ExpressionAttributeValues"] = {
                ":case": {"S": case.case_id},
                ":round": {"N": str(case.round)},
                ":holder": {"SS": [case.cardholder_id]},
            }
        else:
            lock["UpdateExpression"] = "REMOVE open_case_id SET ended_as = :as, ended_at = :at, last_case_id = :case"
            lock["ConditionExpression"] = "open_case_id = :case"
            lock["ExpressionAttributeValues"] = {
                ":case": {"S": case.case_id},
                ":as": {"S": case.closed_reason or case.status},
                ":at": {"S": _sortable(now)},
            }
            if case.status in _PLAN_ENDED:
                lock["UpdateExpression"] += ", plan_ended_as = :as"
        return {"Update": lock}

    def _not_in_order_since(self, account_id: str, told: tuple[datetime, datetime, str]) -> dict[str, Any]:
        return {
            "ConditionCheck": {
                "TableName": self._cases,
                "Key": {"pk": {"S": f"ACCOUNT#{account_id}"}, "sk": {"S": "IN_ORDER"}},
                "ConditionExpression": "attribute_not_exists(pk) OR #at <= :told",
                "ExpressionAttributeNames": {"#at": "at"},
                "ExpressionAttributeValues": {":told": {"S": _told(told)}},
            }
        }

    def _note_waiver(self, case: Case, now: datetime) -> dict[str, Any]:
        """A plan begins: what it gives up counts against the caps of later rounds."""
        waived = case.agreement.agreed["waived"]["total"] if case.agreement is not None else 0
        waiver = {"at": {"S": _sortable(now)}, "amount": {"N": str(waived)}}
        return {
            "Update": {
                "TableName": self._cases,
                "Key": {"pk": {"S": f"ACCOUNT#{case.account_id}"}, "sk": {"S": "CASES"}},
                "UpdateExpression": "SET waivers = list_append(if_not_exists(waivers, :none), :waiver)",
                "ConditionExpression": "open_case_id = :case",
                "ExpressionAttributeValues": {
                    ":none": {"L": []},
                    ":waiver": {"L": [{"M": waiver}]},
                    ":case": {"S": case.case_id},
                },
            }
        }

    def chains_that_grew(self, days: Iterable[date]) -> list[ChainEnd]:
        """Where the chains of the cases ended that were last changed on these days (UTC), in the order of their ids."""
        found: list[ChainEnd] = []
        for partition in (f"{day}#{number}" for day in days for number in range(_PARTITIONS_A_DAY)):
            with translated():
                pages = self._db.get_paginator("query").paginate(
                    TableName=self._cases,
                    IndexName="chains-that-grew",
                    KeyConditionExpression="grew_on = :partition",
                    ExpressionAttributeValues={":partition": {"S": partition}},
                )
                found += [_chain_end(item) for page in pages for item in page["Items"]]
        # An index is behind by a moment: a case that changed meanwhile may stand there twice. The longer chain counts.
        longest = {end.case: end for end in sorted(found, key=lambda end: end.count)}
        return sorted(longest.values(), key=lambda end: end.case)

    # --- the account's standing --------------------------------------------------------------------------------

    def record_account_status(self, account_id: str, status: str, at: datetime) -> None:
        """Keep what billing last said of the account; an older message never overwrites a newer one.

        Of two words of the same moment the graver counts, whatever came last.
        """
        lighter = {f":{other}": {"S": other} for other in GRAVEST_FIRST[GRAVEST_FIRST.index(status) + 1 :]}
        graver = f" OR (#at = :at AND account_status IN ({', '.join(lighter)}))" if lighter else ""
        word = {"account_status": {"S": status}, "at": {"S": _sortable(at)}}
        if status in TOLD_OF_THE_HOLDER:  # beside it: that the account was sold or closed takes no death off anybody
            self._keep_newest(f"ACCOUNT#{account_id}", "HOLDER", word, graver, lighter)
        self._keep_newest(f"ACCOUNT#{account_id}", "STATUS", word, graver, lighter)

    def account_status(self, account_id: str) -> str | None:
        """What billing last said of the account's standing; None when it never did, or said NORMAL."""
        return _found_standing(self._read(f"ACCOUNT#{account_id}", "STATUS"))

    def told_of_holder(self, account_id: str) -> tuple[str, datetime] | None:
        """What billing last said that is true of the account's holder, or takes that back, and when; else None."""
        item = self._read(f"ACCOUNT#{account_id}", "HOLDER")
        return (item["account_status"]["S"], datetime.fromisoformat(item["at"]["S"])) if item else None

    def told_about(self, case: Case) -> tuple[str | None, Reach, set[str]]:
        """What is known by now of a case's account and person: the account's standing as `account_status` tells it,
        how the person may be reached, and the flags that `record_flags` keeps. Raises CaseDamagedError.
        """
        account, person = f"ACCOUNT#{case.account_id}", f"PERSON#{case.cardholder_id}"
        status, flags, reach = (account, "STATUS"), (account, "FLAGS"), (person, "REACH")
        items = self._read_all([status, flags, reach], ConsistentRead=True)
        now = clock.now().timestamp()
        kept = {name for name, until in items.get(flags, {}).items() if "N" in until and int(until["N"]) > now}
        known = _found_reach(case.cardholder_id, items.get(reach))
        return _found_standing(items.get(status)), known, kept - {"expires_at"}

    def record_holder(self, account_id: str, cardholder_id: str) -> None:
        """Keep whose account it is, besides whose it was: a word about it reaches them, and takes back another."""
        with translated():
            self._db.update_item(
                TableName=self._cases,
                Key={"pk": {"S": f"ACCOUNT#{account_id}"}, "sk": {"S": "CASES"}},
                UpdateExpression="ADD holders :holder",
                ExpressionAttributeValues={":holder": {"SS": [cardholder_id]}},
            )

    def record_in_order(self, account_id: str, told: tuple[datetime, datetime, str]) -> None:
        """Keep when billing found nothing late (at a moment, sent then, in that event); the newest is kept."""
        expires_at = {"N": str(int((clock.now() + _KEEP_MARKER).timestamp()))}
        word = {"at": {"S": _told(told)}, "expires_at": expires_at}
        self._keep_newest(f"ACCOUNT#{account_id}", "IN_ORDER", word)

    def record_flags(self, account_id: str, flags: Iterable[str]) -> None:
        """Keep what billing said of the person for as long as one of its words may overtake another.

        A case hears what was said before it was opened, whichever of the two came first.
        """
        names = {f"#{number}": flag for number, flag in enumerate(sorted(flags))}
        if not names:
            return
        until = {"N": str(int((clock.now() + _KEEP_FLAGS).timestamp()))}
        with translated():
            self._db.update_item(
                TableName=self._cases,
                Key={"pk": {"S": f"ACCOUNT#{account_id}"}, "sk": {"S": "FLAGS"}},
                UpdateExpression="SET " + ", ".join(f"{name} = :until" for name in ("expires_at", *names)),
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={":until": until},
            )

    def _keep_newest(
        self, pk: str, sk: str, word: dict[str, Any], or_else: str = "", values: dict[str, Any] | None = None
    ) -> None:
        """Put what was said at `word["at"]`, unless what is kept is as new; `or_else` names what yields anyway."""
        try:
            with translated():
                self._db.put_item(
                    TableName=self._cases,
                    Item={"pk": {"S": pk}, "sk": {"S": sk}} | word,
                    ConditionExpression=f"attribute_not_exists(pk) OR #at < :at{or_else}",
                    ExpressionAttributeNames={"#at": "at"},
                    ExpressionAttributeValues={":at": word["at"]} | (values or {}),
                )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise

    # --- sealed documents --------------------------------------------------------------------------------------

    def is_sealed(self, sha256: str) -> bool:
        """Whether a document of this SHA-256 (hexadecimal) was sealed in any case."""
        return self._read(f"DOCUMENT#{sha256}", "SEALED") is not None

    def _sealed_document(self, sealing: AgreementSealed) -> dict[str, Any]:
        item = {"pk": {"S": f"DOCUMENT#{sealing.document_sha256}"}, "sk": {"S": "SEALED"}}
        return {"Put": {"TableName": self._cases, "Item": item}}

    # --- what billing said -------------------------------------------------------------------------------------

    def claim_event(self, event_id: str, kind: str, account_id: str, cardholder_id: str = "") -> str | None:
        """Keep that this event is being heard; return what came of it when it was heard to the end before.

        Raises InputRejectedError when its id was given before to another kind of event, account or cardholder.
        """
        key = {"pk": {"S": f"EVENT#{event_id}"}, "sk": {"S": "HEARD"}}
        named = {"kind": kind, "account_id": account_id, "cardholder_id": cardholder_id}
        expires_at = {"N": str(int((clock.now() + _KEEP_MARKER).timestamp()))}
        item = key | {name: {"S": value} for name, value in named.items()} | {"expires_at": expires_at}
        try:
            with translated():
                self._db.put_item(TableName=self._cases, Item=item, ConditionExpression="attribute_not_exists(pk)")
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
        else:
            return None
        heard = self._read(key["pk"]["S"], key["sk"]["S"])
        if heard is None:  # it was as old as a marker gets, and went in this moment
            raise ServiceUnavailableError("the event's marker has just expired")
        if {name: heard[name]["S"] for name in named} != named:
            problem = "another event had this id before: every event needs one of its own"
            raise InputRejectedError.of("eventId", "ID_USED_BEFORE", problem)
        return heard["outcome"]["S"] if "outcome" in heard else None

    def settle_event(self, event_id: str, outcome: str) -> None:
        """Keep what came of an event that was heard to the end."""
        with translated():
            self._db.update_item(
                TableName=self._cases,
                Key={"pk": {"S": f"EVENT#{event_id}"}, "sk": {"S": "HEARD"}},
                UpdateExpression="SET outcome = :outcome",
                ExpressionAttributeValues={":outcome": {"S": outcome}},
            )

    # --- waiting executions ------------------------------------------------------------------------------------

    def hold_token(self, case_id: str, who: str, token: str) -> None:
        """Keep the token of the execution that now waits for `who`. It never leaves the backend."""
        with translated():
            self._db.put_item(
                TableName=self._cases,
                Item={
                    "pk": {"S": f"CASE#{case_id}"},
                    "sk": {"S": f"WAIT#{who}"},
                    "task_token": {"S": token},
                    "expires_at": {"N": str(int((clock.now() + _KEEP_MARKER).timestamp()))},
                },
            )

    def token(self, case_id: str, who: str) -> str | None:
        """The token of the execution that waits, or last waited, for `who`. Raises CaseDamagedError."""
        item = self._read(f"CASE#{case_id}", f"WAIT#{who}")
        if item is None:
            return None
        if "S" not in item.get("task_token", {}):
            raise CaseDamagedError(f"{case_id}, WAIT#{who}")
        return str(item["task_token"]["S"])

    def undelivered_decisions(self, who: str, before: datetime) -> list[str]:
        """Cases whose decision by `who`, made before a moment, no execution has taken up yet; oldest first."""
        with translated():
            pages = self._db.get_paginator("query").paginate(
                TableName=self._cases,
                IndexName="undelivered-decisions",
                KeyConditionExpression="undelivered = :who AND decided_at < :before",
                ExpressionAttributeValues={":who": {"S": who}, ":before": {"S": _sortable(before)}},
            )
            return [item["pk"]["S"].removeprefix("CASE#") for page in pages for item in page["Items"]]

    # --- tasks -------------------------------------------------------------------------------------------------

    def task(self, case_id: str, task_id: str) -> StaffTask | None:
        """One task of a case. Raises CaseDamagedError."""
        item = self._read(f"CASE#{case_id}", f"TASK#{task_id}")
        found = _found_task(item) if item else None
        if isinstance(found, DamagedTask):
            raise CaseDamagedError(f"{case_id}, TASK#{task_id}")
        return found

    def tasks(self, case_id: str) -> list[StaffTask | DamagedTask]:
        """All tasks of a case, open and closed, damaged or not."""
        with translated():
            pages = self._db.get_paginator("query").paginate(
                TableName=self._cases,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :task)",
                ExpressionAttributeValues={":pk": {"S": f"CASE#{case_id}"}, ":task": {"S": "TASK#"}},
                ConsistentRead=True,
            )
            return [_found_task(item) for page in pages for item in page["Items"]]

    def open_tasks(self, kind: str, limit: int = 50) -> list[StaffTask | DamagedTask]:
        """Open tasks of a kind, the most urgent first, damaged or not."""
        with translated():
            page = self._db.query(
                TableName=self._cases,
                IndexName="open-tasks",
                KeyConditionExpression="open_task = :kind",
                ExpressionAttributeValues={":kind": {"S": kind}},
                Limit=limit,
            )
        return [_found_task(item) for item in page["Items"]]


# --- items -----------------------------------------------------------------------------------------------------


def _sortable(moment: datetime) -> str:
    """UTC with fixed width, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _told(told: tuple[datetime, datetime, str]) -> str:
    at, sent_at, event_id = told
    return f"{_sortable(at)} {_sortable(sent_at)} {event_id}"


def _case_item(case: Case, now: datetime) -> dict[str, Any]:
    item = {
        "pk": {"S": f"CASE#{case.case_id}"},
        "sk": {"S": "CASE"},
        "revision": {"N": str(case.revision)},
        "status": {"S": case.status},
        "account_id": {"S": case.account_id},
        "body": {"S": case.model_dump_json()},
        # The day's root is made of these. A day has several partitions: a busy night may write into all of them.
        "grew_on": {"S": f"{now.astimezone(UTC):%Y-%m-%d}#{int(case.head[0], 16) % _PARTITIONS_A_DAY}"},
        "version": {"N": str(case.version)},
        "head": {"S": case.head},
    }
    if case.status not in ENDED:
        item["open_for"] = {"S": case.cardholder_id}
    if case.decision is not None:
        item["undelivered"] = {"S": case.decision.by}
        item["decided_at"] = {"S": _sortable(case.decision.at)}
    return item


def _found_case(case_id: str, item: dict[str, Any] | None) -> Case:
    if item is None:
        raise CaseNotFoundError(case_id)
    try:
        case = Case.model_validate_json(item["body"]["S"])
    except (ValueError, KeyError):
        raise CaseDamagedError(case_id) from None
    if case.case_id != case_id:
        raise CaseDamagedError(case_id)
    return case


def _found_result(case_id: str, key: str, marker: dict[str, Any] | None) -> dict[str, Any] | None:
    if marker is None:
        return None
    try:
        result = json.loads(marker["result"]["S"])
    except (ValueError, KeyError, RecursionError):
        result = None
    if not isinstance(result, dict):
        raise CaseDamagedError(f"{case_id}, DONE#{key}")
    return result


def _found_cases(item: dict[str, Any] | None) -> AccountCases:
    item = item or {}
    ended = End(item["ended_as"]["S"], datetime.fromisoformat(item["ended_at"]["S"])) if "ended_as" in item else None
    return AccountCases(
        open_case_id=item["open_case_id"]["S"] if "open_case_id" in item else None,
        rounds=int(item["rounds"]["N"]) if "rounds" in item else 0,
        last_case_id=item["last_case_id"]["S"] if "last_case_id" in item else None,
        last_end=ended,
        last_plan=item["plan_ended_as"]["S"] if "plan_ended_as" in item else None,
        holders=frozenset(item.get("holders", {"SS": ()})["SS"]),
        waivers=tuple(
            (datetime.fromisoformat(waiver["M"]["at"]["S"]), int(waiver["M"]["amount"]["N"]))
            for waiver in item.get("waivers", {"L": []})["L"]
        ),
    )


def _found_reach(cardholder_id: str, item: dict[str, Any] | None) -> Reach:
    if item is None:
        return Reach(cardholder_id=cardholder_id)
    try:
        reach = Reach.model_validate_json(item["body"]["S"])
    except (ValueError, KeyError):
        raise CaseDamagedError(f"PERSON#{cardholder_id}, REACH") from None
    return reach


def _found_standing(item: dict[str, Any] | None) -> str | None:
    return None if item is None or item["account_status"]["S"] == "NORMAL" else str(item["account_status"]["S"])


def _chain_end(item: dict[str, Any]) -> ChainEnd:
    return ChainEnd(case=item["pk"]["S"].removeprefix("CASE#"), count=int(item["version"]["N"]), head=item["head"]["S"])


def _marker_item(case_id: str, key: str, result: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "pk": {"S": f"CASE#{case_id}"},
        "sk": {"S": f"DONE#{key}"},
        "result": {"S": json.dumps(result)},
        "expires_at": {"N": str(int((now + _KEEP_MARKER).timestamp()))},
    }


def _task_item(task: StaffTask) -> dict[str, Any]:
    item = {
        "pk": {"S": f"CASE#{task.case_id}"},
        "sk": {"S": f"TASK#{task.task_id}"},
        "due_at": {"S": _sortable(task.due_at)},
        "body": {"S": task.model_dump_json(exclude_none=True)},
    }
    if task.outcome is None:
        item["open_task"] = {"S": task.kind}
    return item


def _found_task(item: dict[str, Any]) -> StaffTask | DamagedTask:
    place = DamagedTask(item["pk"]["S"].removeprefix("CASE#"), item["sk"]["S"].removeprefix("TASK#"))
    try:
        task = StaffTask.model_validate_json(item["body"]["S"])
    except (ValueError, KeyError):
        return place
    at_home = (task.case_id, task.task_id) == (place.case_id, place.task_id)
    return task if at_home and task.facts.keys() == TASK_FACTS[task.reason] else place


def _event_item(event: ChainedEvent) -> dict[str, Any]:
    return {
        "case_id": {"S": event.case_id},
        "seq": {"N": str(event.seq)},
        "type": {"S": event.type},
        "at": {"S": event.at},
        "body": {"S": event.body},
        "hash": {"S": event.hash},
    }


def chained_event(item: dict[str, Any]) -> ChainedEvent:
    """An item of the events table, or of its stream, as an event. Raises ChainBrokenError for what is none."""
    return _undamaged(_found_event(item))


def _found_event(item: dict[str, Any]) -> ChainedEvent | DamagedEvent:
    return found_event({name: _plain(typed) for name, typed in item.items()})


def _plain(typed: dict[str, Any]) -> Any:
    """The text or the number of an attribute; None for what no event has."""
    return json.loads(typed["N"]) if "N" in typed else typed.get("S")


def _undamaged(event: ChainedEvent | DamagedEvent) -> ChainedEvent:
    if isinstance(event, DamagedEvent):
        raise ChainBrokenError(f"event {event.seq}: {event.problem}")
    return event
