// Results decide what runs: a compiled function cut down to the tensors that are fetched, by their names.
#include <keen/keen.h>

using namespace keen;

int main() {
  auto f = function([](Tensor x, Tensor y) {
    Tensor s = add(x, y), m = multiply(x, y), useless = multiply(x, s);
    return std::tuple{named(pow(s, m), "z"), named(useless, "useless")};
  });
  auto [z, useless] = f(2, 3);
  std::cout << "both:   " << z << " and " << useless << '\n';

  auto concrete = f.get_concrete_function(2, 3);
  auto only_z = concrete.prune({"z"});
  std::cout << "only z: " << only_z(2, 3) << '\n' << only_z.explain() << only_z.graph();

  // Fed in the middle: what lies before is not computed either.
  auto head = function([](const Tensor& x) {
    Tensor hidden = named(relu(x * 2), "hidden");
    return named(sum(hidden * hidden), "out");
  });
  auto from_hidden = head.get_concrete_function(ones({3})).prune({"out"}, {"hidden"});
  std::cout << "fed:    " << from_hidden(constant({1.f, 2.f, 3.f})) << '\n' << from_hidden.graph();
  return z.item<int>() == 15625 && useless.item<int>() == 10 && only_z(2, 3).item<int>() == 15625 ? 0 : 1;
}
