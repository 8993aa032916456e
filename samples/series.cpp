// Two variables sum the series 1 + 1/2 + … + 1/2^50.
#include <keen/keen.h>

using namespace keen;

int main() {
  Variable x(0.f), y(1.f);
  for (int i = 0; i <= 50; ++i) {
    x.assign(x + y);
    y.assign(y / 2);
  }
  std::cout << x.item<float>() << '\n';  // 2
}
