#include <keen/keen.h>

#include <iostream>

int main() {
  keen::Tensor w = keen::constant(4.f);
  keen::GradientTape tape;
  tape.watch(w);
  keen::Tensor y = 2.f * pow(w, 2) + 3.f * w + 4.f;
  std::cout << tape.gradient(y, w) << '\n';
}
