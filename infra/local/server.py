"""Listens on this machine and serves WSGI applications there."""

import errno
import os
import socket
import threading
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server


class QuietRequestHandler(WSGIRequestHandler):
    """Writes no access log: a path may hold a personal link."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


def listen(port: int) -> socket.socket:
    """A socket that listens on this machine only; port 0 takes any free one. Raises OSError when the port is taken."""
    if _answers("::1", port):  # `localhost` is that to many a browser: our visitors would go there
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=0.2).close()
    except OSError:
        return False
    return True


class Server:
    """A WSGI application on a socket that listens already, served by threads."""

    def __init__(
        self, application: Any, listener: socket.socket, handler: type[WSGIRequestHandler] = QuietRequestHandler
    ) -> None:
        host, port = listener.getsockname()[:2]
        self._server: BaseWSGIServer = make_server(
            host, port, application, threaded=True, request_handler=handler, fd=listener.fileno()
        )
        self._server.daemon_threads = True  # type: ignore[attr-defined]  # of socketserver.ThreadingMixIn
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        listener.close()  # the server has its own copy
        self.url = f"http://{host}:{port}"

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more requests."""
        self._server.shutdown()
        self._server.server_close()
