// train_test_split.
#include <cmath>

#include "core/message.h"
#include "keen/data/files.h"
#include "keen/ops/indexing.h"
#include "keen/random.h"

namespace keen::data {

std::array<Tensor, 4> train_test_split(const Tensor& x, const Tensor& y, const SplitOptions& options) {
  constexpr const char* operation = "train_test_split";
  if (!x.defined() || !y.defined()) detail::fail<UsageError>(operation, "a tensor is undefined");
  if (x.rank() == 0 || y.rank() == 0 || x.dim(0) != y.dim(0))
    detail::fail<ShapeError>(operation, "shapes ", x.shape(), " and ", y.shape(), ": wants as many rows in both");
  if (!(options.test_size > 0 && options.test_size < 1))
    detail::fail<UsageError>(operation, "test_size ", options.test_size, ": wants a share between 0 and 1");
  const std::int64_t n = x.dim(0);
  const auto n_test = static_cast<std::int64_t>(std::ceil(static_cast<double>(n) * options.test_size));
  if (n_test >= n) detail::fail<UsageError>(operation, n, " rows leave none to train on");
  const Tensor order = random::permutation(n, {.device = x.device(), .seed = options.seed});
  const Tensor train = order(slice(n_test, n)), test = order(slice(n_test));
  return {take(x, train), take(x, test), take(y, train), take(y, test)};
}

}  // namespace keen::data
