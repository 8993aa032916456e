// IdentityMap: from tensor identities to node numbers, as the tape asks for it with every operation.
#pragma once
#include <bit>
#include <cstdint>
#include <vector>

namespace keen::detail {

/// An open-addressing hash table. Identities come mostly in sequence, so eight neighbours share a place in memory, and
/// the places are scattered.
class IdentityMap {
 public:
  static constexpr std::int32_t absent = -1;

  std::int32_t find(std::uint64_t id) const noexcept {
    if (slots_.empty()) return absent;
    for (std::size_t i = home(id);; i = (i + 1) & mask_) {
      if (slots_[i].id == id) return slots_[i].node;
      if (slots_[i].id == 0) return absent;
    }
  }

  void set(std::uint64_t id, std::int32_t node) {
    if (2 * (count_ + 1) > slots_.size()) grow();
    std::size_t i = home(id);
    while (slots_[i].id != id && slots_[i].id != 0) i = (i + 1) & mask_;
    count_ += slots_[i].id == 0;
    slots_[i] = {id, node};
  }

  void clear() noexcept {
    slots_.clear();
    count_ = 0;
  }

 private:
  struct Slot {
    std::uint64_t id = 0;  // 0 is no identity
    std::int32_t node = absent;
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
    for (auto& s : old)
      if (s.id) set(s.id, s.node);
  }

  std::vector<Slot> slots_;
  std::size_t mask_ = 0, count_ = 0;
  int shift_ = 0;
};

}  // namespace keen::detail
