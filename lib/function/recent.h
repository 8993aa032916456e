// A short list of what was made for keys, the last used first.
#pragma once
#include <algorithm>
#include <cstddef>
#include <list>
#include <utility>

namespace keen::detail {

/// Keeps the `most` entries that were used last. Not for several threads at once.
template <class Key, class Made, std::size_t most>
class Recent {
 public:
  /// What was made for the key, or null; from now on the last used.
  const Made* find(const Key& key) {
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const auto& e) { return e.first == key; });
    if (found == entries_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found);
    return &entries_.front().second;
  }
  /// For a key that is not there.
  void add(Key key, Made made) {
    entries_.emplace_front(std::move(key), std::move(made));
    if (entries_.size() > most) entries_.pop_back();
  }
  bool empty() const noexcept { return entries_.empty(); }
  auto begin() const noexcept { return entries_.begin(); }
  auto end() const noexcept { return entries_.end(); }

 private:
  std::list<std::pair<Key, Made>> entries_;
};

}  // namespace keen::detail
