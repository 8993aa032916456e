// Places in one block for values that live for a while: those that never live together may share bytes.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <utility>

namespace keen::detail {

/// Gives out offsets as values are born, in order, and takes them back as they die.
class ArenaPlan {
 public:
  /// Room for `bytes` from now on; offsets are multiples of 64.
  std::int64_t allocate(std::int64_t bytes);
  void release(std::int64_t offset, std::int64_t bytes);
  /// What the block must hold.
  std::int64_t size() const noexcept { return size_; }

 private:
  static std::int64_t rounded(std::int64_t bytes) { return (bytes + 63) / 64 * 64; }
  void add(std::int64_t offset, std::int64_t bytes);
  void remove(std::map<std::int64_t, std::int64_t>::iterator place);

  std::map<std::int64_t, std::int64_t> free_;                // offset to bytes
  std::set<std::pair<std::int64_t, std::int64_t>> by_size_;  // bytes and offset
  std::int64_t size_ = 0;
};

}  // namespace keen::detail
