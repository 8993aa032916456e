// Shuffle: draws each element from a buffer of the next ones.
#include <atomic>

#include "core/context.h"
#include "core/message.h"
#include "data/stream.h"
#include "keen/random.h"

namespace keen::detail {

namespace {

// SplitMix64 (Steele, Lea, Flood 2014): tiny, and every seed gives a good stream.
struct SplitMix {
  std::uint64_t state;
  std::uint64_t operator()() {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // Uniform below n by the high half of a product; the bias is below n / 2^64.
  std::size_t below(std::size_t n) {
    return static_cast<std::size_t>((static_cast<unsigned __int128>((*this)()) * n) >> 64);
  }
};

std::uint64_t draw_seed() {
  EagerScope outside_tapes_and_traces;
  return random::integers(0, INT64_MAX, {}, {.device = "cpu:0"}).item<std::uint64_t>();
}

class ShuffleStream final : public DataStream {
 public:
  ShuffleStream(std::unique_ptr<DataStream> from, std::size_t capacity, std::uint64_t seed)
      : from_(std::move(from)), capacity_(capacity), random_{seed} {}

  bool next(Item& item) override {
    for (Item incoming; !ended_ && buffer_.size() < capacity_; incoming = {}) {
      if (from_->next(incoming)) buffer_.push_back(std::move(incoming));
      else ended_ = true;
    }
    if (buffer_.empty()) return false;
    std::swap(buffer_[random_.below(buffer_.size())], buffer_.back());
    item = std::move(buffer_.back());
    buffer_.pop_back();
    return true;
  }

 private:
  const std::unique_ptr<DataStream> from_;
  const std::size_t capacity_;
  SplitMix random_;
  std::vector<Item> buffer_;
  bool ended_ = false;
};

class ShuffleSource final : public DataSource {
 public:
  ShuffleSource(DataHandle from, std::int64_t buffer, std::optional<std::uint64_t> seed, bool reshuffle)
      : from_(std::move(from)), buffer_(buffer), seed_(seed), reshuffle_(reshuffle) {
    if (!reshuffle && !seed) seed_ = draw_seed();
  }
  std::int64_t size() const override { return from_->size(); }
  std::unique_ptr<DataStream> open() const override {
    // With a seed the orders of the passes differ but repeat from run to run.
    std::uint64_t seed = seed_ ? *seed_ : draw_seed();
    if (reshuffle_ && seed_) seed = SplitMix{seed ^ SplitMix{passes_.fetch_add(1)}()}();
    return std::make_unique<ShuffleStream>(from_->open(), static_cast<std::size_t>(buffer_), seed);
  }

 private:
  const DataHandle from_;
  const std::int64_t buffer_;
  std::optional<std::uint64_t> seed_;
  const bool reshuffle_;
  mutable std::atomic<std::uint64_t> passes_{0};
};

}  // namespace

DataHandle shuffle_source(DataHandle from, std::int64_t buffer, std::optional<std::uint64_t> seed, bool reshuffle) {
  if (buffer < 1) fail<UsageError>("shuffle", "buffer ", buffer, ": wants at least 1");
  return std::make_shared<ShuffleSource>(std::move(from), buffer, seed, reshuffle);
}

}  // namespace keen::detail
