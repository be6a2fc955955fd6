"""The whole template running in this process: moto for the AWS APIs, the real handlers, and everything in between."""

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.events.models import events_backends
from moto.logs.models import logs_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.utilities.utils import get_partition

from accord import clock
from accord.aws import clients
from infra.local.functions import Function, lambda_process
from infra.local.moto_patches import Hooks, Waits, patched
from infra.local.pumps import Deliveries, QueuePump, Schedule, Scheduler, StreamPump, in_one_line
from infra.local.template import CODE_BUCKET, RESOLVED, LocalTemplate, TemplateError, definition, read_template

REGION = "ap-southeast-1"
_STACK_NAME = "accord-local"
_EMPTY_ZIP = b"PK\x05\x06" + bytes(18)
_DELIVERY_THREADS = 4
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Problem:
    """Something that went wrong behind a caller's back: a handler of a pump, a delivery, a target."""

    at: datetime
    where: str
    what: str


@dataclass(frozen=True)
class Message:
    """A text message or an e-mail that SNS or SES took."""

    at: datetime  # in business time
    kind: str  # SMS or EMAIL
    to: str
    subject: str
    text: str


class LocalStack:
    """A deployed template. Use it as a context manager, or call `start` and `stop`.

    `parameters` override the template's defaults. `seed` is called once everything is created, before anything runs.
    `on_problem` hears of each Problem as it happens; all of them stay in `problems`.
    """

    def __init__(
        self,
        template: Path,
        parameters: Mapping[str, str] | None = None,
        *,
        region: str = REGION,
        retry_seconds: int = 1,
        seed: Callable[["LocalStack"], None] | None = None,
        on_problem: Callable[[Problem], None] = lambda problem: None,
    ) -> None:
        self.region, self.account, self.partition = region, DEFAULT_ACCOUNT_ID, get_partition(region)
        self.problems: list[Problem] = []
        self.functions: dict[str, Function] = {}  # by logical id
        self._template_path, self._parameters = template.resolve(), dict(parameters or {})
        self._retry_seconds, self._seed, self._on_problem = retry_seconds, seed, on_problem
        self._resources = ExitStack()
        self._clients: dict[str, Any] = {}
        self._client_lock = threading.RLock()
        self._running = False
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._by_name: dict[str, Function] = {}
        self._waits = Waits()
        self._physical: dict[str, str] = {}
        self._outputs: dict[str, str] = {}
        self._queue_pumps: list[QueuePump] = []
        self._stream_pumps: list[StreamPump] = []
        self._log_lock = threading.Lock()
        self.template: LocalTemplate
        self._deliveries: Deliveries
        self._scheduler: Scheduler
        self.state_machines: dict[str, str] = {}  # logical id → ARN
        self.api_stage = ""  # of the REST API, if there is one
        self.messages: list[Message] = []  # what left for somebody's phone or mailbox, oldest first

    # --- life ------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Create everything that the template says and set it going. Raises TemplateError.

        One stack at a time: moto's backends, os.environ and the business clock belong to the process.
        """
        if not _one_at_a_time.acquire(blocking=False):
            raise RuntimeError("a local stack is running in this process; stop it first")
        self._running = True
        try:
            self.template = read_template(self._template_path, self.region, self._parameters)
            self._resources.enter_context(
                mock_aws(config={"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}})
            )
            self._resources.enter_context(lambda_process())
            self._resources.enter_context(_quiet_moto())
            hooks = Hooks(
                invoke=self._invoke_by_name,
                deliver=lambda target, event: self._deliveries.deliver(target, event),
                execution_changed=self._announce_execution,
                stream_written=self._wake_streams,
                message_sent=self._keep_message,
                now=clock.now,
            )
            self._resources.enter_context(patched(hooks, self._waits))
            # The handlers of earlier stacks shared this process; a client of theirs may belong to another region.
            clients.client.cache_clear()
            boto3.setup_default_session(region_name=self.region)
            resolved = self._create()
            self._wire(resolved)
            if self._seed:
                self._seed(self)
            self._run_pumps()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End everything within two seconds, whatever waits. Again, or before the start, it does nothing."""
        if not self._running:
            return
        self._running = False
        self._stopped.set()
        self._wake_streams()
        deadline = time.monotonic() + 1.5
        self._end_executions(deadline)
        for queue in list(sqs_backends[self.account][self.region].queues.values()):
            with queue._messages_lock:
                queue._messages_lock.notify_all()
        if hasattr(self, "_deliveries"):
            for _ in range(_DELIVERY_THREADS):
                self._deliveries.wake()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._resources.close()
        clients.client.cache_clear()
        _one_at_a_time.release()

    def _end_executions(self, deadline: float) -> None:
        """No execution may go on when moto no longer catches its calls."""
        while time.monotonic() < deadline:
            backends: Any = stepfunctions_parser_backends[self.account].values()
            running = [
                execution
                for backend in backends
                for machine in backend.state_machines
                for execution in machine.executions
                if execution.status == "RUNNING"
            ]
            if not running:
                return
            for execution in running:
                if execution.exec_worker is not None and execution.exec_worker.env is not None:  # not just starting
                    execution.stop(datetime.now(UTC), None, None)
            time.sleep(0.01)

    # --- use -------------------------------------------------------------------------------------------------------

    def client(self, service: str) -> Any:
        """A boto3 client of this stack; the same one each time."""
        with self._client_lock:
            if service not in self._clients:
                make: Any = boto3.client  # typed for each service by name
                self._clients[service] = make(service, region_name=self.region)
            return self._clients[service]

    def physical_id(self, logical_id: str) -> str:
        """What CloudFormation's Ref gives: a table's or function's name, a queue's URL, a state machine's ARN."""
        return self._physical[logical_id]

    def output(self, name: str) -> str:
        """An output of the template."""
        return self._outputs[name]

    def invoke(self, logical_id: str, event: Any) -> Any:
        """Invoke a function and return its result. Raises FunctionError when the handler does."""
        payload, error = self.functions[logical_id].invoke(json.dumps(event).encode())
        result = json.loads(payload)
        if error:
            raise FunctionError(result)
        return result

    def put_event(self, bus: str, source: str, detail_type: str, detail: Mapping[str, Any]) -> None:
        """Send one event to a bus. Raises ValueError with AWS's reason if it is refused."""
        entry = {"EventBusName": bus, "Source": source, "DetailType": detail_type, "Detail": json.dumps(detail)}
        answer = self.client("events").put_events(Entries=[entry])["Entries"][0]
        if "ErrorCode" in answer:
            raise ValueError(f"{answer['ErrorCode']}: {answer['ErrorMessage']}")

    def answer_text(self, phone: str, words: str) -> None:
        """Answer a text, as who owns the telephone would. moto has no End User Messaging, which tells a topic of it."""
        told = {"originationNumber": phone, "messageBody": words, "inboundMessageId": str(uuid.uuid4())}
        notice = {"Message": json.dumps(told), "Timestamp": clock.now().isoformat(), "Type": "Notification"}
        event = json.dumps({"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": notice}]})
        self._deliveries.invoke_later(self.functions["HearReplyFunction"].name, event.encode())

    def executions(self, state_machine: str | None = None) -> list[Execution]:
        """Every execution so far, of one state machine (logical id) or of all, in the order of their start."""
        wanted = [self.state_machines[state_machine]] if state_machine else list(self.state_machines.values())
        backend = stepfunctions_parser_backends[self.account][self.region]
        machines: list[Any] = [machine for machine in backend.state_machines if machine.arn in wanted]
        return [execution for machine in machines for execution in machine.executions]

    def waiting(self) -> set[str]:
        """ARNs of the executions that wait for a callback or a time."""
        return self._waits.executions()

    def settle(self, timeout: float = 30) -> None:
        """Wait until no queue, stream, delivery or execution has anything to do; waiting executions do not count.

        Raises TimeoutError that names what is still busy after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        seen = -1  # work passes from hand to hand: only two quiet looks without an invocation between them count
        while True:
            busy, invocations = self._busy(), sum(function.invocations for function in self.functions.values())
            if not busy and seen == invocations:
                return
            seen = -1 if busy else invocations
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {timeout:g} seconds still at work: {'; '.join(busy)}")
            time.sleep(0.01)

    def advance(self, by: timedelta) -> None:
        """Move business time forward, end the waits that it passes, and fire the schedules that fall due thereby."""
        clock.move(clock.now() - datetime.now(UTC) + by)
        self._waits.advance(by.total_seconds())
        self._scheduler.fire_due()

    def logs(self, logical_id: str) -> list[str]:
        """What a function has printed and logged, oldest first."""
        function = self.functions[logical_id]
        with self._log_lock:
            streams = logs_backends[self.account][self.region].groups[function.log_group].streams
            stream = streams.get(function.log_stream)
            return [event.message for event in stream.events] if stream else []

    # --- creation --------------------------------------------------------------------------------------------------

    def _create(self) -> Mapping[str, Mapping[str, Any]]:
        """Create the stack on moto; returns the properties of what the stack does itself, without intrinsics."""
        s3 = self.client("s3")
        # S3 refuses to be asked for its own default.
        place = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        s3.create_bucket(Bucket=CODE_BUCKET, **({} if self.region == "us-east-1" else place))
        for key in self.template.code_keys():
            s3.put_object(Bucket=CODE_BUCKET, Key=key, Body=_EMPTY_ZIP)
        cloudformation = self.client("cloudformation")
        try:
            cloudformation.create_stack(
                StackName=_STACK_NAME,
                TemplateBody=json.dumps(self.template.body),
                Parameters=[
                    {"ParameterKey": key, "ParameterValue": str(value)} for key, value in self._parameters.items()
                ],
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
            )
        except Exception as error:  # moto refuses with whatever its parser stumbles over
            raise TemplateError(f"CloudFormation cannot create it: {type(error).__name__}: {error}") from error
        stack = cloudformation.describe_stacks(StackName=_STACK_NAME)["Stacks"][0]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        resolved: Mapping[str, Mapping[str, Any]] = json.loads(outputs.pop(RESOLVED))
        self._outputs = outputs
        resources = cloudformation.describe_stack_resources(StackName=_STACK_NAME)["StackResources"]
        self._physical = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for resource in resources
            if "PhysicalResourceId" in resource
        }
        return resolved

    def _wire(self, resolved: Mapping[str, Mapping[str, Any]]) -> None:
        """Do what moto's CloudFormation does not, in the order in which it is needed."""
        for logical_id, properties in self.template.resources("AWS::Lambda::Function"):
            self._add_function(logical_id, properties, resolved[logical_id])
        for logical_id, _ in self.template.resources("AWS::StepFunctions::StateMachine"):
            self._add_state_machine(logical_id, resolved[logical_id])
        for logical_id, _ in self.template.resources("AWS::S3::Bucket"):
            # moto's CloudFormation reads nothing of a bucket but its encryption.
            if "EventBridgeConfiguration" in resolved[logical_id].get("NotificationConfiguration", {}):
                self.client("s3").put_bucket_notification_configuration(
                    Bucket=self.physical_id(logical_id), NotificationConfiguration={"EventBridgeConfiguration": {}}
                )
            if "VersioningConfiguration" in resolved[logical_id]:
                self.client("s3").put_bucket_versioning(
                    Bucket=self.physical_id(logical_id),
                    VersioningConfiguration=resolved[logical_id]["VersioningConfiguration"],
                )
            if "ObjectLockConfiguration" in resolved[logical_id]:
                lock = resolved[logical_id]["ObjectLockConfiguration"]
                retention = lock["Rule"]["DefaultRetention"]
                retention["Days"] = int(retention["Days"])  # a parameter's value is text
                self.client("s3").put_object_lock_configuration(
                    Bucket=self.physical_id(logical_id), ObjectLockConfiguration=lock
                )
        invoke_configs = {
            resolved[logical_id]["FunctionName"]: resolved[logical_id]
            for logical_id, _ in self.template.resources("AWS::Lambda::EventInvokeConfig")
        }
        self._deliveries = Deliveries(self._by_name, invoke_configs, self.client, self.report)
        for logical_id, _ in self.template.resources("AWS::Lambda::EventSourceMapping"):
            self._add_mapping(resolved[logical_id])
        for logical_id, _ in self.template.resources("AWS::ApiGateway::Stage"):
            self.api_stage = resolved[logical_id]["StageName"]
        self._scheduler = Scheduler(
            self._schedules(resolved), self._deliveries.deliver, clock.now, self.account, self.region
        )

    def _schedules(self, resolved: Mapping[str, Mapping[str, Any]]) -> list[Schedule]:
        """What EventBridge Scheduler and rules with a schedule have to fire."""
        place = f"{self.region}:{self.account}"
        schedules = [
            Schedule(
                arn=f"arn:{self.partition}:scheduler:{place}:schedule/default/{logical_id}",
                source="aws.scheduler",
                expression=properties["ScheduleExpression"],
                time_zone=properties.get("ScheduleExpressionTimezone", "UTC"),
                target=properties["Target"],
            )
            for logical_id, properties in self._enabled("AWS::Scheduler::Schedule", resolved)
        ]
        for logical_id, properties in self._enabled("AWS::Events::Rule", resolved):
            for target in properties.get("Targets", []) if "ScheduleExpression" in properties else []:
                arn = f"arn:{self.partition}:events:{place}:rule/{self.physical_id(logical_id)}"
                schedules.append(Schedule(arn, "aws.events", properties["ScheduleExpression"], "UTC", target))
        return schedules

    def _enabled(self, kind: str, resolved: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
        found = [(logical_id, resolved[logical_id]) for logical_id, _ in self.template.resources(kind)]
        return [(logical_id, properties) for logical_id, properties in found if properties.get("State") != "DISABLED"]

    def _add_function(self, logical_id: str, written: Mapping[str, Any], resolved: Mapping[str, Any]) -> None:
        name = self.physical_id(logical_id)
        log_group = resolved.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{name}"
        if log_group not in logs_backends[self.account][self.region].groups:
            self.client("logs").create_log_group(logGroupName=log_group)
        function = Function(
            logical_id=logical_id,
            name=name,
            arn=f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{name}",
            handler=resolved["Handler"],
            code=self.template.folder / written["Code"]["S3Key"],
            layers=self.template.layers_of(written),
            environment={
                key: str(value) for key, value in resolved.get("Environment", {}).get("Variables", {}).items()
            },
            region=self.region,
            timeout=float(resolved.get("Timeout", 3)),
            memory=int(resolved.get("MemorySize", 128)),
            log_group=log_group,
            write_log=self._write_log,
        )
        self.functions[logical_id] = self._by_name[name] = function

    def _add_state_machine(self, logical_id: str, properties: Mapping[str, Any]) -> None:
        """Create it again through the API: CloudFormation's, of the same ARN, lands where moto executes nothing."""
        path = self.template.folder / properties["DefinitionS3Location"]["Key"]
        text = definition(path.read_text(encoding="utf-8"), properties.get("DefinitionSubstitutions", {}))
        arn = self.client("stepfunctions").create_state_machine(
            name=self.physical_id(logical_id).rpartition(":")[2],
            definition=text,
            roleArn=properties["RoleArn"],
            type=properties.get("StateMachineType", "STANDARD"),
        )["stateMachineArn"]
        self.state_machines[logical_id] = arn

    def _add_mapping(self, mapping: Mapping[str, Any]) -> None:
        function = self._by_name[mapping["FunctionName"].split(":")[-1]]
        source = mapping["EventSourceArn"].split(":")[2]
        if source == "sqs":
            self._queue_pumps.append(QueuePump(mapping, function, self.client("sqs"), self.report, self._retry_seconds))
        elif source == "dynamodb":
            self._stream_pumps.append(
                StreamPump(mapping, function, self.client("dynamodbstreams"), self.client("sqs"), self.report)
            )
        else:
            raise NotImplementedError(f"{function.logical_id}: no event source of kind {source} runs here")

    def _run_pumps(self) -> None:
        workers: list[tuple[str, Callable[[threading.Event], None]]] = [
            *((f"queue {pump.name}", pump.run) for pump in self._queue_pumps),
            *((f"stream {pump.table}", pump.run) for pump in self._stream_pumps),
            *((f"deliveries {number}", self._deliveries.run) for number in range(_DELIVERY_THREADS)),
            ("schedules", self._scheduler.run),
        ]
        for name, work in workers:
            thread = threading.Thread(target=partial(self._watch, name, work), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _watch(self, name: str, work: Callable[[threading.Event], None]) -> None:
        """Run a pump; whatever breaks it is reported, and it starts again."""
        while not self._stopped.is_set():
            try:
                work(self._stopped)
            except Exception as error:
                if not self._stopped.is_set():
                    self.report(name, f"{type(error).__name__}: {error}")
                    self._stopped.wait(self._retry_seconds)

    # --- what moto's hooks call ------------------------------------------------------------------------------------

    def _invoke_by_name(self, name: str, payload: bytes, kind: str) -> tuple[bytes, str | None]:
        if kind == "Event":
            self._deliveries.invoke_later(name, payload)
            return b"", None
        if kind == "DryRun":
            return b"", None
        return self._by_name[name].invoke(payload)

    def _wake_streams(self) -> None:
        for pump in self._stream_pumps:
            pump.written()

    def _keep_message(self, kind: str, to: str, subject: str, text: str) -> None:
        self.messages.append(Message(clock.now(), kind, to, subject, text))

    def _announce_execution(self, execution: Execution) -> None:
        """Tell the default bus that an execution started or ended, as Step Functions does."""
        if self._stopped.is_set():
            return
        details = execution.to_describe_output()
        detail = {
            key: int(value.timestamp() * 1000) if isinstance(value, datetime) else value
            for key, value in details.items()
            if key not in ("traceHeader", "inputDetails", "outputDetails")
        }
        event: Any = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Step Functions Execution Status Change",
            "source": "aws.states",
            "account": self.account,
            "region": self.region,
            "resources": [execution.exec_arn],
            "detail": {"stopDate": None, "output": None, "error": None, "cause": None, **detail},
        }
        for rule in list(events_backends[self.account][self.region].event_buses["default"].rules.values()):
            rule.send_to_targets(event)

    def _write_log(self, function: Function, lines: list[str]) -> None:
        if not lines or self._stopped.is_set():
            return
        now = int(time.time() * 1000)
        with self._log_lock:  # moto's logs are not thread-safe
            group = logs_backends[self.account][self.region].groups[function.log_group]
            if function.log_stream not in group.streams:
                group.create_log_stream(function.log_stream)
            group.put_log_events(function.log_stream, [{"timestamp": now, "message": line} for line in lines])

    def report(self, where: str, what: str) -> None:
        """Make it known that something went wrong where no caller sees it."""
        if not self._stopped.is_set():
            problem = Problem(clock.now(), where, what)
            self.problems.append(problem)
            self._on_problem(problem)

    def _busy(self) -> list[str]:
        waiting = self._waits.executions()
        at_work = [
            execution.name for execution in self.executions()
            if execution.status == "RUNNING" and execution.exec_arn not in waiting
        ]  # fmt: skip
        left = [*(pump.busy() for pump in self._stream_pumps), self._deliveries.busy()]
        found = [*(f"execution {name}" for name in at_work[:3]), *filter(None, left)]
        # A queue is asked through its API, which costs more than the others: only where they are all quiet.
        return found or list(filter(None, (pump.busy() for pump in self._queue_pumps)))


@contextmanager
def _quiet_moto() -> Iterator[None]:
    """moto logs each error that a state machine catches, with pages of its own insides; the history has it too."""
    logger = logging.getLogger("moto")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


class FunctionError(Exception):
    """A handler raised: `name` is the class of the error, as Retry and Catch see it."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(f"{error['errorType']}: {error['errorMessage']}\n{''.join(error.get('stackTrace', []))}")
        self.name: str = error["errorType"]
        self.in_one_line = in_one_line(error)
