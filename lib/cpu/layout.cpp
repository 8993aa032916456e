// Strided copies by element size, and contiguous copies of tensors.
#include "cpu/layout.h"

#include <algorithm>
#include <cstring>

#include "core/parallel.h"
#include "cpu/kernels.h"

namespace keen::detail::cpu {

void copy_elements(
    void* to, std::int64_t to_stride, const void* from, std::int64_t from_stride, std::int64_t n,
    std::size_t size) noexcept {
  if (n == 0) return;
  if (to_stride == 1 && from_stride == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(n) * size);
    return;
  }
  with_size(size, [&]<class T>(T) {
    auto* a = static_cast<T*>(to);
    auto* b = static_cast<const T*>(from);
    if (to_stride == 1) {
      for (std::int64_t i = 0; i < n; ++i) a[i] = b[i * from_stride];
    } else {
      for (std::int64_t i = 0; i < n; ++i) a[i * to_stride] = b[i * from_stride];
    }
  });
}

namespace {

/// Repeats the element at the start of `to` over all of it, doubling what is there.
void repeat_first(char* to, std::size_t size, std::size_t bytes) {
  for (std::size_t done = size; done < bytes; done *= 2) std::memcpy(to + done, to, std::min(done, bytes - done));
}

}  // namespace

void fill_elements(void* to, const void* element, std::int64_t n, std::size_t size) {
  constexpr std::size_t block_bytes = 4096;
  const std::size_t bytes = static_cast<std::size_t>(n) * size;
  if (n == 0) return;
  std::memcpy(to, element, size);
  repeat_first(static_cast<char*>(to), size, std::min(bytes, block_bytes));
  if (bytes <= block_bytes) return;
  // The first block is the pattern of the others.
  char* rest = static_cast<char*>(to) + block_bytes;
  constexpr auto step = static_cast<std::int64_t>(block_bytes), grain = 32 * step;
  parallel_for(static_cast<std::int64_t>(bytes - block_bytes), grain, [&](std::int64_t begin, std::int64_t end) {
    for (; begin < end; begin += step)
      std::memcpy(rest + begin, to, static_cast<std::size_t>(std::min(step, end - begin)));
  });
}

Contiguous::Contiguous(const TensorImpl& t) {
  if (t.is_contiguous()) {
    data_ = t.as<char>();
    return;
  }
  copy_ = make_tensor(t.dtype, t.shape, t.device);
  copy_strided(impl(copy_).data, t);
  data_ = impl(copy_).as<char>();
}

}  // namespace keen::detail::cpu
