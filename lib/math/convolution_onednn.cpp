// Convolutions by oneDNN on the pool: pieces of the batch, or of one image's rows, cut by shape alone.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

#include "core/message.h"
#include "core/parallel.h"
#include "cpu/layout.h"
#include "cpu/tail.h"
#include "keen/error.h"
#include "math/convolution.h"
#include "math/loader.h"

namespace keen::detail {
namespace {

using cpu::Scratch;
using std::int64_t;

constexpr int64_t piece_work = int64_t{1} << 20;  // multiply-adds that a piece should have
constexpr int64_t most_sums = 16;                 // partial sums of a filter gradient

/// A counted plan.
class Plan {
 public:
  Plan(const KeenMathLibrary& library, const KeenConvolution& problem)
      : library_(&library), problem_(problem), plan_(library.plan_convolution(&problem)) {}
  Plan(Plan&& other) noexcept : library_(other.library_), problem_(other.problem_), plan_(other.plan_) {
    other.plan_ = nullptr;
  }
  Plan& operator=(Plan&&) = delete;
  ~Plan() {
    if (plan_) library_->release_plan(plan_);
  }
  explicit operator bool() const { return plan_; }
  const KeenConvolutionPlan* operator->() const { return plan_; }
  const KeenConvolutionPlan* get() const { return plan_; }
  const KeenConvolution& problem() const { return problem_; }
  bool is_for(const KeenConvolution& problem) const { return std::memcmp(&problem_, &problem, sizeof problem) == 0; }

 private:
  const KeenMathLibrary* library_;
  KeenConvolution problem_;
  const KeenConvolutionPlan* plan_;
};

/// A part of the whole that one call computes.
struct Piece {
  std::size_t plan;
  int64_t x_offset, y_offset;
};

using cpu::Part, cpu::Tail;

class Pieces {
 public:
  Pieces(const KeenMathLibrary& library, const KeenConvolution& whole) : whole(whole), library_(library) {
    const int64_t image = whole.oh * whole.ow * whole.out * (whole.c / whole.groups) * whole.kh * whole.kw;
    int64_t images = std::max<int64_t>(1, piece_work / std::max<int64_t>(1, image));
    if (whole.kind == KeenConvolution::filter_gradient)
      images = std::max(images, (whole.n + most_sums - 1) / most_sums);
    if (whole.kind == KeenConvolution::forward && whole.n < 8 && image > 2 * piece_work) {
      cut_rows(image);
      return;
    }
    const int64_t count = (whole.n + images - 1) / images;
    images = (whole.n + count - 1) / count;
    rows = images * (whole.kind == KeenConvolution::forward ? whole.oh * whole.ow : whole.h * whole.w);
    for (int64_t first = 0; first < whole.n; first += images) {
      KeenConvolution part = whole;
      part.n = std::min(images, whole.n - first);
      add(part, first * whole.h * whole.w * whole.c, first * whole.oh * whole.ow * whole.out);
    }
  }

  const KeenConvolution whole;
  std::vector<Piece> pieces;
  std::vector<Plan> plans;
  bool complete = true;  // a plan for each piece
  int64_t rows = 0;      // pixels of the result that pieces are multiples of

  /// The pixels that a piece computes: of y, or of x as a gradient.
  Part part(const Piece& piece) const {
    const KeenConvolution& p = plans[piece.plan].problem();
    if (p.kind == KeenConvolution::forward) return {piece.y_offset / p.out, p.n * p.oh * p.ow, 0, p.out};
    return {piece.x_offset / p.c, p.n * p.h * p.w, 0, p.c};
  }

