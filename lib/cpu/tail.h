// What follows a product or a convolution, run on each part of the result as soon as that part is there: from the caches.
#pragma once
#include <cstdint>

namespace keen::detail::cpu {

/// Columns of neighbouring rows of a result, whose leading axes count as one.
struct Part {
  std::int64_t row, rows;
  std::int64_t column, columns;
};

/// How a tail can be cut.
struct Cuts {
  std::int64_t rows = 0;  // parts begin and end at multiples of as many; 0 where there are no parts
  bool columns = false;   // a part may be some columns of its rows
};

/// Work that waits for the kernel which runs next on this thread. A kernel that takes it calls `run` once for each part of
/// its result, from any thread; work that no kernel took is left to whoever made it wait.
class Tail {
 public:
  explicit Tail(Cuts cuts) noexcept;
  Tail(const Tail&) = delete;
  Tail& operator=(const Tail&) = delete;

  virtual void run(const Part& part) const = 0;
  bool is_taken() const noexcept { return taken_; }

  /// For a kernel that cuts its result of `elements` like this, in `parts`. Null where nothing waits, or nothing that can be
  /// cut so, and where one part would take much along to its one thread.
  static const Tail* take(Cuts cuts, std::int64_t parts, std::int64_t elements) noexcept;

 protected:
  ~Tail();

 private:
  const Cuts cuts_;
  bool taken_ = false;
  Tail* const outer_;
};

}  // namespace keen::detail::cpu
