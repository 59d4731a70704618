"""What a glTF file needs of its reader: refused before it is read, since parts would be missing."""

import json
import struct

from .text import decode

# What trimesh serves, and what changes how light plays on a surface but not its shape.
SERVED = {
    "EXT_texture_webp",
    "KHR_lights_punctual",
    "KHR_materials_pbrSpecularGlossiness",
    "KHR_materials_unlit",
}
COMPRESSED = ("EXT_meshopt_compression", "KHR_meshopt_compression", "MESHOPT_compression")
SURFACES = {4: "triangles", 5: "strips", 6: "fans"}  # kinds of primitives; the others are lines


def check(data: bytes) -> int:
    """Refuse the bytes of a .glb or .gltf file that needs what is not served.

    Returns
    -------
    int
        Surfaces (primitives of triangles) in the file's meshes.

    Raises
    ------
    ValueError
        Naming what is not served, or saying that it is no glTF file.
    """
    tree = _tree(data)
    missing = sorted(set(map(str, tree.get("extensionsRequired") or ())) - SERVED)
    if missing:
        raise ValueError(f"it needs {', '.join(missing)}, which is not served")
    count = 0
    for mesh in tree.get("meshes", ()):
        for primitive in mesh["primitives"]:
            if primitive.get("mode", 4) in SURFACES:
                _check_primitive(tree, primitive)
                count += 1
    return count


def _tree(data):
    """Return the file's JSON."""
    if data[:4] == b"glTF":
        if len(data) < 20:
            raise ValueError("it is cut short")
        version, _, length, kind = struct.unpack("<4I", data[4:20])
        if version != 2 or kind != 0x4E4F534A:
            raise ValueError(f"it is glTF of version {version}, not 2")
        data = data[20 : 20 + length]
    try:
        tree = json.loads(decode(data))
    except (ValueError, RecursionError) as error:
        raise ValueError("its JSON is damaged") from error
    if not isinstance(tree, dict):
        raise ValueError("its JSON is no glTF")
    return tree


def _check_primitive(tree, primitive):
    """Refuse a surface that trimesh would lose or read as zeros."""
    if primitive.get("mode", 4) == 6:
        raise ValueError("it has fans of triangles, which are not served")
    names = [primitive["attributes"].get("POSITION"), primitive.get("indices")]
    if names[0] is None:
        raise ValueError("it has a surface without positions")
    for accessor in (tree["accessors"][name] for name in names if name is not None):
        if "sparse" in accessor:
            raise ValueError("it has sparse accessors, which are not served")
        if "bufferView" not in accessor:
            packed = ", ".join(primitive.get("extensions", {})) or "nothing"
            raise ValueError(f"it has a surface whose data are in {packed}, which is not served")
        view = tree["bufferViews"][accessor["bufferView"]]
        packed = sorted(set(view.get("extensions", {})).intersection(COMPRESSED))
        holder = tree["buffers"][view["buffer"]].get("extensions", {})
        if packed and any(holder.get(name, {}).get("fallback") for name in packed):
            raise ValueError(f"it needs {packed[0]}, which is not served")