 private:
  /// Rows of the result, each image by itself: a piece takes over the padding that its rows reach.
  void cut_rows(int64_t image) {
    const int64_t bands = std::min(whole.oh, std::min<int64_t>(16, image / piece_work));
    const int64_t band = (whole.oh + bands - 1) / bands, reach = (whole.kh - 1) * whole.dilation_y + 1;
    rows = std::gcd(band, whole.oh) * whole.ow;
    for (int64_t i = 0; i < whole.n; ++i) {
      for (int64_t first = 0; first < whole.oh; first += band) {
        KeenConvolution part = whole;
        part.n = 1;
        part.oh = std::min(band, whole.oh - first);
        const int64_t begin = first * whole.stride_y - whole.top;
        const int64_t end = begin + (part.oh - 1) * whole.stride_y + reach;
        const int64_t from = std::clamp<int64_t>(begin, 0, whole.h), to = std::clamp<int64_t>(end, 0, whole.h);
        part.h = to - from;
        part.top = std::max<int64_t>(0, -begin);
        part.bottom = end - to;
        if (part.h <= 0) return void(complete = false);
        add(part, (i * whole.h + from) * whole.w * whole.c, (i * whole.oh + first) * whole.ow * whole.out);
      }
    }
  }

  void add(const KeenConvolution& part, int64_t x_offset, int64_t y_offset) {
    std::size_t plan = 0;
    while (plan < plans.size() && !plans[plan].is_for(part)) ++plan;
    if (plan == plans.size()) {
      plans.emplace_back(library_, part);
      if (!plans.back()) complete = false;
    }
    pieces.push_back({plan, x_offset, y_offset});
  }

  const KeenMathLibrary& library_;
};

/// Both directions that read filters: they are brought into each plan's layout once.
bool run_with_filters(const KeenMathLibrary& library, const Pieces& p, float* x, const float* filters, float* y) {
  std::vector<std::unique_ptr<Scratch>> packed;
  for (const Plan& plan : p.plans) {
    packed.push_back(std::make_unique<Scratch>(plan->filter_bytes));
    if (!library.pack_filters(plan.get(), filters, packed.back()->data())) return false;
  }
  const Part first = p.part(p.pieces[0]);  // where it is the only one, the whole
  const Tail* tail = Tail::take({p.rows, false}, static_cast<int64_t>(p.pieces.size()), first.rows * first.columns);
  std::atomic<bool> ok{true};
  parallel_for(static_cast<int64_t>(p.pieces.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Piece& piece = p.pieces[static_cast<std::size_t>(i)];
      const Plan& plan = p.plans[piece.plan];
      Scratch scratch(plan->scratch_bytes);
      if (!library.convolve(
              plan.get(), x + piece.x_offset, packed[piece.plan]->data(), y + piece.y_offset, scratch.data()))
        ok = false;
      else if (tail) tail->run(p.part(piece));
    }
  });
  if (!ok && tail) fail<InternalError>("conv2d", "oneDNN failed in the middle of a convolution");
  return ok;
}

/// Each piece sums its own images; the partial sums are added in order.
bool run_to_filters(const KeenMathLibrary& library, const Pieces& p, float* x, float* filters, float* y) {
  const auto count = static_cast<int64_t>(p.pieces.size());
  const int64_t plain = p.whole.kh * p.whole.kw * (p.whole.c / p.whole.groups) * p.whole.out;
  Scratch sums(static_cast<std::size_t>(count * plain) * sizeof(float));
  std::atomic<bool> ok{true};
  parallel_for(count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Piece& piece = p.pieces[static_cast<std::size_t>(i)];
      const Plan& plan = p.plans[piece.plan];
      Scratch scratch(plan->scratch_bytes), packed(plan->filter_bytes);
      if (!library.convolve(plan.get(), x + piece.x_offset, packed.data(), y + piece.y_offset, scratch.data()) ||
          !library.unpack_filters(plan.get(), packed.data(), sums.as<float>() + i * plain))
        ok = false;
    }
  });
  const float* from = sums.as<float>();
  std::memcpy(filters, from, static_cast<std::size_t>(plain) * sizeof(float));
  for (int64_t i = 1; i < count; ++i)
    for (int64_t j = 0; j < plain; ++j) filters[j] += from[i * plain + j];
  return ok;
}

}  // namespace

bool convolve_by_onednn(const KeenConvolution& problem, float* x, float* filters, float* y) {
  const KeenMathLibrary& library = math_library();
  if (!library.plan_convolution) return false;
  const Pieces pieces(library, problem);
  if (!pieces.complete || pieces.pieces.empty()) return false;
  return problem.kind == KeenConvolution::filter_gradient ? run_to_filters(library, pieces, x, filters, y)
                                                          : run_with_filters(library, pieces, x, filters, y);
}

}  // namespace keen::detail
