// Linear regression of fuel economy: four properties of a car against its miles per gallon.
#include <keen/keen.h>

#include "support/chart.h"

using namespace keen;

int main() {
  auto table = data::read_csv("samples/data/tabular/auto_mpg.csv");
  Tensor x = table.columns({"horsepower", "weight", "acceleration", "model_year"});
  Tensor y = table.column("mpg").reshape({-1, 1});
  auto [x_train, x_test, y_train, y_test] = data::train_test_split(x, y, {.test_size = 0.2, .seed = 1});

  // Standardised with what the training part tells.
  const Tensor center = mean(x_train, 0), scale = sqrt(variance(x_train, 0));
  x_train = (x_train - center) / scale;
  x_test = (x_test - center) / scale;

  set_seed(1);
  Variable weight(random::normal({4, 1}), {.name = "weight"}), bias(ones({1}), {.name = "bias"});
  auto predict = function(
      [&](const Tensor& d) { return matmul(d, weight) + bias; },
      {.input_signature = {TensorSpec({unknown, 4}, float32)}});

  optimizers::SGD opt(0.2);
  std::vector<double> curve;
  for (int i = 0; i < 1000; ++i) {
    Tensor loss = opt.minimize([&] { return mean(square(y_train - predict(x_train))); }, {weight, bias});
    if (i < 60) curve.push_back(loss.item<double>());
  }
  const Tensor error = mean(square(predict(x_test) - y_test)), guess = mean(square(mean(y_train) - y_test));
  std::cout << "training loss, first 60 steps\n"
            << samples::line_chart(curve) << '\n'
            << "test mean squared error " << error.item<float>() << ", guessing the mean " << guess.item<float>()
            << '\n'
            << weight << '\n'
            << bias << '\n';
}
