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
        listeners = (
            _listener("ACCORD_WEB_PORT", 8080, "the pages"),
            _listener("ACCORD_AWS_PORT", 4566, "the AWS endpoint"),
        )
        _run(console, *listeners, asked.portfolio, asked.empty)
    except CannotStartError as error:
        console.print(f"[red]Accord cannot start.[/red] {error}")
        return 1
    except KeyboardInterrupt:
        console.print("\nAccord has stopped.")
    return 0


def _listener(variable: str, default: int, purpose: str) -> socket.socket:
    text = os.environ.get(variable, str(default))
    try:
        return listen(int(text))
    except (ValueError, OverflowError):
        raise CannotStartError(f"{variable} is {text!r}; it has to be a port number, like {default}.") from None
    except OSError as error:
        raise CannotStartError(
            f"Port {text} for {purpose} is not free ({error.strerror}). "
            f"Choose another: {variable}={default + 10000} make run"
        ) from None


def _run(console: Console, web: socket.socket, aws: socket.socket, portfolio: Path | None, empty: bool) -> None:
    began = time.monotonic()
    console.print("[bold]Accord[/bold] is starting: the template, on this machine, without an account")
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
        _watch(console, stack)
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

    console.print(
        f"Ready after {seconds:.1f} seconds: {len(stack.functions)} functions, {len(stack.state_machines)} state "
        f"machines. Business time is {clock.now():%Y-%m-%d %H:%M} UTC."
    )
    console.print(f"  Overview    {web}/")
    console.print(f"  Outbox      {web}/outbox       the invitations: follow a link to the customer pages")
    if any(route.path == "/ops" for route in stack.template.routes()):
        console.print(f"  Console     {web}/ops          the tasks of staff")
    console.print(f"  Executions  {web}/executions   which step each case has reached")
    console.print(f"  AWS         aws --endpoint-url {aws} --region {stack.region} stepfunctions list-state-machines")
    console.print("Ctrl-C ends it.")


def _watch(console: Console, stack: "LocalStack") -> None:
    """Say how things stand whenever they have changed, until Ctrl-C."""
    said = ""
    while True:
        statuses = Counter(execution.status for execution in stack.executions())
        waiting = len(stack.waiting())
        parts = [
            f"{statuses.pop('RUNNING', 0) - waiting} at work",
            f"{waiting} waiting",
            *(f"{count} {status.lower().replace('_', ' ')}" for status, count in sorted(statuses.items())),
            f"{len(stack.messages)} messages sent",
        ]
        line = ", ".join(parts)
        if line != said:
            console.print(f"[dim]{time.strftime('%H:%M:%S')}[/dim] executions: {line}")
            said = line
        time.sleep(1)


if __name__ == "__main__":
    status = main()
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(status)  # threads of executions that still sleep must not hold up the end
