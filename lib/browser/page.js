// ---- the page ----------------------------------------------------------------------------------

const OWN = "reconstruction";  // what is made of a user's own pictures
const find = (name) => document.querySelector(`[data-role="${name}"]`);
const state = {
  pictures: [],          // { name, view, cut }, in order
  faults: [],            // sentences about files that are no pictures
  used: 0,               // the first so many of them are shown to the network
  results: new Map(),    // by number of views: probabilities (x, y, z), seconds
  asked: new Map(),      // by number of the question: how it is answered
  threshold: data.threshold,
  surface: "smooth",
  name: OWN,
  fit: 1,
  ...START,
};
const pane = (() => {
  const canvas = document.querySelector("#made canvas");
  canvas.width = canvas.height = Math.round(640 * Math.min(window.devicePixelRatio || 1, 2));
  return document.createElement("canvas").getContext("webgl") && new Pane(canvas);
})();

// ---- the network -------------------------------------------------------------------------------

const worker = new Worker("worker.js", { type: "module" });
let questions = 0;
worker.addEventListener("message", ({ data: answer }) => {
  if (answer.ready) {
    page.dataset.network = "ready";
    if (!state.pictures.length) say("");
  } else if (answer.number === undefined) {
    complain(`The network cannot be loaded (${answer.fault}); load this page again.`);
  } else {
    const { resolve, reject } = state.asked.get(answer.number);
    state.asked.delete(answer.number);
    if (answer.fault) reject(new Error(answer.fault));
    else resolve(answer);
  }
});
worker.addEventListener("error", () => complain(location.protocol === "file:"
  ? "A browser runs no network from a file: put this folder on a web server, or run python3 -m http.server in it."
  : "This browser cannot run the network; take a newer one."));

function ask(pictures) {
  const plane = 3 * data.image ** 2, views = new Float32Array(pictures.length * plane);
  pictures.forEach(({ view }, k) => views.set(view, k * plane));
  return new Promise((resolve, reject) => {
    state.asked.set(++questions, { resolve, reject });
    worker.postMessage({ number: questions, views, count: pictures.length, size: data.image });
  });
}

// ---- what is said ------------------------------------------------------------------------------

function say(text) { find("state").textContent = text; }

function complain(text) {
  find("fault").textContent = text;
  find("fault").hidden = !text;
}

const plural = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

// ---- pictures ----------------------------------------------------------------------------------

// Adds files to the pictures of the same object, one lot after another.
let taken = Promise.resolve();
function take(files, name = OWN) {
  taken = taken.then(() => look(files, name));
  return taken;
}

async function look(files, name) {
  say("looking at the pictures …");
  const found = name === OWN && state.name === OWN ? [...state.pictures] : [];
  [state.name, state.faults] = [name, []];
  for (const file of files) {
    try {
      let pixels;
      try {
        pixels = await pixelsOf(file);
      } catch {
        throw new Error("cannot be read by this browser: save it as JPEG or PNG");
      }
      found.push({ name: file.name, ...viewOf(pixels, data.image) });
    } catch (error) {
      state.faults.push(`${file.name} ${error.message}.`);
    }
  }
  await show(found);
}

async function show(pictures) {
  state.pictures = pictures;
  state.results = new Map();
  drawSeen();
  await use(pictures.length);
}

function drawSeen() {
  find("seen").replaceChildren(...state.pictures.map((picture, k) => {
    const figure = document.createElement("figure"), canvas = document.createElement("canvas");
    canvas.width = canvas.height = data.image;
    const pixels = new ImageData(data.image, data.image), plane = data.image ** 2;
    for (let at = 0; at < plane; at++) {
      const bands = [0, 1, 2].map((band) => picture.view[band * plane + at] * 255);
      pixels.data.set([...bands, 255], 4 * at);
    }
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    const caption = document.createElement("figcaption"), remove = document.createElement("button");
    caption.textContent = `${picture.name}: ${picture.cut}`;
    Object.assign(remove, { textContent: "×", title: `remove ${picture.name}` });
    remove.setAttribute("aria-label", remove.title);
    remove.addEventListener("click", () => show(state.pictures.filter((_, place) => place !== k)));
    figure.append(canvas, remove, caption);
    return figure;
  }));
  const whole = state.pictures.filter(({ cut }) => cut === "not cut out").map(({ name }) => name);
  complain([...state.faults, ...(whole.length ? [`The object cannot be told from the background in ${
    whole.join(", ")}; the network sees the picture's middle as it is.`] : [])].join(" "));
}

// ---- results -----------------------------------------------------------------------------------

