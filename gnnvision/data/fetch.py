"""One file from one address: verified HTTPS, size cap, time limits, checksum, atomic move."""

from __future__ import annotations

import hashlib
import http.client
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gnnvision.data.card import DataFile
from gnnvision.data.place import replacing

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
        total_s: The longest time for one file, in seconds.
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
    deadline = time.monotonic() + limits.total_s
    digest = hashlib.sha256()
    size = 0
    cap = limits.max_bytes if file.size is None else file.size
    _check_address(url, limits)
    with (
        _open(url, limits) as response,
        replacing(path) as target,
    ):
        stated = response.headers.get("Content-Length", "")
        length = int(stated) if stated.isdigit() else file.size
        while chunk := response.read1(_CHUNK):
            size += len(chunk)
            if size > cap:
                raise Rejected(f"more than {cap} bytes were sent")
            if time.monotonic() > deadline:
                raise Rejected(f"not done after {limits.total_s:g} s")
            digest.update(chunk)
            target.write(chunk)
        if length is not None and size < length:
            raise ConnectionError(f"the transfer ended after {size} of {length} bytes")
        if file.size is not None and size != file.size:
            raise Rejected(f"got {size} bytes instead of {file.size}")
        if file.sha256 is not None and digest.hexdigest() != file.sha256:
            raise Rejected(f"SHA-256 is {digest.hexdigest()}, expected {file.sha256}")


def _open(url: str, limits: Limits) -> http.client.HTTPResponse:
    handlers = [
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        _SafeRedirects(limits),
    ]
    if limits.loopback_http:
        handlers.append(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, headers={"User-Agent": "gnnvision"})
    try:
        response: http.client.HTTPResponse = urllib.request.build_opener(*handlers).open(
            request, timeout=limits.timeout_s
        )
    except urllib.error.HTTPError:
        raise
    except (urllib.error.URLError, TimeoutError, ssl.SSLError) as error:
        raise NoAnswer(f"no connection ({getattr(error, 'reason', error)})") from error
    return response


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
