"""Carries messages from one service to the next: event source mappings, rule targets, retries, schedules."""

import json
import queue
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto.events.models import EventPattern
from moto.events.utils import EventTemplateParser

from infra.local.functions import Function
from infra.local.schedules import next_firing

# Lambda's service waits one and two minutes before it repeats an asynchronous invocation; here it is seconds.
_ASYNC_RETRY_SECONDS = (1.0, 2.0)
# A stream is read at once after a pause, and under load this often, so that records come in batches (AWS: 0.25 s).
_STREAM_READ_SECONDS = 0.1
_STREAM_RETRY_SECONDS = (0.05, 2.0)  # first pause and longest, doubling

Report = Callable[[str, str], None]  # where, what


@dataclass(frozen=True)
class Outcome:
    """What an invocation came to."""

    result: Any
    error: str | None  # `Name: message` of the function's error


def run(function: Function, event: Any) -> Outcome:
    """Invoke a function and wait for it."""
    payload, error = function.invoke(json.dumps(event).encode())
    result = json.loads(payload)
    return Outcome(result, in_one_line(result) if error else None)


def in_one_line(error: Mapping[str, Any]) -> str:
    """The error of a function as one line; its log has the rest."""
    return f"{error['errorType']}: {error['errorMessage'].partition(chr(10))[0][:300]}"


def failed_items(outcome: Outcome, ids: Sequence[str], reports_items: bool) -> set[str]:
    """Which items of a batch failed: all of them unless the function said which, in the form that Lambda asks for."""
    if outcome.error:
        return set(ids)
    if not reports_items or not outcome.result or not outcome.result.get("batchItemFailures"):
        return set()
    failures = [failure.get("itemIdentifier") for failure in outcome.result["batchItemFailures"]]
    # An answer that Lambda cannot understand counts as a failure of the whole batch.
    return set(failures) if set(failures) <= set(ids) else set(ids)


class EventSourceFilter:
    """The FilterCriteria of an event source mapping: an event passes if any pattern matches, or if there is none."""

    def __init__(self, mapping: Mapping[str, Any]) -> None:
        filters = mapping.get("FilterCriteria", {}).get("Filters", [])
        self._patterns = [EventPattern.load(entry["Pattern"]) for entry in filters]

    def passes(self, event: Any) -> bool:
        """Whether the function wants this event."""
        return not self._patterns or any(pattern.matches_event(event) for pattern in self._patterns)


