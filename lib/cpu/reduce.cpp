// Reductions over any axes of any layout.
#include <algorithm>
#include <bit>
#include <cstring>

#include "core/message.h"
#include "core/parallel.h"
#include "cpu/isa.h"
#include "cpu/kernels.h"
#include "cpu/layout.h"
#include "cpu/reduce_loops.h"
#include "cpu/reduce_plan.h"

namespace keen::detail::cpu {
namespace {

/// Partial results wait in slots and are combined in pairs, as a binary counter counts.
class PairwiseStack {
 public:
  PairwiseStack(const ReduceLoops& loops, std::int64_t width, char* slots)
      : loops_(loops), width_(width), bytes_(width * static_cast<std::int64_t>(size_of(loops.result))), slots_(slots) {}
  static std::int64_t slots_for(std::int64_t pieces) { return std::bit_width(static_cast<std::uint64_t>(pieces)) + 1; }

  char* next() const noexcept { return slots_ + depth_ * bytes_; }
  void push() {
    ++depth_;
    for (std::int64_t c = ++count_; c % 2 == 0; c /= 2) combine();
  }
  const char* finish() {
    while (depth_ > 1) combine();
    return slots_;
  }

 private:
  void combine() {
    --depth_;
    loops_.combine(slots_ + (depth_ - 1) * bytes_, slots_ + depth_ * bytes_, width_);
  }

  const ReduceLoops& loops_;
  std::int64_t width_, bytes_, depth_ = 0, count_ = 0;
  char* slots_;
};

/// One reduction on its way.
class Reducer {
 public:
  Reducer(const ReduceLoops& loops, const ReducePlan& plan, DType in, void* out)
      : loops_(loops),
        p_(plan),
        in_(static_cast<std::int64_t>(size_of(in))),
        acc_(static_cast<std::int64_t>(size_of(loops.result))),
        out_(static_cast<char*>(out)) {}

  void run() {
    if (!p_.by_columns && !p_.staged && p_.pieces == 1) return short_rows();
    const std::int64_t outputs = p_.outer.count() * p_.tiles;
    const std::int64_t cost = p_.pieces_per_task * p_.piece * p_.tile;
    const std::int64_t grain = pieces_of(task_elements, cost);
    Scratch partial(p_.chunks > 1 ? static_cast<std::size_t>(outputs * p_.chunks * p_.tile * acc_) : 0);
    parallel_for(outputs * p_.chunks, grain, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t slots = (PairwiseStack::slots_for(p_.pieces_per_task) * p_.tile * acc_ + 63) / 64 * 64;
      Scratch scratch(static_cast<std::size_t>(slots + (p_.staged ? p_.piece * p_.tile * in_ : 0)));
      for (std::int64_t task = begin; task < end; ++task) {
        const std::int64_t output = task / p_.chunks, first = task % p_.chunks * p_.pieces_per_task;
        const char* result = reduce(output, first, scratch.data(), scratch.data() + slots);
        if (p_.chunks == 1) write(output, result);
        else
          std::memcpy(partial.data() + task * p_.tile * acc_, result, static_cast<std::size_t>(width(output) * acc_));
      }
    });
    if (p_.chunks > 1) combine_chunks(partial.data(), outputs);
  }

