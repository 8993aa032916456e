// Random tensors from counter-based generators (Philox 4x32-10): the same seed gives the same numbers on every device.
#pragma once
#include <memory>

#include "keen/creation.h"

namespace keen {

namespace detail {
struct GeneratorState;
}

/// A stream of random numbers: a 64-bit seed and a position. Copies share the position. Philox 4x32-10 of Salmon et
/// al., "Parallel random numbers: as easy as 1, 2, 3" (2011).
class Generator {
 public:
  explicit Generator(std::uint64_t seed);
  std::uint64_t seed() const;
  /// Counter blocks (of four 32-bit words) drawn so far; setting it goes back or ahead.
  std::uint64_t position() const;
  void set_position(std::uint64_t position);
  const std::shared_ptr<detail::GeneratorState>& state() const noexcept { return state_; }

 private:
  std::shared_ptr<detail::GeneratorState> state_;
};

/// The process's generator, which draws use unless told otherwise.
Generator default_generator();
/// Restarts the process's generator.
void set_seed(std::uint64_t seed);

/// Options of a draw: those of a creator, and where the numbers come from. `seed` makes the draw independent of all
/// others; without seed and generator the process's generator serves, and both at once are a UsageError. (The structs
/// repeat these fields because only a struct's own can be designated: `{.mean = 1, .seed = 7}`.)
struct RandomOptions {
  std::optional<DType> dtype = {};
  std::optional<Device> device = {};
  std::string name = {};
  std::optional<std::uint64_t> seed = {};
  std::optional<Generator> generator = {};
};
struct NormalOptions {
  double mean = 0, stddev = 1;
  std::optional<DType> dtype = {};
  std::optional<Device> device = {};
  std::string name = {};
  std::optional<std::uint64_t> seed = {};
  std::optional<Generator> generator = {};
};
struct UniformOptions {
  double low = 0, high = 1;
  std::optional<DType> dtype = {};
  std::optional<Device> device = {};
  std::string name = {};
  std::optional<std::uint64_t> seed = {};
  std::optional<Generator> generator = {};
};

namespace random {

// Sizes that are negative or overflow are a ShapeError, dtypes that cannot be drawn a DTypeError; parameters that are not
// finite in the dtype, a negative stddev, low above high, and no integer in [low, high) are a UsageError.

/// Normal numbers (Box-Muller), float32 or float64.
Tensor normal(const Shape& shape, const NormalOptions& options = {}, Where where = Where::current());
/// Normal numbers within two standard deviations (by inversion), float32 or float64.
Tensor truncated_normal(const Shape& shape, const NormalOptions& options = {}, Where where = Where::current());
/// Uniform in [low, high), float32 or float64.
Tensor uniform(const Shape& shape, const UniformOptions& options = {}, Where where = Where::current());
/// `normal(3)` is `normal({3})`.
template <detail::AxisSize T>
Tensor normal(T size, const NormalOptions& options = {}, Where where = Where::current()) {
  return normal(Shape{size}, options, where);
}
template <detail::AxisSize T>
Tensor truncated_normal(T size, const NormalOptions& options = {}, Where where = Where::current()) {
  return truncated_normal(Shape{size}, options, where);
}
template <detail::AxisSize T>
Tensor uniform(T size, const UniformOptions& options = {}, Where where = Where::current()) {
  return uniform(Shape{size}, options, where);
}
/// Integers in [low, high); int64 unless options say.
Tensor integers(
    std::int64_t low, std::int64_t high, const Shape& shape, const RandomOptions& options = {},
    Where where = Where::current());
template <detail::AxisSize T>
Tensor integers(
    std::int64_t low, std::int64_t high, T size, const RandomOptions& options = {}, Where where = Where::current()) {
  return integers(low, high, Shape{size}, options, where);
}
/// 0 … n-1 in random order; int64 (n,).
Tensor permutation(detail::Dim n, const RandomOptions& options = {}, Where where = Where::current());
}  // namespace random

}  // namespace keen
