"""The page as its user has it: pictures in, a shape that turns, files out; on a phone too."""

import io
import unittest

import numpy as np
import trimesh
from PIL import Image

from .made import PageCase, decoded
from .site import visit
from .test_framing import encoded

SHOWN = """
  const shown = () => ({
    names: state.pictures.map(({ name }) => name), used: state.used,
    made: !document.getElementById("made").hidden,
    filled: find("filled").textContent, fault: find("fault").hidden ? "" : find("fault").textContent,
    cut: [...find("seen").children].map((figure) => figure.textContent),
    views: [...find("views").children].map((button) => button.getAttribute("aria-pressed")),
    level: find("level").textContent, idle: [...document.querySelectorAll("[data-mesh]")].every((b) => b.disabled),
  });
  const after = async (act, more = 1) => {
    const before = results();
    await act();
    await until(() => results() >= before + more);
    return shown();
  };
  const bag = (files) => { const all = new DataTransfer(); files.forEach((file) => all.items.add(file)); return all; };
  const choose = (files) => {
    find("files").files = bag(files).files;
    find("files").dispatchEvent(new Event("change"));
  };
  const slide = (value) => { find("threshold").value = value; find("threshold").dispatchEvent(new Event("input")); };"""


def pictures():
    """Return files: objects of rising red before white, and one that is no picture."""
    files = {"no.heic": b"ftypheic"}
    for number in range(3):
        pixels = np.full((120, 160, 3), 255, np.uint8)
        pixels[30:90, 50:110] = 60 * number, 90, 160
        files[f"p{number}.png"] = encoded(Image.fromarray(pixels), "PNG")
    return files


