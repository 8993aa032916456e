// The least that an eager operation on 16 numbers costs: a counted object with a shape, a buffer from a free list, the
// loop; and the same with a record of it on a tape.
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "limits/limits.h"

namespace bench {
namespace {

constexpr int count = 16;

struct Array {
  std::atomic<int> refs{1};
  int rank = 1;
  std::int64_t shape[6] = {count}, strides[6] = {1};
  float* data = nullptr;
  Array* next_free = nullptr;
};

/// Arrays with their buffers, given out and taken back without a call of malloc.
class Pool {
 public:
  Array* take() {
    if (!free_) {
      storage_.push_back(std::make_unique<Slot>());
      storage_.back()->array.data = storage_.back()->data;
      return &storage_.back()->array;
    }
    Array* a = free_;
    free_ = a->next_free;
    a->refs.store(1, std::memory_order_relaxed);
    return a;
  }
  void give(Array* a) {
    a->next_free = free_;
    free_ = a;
  }

 private:
  struct Slot {
    Array array;
    alignas(64) float data[count] = {};
  };
  std::vector<std::unique_ptr<Slot>> storage_;
  Array* free_ = nullptr;
};

struct Record {
  int operation;
  std::int64_t result, inputs[2];  // identities
  Array* kept[2];                  // for the backward pass
};

[[gnu::noinline]] Array* add(Pool& pool, const Array* a, const Array* b) {
  Array* c = pool.take();
  c->rank = a->rank;
  for (int i = 0; i < a->rank; ++i) c->shape[i] = a->shape[i];
  for (int i = 0; i < count; ++i) c->data[i] = a->data[i] + b->data[i];
  return c;
}

void release(Pool& pool, Array* a) {
  if (a->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) pool.give(a);
}

double recorded_add_ns(const Timer& timer) {
  Pool pool;
  Array *a = pool.take(), *b = pool.take();
  std::vector<Record> tape;
  std::int64_t next_identity = 2;
  return timer.ns_each(1000, [&] {
    for (int i = 0; i < 1000; ++i) {
      Array* c = add(pool, a, b);
      a->refs.fetch_add(1, std::memory_order_relaxed);
      b->refs.fetch_add(1, std::memory_order_relaxed);
      tape.push_back({1, next_identity++, {0, 1}, {a, b}});
      keep(c);
      release(pool, c);
    }
    for (const Record& r : tape)
      for (Array* kept : r.kept) release(pool, kept);
    tape.clear();
  });
}

}  // namespace

void add_small(Suite& suite) {
  suite.add("add16_ns", "ns", [](const Timer& timer) {
    Pool pool;
    Array *a = pool.take(), *b = pool.take();
    return timer.ns([&] {
      Array* c = add(pool, a, b);
      keep(c);
      release(pool, c);
    });
  });
  suite.add("add16_grad_ns", "ns", recorded_add_ns);
}

}  // namespace bench
