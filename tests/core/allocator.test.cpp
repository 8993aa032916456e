// The caching allocator: what memory_stats tells, reuse and alignment of blocks, and running out of memory.
#include "core/allocator.h"

#include <thread>

#include "catch.h"
#include "core/tensor_impl.h"
#include "keen/creation.h"
#include "keen/device.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/indexing.h"
#include "keen/ops/linalg.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"

using namespace keen;

namespace {

// Under a sanitizer nothing is kept, so that misuse is seen.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool keeps_blocks = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool keeps_blocks = false;
#else
constexpr bool keeps_blocks = true;
#endif
#else
constexpr bool keeps_blocks = true;
#endif

constexpr std::int64_t mebibyte = std::int64_t{1} << 20;
constexpr std::int64_t too_much = std::int64_t{1} << 45;

Tensor of_bytes(std::int64_t bytes) { return zeros({bytes}, {.dtype = uint8}); }

}  // namespace

TEST_CASE("memory_stats counts what tensors hold", "[allocator]") {
  const MemoryStats before = memory_stats();
  {
    Tensor small = of_bytes(100), large = of_bytes(10 * mebibyte), view = large(slice(5)), copy = small;
    const MemoryStats now = memory_stats("cpu:0");
    CHECK(now.in_use >= before.in_use + 10 * mebibyte + 100);
    CHECK(now.in_use < before.in_use + 13 * mebibyte);  // size classes are at most a quarter wider
    CHECK(now.allocations >= before.allocations + 4);   // two headers, a block, a view
    CHECK(now.peak >= now.in_use);
    large = Tensor();
    CHECK(memory_stats().in_use == now.in_use);  // its view holds the block
  }
  CHECK(memory_stats().in_use == before.in_use);
  CHECK(memory_stats().allocations > before.allocations);
}

TEST_CASE("the peak is the most that was in use since it was reset", "[allocator]") {
  reset_peak_memory();
  const MemoryStats before = memory_stats();
  CHECK(before.peak == before.in_use);
  { Tensor large = of_bytes(20 * mebibyte); }
  const std::int64_t first = memory_stats().peak;
  CHECK(first >= before.in_use + 20 * mebibyte);
  { Tensor less = of_bytes(5 * mebibyte); }
  CHECK(memory_stats().peak == first);
  reset_peak_memory();
  CHECK(memory_stats().peak == memory_stats().in_use);
}

TEST_CASE("the peak sees many small tensors, alone and beside a large one", "[allocator]") {
  empty_cache();
  reset_peak_memory();
  const std::int64_t before = memory_stats().in_use;
  {
    std::vector<Tensor> small;
    for (int i = 0; i < 1000; ++i) small.push_back(of_bytes(5000));
    Tensor large = of_bytes(8 * mebibyte);
  }
  CHECK(memory_stats().peak >= before + 12 * mebibyte);
  empty_cache();
  reset_peak_memory();
  {
    std::vector<Tensor> small;
    for (int i = 0; i < 2000; ++i) small.push_back(of_bytes(1000));
  }
  CHECK(memory_stats().peak >= before + 1'700'000);
}

