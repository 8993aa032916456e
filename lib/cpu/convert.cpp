// Casts: conversion of contiguous elements in tiles, complex numbers by their parts.
#include "cpu/convert.h"

#include <algorithm>
#include <complex>
#include <cstring>

#include "core/parallel.h"
#include "cpu/isa.h"
#include "cpu/kernels.h"

namespace keen::detail::cpu {
namespace {

constexpr std::int64_t tile = 512;

DType part_of(DType complex_type) { return complex_type == DType::complex64 ? DType::float32 : DType::float64; }

/// n ≤ tile complex numbers to reals: the imaginary part goes; to bool: either part is not 0.
template <class T>
void complex_to_real(DType to_type, void* to, const void* from, std::int64_t n) {
  const auto* in = static_cast<const std::complex<T>*>(from);
  T parts[tile];
  if (to_type == DType::bool_) {
    auto* out = static_cast<bool*>(to);
    for (std::int64_t i = 0; i < n; ++i) out[i] = in[i].real() != T(0) || in[i].imag() != T(0);
    return;
  }
  for (std::int64_t i = 0; i < n; ++i) parts[i] = in[i].real();
  convert(to_type, to, dtype_of<T>, parts, n);
}

template <class T>
void real_to_complex(void* to, DType from_type, const void* from, std::int64_t n) {
  auto* out = static_cast<std::complex<T>*>(to);
  T parts[tile];
  convert(dtype_of<T>, parts, from_type, from, n);
  for (std::int64_t i = 0; i < n; ++i) out[i] = parts[i];
}

void convert_complex_tile(DType to_type, char* to, DType from_type, const char* from, std::int64_t n) {
  if (is_complex(to_type) && is_complex(from_type)) convert(part_of(to_type), to, part_of(from_type), from, 2 * n);
  else if (from_type == DType::complex64) complex_to_real<float>(to_type, to, from, n);
  else if (from_type == DType::complex128) complex_to_real<double>(to_type, to, from, n);
  else if (to_type == DType::complex64) real_to_complex<float>(to, from_type, from, n);
  else real_to_complex<double>(to, from_type, from, n);
}

}  // namespace

void convert(DType to_type, void* to, DType from_type, const void* from, std::int64_t n) {
  if (n == 0) return;  // nothing may have no address
  const auto to_size = static_cast<std::int64_t>(size_of(to_type)),
             from_size = static_cast<std::int64_t>(size_of(from_type));
  if (to_type == from_type) {
    std::memcpy(to, from, static_cast<std::size_t>(n * to_size));
  } else if (!is_complex(to_type) && !is_complex(from_type)) {
    for_isa(sse2::convert_loop, avx2::convert_loop, avx512::convert_loop)(to_type, from_type)(from, to, n);
  } else {
    for (std::int64_t i = 0; i < n; i += tile) {
      convert_complex_tile(
          to_type, static_cast<char*>(to) + i * to_size, from_type, static_cast<const char*>(from) + i * from_size,
          std::min(tile, n - i));
    }
  }
}

void cast(KernelCall& call) {
  const TensorImpl& in = call.in(0);
  TensorImpl& out = call.out();
  Tensor gathered;
  const char* from = in.as<char>();
  if (!in.is_contiguous()) {
    gathered = make_tensor(in.dtype, in.shape, in.device);
    copy_strided(impl(gathered).data, in);
    from = impl(gathered).as<char>();
  }
  const auto to_size = static_cast<std::int64_t>(size_of(out.dtype)),
             from_size = static_cast<std::int64_t>(size_of(in.dtype));
  parallel_for(out.size, elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    convert(out.dtype, out.as<char>() + begin * to_size, in.dtype, from + begin * from_size, end - begin);
  });
}

}  // namespace keen::detail::cpu
