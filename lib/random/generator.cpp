// Generators: shared streams of random numbers, and the process's own.
#include "random/generator.h"

#include <random>

#include "cpu/kernels.h"
#include "keen/random.h"

namespace keen {
namespace detail {

std::uint64_t blocks_for(const Op& op, DType dtype, std::int64_t n) noexcept {
  const auto count = static_cast<std::uint64_t>(n);
  if (op.cpu == cpu::random_integers || op.cpu == cpu::random_permutation) return count;
  const std::uint64_t in_block = 16 / size_of(dtype);
  return (count + in_block - 1) / in_block;
}

namespace {

/// Lives until the process ends: threads may still draw while static objects go.
const Generator& process_generator() {
  static const Generator& generator = []() -> const Generator& {
    std::random_device entropy;
    return *new Generator(std::uint64_t{entropy()} << 32 | entropy());
  }();
  return generator;
}

}  // namespace
}  // namespace detail

Generator::Generator(std::uint64_t seed) : state_(std::make_shared<detail::GeneratorState>(seed)) {}
std::uint64_t Generator::seed() const { return state_->seed; }
std::uint64_t Generator::position() const { return state_->position; }
void Generator::set_position(std::uint64_t position) { state_->position = position; }

Generator default_generator() { return detail::process_generator(); }

void set_seed(std::uint64_t seed) {
  detail::GeneratorState& state = *detail::process_generator().state();
  state.seed = seed;
  state.position = 0;
}

}  // namespace keen
