// ---- the viewer --------------------------------------------------------------------------------

function startViewer(root) {
  const wish = new URLSearchParams(location.hash.slice(1));
  const state = { item: Number(wish.get("case") || 0), views: data.views.length - 1,
                  threshold: data.thresholds.indexOf(data.threshold), ...START, fit: 1 };
  if (!data.cases[state.item]) state.item = 0;
  for (const [name, known] of [["views", data.views], ["threshold", data.thresholds]]) {
    const place = known.indexOf(Number(wish.get(name)));
    if (place >= 0) state[name] = place;
  }

  const find = (name) => root.querySelector(`[data-role="${name}"]`);
  const canvases = [...root.querySelectorAll("canvas")];
  const pixels = Math.round(420 * Math.min(window.devicePixelRatio || 1, 2));
  for (const canvas of canvases) canvas.width = canvas.height = pixels;
  const able = Boolean(document.createElement("canvas").getContext("webgl"));
  const panes = able ? canvases.map((canvas) => new Pane(canvas)) : [];
  page.dataset.renderer = able ? "webgl" : "none";
  find("still").hidden = able;
  root.querySelector(".panes").hidden = !able;

  const grids = new Map();
  const grid = (text) => {
    if (!grids.has(text)) grids.set(text, unpack(text));
    return grids.get(text);
  };

  const prediction = () =>
    cut(grid(data.cases[state.item].predictions[state.views]), state.threshold);

  function draw() {
    const rows = rotation(state.yaw, state.pitch);
    for (const pane of panes) pane.draw(rows, state.zoom * state.fit);
    page.dataset.zoom = (state.zoom * state.fit).toFixed(5);
    page.dataset.yaw = state.yaw.toFixed(4);
    page.dataset.pitch = state.pitch.toFixed(4);
  }

  function load() {
    const truth = grid(data.cases[state.item].truth), predicted = prediction();
    const kinds = truth.map((value, k) => (value ? (predicted[k] ? 1 : 2) : (predicted[k] ? 3 : 0)));
    const score = compare(predicted, truth);
    state.fit = fittingZoom(kinds);
    const shown = [[truth, [LOOK.truth]], [predicted, [LOOK.prediction]],
                   [kinds, [LOOK.truth, LOOK.missed, LOOK.extra]]];
    panes.forEach((pane, k) => pane.load(...shown[k]));
    const saved = find("grid").value === "truth" ? truth : predicted;
    root.querySelectorAll("[data-mesh]").forEach((button) => { button.disabled = !saved.includes(1); });
    find("iou").textContent = score.iou.toFixed(4);
    find("counts").textContent =
      `${score.hit} agreed, ${score.extra} false, ${score.missed} missed`;
    find("level").textContent = data.thresholds[state.threshold].toFixed(2);
    find("object").value = String(state.item);
    find("threshold").value = String(state.threshold);
    root.querySelectorAll("[data-views]").forEach((button) =>
      button.setAttribute("aria-pressed", String(Number(button.dataset.views) === state.views)));
    showPictures();
    draw();
  }

  function showPictures() {
    const strip = find("pictures"), used = data.views[state.views];
    const sources = [...document.querySelectorAll(`[data-case="${state.item}"] [data-view]`)];
    strip.replaceChildren(...sources.map((source, k) => {
      const picture = source.cloneNode();
      picture.className = k < used ? "used" : "";
      return picture;
    }));
  }

  data.cases.forEach((item, k) => {
    const label = `${item.category}, ${item.rank} (IoU ${item.iou.toFixed(3)})`;
    find("object").add(new Option(label, String(k)));
  });
  function choose(name, value) {
    state[name] = Number(value);
    load();
  }
  find("object").addEventListener("change", (event) => choose("item", event.target.value));
  find("threshold").max = String(data.thresholds.length - 1);
  find("threshold").addEventListener("input", (event) => choose("threshold", event.target.value));
  root.querySelectorAll("[data-views]").forEach((button) =>
    button.addEventListener("click", () => choose("views", button.dataset.views)));
  find("reset").addEventListener("click", () => {
    Object.assign(state, START);
    draw();
  });
  root.querySelectorAll("[data-mesh]").forEach((button) =>
    button.addEventListener("click", () => {
      const { category, rank, truth } = data.cases[state.item], kind = find("grid").value;
      const mesh = blocksOf(kind === "truth" ? grid(truth) : prediction());
      saveMesh(mesh, `${category}_${rank}_${kind}`, button.dataset.mesh);
    }));
  find("grid").addEventListener("change", load);
  document.querySelectorAll("[data-show]").forEach((button) =>
    button.addEventListener("click", () => {
      choose("item", button.dataset.show);
      root.scrollIntoView();
    }));

  makeTurnable(canvases, state, draw);
  load();
  if (wish.has("case")) root.scrollIntoView({ behavior: "instant" });
}

const viewer = document.getElementById("viewer");
if (viewer && data.cases.length) startViewer(viewer);
page.dataset.ready = "true";
