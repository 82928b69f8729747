// Runs an ONNX model in ONNX Runtime: node run.js MODEL OUTPUT-PREFIX INPUT.f32...
// Inputs are raw f32 files in the model's input order; outputs go to PREFIX0.f32, ...
// Without inputs the model is only loaded. Graph optimizations are off: they fuse Q/DQ
// nodes into integer kernels that round elsewhere than the model says.
const ort = require("onnxruntime-node");
const fs = require("fs");

async function main(model, prefix, files) {
  const session = await ort.InferenceSession.create(model, {
    graphOptimizationLevel: "disabled",
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  console.log(`inputs ${session.inputNames.join(" ")}`);
  console.log(`outputs ${session.outputNames.join(" ")}`);
  if (!files.length) return;
  const feeds = {};
  session.inputNames.forEach((name, i) => {
    const [path, shape] = files[i].split("@");
    const bytes = fs.readFileSync(path);
    const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    feeds[name] = new ort.Tensor("float32", values, shape.split("x").map(Number));
  });
  const results = await session.run(feeds);
  session.outputNames.forEach((name, i) => {
    const data = results[name].data;
    fs.writeFileSync(`${prefix}${i}.f32`, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  });
}

main(process.argv[2], process.argv[3], process.argv.slice(4)).catch((e) => {
  console.error(String(e.message || e));
  process.exit(1);
});