TEST_CASE("freed blocks are cached, reused and given back on request", "[allocator]") {
  if (!keeps_blocks) return;
  for (std::int64_t bytes : {std::int64_t{1}, std::int64_t{3000}, std::int64_t{50'000}, 3 * mebibyte}) {
    INFO(bytes);
    empty_cache();
    CHECK(memory_stats().cached == 0);
    const void* block;
    {
      Tensor t = of_bytes(bytes);
      block = t.data<std::uint8_t>();
    }
    CHECK(memory_stats().cached >= bytes);
    { CHECK(of_bytes(bytes).data<std::uint8_t>() == block); }
    empty_cache();
    CHECK(memory_stats().cached == 0);
  }
}

TEST_CASE("a loop of operations takes no new memory from the system", "[allocator]") {
  if (!keeps_blocks) return;
  Tensor x = ones({100, 1000});
  auto step = [&] { x = (x * 0.5f + sum(x, 1, true) * 0.0001f) / (x + 1.f); };
  for (int i = 0; i < 3; ++i) step();
  const MemoryStats before = memory_stats();
  for (int i = 0; i < 50; ++i) step();
  CHECK(memory_stats().in_use == before.in_use);
  CHECK(memory_stats().cached == before.cached);
}

TEST_CASE("elements are aligned to 64 bytes at every size", "[allocator]") {
  std::vector<Tensor> held;
  for (std::int64_t bytes = 1; bytes < 9 * mebibyte; bytes = bytes * 3 / 2 + 1) {
    held.push_back(of_bytes(bytes));
    INFO(bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(held.back().data<std::uint8_t>()) % 64 == 0);
  }
  for (std::size_t bytes : {0, 1, 64, 65, 1024, 1025, 65536, 65537}) {
    void* block = detail::allocate(bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(block) % 64 == 0);
    std::memset(block, 0xff, bytes);
    detail::deallocate(block, bytes);
  }
}

TEST_CASE("blocks that are in use at once never overlap", "[allocator]") {
  struct Block {
    unsigned char* at;
    std::size_t bytes;
  };
  std::vector<Block> blocks;
  std::size_t bytes = 1;
  for (int i = 0; i < 300; ++i, bytes = bytes * 7 % 9973 + 1) {
    blocks.push_back({static_cast<unsigned char*>(detail::allocate(bytes)), bytes});
    std::memset(blocks.back().at, i % 251, bytes);
    if (i % 3 == 2) {  // some go back, and come again
      detail::deallocate(blocks.front().at, blocks.front().bytes);
      blocks.erase(blocks.begin());
    }
  }
  bool whole = true;
  for (std::size_t k = 0; k < blocks.size(); ++k)
    for (std::size_t i = 1; i < blocks[k].bytes; ++i) whole &= blocks[k].at[i] == blocks[k].at[0];
  CHECK(whole);
  for (auto& b : blocks) detail::deallocate(b.at, b.bytes);
}

TEST_CASE("the cache is given back before a request is refused", "[allocator]") {
  const std::int64_t in_use = memory_stats().in_use;
  { Tensor small = of_bytes(1000), large = of_bytes(5 * mebibyte); }
  if (keeps_blocks) CHECK(memory_stats().cached >= 5 * mebibyte);
  CHECK_THROWS_AS(of_bytes(too_much), OutOfMemory);
  CHECK(memory_stats().cached < mebibyte);
  CHECK(memory_stats().in_use == in_use);
}

TEST_CASE("running out of memory says what was asked for and leaves everything usable", "[allocator]") {
  const std::int64_t in_use = memory_stats().in_use;
  try {
    of_bytes(too_much);
    FAIL("no error");
  } catch (const OutOfMemory& e) {
    std::string message = e.what();
    INFO(message);
    CHECK(message.find("[zeros]") == 0);
    CHECK(message.find("(35184372088832,)") != std::string::npos);
    CHECK(message.find("cpu:0") != std::string::npos);
  }
  Tensor column = broadcast_to(ones({1, 1}), {1 << 23, 1}), row = broadcast_to(ones({1, 1}), {1, 1 << 20});
  CHECK_THROWS_AS(column + row, OutOfMemory);
  CHECK_THROWS_AS(matmul(column, row), OutOfMemory);
  CHECK(sum(column).item<float>() == 1 << 23);
  column = row = Tensor();
  CHECK(memory_stats().in_use == in_use);
}

TEST_CASE("what a thread leaves behind stays counted and can be freed elsewhere", "[allocator][threads]") {
  const MemoryStats before = memory_stats();
  std::vector<Tensor> made;
  std::thread([&] {
    for (int i = 0; i < 100; ++i) made.push_back(of_bytes(i * 100));
    made.push_back(of_bytes(2 * mebibyte));
  }).join();
  CHECK(memory_stats().in_use > before.in_use + 2 * mebibyte + 490'000);
  made.clear();
  CHECK(memory_stats().in_use == before.in_use);
  CHECK(memory_stats().allocations >= before.allocations + 101);
}

TEST_CASE("the k-th allocation fails on demand, once", "[allocator]") {
  const MemoryStats before = memory_stats();
  detail::fail_allocation(2);
  void* first = detail::allocate(10);
  CHECK_THROWS_AS(detail::allocate(10), OutOfMemory);
  void* second = detail::allocate(10);
  CHECK(detail::fail_allocation(0) == 0);
  detail::fail_allocation(1);
  CHECK_THROWS_AS(detail::allocate(1 << 20), OutOfMemory);
  detail::fail_allocation(5);
  detail::deallocate(first, 10);
  detail::deallocate(detail::allocate(10), 10);
  CHECK(detail::fail_allocation(0) == 4);
  detail::deallocate(second, 10);
  CHECK(memory_stats().in_use == before.in_use);
}
