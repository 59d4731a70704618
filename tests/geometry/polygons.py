"""A closed body with concave ends, for the readers of every format."""

import numpy as np

# An L of three unit squares with a point in the middle of a side, its corners in order.
OUTLINE = np.array([[0, 0], [1, 0], [2, 0], [2, 1], [1, 1], [1, 2], [0, 2]])
VOLUME = 3.0


def body(start=0):
    """Return the corners (14, 3) of the L, one unit thick, and its polygons.

    ``start`` is the corner that the ends' polygons begin at.
    """
    count = len(OUTLINE)
    points = np.array([(x, y, z) for z in (0, 1) for x, y in OUTLINE], dtype=float)
    ring = np.roll(np.arange(count), start)
    sides = [(k, (k + 1) % count, (k + 1) % count + count, k + count) for k in range(count)]
    return points, [ring[::-1].tolist(), (ring + count).tolist(), *sides]


def volume(mesh):
    """Return the volume that a mesh's triangles enclose."""
    first, second, third = np.swapaxes(mesh.vertices[mesh.faces], 0, 1)
    return np.einsum("ij,ij->", first, np.cross(second, third)) / 6


def surface(mesh):
    """Return the area of a mesh's triangles."""
    first, second, third = np.swapaxes(mesh.vertices[mesh.faces], 0, 1)
    return np.linalg.norm(np.cross(second - first, third - first), axis=1).sum() / 2


def as_obj(points, polygons):
    """Return the text of an OBJ file."""
    lines = ["v %g %g %g" % tuple(point) for point in points]
    return "\n".join(lines + ["f " + " ".join(str(k + 1) for k in ring) for ring in polygons])


def as_off(points, polygons):
    """Return the text of an OFF file."""
    lines = [f"OFF\n{len(points)} {len(polygons)} 0"] + ["%g %g %g" % tuple(p) for p in points]
    return "\n".join(lines + [" ".join(map(str, [len(ring), *ring])) for ring in polygons])


def as_ply(points, polygons, kind="ascii"):
    """Return the bytes of a PLY file, text or binary."""
    head = (
        f"ply\nformat {kind} 1.0\nelement vertex {len(points)}\nproperty float x\n"
        "property float y\nproperty float z\n"
        f"element face {len(polygons)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    if kind == "ascii":
        return (head + as_off(points, polygons).split("\n", 2)[2] + "\n").encode()
    order = "<" if "little" in kind else ">"
    rings = [bytes([len(ring)]) + np.array(ring, order + "i4").tobytes() for ring in polygons]
    return head.encode() + np.array(points, order + "f4").tobytes() + b"".join(rings)
