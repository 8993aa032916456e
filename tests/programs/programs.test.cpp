// The programs that must compile and run as written (those whose parts exist); samples/ holds others.
#include <algorithm>
#include <sstream>

#include "catch.h"
#include "keen/keen.h"

using namespace keen;

namespace {

// What a program prints while this lives.
class Printed {
 public:
  Printed() : before_(std::cout.rdbuf(text_.rdbuf())) {}
  ~Printed() { std::cout.rdbuf(before_); }
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::streambuf* before_;
};

}  // namespace

TEST_CASE("program 1: a series with variables", "[programs]") {
  Printed printed;
  Variable x(0.f), y(1.f);
  for (int i = 0; i <= 50; ++i) {
    x.assign(x + y);
    y.assign(y / 2);
  }
  std::cout << x.item<float>() << '\n';  // 2
  CHECK(printed.text() == "2\n");
}

TEST_CASE("program 3: devices", "[programs]") {
  Printed printed;
  std::vector<std::string> lines;
  const LogLevel level = log_level();
  set_log_handler([&](LogLevel, std::string_view line) { lines.emplace_back(line); });

  log_device_placement(true);
  Tensor a = constant({{1, 2, 3}, {4, 5, 6}}, {.dtype = float32, .device = "/cpu:0", .name = "a"});
  Tensor b = constant({{1, 2}, {3, 4}, {5, 6}}, {.dtype = float32});
  {
    DeviceScope on("/cpu:0");
    std::cout << matmul(a, b) << '\n';
  }
  if (device_count("gpu") > 0) std::cout << a.gpu(0).device() << ' ' << a.gpu().cpu().device() << '\n';

  log_device_placement(false);
  set_log_level(level);
  set_log_handler({});
  const std::string product = "Tensor(\n[[22. 28.]\n [49. 64.]], shape=(2, 2), dtype=float32, device=cpu:0)\n";
  CHECK(printed.text() == product + (device_count("gpu") > 0 ? "gpu:0 cpu:0\n" : ""));
  CHECK(std::count(lines.begin(), lines.end(), "matmul: cpu:0") == 1);
}

TEST_CASE("program 2: results decide what runs", "[programs]") {
  auto f = function([](Tensor x, Tensor y) {
    Tensor s = add(x, y), m = multiply(x, y), useless = multiply(x, s);
    return std::tuple{named(pow(s, m), "z"), named(useless, "useless")};
  });
  auto [z, useless] = f(2, 3);                               // 15625 and 10
  auto only_z = f.get_concrete_function(2, 3).prune({"z"});  // chosen fetches (and feeds, by name)
  std::ostringstream out;
  out << only_z(2, 3) << '\n' << only_z.explain();  // 15625; the product for `useless` was pruned
  CHECK(z.item<int>() == 15625);
  CHECK(useless.item<int>() == 10);
  CHECK(out.str().find("15625") != std::string::npos);
  CHECK(out.str().find("pruned: multiply 'useless'") != std::string::npos);
}

TEST_CASE("program 11: host control flow inside a compiled function", "[programs]") {
  auto clipped = function([](Tensor x, float limit) {
    if (norm(x) > limit) x = x * (limit / norm(x));  // two compiled branches after both were seen
    while (max(abs(x)) > 1.f) x = x * 0.5f;
    return x;
  });
  CHECK(clipped(constant({3.f, 4.f}), 10.f).to_vector<float>() == std::vector{0.75f, 1.f});
  CHECK(allclose(clipped(constant({30.f, 40.f}), 10.f), constant({0.75f, 1.f})));
  CHECK(clipped(constant({0.1f, 0.2f}), 10.f).to_vector<float>() == std::vector{0.1f, 0.2f});
}

TEST_CASE("program 4: timing a product", "[programs]") {
  const int n = 1000;
  Tensor a = random::normal({1, n}, {.device = "cpu:0"}), b = random::normal({n, 1}, {.device = "cpu:0"});
  timeit([&] { matmul(a, b); }, 10);                   // warm-up
  double seconds = timeit([&] { matmul(a, b); }, 10);  // mean of ten, device synchronised
  CHECK(seconds > 0);
}

