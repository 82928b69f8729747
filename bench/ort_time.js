// ONNX Runtime's half of exec_vs_ort.py; the same talk as exec_time.cpp:
// node ort_time.js MODEL THREADS, counts on standard input, milliseconds out.
const ort = require('onnxruntime-node');
const readline = require('readline');

function filled(metadata) {
  const shape = metadata.shape.map((d) => (typeof d === 'number' && d > 0 ? d : 1));
  const length = shape.reduce((a, b) => a * b, 1);
  return new ort.Tensor('float32', Float32Array.from({ length }, (_, i) => Math.sin(i)), shape);
}

(async () => {
  const session = await ort.InferenceSession.create(process.argv[2], {
    intraOpNumThreads: Number(process.argv[3]),
    interOpNumThreads: 1,
  });
  const feeds = {};
  for (const input of session.inputMetadata) feeds[input.name] = filled(input);
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const times = [];
    for (let i = 0; i < Number(line); ++i) {
      const start = process.hrtime.bigint();
      await session.run(feeds);
      times.push((Number(process.hrtime.bigint() - start) / 1e6).toFixed(3));
    }
    console.log(times.join(' '));
  }
  console.log(Math.round(process.resourceUsage().maxRSS / 1024));
})();
