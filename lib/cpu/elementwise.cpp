// The kernels of elementwise operations.
#include "core/message.h"
#include "core/parallel.h"
#include "cpu/broadcast.h"
#include "cpu/kernels.h"

namespace keen::detail::cpu {
namespace {

/// Calls the loop where no input needs staging: the whole work of small tensors.
template <int inputs>
[[gnu::always_inline]] inline void run(Loop loop, const TensorImpl* const* in, TensorImpl& out) {
  unsigned repeated = 0;
  for (int i = 0; i < inputs; ++i) {
    if (in[i]->size == out.size && in[i]->is_contiguous()) [[likely]]
      continue;
    if (in[i]->size != 1) return run_broadcast({loop, in, inputs, out});
    repeated |= 1u << i;
  }
  if (out.size > elementwise_grain) return run_contiguous({loop, in, inputs, out}, repeated);
  const void* data[inputs];
  for (int i = 0; i < inputs; ++i) data[i] = in[i]->data;
  loop(data, repeated, out.data, out.size);
}

[[noreturn, gnu::noinline]] void no_loop(const Op& op, DType dtype) {
  fail<DTypeError>(op.name, "computing with ", name(dtype), " is not offered on the cpu: cast to float32 or float64");
}

}  // namespace

void elementwise(KernelCall& call) {
  const Loop loop = find_loop(call.op.scalar, call.in(0).dtype);
  if (!loop) [[unlikely]]
    no_loop(call.op, call.in(0).dtype);
  const TensorImpl* in[2] = {&call.in(0), nullptr};
  if (call.inputs.size() == 1) return run<1>(loop, in, call.out());
  in[1] = &call.in(1);
  run<2>(loop, in, call.out());
}

void where(KernelCall& call) {
  const TensorImpl* in[3] = {&call.in(0), &call.in(1), &call.in(2)};
  run<3>(find_where_loop(size_of(call.out().dtype)), in, call.out());
}

}  // namespace keen::detail::cpu
