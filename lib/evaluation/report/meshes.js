// ---- meshes ------------------------------------------------------------------------------------

// A mesh is { places, faces } and perhaps normals: lists of [x, y, z] and of three corners' numbers,
// anticlockwise from outside.

// Returns the faces of occupied voxels, in cells.
function blocksOf(grid) {
  const numbers = new Map(), places = [], faces = [];
  for (const { corners } of facesOf(grid)) {
    const [a, b, c, d] = corners.map((corner) => {
      const key = corner.join(" ");
      if (!numbers.has(key)) numbers.set(key, places.push(corner) - 1);
      return numbers.get(key);
    });
    faces.push([a, b, c], [a, c, d]);
  }
  return { places, faces };
}

// Returns a mesh about the origin, its longest side 1, as the files of lib/geometry/export.py are.
function centred({ places, faces, normals }) {
  const ends = [0, 1, 2].map((axis) => places.reduce(
    ([low, high], place) => [Math.min(low, place[axis]), Math.max(high, place[axis])],
    [Infinity, -Infinity]));
  const side = Math.max(...ends.map(([low, high]) => high - low));
  const moved = places.map((place) =>
    place.map((part, axis) => (part - (ends[axis][0] + ends[axis][1]) / 2) / side));
  return { places: moved, faces, normals };
}

// ---- files -------------------------------------------------------------------------------------

function normalOf(a, b, c) {
  const [u, v] = [b, c].map((end) => end.map((part, axis) => part - a[axis]));
  const across = [0, 1, 2].map((k) => u[(k + 1) % 3] * v[(k + 2) % 3] - u[(k + 2) % 3] * v[(k + 1) % 3]);
  const length = Math.hypot(...across) || 1;
  return across.map((part) => part / length);
}

function objOf({ places, faces }) {
  const vertices = places.map((place) => "v " + place.map((part) => part.toFixed(6)).join(" "));
  const lines = faces.map((corners) => "f " + corners.map((corner) => corner + 1).join(" "));
  return [...vertices, ...lines, ""].join("\n");
}

function stlOf({ places, faces }) {
  const bytes = new DataView(new ArrayBuffer(84 + 50 * faces.length));
  bytes.setUint32(80, faces.length, true);
  faces.forEach((corners, k) => {
    const points = corners.map((corner) => places[corner]);
    [normalOf(...points), ...points].flat().forEach(
      (part, place) => bytes.setFloat32(84 + 50 * k + 4 * place, part, true));
  });
  return bytes.buffer;
}

function glbOf({ places, faces, normals }) {
  const parts = [new Uint32Array(faces.flat()), new Float32Array(places.flat())];
  if (normals) parts.push(new Float32Array(normals.flat()));
  const ends = [Math.min, Math.max].map((pick) =>
    [0, 1, 2].map((axis) => places.reduce((end, place) => pick(end, Math.fround(place[axis])), places[0][axis])));
  let start = 0;
  const views = parts.map((part, k) => {
    const view = { buffer: 0, byteOffset: start, byteLength: part.byteLength, target: k ? 34962 : 34963 };
    start += part.byteLength;
    return view;
  });
  const points = { bufferView: 1, componentType: 5126, count: places.length, type: "VEC3" };
  const about = {
    asset: { version: "2.0", generator: "voxlstm" },
    scene: 0, scenes: [{ nodes: [0] }], nodes: [{ mesh: 0 }],
    meshes: [{ primitives: [{ indices: 0, attributes: { POSITION: 1, ...(normals && { NORMAL: 2 }) } }] }],
    accessors: [
      { bufferView: 0, componentType: 5125, count: parts[0].length, type: "SCALAR" },
      { ...points, min: ends[0].map(Math.fround), max: ends[1].map(Math.fround) },
      ...(normals ? [{ ...points, bufferView: 2 }] : []),
    ],
    bufferViews: views, buffers: [{ byteLength: start }],
  };
  let text = JSON.stringify(about);
  text += " ".repeat((4 - text.length % 4) % 4);  // plain ASCII, so that a letter is a byte
  const header = (...numbers) => new Uint32Array(numbers);
  const length = 12 + 8 + text.length + 8 + start;
  return new Blob([header(0x46546c67, 2, length, text.length, 0x4e4f534a), text, header(start, 0x004e4942), ...parts]);
}

const WRITERS = { obj: objOf, glb: glbOf, stl: stlOf };

// Hands a mesh to the browser as a download.
function saveMesh(mesh, name, ending) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([WRITERS[ending](centred(mesh))]));
  link.download = `${name}.${ending}`.replace(/[^\p{L}\p{N}._-]+/gu, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
