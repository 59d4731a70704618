// ---- the smooth surface ------------------------------------------------------------------------

// Corners of a cell of eight values, by number: bit k is the place along axis k.
const CELL = [...Array(8).keys()].map((k) => [k & 1, (k >> 1) & 1, (k >> 2) & 1]);
// Each of the six sides as its corners, anticlockwise from outside.
const SQUARES = SIDES.map(({ axis, sign, u, v }) => {
  const square = CORNERS.map(([a, b]) => (sign > 0 ? 1 << axis : 0) + (a << u) + (b << v));
  return (sign > 0) === (axis === 1) ? square.reverse() : square;
});
const LOOPS = Array.from({ length: 256 }, (_, filled) => loopsOf(filled));

// Returns where the surface cuts a cell whose filled corners are the bits of a number: closed rings
// of edges, anticlockwise from outside; an edge is named by its two corners, the lower one first.
// On each side the surface goes from where the side leaves the filled corners to where it enters
// them. So filled corners across a side are joined, and neighbouring cells agree.
function loopsOf(filled) {
  const full = (corner) => (filled >> corner) & 1, next = new Map();
  const edge = (a, b) => 8 * Math.min(a, b) + Math.max(a, b);
  for (const square of SQUARES) {
    for (let k = 0; k < 4; k++) {
      if (full(square[k]) || !full(square[(k + 1) % 4])) continue;
      let end = k + 1;
      while (full(square[(end + 1) % 4])) end++;
      next.set(edge(square[k], square[(k + 1) % 4]), edge(square[end % 4], square[(end + 1) % 4]));
    }
  }
  const loops = [];
  while (next.size) {
    const loop = [];
    for (let at = next.keys().next().value; next.has(at);) {
      loop.push(at);
      const following = next.get(at);
      next.delete(at);
      at = following;
    }
    loops.push(loop);
  }
  return loops;
}

// Returns the mesh on which occupancy equals the threshold, in cells about the middle of the grid,
// with the light's normals. Outside the grid the occupancy is 0.
function smoothOf(occupancy, threshold) {
  const wide = N + 4, chances = new Float64Array(wide ** 3);  // with two empty layers around
  const value = (x, y, z) => chances[((x + 2) * wide + y + 2) * wide + z + 2];
  occupancy.forEach((chance, k) => {
    const at = ((Math.floor(k / (N * N)) + 2) * wide + Math.floor(k / N) % N + 2) * wide + k % N + 2;
    // A value on the threshold itself would give triangles without area, and so holes.
    chances[at] = Math.abs(chance - threshold) < 1e-6 ? threshold - 1e-6 : chance;
  });
  const mesh = { places: [], faces: [], normals: [] }, numbers = new Map();
  const slope = (c) => [0, 1, 2].map((axis) => {
    const [ahead, behind] = [c.slice(), c.slice()];
    ahead[axis]++;
    behind[axis]--;
    return value(...behind) - value(...ahead);
  });
  const add = (place, normal) => {
    const length = Math.hypot(...normal) || 1;
    mesh.normals.push(normal.map((part) => part / length));
    return mesh.places.push(place.map((part) => part + 0.5 - N / 2)) - 1;
  };
  const cut = (cell, edge) => {
    const [a, b] = [edge >> 3, edge & 7].map((corner) => CELL[corner].map((part, k) => part + cell[k]));
    const key = `${a}|${b}`;
    if (!numbers.has(key)) {
      const [low, high] = [value(...a), value(...b)], share = (threshold - low) / (high - low);
      const between = (p, q) => p.map((part, k) => part + share * (q[k] - part));
      numbers.set(key, add(between(a, b), between(slope(a), slope(b))));
    }
    return numbers.get(key);
  };
  for (let x = -1; x < N; x++) for (let y = -1; y < N; y++) for (let z = -1; z < N; z++) {
    let filled = 0;
    for (let corner = 0; corner < 8; corner++) {
      filled |= (value(x + (corner & 1), y + (corner >> 1 & 1), z + (corner >> 2)) > threshold) << corner;
    }
    for (const loop of LOOPS[filled]) {
      fillRing(mesh, loop.map((edge) => cut([x, y, z], edge)), loop, add);
    }
  }
  return mesh;
}

// Fills a ring with triangles. One of more than three corners that lie on a side of the cell gets a
// corner in its middle, since the neighbouring cell could have the same line across that side.
function fillRing(mesh, ring, loop, add) {
  if (ring.length === 3) {
    mesh.faces.push(ring);
  } else if (ring.length === 4 && !sameSide(loop[0], loop[2])) {
    mesh.faces.push([ring[0], ring[1], ring[2]], [ring[0], ring[2], ring[3]]);
  } else {
    const mean = (list) => [0, 1, 2].map((k) =>
      ring.reduce((sum, corner) => sum + list[corner][k], 0) / ring.length);
    const middle = add(mean(mesh.places).map((part) => part - 0.5 + N / 2), mean(mesh.normals));
    ring.forEach((corner, k) => mesh.faces.push([middle, corner, ring[(k + 1) % ring.length]]));
  }
}

function sameSide(first, second) {
  const corners = [first >> 3, first & 7, second >> 3, second & 7].map((k) => CELL[k]);
  return [0, 1, 2].some((axis) => corners.every((corner) => corner[axis] === corners[0][axis]));
}

// Returns six numbers a corner, as a pane shows them: the light falls by the direction of the surface.
function litCorners({ places, faces, normals }, colour) {
  const numbers = new Float32Array(faces.length * 18);
  let at = 0;
  for (const corner of faces.flat()) {
    const light = normals[corner].reduce((sum, part, axis) => sum + part * part * LOOK.light[axis], 0);
    numbers.set(places[corner], at);
    numbers.set(colour.map((part) => part * light / 255), at + 3);
    at += 6;
  }
  return numbers;
}