class QueuePump:
    """An SQS event source mapping: batches to the function, failed messages back to the queue.

    A failed message shows again after `retry_seconds` instead of the queue's visibility timeout, so that nobody waits
    minutes for a redrive; how often it shows before it goes to the dead-letter queue is the queue's own rule.
    """

    def __init__(
        self, mapping: Mapping[str, Any], function: Function, sqs: Any, report: Report, retry_seconds: int
    ) -> None:
        self._function, self._sqs, self._report, self._retry_seconds = function, sqs, report, retry_seconds
        self._arn: str = mapping["EventSourceArn"]
        self.name = self._arn.rpartition(":")[2]
        self._url = sqs.get_queue_url(QueueName=self.name)["QueueUrl"]
        self._batch_size = min(int(mapping.get("BatchSize", 10)), 10)  # SQS hands out ten at a time
        self._reports_items = "ReportBatchItemFailures" in mapping.get("FunctionResponseTypes", [])
        self._filter = EventSourceFilter(mapping)

    def run(self, stopped: threading.Event) -> None:
        """Work until stopped."""
        while not stopped.is_set():
            messages = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=self._batch_size,
                WaitTimeSeconds=1,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            if messages and not stopped.is_set():
                self._handle(messages)

    def busy(self) -> str | None:
        """What this pump has still to do."""
        names = ["", "NotVisible", "Delayed"]
        attributes = self._sqs.get_queue_attributes(
            QueueUrl=self._url, AttributeNames=[f"ApproximateNumberOfMessages{name}" for name in names]
        )["Attributes"]
        left = sum(map(int, attributes.values()))
        return f"{left} messages in {self.name}" if left else None

    def _handle(self, messages: list[dict[str, Any]]) -> None:
        handles = {message["MessageId"]: message["ReceiptHandle"] for message in messages}
        records = [record for record in map(self._record, messages) if self._filter.passes(_with_json_body(record))]
        failed: set[str] = set()
        if records:
            outcome = run(self._function, {"Records": records})
            failed = failed_items(outcome, [record["messageId"] for record in records], self._reports_items)
            if failed:
                what = outcome.error or "reported by the function"
                self._report(self._function.logical_id, f"{len(failed)} of {len(records)} messages failed: {what}")
        for message_id, handle in handles.items():
            if message_id in failed:
                self._sqs.change_message_visibility(
                    QueueUrl=self._url, ReceiptHandle=handle, VisibilityTimeout=self._retry_seconds
                )
            else:
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=handle)

    def _record(self, message: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {
                name: {
                    "stringValue": value.get("StringValue"),
                    "stringListValues": [],
                    "binaryListValues": [],
                    "dataType": value["DataType"],
                }
                for name, value in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._arn,
            "awsRegion": self._function.region,
        }


def _with_json_body(record: dict[str, Any]) -> dict[str, Any]:
    """A filter looks into a body that is JSON."""
    try:
        return {**record, "body": json.loads(record["body"])}
    except (ValueError, RecursionError):
        return record


class StreamPump:
    """A DynamoDB stream mapping: records in order; what fails is tried again before anything later is.

    When the attempts are used up, the record goes to the OnFailure destination, and the stream goes on.
    """

    def __init__(self, mapping: Mapping[str, Any], function: Function, streams: Any, sqs: Any, report: Report) -> None:
        self._function, self._streams, self._sqs, self._report = function, streams, sqs, report
        self._arn: str = mapping["EventSourceArn"]
        self.table = self._arn.split("/")[1]
        self._batch_size = int(mapping.get("BatchSize", 100))
        self._bisects = bool(mapping.get("BisectBatchOnFunctionError", False))
        self._reports_items = "ReportBatchItemFailures" in mapping.get("FunctionResponseTypes", [])
        self._max_retries = int(mapping.get("MaximumRetryAttempts", -1))
        self._destination = mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        self._filter = EventSourceFilter(mapping)
        self._shard = streams.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"][0]["ShardId"]
        self._iterator = streams.get_shard_iterator(
            StreamArn=self._arn, ShardId=self._shard, ShardIteratorType=mapping.get("StartingPosition", "LATEST")
        )["ShardIterator"]
        self._written = threading.Event()
        self._working = False

    def written(self) -> None:
        """The table has changed."""
        self._written.set()

    def run(self, stopped: threading.Event) -> None:
        """Work until stopped."""
        reads_again = 0.0
        self._written.set()  # it may start again after an error, with records still to read
        while not stopped.is_set():
            self._written.wait()
            self._working = True  # before the flag is cleared, so that there is no moment at which neither shows
            stopped.wait(reads_again - time.monotonic())  # not at all when it is past
            reads_again = time.monotonic() + _STREAM_READ_SECONDS
            self._written.clear()
            answer = self._streams.get_records(ShardIterator=self._iterator, Limit=self._batch_size)
            if answer["Records"]:
                records = [self._record(record) for record in answer["Records"]]
                self._deliver([record for record in records if self._filter.passes(record)], stopped)
                self._iterator = answer["NextShardIterator"]
                self._written.set()  # there may be more
            self._working = False

    def busy(self) -> str | None:
        """What this pump has still to do."""
        return f"stream of {self.table}" if self._written.is_set() or self._working else None

    def _deliver(self, records: list[dict[str, Any]], stopped: threading.Event) -> None:
        retries, pause = 0, _STREAM_RETRY_SECONDS[0]
        while records and not stopped.is_set():
            outcome = run(self._function, {"Records": records})
            ids = [record["dynamodb"]["SequenceNumber"] for record in records]
            failed = failed_items(outcome, ids, self._reports_items)
            if not failed:
                return
            first = min(map(ids.index, failed))
            self._report(
                self._function.logical_id,
                f"stream record {ids[first]} failed: {outcome.error or 'reported by the function'}",
            )
            if first > 0:
                records, retries = records[first:], 0
            elif self._bisects and len(records) > 1:
                half = len(records) // 2
                self._deliver(records[:half], stopped)
                records = records[half:]
            elif 0 <= self._max_retries <= retries:
                self._give_up(records, outcome)
                return
            else:
                retries += 1
                stopped.wait(pause)
                pause = min(pause * 2, _STREAM_RETRY_SECONDS[1])

    def _give_up(self, records: list[dict[str, Any]], outcome: Outcome) -> None:
        first, last = records[0]["dynamodb"]["SequenceNumber"], records[-1]["dynamodb"]["SequenceNumber"]
        self._report(self._function.logical_id, f"gave up on stream records {first} to {last}")
        if self._destination is None:
            return
        self._sqs.send_message(
            QueueUrl=self._sqs.get_queue_url(QueueName=self._destination.rpartition(":")[2])["QueueUrl"],
            MessageBody=json.dumps(
                {
                    "requestContext": {
                        "requestId": str(uuid.uuid4()),
                        "functionArn": self._function.arn,
                        "condition": "RetryAttemptsExhausted",
                        "approximateInvokeCount": self._max_retries + 1,
                    },
                    "responseContext": {
                        "statusCode": 200,
                        "executedVersion": "$LATEST",
                        "functionError": "Unhandled" if outcome.error else None,
                    },
                    "version": "1.0",
                    "timestamp": datetime.now().astimezone().isoformat(),
                    "DDBStreamBatchInfo": {
                        "shardId": self._shard,
                        "startSequenceNumber": first,
                        "endSequenceNumber": last,
                        "batchSize": len(records),
                        "streamArn": self._arn,
                    },
                }
            ),
        )

    def _record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        change = dict(record["dynamodb"])
        change["ApproximateCreationDateTime"] = change["ApproximateCreationDateTime"].timestamp()
        return {
            **record,
            "awsRegion": self._function.region,
            "eventSourceARN": self._arn,
            "dynamodb": change,
        }


class Deliveries:
    """What AWS does after it has answered: asynchronous invocations with their retries, and the targets of rules."""

    def __init__(
        self,
        functions: Mapping[str, Function],
        invoke_configs: Mapping[str, Mapping[str, Any]],
        client: Callable[[str], Any],
        report: Report,
    ) -> None:
        self._functions, self._configs, self._client, self._report = functions, invoke_configs, client, report
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._left = 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def run(self, stopped: threading.Event) -> None:
        """Work until stopped."""
        self._stopped = stopped
        while not stopped.is_set():
            task = self._work.get()
            try:
                task()
            except Exception as error:
                self._report("delivery", f"{type(error).__name__}: {error}")
            finally:
                with self._lock:
                    self._left -= 1

    def wake(self) -> None:
        """Let a worker that waits for work look whether it is over."""
        self._submit(lambda: None)

    def busy(self) -> str | None:
        """What has still to be delivered."""
        return f"{self._left} deliveries" if self._left else None

    def invoke_later(self, name: str, payload: bytes) -> None:
        """An asynchronous invocation: repeated when the function fails, then sent to its OnFailure destination."""
        self._submit(lambda: self._invoke(name, payload))

    def deliver(self, target: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Send an event that matched a rule to one of its targets; to the target's dead letters if it cannot be."""
        arn: str = target["Arn"]
        try:
            body = target_input(target, event)
            service = arn.split(":")[2]
            if service == "lambda":
                self.invoke_later(arn.split(":")[6], body.encode())
            elif service == "states":
                self._submit(lambda: self._or_dead_letter(target, body, lambda: self._start_execution(arn, body)))
            elif service == "sqs":
                self._or_dead_letter(target, body, lambda: self._send(arn, body))
            else:
                self._report("rule", f"no target of this kind is supported here: {arn}")
        except Exception as error:
            self._report("rule", f"{type(error).__name__}: {error}")

    def _submit(self, task: Callable[[], None]) -> None:
        with self._lock:
            self._left += 1
        self._work.put(task)

    def _invoke(self, name: str, payload: bytes) -> None:
        function, config = self._functions[name], self._configs.get(name, {})
        retries = int(config.get("MaximumRetryAttempts", len(_ASYNC_RETRY_SECONDS)))
        event = json.loads(payload)
        for attempt in range(retries + 1):
            outcome = run(function, event)
            if outcome.error is None:
                return
            self._report(function.logical_id, f"asynchronous invocation failed: {outcome.error}")
            if attempt < retries and self._stopped.wait(_ASYNC_RETRY_SECONDS[attempt]):
                return
        destination = config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        if destination is None:
            self._report(function.logical_id, "gave up on an event; the function has no OnFailure destination")
            return
        self._send(
            destination,
            json.dumps(
                {
                    "version": "1.0",
                    "timestamp": datetime.now().astimezone().isoformat(),
                    "requestContext": {
                        "functionArn": f"{function.arn}:$LATEST",
                        "condition": "RetriesExhausted",
                        "approximateInvokeCount": retries + 1,
                    },
                    "requestPayload": event,
                    "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
                    "responsePayload": outcome.result,
                }
            ),
        )

    def _or_dead_letter(self, target: Mapping[str, Any], body: str, send: Callable[[], None]) -> None:
        try:
            send()
        except Exception as error:
            self._report("rule", f"{target['Arn'].rpartition(':')[2]} did not take an event: {error}")
            dead_letters = target.get("DeadLetterConfig", {}).get("Arn")
            if dead_letters:
                self._send(dead_letters, body, ERROR_MESSAGE=str(error)[:1000], TARGET_ARN=target["Arn"])

    def _start_execution(self, arn: str, body: str) -> None:
        self._client("stepfunctions").start_execution(stateMachineArn=arn, input=body)

    def _send(self, queue_arn: str, body: str, **attributes: str) -> None:
        sqs = self._client("sqs")
        sqs.send_message(
            QueueUrl=sqs.get_queue_url(QueueName=queue_arn.rpartition(":")[2])["QueueUrl"],
            MessageBody=body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
            },
        )


def target_input(target: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """The JSON that a rule's target receives: its Input, a part of the event, a transformed event, or the event."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return _as_text(_at_path(event, target["InputPath"]))
    if "InputTransformer" in target:
        transformer = target["InputTransformer"]
        transformed = EventTemplateParser.parse(
            input_template=transformer["InputTemplate"],
            input_paths_map=transformer.get("InputPathsMap", {}),
            event={**event, "ingestion-time": event["time"]},
        )
        return _as_text(transformed)
    return _as_text(event)


def _as_text(value: Any) -> str:
    """JSON in UTF-8. A lone surrogate, which JSON can name and UTF-8 cannot hold, stays a name: the rest arrives."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return text


def _at_path(event: Any, path: str) -> Any:
    """The value at `$.a.b`."""
    for name in re.findall(r"\.([\w-]+)", path):
        event = event[name]
    return event


@dataclass
class Schedule:
    """One schedule and when it fires next."""

    arn: str
    source: str  # aws.scheduler, or aws.events for a rule with a schedule
    expression: str
    time_zone: str
    target: Mapping[str, Any]
    due: datetime | None = None


class Scheduler:
    """Fires schedules in business time. A jump of the clock fires each that fell into it once."""

    def __init__(
        self, schedules: Sequence[Schedule], deliver: Callable[[Mapping[str, Any], Mapping[str, Any]], None],
        now: Callable[[], datetime], account: str, region: str,
    ) -> None:  # fmt: skip
        self._schedules, self._deliver, self._now = schedules, deliver, now
        self._account, self._region = account, region
        for schedule in schedules:
            schedule.due = next_firing(schedule.expression, now(), schedule.time_zone)

    def run(self, stopped: threading.Event) -> None:
        """Work until stopped."""
        while not stopped.wait(0.2):
            self.fire_due()

    def fire_due(self) -> None:
        """Fire every schedule that is due by now."""
        now = self._now()
        for schedule in self._schedules:
            if schedule.due is not None and schedule.due <= now:
                due, schedule.due = schedule.due, next_firing(schedule.expression, now, schedule.time_zone)
                self._deliver(schedule.target, self._event(schedule, due))

    def _event(self, schedule: Schedule, due: datetime) -> dict[str, Any]:
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": schedule.source,
            "account": self._account,
            "time": due.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self._region,
            "resources": [schedule.arn],
            "detail": "{}" if schedule.source == "aws.scheduler" else {},
        }
