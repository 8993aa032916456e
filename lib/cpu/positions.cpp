// Checks integer indices of every dtype.
#include "cpu/positions.h"

#include "core/message.h"
#include "core/parallel.h"
#include "core/visit.h"

namespace keen::detail::cpu {
namespace {

/// Adds `size` to negative indices; true when all end up in [0, size). Unsigned 64-bit numbers above the signed range
/// become negative here: they count as out of range.
template <class T>
bool normalise(std::int64_t* to, const T* from, std::int64_t n, std::int64_t size, bool from_end) {
  const std::int64_t shift = from_end && std::is_signed_v<T> ? size : 0;
  bool good = true;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto given = static_cast<std::int64_t>(from[i]);
    const std::int64_t at = given < 0 ? given + shift : given;
    to[i] = at;
    good &= static_cast<std::uint64_t>(at) < static_cast<std::uint64_t>(size);
  }
  return good;
}

}  // namespace

Positions::Positions(const TensorImpl& indices, std::int64_t size, bool from_end)
    : given_(indices),
      dtype_(indices.dtype),
      size_(size),
      scratch_(static_cast<std::size_t>(indices.size) * sizeof(std::int64_t)) {
  visit_integer(dtype_, [&]<class T>(T) {
    const T* from = given_.as<T>();
    auto* to = scratch_.as<std::int64_t>();
    parallel_for(indices.size, elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
      if (normalise(to + begin, from + begin, end - begin, size, from_end)) return;
      for (; begin < end; ++begin)  // the marker of a bad index
        if (static_cast<std::uint64_t>(to[begin]) >= static_cast<std::uint64_t>(size)) to[begin] = -1;
    });
    for (std::int64_t i = 0; i < indices.size; ++i)
      if (to[i] < 0) {
        bad_ = i;
        return;
      }
  });
}

std::string Positions::bad_value() const {
  return visit_integer(dtype_, [&]<class T>(T) { return std::to_string(given_.as<T>()[bad_]); });
}

void Positions::check(const char* operation, int axis) const {
  if (bad_ >= 0)
    fail<IndexError>(operation, "index ", bad_value(), " is out of range for axis ", axis, " of size ", size_);
}

}  // namespace keen::detail::cpu
