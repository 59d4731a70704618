"""glTF files that need more than is served."""

import json
import struct
import unittest

from voxlstm.lib.geometry import gltf

SURFACE = {"attributes": {"POSITION": 0}, "indices": 1}
TREE = {
    "asset": {"version": "2.0"},
    "accessors": [{"bufferView": 0}, {"bufferView": 1}],
    "bufferViews": [{"buffer": 0}, {"buffer": 0}],
    "buffers": [{"byteLength": 9}],
    "meshes": [{"primitives": [SURFACE, {"attributes": {}, "mode": 1}]}, {"primitives": [SURFACE]}],
}


def packed(tree):
    """Return the bytes of a .glb file that holds nothing but its JSON."""
    text = json.dumps(tree).encode()
    return struct.pack("<4s4I", b"glTF", 2, 20 + len(text), len(text), 0x4E4F534A) + text


class CheckTest(unittest.TestCase):
    def test_surfaces_are_counted(self):
        self.assertEqual(gltf.check(packed(TREE)), 2)
        self.assertEqual(gltf.check(json.dumps(TREE).encode("utf-8-sig")), 2)
        self.assertEqual(gltf.check(packed({"asset": {}})), 0)

    def test_required_extensions_are_named(self):
        for name in (
            "KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_texture_basisu",
            "KHR_mesh_quantization", "EXT_mesh_gpu_instancing", "VENDOR_anything",
        ):  # fmt: skip
            for form in (packed, lambda tree: json.dumps(tree).encode()):
                with self.assertRaisesRegex(ValueError, f"needs {name}, which is not served"):
                    gltf.check(form({**TREE, "extensionsRequired": ["KHR_materials_unlit", name]}))
        self.assertEqual(gltf.check(packed({**TREE, "extensionsRequired": ["EXT_texture_webp"]})), 2)

    def test_data_that_would_be_zeros(self):
        draco = {**SURFACE, "extensions": {"KHR_draco_mesh_compression": {"bufferView": 0}}}
        empty = {**TREE, "accessors": [{"count": 3}, {"bufferView": 1}]}
        meshopt = {
            **TREE,
            "bufferViews": [{"buffer": 0, "extensions": {"EXT_meshopt_compression": {}}}] * 2,
            "buffers": [{"extensions": {"EXT_meshopt_compression": {"fallback": True}}}],
        }
        for tree, reason in (
            ({**empty, "meshes": [{"primitives": [draco]}]}, "KHR_draco_mesh_compression"),
            ({**empty}, "data are in nothing"),
            (meshopt, "EXT_meshopt_compression"),
            ({**TREE, "accessors": [{"bufferView": 0, "sparse": {}}] * 2}, "sparse"),
            ({**TREE, "meshes": [{"primitives": [{**SURFACE, "mode": 6}]}]}, "fans"),
            ({**TREE, "meshes": [{"primitives": [{"attributes": {}}]}]}, "without positions"),
        ):
            with self.assertRaisesRegex(ValueError, reason):
                gltf.check(packed(tree))

    def test_damaged_files(self):
        for data in (b"glTF", b"{", b"[]", b"[" * 100_000, packed(TREE).replace(b"\2", b"\1", 1)):
            with self.assertRaises(ValueError):
                gltf.check(data)


if __name__ == "__main__":
    unittest.main()
