// One training step, eager and compiled: the same weights, side by side in time; and what the compiler says it did.
#include <keen/keen.h>

using namespace keen;

namespace {

struct Classifier : nn::Module {
  nn::Sequential layers = member(
      "layers",
      nn::Sequential{nn::Dense(256, {.activation = relu}), nn::Dense(128, {.activation = relu}), nn::Dense(10)});
  optimizers::Adam optimizer{1e-3};

  Tensor step(const Tensor& x, const Tensor& labels) {
    GradientTape tape;
    Tensor loss = losses::sparse_categorical_crossentropy(labels, layers(x), {.from_logits = true});
    optimizer.apply_gradients(tape.gradient(loss, trainable_variables()), trainable_variables());
    return loss;
  }
};

}  // namespace

int main() {
  set_seed(1);
  const Tensor x = random::normal({32, 784}), labels = random::integers(0, 10, {32}, {.dtype = int32});
  Classifier eager, compiled;
  eager.layers(x), compiled.layers(x);
  for (std::size_t i = 0; i < eager.variables().size(); ++i) compiled.variables()[i].assign(eager.variables()[i]);

  auto step = function(
      [&](const Tensor& batch, const Tensor& answers) { return compiled.step(batch, answers); }, {.name = "step"});
  const double first = timeit([&] { step(x, labels); }, 1);
  eager.step(x, labels);
  double slow = 0, fast = 0;
  for (int round = 0; round < 20; ++round) {
    slow += timeit([&] { eager.step(x, labels); }, 10);
    fast += timeit([&] { step(x, labels); }, 10);
  }
  std::cout << "a step of 784-256-128-10 with Adam, batch 32\n  eager      " << slow / 20 * 1e6 << " us\n  compiled   "
            << fast / 20 * 1e6 << " us\n  first call " << first * 1e3 << " ms\n";

  time_functions(true);  // explain() then shows how long each step of this call takes
  const Tensor a = eager.step(x, labels), b = step(x, labels);
  time_functions(false);
  std::cout << "losses after 202 steps: " << a.item<float>() << " and " << b.item<float>() << '\n' << step.explain();

  // What is behind it: the graph (as text, or for Graphviz) and the code of its kernels.
  const std::string graph = step.graph();
  std::cout << "\nthe graph begins with\n" << graph.substr(0, graph.find('\n', 300)) << "\n…\n";
  const std::vector<std::string> code = step.kernel_ir();
  if (!code.empty()) {
    const std::size_t begin = code[0].find("define");
    std::cout << "the first of " << code.size() << " kernels begins with\n"
              << code[0].substr(begin, code[0].find('\n', begin + 300) - begin) << "\n…\n";
  }
  return allclose(a, b, 1e-2, 1e-4) && step.trace_count() == 1 ? 0 : 1;
}
