//===- InputFiles.cpp - inputs from files of numbers ------------------------------------===//
#include "InputFiles.h"
#include "Image.h"
#include "Npy.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace dpuopt::data {
namespace {

/// Samples of one file, all of one type, in the file's layout.
class FileSource : public DataSource {
public:
  FileSource(Tensor all, size_t count, std::string path, const InputWanted &wanted, bool fileChannelsLast)
      : all(std::move(all)), count(count), path(std::move(path)), wanted(wanted), channelsLast(fileChannelsLast) {}
  size_t size() const override { return count; }
  Result<Sample> load(size_t i, DiagEngine &diags) override;

private:
  Status checkNumbers(const Tensor &t, DiagEngine &diags) const;

  Tensor all;
  size_t count;
  std::string path;
  InputWanted wanted;
  bool channelsLast;
};

/// NaN and infinity mean nothing to a model; stored integers must be in the range of their bits.
Status FileSource::checkNumbers(const Tensor &t, DiagEngine &diags) const {
  const ElemType e = t.elemType();
  auto bad = [&](int64_t i, const char *what) {
    return std::move(diags.error(fmt::format("{}; the file has {} at index {}", wanted.str(), what, i))
                         .file(path)
                         .rule("data.number"));
  };
  if (e.kind == ElemKind::F32) {
    llvm::ArrayRef<float> x = t.as<float>();
    for (size_t i = 0; i < x.size(); ++i)
      if (!std::isfinite(x[i]))
        return bad(static_cast<int64_t>(i), std::isnan(x[i]) ? "NaN" : "infinity");
  }
  if (e.isFix() && e.bits % 8 != 0) {
    const int64_t high = int64_t(1) << (e.bits - e.isSigned), low = e.isSigned ? -high : 0;
    for (int64_t i = 0; i < t.numElements(); ++i)
      if (int64_t q = t.intAt(i); q < low || q >= high)
        return bad(i, fmt::format("{}", q).c_str());
  }
  return success();
}

Result<Sample> FileSource::load(size_t i, DiagEngine &diags) {
  Shape shape = channelsLast == wanted.channelsLast ? copyOf(wanted.type.shape())
                                                    : shapeWithChannels(wanted.type.shape(), channelsLast);
  Type type(all.elemType(), shape);
  const size_t bytes = static_cast<size_t>(type.numBytes());
  Sample sample;
  sample.name = count == 1 ? path : fmt::format("{}[{}]", path, i);
  sample.input = Tensor(type, all.storage().slice(i * bytes, bytes));
  if (sample.input.elemType().isFloat())
    sample.input = sample.input.toFloat();
  if (failed(checkNumbers(sample.input, diags)))
    return failure();
  if (channelsLast != wanted.channelsLast)
    sample.input = withChannels(sample.input, wanted.channelsLast);
  return sample;
}

/// Numbers of a file, normalized like an image's.
class Normalized : public DataSource {
public:
  Normalized(std::unique_ptr<DataSource> inner, bool channelsLast, const DataOptions &options)
      : inner(std::move(inner)), channelsLast(channelsLast), options(options) {}
  size_t size() const override { return inner->size(); }
  Result<Sample> load(size_t i, DiagEngine &diags) override {
    auto sample = inner->load(i, diags);
    if (!sample)
      return failure();
    Tensor t = sample->input.toFloat();
    t = channelsLast ? withChannels(t, false) : t;
    llvm::ArrayRef<int64_t> shape = t.shape();
    const size_t batch = shape.size() > 1 ? static_cast<size_t>(shape[0]) : 1,
                 all = static_cast<size_t>(t.numElements());
    const size_t channels = shape.size() > 2 ? static_cast<size_t>(shape[1]) : 1, plane = all / batch / channels;
    llvm::MutableArrayRef<float> x = t.mut<float>();
    for (size_t b = 0; b < batch; ++b) {
      auto image = x.slice(b * channels * plane, channels * plane);
      for (size_t c = 0; options.bgr && c < channels / 2; ++c)
        std::swap_ranges(image.begin() + c * plane, image.begin() + (c + 1) * plane,
                         image.begin() + (channels - 1 - c) * plane);
      normalize(image, static_cast<int64_t>(plane), options, 1);
    }
    sample->input = channelsLast ? withChannels(t, true) : t;
    return sample;
  }

private:
  std::unique_ptr<DataSource> inner;
  bool channelsLast;
  DataOptions options;
};

/// Opens one file: its numbers, their meaning, their layout.
class Opener {
public:
  Opener(llvm::StringRef path, const InputWanted &wanted, const DataOptions &options, DiagEngine &diags)
      : path(path), wanted(wanted), options(options), diags(diags), each(wanted.type.numElements()) {}
  Result<Tensor> read() const;
  Result<std::unique_ptr<DataSource>> open(const Tensor &given) const;

private:
  DiagBuilder error(const std::string &found) const {
    return std::move(diags.error(wanted.str() + "; " + found).file(path.str()).rule("data.input"));
  }
  Result<ElemType> rawElem(size_t bytes) const;
  Result<ElemType> meaning(ElemType found) const;
  std::optional<bool> layoutOf(llvm::ArrayRef<int64_t> shape) const;
  /// The fix type of stored integers, or none.
  std::optional<ElemType> fixType() const {
    if (options.fix)
      return ElemType::fix(8, *options.fix);
    return wanted.type.isFix() ? std::optional(wanted.type.elemType()) : std::nullopt;
  }

