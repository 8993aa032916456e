// LeNet learns to read handwritten digits, one eager training step at a time.
// Usage: lenet_digits [seed = 1] [epochs = 10] [folder = samples/data/mnist5k]
#include <keen/keen.h>

#include <cstdlib>

using namespace keen;

namespace {

nn::Sequential lenet() {
  return {
      nn::Conv2D(6, 5, {.padding = "same", .activation = relu}),
      nn::MaxPooling2D(2),
      nn::Conv2D(16, 5, {.activation = relu}),
      nn::MaxPooling2D(2),
      nn::Flatten(),
      nn::Dense(120, {.activation = relu}),
      nn::Dense(84, {.activation = relu}),
      nn::Dense(10)};
}

// Two rows of pixels a line, as half blocks; the empty frame around the digits is left out.
void draw(const Tensor& images, const Tensor& labels, const Tensor& predictions) {
  const std::vector<float> pixels = images.to_vector<float>();
  for (int row = 4; row < 24; row += 2) {
    for (std::int64_t image = 0; image < images.dim(0); ++image) {
      for (int column = 4; column < 24; ++column) {
        const float* at = &pixels[static_cast<std::size_t>((image * 28 + row) * 28 + column)];
        const bool upper = at[0] > 0.4f, lower = at[28] > 0.4f;
        std::cout << (upper ? lower ? "█" : "▀" : lower ? "▄" : " ");
      }
      std::cout << "  ";
    }
    std::cout << '\n';
  }
  for (std::int64_t image = 0; image < images.dim(0); ++image)
    std::cout << "read as " << predictions[image].item<int>() << ", is " << labels[image].item<int>() << "        ";
  std::cout << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  set_seed(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1);
  const int epochs = argc > 2 ? std::atoi(argv[2]) : 10;
  auto digits = data::mnist(argc > 3 ? argv[3] : "samples/data/mnist5k");
  auto batches = digits.train.shuffle(4000).batch(64).prefetch(2);

  nn::Sequential model = lenet();
  optimizers::Adam adam(2e-3);
  auto train = [&](const Tensor& x, const Tensor& labels) {
    return adam.minimize(
        [&] {
          return losses::sparse_categorical_crossentropy(labels, model(x, {.training = true}), {.from_logits = true});
        },
        [&] { return model.trainable_variables(); });
  };
  const double seconds = timeit([&] {
    train::ProgressBar bar(epochs * batches.size(), {.label = "training"});
    for (int epoch = 1; epoch <= epochs; ++epoch) {
      Tensor total = constant(0.f);
      for (auto [x, labels] : batches) {
        total += train(x, labels);
        bar.advance();
      }
      bar.note(
          "epoch " + std::to_string(epoch) + ", loss " + std::to_string(total.item<float>() / float(batches.size())));
    }
  });

  std::int64_t right = 0;
  for (auto [x, labels] : digits.test.batch(250)) right += sum(argmax(model(x), -1) == labels).item<std::int64_t>();
  for (auto [x, labels] : digits.test.batch(4).take(1)) draw(x, labels, argmax(model(x), -1));
  std::cout << "trained " << epochs << " epochs in " << seconds << " s\n"
            << "test accuracy " << double(right) / double(digits.test.size()) << '\n';
}