TEST_CASE("program 5: the tape", "[programs]") {
  Tensor a = constant(1.f), b = constant(2.f), c = constant(3.f), w = constant(4.f);
  GradientTape tape;
  tape.watch({a, w});
  Tensor y = a * pow(w, 2) + b * w + c;
  auto [da, dw] = tape.gradient(y, {a, w});  // 16 and 10
  CHECK(da.item<float>() == 16);
  CHECK(dw.item<float>() == 10);
}

TEST_CASE("program 6: two heads on one trunk, a compiled loop over a dataset", "[programs]") {
  set_seed(1);
  auto dataset = data::from_tensor_slices(random::normal({200, 4, 2}), random::integers(0, 5, {200}, {.dtype = int32}));
  nn::Sequential trunk{nn::Flatten(), nn::Dense(128, {.activation = relu})};
  nn::Dense head1(5), head2(5);
  nn::Sequential path1{trunk, head1}, path2{trunk, head2};
  path1(zeros({1, 4, 2}));
  path2(zeros({1, 4, 2}));
  const Tensor before = trunk.variables()[0].value(), head_before = head2.kernel().value();

  optimizers::Adam opt(1e-3);
  auto train = function([&](const Tensor& x, const Tensor& y) {
    GradientTape tape;
    Tensor loss = losses::sparse_categorical_crossentropy(y, path2(x, {.training = true}), {.from_logits = true});
    opt.apply_gradients(tape.gradient(loss, head2.trainable_variables()), head2.trainable_variables());
    return loss;
  });
  for (auto [x, y] : dataset.shuffle(1000).batch(32).prefetch(2)) train(x, y);  // trunk stays bitwise the same

  CHECK(array_equal(trunk.variables()[0].value(), before));
  CHECK_FALSE(array_equal(head2.kernel().value(), head_before));
  CHECK(opt.iterations().item<int>() == 7);
}

TEST_CASE("program 7: a module with parts over time", "[programs]") {
  struct Accumulator : nn::Module {
    nn::Dense cell = member("cell", nn::Dense(3));
    auto operator()(const Tensor& input) {  // (batch, time, features)
      Tensor x = transpose(input, {1, 0, 2});
      Tensor state = zeros({x.dim(1), 3});
      for (std::int64_t t : range(x.dim(0))) state = state + cell(x[t]);
      return std::pair{state, state};
    }
  };
  Accumulator net;
  auto [y, state] = net(ones({2, 4, 5}));
  CHECK(y.shape() == Shape{2, 3});
  CHECK(net.variables()[0].name() == "cell/kernel");
}

TEST_CASE("program 9: linear regression", "[programs]") {
  const Tensor x = random::normal({100, 4}, {.seed = 1}), y = matmul(x, constant({{1.f}, {2.f}, {3.f}, {4.f}})) + 5.f;
  Variable weight(random::normal({4, 1}), {.name = "weight"}), bias(ones({1}), {.name = "bias"});
  auto predict = function(
      [&](const Tensor& d) { return matmul(d, weight) + bias; },
      {.input_signature = {TensorSpec({unknown, 4}, float32)}});
  auto [x_train, x_test, y_train, y_test] = data::train_test_split(x, y, {.test_size = 0.2, .seed = 1});
  optimizers::SGD opt(0.2);
  for (int i = 0; i < 1000; ++i) opt.minimize([&] { return mean(square(y_train - predict(x_train))); }, {weight, bias});
  Printed printed;
  std::cout << mean(square(predict(x_test) - y_test)) << '\n'
            << weight << '\n';  // Variable 'weight' shape=(4, 1) dtype=float32 device=cpu:0, values
  CHECK(printed.text().find("Variable 'weight' shape=(4, 1) dtype=float32 device=cpu:0\n[[") != std::string::npos);
  CHECK(mean(square(predict(x_test) - y_test)).item<float>() < 1e-6f);
  CHECK(bias.item<float>() == Approx(5).epsilon(1e-3));
}
