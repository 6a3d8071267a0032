"""One file from one address: verified HTTPS, size cap, time limits, checksum, atomic move."""

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

__all__ = ["Limits", "NoAnswer", "Rejected", "fetch"]

_CHUNK = 1 << 16
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Rejected(Exception):
    """The answer of a mirror is of no use; asking it again would not help."""


class NoAnswer(Exception):
    """A host cannot be reached at all."""


@dataclass(frozen=True)
class Limits:
    """How long and how much to wait for.

    Args:
        timeout_s: The longest wait for a connection or for the next bytes, in seconds.
        total_s: The longest time for one file, in seconds, from the first connection on.
        max_bytes: The largest file accepted where its card knows no size.
        loopback_http: Accept http to this machine itself; for tests.
    """

    timeout_s: float = 5.0
    total_s: float = 120.0
    max_bytes: int = 1 << 28
    loopback_http: bool = False


def fetch(url: str, path: Path, file: DataFile, limits: Limits) -> None:
    """Copy what `url` gives to `path`, unless it is not the file that `file` describes.

    Raises:
        Rejected: It is another file, too large, too slow, or not behind https.
        NoAnswer: The host cannot be reached or has no valid certificate.
        NotWritable: The folder of `path` takes no file.
        OSError: The transfer broke, or the server answered with an error.
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
                raise Rejected(f"more than {cap} bytes were sent")
            digest.update(chunk)
            target.write(chunk)
        if length is not None and size < length:
            raise ConnectionError(f"the transfer ended after {size} of {length} bytes")
        if file.size is not None and size != file.size:
            raise Rejected(f"got {size} bytes instead of {file.size}")
        if file.sha256 is not None and digest.hexdigest() != file.sha256:
            raise Rejected(f"SHA-256 is {digest.hexdigest()}, expected {file.sha256}")


class _Deadline:
    """Shuts every connection when the time is up, whatever it waits for or is slowly given.

    A limit on each wait does not do that: a server that sends a byte now and then, of its
    headers or of the encryption's first words, never lets one pass.

    Args:
        seconds: from the start of the block.
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
            for held in self._sockets:
                held.close()
            self._sockets.clear()

    def watch(self, connection: socket.socket) -> None:
        """Shut this one too when the time is up."""
        with self._lock:
            # Its own handle: encryption takes over that of the connection.
            self._sockets.append(connection.dup())
        if self.passed:
            self._pass()

    def check(self) -> None:
        """Refuse to go on.

        Raises:
            Rejected: The time is up.
        """
        if self.passed:
            raise Rejected(f"not done after {self.seconds:g} s")

    def _pass(self) -> None:
        self.passed = True
        with self._lock:
            for held in self._sockets:
                with contextlib.suppress(OSError):
                    held.shutdown(socket.SHUT_RDWR)


def _read(response: http.client.HTTPResponse, deadline: _Deadline) -> bytes:
    try:
        chunk = response.read1(_CHUNK)
    except (OSError, http.client.HTTPException):
        deadline.check()
        raise
    deadline.check()
    return chunk


def _check_headers(response: http.client.HTTPResponse, file: DataFile) -> None:
    """Refuse an answer that is not the file itself, which a checksum may not be there to find."""
    if response.status != 200:
        raise Rejected(f"the answer has the status {response.status} instead of 200")
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise Rejected(f"the answer is encoded as {encoding!r}")
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind == "text/html" and file.sha256 is None:
        raise Rejected("a web page was sent instead of the file")


def _stated_length(response: http.client.HTTPResponse, known: int | None) -> int | None:
    """The length that the headers state, if they do so sensibly."""
    stated = response.headers.get("Content-Length", "").strip()
    if stated.isascii() and stated.isdigit() and len(stated) < 20:
        return int(stated)
    return known


def _open(url: str, limits: Limits, deadline: _Deadline) -> http.client.HTTPResponse:
    handlers: list[urllib.request.BaseHandler] = [
        _Plain(deadline),
        _Encrypted(deadline),
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
        if deadline.passed:  # before any of the file came: the next one would not fare better
            raise NoAnswer(f"no answer within {deadline.seconds:g} s") from error
        if isinstance(error, (urllib.error.URLError, TimeoutError, ssl.SSLError)):
            raise NoAnswer(f"no connection ({getattr(error, 'reason', error)})") from error
        raise
    except ValueError as error:  # of a redirect's address, which may be anything
        raise Rejected(f"its address is not valid ({error})") from error
    if deadline.passed:  # which ends the headers as if they were whole
        response.close()
        raise NoAnswer(f"no answer within {deadline.seconds:g} s")
    return response


class _Watched(http.client.HTTPConnection):
    """A connection that a deadline shuts."""

    deadline: _Deadline

    def connect(self) -> None:
        super().connect()
        self.deadline.watch(self.sock)

    def _tunnel(self) -> None:  # through a proxy, which may be slow too
        self.deadline.watch(self.sock)
        super()._tunnel()  # type: ignore[misc]


class _WatchedEncrypted(http.client.HTTPSConnection, _Watched):
    """Likewise; it is watched before the encryption begins."""


class _Plain(urllib.request.HTTPHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self.deadline = deadline

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_watched(_Watched, self.deadline), req)


class _Encrypted(urllib.request.HTTPSHandler):
    def __init__(self, deadline: _Deadline) -> None:
        self.verified = ssl.create_default_context()
        super().__init__(context=self.verified)
        self.deadline = deadline

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        make = _watched(_WatchedEncrypted, self.deadline)
        return self.do_open(make, req, context=self.verified)


def _watched(kind: type[_Watched], deadline: _Deadline) -> Any:  # noqa: ANN401 - as urllib wants it
    def make(host: str, **options: Any) -> _Watched:  # noqa: ANN401
        connection = kind(host, **options)
        connection.deadline = deadline
        return connection

    return make


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects only to where a first request might have gone."""

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
    raise Rejected(f"the address {url} is not https")
