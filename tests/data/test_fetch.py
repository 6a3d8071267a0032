import shutil
import ssl
import subprocess
import time

import pytest

from gnnvision.data.card import DataFile
from gnnvision.data.fetch import HostUnreachable, InvalidDownload, Limits, fetch

from .served import CONTENT, GOOD

LOCAL = Limits(timeout_s=0.3, loopback_http=True)


def test_a_redirect_is_followed(server, tmp_path):
    fetch(f"{server.url}/moved/good", tmp_path / "good", GOOD, LOCAL)
    assert (tmp_path / "good").read_bytes() == CONTENT


def test_a_slow_drip_is_cut_off(server, tmp_path):
    limits = Limits(timeout_s=0.3, total_s=0.2, loopback_http=True)
    begin = time.monotonic()
    with pytest.raises(InvalidDownload, match=r"took more than 0\.2 s"):
        fetch(f"{server.url}/drip/good", tmp_path / "good", GOOD, limits)
    assert time.monotonic() - begin < 2
    assert list(tmp_path.iterdir()) == []


def test_without_a_known_size_there_is_a_cap(server, tmp_path):
    url, path = f"{server.url}/right/free", tmp_path / "free"
    with pytest.raises(InvalidDownload, match="sent more than 1000 bytes"):
        fetch(url, path, DataFile("free"), Limits(max_bytes=1000, loopback_http=True))
    fetch(url, path, DataFile("free"), LOCAL)
    assert path.read_bytes() == CONTENT


def test_http_is_refused_before_anything_is_sent(server, tmp_path):
    url = f"{server.url}/right/good"
    with pytest.raises(InvalidDownload, match=f"the address {url} is not https"):
        fetch(url, tmp_path / "good", GOOD, Limits())
    for url in ("http://example.invalid/good", "file:///etc/hostname", "ftp://127.0.0.1/good"):
        with pytest.raises(InvalidDownload, match="is not https"):
            fetch(url, tmp_path / "good", GOOD, LOCAL)
    assert server.seen == []


def test_a_redirect_away_from_https_is_refused(server, tmp_path):
    with pytest.raises(
        InvalidDownload, match=r"the address http://example\.invalid/good is not https"
    ):
        fetch(f"{server.url}/insecure/good", tmp_path / "good", GOOD, LOCAL)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl for a certificate")
def test_a_certificate_that_nobody_signed_is_refused(server, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 "
        f"-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 "
        f"-keyout {key} -out {certificate}".split(),
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = f"https://127.0.0.1:{server.server_port}/right"
    with pytest.raises(HostUnreachable, match="certificate verify failed"):
        fetch(url, tmp_path / "raw" / "good", GOOD, Limits())
    assert server.seen == []
