// Generators: shared streams of random numbers, and the process's own.
#include "random/generator.h"

#include <algorithm>
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

Draw draw_of(const Op& op, Attributes attributes) {
  if (!op.random || attributes.empty()) return {};
  const auto* stream = std::get_if<std::shared_ptr<void>>(&attributes.back());
  if (!stream || !*stream) return {};
  DType type = DType::float32;
  const Shape* shape = nullptr;
  for (const auto& attribute : attributes) {
    if (const auto* found = std::get_if<DType>(&attribute)) type = *found;
    if (const auto* found = std::get_if<Shape>(&attribute)) shape = found;
  }
  Draw draw{std::static_pointer_cast<GeneratorState>(*stream), {}};
  if (!shape || shape->is_known()) draw.blocks = blocks_for(op, type, shape ? shape->num_elements() : 0);
  return draw;
}

void GeneratorState::restart(std::uint64_t new_seed, std::uint64_t new_position) {
  const std::lock_guard lock(mutex);
  taken_ahead.clear();
  has_taken_ahead = false;
  seed = new_seed;
  position = new_position;
}

namespace {

/// The first place from `position` on where `blocks` are free.
std::uint64_t free_place(const GeneratorState& state, std::uint64_t position, std::uint64_t blocks) {
  for (const auto& [begin, end] : state.taken_ahead)  // in order
    if (begin < position + std::max(blocks, std::uint64_t{1}) && position < end) position = end;
  return position;
}

}  // namespace

std::uint64_t reserve_around(GeneratorState& state, std::uint64_t blocks) {
  const std::lock_guard lock(state.mutex);
  const std::uint64_t place = free_place(state, state.position, blocks), end = free_place(state, place + blocks, 0);
  state.position = end;
  std::erase_if(state.taken_ahead, [&](const auto& stretch) { return stretch.end <= end; });
  state.has_taken_ahead = !state.taken_ahead.empty();
  return place;
}

std::uint64_t reserve_behind(GeneratorState& state, std::uint64_t before, std::uint64_t blocks) {
  const std::lock_guard lock(state.mutex);
  std::uint64_t begin = state.position;
  for (const auto& stretch : state.taken_ahead) {
    if (stretch.begin - begin > before) break;
    before -= stretch.begin - begin;
    begin = stretch.end;
  }
  begin += before;
  const auto next = std::find_if(
      state.taken_ahead.begin(), state.taken_ahead.end(), [&](const auto& stretch) { return stretch.begin > begin; });
  state.taken_ahead.insert(next, {begin, begin + blocks});
  state.has_taken_ahead = true;
  return begin;
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
void Generator::set_position(std::uint64_t position) { state_->restart(state_->seed, position); }

Generator default_generator() { return detail::process_generator(); }

void set_seed(std::uint64_t seed) { detail::process_generator().state()->restart(seed, 0); }

}  // namespace keen
