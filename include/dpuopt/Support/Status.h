//===- Status.h - success or failure, and a value or failure --------------===//
//
// A failing function has already told the user why (see Diagnostic.h); what it
// returns only says whether the caller may go on. Nothing here throws.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_SUPPORT_STATUS_H
#define DPUOPT_SUPPORT_STATUS_H

#include <cassert>
#include <optional>
#include <utility>

namespace dpuopt {

/// Success or failure of an operation that yields no value.
class [[nodiscard]] Status {
public:
  static Status success() { return Status(true); }
  static Status failure() { return Status(false); }
  bool succeeded() const { return ok; }
  bool failed() const { return !ok; }

private:
  explicit Status(bool ok) : ok(ok) {}
  bool ok;
};

inline Status success() { return Status::success(); }
inline Status failure() { return Status::failure(); }
inline bool failed(Status s) { return s.failed(); }
inline bool succeeded(Status s) { return s.succeeded(); }

/// A value, or failure. `return failure();` and `return value;` both work.
template <class T> class [[nodiscard]] Result {
public:
  Result(T value) : value(std::move(value)) {}
  Result(Status s) {
    assert(s.failed() && "a successful Result needs a value");
    (void)s;
  }
  explicit operator bool() const { return value.has_value(); }
  bool failed() const { return !value; }
  T &operator*() { return *value; }
  const T &operator*() const { return *value; }
  T *operator->() { return &*value; }
  const T *operator->() const { return &*value; }

private:
  std::optional<T> value;
};

template <class T> bool failed(const Result<T> &r) { return r.failed(); }

} // namespace dpuopt
#endif