  llvm::StringRef path;
  const InputWanted &wanted;
  const DataOptions &options;
  DiagEngine &diags;
  int64_t each;
};

/// What the numbers of a raw file are.
Result<ElemType> Opener::rawElem(size_t bytes) const {
  const size_t n = static_cast<size_t>(each);
  if (path.endswith(".f32"))
    return ElemType(ElemKind::F32);
  if (path.endswith(".i16"))
    return ElemType(ElemKind::I16);
  if (path.endswith(".u8"))
    return ElemType(ElemKind::U8);
  if (path.endswith(".i8"))
    return ElemType(ElemKind::I8);
  if (options.dtype != ElemKind::F32)
    return ElemType(options.dtype);
  auto fix = fixType();
  if (fix && bytes == n * fix->byteSize())
    return *fix;
  if (bytes == n * sizeof(float))
    return ElemType(wanted.type.elemType().isInteger() ? wanted.type.elemType() : ElemType(ElemKind::F32));
  std::string stored = fix ? fmt::format("{} bytes of integers or ", n * fix->byteSize()) : "";
  return error(fmt::format("that is {}{} bytes of f32, the file has {}", stored, n * sizeof(float), bytes));
}

Result<Tensor> Opener::read() const {
  if (path.endswith(".npy"))
    return readNpy(path, diags);
  auto bytes = Blob::mapFile(path, diags);
  auto elem = bytes ? rawElem(bytes->size()) : failure();
  if (!elem)
    return failure();
  const size_t sample = static_cast<size_t>(each) * elem->byteSize();
  if (bytes->empty() || bytes->size() % sample)
    return error(fmt::format("that is {} bytes of {}, the file has {}", sample, elem->str(), bytes->size()));
  Shape shape = copyOf(wanted.type.shape());
  if (bytes->size() != sample)
    shape.insert(shape.begin(), static_cast<int64_t>(bytes->size() / sample));
  if (options.nchw != options.nhwc) {
    Shape item = shapeWithChannels(wanted.type.shape(), options.nhwc);
    if (wanted.channelsLast != options.nhwc)
      std::copy(item.begin(), item.end(), shape.end() - static_cast<ptrdiff_t>(item.size()));
  }
  return Tensor(Type(*elem, shape), std::move(*bytes));
}

/// Integers of the stored width are stored integers; others are numbers.
Result<ElemType> Opener::meaning(ElemType found) const {
  const ElemType takes = wanted.type.elemType();
  auto fix = fixType();
  if (found.isFix() || found.isFloat())
    return takes.isInteger() ? Result<ElemType>(error("the file has numbers of " + found.str())) : found;
  if (takes.isInteger() || !found.isInteger())
    return found;
  const bool isSigned = found.kind == ElemKind::I8 || found.kind == ElemKind::I16;
  if (fix && fix->byteSize() == found.byteSize() && fix->isSigned == isSigned)
    return *fix;
  if (found.kind == ElemKind::I8 || path.endswith(".i16"))
    return std::move(error(fmt::format("the file has stored integers of {}", found.str()))
                         .note("say what they stand for: the option fix=POINT"));
  return found;
}

/// Are the channels last in an array of this shape? None: it does not fit.
std::optional<bool> Opener::layoutOf(llvm::ArrayRef<int64_t> shape) const {
  auto fits = [&](llvm::ArrayRef<int64_t> sample) {
    llvm::ArrayRef<int64_t> item = sample.empty() ? sample : sample.drop_front();
    const bool isBatch = !sample.empty() && shape.size() == sample.size() && shape.drop_front() == item &&
                         shape[0] > 0 && shape[0] % sample[0] == 0;
    const bool isMany = !shape.empty() && shape[0] > 0 && shape.drop_front() == sample;
    return shape == sample || isBatch || isMany || (!sample.empty() && sample[0] == 1 && shape == item);
  };
  auto takes = wanted.type.shape();
  const bool own = options.nchw != options.nhwc ? options.nhwc : wanted.channelsLast;
  for (bool last : {own, !own}) {
    if (options.nchw != options.nhwc && last != own)
      break;
    if (fits(last == wanted.channelsLast ? copyOf(takes) : shapeWithChannels(takes, last)))
      return last;
  }
  // Dimensions of one more or less: 10 or 1x10x1x1.
  auto wide = [](llvm::ArrayRef<int64_t> s) {
    Shape out;
    llvm::copy_if(s, std::back_inserter(out), [](int64_t d) { return d != 1; });
    return out;
  };
  return wide(shape) == wide(takes) ? std::optional(wanted.channelsLast) : std::nullopt;
}

Result<std::unique_ptr<DataSource>> Opener::open(const Tensor &given) const {
  auto elem = meaning(given.elemType());
  if (!elem)
    return failure();
  auto last = layoutOf(given.shape());
  if (!last)
    return error(fmt::format("the file has {} of {}", given.shape().empty() ? "a scalar" : shapeStr(given.shape()),
                             given.elemType().str()));
  Tensor all = given.elemType() == *elem ? given : given.bitcast(*elem);
  if (!elem->isFix() && !elem->isFloat() && !wanted.type.elemType().isInteger())
    all = all.toFloat(); // u8 pixels, i32 numbers
  size_t count = static_cast<size_t>(given.numElements() / each);
  if (options.skip >= count)
    return error(fmt::format("the file has {} samples, all are skipped", count));
  const size_t bytes = static_cast<size_t>(each) * all.elemType().byteSize();
  Type rest(all.elemType(), Shape{static_cast<int64_t>(count - options.skip), each});
  all = Tensor(rest, all.storage().slice(options.skip * bytes, (count - options.skip) * bytes));
  count -= options.skip;
  if (options.count)
    count = std::min(count, options.count);
  return std::unique_ptr<DataSource>(new FileSource(std::move(all), count, path.str(), wanted, *last));
}

} // namespace

bool isTensorFile(llvm::StringRef path) {
  return llvm::any_of(llvm::ArrayRef<const char *>{".i8", ".u8", ".i16", ".f32", ".bin", ".npy"},
                      [&](const char *ending) { return path.endswith(ending); });
}

Result<std::unique_ptr<DataSource>> openInputFile(llvm::StringRef path, const InputWanted &wanted,
                                                  const DataOptions &options, const DataOptions &prepared,
                                                  DiagEngine &diags) {
  Opener opener(path, wanted, options, diags);
  auto given = opener.read();
  if (!given)
    return failure();
  auto source = opener.open(*given);
  if (!source)
    return failure();
  // Pixels are normalized like an image's, if somebody said how.
  const bool own = !options.mean.empty() || !options.scale.empty() || options.divide != 0 || options.bgr;
  const bool pixels = given->elemType().kind == ElemKind::U8 && !wanted.type.elemType().isInteger();
  if (!own && !pixels)
    return source;
  return std::unique_ptr<DataSource>(new Normalized(std::move(*source), wanted.channelsLast, prepared));
}

} // namespace dpuopt::data
