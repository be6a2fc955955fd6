"""Runs Lambda handlers in this process, each with exactly the environment that the template gives it."""

import importlib
import importlib.util
import io
import json
import logging
import os
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

# Lambda's own limit for what a synchronous call may carry, either way.
_PAYLOAD_LIMIT = 6 * 1024 * 1024

_running = threading.local()  # .environment and .output of the function that this thread runs
_import_lock = threading.RLock()  # sys.path and sys.modules belong to the whole process


class FunctionEnvironment(MutableMapping[str, str]):
    """Stands in for os.environ: a thread that runs a function sees the function's variables, any other the real ones.

    So a handler that reads a variable which the template does not give it fails here as it would in Lambda.
    """

    def __init__(self, real: MutableMapping[str, str]) -> None:
        self.real = real

    def _current(self) -> MutableMapping[str, str]:
        return getattr(_running, "environment", None) or self.real

    def __getitem__(self, key: str) -> str:
        return self._current()[key]

    def __setitem__(self, key: str, value: str) -> None:
        self._current()[key] = value

    def __delitem__(self, key: str) -> None:
        del self._current()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._current())

    def __len__(self) -> int:
        return len(self._current())

    def copy(self) -> dict[str, str]:
        """A plain copy, as os.environ gives."""
        return dict(self._current())


class FunctionOutput(io.TextIOBase):
    """Stands in for sys.stdout: what a function prints is its log, everything else goes where it went before."""

    def __init__(self) -> None:
        super().__init__()
        self.real: TextIO = sys.stdout

    def write(self, text: str) -> int:
        log: list[str] | None = getattr(_running, "output", None)
        if log is None:
            return self.real.write(text)
        log.append(text)
        return len(text)

    def flush(self) -> None:
        if getattr(_running, "output", None) is None:
            self.real.flush()

    def isatty(self) -> bool:
        return self.real.isatty()

    def fileno(self) -> int:
        return self.real.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a TextIOBase has a plain attribute here
        return self.real.encoding


# One for the process: loggers keep the stream that they were made with, for longer than any stack lives.
_output = FunctionOutput()


@contextmanager
def lambda_process() -> Iterator[None]:
    """While it lasts, os.environ and sys.stdout answer each thread as the process of its function would."""
    real_environment, _output.real = os.environ, sys.stdout
    os.environ = FunctionEnvironment(real_environment)  # type: ignore[assignment]  # noqa: B003 - a Lambda has its own
    sys.stdout = _output  # type: ignore[assignment]  # close enough to a TextIO for print and for loggers
    try:
        yield
    finally:
        os.environ = real_environment  # noqa: B003
        if sys.stdout is _output:
            sys.stdout = _output.real


@dataclass(frozen=True)
class LambdaContext:
    """What Lambda hands a Python handler as its second argument."""

    function_name: str
    memory_limit_in_mb: int
    invoked_function_arn: str
    aws_request_id: str
    log_group_name: str
    log_stream_name: str
    deadline: float
    function_version: str = "$LATEST"
    identity: None = None
    client_context: None = None

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda would stop this invocation."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


