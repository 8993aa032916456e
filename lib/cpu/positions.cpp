// Checks integer indices of every dtype.
#include "cpu/positions.h"

#include <cstring>

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

/// Are n numbers in [0, size)? A number x is when neither x nor size − 1 − x has the sign bit.
bool all_within(const std::int64_t* from, std::int64_t n, std::int64_t size) {
  typedef std::uint64_t Eight __attribute__((vector_size(64)));
  const auto limit = static_cast<std::uint64_t>(size) - 1;
  Eight signs = {};
  std::uint64_t sign = 0;
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    Eight x;
    std::memcpy(&x, from + i, sizeof x);
    signs |= x | (limit - x);
  }
  for (; i < n; ++i) sign |= static_cast<std::uint64_t>(from[i]) | (limit - static_cast<std::uint64_t>(from[i]));
  for (int lane = 0; lane < 8; ++lane) sign |= signs[lane];
  return static_cast<std::int64_t>(sign) >= 0;
}

}  // namespace

Positions::Positions(const TensorImpl& indices, std::int64_t size, bool from_end)
    : given_(indices), dtype_(indices.dtype), size_(size), places_(given_.as<std::int64_t>()) {
  if (dtype_ == DType::int64 && all_within(places_, indices.size, size)) return;
  scratch_.emplace(static_cast<std::size_t>(indices.size) * sizeof(std::int64_t));
  places_ = scratch_->as<std::int64_t>();
  visit_integer(dtype_, [&]<class T>(T) {
    const T* from = given_.as<T>();
    auto* to = scratch_->as<std::int64_t>();
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
