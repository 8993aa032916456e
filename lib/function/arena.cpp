#include "function/arena.h"

#include <iterator>

namespace keen::detail {

std::int64_t ArenaPlan::allocate(std::int64_t bytes) {
  bytes = rounded(bytes);
  if (bytes == 0) return 0;
  const auto fit = by_size_.lower_bound({bytes, 0});
  if (fit == by_size_.end()) {
    // The block grows; a free piece at its end grows with it.
    std::int64_t offset = size_;
    if (!free_.empty()) {
      const auto last = std::prev(free_.end());
      if (last->first + last->second == size_) {
        offset = last->first;
        remove(last);
      }
    }
    size_ = offset + bytes;
    return offset;
  }
  const std::int64_t offset = fit->second, left = fit->first - bytes;
  remove(free_.find(offset));
  if (left > 0) add(offset + bytes, left);
  return offset;
}

void ArenaPlan::release(std::int64_t offset, std::int64_t bytes) {
  bytes = rounded(bytes);
  if (bytes == 0) return;
  auto next = free_.lower_bound(offset);
  if (next != free_.end() && next->first == offset + bytes) {
    bytes += next->second;
    const auto gone = next++;
    remove(gone);
  }
  if (next != free_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == offset) {
      offset = before->first;
      bytes += before->second;
      remove(before);
    }
  }
  add(offset, bytes);
}

void ArenaPlan::add(std::int64_t offset, std::int64_t bytes) {
  free_.emplace(offset, bytes);
  by_size_.emplace(bytes, offset);
}

void ArenaPlan::remove(std::map<std::int64_t, std::int64_t>::iterator place) {
  by_size_.erase({place->second, place->first});
  free_.erase(place);
}

}  // namespace keen::detail
