//===- Side.cpp - one side of a comparison ---------------------------------------------===//
#include "Side.h"
#include "dpuopt/Compare/Meaning.h"
#include "dpuopt/Compare/TensorStats.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>

using namespace dpuopt;

/// All tensors of a run are kept: more bytes than this are not.
constexpr size_t MostBytes = size_t(6) << 30;

Result<Side> Side::open(llvm::StringRef path, const OnnxImportOptions &onnx, DiagEngine &diags) {
  if (!llvm::sys::fs::is_directory(path)) {
    auto model = RunModel::open(path, onnx, diags);
    if (!model)
      return failure();
    readFixPoints(model->graph);
    return of(std::move(*model));
  }
  auto files = listTensorFolder(path, diags);
  if (!files)
    return failure();
  Side side;
  side.path = path.str();
  side.files = std::move(*files);
  for (const TensorFile &f : side.files) // shapes are checked when the file is read as something
    side.list.push_back({f.name, Type::unranked(f.type ? f.type->elemType() : ElemType()), nullptr, false, false});
  side.tensors.resize(side.list.size());
  return side;
}

Side Side::of(RunModel model) {
  Side side;
  side.path = model.path;
  side.model = std::move(model);
  side.list = comparableTensors(*side.model->graph);
  side.tensors.resize(side.list.size());
  return side;
}

std::string Side::describe() const {
  llvm::StringRef shown = llvm::StringRef(path).rtrim('/');
  const char *on = backend.backend == Backend::Vart ? "VART, " : backend.backend == Backend::Board ? "board, " : "";
  return fmt::format("{} ({}{})", llvm::sys::path::filename(shown).str(), on,
                     model ? model->form() : fmt::format("folder of {} tensors", files.size()));
}

bool Side::rounds() const {
  return llvm::any_of(list, [](const TensorEntry &e) { return e.type.isFix(); });
}

TensorEntry Side::described(size_t i) const {
  TensorEntry e = list[i];
  if (!model && files[i].type)
    e.type = *files[i].type;
  return e;
}

std::optional<bool> dpuopt::layoutMove(const Side &from, const Side &to) {
  const bool differ = from.isModel() && to.isModel() && from.model->channelsLast != to.model->channelsLast;
  return differ ? std::optional(to.model->channelsLast) : std::nullopt;
}

/// A tensor as its entry says it is: numbers that are exactly some fix point's as its integers.
static Tensor asEntry(const Tensor &t, const TensorEntry &e) {
  if (e.type.isFix() && t.elemType().isFloat())
    return storedIntegers(t, e.type.elemType());
  return Tensor(t.type(), Blob::copy(t.expanded().storage().bytes())); // watched tensors are gone soon
}

Status Side::run(llvm::ArrayRef<Tensor> given, DiagEngine &diags) {
  diags.setFile(path);
  inputs.assign(given.begin(), given.end());
  llvm::DenseMap<const Value *, size_t> index;
  for (size_t i = 0; i < list.size(); ++i)
    index[list[i].value] = i;
  size_t bytes = 0;
  auto keep = [&](const Value &v, const Tensor &t) {
    auto it = index.find(&v);
    if (it == index.end() || t.elemType().byteSize() == 0 || bytes > MostBytes)
      return;
    tensors[it->second] = asEntry(t, list[it->second]);
    bytes += static_cast<size_t>(tensors[it->second]->type().numBytes());
  };
  ExecOptions options = exec;
  options.watcher = keep;
  auto executor = createExecutor(*model, backend, options, diags);
  auto results = executor ? (*executor)->run(given) : failure();
  if (!results)
    return failure();
  std::vector<Value *> feeds = graphFeeds(*model->graph);
  for (size_t i = 0; i < feeds.size(); ++i)
    keep(*feeds[i], given[i]);
  for (size_t i = 0; i < results->size(); ++i)
    keep(*model->graph->outputs()[i], (*results)[i]);
  if (bytes > MostBytes)
    return diags.error(fmt::format("its tensors take more than {} GB, which is more than is compared", MostBytes >> 30))
        .file(path)
        .rule("compare.size");
  return success();
}

Result<Tensor> Side::readFile(size_t i, const TensorEntry &wanted, DiagEngine &diags) const {
  const TensorFile &f = files[i];
  if (f.type && !wanted.value)
    return readTensorFile(f, f.name, *f.type, diags);
  if (wanted.type.isStatic())
    return readTensorFile(f, wanted.name, wanted.type, diags);
  if (llvm::StringRef(f.path).endswith(".npy"))
    return readNpyFile(f.path, diags);
  auto bytes = Blob::mapFile(f.path, diags); // integers of one byte, whatever they stand for
  if (!bytes)
    return failure();
  const int64_t size = static_cast<int64_t>(bytes->size());
  if (llvm::StringRef(f.path).endswith(".f32") && size % 4 == 0)
    return Tensor(Type(ElemKind::F32, {size / 4}), std::move(*bytes));
  return Tensor(Type(ElemType::fix(8, 0), {size}), std::move(*bytes));
}

Result<const Tensor *> Side::tensor(size_t i, const TensorEntry &wanted, DiagEngine &diags) {
  if (!model && !tensors[i]) {
    auto read = readFile(i, wanted, diags);
    if (!read)
      return failure();
    tensors[i] = std::move(*read);
  }
  return tensors[i] ? &*tensors[i] : nullptr;
}

Result<std::optional<Tensor>> Side::fileForInput(const Value &feed, const InputWanted &wanted, DiagEngine &diags) {
  std::vector<TensorEntry> names = {{feed.name(), wanted.type, nullptr, true, false}};
  for (const Use &u : feed.uses())
    if (u.user->is("xir.fix"))
      names.push_back({u.user->result()->name(), wanted.type, nullptr, true, false});
  auto pairs = matchTensors(names, list);
  if (pairs.empty())
    return std::optional<Tensor>();
  // The stored integers, if the folder has both.
  const TensorPair &best = pairs.back();
  auto read = readTensorFile(files[best.b], names[best.a].name, wanted.type, diags);
  return read ? Result<std::optional<Tensor>>(std::move(*read)) : failure();
}

Result<std::vector<Tensor>> dpuopt::inputsLike(const Side &from, llvm::ArrayRef<Tensor> given, const Side &to,
                                               DiagEngine &diags) {
  auto entries = [](const Side &s) {
    std::vector<TensorEntry> list;
    for (const InputWanted &w : s.model->inputs)
      list.push_back({w.name, w.type, nullptr, true, false});
    return list;
  };
  std::vector<TensorEntry> mine = entries(to), theirs = entries(from);
  auto pairs = matchTensors(mine, theirs);
  if (pairs.size() != mine.size())
    return diags
        .error(fmt::format("the models' inputs do not fit: {} takes {}; {} takes {}", to.path,
                           to.model->inputs.empty() ? "none" : to.model->inputs[0].str(), from.path,
                           from.model->inputs.empty() ? "none" : from.model->inputs[0].str()))
        .rule("compare.input");
  std::vector<Tensor> out(mine.size());
  for (const TensorPair &p : pairs) {
    const Tensor &t = given[p.b];
    out[p.a] = *alignedTo(t, mine[p.a].type.shape(), layoutMove(from, to));
    if (out[p.a].elemType().isFix() && out[p.a].elemType() != mine[p.a].type.elemType())
      out[p.a] = out[p.a].toFloat();
  }
  return out;
}