@dataclass
class Function:
    """One Lambda function of the template: one instance, so one invocation at a time."""

    logical_id: str
    name: str
    arn: str
    handler: str
    code: Path
    layers: tuple[Path, ...]
    environment: Mapping[str, str]
    region: str
    timeout: float
    memory: int
    log_group: str
    write_log: Callable[["Function", list[str]], None]
    invocations: int = 0
    log_stream: str = field(default_factory=lambda: f"local/[$LATEST]{uuid.uuid4().hex}")
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _entry: Callable[[Any, LambdaContext], Any] | None = None

    def invoke(self, payload: bytes) -> tuple[bytes, str | None]:
        """Run the handler with a JSON payload; returns the JSON result and `Unhandled` if it is an error, as AWS does.

        A handler that runs beyond the function's timeout is not stopped (a thread cannot be), but its result is
        replaced by the error that Lambda would return.
        """
        with self._lock:
            self.invocations += 1
            deadline = time.monotonic() + self.timeout
            with self._as_its_process() as lines:
                result, error = self._run(payload, deadline)
            if error:
                lines.append(f"[ERROR] {result.decode()}\n")
            self.write_log(self, "".join(lines).splitlines())
            return result, error

    def load(self) -> None:
        """Import the handler now rather than at the first invocation. Raises whatever the import raises."""
        with self._lock, self._as_its_process():
            self._entry = self._entry or self._load()

    @contextmanager
    def _as_its_process(self) -> Iterator[list[str]]:
        """This thread has the function's environment and its output; yields where the output goes."""
        if sys.stdout is not _output:  # somebody, like a test that captures output, has put in its own since
            _output.real, sys.stdout = sys.stdout, _output  # type: ignore[assignment]
        lines: list[str] = []
        _running.environment, _running.output = self._lambda_environment(), lines
        try:
            yield lines
        finally:
            _running.environment = _running.output = None

    def _run(self, payload: bytes, deadline: float) -> tuple[bytes, str | None]:
        request_id = str(uuid.uuid4())
        context = LambdaContext(self.name, self.memory, self.arn, request_id, self.log_group, self.log_stream, deadline)
        try:
            self._entry = self._entry or self._load()
            event = json.loads(payload or b"{}")
            result = self._entry(event, context)
            try:
                body = json.dumps(result).encode()
            except (TypeError, ValueError) as error:
                return _error("Runtime.MarshalError", f"Unable to marshal response: {error}")
        except (Exception, SystemExit) as error:  # an error of the function is a result, whatever it is
            return _error(type(error).__name__, str(error), traceback.format_tb(error.__traceback__))
        if time.monotonic() > deadline:
            return _error(
                "Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {self.timeout:.2f} seconds"
            )
        if len(body) > _PAYLOAD_LIMIT:
            return _error(
                "Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size"
            )
        return body, None

    def _load(self) -> Callable[[Any, LambdaContext], Any]:
        module_name, _, attribute = self.handler.rpartition(".")
        with _import_lock, _own_loggers(), _import_path(self.code, *self.layers):
            module = _import_from(self.code, module_name, f"{self.logical_id}_{uuid.uuid4().hex}")
        entry: Callable[[Any, LambdaContext], Any] = getattr(module, attribute)
        return entry

    def _lambda_environment(self) -> dict[str, str]:
        """The template's variables and the ones that Lambda itself sets; nothing of this machine but PATH."""
        return {
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_SESSION_TOKEN": "local",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": self.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream,
            "_HANDLER": self.handler,
            "LAMBDA_TASK_ROOT": str(self.code),
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PATH": os.defpath,
            **self.environment,
        }


def _error(name: str, message: str, trace: list[str] | None = None) -> tuple[bytes, str]:
    body: dict[str, Any] = {"errorMessage": message, "errorType": name}
    if trace is not None:
        body["stackTrace"] = trace
    return json.dumps(body).encode(), "Unhandled"


@contextmanager
def _import_path(*folders: Path) -> Iterator[None]:
    """Put the function's folder and its layers first on sys.path; layers stay there, because code imports late."""
    code, *layers = [str(folder) for folder in folders]
    for layer in layers:
        if layer not in sys.path:
            sys.path.insert(0, layer)
    sys.path.insert(0, code)
    try:
        yield
    finally:
        sys.path.remove(code)


@contextmanager
def _own_loggers() -> Iterator[None]:
    """Give the loggers made meanwhile a registry of their own.

    Loggers are found by name and functions share names; in Lambda each function is a process, so that a key which one
    function adds to its log lines never shows in another's.
    """
    shared = logging.Logger.manager
    logging.Logger.manager = logging.Manager(logging.root)
    try:
        yield
    finally:
        logging.Logger.manager = shared


def _import_from(folder: Path, name: str, unique_name: str) -> ModuleType:
    """Import `name` from a function's folder under a name of its own, so that every `app` is another module."""
    path = folder.joinpath(*name.split(".")).with_suffix(".py")
    if not path.is_file():
        raise ModuleNotFoundError(f"No module named '{name}' in {folder.name}")
    spec = importlib.util.spec_from_file_location(unique_name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path.name} of {folder.name}")
    importlib.invalidate_caches()
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[unique_name]
        raise
    finally:
        # What the handler imported from its own folder is its own: another function may have a module of that name.
        for other, loaded in list(sys.modules.items()):
            if other != unique_name and (getattr(loaded, "__file__", None) or "").startswith(f"{folder}{os.sep}"):
                del sys.modules[other]
    return module
