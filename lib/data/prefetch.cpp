// Prefetch: a thread of its own makes elements ahead of the loop.
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include "core/context.h"
#include "core/message.h"
#include "data/stream.h"

namespace keen::detail {

namespace {

class PrefetchStream final : public DataStream {
 public:
  PrefetchStream(std::unique_ptr<DataStream> from, std::size_t depth)
      : from_(std::move(from)), depth_(depth), device_(current_scope()) {
    try {
      worker_ = std::thread([this] { work(); });
    } catch (const std::system_error& e) {
      fail<OutOfMemory>("prefetch", "the system gives no thread: ", e.what());
    }
  }

  ~PrefetchStream() override {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    worker_.join();
  }

  bool next(Item& item) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !ready_.empty() || ended_; });
    if (ready_.empty()) {
      if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
      return false;
    }
    item.slices = nullptr;
    item.tensors = std::move(ready_.front());
    ready_.pop_front();
    lock.unlock();
    changed_.notify_all();
    return true;
  }

 private:
  static std::optional<Device> current_scope() {
    return thread_context.has_device ? std::optional(thread_context.device) : std::nullopt;
  }

  void work() noexcept {
    std::exception_ptr error;
    try {
      std::optional<DeviceScope> as_the_loop;
      if (device_) as_the_loop.emplace(*device_);
      while (make_one()) {
      }
    } catch (...) {
      error = std::current_exception();
    }
    {
      std::lock_guard lock(mutex_);
      error_ = std::move(error);
      ended_ = true;
    }
    changed_.notify_all();
  }

  bool make_one() {
    Item item;
    if (!from_->next(item)) return false;
    item.materialise();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ready_.size() < depth_ || stop_; });
    if (stop_) return false;
    ready_.push_back(std::move(item.tensors));
    lock.unlock();
    changed_.notify_all();
    return true;
  }

  const std::unique_ptr<DataStream> from_;  // the worker's alone
  const std::size_t depth_;
  const std::optional<Device> device_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Element> ready_;
  std::exception_ptr error_;
  bool ended_ = false, stop_ = false;
  std::thread worker_;
};

class PrefetchSource final : public DataSource {
 public:
  PrefetchSource(DataHandle from, std::int64_t depth) : from_(std::move(from)), depth_(depth) {}
  std::int64_t size() const override { return from_->size(); }
  StagedData staged() const override { return from_->staged(); }
  std::unique_ptr<DataStream> open() const override {
    return std::make_unique<PrefetchStream>(from_->open(), static_cast<std::size_t>(depth_));
  }

 private:
  const DataHandle from_;
  const std::int64_t depth_;
};

}  // namespace

DataHandle prefetch_source(DataHandle from, std::int64_t depth) {
  if (depth < 1) fail<UsageError>("prefetch", "depth ", depth, ": wants at least 1");
  return std::make_shared<PrefetchSource>(std::move(from), depth);
}

}  // namespace keen::detail
