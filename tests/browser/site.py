"""A folder served to headless Chromium, and what the browser makes of it."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from voxlstm.lib.evaluation.metrics import THRESHOLD

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--enable-unsafe-swiftshader",  # WebGL drawn by software
    "--enable-logging=stderr",
    "--disable-background-networking",
    "--hide-scrollbars",
    # The look-up of any name fails, so that a page that needs the network shows it.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
# Stands for ONNX Runtime: a voxel is as likely as the mean red of the views, less what it lies away
# from the middle; so results can be told apart, and no package is needed.
FAKE_RUNTIME = b"""
export const env = { wasm: {} };
export class Tensor { constructor(kind, data, dims) { Object.assign(this, { kind, data, dims }); } }
const run = async ({ views }) => {
  const [, count, , size] = views.dims, plane = size * size;
  let red = 0;
  for (let k = 0; k < count; k++) for (let j = 0; j < plane; j++) red += views.data[3 * k * plane + j];
  const data = Float32Array.from({ length: 32 ** 3 }, (_, k) =>
    1 - red / count / plane - Math.hypot((k >> 10) - 15.5, (k >> 5 & 31) - 12.5, (k & 31) - 15.5) / 40);
  return { occupancy: { data } };
};
export const InferenceSession = { create: async () => ({ run }) };
"""
FAKE = {"ort.wasm.js": FAKE_RUNTIME, "ort.wasm": b"\0"}
ABOUT = {"size": 32, "image": 127, "threshold": THRESHOLD}
# A window has 500 pixels or more; a narrower page is shown in a frame.
NARROWEST = 500
FRAME = """<!DOCTYPE html><link rel="icon" href="data:,"><body style="margin:0">
<iframe src="frame.html%s" style="border:0;width:%dpx;height:%dpx"></iframe>"""
# Runs the test's script once the page has run its own, and sends what it returns.
DRIVER = """
const given = async (...names) => Promise.all(names.map(async (name) =>
  new File([await (await fetch("given/" + name)).blob()], name)));
const until = async (is) => { while (!is()) await new Promise((go) => setTimeout(go, 20)); };
const results = () => Number(page.dataset.results || 0);
(async () => {
  let answer;
  try { answer = { value: await (async () => { %s })() }; }
  catch (error) { answer = { failed: String(error.stack || error) }; }
  await fetch("answer", { method: "POST", body: JSON.stringify(answer) });
})();
"""


class Visit(NamedTuple):
    """What a script returned, the paths that were asked for, and the console's messages."""

    value: object
    asked: list[str]
    console: list[str]


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, visit, *arguments, **options):
        self.visit = visit
        super().__init__(*arguments, **options)

    def log_message(self, *_):
        return

    def do_GET(self):
        path = self.path.partition("?")[0].lstrip("/")
        extra = self.visit["extra"].get(path)
        if extra is not None:
            return self._send(extra)
        self.visit["asked"].append(path)
        return super().do_GET()

    def _send(self, content):
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(self.path.strip("/") or "index.html"))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self):
        self.visit["answer"] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        self.visit["done"].set()


def visit(folder, script, given=None, size=(1280, 900), fragment="", options=(), seconds=90):
    """Open a folder's page in Chromium and run a script in it.

    Parameters
    ----------
    folder : path-like
    script : str
        Body of an asynchronous function; what it returns comes back. It has ``given(name, ...)``
        (files), ``until(is)`` and ``results()`` (how many results were shown).
    given : dict, optional
        Files for the script: name -> bytes.
    size : (int, int)
        Of the window.
    fragment : str
        End of the address.
    options : sequence of str
        Of Chromium's.
    seconds : float
        To wait for the answer.

    Returns
    -------
    Visit
    """
    page = (Path(folder) / "index.html").read_text(encoding="utf-8")
    page = page.replace("</body>", '<script src="driver.js"></script></body>')
    extra = {f"given/{name}": content for name, content in (given or {}).items()}
    extra |= {"": page.encode(), "driver.js": (DRIVER % script).encode()}
    if size[0] < NARROWEST:
        extra |= {"": (FRAME % (fragment, *size)).encode(), "frame.html": page.encode()}
    record = {"asked": [], "answer": None, "done": threading.Event(), "extra": extra}
    handler = partial(_Handler, record, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, tempfile.TemporaryDirectory() as profile:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{fragment}"
        window = f"--window-size={size[0]},{size[1]}"
        command = [CHROMIUM, *OPTIONS, *options, f"--user-data-dir={profile}/profile", window, address]
        with open(f"{profile}/log", "wb") as log:
            browser = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
            try:
                record["done"].wait(seconds)
            finally:
                os.killpg(browser.pid, signal.SIGKILL)
                browser.wait()
                server.shutdown()
        lines = Path(f"{profile}/log").read_text(errors="replace").splitlines()
    console = [line for line in lines if ":CONSOLE" in line and "GPU stall due to ReadPixels" not in line]
    answer = record["answer"] or {"failed": f"no answer in {seconds} seconds; {lines[-5:]}"}
    if "failed" in answer:
        raise AssertionError(f"{answer['failed']} {console}")
    return Visit(answer["value"], record["asked"], console)
