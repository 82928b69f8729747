//===- InputSource.cpp - what a model is fed with ---------------------------------------===//
#include "dpuopt/Data/InputSource.h"
#include "Image.h"
#include "InputFiles.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::data;

//===----------------------------------------------------------------------===//
// Layouts

static bool hasChannels(llvm::ArrayRef<int64_t> shape) { return shape.size() >= 3 && shape.size() <= 5; }

Shape dpuopt::shapeWithChannels(llvm::ArrayRef<int64_t> shape, bool last) {
  Shape out(shape.begin(), shape.end());
  if (hasChannels(shape))
    last ? std::rotate(out.begin() + 1, out.begin() + 2, out.end())
         : std::rotate(out.begin() + 1, out.end() - 1, out.end());
  return out;
}

Tensor dpuopt::withChannels(const Tensor &t, bool last) {
  if (!hasChannels(t.shape()))
    return t;
  llvm::SmallVector<unsigned, 5> order;
  for (unsigned i = 0; i < t.shape().size(); ++i)
    order.push_back(i);
  last ? std::rotate(order.begin() + 1, order.begin() + 2, order.end())
       : std::rotate(order.begin() + 1, order.end() - 1, order.end());
  return t.transposed(order);
}

std::string InputWanted::str() const {
  std::string layout;
  if (hasChannels(type.shape()))
    layout = channelsLast ? " (N...C)" : " (NC...)";
  if (type.shape().size() == 4)
    layout = channelsLast ? " (NHWC)" : " (NCHW)";
  return fmt::format("input '{}': {}{} of {}", name, shapeStr(type.shape()), layout, type.elemType().str());
}

//===----------------------------------------------------------------------===//
// Sources

