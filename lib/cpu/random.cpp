// Draws: stretches of a stream, each computed on its own, so that threads change nothing.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "core/message.h"
#include "core/parallel.h"
#include "cpu/isa.h"
#include "cpu/kernels.h"
#include "cpu/random_loops.h"

namespace keen::detail::cpu {
namespace {

constexpr std::int64_t grain = 8192;  // blocks

const RandomLoops& loops() noexcept {
  return *for_isa(&sse2::random_loops, &avx2::random_loops, &avx512::random_loops);
}

StreamPlace place_of(const KernelCall& call) {
  return {
      static_cast<std::uint64_t>(integer(call.attributes[0])), static_cast<std::uint64_t>(integer(call.attributes[1]))};
}

/// A floating draw whose loop computes a stretch.
void draw(KernelCall& call, const DrawLoop (&choice)[2]) {
  TensorImpl& out = call.out();
  if (out.dtype != DType::float32 && out.dtype != DType::float64)
    fail<DTypeError>(call.op.name, name(out.dtype), " cannot be drawn: float32 or float64 is needed");
  const bool single = out.dtype == DType::float32;
  const DrawLoop loop = choice[single ? 0 : 1];
  const StreamPlace place = place_of(call);
  const double a = real(call.attributes[2]), b = real(call.attributes[3]);
  const std::int64_t in_block = single ? 4 : 2, size = single ? 4 : 8, n = out.size;
  parallel_for((n + in_block - 1) / in_block, grain, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t first = begin * in_block;
    loop(
        out.as<char>() + first * size, std::min(end * in_block, n) - first,
        {place.key, place.position + static_cast<std::uint64_t>(begin)}, a, b);
  });
}

using Wide = unsigned __int128;

/// An integer below `range` from a block's 128 bits: bits · range / 2^128. No value is favoured by more than 2^-64.
std::uint64_t below(std::uint64_t range, const std::uint64_t* block) {
  const std::uint64_t carry = static_cast<std::uint64_t>(Wide{block[0]} * range >> 64);
  return static_cast<std::uint64_t>((Wide{block[1]} * range + carry) >> 64);
}

/// Calls f(i, bits of block i) for the blocks [begin, end) of the stream.
template <class F>
void for_bits(StreamPlace place, std::int64_t begin, std::int64_t end, F f) {
  constexpr std::int64_t batch = 256;
  std::uint64_t buffer[2 * batch];
  for (std::int64_t i = begin; i < end; i += batch) {
    const std::int64_t count = std::min(batch, end - i);
    loops().bits(buffer, count, {place.key, place.position + static_cast<std::uint64_t>(i)});
    for (std::int64_t j = 0; j < count; ++j) f(i + j, buffer + 2 * j);
  }
}

template <class T>
void draw_integers(T* out, std::int64_t n, StreamPlace place, std::int64_t low, std::uint64_t range) {
  parallel_for(n, grain, [=](std::int64_t begin, std::int64_t end) {
    for_bits(place, begin, end, [=](std::int64_t i, const std::uint64_t* block) {
      out[i] = static_cast<T>(static_cast<std::uint64_t>(low) + below(range, block));
    });
  });
}

}  // namespace

void random_uniform(KernelCall& call) { draw(call, loops().uniform); }
void random_normal(KernelCall& call) { draw(call, loops().normal); }
void random_truncated_normal(KernelCall& call) { draw(call, loops().truncated_normal); }

void random_bits(KernelCall& call) {
  TensorImpl& out = call.out();
  const StreamPlace place = place_of(call);
  const std::int64_t bytes = out.size * static_cast<std::int64_t>(size_of(out.dtype));
  parallel_for((bytes + 15) / 16, grain, [&](std::int64_t begin, std::int64_t end) {
    for_bits(place, begin, end, [&](std::int64_t i, const std::uint64_t* block) {
      std::memcpy(out.as<char>() + 16 * i, block, static_cast<std::size_t>(std::min<std::int64_t>(16, bytes - 16 * i)));
    });
  });
}

void random_integers(KernelCall& call) {
  TensorImpl& out = call.out();
  const StreamPlace place = place_of(call);
  const std::int64_t low = integer(call.attributes[2]), n = out.size;
  const std::uint64_t range = static_cast<std::uint64_t>(integer(call.attributes[3])) - static_cast<std::uint64_t>(low);
  if (!is_integer(out.dtype))
    fail<DTypeError>(call.op.name, name(out.dtype), " cannot be drawn: an integer type is needed");
  switch (size_of(out.dtype)) {
    case 1:
      return draw_integers(out.as<std::uint8_t>(), n, place, low, range);
    case 2:
      return draw_integers(out.as<std::uint16_t>(), n, place, low, range);
    case 4:
      return draw_integers(out.as<std::uint32_t>(), n, place, low, range);
    default:
      return draw_integers(out.as<std::uint64_t>(), n, place, low, range);
  }
}

/// Fisher-Yates from the end; swap i takes the i-th block.
void random_permutation(KernelCall& call) {
  TensorImpl& out = call.out();
  auto* p = out.as<std::int64_t>();
  std::iota(p, p + out.size, std::int64_t{0});
  for_bits(place_of(call), 0, out.size - 1, [&](std::int64_t i, const std::uint64_t* block) {
    const std::int64_t last = out.size - 1 - i;
    std::swap(p[last], p[below(static_cast<std::uint64_t>(last) + 1, block)]);
  });
}

}  // namespace keen::detail::cpu
