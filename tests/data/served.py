"""A local web server whose behavior depends on the requested path."""

import gzip
import hashlib
import http.server
import threading
from contextlib import contextmanager

from gnnvision.data.card import DataFile

CONTENT = bytes(range(256)) * 1000
GOOD = DataFile("good", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


class Handler(http.server.BaseHTTPRequestHandler):
    """`/<behavior>/<file>`: a server that does what the first part of the path says."""

    def do_GET(self):
        behavior = self.path.split("/")[1]
        self.server.seen.append(self.path)
        getattr(self, behavior)()

    def answer(self, code=200, content=CONTENT, **headers):
        self.send_response(code)
        for name, value in ({"Content_Length": str(len(content))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def right(self):
        self.answer()

    def wrong(self):
        self.answer(content=CONTENT[:-1] + b"!")

    def short(self):
        self.answer(content=CONTENT[:100])

    def long(self):
        self.answer(content=CONTENT + b"!")

    def absent(self):
        self.answer(404, b"")

    def busy(self):
        self.answer(503, b"")

    def truncated(self):
        self.answer(content=CONTENT[:1000], Content_Length=str(len(CONTENT)))

    def flaky(self):
        (self.right if len(self.server.seen) > 1 else self.truncated)()

    def endless(self):
        self.send_response(200)
        self.end_headers()
        for _ in range(10_000):  # bounded: 640 MB at most, cut off after the first
            self.wfile.write(b"x" * 65536)

    def silent(self):
        self.server.stop.wait(5)

    def stalled(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:1000])
        self.wfile.flush()
        self.server.stop.wait(5)

    def drip(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b"x")
            self.wfile.flush()
            if self.server.stop.wait(0.05):
                return

    def slow_headers(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(200):
            self.wfile.write(b"y")
            self.wfile.flush()
            if self.server.stop.wait(0.05):
                return

    def slow_status(self):
        for letter in b"HTTP/1.1 200 OK" * 20:
            self.wfile.write(bytes([letter]))
            self.wfile.flush()
            if self.server.stop.wait(0.05):
                return

    def going_on(self):
        while not self.server.stop.wait(0.05):
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()

    def raw(self, head, content=CONTENT):
        self.wfile.write(head.encode("latin-1") + b"\r\n\r\n" + content)

    def negative(self):
        self.raw("HTTP/1.1 200 OK\r\nContent-Length: -5", CONTENT[:100])

    def words(self):
        self.raw("HTTP/1.1 200 OK\r\nContent-Length: many", CONTENT[:100])

    def squared(self):
        self.raw("HTTP/1.1 200 OK\r\nContent-Length: \u00b2", CONTENT[:100])

    def astronomical(self):
        self.raw(f"HTTP/1.1 200 OK\r\nContent-Length: {'9' * 5000}", CONTENT[:100])

    def no_http(self):
        self.raw("SSH-2.0-OpenSSH_9.6", b"")

    def many_headers(self):
        self.raw("HTTP/1.1 200 OK" + "\r\nX: y" * 200)

    def part_of_it(self):
        self.answer(206, CONTENT[:100])

    def zipped(self):
        self.answer(content=gzip.compress(CONTENT, mtime=0), Content_Encoding="gzip")

    def page(self):
        self.answer(content=b"<html>Please sign in</html>", Content_Type="text/html; charset=x")

    def chunks(self):
        self.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", b"zz\r\nxx")

    def to_nowhere(self):
        self.answer(302, b"", Location="https://[::1/good")

    def to_a_long_name(self):
        self.answer(302, b"", Location=f"https://{'a' * 300}.example/good")

    def to_a_port(self):
        self.answer(302, b"", Location="https://example.invalid:99999999/good")

    def moved(self):
        self.answer(302, b"", Location="/right/good")

    def insecure(self):
        self.answer(302, b"", Location="http://example.invalid/good")

    def local(self):
        self.answer(302, b"", Location="file:///etc/hostname")

    def circle(self):
        self.answer(302, b"", Location="/circle/good")

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, address):
        """Clients that hang up are what these tests are about."""


@contextmanager
def serve():
    server = Server(("127.0.0.1", 0), Handler)
    server.seen, server.stop = [], threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.stop.set()
    server.shutdown()
    server.server_close()
    thread.join()
