"""A dry run of fetch_shapenet at the release's size: 43,784 models of 24 views, from a mirror on this machine.

The two archives are in the release's own layout. Their content is that of a few hundred made objects
under other names, and their pictures have half the bytes of ShapeNet's. Each stage may be asked for
alone, in this order, and needs what those before it left below ``--tree``:

mirror
    make the archives
fetch
    download them, killed half way, and go on; unpack, killed half a minute later
unpack
    go on to the end, what was begun of the unpacking removed first
again
    the same command once more, which has nothing to do
check
    read every file to the end
clean
    remove all of it but the made objects
"""

import argparse
import http.server
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from functools import partial
from pathlib import Path

import voxlstm  # noqa: F401 - before NumPy: it chooses the BLAS's kernels

from batches import make_data
from shapenet_size import REAL, memory

from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.base.progress import Progress
from voxlstm.lib.data import binvox, layout
from voxlstm.lib.data.categories import CATEGORIES
from voxlstm.lib.data.fetch import ARCHIVES
from voxlstm.lib.geometry import shapes
from voxlstm.lib.geometry.frame import header, in_grid, normalised
from voxlstm.lib.geometry.voxels import voxelise

SYNSET = "03001627"  # of the made objects
LOOK = 0.1  # seconds between looks at what the tool has done
STAGES = "mirror", "fetch", "unpack", "again", "check", "clean"
TOOL = Path(__file__).resolve().parent.parent / "tools/fetch_shapenet.py"


def parse_arguments():
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--tree", type=Path, required=True, help="folder for all of it, on the disk to measure"
    )
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES, help="default: all")
    parser.add_argument("--part", type=float, default=1.0, help="of the models, to try it (default: all)")
    return parser.parse_args()


def mirror(tree, part):
    """Make the archives."""
    real = tree / "real"
    if not real.exists():
        make_data(real, REAL)
        for number, folder in enumerate(sorted((real / layout.RENDERINGS / SYNSET).iterdir())):
            layout.write_lists(folder / "rendering", [(15.0 * k, 30.0, 0.9) for k in range(layout.VIEWS)])
            mesh = normalised(shapes.generate(SYNSET, 0, number)[0])
            binvox.write(
                layout.voxels_path(real, SYNSET, folder.name), voxelise(in_grid(mesh)), *header(mesh)
            )
    for archive in ARCHIVES:
        objects = [content(folder) for folder in sorted((real / archive.folder / SYNSET).iterdir())]
        (tree / "mirror").mkdir(exist_ok=True)
        pack(tree / "mirror" / archive.name, archive.folder, objects, part)


def content(folder):
    """Return the bytes of an object's files, by their paths in its folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def pack(path, tree, objects, part):
    """Write an archive of as many models as ShapeNet has."""
    counts = {category.synset: round(part * category.count) for category in CATEGORIES}
    names = [(synset, number) for synset, count in counts.items() for number in range(count)]
    with (
        tarfile.open(path, "w:gz", compresslevel=1) as archive,
        Progress(len(names), f"packing {path.name}", "model") as shown,
    ):
        for number, (synset, own) in enumerate(names):
            for name, data in objects[number % len(objects)].items():
                member = tarfile.TarInfo(f"{tree}/{synset}/{own:032x}/{name}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
            archive.members.clear()  # a million of them would be kept
            shown.update()


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files, and the rest of one to who asks for it."""

    def log_message(self, *_):
        """Say nothing."""

    def send_head(self):
        """Send the head of an answer; return what to send behind it."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not asked:
            return super().send_head()
        file = open(self.translate_path(self.path), "rb")
        size, start = os.fstat(file.fileno()).st_size, file.seek(int(asked[1]))
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Content-Length", str(size - start))
        self.end_headers()
        return file

    def copyfile(self, source, outputfile):
        """Send a file, until the client is gone."""
        try:
            super().copyfile(source, outputfile)
        except ConnectionError:
            self.close_connection = True


class Run:
    """One run of a tool: its process, and in ``seen`` the seconds until each watched path was there.

    Parameters
    ----------
    tool : Path
    arguments : sequence
    watched : mapping of str to Path
    """

    def __init__(self, tool, arguments, watched=()):
        self.begin, self.seen = time.perf_counter(), {}
        self.watched = {name: path for name, path in dict(watched).items() if not path.exists()}
        command = [sys.executable, tool, *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait(self, until=lambda: False):
        """Wait for the tool's end, or until something is so, and kill it then; return seconds and MiB."""
        killed, held = False, 0.0
        while self.process.poll() is None:
            held = max(held, memory(self.process.pid, default=0.0))
            for name, path in self.watched.items():
                if name not in self.seen and path.exists():
                    self.seen[name] = time.perf_counter() - self.begin
            if not killed and until():
                self.process.kill()
                killed = True
            time.sleep(LOOK)
        if not killed and self.process.returncode not in (0, 1):  # 1: of a part, models are missing
            raise UserError(f"the tool has failed: {' '.join(map(str, self.process.args))}")
        return time.perf_counter() - self.begin, held


