// Optimizer updates as plain loops that the compiler vectorises, once per instruction set.
#include "cpu/optimizer_loops.h"

#include <cmath>

namespace keen::detail::cpu::KEEN_ISA {
namespace {

template <class T>
void sgd(T* __restrict w, const T* __restrict g, std::int64_t n, T rate) {
  for (std::int64_t i = 0; i < n; ++i) w[i] -= rate * g[i];
}

template <class T>
void momentum(T* __restrict w, T* __restrict m, const T* __restrict g, std::int64_t n, T rate, T mu) {
  for (std::int64_t i = 0; i < n; ++i) {
    m[i] = mu * m[i] - rate * g[i];
    w[i] += m[i];
  }
}

template <class T>
void nesterov(T* __restrict w, T* __restrict m, const T* __restrict g, std::int64_t n, T rate, T mu) {
  for (std::int64_t i = 0; i < n; ++i) {
    const T step = rate * g[i];
    m[i] = mu * m[i] - step;
    w[i] += mu * m[i] - step;
  }
}

template <class T>
void adam(
    T* __restrict w, T* __restrict m, T* __restrict v, const T* __restrict g, std::int64_t n,
    const AdamFactors<T>& factors) {
  const AdamFactors<T> f = factors;
  for (std::int64_t i = 0; i < n; ++i) {
    m[i] += (g[i] - m[i]) * f.first;
    v[i] += (g[i] * g[i] - v[i]) * f.second;
    w[i] -= f.step * m[i] / (std::sqrt(v[i]) + f.epsilon);
  }
}

template <class T>
constexpr UpdateLoops<T> loops_of{sgd<T>, momentum<T>, nesterov<T>, adam<T>};

}  // namespace

const UpdateLoops<float> float_update_loops = loops_of<float>;
const UpdateLoops<double> double_update_loops = loops_of<double>;

}  // namespace keen::detail::cpu::KEEN_ISA
