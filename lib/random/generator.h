// GeneratorState: what a Generator shares, and how many blocks a draw takes from it.
#pragma once
#include <atomic>
#include <cstdint>

#include "core/op.h"

namespace keen::detail {

/// A stream and how far it has been drawn. Draws from several threads get different stretches.
struct GeneratorState {
  explicit GeneratorState(std::uint64_t seed) : seed(seed) {}
  std::atomic<std::uint64_t> seed;
  std::atomic<std::uint64_t> position{0};
};

/// Takes the next `blocks` of a stream; returns the position of the first.
inline std::uint64_t reserve(GeneratorState& state, std::uint64_t blocks) noexcept {
  return state.position.fetch_add(blocks, std::memory_order_relaxed);
}

/// Gives back blocks that a draw which failed has taken, unless others were taken behind them.
inline void give_back(GeneratorState& state, std::uint64_t position, std::uint64_t blocks) noexcept {
  std::uint64_t end = position + blocks;
  state.position.compare_exchange_strong(end, position, std::memory_order_relaxed);
}

/// How many blocks a draw of n numbers takes: a block holds four float32 or two float64 numbers; an integer, and a step
/// of a permutation, takes a whole one.
std::uint64_t blocks_for(const Op& op, DType dtype, std::int64_t n) noexcept;

}  // namespace keen::detail
