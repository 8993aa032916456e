// Initializers: the first values of a layer's weights.
#pragma once
#include <functional>
#include <optional>

#include "keen/tensor.h"

namespace keen::initializers {

/// Makes the first value of a variable from its shape and dtype. From a function below, a callable, or a name such as
/// "he_normal"; an unknown name is a UsageError that lists the known ones.
class Initializer {
 public:
  using Function = std::function<Tensor(const Shape&, DType)>;
  template <class F>
  requires std::is_invocable_r_v<Tensor, F&, const Shape&, DType> Initializer(F make) : make_(std::move(make)) {}
  Initializer(const char* name);
  Initializer(const std::string& name) : Initializer(name.c_str()) {}

  /// An empty function is a UsageError.
  Tensor operator()(const Shape& shape, DType dtype = DType::float32) const {
    if (!make_) throw_empty();
    return make_(shape, dtype);
  }

 private:
  [[noreturn]] static void throw_empty();
  Function make_;
};

/// Absent seed: the process's generator.
using Seed = std::optional<std::uint64_t>;
struct NormalOptions {
  double mean = 0, stddev = 0.05;
  Seed seed = {};
};
struct UniformOptions {
  double low = -0.05, high = 0.05;
  Seed seed = {};
};

Initializer zeros();
Initializer ones();
Initializer constant(double value);
Initializer random_normal(NormalOptions options = {});
/// Normal numbers within two standard deviations.
Initializer truncated_normal(NormalOptions options = {});
Initializer random_uniform(UniformOptions options = {});

// Variance scaling: uniform within ±√(3·v), or truncated normal numbers of variance v, with v = 2 / (in + out) for
// glorot (Glorot and Bengio 2010), 2 / in for he (He et al. 2015), 1 / in for lecun (LeCun et al. 1998). `in` and `out`
// are a kernel's last two dimensions times the size of its window.
Initializer glorot_uniform(Seed seed = {});
Initializer glorot_normal(Seed seed = {});
Initializer he_uniform(Seed seed = {});
Initializer he_normal(Seed seed = {});
Initializer lecun_uniform(Seed seed = {});
Initializer lecun_normal(Seed seed = {});

}  // namespace keen::initializers
