// Runs the network beside the page, so that the page answers while it works. One thread alone: more
// would need headers that a static host does not send.
import * as ort from "./ort.wasm.js";

const bytes = async (name) => {
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${answer.statusText}`);
  return answer.arrayBuffer();
};

async function load() {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await bytes("ort.wasm");
  return ort.InferenceSession.create(await bytes("net.onnx"));
}

const session = load();
session.then(() => postMessage({ ready: true }), (error) => postMessage({ fault: String(error.message || error) }));

// Messages are { number, views, count, size }: float32 views of that many pictures, one after another.
addEventListener("message", async ({ data: { number, views, count, size } }) => {
  try {
    const start = performance.now();
    const input = new ort.Tensor("float32", views, [1, count, 3, size, size]);
    const { occupancy } = await (await session).run({ views: input });
    postMessage({ number, occupancy: occupancy.data, seconds: (performance.now() - start) / 1000 });
  } catch (error) {
    postMessage({ number, fault: String(error.message || error) });
  }
});
