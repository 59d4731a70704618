"""A web server on this machine that can be told to misbehave."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server:
    """Serves ``files`` (name: bytes) and keeps in ``requests`` what was asked: (method, Range).

    Attributes
    ----------
    break_after : int or None
        Close the connection after so many bytes of every answer.
    breaks : int or None
        How many answers to break before behaving; None for all.
    ranges : bool
        False: ignore the Range header.
    claimed : int or None
        The size to claim for every file, whatever it is.
    sized : bool
        False: tell no size.
    status : int or None
        Answer everything with this error.
    etag : str or None
    shift : int
        Answer a range that begins so many bytes later than the one asked for.
    hold : bool
        Send the first half, set the event ``holding``, and leave the connection open.
    """

    def __init__(self, files):
        self.files = dict(files)
        self.requests = []
        self.break_after = self.breaks = self.claimed = self.status = None
        self.ranges = self.sized = True
        self.etag, self.shift = '"1"', 0
        self.hold, self.holding, self.closing = False, threading.Event(), threading.Event()
        handler = type("Handler", (_Handler,), {"owner": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/data/"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.closing.set()
        self.http.shutdown()
        self.http.server_close()

    def ranges_asked(self):
        return [asked for method, asked in self.requests if method == "GET"]


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        return

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        data = self.answer()
        server = self.owner
        if server.hold:
            self.wfile.write(data[: len(data) // 2])
            server.holding.set()
            server.closing.wait()
            return
        if server.break_after is None or server.breaks == 0:
            self.wfile.write(data)
            return
        if server.breaks:
            server.breaks -= 1
        self.wfile.write(data[: server.break_after])
        self.close_connection = True

    def answer(self):
        server = self.owner
        server.requests.append((self.command, self.headers.get("Range")))
        data = server.files.get(self.path.removeprefix("/data/"))
        if server.status or data is None:
            self.send_error(server.status or 404)
            return b""
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range") in (None, server.etag)
        if asked and server.ranges and same:
            start = int(asked[1]) + server.shift
            self.send_response(206)
            total = server.claimed or len(data)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            self.send_response(200)
        if server.sized:
            self.send_header("Content-Length", (server.claimed or len(data)) - start)
        if server.etag:
            self.send_header("ETag", server.etag)
        self.end_headers()
        return data[start:]
