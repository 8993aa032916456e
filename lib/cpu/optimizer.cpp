// Fused optimizer updates: one pass over a variable, its slots and its gradient.
#include "cpu/optimizer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <span>

#include "core/message.h"
#include "cpu/isa.h"
#include "cpu/kernels.h"
#include "cpu/optimizer_loops.h"
#include "cpu/update_batch.h"

namespace keen::detail::cpu {

namespace {

// The first N attributes of an update name the variable and its slots. Holds their locks, gives their buffers to write,
// and publishes them at the end; until then nothing has changed.
template <std::size_t N>
class Target {
 public:
  explicit Target(const KernelCall& call) {
    for (std::size_t i = 0; i < N; ++i) states_[i] = &resource<VariableState>(call.attributes[i]);
    auto states = states_;
    locks_ = lock_all(states);
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

 private:
  std::array<VariableState*, N> states_;
  std::vector<std::unique_lock<std::mutex>> locks_;
  std::array<Tensor, N> buffers_;
};

Tensor contiguous_of(const TensorImpl& t) {
  if (t.is_contiguous()) return {};
  Tensor copy = make_tensor(t.dtype, t.shape, t.device);
  copy_strided(copy.impl()->data, t);
  return copy;
}

// Occurrences of rows in ascending order of the row; the first occurrence of a row comes first, so sums repeat exactly.
std::vector<std::int64_t> sorted_occurrences(std::span<const std::int64_t> rows) {
  std::vector<std::int64_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) {
    return rows[static_cast<std::size_t>(a)] < rows[static_cast<std::size_t>(b)];
  });
  return order;
}

// Calls step(pointers to a row of the variable and its slots, the row's gradient, its length) for each row that is named;
// the gradients of one that is named several times are added up.
template <std::size_t N, class T, class Step>
void update_rows(const TensorImpl& values, const TensorImpl& indices, const Target<N>& target, Step step) {
  const Tensor values_copy = contiguous_of(values), indices_copy = contiguous_of(indices);
  const T* g = (values_copy.defined() ? impl(values_copy) : values).template as<T>();
  const TensorImpl& packed = indices_copy.defined() ? impl(indices_copy) : indices;
  const std::span<const std::int64_t> rows(packed.as<std::int64_t>(), static_cast<std::size_t>(indices.size));
  if (values.size == 0) return;
  const std::int64_t width = values.size / indices.size;
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

// Number i of the `count` last inputs.
const TensorImpl& hyperparameter(const KernelCall& call, int i, int count) {
  return call.in(static_cast<int>(call.inputs.size()) - count + i);
}
double number(const KernelCall& call, int i, int count) { return *hyperparameter(call, i, count).as<float>(); }

// Of three builds of the loops, the one for this processor.
template <class T>
const UpdateLoops<T>& loops() {
  if constexpr (std::is_same_v<T, float>)
    return *for_isa(&sse2::float_update_loops, &avx2::float_update_loops, &avx512::float_update_loops);
  else return *for_isa(&sse2::double_update_loops, &avx2::double_update_loops, &avx512::double_update_loops);
}

// Runs `loop`: here for the rows that a gradient names, with those of other variables for a dense one.
template <std::size_t N, class T>
void update(KernelCall& call, UpdateLoop loop, const UpdateFactors& factors, bool by_rows) {
  const TensorImpl& gradient = call.in(0);
  if (by_rows) {
    Target<N> target(call);
    update_rows<N, T>(gradient, call.in(1), target, [&](const std::array<T*, N>& at, const T* g, std::int64_t n) {
      std::array<char*, N> p;
      for (std::size_t i = 0; i < N; ++i) p[i] = reinterpret_cast<char*>(at[i]);
      loop(factors, p.data(), reinterpret_cast<const char*>(g), n);
    });
    return target.publish();
  }
  DenseUpdate made{.state_count = N, .gradient_copy = contiguous_of(gradient), .loop = loop, .factors = factors};
  for (std::size_t i = 0; i < N; ++i) made.states[i] = &resource<VariableState>(call.attributes[i]);
  made.gradient = made.gradient_copy.defined() ? made.gradient_copy.impl()->as<char>() : gradient.as<char>();
  UpdateBatch::take(std::move(made));
}

/// `loop_of(T{})` is the loop over elements of type T. Behind the gradient come `count` hyperparameters.
template <std::size_t N, class LoopOf>
void update(KernelCall& call, LoopOf loop_of, const UpdateFactors& factors, int count) {
  const bool by_rows = static_cast<int>(call.inputs.size()) == count + 2;  // values and indices
  if (call.in(0).dtype == DType::float64) update<N, double>(call, loop_of(double{}), factors, by_rows);
  else update<N, float>(call, loop_of(float{}), factors, by_rows);
}

template <class T>
T* elements(char* p) {
  return reinterpret_cast<T*>(p);
}
template <class T>
const T* elements(const char* p) {
  return reinterpret_cast<const T*>(p);
}

}  // namespace

void sgd_update(KernelCall& call) {
  const auto loop_of = []<class T>(T) -> UpdateLoop {
    return [](const UpdateFactors& f, char* const* p, const char* g, std::int64_t n) {
      loops<T>().sgd(elements<T>(p[0]), elements<T>(g), n, static_cast<T>(f.values[0]));
    };
  };
  update<1>(call, loop_of, {{number(call, 0, 1)}}, 1);
}

void momentum_update(KernelCall& call) {
  const bool is_nesterov = boolean(call.attributes[2]);
  const auto loop_of = [&]<class T>(T) -> UpdateLoop {
    if (is_nesterov)
      return [](const UpdateFactors& f, char* const* p, const char* g, std::int64_t n) {
        loops<T>().nesterov(
            elements<T>(p[0]), elements<T>(p[1]), elements<T>(g), n, static_cast<T>(f.values[0]),
            static_cast<T>(f.values[1]));
      };
    return [](const UpdateFactors& f, char* const* p, const char* g, std::int64_t n) {
      loops<T>().momentum(
          elements<T>(p[0]), elements<T>(p[1]), elements<T>(g), n, static_cast<T>(f.values[0]),
          static_cast<T>(f.values[1]));
    };
  };
  update<2>(call, loop_of, {{number(call, 0, 2), number(call, 1, 2)}}, 2);
}

void adam_update(KernelCall& call) {
  constexpr int count = 5;
  const double rate = number(call, 0, count), beta_1 = number(call, 1, count), beta_2 = number(call, 2, count);
  const double epsilon = number(call, 3, count);
  const double t = static_cast<double>(*hyperparameter(call, 4, count).as<std::int64_t>() + 1);
  const double step = rate * std::sqrt(1 - std::pow(beta_2, t)) / (1 - std::pow(beta_1, t));
  const auto loop_of = []<class T>(T) -> UpdateLoop {
    return [](const UpdateFactors& f, char* const* p, const char* g, std::int64_t n) {
      const AdamFactors<T> factors{
          static_cast<T>(f.values[0]), static_cast<T>(f.values[1]), static_cast<T>(f.values[2]),
          static_cast<T>(f.values[3])};
      loops<T>().adam(elements<T>(p[0]), elements<T>(p[1]), elements<T>(p[2]), elements<T>(g), n, factors);
    };
  };
  update<3>(call, loop_of, {{step, 1 - beta_1, 1 - beta_2, epsilon}}, count);
}

}  // namespace keen::detail::cpu
