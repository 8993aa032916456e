// lib/scalar as bitcode: compiled by clang once per instruction set, every function for one register of elements in
// memory. Kernels link what they use of it.
#include <cstdint>

#include "scalar/cast.h"
#include "scalar/functions.h"

namespace {

using namespace keen::scalar;

/// bool is a byte of 0 or 1 in memory; its functions are loops that clang turns into vectors.
template <class F, class... T>
KEEN_SCALAR void apply_bool(F f, bool* __restrict out, const T* __restrict... operands) {
  for (std::size_t i = 0; i < xsimd::batch<std::uint8_t>::size; ++i) out[i] = f(operands[i]...);
}

template <class T>
KEEN_SCALAR void store(void* out, xsimd::batch<T> result) {
  result.store_aligned(static_cast<T*>(out));
}
template <class T>
KEEN_SCALAR void store(void* out, xsimd::batch_bool<T> result) {
  using Bits = typename Number<T>::Bits;
  using Batch = xsimd::batch<T>;
  // A lane of ones or zeros in every bit would do too, but only 1 and 0 survive narrowing as they are.
  const Batch one(__builtin_bit_cast(T, Bits(1))), zero(__builtin_bit_cast(T, Bits(0)));
  typedef Bits Lanes __attribute__((vector_size(sizeof(Batch))));
  typedef std::uint8_t Bytes __attribute__((vector_size(Batch::size)));
  Lanes lanes;
  const Batch truth = xsimd::select(result, one, zero);
  __builtin_memcpy(&lanes, &truth, sizeof lanes);
  *static_cast<Bytes*>(out) = __builtin_convertvector(lanes, Bytes);
}

template <class F, class... T>
KEEN_SCALAR void apply(F f, void* out, const T*... operands) {
  store(out, f(xsimd::batch<T>::load_aligned(operands)...));
}
template <class F>
KEEN_SCALAR void apply(F f, void* out, const bool* x) {
  apply_bool(f, static_cast<bool*>(out), x);
}
template <class F>
KEEN_SCALAR void apply(F f, void* out, const bool* a, const bool* b) {
  apply_bool(f, static_cast<bool*>(out), a, b);
}

}  // namespace

#define KEEN_DEFINE_1(function, dtype, T)                                                                         \
  extern "C" [[gnu::always_inline]] void keen_##function##_##dtype(void* __restrict out, const T* __restrict x) { \
    apply(functor::function{}, out, x);                                                                           \
  }
#define KEEN_DEFINE_2(function, dtype, T)                                   \
  extern "C" [[gnu::always_inline]] void keen_##function##_##dtype(         \
      void* __restrict out, const T* __restrict a, const T* __restrict b) { \
    apply(functor::function{}, out, a, b);                                  \
  }

// KEEN_FOR_<types>(define, function) defines it for the dtypes of a type class of functions.def.
#define KEEN_FOR_floating(define, f) define(f, float32, float) define(f, float64, double)
#define KEEN_FOR_integral(define, f)                                                                 \
  define(f, int8, std::int8_t) define(f, int16, std::int16_t) define(f, int32, std::int32_t)         \
      define(f, int64, std::int64_t) define(f, uint8, std::uint8_t) define(f, uint16, std::uint16_t) \
          define(f, uint32, std::uint32_t) define(f, uint64, std::uint64_t)
#define KEEN_FOR_boolean(define, f) define(f, bool, bool)
#define KEEN_FOR_numeric(define, f) KEEN_FOR_integral(define, f) KEEN_FOR_floating(define, f)
#define KEEN_FOR_any(define, f) KEEN_FOR_numeric(define, f) KEEN_FOR_boolean(define, f)

#define KEEN_UNARY(name, types, cost, body) KEEN_FOR_##types(KEEN_DEFINE_1, name)
#define KEEN_PREDICATE(name, types, cost, body) KEEN_FOR_##types(KEEN_DEFINE_1, name)
#define KEEN_BINARY(name, types, cost, body) KEEN_FOR_##types(KEEN_DEFINE_2, name)
#define KEEN_COMPARISON(name, types, cost, body) KEEN_FOR_##types(KEEN_DEFINE_2, name)
#include "scalar/functions.def"

// Casts, over as many elements as a register holds of the wider type.
namespace {

template <class To, class From>
KEEN_SCALAR void cast_all(To* __restrict out, const From* __restrict in) {
  constexpr std::size_t wider = sizeof(To) > sizeof(From) ? sizeof(To) : sizeof(From);
  for (std::size_t i = 0; i < sizeof(xsimd::batch<float>) / wider; ++i) out[i] = cast<To>(in[i]);
}

}  // namespace

#define KEEN_FOR_stored(define, x) KEEN_FOR_any(define, x) define(x, float16, HalfBits) define(x, bfloat16, BFloatBits)
#define KEEN_DEFINE_CAST(from, to, To)                                                                              \
  extern "C"                                                                                                        \
      [[gnu::always_inline]] void keen_cast_##from##_##to(To* __restrict out, const Stored_##from* __restrict in) { \
    cast_all(out, in);                                                                                              \
  }
#define KEEN_STORED(unused, dtype, T) using Stored_##dtype = T;
KEEN_FOR_stored(KEEN_STORED, ) KEEN_FOR_stored(KEEN_DEFINE_CAST, bool) KEEN_FOR_stored(KEEN_DEFINE_CAST, int8)
    KEEN_FOR_stored(KEEN_DEFINE_CAST, int16) KEEN_FOR_stored(KEEN_DEFINE_CAST, int32)
        KEEN_FOR_stored(KEEN_DEFINE_CAST, int64) KEEN_FOR_stored(KEEN_DEFINE_CAST, uint8)
            KEEN_FOR_stored(KEEN_DEFINE_CAST, uint16) KEEN_FOR_stored(KEEN_DEFINE_CAST, uint32)
                KEEN_FOR_stored(KEEN_DEFINE_CAST, uint64) KEEN_FOR_stored(KEEN_DEFINE_CAST, float16)
                    KEEN_FOR_stored(KEEN_DEFINE_CAST, bfloat16) KEEN_FOR_stored(KEEN_DEFINE_CAST, float32)
                        KEEN_FOR_stored(KEEN_DEFINE_CAST, float64)