def run_fetch(out, url):
    """Return a `Run` of fetch_shapenet, watched."""
    watched = {}
    for archive in ARCHIVES:
        watched[f"{archive.folder} downloaded"] = out / archive.name
        watched[f"{archive.folder} begun"] = out / f".unpacking-{archive.folder}"
        watched[f"{archive.folder} unpacked"] = out / archive.folder
    return Run(TOOL, ["--out", out, "--mirror", url, "--quick"], watched)


def fetch(out, url, packed, later):
    """Download, killed half way, and begin to unpack, killed so many seconds later; print what each part took."""
    large = ARCHIVES[-1]
    half = out / f"{large.name}.part"
    first = run_fetch(out, url)
    seconds, memory = first.wait(lambda: half.exists() and half.stat().st_size > packed / 2)
    tell("until half of the pictures' archive was there, killed", seconds, memory)
    small = ARCHIVES[0].folder
    rate(f"unpack {small}", first, f"{small} begun", f"{small} unpacked", out / small)
    second = run_fetch(out, url)
    second.wait(
        lambda: time.perf_counter() - second.begin > second.seen.get(f"{large.folder} begun", 1e9) + later
    )
    speed = packed / 2e6 / second.seen[f"{large.folder} downloaded"]
    tell(
        "run again: the other half of the download",
        second.seen[f"{large.folder} downloaded"],
        0,
        f"{speed:.0f} MB/s",
    )
    tell("its digest", second.seen[f"{large.folder} begun"] - second.seen[f"{large.folder} downloaded"])
    print(f"killed {later:.0f} s later, with {files_below(out)[0]} files there")


def unpack(out, url):
    """Go on to the end, and print what each part took."""
    large, third = ARCHIVES[-1], run_fetch(out, url)
    seconds, memory = third.wait()
    tell("run again: digest, removal of what was begun, unpacking, quick check", seconds, memory)
    rate("unpack the pictures, with the removal", third, None, f"{large.folder} unpacked", out / large.folder)
    tell("quick check: that everything is there", seconds - third.seen[f"{large.folder} unpacked"])
    files, used = files_below(out)
    print(f"{files} files, {used / 1e9:.1f} GB of disk, with the pictures' archive")


def rate(what, run, begin, end, folder):
    """Print how fast an archive was unpacked."""
    seconds = run.seen[end] - (run.seen[begin] if begin else 0)
    files, used = files_below(folder, blocks=False)
    tell(what, seconds, 0, f"{files / seconds:.0f} files/s, {used / 1e6 / seconds:.0f} MB/s of content")


def files_below(folder, blocks=True):
    """Return how many files are below a folder and their bytes, as the disk counts them or as they are."""
    count = size = 0
    for where, _, names in os.walk(folder):
        for name in names:
            found = os.lstat(os.path.join(where, name))
            count, size = count + 1, size + (512 * found.st_blocks if blocks else found.st_size)
    return count, size


def tell(what, seconds, memory=0.0, more=""):
    """Print a line."""
    held = f"{memory:7.0f} MiB" if memory else " " * 11
    print(f"{what:70} {seconds:8.1f} s {held} {more}".rstrip(), flush=True)


def main():
    """Run the stages that are asked for."""
    arguments = parse_arguments()
    tree, stages = arguments.tree.resolve(), arguments.stages
    tree.mkdir(parents=True, exist_ok=True)
    out = tree / "out"
    if "mirror" in stages:
        mirror(tree, arguments.part)
    handler = partial(Handler, directory=str(tree / "mirror"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        if "fetch" in stages:
            packed = (tree / "mirror" / ARCHIVES[-1].name).stat().st_size
            fetch(out, url, packed, 30 * arguments.part)
        if "unpack" in stages:
            unpack(out, url)
        if "again" in stages:
            tell("run again: nothing to do, quick check", *run_fetch(out, url).wait())
        if "check" in stages:
            tell("read every file to the end", *Run(TOOL, ["--check-only", out]).wait())
        server.shutdown()
    if "clean" in stages:
        for name in ("out", "mirror"):
            shutil.rmtree(tree / name, ignore_errors=True)
    return 0


if __name__ == "__main__":
    run_tool(main)