 private:
  /// The common case: each result is a reduction of one contiguous run.
  void short_rows() {
    const std::int64_t last = p_.outer.rank() ? p_.outer.sizes[-1] : 1,
                       stride = p_.outer.rank() ? p_.outer.strides[-1] : 0;
    parallel_for(p_.results, pieces_of(task_elements, p_.run), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end;) {
        const std::int64_t rows = std::min(end - i, last - i % last);
        loops_.rows(
            out_ + i * acc_, p_.data + offset_of(i, p_.outer.sizes, p_.outer.strides) * in_, stride, rows, p_.run);
        i += rows;
      }
    });
  }

  std::int64_t width(std::int64_t output) const { return std::min(p_.tile, p_.columns - output % p_.tiles * p_.tile); }

  /// Reduces one task's pieces for a tile of results.
  const char* reduce(std::int64_t output, std::int64_t first, char* slots, char* stage) const {
    const std::int64_t n = width(output);
    const char* base = p_.data + (offset_of(output / p_.tiles, p_.outer.sizes, p_.outer.strides) +
                                  output % p_.tiles * p_.tile * p_.column_stride) *
                                     in_;
    PairwiseStack stack(loops_, n, slots);
    for (std::int64_t q = first, end = std::min(first + p_.pieces_per_task, p_.pieces); q < end;) {
      // The innermost reduced dimension has q / pieces_per_run as its place among the others.
      const std::int64_t begin = q % p_.pieces_per_run * p_.piece;
      const std::int64_t offset =
          offset_of(q / p_.pieces_per_run * p_.run, p_.reduced.sizes, p_.reduced.strides) + begin * p_.run_stride;
      if (const std::int64_t runs = runs_at(q, end); runs > 1) {
        reduce_runs(stack, base + offset * in_, runs);
        q += runs;
        continue;
      }
      reduce_piece(stack.next(), base + offset * in_, std::min(p_.piece, p_.run - begin), n, stage);
      stack.push();
      ++q;
    }
    return stack.finish();
  }

  // Whole contiguous runs that lie evenly are reduced together: many short ones would cost a call each.
  static constexpr std::int64_t runs_together = 32;

  /// How many runs from piece q on may go together.
  std::int64_t runs_at(std::int64_t q, std::int64_t end) const {
    if (p_.by_columns || p_.staged || p_.pieces_per_run > 1 || p_.reduced.rank() < 2) return 1;
    const std::int64_t neighbours = p_.reduced.sizes[-2];
    return std::min({runs_together, end - q, neighbours - q % neighbours});
  }
  void reduce_runs(PairwiseStack& stack, const char* x, std::int64_t runs) const {
    alignas(16) char sums[runs_together * 16];
    loops_.rows(sums, x, p_.reduced.strides[-2], runs, p_.run);
    for (std::int64_t r = 0; r < runs; ++r) {
      std::memcpy(stack.next(), sums + r * acc_, static_cast<std::size_t>(acc_));
      stack.push();
    }
  }

  void reduce_piece(char* to, const char* x, std::int64_t length, std::int64_t n, char* stage) const {
    const auto size = static_cast<std::size_t>(in_);
    if (p_.by_columns) {
      std::int64_t stride = p_.run_stride;
      if (p_.staged) {
        for (std::int64_t r = 0; r < length; ++r)
          copy_elements(stage + r * n * in_, 1, x + r * stride * in_, p_.column_stride, n, size);
        x = stage;
        stride = n;
      }
      return loops_.columns(to, x, stride, length, n);
    }
    if (p_.staged) {
      copy_elements(stage, 1, x, p_.run_stride, length, size);
      x = stage;
    }
    loops_.rows(to, x, 0, 1, length);
  }

  /// Puts a tile of results where it belongs.
  void write(std::int64_t output, const char* result) const {
    char* to =
        out_ +
        (offset_of(output / p_.tiles, p_.outer.sizes, p_.outer_to) + output % p_.tiles * p_.tile * p_.column_to) * acc_;
    copy_elements(to, p_.column_to, result, 1, width(output), static_cast<std::size_t>(acc_));
  }

  void combine_chunks(char* partial, std::int64_t outputs) const {
    const std::int64_t step = p_.tile * acc_;
    parallel_for(outputs, pieces_of(task_elements, p_.chunks * p_.tile), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t o = begin; o < end; ++o) {
        char* chunk = partial + o * p_.chunks * step;
        for (std::int64_t half = 1; half < p_.chunks; half *= 2)
          for (std::int64_t c = 0; c + half < p_.chunks; c += 2 * half)
            loops_.combine(chunk + c * step, chunk + (c + half) * step, width(o));
        write(o, chunk);
      }
    });
  }

  const ReduceLoops& loops_;
  const ReducePlan& p_;
  std::int64_t in_, acc_;
  char* out_;
};

const ReduceLoops* find_loops(Reduction r, DType dtype) noexcept {
  switch (r) {
    case Reduction::sum:
    case Reduction::prod:
      return for_isa(sse2::sum_loops, avx2::sum_loops, avx512::sum_loops)(dtype, r == Reduction::prod);
    case Reduction::max:
    case Reduction::min:
      return for_isa(sse2::extremum_loops, avx2::extremum_loops, avx512::extremum_loops)(dtype, r == Reduction::max);
    default:
      return for_isa(sse2::logical_loops, avx2::logical_loops, avx512::logical_loops)(dtype, r == Reduction::all);
  }
}

/// What a reduction of nothing gives.
void fill_identity(Reduction r, TensorImpl& out) {
  std::memset(out.data, 0, static_cast<std::size_t>(out.size) * size_of(out.dtype));
  if (r != Reduction::prod && r != Reduction::all) return;
  const std::uint8_t one = 1;
  for (std::int64_t i = 0; i < out.size; ++i)
    convert(out.dtype, out.as<char>() + i * static_cast<std::int64_t>(size_of(out.dtype)), DType::uint8, &one, 1);
}

/// A contiguous copy in another dtype.
Tensor converted(const TensorImpl& x, DType dtype) {
  Contiguous from(x);
  Tensor out = make_tensor(dtype, x.shape, x.device);
  convert(dtype, impl(out).data, x.dtype, from.data(), x.size);
  return out;
}

void reduce(Reduction r, const TensorImpl& x, const Shape& axes, TensorImpl& out, const char* name) {
  if (out.size == 0) return;
  if (x.size == 0) return fill_identity(r, out);
  const ReduceLoops* loops = find_loops(r, x.dtype);
  if (!loops && (x.dtype == DType::float16 || x.dtype == DType::bfloat16))
    return reduce(r, impl(converted(x, DType::float32)), axes, out, name);  // they accumulate in float32
  if (!loops) fail<DTypeError>(name, "cannot reduce ", keen::name(x.dtype));
  if (x.is_contiguous() && out.size == 1 && x.size <= task_elements && loops->result == out.dtype)
    return loops->rows(out.data, x.data, 0, 1, x.size);
  const ReducePlan plan(x, axes);
  if (loops->result == out.dtype) return Reducer(*loops, plan, x.dtype, out.data).run();
  Scratch wide(static_cast<std::size_t>(out.size) * size_of(loops->result));
  Reducer(*loops, plan, x.dtype, wide.data()).run();
  convert(out.dtype, out.data, loops->result, wide.data(), out.size);
}

void reduce(Reduction r, KernelCall& call) {
  reduce(r, call.in(0), ints(call.attributes[0]), call.out(), call.op.name);
}

}  // namespace

void sum(KernelCall& call) { reduce(Reduction::sum, call); }
void prod(KernelCall& call) { reduce(Reduction::prod, call); }
void max(KernelCall& call) { reduce(Reduction::max, call); }
void min(KernelCall& call) { reduce(Reduction::min, call); }
void any(KernelCall& call) { reduce(Reduction::any, call); }
void all(KernelCall& call) { reduce(Reduction::all, call); }

}  // namespace keen::detail::cpu