async function use(count) {
  state.used = count;
  drawChoices();
  const results = state.results;
  if (count && !results.has(count)) {
    const waiting = page.dataset.network === "ready" ? "working …" : `loading the network (${data.megabytes} MB) …`;
    say(waiting);
    try {
      results.set(count, await ask(state.pictures.slice(0, count)));
    } catch (error) {
      complain(`The network failed (${error.message}); load this page again.`);
      return;
    }
  }
  // Others may have been chosen in the meantime.
  if (results === state.results && count === state.used) load();
}

function occupancy() { return state.results.get(state.used)?.occupancy; }

function grid() {
  const threshold = Math.fround(state.threshold);  // as a probability equal to it would be
  return Uint8Array.from(occupancy(), (chance) => (chance > threshold ? 1 : 0));
}

function mesh() { return state.surface === "smooth" ? smoothOf(occupancy(), state.threshold) : blocksOf(grid()); }

function load() {
  const made = document.getElementById("made"), first = made.hidden;
  made.hidden = !occupancy();
  drawChoices();
  if (!occupancy()) {
    say("");
    return;
  }
  const kinds = grid(), filled = count(kinds, Boolean), seconds = state.results.get(state.used).seconds;
  state.fit = fittingZoom(kinds);
  say(`${plural(state.used, "view")}, ${seconds.toFixed(2)} s`);
  const most = greatest(occupancy()).toFixed(3);
  find("filled").textContent = filled
    ? `${plural(filled, "voxel")} of ${kinds.length}.`
    : `Nothing is: the most likely voxel has ${most}. Lower the threshold or take other pictures.`;
  document.querySelectorAll("[data-mesh]").forEach((button) => { button.disabled = !filled; });
  if (pane) {
    if (filled && state.surface === "smooth") pane.show(litCorners(mesh(), LOOK.prediction));
    else pane.load(kinds, [LOOK.prediction]);
  }
  draw();
  if (first) made.scrollIntoView({ behavior: "smooth", block: "nearest" });
  page.dataset.results = String(Number(page.dataset.results || 0) + 1);
}

function draw() {
  pane?.draw(rotation(state.yaw, state.pitch), state.zoom * state.fit);
}

function drawChoices() {
  find("views").replaceChildren(...state.pictures.map((_, k) => {
    const button = document.createElement("button");
    button.textContent = String(k + 1);
    button.title = `the first ${plural(k + 1, "view")}`;
    button.setAttribute("aria-pressed", String(k + 1 === state.used));
    button.addEventListener("click", () => use(k + 1));
    return button;
  }));
  [...find("seen").children].forEach((figure, k) => figure.classList.toggle("used", k < state.used));
  document.querySelectorAll("[data-surface]").forEach((button) =>
    button.setAttribute("aria-pressed", String(button.dataset.surface === state.surface)));
  find("threshold").value = String(state.threshold);
  find("level").textContent = state.threshold.toFixed(2);
}

// ---- controls ----------------------------------------------------------------------------------

find("files").addEventListener("change", async (event) => {
  const files = [...event.target.files];
  event.target.value = "";  // so that the same file may be chosen again
  await take(files);
});
addEventListener("paste", (event) => {
  const files = [...event.clipboardData.files];
  if (files.length) take(files);
});
for (const [kind, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  addEventListener(kind, (event) => {
    event.preventDefault();
    document.body.classList.toggle("dropping", over);
    if (kind === "drop" && event.dataTransfer.files.length) take([...event.dataTransfer.files]);
  });
}
async function example(number) {
  const { name, files } = data.examples[number];
  const blobs = await Promise.all(files.map(async (file) => {
    const content = await (await fetch(file)).blob();
    return new File([content], file.split("/").pop());
  }));
  await take(blobs, name);
}
document.querySelectorAll("[data-example]").forEach((button) =>
  button.addEventListener("click", () => example(Number(button.dataset.example))));
document.querySelectorAll("[data-surface]").forEach((button) =>
  button.addEventListener("click", () => {
    state.surface = button.dataset.surface;
    load();
  }));
let due = 0;  // one drawing a frame, however fast the slider moves
find("threshold").addEventListener("input", (event) => {
  state.threshold = Number(event.target.value);
  cancelAnimationFrame(due);
  due = requestAnimationFrame(load);
});
find("reset").addEventListener("click", () => {
  Object.assign(state, START);
  draw();
});
document.querySelectorAll("[data-mesh]").forEach((button) =>
  button.addEventListener("click", () => saveMesh(mesh(), state.name, button.dataset.mesh)));
find("still").hidden = Boolean(pane);
document.querySelector("#made figure").hidden = !pane;
makeTurnable([document.querySelector("#made canvas")], state, draw);

say(`loading the network (${data.megabytes} MB) …`);
const wanted = new URLSearchParams(location.hash.slice(1)).get("example");
if (data.examples[wanted]) example(wanted);
page.dataset.ready = "true";