class UseTest(PageCase):
    def run_script(self, script, **options):
        return self.visit(SHOWN + script, pictures(), **options)

    def test_pictures_are_chosen_dropped_and_pasted(self):
        chosen, dropped, pasted = self.run_script("""
          const [a, b, c] = await given("p0.png", "p1.png", "p2.png");
          return [
            await after(() => choose([a])),
            await after(() => dispatchEvent(new DragEvent("drop", { dataTransfer: bag([b]), cancelable: true }))),
            await after(() => dispatchEvent(new ClipboardEvent("paste", { clipboardData: bag([c]) }))),
          ];""")
        self.assertEqual(chosen["names"], ["p0.png"])
        self.assertEqual(chosen["cut"], ["×p0.png: plain background"])
        self.assertTrue(chosen["made"])
        self.assertEqual(dropped["names"], ["p0.png", "p1.png"])
        self.assertEqual((pasted["names"][2], pasted["used"]), ("p2.png", 3))
        self.assertEqual(pasted["views"], ["false", "false", "true"])

    def test_views_are_switched_and_pictures_removed(self):
        found = self.run_script("""
          const all = await after(async () => choose(await given("p0.png", "p1.png", "p2.png")));
          const one = await after(() => find("views").children[0].click());
          const kept = state.results.get(3).occupancy.length;
          const rest = await after(() => find("seen").children[0].querySelector("button").click());
          const none = await after(() => show([]), 0);
          return [all, one, kept, rest, none];""")
        everything, one, kept, rest, none = found
        self.assertEqual((one["used"], one["names"]), (1, everything["names"]))
        self.assertNotEqual(one["filled"], everything["filled"])
        self.assertEqual(kept, 32**3)
        self.assertEqual((rest["names"], rest["used"]), (["p1.png", "p2.png"], 2))
        self.assertEqual((none["names"], none["made"]), ([], False))

    def test_the_threshold_is_the_one_that_slides(self):
        low, start, high, kinds = self.run_script("""
          const start = await after(async () => choose(await given("p0.png")));
          const low = await after(() => slide("0.2")), count = (t) => state.results.get(1).occupancy.filter(
            (chance) => chance > Math.fround(t)).length;
          return [low, start, await after(() => slide("0.99")), [count(0.2), count(0.4)]];""")
        self.assertEqual((start["level"], low["level"]), ("0.40", "0.20"))
        self.assertEqual([low["filled"], start["filled"]], [f"{number} voxels of 32768." for number in kinds])
        self.assertGreater(kinds[0], kinds[1])
        self.assertRegex(
            high["filled"], r"Nothing is: the most likely voxel has 0\.\d+\. Lower the threshold"
        )
        self.assertEqual((low["idle"], high["idle"]), (False, True))

    def test_what_is_no_picture_is_said_and_the_rest_is_used(self):
        (found,) = self.run_script("""
          return [await after(async () => choose(await given("no.heic", "p1.png")))];""")
        self.assertEqual(found["names"], ["p1.png"])
        self.assertEqual(found["fault"], "no.heic cannot be read by this browser: save it as JPEG or PNG.")

    def test_own_pictures_do_not_mix_with_an_example(self):
        example, own = self.run_script(
            """
          await until(() => results() === 1);
          return [shown(), await after(async () => choose(await given("p1.png")))];""",
            fragment="#example=1",
        )
        self.assertEqual(example["names"], [f"car_{number}.png" for number in range(1, 6)])
        self.assertEqual(own["names"], ["p1.png"])

    def test_the_surface_shown_is_the_one_that_is_saved(self):
        found = self.run_script("""
          await after(async () => choose(await given("p0.png")));
          const files = [], saved = {};
          URL.createObjectURL = (blob) => { files.push([blob]); return "#"; };
          HTMLAnchorElement.prototype.click = function () { files.at(-1).push(`${state.surface} ${this.download}`); };
          for (const surface of ["smooth", "voxels"]) {
            await after(() => document.querySelector(`[data-surface="${surface}"]`).click());
            for (const button of document.querySelectorAll("[data-mesh]")) button.click();
          }
          for (const [blob, name] of files) saved[name] = encoded(await blob.arrayBuffer());
          return { saved, occupancy: encoded(state.results.get(1).occupancy.buffer) };""")
        occupancy = decoded(found["occupancy"]).reshape(32, 32, 32)
        side = np.ptp(np.argwhere(occupancy > 0.4), axis=0) + 1
        saved = {name: self.mesh(name, text) for name, text in found["saved"].items()}
        self.assertEqual(len(saved), 6)
        for name, mesh in saved.items():
            with self.subTest(name):
                self.assertAlmostEqual(mesh.extents.max(), 1, places=5)
                if name.startswith("voxels"):
                    share = mesh.volume * side.max() ** 3 / (occupancy > 0.4).sum()
                    self.assertAlmostEqual(share, 1, places=3)
                else:
                    self.assertAlmostEqual(mesh.volume, saved["smooth reconstruction.glb"].volume, places=4)
                    self.assertTrue(mesh.is_watertight)

    @staticmethod
    def mesh(name, text):
        file = io.BytesIO(decoded(text, np.uint8).tobytes())
        return trimesh.load(file, file_type=name.rpartition(".")[2], force="mesh")

    def test_the_picture_is_turned_by_dragging(self):
        before, after = self.run_script("""
          await after(async () => choose(await given("p0.png")));
          const canvas = document.querySelector("#made canvas"), first = canvas.toDataURL();
          const send = (kind, x) => canvas.dispatchEvent(
            new PointerEvent(kind, { clientX: x, clientY: 50, pointerId: 1 }));
          send("pointerdown", 0); send("pointermove", 110);
          return [first, canvas.toDataURL()];""")
        pictures = [
            np.asarray(Image.open(io.BytesIO(decoded(text.split(",")[1], np.uint8).tobytes())).convert("L"))
            for text in (before, after)
        ]
        for picture in pictures:
            self.assertTrue(0.05 < (picture < 250).mean() < 0.9)
        self.assertGreater((pictures[0] != pictures[1]).mean(), 0.01)

    def test_without_webgl_the_shape_can_be_saved(self):
        found = self.run_script(
            """
          await after(async () => choose(await given("p0.png")));
          return [shown().idle, find("still").hidden, document.querySelector("#made figure").hidden];""",
            options=["--disable-3d-apis"],
        )
        self.assertEqual(found, [False, False, True])

    def test_lots_that_come_together_are_all_taken(self):
        (found,) = self.run_script("""
          const [a, b] = await given("p0.png", "p1.png");
          return [await after(() => { choose([a]); choose([b]); }, 2)];""")
        self.assertEqual(found["names"], ["p0.png", "p1.png"])

    def test_nothing_sticks_out_on_a_phone_or_a_desktop(self):
        for wide, high in ((390, 844), (1280, 900)):
            found = self.run_script(
                """
              await until(() => results() === 1);
              const rest = [...document.querySelectorAll("button, canvas, input, p, h1")].filter((element) => {
                const box = element.getBoundingClientRect();
                return box.width && (box.left < -0.5 || box.right > innerWidth + 0.5);
              });
              const canvas = document.querySelector("#made canvas").getBoundingClientRect();
              return { wide: innerWidth, scroll: document.documentElement.scrollWidth, rest: rest.length,
                       canvas: [canvas.width, canvas.height] };""",
                size=(wide, high),
                fragment="#example=2",
            )
            with self.subTest(wide=wide):
                self.assertEqual((found["wide"], found["scroll"], found["rest"]), (wide, wide, 0))
                self.assertAlmostEqual(found["canvas"][0], found["canvas"][1], delta=1)

    def test_a_network_that_is_not_there_is_said(self):
        (self.root / "net.onnx").rename(self.root / "gone")
        self.addCleanup((self.root / "gone").rename, self.root / "net.onnx")
        script = "await until(() => !find('fault').hidden); return find('fault').textContent;"
        found = visit(self.root, script).value
        self.assertIn("net.onnx: 404", found)
        self.assertIn("load this page again", found)


if __name__ == "__main__":
    unittest.main()
