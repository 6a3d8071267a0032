"""Downloads of a dataset's files, with mirrors, retries and a lock between processes."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.parse
from collections.abc import Sequence
from pathlib import Path

from gnnvision.data.atomic_files import NotWritable, folder_lock
from gnnvision.data.card import DataFile
from gnnvision.data.errors import DataNotFound
from gnnvision.data.fetch import HostUnreachable, InvalidDownload, Limits, fetch

__all__ = ["download_files"]

_ATTEMPTS = 2


def download_files(
    files: Sequence[DataFile],
    urls: Sequence[str],
    folder: Path,
    *,
    what: str,
    limits: Limits | None = None,
) -> None:
    """Download the files that are missing in `folder`, each from the first mirror that works.

    A file is written under a temporary name, verified against the size and SHA-256 of the card,
    and renamed atomically; an existing file is kept. A host that does not answer is not tried
    again, so this fails immediately without a network. Processes that start together take turns.

    Args:
        files: The files.
        urls: Base addresses, tried in order.
        folder: The target folder; created when a server first answers.
        what: The name of the dataset, for messages.
        limits: Limits of time and size; None for the defaults.

    Raises:
        DataNotFound: A file could not be downloaded. The message lists the files and the folder.
    """
    limits = limits or Limits()
    dead_hosts: set[str] = set()
    if all((folder / file.path).exists() for file in files):
        return
    with folder_lock(folder, wait_s=limits.total_s):
        for file in files:
            if (folder / file.path).exists():
                continue
            reasons = _from_any(file, urls, folder, limits, dead_hosts)
            if reasons is not None:
                missing = [f.path for f in files if not (folder / f.path).exists()]
                raise DataNotFound(
                    f"The files of {what!r} could not be downloaded "
                    f"({'; '.join(reasons) or 'the card has no address'}).",
                    missing,
                    folder,
                    [f"{urls[0].rstrip('/')}/{name}" for name in missing] if urls else (),
                )


def _from_any(
    file: DataFile, urls: Sequence[str], folder: Path, limits: Limits, dead_hosts: set[str]
) -> list[str] | None:
    """Download one file from the first mirror that works: None, or the reasons of failure."""
    reasons = []
    for base in urls:
        url = f"{base.rstrip('/')}/{urllib.parse.quote(file.path)}"
        host = urllib.parse.urlsplit(url).netloc
        if host in dead_hosts:
            continue
        try:
            reason = _with_retries(url, folder, file, limits)
        except HostUnreachable as error:
            dead_hosts.add(host)
            reason = str(error)
        if reason is None:
            return None
        reasons.append(f"{host}: {reason}")
    return reasons


def _with_retries(url: str, folder: Path, file: DataFile, limits: Limits) -> str | None:
    """Download one file from one mirror: None, or the reason of failure."""
    reason = ""
    for attempt in range(_ATTEMPTS):
        if attempt > 0:
            time.sleep(0.2)
        try:
            fetch(url, folder / file.path, file, limits)
            return None
        except (InvalidDownload, NotWritable) as error:
            return str(error)
        except urllib.error.HTTPError as error:
            reason = str(error)
            error.close()
            if error.code < 500:
                return reason
        # An invalid response raises ValueError; other mirrors are still tried.
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"
    return reason
