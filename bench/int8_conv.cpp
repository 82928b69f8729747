//===- int8_conv.cpp - convolutions against the machine's peak and against oneDNN -----------===//
//
// A row is the best of its iterations, in 10^9 multiply-adds a second, and as a share of
// what multiplications alone reach with everything in registers (`peak`), measured again
// beside every row: another program on the core's other half would halve both.
// Names: ours/ISA/LAYER/THREADS, onednn-s32/LAYER (u8 x s8, bare sums), onednn-s8/LAYER (with its own scaling).
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Kernels/Conv.h"
#include <benchmark/benchmark.h>
#include <chrono>
#include <fmt/format.h>
#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>
#include <random>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace dpuopt::kernels;
using dnnl::memory;

template <typename Work> static double secondsOf(const Work &work) {
  auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

//===----------------------------------------------------------------------===//
// Peak
//===----------------------------------------------------------------------===//

static constexpr int PeakSteps = 2000, Chains = 12;
#if defined(__x86_64__)
// No instruction waits for the one before: each of 12 registers is added to in turn.
#define DPUOPT_PEAK(name, isa, Reg, code, ...)                                                                         \
  __attribute__((target(isa), noinline)) static void name() {                                                          \
    Reg a[Chains] = {}, x = {}, y = {};                                                                                \
    for (int step = 0; step < PeakSteps; ++step)                                                                       \
      _Pragma("GCC unroll 12") for (int i = 0; i < Chains;                                                             \
                                    ++i) asm volatile(code : "+v"(a[i]) : "v"(x), "v"(y)__VA_ARGS__);                  \
  }
DPUOPT_PEAK(peak512, "avx512f,avx512vnni", __m512i, "vpdpbusd %2, %1, %0", )
DPUOPT_PEAK(peakAvxVnni, "avx2", __m256i, "%{vex%} vpdpbusd %2, %1, %0", )
DPUOPT_PEAK(peakEvex, "avx2", __m256i, "%{evex%} vpdpbusd %2, %1, %0", )
DPUOPT_PEAK(peakAvx2, "avx2", __m256i, "vpmaddwd %2, %1, %%ymm15\n vpaddd %%ymm15, %0, %0", : "xmm15")
#endif

/// 10^9 multiply-adds a second of one core, now.
static double peakOf(Isa isa) {
  double best = 0;
#if defined(__x86_64__)
  void (*narrow)() = __builtin_cpu_supports("avx512vnni") ? peakEvex : peakAvxVnni;
  void (*run)() = isa == Isa::Avx512Vnni ? peak512 : isa == Isa::AvxVnni ? narrow : peakAvx2;
  int each = isa == Isa::Avx512Vnni ? 64 : isa == Isa::AvxVnni ? 32 : 16;
  if (isa != Isa::Portable)
    for (int i = 0; i < 4; ++i)
      best = std::max(best, double(PeakSteps) * Chains * each / secondsOf(run) / 1e9);
#endif
  return best;
}

/// Cycles a second, now: additions that wait for each other.
static double clockOf() {
  constexpr int Steps = 100000;
  double seconds = 1;
#if defined(__x86_64__)
  for (int i = 0; i < 4; ++i)
    seconds = std::min(seconds, secondsOf([] {
                         long x = 0;
                         for (int step = 0; step < Steps; ++step)
                           asm volatile("add $1, %0\n add $1, %0\n add $1, %0\n add $1, %0" : "+r"(x));
                       }));
#endif
  return 4 * Steps / seconds;
}

static void peak(benchmark::State &state, Isa isa) {
  double best = 0, clock = 0;
  for (auto _ : state)
    best = std::max(best, peakOf(isa)), clock = std::max(clock, clockOf());
  state.counters["GMAC/s"] = best;
  state.counters["GHz"] = clock / 1e9;
  state.counters["MAC/cycle"] = best * 1e9 / clock;
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

struct Layer {
  const char *kind;
  int64_t size, inC, outC, kernel, stride;
  bool depthwise = false;

  std::string name() const {
    return fmt::format("{}/{}x{}/s{}/{}to{}/{}", kind, kernel, kernel, stride, inC, outC, size);
  }
  int64_t outSize() const { return (size + stride - 1) / stride; }
  double work() const {
    return double(outSize() * outSize()) * double(outC * (depthwise ? 1 : inC)) * double(kernel * kernel);
  }
  ConvGeometry geometry() const {
    ConvGeometry g;
    g.inH = g.inW = size, g.inC = inC, g.outH = g.outW = outSize(), g.outC = outC;
    g.kernelH = g.kernelW = kernel, g.strideH = g.strideW = stride;
    g.padTop = g.padLeft = kernel / 2, g.depthwise = depthwise;
    return g;
  }
};

static const Layer Layers[] = {
    {"conv", 56, 64, 64, 3, 1},          {"conv", 28, 128, 128, 3, 1},        {"conv", 14, 256, 256, 3, 1},
    {"conv", 7, 512, 512, 3, 1},         {"conv", 28, 256, 256, 3, 2},        {"conv", 112, 32, 64, 3, 1},
    {"first", 224, 3, 32, 3, 2},         {"first", 224, 3, 64, 7, 2},         {"point", 112, 32, 16, 1, 1},
    {"point", 112, 16, 96, 1, 1},        {"point", 56, 96, 24, 1, 1},         {"point", 56, 24, 144, 1, 1},
    {"point", 28, 144, 32, 1, 1},        {"point", 28, 32, 192, 1, 1},        {"point", 14, 192, 64, 1, 1},
    {"point", 14, 64, 384, 1, 1},        {"point", 14, 384, 64, 1, 1},        {"point", 14, 576, 96, 1, 1},
    {"point", 7, 576, 160, 1, 1},        {"point", 7, 160, 960, 1, 1},        {"point", 7, 960, 160, 1, 1},
    {"point", 7, 960, 320, 1, 1},        {"point", 7, 320, 1280, 1, 1},       {"point", 56, 256, 64, 1, 1},
    {"point", 56, 64, 256, 1, 1},        {"point", 28, 512, 128, 1, 1},       {"point", 14, 1024, 256, 1, 1},
    {"point", 7, 2048, 512, 1, 1},       {"point", 56, 256, 512, 1, 2},       {"dense", 1, 2048, 1000, 1, 1},
    {"depth", 112, 32, 32, 3, 1, true},  {"depth", 112, 96, 96, 3, 2, true},  {"depth", 56, 144, 144, 3, 1, true},
    {"depth", 28, 192, 192, 3, 1, true}, {"depth", 14, 384, 384, 3, 1, true}, {"depth", 14, 576, 576, 3, 2, true},
    {"depth", 7, 960, 960, 3, 1, true},  {"depth", 28, 240, 240, 5, 1, true},
};

static std::vector<int8_t> randomBytes(int64_t n) {
  std::mt19937 random(1);
  std::vector<int8_t> v(static_cast<size_t>(n));
  for (int8_t &b : v)
    b = int8_t(random());
  return v;
}

/// Runs and times `work` beside the peak.
template <typename Work>
static void report(benchmark::State &state, const Layer &layer, Isa isa, unsigned threads, const Work &work) {
  double best = 1e9, peak = 0;
  int i = 0;
  for (auto _ : state) {
    double seconds = secondsOf(work);
    state.SetIterationTime(seconds);
    best = std::min(best, seconds);
    if (i++ % 16 == 0)
      peak = std::max(peak, peakOf(isa));
  }
  double rate = layer.work() / best / 1e9;
  state.counters["us"] = best * 1e6;
  state.counters["GMAC/s"] = rate;
  if (peak > 0)
    state.counters["%peak"] = 100 * rate / peak / threads;
}

static void ours(benchmark::State &state, const Layer &layer, Isa isa, unsigned threads) {
  ConvGeometry g = layer.geometry();
  auto weights = randomBytes(g.outC * g.kernelH * g.kernelW * (g.depthwise ? 1 : g.inC));
  auto in = randomBytes(g.inH * g.inW * g.inC);
  std::vector<int8_t> out(size_t(g.outH * g.outW * g.outC));
  Requant requant;
  requant.cut = 9, requant.bias.assign(size_t(g.outC), 1000), requant.activation = Requant::Activation::Relu;
  auto conv = Conv::create(g, weights.data(), requant, isa);
  Team team(threads);
  std::vector<uint8_t> scratch(conv->scratchBytes(threads) + 64);
  ConvBuffers b{in.data(), out.data(), 0, 0, scratch.data() + (64 - reinterpret_cast<uintptr_t>(scratch.data()) % 64)};
  report(state, layer, isa, threads, [&] { conv->run(b, team); });
}

//===----------------------------------------------------------------------===//
// oneDNN
//===----------------------------------------------------------------------===//

/// Layouts of its own choice for the weights; NHWC as xmodels have it for the images.
static void oneDnn(benchmark::State &state, const Layer &layer, bool requantised) {
  using Type = memory::data_type;
  using Tag = memory::format_tag;
  omp_set_num_threads(1);
  dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  ConvGeometry g = layer.geometry();
  memory::desc x({1, g.inC, g.inH, g.inW}, requantised ? Type::s8 : Type::u8, Tag::nhwc);
  memory::desc y({1, g.outC, g.outH, g.outW}, requantised ? Type::s8 : Type::s32, Tag::nhwc);
  memory::dims dims =
      g.depthwise ? memory::dims{g.inC, 1, 1, g.kernelH, g.kernelW} : memory::dims{g.outC, g.inC, g.kernelH, g.kernelW};
  memory::desc w(dims, Type::s8, Tag::any), bias({g.outC}, Type::s32, Tag::any);
  memory::dims strides{g.strideH, g.strideW}, before{g.padTop, g.padLeft},
      after{(g.outH - 1) * g.strideH + g.kernelH - g.inH - g.padTop,
            (g.outW - 1) * g.strideW + g.kernelW - g.inW - g.padLeft};
  dnnl::convolution_forward::desc desc(dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, x, w,
                                       bias, y, strides, before, after);
  dnnl::primitive_attr attributes;
  if (requantised) {
    dnnl::post_ops relu;
    relu.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0, 0);
    attributes.set_post_ops(relu);
    attributes.set_output_scales(0, {1.0f / 512});
  }
  dnnl::convolution_forward::primitive_desc pd(desc, attributes, engine);
  memory in(pd.src_desc(), engine), weights(pd.weights_desc(), engine), biases(pd.bias_desc(), engine),
      out(pd.dst_desc(), engine);
  for (memory *m : {&in, &weights, &biases, &out})
    std::memset(m->get_data_handle(), 3, m->get_desc().get_size());
  dnnl::convolution_forward conv(pd);
  report(state, layer, Isa::Avx512Vnni, 1, [&] {
    conv.execute(stream,
                 {{DNNL_ARG_SRC, in}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_BIAS, biases}, {DNNL_ARG_DST, out}});
    stream.wait();
  });
}

int main(int argc, char **argv) {
  auto add = [](const std::string &name, auto run) {
    benchmark::RegisterBenchmark(name.c_str(), run)->UseManualTime()->Unit(benchmark::kMicrosecond);
  };
  for (Isa isa : supportedIsas())
    if (isa != Isa::Portable)
      benchmark::RegisterBenchmark(("peak/" + isaName(isa).str()).c_str(), [isa](auto &s) { peak(s, isa); });
  for (const Layer &layer : Layers) {
    for (Isa isa : supportedIsas())
      for (unsigned threads : {1u, 2u})
        add(fmt::format("ours/{}/{}/{}", isaName(isa).str(), layer.name(), threads),
            [&layer, isa, threads](auto &s) { ours(s, layer, isa, threads); });
    add("onednn-s32/" + layer.name(), [&layer](auto &s) { oneDnn(s, layer, false); });
    add("onednn-s8/" + layer.name(), [&layer](auto &s) { oneDnn(s, layer, true); });
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
