// Fused optimizer updates: one pass over a variable, its slots and its gradient.
#include "cpu/optimizer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "core/message.h"
#include "core/parallel.h"
#include "core/variable_state.h"
#include "cpu/isa.h"
#include "cpu/kernels.h"
#include "cpu/optimizer_loops.h"

namespace keen::detail::cpu {

namespace {

// The first N attributes of an update name the variable and its slots. Holds their locks, gives their buffers to write,
// and publishes them at the end; until then nothing has changed.
template <std::size_t N>
class Target {
 public:
  explicit Target(const KernelCall& call) {
    for (std::size_t i = 0; i < N; ++i) {
      states_[i] = &resource<VariableState>(call.attributes[i]);
      locks_[i] = std::unique_lock(states_[i]->mutex);
    }
    for (std::size_t i = 0; i < N; ++i) buffers_[i] = writable(*states_[i], true);
  }
  void publish() {
    for (std::size_t i = 0; i < N; ++i) states_[i]->value = std::move(buffers_[i]);
  }

  template <class T>
  std::array<T*, N> pointers() const {
    std::array<T*, N> out;
    for (std::size_t i = 0; i < N; ++i) out[i] = static_cast<T*>(buffers_[i].impl()->data);
    return out;
  }
  std::int64_t size() const { return buffers_[0].impl()->size; }
  std::int64_t rows() const { return buffers_[0].impl()->shape[0]; }

 private:
  VariableState* states_[N];
  std::unique_lock<std::mutex> locks_[N];
  Tensor buffers_[N];
};

Tensor contiguous_of(const TensorImpl& t) {
  if (t.is_contiguous()) return {};
  Tensor copy = make_tensor(t.dtype, t.shape, t.device);
  copy_strided(copy.impl()->data, t);
  return copy;
}

template <std::size_t N, class T, class Step>
void update_dense(const TensorImpl& gradient, const Target<N>& target, Step step) {
  const Tensor copy = contiguous_of(gradient);
  const T* g = copy.defined() ? copy.impl()->as<T>() : gradient.as<T>();
  const auto p = target.template pointers<T>();
  parallel_for(target.size(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    auto at = p;
    for (T*& q : at) q += begin;
    step(at, g + begin, end - begin);
  });
}

// The rows counted from the start; gather takes negative ones from the end.
std::vector<std::int64_t> checked_rows(
    const std::int64_t* rows, std::int64_t n, std::int64_t limit, const char* operation) {
  std::vector<std::int64_t> out(rows, rows + n);
  for (auto& row : out) {
    if (row < -limit || row >= limit)
      fail<IndexError>(operation, "a sparse gradient names row ", row, " of a variable with ", limit, " rows");
    if (row < 0) row += limit;
  }
  return out;
}

// Occurrences of rows in ascending order of the row; the first occurrence of a row comes first, so sums repeat exactly.
std::vector<std::int64_t> sorted_occurrences(const std::vector<std::int64_t>& rows) {
  std::vector<std::int64_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) {
    return rows[static_cast<std::size_t>(a)] < rows[static_cast<std::size_t>(b)];
  });
  return order;
}

template <std::size_t N, class T, class Step>
void update_rows(const char* operation, const SparseParts& gradient, const Target<N>& target, Step step) {
  const TensorImpl &values = impl(gradient.values), &indices = impl(gradient.indices);
  const Tensor values_copy = contiguous_of(values), indices_copy = contiguous_of(indices);
  const T* g = values_copy.defined() ? values_copy.impl()->as<T>() : values.as<T>();
  const auto* named = indices_copy.defined() ? indices_copy.impl()->as<std::int64_t>() : indices.as<std::int64_t>();
  const std::int64_t n = indices.size;
  if (n == 0 || values.size == 0) return;
  const std::int64_t width = values.size / n;
  const auto rows = checked_rows(named, n, target.rows(), operation);
  const auto order = sorted_occurrences(rows);
  auto row_of = [&](std::size_t i) { return rows[static_cast<std::size_t>(order[i])]; };

  std::vector<T> total(static_cast<std::size_t>(width));
  const auto p = target.template pointers<T>();
  for (std::size_t i = 0; i < order.size();) {
    const std::int64_t row = row_of(i);
    const T* first = g + order[i] * width;
    std::copy(first, first + width, total.begin());
    for (++i; i < order.size() && row_of(i) == row; ++i) {
      const T* more = g + order[i] * width;
      for (std::int64_t k = 0; k < width; ++k) total[static_cast<std::size_t>(k)] += more[k];
    }
    auto at = p;
    for (T*& q : at) q += row * width;
    step(at, total.data(), width);
  }
}

// `make_step(T{})` gives the update of n consecutive elements: step(pointers, gradient, n).
template <std::size_t N, class MakeStep>
void update(KernelCall& call, MakeStep make_step) {
  Target<N> target(call);
  const TensorImpl& gradient = call.in(0);
  auto run = [&]<class T>(T) {
    if (gradient.is_sparse()) update_rows<N, T>(call.op.name, *gradient.extra->sparse, target, make_step(T{}));
    else update_dense<N, T>(gradient, target, make_step(T{}));
  };
  if (gradient.dtype == DType::float64) run(double{});
  else run(float{});
  target.publish();
}

double hyperparameter(const KernelCall& call, int i) { return *call.in(i).as<float>(); }

// Of three builds of the loops, the one for this processor.
template <class T>
const UpdateLoops<T>& loops() {
  if constexpr (std::is_same_v<T, float>)
    return *for_isa(&sse2::float_update_loops, &avx2::float_update_loops, &avx512::float_update_loops);
  else return *for_isa(&sse2::double_update_loops, &avx2::double_update_loops, &avx512::double_update_loops);
}

}  // namespace

void sgd_update(KernelCall& call) {
  const double rate = hyperparameter(call, 1);
  update<1>(call, [=]<class T>(T) {
    return [rate](const std::array<T*, 1>& p, const T* g, std::int64_t n) {
      loops<T>().sgd(p[0], g, n, static_cast<T>(rate));
    };
  });
}

void momentum_update(KernelCall& call) {
  const double rate = hyperparameter(call, 1), mu = hyperparameter(call, 2);
  const bool is_nesterov = boolean(call.attributes[2]);
  update<2>(call, [=]<class T>(T) {
    return [=](const std::array<T*, 2>& p, const T* g, std::int64_t n) {
      (is_nesterov ? loops<T>().nesterov : loops<T>().momentum)(
          p[0], p[1], g, n, static_cast<T>(rate), static_cast<T>(mu));
    };
  });
}

void adam_update(KernelCall& call) {
  const double rate = hyperparameter(call, 1), beta_1 = hyperparameter(call, 2), beta_2 = hyperparameter(call, 3);
  const double epsilon = hyperparameter(call, 4);
  const double t = static_cast<double>(*call.in(5).as<std::int64_t>() + 1);
  const double step = rate * std::sqrt(1 - std::pow(beta_2, t)) / (1 - std::pow(beta_1, t));
  update<3>(call, [=]<class T>(T) {
    const AdamFactors<T> factors{
        static_cast<T>(step), static_cast<T>(1 - beta_1), static_cast<T>(1 - beta_2), static_cast<T>(epsilon)};
    return [factors](const std::array<T*, 3>& p, const T* g, std::int64_t n) {
      loops<T>().adam(p[0], p[1], p[2], g, n, factors);
    };
  });
}

}  // namespace keen::detail::cpu
