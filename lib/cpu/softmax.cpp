// Softmax, log-softmax and sparse cross-entropy of any layout.
#include <algorithm>

#include "core/message.h"
#include "core/parallel.h"
#include "cpu/isa.h"
#include "cpu/kernels.h"
#include "cpu/positions.h"
#include "cpu/softmax_loops.h"

namespace keen::detail::cpu {
namespace {

const SoftmaxLoops& loops_of(const char* operation, DType dtype) {
  if (dtype != DType::float32 && dtype != DType::float64)
    fail<DTypeError>(operation, name(dtype), ": float32 or float64 is needed");
  return for_isa(sse2::softmax_loops, avx2::softmax_loops, avx512::softmax_loops)[dtype == DType::float64];
}

/// Elements a task should have: an exponential costs about four additions.
constexpr std::int64_t grain = elementwise_grain / 2;

/// Columns of (outer, n, inner): tiles of neighbours, and what remains copied to rows.
void along_columns(
    const SoftmaxLoops& loops, bool logarithm, char* out, const char* in, std::int64_t outer, std::int64_t n,
    std::int64_t inner, std::int64_t size) {
  const std::int64_t tile = loops.tile, tiles = (inner + tile - 1) / tile;
  parallel_for(outer * tiles, pieces_of(grain, n * tile), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t first = t % tiles * tile, offset = (t / tiles * n * inner + first) * size;
      if (first + tile <= inner) {
        (logarithm ? loops.log_softmax_columns : loops.softmax_columns)(out + offset, in + offset, inner, n);
        continue;
      }
      Scratch row(static_cast<std::size_t>(n * size));
      for (std::int64_t c = 0; c < inner - first; ++c) {
        copy_elements(row.data(), 1, in + offset + c * size, inner, n, static_cast<std::size_t>(size));
        (logarithm ? loops.log_softmax : loops.softmax)(row.data(), row.data(), 1, n);
        copy_elements(out + offset + c * size, inner, row.data(), 1, n, static_cast<std::size_t>(size));
      }
    }
  });
}

void normalise(KernelCall& call, bool logarithm) {
  const TensorImpl& x = call.in(0);
  TensorImpl& out = call.out();
  const SoftmaxLoops& loops = loops_of(call.op.name, x.dtype);
  if (out.size == 0) return;
  const auto axis = static_cast<int>(integer(call.attributes[0]));
  const auto size = static_cast<std::int64_t>(size_of(x.dtype));
  const std::int64_t n = x.shape[axis], outer = product(x.shape, 0, axis),
                     inner = product(x.shape, axis + 1, x.shape.rank());
  const Contiguous from(x);
  if (inner > 1) return along_columns(loops, logarithm, out.as<char>(), from.data(), outer, n, inner, size);
  parallel_for(outer, pieces_of(grain, n), [&](std::int64_t begin, std::int64_t end) {
    (logarithm ? loops.log_softmax : loops.softmax)(
        out.as<char>() + begin * n * size, from.data() + begin * n * size, end - begin, n);
  });
}

/// Labels (n,) of logits (n, k), checked.
class Labels : public Positions {
 public:
  Labels(const TensorImpl& labels, const TensorImpl& logits) : Positions(labels, logits.shape[1], false) {
    if (bad() >= 0)
      fail<IndexError>(
          "sparse_softmax_cross_entropy", "label ", bad_value(), " is out of range for ", logits.shape[1], " classes");
  }
};

}  // namespace

void softmax(KernelCall& call) { normalise(call, false); }
void log_softmax(KernelCall& call) { normalise(call, true); }

void sparse_cross_entropy(KernelCall& call) {
  const TensorImpl& logits = call.in(1);
  const SoftmaxLoops& loops = loops_of(call.op.name, logits.dtype);
  const Labels labels(call.in(0), logits);
  const Contiguous x(logits);
  const std::int64_t k = logits.shape[1], size = static_cast<std::int64_t>(size_of(logits.dtype));
  if (k == 0) return;  // then there are no rows either: no label is in range
  parallel_for(logits.shape[0], pieces_of(grain, k), [&](std::int64_t begin, std::int64_t end) {
    loops.cross_entropy(
        call.out().as<char>() + begin * size, x.data() + begin * k * size, labels.data() + begin, end - begin, k);
  });
}

void sparse_cross_entropy_gradient(KernelCall& call) {
  const TensorImpl& logits = call.in(1);
  const SoftmaxLoops& loops = loops_of(call.op.name, logits.dtype);
  const Labels labels(call.in(0), logits);
  const Contiguous x(logits), dy(call.in(2));
  const std::int64_t k = logits.shape[1], size = static_cast<std::int64_t>(size_of(logits.dtype));
  if (k == 0) return;
  parallel_for(logits.shape[0], pieces_of(grain, k), [&](std::int64_t begin, std::int64_t end) {
    loops.cross_entropy_gradient(
        call.out().as<char>() + begin * k * size, x.data() + begin * k * size, labels.data() + begin,
        dy.data() + begin * size, end - begin, k);
  });
}

}  // namespace keen::detail::cpu
