"""Download of one file: verified HTTPS, limits of size and time, checksum, atomic rename."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import socket
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from gnnvision.data.atomic_files import atomic_write
from gnnvision.data.card import DataFile

__all__ = ["HostUnreachable", "InvalidDownload", "Limits", "fetch"]

_CHUNK = 1 << 16
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class InvalidDownload(Exception):
    """The response of a server is invalid; a retry would not help."""


class HostUnreachable(Exception):
    """A host cannot be reached."""


@dataclass(frozen=True)
class Limits:
    """Limits of time and size for a download.

    Args:
        timeout_s: The longest wait for a connection or for the next bytes, in seconds.
        total_s: The longest time for one file, including the connection, in seconds.
        max_bytes: The largest file if the card has no size.
        loopback_http: Whether to accept http to the local machine, for tests.
    """

    timeout_s: float = 5.0
    total_s: float = 120.0
    max_bytes: int = 1 << 28
    loopback_http: bool = False


def fetch(url: str, path: Path, file: DataFile, limits: Limits) -> None:
    """Download `url` to `path` and verify that it is the file that `file` describes.

    Raises:
        InvalidDownload: The content is another file, or too large, too slow or not on https.
        HostUnreachable: The host cannot be reached or has no valid certificate.
        NotWritable: The folder of `path` cannot be written.
        OSError: The transfer was interrupted, or the server returned an error.
    """
    digest = hashlib.sha256()
    size = 0
    cap = limits.max_bytes if file.size is None else file.size
    _check_address(url, limits)
    with (
        _Deadline(limits.total_s) as deadline,
        _open(url, limits, deadline) as response,
        atomic_write(path) as target,
    ):
        _check_headers(response, file)
        length = _stated_length(response, file.size)
        while chunk := _read(response, deadline):
            size += len(chunk)
            if size > cap:
                raise InvalidDownload(f"the server sent more than {cap} bytes")
            digest.update(chunk)
            target.write(chunk)
        if length is not None and size < length:
            raise ConnectionError(f"the transfer ended after {size} of {length} bytes")
        if file.size is not None and size != file.size:
            raise InvalidDownload(f"the server sent {size} bytes instead of {file.size}")
        if file.sha256 is not None and digest.hexdigest() != file.sha256:
            raise InvalidDownload(f"SHA-256 is {digest.hexdigest()}, expected {file.sha256}")


class _Deadline:
    """Closes all connections when the total time is up.

    A timeout of each read is not enough: a server that sends a byte from time to time, in the
    headers or the TLS handshake, never exceeds it.

    Args:
        seconds: The total time from the start of the block.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.passed = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._pass)
        self._timer.daemon = True

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for connection in self._sockets:
                connection.close()
            self._sockets.clear()

    def watch(self, connection: socket.socket) -> None:
        """Also close this connection when the time is up."""
        with self._lock:
            # A duplicate, as TLS takes over the handle of the connection.
            self._sockets.append(connection.dup())
        if self.passed:
            self._pass()

    def check(self) -> None:
        """Raise an error if the time is up.

        Raises:
            InvalidDownload: The time is up.
        """
        if self.passed:
            raise InvalidDownload(f"the download took more than {self.seconds:g} s")

    def _pass(self) -> None:
        self.passed = True
        with self._lock:
            for connection in self._sockets:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def _read(response: http.client.HTTPResponse, deadline: _Deadline) -> bytes:
    try:
        chunk = response.read1(_CHUNK)
    except (OSError, http.client.HTTPException):
        deadline.check()
        raise
    deadline.check()
    return chunk


def _check_headers(response: http.client.HTTPResponse, file: DataFile) -> None:
    """Reject a response that is not the file itself, as there may be no checksum to detect it."""
    if response.status != 200:
        raise InvalidDownload(f"the server returned status {response.status} instead of 200")
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise InvalidDownload(f"the response is encoded as {encoding!r}")
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind == "text/html" and file.sha256 is None:
        raise InvalidDownload("the server sent a web page instead of the file")


def _stated_length(response: http.client.HTTPResponse, known: int | None) -> int | None:
    """The length in the headers if it is valid, else the known one."""
    stated = response.headers.get("Content-Length", "").strip()
    if stated.isascii() and stated.isdigit() and len(stated) < 20:
        return int(stated)
    return known


def _open(url: str, limits: Limits, deadline: _Deadline) -> http.client.HTTPResponse:
    handlers: list[urllib.request.BaseHandler] = [
        _HTTPHandler(deadline),
        _HTTPSHandler(deadline),
        _SafeRedirects(limits),
    ]
    if limits.loopback_http:
        handlers.append(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, headers={"User-Agent": "gnnvision"})
    try:
        response: http.client.HTTPResponse = urllib.request.build_opener(*handlers).open(
            request, timeout=min(limits.timeout_s, limits.total_s)
        )
    except urllib.error.HTTPError:
        deadline.check()
        raise
    except (OSError, http.client.HTTPException, ssl.SSLError) as error:
        if deadline.passed:  # nothing was received: other files would fail too
            raise HostUnreachable(f"no answer within {deadline.seconds:g} s") from error
        if isinstance(error, (urllib.error.URLError, TimeoutError, ssl.SSLError)):
            raise HostUnreachable(f"no connection ({getattr(error, 'reason', error)})") from error
        raise
    except ValueError as error:  # the address of a redirect may be anything
        raise InvalidDownload(f"a redirect has an invalid address ({error})") from error
    if deadline.passed:  # the headers may then be incomplete
        response.close()
        raise HostUnreachable(f"no answer within {deadline.seconds:g} s")
    return response


class _TimedConnection(http.client.HTTPConnection):
    """A connection that is closed at a deadline."""

    deadline: _Deadline

    def connect(self) -> None:
        super().connect()
        self.deadline.watch(self.sock)

    def _tunnel(self) -> None:  # a proxy may be slow too
        self.deadline.watch(self.sock)
        super()._tunnel()  # type: ignore[misc]


class _TimedHTTPSConnection(http.client.HTTPSConnection, _TimedConnection):
    """An encrypted connection that is closed at a deadline, also during the handshake."""


class _HTTPHandler(urllib.request.HTTPHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self.deadline = deadline

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_connection_factory(_TimedConnection, self.deadline), req)


class _HTTPSHandler(urllib.request.HTTPSHandler):
    def __init__(self, deadline: _Deadline) -> None:
        self.verified = ssl.create_default_context()
        super().__init__(context=self.verified)
        self.deadline = deadline

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        make = _connection_factory(_TimedHTTPSConnection, self.deadline)
        return self.do_open(make, req, context=self.verified)


def _connection_factory(kind: type[_TimedConnection], deadline: _Deadline) -> Any:  # noqa: ANN401 - the type that urllib expects
    def make(host: str, **options: Any) -> _TimedConnection:  # noqa: ANN401
        connection = kind(host, **options)
        connection.deadline = deadline
        return connection

    return make


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects only to addresses that are allowed for the first request."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _check_address(newurl, self.limits)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_address(url: str, limits: Limits) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https" or (
        limits.loopback_http and parts.scheme == "http" and parts.hostname in _LOOPBACK
    ):
        return
    raise InvalidDownload(f"the address {url} is not https")
