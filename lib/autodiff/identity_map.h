// IdentityMap: from tensor identities to node numbers, as the tape asks for it with every operation.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace keen::detail {

/// An open-addressing hash table. Identities come mostly in sequence, so eight neighbours share a place in memory, and
/// the places are scattered. A slot belongs to the table while it carries the table's generation, so that clearing costs
/// nothing however large the table is.
class IdentityMap {
 public:
  static constexpr std::int32_t absent = -1;

  std::int32_t find(std::uint64_t id) const noexcept {
    if (slots_.empty()) return absent;
    for (std::size_t i = home(id);; i = (i + 1) & mask_) {
      if (slots_[i].generation != generation_) return absent;
      if (slots_[i].id == id) return slots_[i].node;
    }
  }

  void set(std::uint64_t id, std::int32_t node) {
    if (2 * (count_ + 1) > slots_.size()) grow();
    std::size_t i = home(id);
    while (slots_[i].generation == generation_ && slots_[i].id != id) i = (i + 1) & mask_;
    count_ += slots_[i].generation != generation_;
    slots_[i] = {id, node, generation_};
  }

  /// Keeps its memory.
  void clear() noexcept {
    count_ = 0;
    if (++generation_ != 0) return;
    std::fill(slots_.begin(), slots_.end(), Slot{});
    generation_ = 1;
  }

 private:
  struct Slot {
    std::uint64_t id = 0;
    std::int32_t node = absent;
    std::uint32_t generation = 0;
  };

  std::size_t home(std::uint64_t id) const noexcept {
    std::uint64_t group = (id >> 3) * 0x9E3779B97F4A7C15u;  // 2^64 / golden ratio (Knuth, TAOCP 3, 6.4)
    return ((group >> shift_) << 3 | (id & 7)) & mask_;
  }

  void grow() {
    std::vector<Slot> old = std::move(slots_);
    std::size_t size = old.empty() ? 64 : 2 * old.size();
    slots_.assign(size, {});
    mask_ = size - 1;
    shift_ = 64 - (std::bit_width(size) - 1 - 3);
    count_ = 0;
    for (const Slot& s : old)
      if (s.generation == generation_) set(s.id, s.node);
  }

  std::vector<Slot> slots_;
  std::size_t mask_ = 0, count_ = 0;
  int shift_ = 0;
  std::uint32_t generation_ = 1;
};

}  // namespace keen::detail
