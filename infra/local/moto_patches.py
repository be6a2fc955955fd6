"""Everything in which moto differs from AWS in a way that matters here, set right for as long as a stack runs.

Each patch says why it is there. tests/integration/test_moto_patches.py shows, patch by patch, what moto does without
it: when such a test fails after an upgrade of moto, the patch can go.
"""

import copy
import inspect
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import moto.backend_index
import moto.core.responses
import moto.dynamodb.models
import moto.s3.notifications
import moto.sqs.models
import moto.stepfunctions.parser.asl.utils.json_path
from boto3.session import Session
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString
from jsonpath_ng.ext import parse as json_path_parse
from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.core.serialize import AttributePicker, BaseJSONSerializer
from moto.core.utils import camelcase_to_underscores
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import StreamShard, Table
from moto.dynamodb.responses import DynamoHandler
from moto.dynamodbstreams.models import DynamoDBStreamsBackend
from moto.events.exceptions import ValidationException
from moto.events.models import EventBus, EventsBackend, Rule, events_backends
from moto.kms.models import Key, kms_backends
from moto.s3.models import S3Backend, _VersionedKeyStore
from moto.ses.models import SESBackend
from moto.sns.models import SNSBackend
from moto.sqs.models import Message, Queue, SQSBackend
from moto.stepfunctions.exceptions import AWSError
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackEndpoint,
    CallbackOutcome,
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
    CallbackPoolManager,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

# What PutEvents takes in one request (EventBridge quotas): 256 KB over all its entries.
PUT_EVENTS_LIMIT = 256 * 1024

Patch = tuple[Any, str, Any]


@dataclass(frozen=True)
class Hooks:
    """What the local stack does where moto does nothing."""

    invoke: Callable[[str, bytes, str], tuple[bytes, str | None]]  # function name, payload, invocation type
    deliver: Callable[[dict[str, Any], dict[str, Any]], None]  # a rule's target, the event that matched
    execution_changed: Callable[[Execution], None]
    stream_written: Callable[[], None]
    message_sent: Callable[[str, str, str, str], None]  # SMS or EMAIL, to whom, subject, text
    now: Callable[[], datetime]  # business time


@dataclass
class _Wait:
    """One wait of an execution: how long it lasts from here on, and how to end it sooner."""

    execution: str
    ends: float  # on the monotonic clock
    wake: Callable[[], None]

    @property
    def left(self) -> float:
        return self.ends - time.monotonic()


