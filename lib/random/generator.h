// GeneratorState: what a Generator shares, and how many blocks a draw takes from it.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "core/op.h"

namespace keen::detail {

/// A stream and how far it has been drawn. Draws from several threads get different stretches.
struct GeneratorState {
  explicit GeneratorState(std::uint64_t seed) : seed(seed) {}
  std::atomic<std::uint64_t> seed;
  std::atomic<std::uint64_t> position{0};

  /// Starts again.
  void restart(std::uint64_t new_seed, std::uint64_t new_position);

  // Stretches that lie ahead and were taken before what lies in front of them: by variables that a trace makes, while its
  // own draws wait for the first replay.
  struct Stretch {
    std::uint64_t begin, end;
  };
  std::atomic<bool> has_taken_ahead{false};
  std::mutex mutex;  // of those below
  std::vector<Stretch> taken_ahead;
};

std::uint64_t reserve_around(GeneratorState& state, std::uint64_t blocks);
/// Takes the next `blocks` of a stream; returns the position of the first.
inline std::uint64_t reserve(GeneratorState& state, std::uint64_t blocks) {
  if (state.has_taken_ahead.load(std::memory_order_acquire)) return reserve_around(state, blocks);
  return state.position.fetch_add(blocks, std::memory_order_relaxed);
}
/// Takes `blocks` of a stream as if `before` others had been taken; those still come first.
std::uint64_t reserve_behind(GeneratorState& state, std::uint64_t before, std::uint64_t blocks);

/// Gives back blocks that a draw which failed has taken, unless others were taken behind them.
inline void give_back(GeneratorState& state, std::uint64_t position, std::uint64_t blocks) noexcept {
  std::uint64_t end = position + blocks;
  state.position.compare_exchange_strong(end, position, std::memory_order_relaxed);
}

/// How many blocks a draw of n numbers takes: a block holds four float32 or two float64 numbers; an integer, and a step
/// of a permutation, takes a whole one.
std::uint64_t blocks_for(const Op& op, DType dtype, std::int64_t n) noexcept;

/// The shared stream that an operation draws from, and how much: no stream for a draw with a seed of its own and for
/// what draws nothing, no number for one whose size is open.
struct Draw {
  std::shared_ptr<GeneratorState> stream;
  std::optional<std::uint64_t> blocks;
};
Draw draw_of(const Op& op, Attributes attributes);

}  // namespace keen::detail
