"""The AWS endpoint on this machine: moto's own server over the backends of this process, for `aws` and boto3."""

import socket

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app

from infra.local.server import QuietRequestHandler, Server


class _Handler(QuietRequestHandler, MotoRequestHandler):
    """moto's reading of headers, without an access log."""


def aws_endpoint(listener: socket.socket) -> Server:
    """A server of every AWS API that moto has, on a bound socket."""
    return Server(DomainDispatcherApplication(create_backend_app), listener, _Handler)