class Waits:
    """Which executions wait for a callback or a time, so that one can tell them from those at work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waits: dict[object, _Wait] = {}

    def add(self, key: object, env: Environment, seconds: float, wake: Callable[[], None]) -> _Wait:
        """The execution of this environment waits from now on; `key` stands for this one wait."""
        execution = env.states.context_object.context_object_data["Execution"]["Id"]
        wait = _Wait(execution, time.monotonic() + seconds, wake)
        with self._lock:
            self._waits[key] = wait
        return wait

    def discard(self, key: object) -> None:
        """This wait is over."""
        with self._lock:
            self._waits.pop(key, None)

    def executions(self) -> set[str]:
        """ARNs of the executions that wait."""
        with self._lock:
            return {wait.execution for wait in self._waits.values()}

    def advance(self, seconds: float) -> None:
        """Business time was moved forward: what should have ended meanwhile ends now."""
        with self._lock:
            for key, wait in list(self._waits.items()):
                wait.ends -= seconds
                if wait.left <= 0:
                    del self._waits[key]  # at work again from here on, not only when its thread wakes up
                    wait.wake()


@contextmanager
def patched(hooks: Hooks, waits: Waits) -> Iterator[None]:
    """Apply every patch for the duration of the context."""
    patches: list[Patch] = [
        *functions_run(hooks),
        *clients_are_made_one_at_a_time(),
        *requests_cost_less(),
        *tasks_call_functions_directly(hooks),
        *nothing_is_parsed_twice(),
        *executions_need_no_name(),
        *executions_have_a_status_at_once(),
        *tokens_work_once(waits),
        *waits_are_known(waits),
        *stop_ends_a_waiting_execution(),
        *executions_tell_their_status(hooks),
        *transactions_are_atomic(),
        *queries_read_their_partition(),
        *streams_wake_their_readers(hooks),
        *queues_lose_nothing(),
        *rules_reach_every_target(hooks),
        *put_events_has_a_limit(),
        *buckets_speak_as_aws_does(),
        *versions_are_listed_by_prefix(),
        *messages_are_noticed(hooks),
        *keys_keep_their_kind(),
        *ref_of_a_bus_is_its_name(),
    ]
    with ExitStack() as stack:
        for target, name, replacement in patches:
            stack.enter_context(patch.object(target, name, replacement, create=True))
        yield


# --- Lambda --------------------------------------------------------------------------------------------------------


def functions_run(hooks: Hooks) -> list[Patch]:
    """Without Docker moto answers every invocation with a canned result; here the handler runs."""

    def invoke(
        self: Any, function_name: str, qualifier: str | None, body: Any, headers: Any, response_headers: Any
    ) -> bytes:
        name = self.get_function(function_name, qualifier).function_name
        payload = body if isinstance(body, bytes) else (body or "").encode()
        result, error = hooks.invoke(name, payload, headers.get("X-Amz-Invocation-Type") or "RequestResponse")
        if error:
            response_headers["x-amz-function-error"] = error
        return result

    return [(LambdaSimpleBackend, "invoke", invoke)]


# --- every service -------------------------------------------------------------------------------------------------


def clients_are_made_one_at_a_time() -> list[Patch]:
    """Making a client is not thread-safe in boto3. No Lambda ever notices; many of them in one process do."""
    lock, original = threading.Lock(), Session.client

    def client(self: Session, *args: Any, **kwargs: Any) -> Any:
        with lock:
            return original(self, *args, **kwargs)

    return [(Session, "client", client)]


def requests_cost_less() -> list[Patch]:
    """Most of the time of a call within this process goes into things that nobody looks at.

    moto tries the address against each of its 200 services, lists the methods of a class, turns a name into snake case,
    works out five names under which each field of an answer may be found, looks in each value of an item for each of
    ten types, and draws 52 random letters for its id; botocore composes a user agent and signs, and moto checks no
    signature.
    """
    names: dict[
        tuple[type, int, str], tuple[Any, tuple[str, ...]]
    ] = {}  # holds the shape, so that its id stays its own
    pick_slowly, sign_truly = AttributePicker.__call__, RequestSigner.sign
    serialize_slowly = BaseJSONSerializer._serialize_type_structure
    snake_case = lru_cache(camelcase_to_underscores)

    def pick(self: AttributePicker, context: Any) -> Any:
        if type(context.obj) is not dict or self.response_transformers:
            return pick_slowly(self, context)
        key = (type(self), id(context.shape), context.key)
        if key not in names:
            names[key] = (context.shape, tuple(self.get_possible_keys(context)))
        return next((context.obj[name] for name in names[key][1] if name in context.obj), None)

    def serialize(self: BaseJSONSerializer, serialized: dict[str, Any], value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and type(value) is dict and value.keys() <= {"S", "N"}:
            serialized[self.get_serialized_name(shape, key)] = value
        else:
            serialize_slowly(self, serialized, value, shape, key)

    def request_id(headers: dict[str, Any] | None = None) -> str:
        made = uuid.uuid4().hex.upper()
        if headers is not None:
            headers["x-amzn-requestid"] = made
        return made

    def sign(self: RequestSigner, operation_name: str, request: Any, *args: Any, **kwargs: Any) -> None:
        if args or kwargs or self._signing_name == "s3":  # presigned, or S3, where the signer does more than sign
            return sign_truly(self, operation_name, request, *args, **kwargs)
        scope = f"20000101/{self._region_name}/{self._signing_name}/aws4_request"
        request.headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential=LOCAL/{scope}, SignedHeaders=host, Signature=0"

    busiest = ("dynamodb", "sqs", "events", "dynamodbstreams", "stepfunctions")
    services = sorted(moto.backend_index.backend_url_patterns, key=lambda entry: entry[0] not in busiest)
    return [
        (AttributePicker, "__call__", pick),
        (moto.core.responses, "method_names_from_class", lru_cache(moto.core.responses.method_names_from_class)),
        (moto.core.responses, "camelcase_to_underscores", snake_case),
        (moto.sqs.models, "camelcase_to_underscores", snake_case),
        (BaseJSONSerializer, "_serialize_type_structure", serialize),
        (moto.core.responses, "gen_amzn_requestid_long", request_id),
        (moto.backend_index, "backend_url_patterns", services),
        (UserAgentString, "to_string", lambda self: "local"),
        (RequestSigner, "sign", sign),
    ]


# --- Step Functions ------------------------------------------------------------------------------------------------


def tasks_call_functions_directly(hooks: Hooks) -> list[Patch]:
    """For each task moto makes a boto3 client and sends an HTTP request through it to itself: most of a task's time."""

    def invoke(parameters: dict[str, Any], region: str, state_credentials: Any) -> dict[str, Any]:
        name = parameters["FunctionName"].split(":function:")[-1].split(":")[0]
        result, error = hooks.invoke(name, parameters["Payload"], parameters.get("InvocationType", "RequestResponse"))
        answer = {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": json.loads(result) if result else None}
        return {**answer, "FunctionError": error} if error else answer

    return [(lambda_eval_utils, "_invoke_lambda_function", invoke)]


def nothing_is_parsed_twice() -> list[Patch]:
    """moto parses the definition anew for every execution, and every JSONPath each time that a state uses it.

    The first takes a tenth of a second for a real state machine. What is parsed can be shared: an execution keeps what
    it remembers in its environment.
    """
    return [
        (AmazonStateLanguageParser, "parse", staticmethod(_parse_definition)),
        (moto.stepfunctions.parser.asl.utils.json_path, "parse", _parse_json_path),
    ]


# Beyond one stack, so that the next one in this process finds them.
_parse_definition = lru_cache(maxsize=64)(AmazonStateLanguageParser.parse)
_parse_json_path = lru_cache(maxsize=1024)(json_path_parse)


def executions_need_no_name() -> list[Patch]:
    """moto names an execution without a name `None`, so that a second one without a name is taken for the first."""
    original = StepFunctionsParserBackend.start_execution

    def start_execution(
        self: Any,
        state_machine_arn: str,
        name: str | None = None,
        execution_input: Any = None,
        trace_header: Any = None,
    ) -> Execution:
        return original(self, state_machine_arn, name or str(uuid.uuid4()), execution_input, trace_header)

    return [(StepFunctionsParserBackend, "start_execution", start_execution)]


def executions_have_a_status_at_once() -> list[Patch]:
    """moto lists an execution a moment before it starts it; whoever asks for its status or history gets an error."""
    history = Execution.to_history_output

    def history_or_nothing(self: Execution) -> Any:
        return history(self) if self.exec_worker is not None else {"events": []}

    return [
        (Execution, "status", property(lambda self: (self.exec_status or ExecutionStatus.RUNNING).value)),
        (Execution, "to_history_output", history_or_nothing),
    ]


def tokens_work_once(waits: Waits) -> list[Patch]:
    """moto accepts a task token again after its state has ended, and so loses what the caller thinks it delivered.

    AWS answers TaskTimedOut. moto also looks through all executions, and fails when one of them is just starting.
    """
    lock = threading.Lock()
    endpoints: dict[str, CallbackEndpoint] = {}
    frames: dict[str, Environment] = {}
    add, wait = CallbackPoolManager.add, StateTaskServiceCallback._eval_wait_for_task_token

    def add_token(self: CallbackPoolManager, callback_id: str) -> CallbackEndpoint:
        endpoints[callback_id] = endpoint = add(self, callback_id)
        return endpoint

    def wait_for_token(
        self: Any, env: Environment, timeout_seconds: int, callback_endpoint: CallbackEndpoint, heartbeat_endpoint: Any
    ) -> CallbackOutcome:
        token = callback_endpoint.callback_id
        frames[token] = env
        waits.add(token, env, timeout_seconds, callback_endpoint._notify_event.set)
        try:
            return wait(self, env, timeout_seconds, callback_endpoint, heartbeat_endpoint)
        finally:
            waits.discard(token)
            frames.pop(token, None)

    def notify(token: str, outcome: CallbackOutcome) -> None:
        endpoint = endpoints.get(token)
        if endpoint is None:
            raise AWSError("Invalid Token: 'Invalid token'", "InvalidToken")
        with lock:
            frame = frames.get(token)
            if endpoint._notify_event.is_set() or (frame is not None and not frame.is_running()):
                raise AWSError("Task Timed Out: 'Provided task does not exist anymore'", "TaskTimedOut")
            waits.discard(token)  # at work again from here on, not only when its thread wakes up
            endpoint.notify(outcome)

    def send_task_success(self: Any, task_token: str, outcome: str) -> None:
        notify(task_token, CallbackOutcomeSuccess(callback_id=task_token, output=outcome))

    def send_task_failure(self: Any, task_token: str, error: str | None = None, cause: str | None = None) -> None:
        notify(task_token, CallbackOutcomeFailure(callback_id=task_token, error=error, cause=cause))

    return [
        (CallbackPoolManager, "add", add_token),
        (StateTaskServiceCallback, "_eval_wait_for_task_token", wait_for_token),
        (StepFunctionsParserBackend, "send_task_success", send_task_success),
        (StepFunctionsParserBackend, "send_task_failure", send_task_failure),
    ]


def waits_are_known(waits: Waits) -> list[Patch]:
    """Nothing in moto tells an execution in a Wait state from one at work; `settle` has to know.

    Nor does a wait of moto's end when business time is moved over it.
    """

    def wait_interval(self: WaitFunction, env: Environment, wait_seconds: int) -> None:
        key = object()
        wait = waits.add(key, env, wait_seconds, env.program_state_event.set)
        try:
            while env.is_running() and wait.left > 0:
                env.program_state_event.wait(wait.left)
                if env.is_running():  # somebody else's event, or time was moved
                    env.program_state_event.clear()
        finally:
            waits.discard(key)

    return [(WaitFunction, "_wait_interval", wait_interval)]


def stop_ends_a_waiting_execution() -> list[Patch]:
    """In moto StopExecution leaves an execution that waits for a callback RUNNING until the callback's timeout."""
    stop, set_error = ExecutionWorker.stop, Environment.set_error

    def stop_worker(self: ExecutionWorker, stop_date: Any, error: str | None, cause: str | None) -> None:
        stop(self, stop_date, error, cause)
        for endpoint in list(self.env.callback_pool_manager._pool.values()):
            endpoint.interrupt_all()

    def set_error_unless_stopped(self: Environment, error: Any) -> None:
        # The interrupted wait looks like a timeout of the state; the execution is aborted, not failed.
        if not isinstance(self.program_state(), ProgramStopped):
            set_error(self, error)

    return [(ExecutionWorker, "stop", stop_worker), (Environment, "set_error", set_error_unless_stopped)]


def executions_tell_their_status(hooks: Hooks) -> list[Patch]:
    """moto sends no `Step Functions Execution Status Change` events."""
    start, terminated = Execution.start, BaseExecutionWorkerCommunication.terminated

    def start_and_tell(self: Execution) -> None:
        start(self)
        hooks.execution_changed(self)

    def end_and_tell(self: BaseExecutionWorkerCommunication) -> None:
        terminated(self)
        hooks.execution_changed(self.execution)

    return [(Execution, "start", start_and_tell), (BaseExecutionWorkerCommunication, "terminated", end_and_tell)]


# --- DynamoDB ------------------------------------------------------------------------------------------------------


def transactions_are_atomic() -> list[Patch]:
    """moto is not thread-safe: without a lock transactions interleave, and fail while another thread writes.

    For its way back it copies every table of the transaction whole, which makes each transaction slower than the one
    before. Here the few items that the transaction names are remembered instead.
    """
    lock = threading.RLock()
    call, transact, get_records = (
        DynamoHandler.call_action,
        DynamoDBBackend.transact_write_items,
        DynamoDBStreamsBackend.get_records,
    )

    def call_action(self: DynamoHandler) -> Any:
        with lock:
            return call(self)

    def records(self: DynamoDBStreamsBackend, iterator_arn: str, limit: int) -> Any:
        with lock:  # or a reader would see what a transaction then takes back
            return get_records(self, iterator_arn, limit)

    def transact_write_items(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        with lock:
            before = []
            for entry in transact_items:
                operation = next(iter(entry.values()))
                table = self.get_table(operation["TableName"])
                key = operation.get("Key") or {name: operation["Item"].get(name) for name in table.table_key_attrs}
                if all(key.values()):  # a key that is missing is refused by moto itself
                    hash_key, range_key = self.get_keys_value(table, key)
                    # A copy, because moto updates items in place.
                    before.append((table, hash_key, range_key, copy.deepcopy(table.get_item(hash_key, range_key))))
            records = {id(table): (table, len(table.stream_shard.items)) for table, *_ in before if table.stream_shard}
            try:
                transact(self, transact_items)
            except Exception:
                for table, hash_key, range_key, item in before:
                    _restore(table, hash_key, range_key, item)
                for table, count in records.values():
                    del table.stream_shard.items[count:]
                raise

    return [
        (DynamoHandler, "call_action", call_action),
        (DynamoDBStreamsBackend, "get_records", records),
        (DynamoDBBackend, "transact_write_items", transact_write_items),
        # What moto copies in this module are the tables for the way back, and an item before its update.
        (moto.dynamodb.models, "copy", SimpleNamespace(deepcopy=_copy_of_all_but_tables)),
    ]


def _copy_of_all_but_tables(value: Any, memo: dict[int, Any] | None = None) -> Any:
    return value if isinstance(value, Table) else copy.deepcopy(value, memo)


def _restore(table: Table, hash_key: Any, range_key: Any, item: Any) -> None:
    items, key = (table.items[hash_key], range_key) if table.has_range_key else (table.items, hash_key)
    if item is None:
        items.pop(key, None)
    else:
        items[key] = item


def queries_read_their_partition() -> list[Patch]:
    """moto reads the whole table for each query, so that a query takes longer with every item in it."""
    original = Table.query

    def query(self: Table, *args: Any, **kwargs: Any) -> Any:
        given = inspect.signature(original).bind(self, *args, **kwargs)
        if given.arguments.get("index_name") is None:
            given.arguments["self"] = partition = copy.copy(self)
            key = given.arguments["hash_key"]
            partition.items = {key: self.items[key]} if key in self.items else {}
        return original(*given.args, **given.kwargs)

    return [(Table, "query", query)]


def streams_wake_their_readers(hooks: Hooks) -> list[Patch]:
    """A reader of a stream would have to poll moto; this tells it when to look."""
    original = StreamShard.add

    def add(self: StreamShard, old: Any, new: Any) -> None:
        original(self, old, new)
        hooks.stream_written()

    return [(StreamShard, "add", add)]


# --- SQS -----------------------------------------------------------------------------------------------------------


def queues_lose_nothing() -> list[Patch]:
    """In moto a message that is sent while another is deleted is lost: deletion replaces the list without a lock.

    Two receivers may also get the same message. Here each does its work under the lock of the queue; waiting does not.
    """
    add, delete, receive = Queue.add_message, Queue.delete_message, SQSBackend.receive_message
    change_visibility = SQSBackend.change_message_visibility

    def add_message(self: Queue, message: Message) -> None:
        with self._messages_lock:
            add(self, message)

    def delete_message(self: Queue, receipt_handle: str) -> None:
        with self._messages_lock:
            delete(self, receipt_handle)

    def change_message_visibility(
        self: SQSBackend, queue_name: str, receipt_handle: str, visibility_timeout: int
    ) -> None:
        with self.get_queue(queue_name)._messages_lock:
            change_visibility(self, queue_name, receipt_handle, visibility_timeout)

    def receive_message(
        self: SQSBackend,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> list[Message]:
        lock = self.get_queue(queue_name)._messages_lock
        deadline = time.monotonic() + wait_seconds_timeout
        while True:
            with lock:
                messages: list[Message] = receive(
                    self, queue_name, count, 0, visibility_timeout, message_attribute_names
                )
                left = deadline - time.monotonic()
                if messages or left <= 0:
                    return messages
                # A second at most: time makes hidden messages visible again. Who was woken answers with what is there,
                # as SQS may; a stack that ends wakes its readers.
                if lock.wait(min(left, 1)):
                    deadline = 0.0

    return [
        (Queue, "add_message", add_message),
        (Queue, "delete_message", delete_message),
        (SQSBackend, "change_message_visibility", change_message_visibility),
        (SQSBackend, "receive_message", receive_message),
    ]


# --- EventBridge and S3 --------------------------------------------------------------------------------------------


def rules_reach_every_target(hooks: Hooks) -> list[Patch]:
    """moto's rules know neither Lambda nor Step Functions as targets, nor InputPath, Input, states or dead letters.

    It also writes the time of an event as a number and adds a field that AWS does not. The sender may name the time.
    """
    put = EventsBackend.put_events

    def put_events(self: EventsBackend, events: list[dict[str, Any]]) -> Any:
        named = [
            entry | ({"Time": _iso(datetime.fromtimestamp(entry["Time"], UTC))} if "Time" in entry else {})
            for entry in events
        ]
        return put(self, named)

    def send_to_targets(self: Rule, original_event: dict[str, Any], transform_input: bool = True) -> None:
        # AWS services report to the default bus alone.
        elsewhere = self.event_bus_name != "default" and original_event["source"].startswith("aws.")
        if self.state != "ENABLED" or self.scheduled_expression or elsewhere:
            return
        event = {key: value for key, value in original_event.items() if key != "ingestion-time"}
        if not isinstance(event.get("time"), str):
            event["time"] = _iso(hooks.now())
        if self.event_pattern.matches_event(event):
            for target in self.targets:
                hooks.deliver(target, event)

    return [(Rule, "send_to_targets", send_to_targets), (EventsBackend, "put_events", put_events)]


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def put_events_has_a_limit() -> list[Patch]:
    """moto takes an event of any size; AWS refuses more than 256 KB in a request."""
    original = EventsBackend.put_events

    def put_events(self: EventsBackend, events: list[dict[str, Any]]) -> Any:
        size = sum(
            len(str(entry.get(name, "")).encode()) for entry in events for name in ("Source", "DetailType", "Detail")
        ) + 14 * sum("Time" in entry for entry in events)
        if size > PUT_EVENTS_LIMIT:
            raise ValidationException("Total size of the entries in the request is over the limit.")
        return original(self, events)

    return [(EventsBackend, "put_events", put_events)]


def buckets_speak_as_aws_does() -> list[Patch]:
    """moto's S3 events name a field `eTag` that AWS names `etag`, and give a version id where there is none."""

    def send(account_id: str, bucket: Any, event_name: str, key: Any) -> None:
        detail_object = {
            "key": key.name,
            "size": key.size,
            "etag": key.etag.strip('"'),
            "sequencer": f"{time.time_ns():018X}",
        }
        if bucket.is_versioned:
            detail_object["version-id"] = key.version_id
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": moto.s3.notifications._detail_type(event_name),
            "source": "aws.s3",
            "account": account_id,
            "region": bucket.region_name,
            "resources": [bucket.arn],
            "detail": {
                "version": "0",
                "bucket": {"name": bucket.name},
                "object": detail_object,
                "request-id": uuid.uuid4().hex[:16].upper(),
                "requester": account_id,
                "source-ip-address": "127.0.0.1",
                "reason": f"{event_name.rpartition(':')[2]}Object",
            },
        }
        for rule in events_backends[account_id][bucket.region_name].event_buses["default"].rules.values():
            rule.send_to_targets(event)

    return [(moto.s3.notifications, "_send_event_bridge_message", send)]


def versions_are_listed_by_prefix() -> list[Patch]:
    """moto copies every version in the bucket for each list of some, so that a list takes longer with each of them."""
    original = S3Backend.list_object_versions

    def list_object_versions(self: S3Backend, bucket_name: str, *how: Any, prefix: str = "", **more: Any) -> Any:
        keys = _VersionedKeyStore()
        for name, versions in list(self.get_bucket(bucket_name).keys.iterlists()):
            if name.startswith(prefix):
                keys.setlist(name, versions)
        narrowed = SimpleNamespace(get_bucket=lambda _: SimpleNamespace(keys=keys))
        return original(narrowed, bucket_name, *how, prefix=prefix, **more)

    return [(S3Backend, "list_object_versions", list_object_versions)]


def ref_of_a_bus_is_its_name() -> list[Patch]:
    """moto's CloudFormation knows no physical id of a bus, so that a Ref to one resolves to nothing."""
    return [(EventBus, "physical_resource_id", property(lambda self: self.name))]


# --- SNS and SES ---------------------------------------------------------------------------------------------------


def messages_are_noticed(hooks: Hooks) -> list[Patch]:
    """moto keeps what is sent, but not when, and texts apart from mails: no outbox could show them in order."""
    publish, send_email = SNSBackend.publish, SESBackend.send_email

    def publish_and_tell(
        self: SNSBackend, message: str, arn: str | None, phone_number: str | None = None, *args: Any, **kwargs: Any
    ) -> str:
        message_id: str = publish(self, message, arn, phone_number, *args, **kwargs)
        if phone_number:
            hooks.message_sent("SMS", phone_number, "", message)
        return message_id

    def send_email_and_tell(
        self: SESBackend, source: str, subject: str, body: str, destinations: dict[str, list[str]]
    ) -> Any:
        sent = send_email(self, source, subject, body, destinations)
        hooks.message_sent("EMAIL", ", ".join(destinations.get("ToAddresses", [])), subject, body)
        return sent

    return [(SNSBackend, "publish", publish_and_tell), (SESBackend, "send_email", send_email_and_tell)]


# --- KMS -----------------------------------------------------------------------------------------------------------


def keys_keep_their_kind() -> list[Patch]:
    """moto's CloudFormation makes every key a symmetric one, and keeps its policy in a form that KMS cannot read."""

    def create(
        cls: type[Key], resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
    ) -> Key:
        properties = cloudformation_json["Properties"]
        key: Key = kms_backends[account_id][region_name].create_key(
            policy=json.dumps(properties["KeyPolicy"]),
            key_usage=properties.get("KeyUsage", "ENCRYPT_DECRYPT"),
            key_spec=properties.get("KeySpec", "SYMMETRIC_DEFAULT"),
            description=properties.get("Description"),
            tags=properties.get("Tags", []),
        )
        key.key_rotation_status = properties.get("EnableKeyRotation", False)
        key.enabled = properties.get("Enabled", True)
        return key

    return [(Key, "create_from_cloudformation_json", classmethod(create))]
