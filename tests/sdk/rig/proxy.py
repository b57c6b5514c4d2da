"""Stands between Entente and the target: keeps a list of all requests, and makes trouble when told to."""

import http.client
import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field, replace
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Callable

SKIPPED_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


@dataclass
class Request:
    """One request as it arrived, and how it was answered."""

    number: int
    method: str
    path: str
    body: bytes
    arrived: float
    # What was answered, and what the target answered where it got the request.
    status: int = 0
    done: int = 0

    @property
    def resource(self) -> str:
        """`Users`, `Groups`, `Schemas`, …"""
        return self.path.partition("?")[0].removeprefix("/v2/").partition("/")[0]

    @property
    def anchor(self) -> str:
        """The id of the one object it is about, or nothing."""
        return self.path.partition("?")[0].removeprefix("/v2/").partition("/")[2]

    @property
    def json(self):
        return json.loads(self.body)

    def __str__(self):
        return f"{self.method} {self.path} -> {self.status} {self.body[:200].decode(errors='replace')}"


class Ending(Enum):
    """How an answer comes to its end."""

    WHOLE = "whole"
    # The connection is reset before a word of the answer.
    RESET = "reset"
    # The connection is closed in the middle of the body.
    CUT = "cut"
    # The body comes in drips.
    DRIP = "drip"
    # No answer at all until the other side has had enough.
    SILENCE = "silence"


@dataclass
class Answer:
    """What a fault answers in place of the target. Without a status it is the target's own answer."""

    status: int = 0
    body: bytes = b""
    headers: dict = field(default_factory=dict)
    # Whether the target gets the request all the same: its answer is then lost after it took effect.
    applied: bool = False
    ending: Ending = Ending.WHOLE


Fault = Callable[[Request], Answer | None]


def scim_error(status: int, detail: str, **headers) -> Answer:
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": str(status), "detail": detail}
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/scim+json", **headers})


class Proxy:
    def __init__(self, target_port: int, port: int = 0):
        self.target_port = target_port
        self.requests: list[Request] = []
        self.fault: Fault | None = None
        self.refusing = False
        self._changed = threading.Condition()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = _Server(("127.0.0.1", port), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/v2"

    def refuse(self):
        """No connection is taken from now on; the open ones are answered and closed."""
        self.refusing = True
        self._server.socket.close()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def arrived(self, method: str, path: str, body: bytes) -> Request:
        with self._changed:
            request = Request(len(self.requests) + 1, method, path, body, time.monotonic())
            self.requests.append(request)
            self._changed.notify_all()
        return request

    def wait_until(self, condition: Callable[[list[Request]], bool], seconds: float = 60.0):
        """Returns as soon as the requests that arrived so far satisfy the condition; for threads, not for the loop."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not condition(self.requests):
                rest = deadline - time.monotonic()
                assert rest > 0, f"{len(self.requests)} requests arrived; the ones waited for did not"
                self._changed.wait(rest)

    def take(self) -> list[Request]:
        """The requests so far; counting begins anew."""
        with self._changed:
            taken, self.requests = self.requests, []
        return taken


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A client that is gone, killed for instance, is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    proxy: Proxy

    def _pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = self.proxy.arrived(self.command, self.path, body)
        answer = self.proxy.fault(request) if self.proxy.fault else None
        if answer is None or answer.applied:
            passed = self._ask_target(body)
            # The list of requests tells what the target did.
            request.done = passed.status
            answer = passed if answer is None else replace(passed, ending=answer.ending) if answer.status == 0 else answer
        request.status = answer.status
        if answer.ending is Ending.RESET:
            return self._reset()
        if answer.ending is Ending.SILENCE:
            return self._keep_silent()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if answer.ending is Ending.DRIP:
            self._drip(answer.body)
        else:
            self.wfile.write(answer.body[: len(answer.body) // 2] if answer.ending is Ending.CUT else answer.body)
        self.close_connection = self.close_connection or self.proxy.refusing or answer.ending is Ending.CUT

    def _reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _keep_silent(self):
        self.connection.settimeout(30)
        self.close_connection = True
        self.connection.recv(1)

    def _drip(self, body: bytes):
        for at in range(0, len(body), max(1, len(body) // 8)):
            self.wfile.write(body[at : at + max(1, len(body) // 8)])
            self.wfile.flush()
            time.sleep(0.02)

    def _ask_target(self, body: bytes) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.target_port, timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in SKIPPED_HEADERS}
            if body:
                headers["Content-Length"] = str(len(body))
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in SKIPPED_HEADERS}
            return Answer(answer.status, answer.read(), kept)
        finally:
            connection.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on

    def log_message(self, *arguments):
        pass
