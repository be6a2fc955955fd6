"""Accord on this machine: `python -m infra.local` starts its pages, an AWS endpoint and a sample portfolio."""

import argparse
import os
import signal
import socket
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from infra.local.server import Server, listen

if TYPE_CHECKING:
    from infra.local.stack import LocalStack, Problem


PORTS = {"ACCORD_WEB_PORT": 8080, "ACCORD_AWS_PORT": 4566}


class CannotStartError(Exception):
    """Why, and the way out."""


def main() -> int:
    """Run until Ctrl-C. Returns the exit status: 1 when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m infra.local", description=__doc__)
    parser.add_argument("--portfolio", type=Path, help="a portfolio file to start with, instead of the sample")
    parser.add_argument("--empty", action="store_true", help="start without a portfolio")
    asked = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if asked.portfolio is not None and not asked.portfolio.is_file():
            raise CannotStartError(f"There is no file {asked.portfolio}.")
        listeners = _listener("ACCORD_WEB_PORT", "the pages"), _listener("ACCORD_AWS_PORT", "the AWS endpoint")
        _run(console, *listeners, asked.portfolio, asked.empty)
    except CannotStartError as error:
        console.print(f"[red]Accord cannot start.[/red] {error}")
        return 1
    except KeyboardInterrupt:
        console.print("\nAccord has stopped.")
    return 0


def _listener(variable: str, purpose: str) -> socket.socket:
    text = os.environ.get(variable, str(PORTS[variable]))
    try:
        return listen(int(text))
    except (ValueError, OverflowError):
        raise CannotStartError(f"{variable} is {text!r}; it has to be a port number, like {PORTS[variable]}.") from None
    except OSError as error:
        others = " ".join(f"{name}={_free_port(port)}" for name, port in PORTS.items())  # who runs twice needs both
        raise CannotStartError(
            f"Port {text} for {purpose} is not free ({error.strerror}). Choose others: {others} make run"
        ) from None


def _free_port(default: int) -> int:
    for port in range(default + 10_000, 2**16, 10_000):
        with suppress(OSError):
            listen(port).close()
            return port
    return 0  # any


def _run(console: Console, web: socket.socket, aws: socket.socket, portfolio: Path | None, empty: bool) -> None:
    began = time.monotonic()
    console.print("[bold]Accord[/bold] is starting: the template, here, without an account. Some ten seconds …")
    # Seconds of imports; only now, because nobody should wait for them to hear that a port is taken.
    from infra.local.application import SAMPLE_PORTFOLIO, accord_stack, holders, send_portfolio
    from infra.local.endpoint import aws_endpoint
    from infra.local.gateway import Gateway
    from infra.local.template import TemplateError

    def show(problem: "Problem") -> None:
        console.print(f"[yellow]{problem.where}[/yellow] {problem.what}", markup=True)

    pages = f"http://localhost:{web.getsockname()[1]}"  # one name everywhere: forms refuse to come from another
    stack = accord_stack(pages, on_problem=show)
    servers: list[Server] = []
    try:
        try:
            stack.start()
        except TemplateError as error:
            raise CannotStartError(f"template.yaml: {error}") from error
        _load_functions(stack)
        servers += [Server(Gateway(stack, lambda: holders(stack)), web), aws_endpoint(aws)]
        for server in servers:
            server.start()
        _welcome(console, stack, pages, servers[1].url, time.monotonic() - began)
        if not empty:
            file = portfolio or SAMPLE_PORTFOLIO
            send_portfolio(stack, file)
            console.print(f"Sent {file.name} to the portfolio bucket. Screening starts by itself.")
        _watch(console, stack, pages)
    finally:
        for server in servers:
            server.stop()
        stack.stop()


def _load_functions(stack: "LocalStack") -> None:
    """Import every handler now, so that one that cannot start is known before it is needed."""
    for function in stack.functions.values():
        try:
            function.load()
        except Exception as error:
            stack.report(function.logical_id, f"cannot start: {type(error).__name__}: {error}")


def _welcome(console: Console, stack: "LocalStack", web: str, aws: str, seconds: float) -> None:
    from accord import clock
    from infra.local.business_time import BUSINESS_ZONE

    console.print(
        f"Ready after {seconds:.1f} seconds: {len(stack.functions)} functions, {len(stack.state_machines)} state "
        f"machines. Business time is {clock.now().astimezone(BUSINESS_ZONE):%Y-%m-%d %H:%M} in Shanghai."
    )
    console.print(f"  Overview    {web}/")
    console.print(f"  Outbox      {web}/outbox       the invitations: follow a link to the customer pages")
    if any(route.path == "/ops" for route in stack.template.routes()):
        console.print(f"  Console     {web}/ops          the tasks of staff")
    console.print(f"  Executions  {web}/executions   which step each case has reached")
    console.print(f"  Clock       {web}/clock        moves business time forward: reminders, nights, expiry")
    console.print(f"  AWS         {aws}   from another shell:")
    console.print(
        f"              export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION={stack.region}"
    )
    console.print(f"              aws --endpoint-url {aws} stepfunctions list-state-machines")
    console.print("Ctrl-C ends it.")


def _watch(console: Console, stack: "LocalStack", pages: str) -> None:
    """Say how things stand whenever they have changed, until Ctrl-C; and where to go once there is something to see."""
    from infra.local.gateway import current_state

    seen, invited = None, False
    while True:
        executions, waiting, messages = stack.executions(), stack.waiting(), len(stack.messages)
        statuses = Counter(execution.status for execution in executions)
        if (statuses, waiting, messages) != seen:
            seen = (statuses.copy(), waiting, messages)
            held = Counter(current_state(execution) for execution in executions if execution.exec_arn in waiting)
            where = "; ".join(f"{count} {state}" for state, count in held.most_common())
            parts = [
                f"{max(statuses.pop('RUNNING', 0) - len(waiting), 0)} at work",
                f"{len(waiting)} waiting" + (f" ({where})" if where else ""),
                *(f"{count} {status.lower().replace('_', ' ')}" for status, count in sorted(statuses.items())),
            ]
            console.print(
                f"[dim]{time.strftime('%H:%M:%S')}[/dim] executions: {', '.join(parts)} · {messages} messages sent"
            )
        elif messages and not invited:
            console.print(f"Now open {pages}/outbox and follow a link. Tasks of staff are at {pages}/ops.")
            invited = True
        time.sleep(1)


if __name__ == "__main__":
    status = main()
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(status)  # threads of executions that still sleep must not hold up the end
