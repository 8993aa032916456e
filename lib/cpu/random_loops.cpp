// Philox on vectors and the distributions over it, compiled once per instruction set.
#include "cpu/random_loops.h"

#include <immintrin.h>

#include <cstring>
#include <type_traits>

#include "cpu/pack.h"
#include "random/distributions.h"

namespace keen::detail::cpu::KEEN_ISA {
namespace {

using std::uint64_t;

constexpr int lanes = register_bytes / 8;  // blocks that are computed together, a 64-bit lane each
using V = Vector<uint64_t, lanes>::type;

// The maskz forms, all lanes chosen: g++ 12 warns of the plain ones' undefined operand.

/// The products of the lower 32 bits of all lanes.
[[gnu::always_inline]] inline V multiply_low(V a, V b) {
#if defined(__AVX512F__)
  return (V)_mm512_maskz_mul_epu32(0xff, (__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
  return (V)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#else
  return (V)_mm_mul_epu32((__m128i)a, (__m128i)b);
#endif
}

/// Words 0 and 1 (low) and words 2 and 3 (high) of consecutive blocks.
struct Halves {
  V low, high;
};

/// philox.h's rounds, one block a lane. The upper halves of lanes hold garbage between rounds: products ignore them.
[[gnu::always_inline]] inline Halves philox(uint64_t key, V counter) {
  using namespace random_bits;
  const V m0 = V{} + philox_multiplier[0], m1 = V{} + philox_multiplier[1];
  V c0 = counter, c1 = counter >> 32, c2{}, c3{};
  Word k0 = static_cast<Word>(key), k1 = static_cast<Word>(key >> 32);
  for (int round = 0; round < philox_rounds; ++round) {
    const V p0 = multiply_low(c0, m0), p1 = multiply_low(c2, m1);
    c0 = (p1 >> 32) ^ c1 ^ uint64_t { k0 };
    c1 = p1;
    c2 = (p0 >> 32) ^ c3 ^ uint64_t { k1 };
    c3 = p0;
    k0 += philox_weyl[0];
    k1 += philox_weyl[1];
  }
  const V word = V{} + 0xffffffffu;
  return {(c0 & word) | (c1 << 32), (c2 & word) | (c3 << 32)};
}

/// Stores the halves block by block.
[[gnu::always_inline]] inline void store_blocks(uint64_t* out, V low, V high) {
#if defined(__AVX512F__)
  store(out, __builtin_shufflevector(low, high, 0, 8, 1, 9, 2, 10, 3, 11));
  store(out + 8, __builtin_shufflevector(low, high, 4, 12, 5, 13, 6, 14, 7, 15));
#elif defined(__AVX2__)
  store(out, __builtin_shufflevector(low, high, 0, 4, 1, 5));
  store(out + 4, __builtin_shufflevector(low, high, 2, 6, 3, 7));
#else
  store(out, __builtin_shufflevector(low, high, 0, 2));
  store(out + 2, __builtin_shufflevector(low, high, 1, 3));
#endif
}

/// Writes `bytes` of the blocks from `place` on, after `map` has made what is wanted of the halves.
template <class Map>
[[gnu::always_inline]] inline void for_blocks(void* out, std::int64_t bytes, StreamPlace place, Map map) {
  constexpr std::int64_t step = 16 * lanes;
  V counter = Vector<uint64_t, lanes>::count() + place.position;
  auto* to = static_cast<char*>(out);
  for (; bytes > 0; bytes -= step, to += step, counter += lanes) {
    Halves h = philox(place.key, counter);
    map(h.low, h.high);
    if (bytes >= step) {
      store_blocks(reinterpret_cast<uint64_t*>(to), h.low, h.high);
    } else {
      uint64_t last[2 * lanes];
      store_blocks(last, h.low, h.high);
      std::memcpy(to, last, static_cast<std::size_t>(bytes));
    }
  }
}

/// Arithmetic for Distributions on whole registers.
template <class Element>
struct Registers {
  using T = Element;
  static constexpr bool single = sizeof(T) == 4;
  static constexpr int width = register_bytes / sizeof(T);
  using F = typename Vector<T, width>::type;
  using U = typename Vector<std::conditional_t<single, std::uint32_t, uint64_t>, width>::type;
  using I = typename Vector<std::conditional_t<single, std::int32_t, std::int64_t>, width>::type;

  static U to_bits(F x) { return (U)x; }
  static F from_bits(U x) { return (F)x; }
  static F signed_number(I x) {
    if constexpr (single) return __builtin_convertvector(x, F);
    else return from_bits((U)x + 0x4338000000000000u) - 0x1.8p52;  // |x| < 2^51
  }
  /// float32: below 2^31, rounded; float64: below 2^53, exact: upper and lower 32 bits apart.
  static F number(U x) {
    if constexpr (single) return __builtin_convertvector((I)x, F);
    else
      return (from_bits((x >> 32) | 0x4530000000000000u) - 0x1.00000001p84) +
             from_bits((x & 0xffffffffu) | 0x4330000000000000u);
  }
  static F sqrt(F x) {
#if defined(__AVX512F__)
    if constexpr (single) return (F)_mm512_maskz_sqrt_ps(0xffff, (__m512)x);
    else return (F)_mm512_maskz_sqrt_pd(0xff, (__m512d)x);
#elif defined(__AVX2__)
    if constexpr (single) return (F)_mm256_sqrt_ps((__m256)x);
    else return (F)_mm256_sqrt_pd((__m256d)x);
#else
    if constexpr (single) return (F)_mm_sqrt_ps((__m128)x);
    else return (F)_mm_sqrt_pd((__m128d)x);
#endif
  }
};

template <class T>
struct Draw {
  using R = Registers<T>;
  using F = typename R::F;
  using U = typename R::U;
  using D = random_bits::Distributions<R>;

  static void uniform(void* out, std::int64_t n, StreamPlace place, double low, double high) {
    const T a = static_cast<T>(low), scale = static_cast<T>(high - low), end = static_cast<T>(high);
    // Rounding may reach `high`: the largest number below it is the last.
    const T last = !(a < end) ? a : sizeof(T) == 4 ? __builtin_nextafterf(end, a) : __builtin_nextafter(end, a);
    for_blocks(out, n * static_cast<std::int64_t>(sizeof(T)), place, [=](V& first, V& second) {
      const F x = D::uniform((U)first) * scale + a, y = D::uniform((U)second) * scale + a, limit = F{} + last;
      first = (V)(x > limit ? limit : x);
      second = (V)(y > limit ? limit : y);
    });
  }

  static void normal(void* out, std::int64_t n, StreamPlace place, double mean, double stddev) {
    const T m = static_cast<T>(mean), s = static_cast<T>(stddev);
    for_blocks(out, n * static_cast<std::int64_t>(sizeof(T)), place, [=](V& first, V& second) {
      F x, y;
      D::normal((U)first, (U)second, x, y);
      first = (V)(x * s + m);
      second = (V)(y * s + m);
    });
  }

  static void truncated_normal(void* out, std::int64_t n, StreamPlace place, double mean, double stddev) {
    const T m = static_cast<T>(mean), s = static_cast<T>(stddev);
    for_blocks(out, n * static_cast<std::int64_t>(sizeof(T)), place, [=](V& first, V& second) {
      first = (V)(D::truncated_normal((U)first) * s + m);
      second = (V)(D::truncated_normal((U)second) * s + m);
    });
  }
};

void bits(uint64_t* out, std::int64_t blocks, StreamPlace place) {
  for_blocks(out, 16 * blocks, place, [](V&, V&) {});
}

}  // namespace

const RandomLoops random_loops = {
    bits,
    {Draw<float>::uniform, Draw<double>::uniform},
    {Draw<float>::normal, Draw<double>::normal},
    {Draw<float>::truncated_normal, Draw<double>::truncated_normal}};

}  // namespace keen::detail::cpu::KEEN_ISA
