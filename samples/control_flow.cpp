// The host's if and while inside a compiled function beside cond and while_loop: the same numbers, and what each costs.
#include <keen/keen.h>

using namespace keen;

// Clips the norm, then halves until nothing is above 1.
Tensor with_the_host(Tensor x, const Tensor& limit) {
  if (norm(x) > limit) x = x * (limit / norm(x));
  while (max(abs(x)) > 1.f) x = x * 0.5f;
  return x;
}

Tensor staged(const Tensor& x, const Tensor& limit) {
  const Tensor length = norm(x);
  const Tensor clipped = cond(
      length > limit, [&] { return x * (limit / length); }, [&] { return x; });
  return while_loop([](Tensor v) { return max(abs(v)) > 1.f; }, [](Tensor v) { return v * 0.5f; }, clipped);
}

int main() {
  auto host = function([](const Tensor& x, const Tensor& limit) { return with_the_host(x, limit); });
  auto graph = function([](const Tensor& x, const Tensor& limit) { return staged(x, limit); });
  bool same = true;
  for (float scale : {0.1f, 3.f, 20.f, 500.f}) {
    const Tensor x = random::normal({1000}, {.seed = 1}) * scale, limit = constant(40.f);
    const Tensor a = with_the_host(x, limit), b = host(x, limit), c = graph(x, limit);
    same = same && array_equal(a, b) && allclose(a, c);
    std::cout << "scale " << scale << ": largest " << max(abs(b)).item<float>() << ", eager "
              << timeit([&] { with_the_host(x, limit); }, 100) * 1e6 << " us, host decisions "
              << timeit([&] { host(x, limit); }, 100) * 1e6 << " us, staged "
              << timeit([&] { graph(x, limit); }, 100) * 1e6 << " us\n";
  }
  std::cout << host.explain() << (same ? "all three agree\n" : "they differ\n");

  // A loop that knows its number of turns, with a tensor rebound in each: sums of squares.
  auto sums = function([](const Tensor& x) {
    Tensor total = zeros({});
    for (Tensor t : range(x.dim(0), carry(total))) total = total + square(x[t]);
    return total;
  });
  const Tensor x = constant({1.f, 2.f, 3.f});
  std::cout << "sum of squares: " << sums(x) << '\n';
  return same && sums(x).item<float>() == 14 ? 0 : 1;
}