namespace {

/// Images and data sets: NCHW from lib/Data, in the model's layout.
class PreparedData : public DataSource {
public:
  PreparedData(std::unique_ptr<DataSource> inner, bool channelsLast)
      : inner(std::move(inner)), channelsLast(channelsLast) {}
  size_t size() const override { return inner->size(); }
  Result<Sample> load(size_t i, DiagEngine &diags) override {
    auto sample = inner->load(i, diags);
    if (sample && channelsLast)
      sample->input = withChannels(sample->input, true);
    return sample;
  }

private:
  std::unique_ptr<DataSource> inner;
  bool channelsLast;
};

/// Numbers out of nothing.
class Generated : public DataSource {
public:
  Generated(const Type &type, std::optional<uint64_t> seed) : type(type), seed(seed) {}
  size_t size() const override { return 1; }
  Result<Sample> load(size_t, DiagEngine &) override {
    Sample sample;
    sample.name = seed ? fmt::format("random:{}", *seed) : "zeros";
    sample.input = Tensor::zeros(type);
    if (seed)
      fill(sample.input);
    return sample;
  }

private:
  /// splitmix64.
  uint64_t next() {
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// Stored integers of the whole range, numbers in [-1, 1), other integers 0 to 3 (an index of nearly everything).
  void fill(Tensor &t) {
    state = *seed;
    const ElemType e = t.elemType();
    const int shift = e.isFix() ? 64 - e.bits : 62;
    auto all = [&](auto elements, auto make) {
      for (auto &x : elements)
        x = static_cast<std::remove_reference_t<decltype(x)>>(make(next()));
    };
    auto integer = [&](uint64_t bits) {
      return e.isFix() && e.isSigned ? static_cast<int64_t>(bits) >> shift : static_cast<int64_t>(bits >> shift);
    };
    if (e.kind == ElemKind::F32)
      all(t.mut<float>(), [](uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-52 - 1; });
    else if (e.byteSize() == 1)
      all(t.mut<uint8_t>(), integer);
    else if (e.byteSize() == 2)
      all(t.mut<uint16_t>(), integer);
    else if (e.byteSize() == 4)
      all(t.mut<uint32_t>(), integer);
    else
      all(t.mut<uint64_t>(), integer);
  }

  Type type;
  std::optional<uint64_t> seed;
  uint64_t state = 0;
};

/// One source after the other.
class Sequence : public DataSource {
public:
  explicit Sequence(std::vector<std::unique_ptr<DataSource>> parts) : parts(std::move(parts)) {}
  size_t size() const override {
    size_t total = 0;
    for (const auto &part : parts)
      total += part->size();
    return total;
  }
  Result<Sample> load(size_t i, DiagEngine &diags) override {
    auto part = parts.begin();
    for (; i >= (*part)->size(); ++part)
      i -= (*part)->size();
    return (*part)->load(i, diags);
  }

private:
  std::vector<std::unique_ptr<DataSource>> parts;
};

} // namespace

//===----------------------------------------------------------------------===//
// Opening

/// Options of the spec, and of `defaults` where it is silent about pixels.
static DataOptions merged(DataOptions o, const DataOptions &defaults) {
  const bool silent = o.mean.empty() && o.scale.empty() && o.divide == 0;
  if (silent)
    o.mean = defaults.mean, o.scale = defaults.scale, o.divide = defaults.divide;
  if (defaults.bgr && !o.rgb)
    o.bgr = true;
  if (silent && defaults.bgr && !o.bgr) { // the defaults are in BGR order
    std::reverse(o.mean.begin(), o.mean.end());
    std::reverse(o.scale.begin(), o.scale.end());
  }
  return o;
}

static Result<std::unique_ptr<DataSource>> openGenerated(llvm::StringRef spec, const InputWanted &wanted,
                                                         DiagEngine &diags) {
  if (spec == "zeros")
    return std::unique_ptr<DataSource>(new Generated(wanted.type, std::nullopt));
  uint64_t seed = 1;
  if (spec.consume_front("random:") && spec.getAsInteger(10, seed))
    return diags.error(fmt::format("random takes a number, as in random:7, not '{}'", spec.str())).rule("data.spec");
  return std::unique_ptr<DataSource>(new Generated(wanted.type, seed));
}

/// A folder with tensor files in it: each, sorted by name.
static Result<std::unique_ptr<DataSource>> openFiles(llvm::StringRef folder, const InputWanted &wanted,
                                                     const DataOptions &options, const DataOptions &prepared,
                                                     DiagEngine &diags) {
  std::vector<std::string> paths;
  std::error_code ec;
  for (llvm::sys::fs::directory_iterator it(folder, ec), end; it != end && !ec; it.increment(ec))
    if (isTensorFile(it->path()))
      paths.push_back(it->path());
  llvm::sort(paths);
  std::vector<std::unique_ptr<DataSource>> parts;
  for (const std::string &path : paths) {
    auto part = openInputFile(path, wanted, options, prepared, diags);
    if (!part)
      return failure();
    parts.push_back(std::move(*part));
  }
  return std::unique_ptr<DataSource>(new Sequence(std::move(parts)));
}

static bool holdsTensorFiles(llvm::StringRef folder) {
  std::error_code ec;
  for (llvm::sys::fs::directory_iterator it(folder, ec), end; it != end && !ec; it.increment(ec))
    if (isTensorFile(it->path()))
      return true;
  return false;
}

static Result<std::unique_ptr<DataSource>> openOne(llvm::StringRef spec, const InputWanted &wanted,
                                                   const DataOptions &defaults, DiagEngine &diags) {
  if (wanted.type.numElements() <= 0 || wanted.type.elemType().byteSize() == 0)
    return diags.error(wanted.str() + ": the shape is not known").rule("data.source");
  if (spec == "zeros" || spec == "random" || spec.startswith("random:"))
    return openGenerated(spec, wanted, diags);
  auto parsed = parseDataSpec(spec, diags);
  if (!parsed)
    return failure();
  const DataOptions prepared = merged(parsed->options, defaults);
  if (isTensorFile(parsed->source))
    return openInputFile(parsed->source, wanted, parsed->options, prepared, diags);
  if (llvm::sys::fs::is_directory(parsed->source) && holdsTensorFiles(parsed->source))
    return openFiles(parsed->source, wanted, parsed->options, prepared, diags);
  const bool isFile = llvm::sys::fs::exists(parsed->source) && !llvm::sys::fs::is_directory(parsed->source);
  if (isFile && !isImageName(parsed->source))
    return diags
        .error("cannot tell what this file holds: the name must end in .png, .jpg, .jpeg, .npy, .i8, .u8, .i16, .f32 "
               "or .bin")
        .file(parsed->source)
        .rule("data.source");
  return openPrepared({parsed->source, prepared}, wanted, diags);
}

Result<std::unique_ptr<DataSource>> dpuopt::openInput(llvm::ArrayRef<std::string> specs, const InputWanted &wanted,
                                                      const DataOptions &defaults, DiagEngine &diags) {
  std::vector<std::unique_ptr<DataSource>> parts;
  for (const std::string &spec : specs) {
    auto part = openOne(spec, wanted, defaults, diags);
    if (!part)
      return failure();
    parts.push_back(std::move(*part));
  }
  return parts.size() == 1 ? std::move(parts[0]) : std::unique_ptr<DataSource>(new Sequence(std::move(parts)));
}

Result<std::unique_ptr<DataSource>> data::openPrepared(DataSpec spec, const InputWanted &wanted, DiagEngine &diags) {
  const bool move = wanted.channelsLast && hasChannels(wanted.type.shape());
  Shape shape = move ? shapeWithChannels(wanted.type.shape(), false) : copyOf(wanted.type.shape());
  auto inner = openDataSource(std::move(spec), shape, diags);
  if (!inner)
    return failure();
  return std::unique_ptr<DataSource>(new PreparedData(std::move(*inner), move));
}
