// The gradient tape: derivatives of a polynomial, then derivatives of a derivative.
#include <keen/keen.h>

using namespace keen;

int main() {
  Tensor a = constant(1.f), b = constant(2.f), c = constant(3.f), w = constant(4.f);
  GradientTape tape;
  tape.watch({a, w});
  Tensor y = a * pow(w, 2) + b * w + c;
  auto [da, dw] = tape.gradient(y, {a, w});
  std::cout << "dy/da = w² = " << da << "\ndy/dw = 2aw + b = " << dw << '\n';

  Tensor x = constant({1.f, 2.f, 3.f});
  GradientTape outer;
  outer.watch(x);
  Tensor slope;
  {
    GradientTape inner;
    inner.watch(x);
    slope = inner.gradient(sum(x * x * x), x);  // recorded by the outer tape
  }
  std::cout << "(x³)' = " << slope << "\n(x³)'' = " << outer.gradient(slope, x) << '\n';
}
