// Initializers, most of them random draws scaled by a kernel's fan-in and fan-out.
#include "keen/nn/initializers.h"

#include <cmath>
#include <string_view>

#include "core/message.h"
#include "keen/creation.h"
#include "keen/random.h"

namespace keen::initializers {

namespace {

struct Fans {
  double in, out;
};

// (…window, in, out); a vector's only dimension is both.
Fans fans(const Shape& shape) {
  if (shape.rank() == 0) return {1, 1};
  if (shape.rank() == 1) return {double(shape[0]), double(shape[0])};
  double window = 1;
  for (int i = 0; i < shape.rank() - 2; ++i) window *= double(shape[i]);
  return {window * double(shape[-2]), window * double(shape[-1])};
}

Tensor uniform_within(double limit, const Shape& shape, DType dtype, Seed seed) {
  return random::uniform(shape, {.low = -limit, .high = limit, .dtype = dtype, .seed = seed});
}

// Cutting a normal distribution at two standard deviations leaves this much of its own.
constexpr double truncated_stddev = 0.87962566103423978;

Tensor truncated_of_variance(double variance, const Shape& shape, DType dtype, Seed seed) {
  return random::truncated_normal(
      shape, {.stddev = std::sqrt(variance) / truncated_stddev, .dtype = dtype, .seed = seed});
}

double glorot(const Shape& shape) {
  auto [in, out] = fans(shape);
  return 2 / std::fmax(1, in + out);
}
double he(const Shape& shape) { return 2 / std::fmax(1, fans(shape).in); }
double lecun(const Shape& shape) { return 1 / std::fmax(1, fans(shape).in); }

using Variance = double (*)(const Shape&);

Initializer scaled_uniform(Variance variance, Seed seed) {
  return [=](const Shape& shape, DType dtype) {
    return uniform_within(std::sqrt(3 * variance(shape)), shape, dtype, seed);
  };
}
Initializer scaled_normal(Variance variance, Seed seed) {
  return [=](const Shape& shape, DType dtype) { return truncated_of_variance(variance(shape), shape, dtype, seed); };
}

struct Named {
  std::string_view name;
  Initializer (*make)();
};
constexpr Named by_name[] = {
    {"zeros", zeros},
    {"ones", ones},
    {"random_normal", [] { return random_normal(); }},
    {"truncated_normal", [] { return truncated_normal(); }},
    {"random_uniform", [] { return random_uniform(); }},
    {"glorot_uniform", [] { return glorot_uniform(); }},
    {"glorot_normal", [] { return glorot_normal(); }},
    {"he_uniform", [] { return he_uniform(); }},
    {"he_normal", [] { return he_normal(); }},
    {"lecun_uniform", [] { return lecun_uniform(); }},
    {"lecun_normal", [] { return lecun_normal(); }},
};

}  // namespace

void Initializer::throw_empty() {
  detail::fail<UsageError>("initializer", "the function is empty: give one, or a name such as \"zeros\"");
}

Initializer::Initializer(const char* name) {
  if (!name) throw_empty();
  for (const auto& known : by_name) {
    if (known.name == name) {
      *this = known.make();
      return;
    }
  }
  std::string names;
  for (const auto& known : by_name) names.append(names.empty() ? "" : ", ").append(known.name);
  detail::fail<UsageError>("initializer", "no initializer '", name, "': there are ", names);
}

Initializer zeros() {
  return [](const Shape& shape, DType dtype) { return keen::zeros(shape, {.dtype = dtype}); };
}
Initializer ones() {
  return [](const Shape& shape, DType dtype) { return keen::ones(shape, {.dtype = dtype}); };
}
Initializer constant(double value) {
  return [=](const Shape& shape, DType dtype) { return keen::full(shape, value, {.dtype = dtype}); };
}

Initializer random_normal(NormalOptions o) {
  return [=](const Shape& shape, DType dtype) {
    return random::normal(shape, {.mean = o.mean, .stddev = o.stddev, .dtype = dtype, .seed = o.seed});
  };
}
Initializer truncated_normal(NormalOptions o) {
  return [=](const Shape& shape, DType dtype) {
    return random::truncated_normal(shape, {.mean = o.mean, .stddev = o.stddev, .dtype = dtype, .seed = o.seed});
  };
}
Initializer random_uniform(UniformOptions o) {
  return [=](const Shape& shape, DType dtype) {
    return random::uniform(shape, {.low = o.low, .high = o.high, .dtype = dtype, .seed = o.seed});
  };
}

Initializer glorot_uniform(Seed seed) { return scaled_uniform(glorot, seed); }
Initializer glorot_normal(Seed seed) { return scaled_normal(glorot, seed); }
Initializer he_uniform(Seed seed) { return scaled_uniform(he, seed); }
Initializer he_normal(Seed seed) { return scaled_normal(he, seed); }
Initializer lecun_uniform(Seed seed) { return scaled_uniform(lecun, seed); }
Initializer lecun_normal(Seed seed) { return scaled_normal(lecun, seed); }

}  // namespace keen::initializers
