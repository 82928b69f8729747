//===- TensorFiles.h - tensors as files, and folders of them ----------------------===//
//
// What a run leaves behind: NAME.i8 (stored integers), NAME.f32 (numbers), or .npy, and
// an index.tsv that says what each file is. Folders that other tools wrote (a board's
// dump: files named after tensors, without an index) are read by file name. Knows no graph.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_DATA_TENSORFILES_H
#define DPUOPT_DATA_TENSORFILES_H

#include "dpuopt/IR/Tensor.h"
#include "dpuopt/Support/Diagnostic.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <optional>

namespace dpuopt {

/// `name` as a file name on any system: what is not a letter, a digit, '.', '-' or '_' becomes '_'; long ones are cut
/// and end in a hash of the whole.
std::string safeFileName(llvm::StringRef name);

/// Maps a .npy file; see lib/Data/Npy.h for what it may hold.
Result<Tensor> readNpyFile(llvm::StringRef path, DiagEngine &diags);

/// Raw: the bytes as they are stored, little endian. Npy: the same with NumPy's header.
enum class TensorFormat { Raw, Npy };
/// Writes `t` whole or not at all. A fix type is written as its stored integers.
Status writeTensorFile(llvm::StringRef path, const Tensor &t, TensorFormat format, DiagEngine &diags);

/// A tensor of a folder: what it is, and the file that holds it.
struct TensorFile {
  std::string name;
  std::optional<Type> type; ///< unknown without an index
  std::string path;
};

/// Writes a folder of tensors with its index. The folder is made when it is missing.
class TensorFolderWriter {
public:
  static Result<TensorFolderWriter> create(llvm::StringRef folder, TensorFormat format, DiagEngine &diags);
  /// Stored integers, or numbers; with `numbers`, a second file with what the integers stand for. Returns the names of
  /// the files in the folder.
  Result<std::vector<std::string>> add(llvm::StringRef name, const Tensor &t, bool numbers, DiagEngine &diags);
  /// Writes index.tsv; `title` is its first line.
  Status finish(llvm::StringRef title, DiagEngine &diags);

private:
  std::string folder, index;
  TensorFormat format = TensorFormat::Raw;
  llvm::StringSet<> taken;
};

/// The tensors of a folder: as its index.tsv says, else every .i8, .bin, .f32, .u8 and .npy file in it and in its
/// subfolders, named after the file. Errors: no such folder, nothing in it, an index that does not fit the files.
Result<std::vector<TensorFile>> listTensorFolder(llvm::StringRef folder, DiagEngine &diags);

/// Reads a file as a tensor of the wanted type, which may be f32 or a fix type: stored integers for a fix type if the
/// file has one byte per element (or is an integer .npy), numbers if it has four. Says what was expected and what came.
Result<Tensor> readTensorFile(const TensorFile &file, llvm::StringRef name, const Type &wanted, DiagEngine &diags);

} // namespace dpuopt
#endif
