import socket
import threading
import time

import pytest

from gnnvision.data import DataNotFound
from gnnvision.data.card import DataFile
from gnnvision.data.download import download_files
from gnnvision.data.fetch import Limits

from .served import CONTENT, GOOD

pytestmark = pytest.mark.slow  # servers that hang and stall


def fetch(server, folder, *behaviors, files=(GOOD,), **options):
    urls = [f"{server.url}/{behavior}" for behavior in behaviors]
    limits = Limits(**({"timeout_s": 0.3, "loopback_http": True} | options))
    download_files(files, urls, folder, what="made", limits=limits)


def test_a_good_file_is_put_in_place(server, tmp_path):
    fetch(server, tmp_path / "new" / "raw", "right")
    folder = tmp_path / "new" / "raw"
    assert (folder / "good").read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["good"]


def test_what_is_there_is_not_fetched(server, tmp_path):
    (tmp_path / "good").write_bytes(b"mine")
    fetch(server, tmp_path, "right")
    assert (tmp_path / "good").read_bytes() == b"mine"
    assert server.seen == []


@pytest.mark.parametrize(
    ("behavior", "fault"),
    [
        ("wrong", "SHA-256 is .*, expected"),
        ("short", "sent 100 bytes instead of 256000|ended after 100"),
        ("long", "sent more than 256000 bytes"),
        ("endless", "sent more than 256000 bytes"),
        ("absent", "HTTP Error 404"),
        ("busy", "HTTP Error 503"),
        ("truncated", "ended after 1000 of 256000 bytes"),
        ("silent", "no connection .*timed out"),
        ("stalled", "timed out"),
        ("insecure", "the address http://example.invalid/good is not https"),
        ("local", "is not https|not allowed"),
        ("circle", "redirect"),
    ],
)
def test_a_bad_answer_leaves_nothing_and_the_next_mirror_is_asked(
    server, tmp_path, behavior, fault
):
    with pytest.raises(DataNotFound, match=fault) as caught:
        fetch(server, tmp_path, behavior)
    assert caught.value.files == ("good",)
    assert caught.value.folder == tmp_path
    assert list(tmp_path.iterdir()) == []
    if behavior != "silent":  # a host that is silent is not asked again
        fetch(server, tmp_path, behavior, "right")
        assert (tmp_path / "good").read_bytes() == CONTENT


def test_a_broken_transfer_is_tried_again_and_a_refusal_is_not(server, tmp_path):
    fetch(server, tmp_path, "flaky")
    assert len(server.seen) == 2
    for behavior, tries in (("absent", 1), ("wrong", 1), ("truncated", 2), ("busy", 2)):
        server.seen.clear()
        with pytest.raises(DataNotFound):
            fetch(server, tmp_path / "other", behavior)
        assert len(server.seen) == tries


def test_a_dead_host_is_asked_once_for_all_files(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{unused.getsockname()[1]}"
        files = [GOOD, DataFile("second")]
        begin = time.monotonic()
        with pytest.raises(DataNotFound, match=r"Connection refused") as e:
            download_files(files, [url, url + "/mirror"], tmp_path / "raw", what="made")
    assert time.monotonic() - begin < 2
    assert e.value.files == ("good", "second")
    assert str(e.value).count("refused") == 1
    assert f"Put these files into {tmp_path / 'raw'}:\n  good  ({url}/good)" in str(e.value)
    assert not (tmp_path / "raw").exists()


def test_a_card_without_an_address(tmp_path):
    with pytest.raises(DataNotFound, match="the card has no address"):
        download_files([GOOD], [], tmp_path, what="made")


def test_a_folder_that_cannot_be_written(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataNotFound, match="cannot be written"):
        fetch(server, tmp_path / "file" / "raw", "right")


def test_two_at_once_fetch_once(server, tmp_path):
    threads = [threading.Thread(target=fetch, args=(server, tmp_path, "right")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "good").read_bytes() == CONTENT
    assert len(server.seen) == 1


ODD = [
    "negative", "words", "squared", "astronomical", "no_http", "many_headers", "part_of_it",
    "zipped", "chunks", "to_nowhere", "to_a_long_name", "to_a_port", "slow_headers",
    "slow_status", "going_on", "drip",
]  # fmt: skip


@pytest.mark.parametrize("behavior", ODD)
def test_an_odd_answer_is_no_reason_to_give_up(server, other_server, tmp_path, behavior):
    urls = [f"{server.url}/{behavior}", f"{other_server.url}/right"]
    limits = Limits(timeout_s=0.3, total_s=0.4, loopback_http=True)
    begin = time.monotonic()
    download_files((GOOD,), urls, tmp_path / "a", what="made", limits=limits)
    assert (tmp_path / "a" / "good").read_bytes() == CONTENT
    assert time.monotonic() - begin < 5
    with pytest.raises(DataNotFound, match="could not be downloaded"):
        download_files((GOOD,), urls[:1], tmp_path / "b", what="made", limits=limits)
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("behavior", ["slow_headers", "slow_status", "going_on"])
def test_the_time_limit_begins_with_the_connection(server, tmp_path, behavior):
    begin = time.monotonic()
    with pytest.raises(DataNotFound, match=r"no answer within 0\.4 s"):
        fetch(server, tmp_path, behavior, total_s=0.4)
    assert time.monotonic() - begin < 3


@pytest.mark.parametrize("behavior", ["page", "zipped", "part_of_it"])
def test_what_no_checksum_would_find(server, tmp_path, behavior):
    with pytest.raises(DataNotFound, match=r"a web page|encoded as 'gzip'|status 206"):
        fetch(server, tmp_path, behavior, files=(DataFile("free"),))
    assert not list(tmp_path.iterdir())
