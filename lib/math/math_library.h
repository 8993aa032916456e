// The table of functions that libkeen_math.so gives libkeen.so: plain C, and nothing of the libraries behind it.
#pragma once
#include <cstddef>
#include <cstdint>

extern "C" {

/// C = op(A) op(B), or that added to C: op(A) is m x k, op(B) k x n, C m x n, all row-major with their leading
/// dimensions (elements from one stored row to the next). Every size and leading dimension fits an int.
struct KeenGemm {
  std::int64_t m, n, k;
  const void* a;
  const void* b;
  void* c;
  std::int64_t lda, ldb, ldc;
  bool transpose_a, transpose_b;
  bool accumulate;
};

/// A convolution of float32 images (n, h, w, c) with filters (kh, kw, c / groups, out) into (n, oh, ow, out).
struct KeenConvolution {
  enum Kind : std::int64_t { forward, input_gradient, filter_gradient };
  std::int64_t kind;
  std::int64_t n, h, w, c, kh, kw, out, oh, ow;
  std::int64_t stride_y, stride_x, top, bottom, left, right, dilation_y, dilation_x, groups;
};

/// A prepared convolution: what its caller must bring. Counted; more lies behind it.
struct KeenConvolutionPlan {
  std::size_t filter_bytes;   // of filters in the plan's own layout
  std::size_t scratch_bytes;  // of working memory for one call of `convolve`
};

struct KeenMathLibrary {
  std::uint32_t abi;        // == KEEN_MATH_ABI, looked at before anything else
  const char* description;  // names, versions and the processor they chose

  /// Products below 2^18 multiply-adds run at full speed without packing (true on AVX-512).
  bool fast_small_gemm;
  /// `sgemm_large` is there: it runs on one thread and in no scope.
  void (*sgemm_small)(const KeenGemm*);  // at most 2^18 multiply-adds, or within a serial scope
  void (*sgemm_large)(const KeenGemm*);  // null without oneDNN
  void (*dgemm)(const KeenGemm*);        // at most 2^18 multiply-adds, or within a serial scope
  /// Between these two, products of any size run on the thread that calls them. Nests; any number of threads at once.
  void (*enter_serial)();
  void (*leave_serial)();

  /// A plan, from a bounded cache or new; null when oneDNN has none. The whole family is null without oneDNN.
  const KeenConvolutionPlan* (*plan_convolution)(const KeenConvolution*);
  void (*release_plan)(const KeenConvolutionPlan*);
  /// Filters from (kh, kw, c / groups, out) into the plan's layout, and gradients of filters back.
  bool (*pack_filters)(const KeenConvolutionPlan*, const float* filters, void* packed);
  bool (*unpack_filters)(const KeenConvolutionPlan*, const void* packed, float* filters);
  /// One call on this thread: y from x and filters, dx (as `x`) from filters and dy (as `y`), or filters from x and dy.
  bool (*convolve)(const KeenConvolutionPlan*, float* x, void* filters, float* y, void* scratch);
};

inline constexpr std::uint32_t KEEN_MATH_ABI = 1;

/// The one symbol that the plugin exports.
const KeenMathLibrary* keen_math_library();
}
