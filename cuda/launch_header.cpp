// The text that every generated source includes.
#include "cuda/source.h"

namespace keen::detail::cuda {

const char launch_header[] = R"cuda(
// What the scalar functions take from the host compilers under these names.
#define __builtin_huge_valf() __builtin_bit_cast(float, 0x7f800000u)
#define __builtin_nanf(text) __builtin_bit_cast(float, 0x7fc00000u)
#define __builtin_huge_val() __builtin_bit_cast(double, 0x7ff0000000000000ull)
#define __builtin_nan(text) __builtin_bit_cast(double, 0x7ff8000000000000ull)
#define __builtin_sin ::sin
#define __builtin_cos ::cos
#define __builtin_erf ::erf
#define __builtin_pow ::pow
#define __builtin_fmod ::fmod
#define __builtin_fmodf ::fmodf

// Operands and geometry of a launch, and joins over a block. Strides in bytes.
template <class Index, int rank>
struct Operand {
  char* data;
  Index stride;                       // along a row
  Index outer[rank > 0 ? rank : 1];   // along the axes around it
};
template <class Index, int operands, int rank>
struct Parameters {
  Operand<Index, rank> operand[operands];
  Index size[rank > 0 ? rank : 1];
  Index rows, n;
};

template <class T, int n>
struct alignas(sizeof(T) * n) Pack {
  T at[n];
};

template <class Index, int operands, int rank>
__device__ __forceinline__ char* row_of(const Parameters<Index, operands, rank>& p, int k, Index row) {
  char* data = p.operand[k].data;
#pragma unroll
  for (int axis = rank - 1; axis >= 0; --axis) {
    const Index next = row / p.size[axis];
    data += (row - next * p.size[axis]) * p.operand[k].outer[axis];
    row = next;
  }
  return data;
}

template <class T>
__device__ __forceinline__ T from_lane(T value, int distance) {
  if constexpr (sizeof(T) >= 4) return __shfl_down_sync(0xffffffffu, value, distance);
  else return static_cast<T>(__shfl_down_sync(0xffffffffu, static_cast<int>(value), distance));
}

// Joins one value a thread in a fixed tree, so that every run gives the same bits; all threads get the result.
template <int threads, class F, class T>
__device__ __forceinline__ T join_block(F f, T value) {
  __shared__ T warps[threads / 32];
  for (int distance = 16; distance > 0; distance /= 2) value = f(value, from_lane(value, distance));
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = value;
  __syncthreads();
  T all = warps[0];
  for (int warp = 1; warp < threads / 32; ++warp) all = f(all, warps[warp]);
  __syncthreads();  // before the next join writes `warps`
  return all;
}
)cuda";

}  // namespace keen::detail::cuda
