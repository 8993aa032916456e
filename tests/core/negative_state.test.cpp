// Bad input: variables, tapes, devices, host access, buffers, random draws and optimizers used wrongly.
#include "keen/autodiff/custom_gradient.h"
#include "keen/autodiff/gradient_check.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/ops/indexing.h"
#include "keen/ops/math.h"
#include "keen/ops/shape.h"
#include "keen/optimizers/optimizers.h"
#include "keen/random.h"
#include "negative.h"

using namespace keen;
using namespace keen::test;

TEST_CASE("host access of the wrong kind is a typed error", "[negative]") {
  Tensor m = zeros({2, 3});
  check_rows(
      "host access",
      {
          row<ShapeError>("item of a matrix", {"[item]", "(2, 3)", "6"}, [=] { return m.item<float>(); }),
          row<ShapeError>("item of nothing", {"[item]", "(0,)"}, [] { return zeros({0}).item<float>(); }),
          row<ShapeError>("truth of a matrix", {"[bool]", "(2, 3)"}, [=] { return static_cast<bool>(m); }),
          row<ShapeError>("truth of nothing", {"[bool]", "(0,)"}, [] { return static_cast<bool>(zeros({0})); }),
          row<DTypeError>("span of another dtype", {"[span]", "float32", "float64"}, [=] { return m.span<double>(); }),
          row<DTypeError>("data of another dtype", {"float32", "int32"}, [=] { return m.data<int>(); }),
          row<UsageError>(
              "span of a view with gaps", {"[span]", "contiguous"}, [=] { return transpose(m).span<float>(); }),
          row<UsageError>(
              "span of a broadcast", {"[span]", "contiguous"},
              [] { return broadcast_to(constant(1.f), {3}).span<float>(); }),
          row<UsageError>("values of a dense tensor", {"[values]", "sparse"}, [=] { return m.values(); }),
          row<UsageError>("indices of a dense tensor", {"[indices]", "sparse"}, [=] { return m.indices(); }),
          row<UsageError>(
              "from_buffer of null", {"[from_buffer]", "(3,)"}, [] { return from_buffer<float>(nullptr, {3}); }),
          row<UsageError>(
              "from_data of null", {"[from_data]", "(3,)"}, [] { return from_data(float32, nullptr, {3}); }),
          row<ShapeError>("array_equal of undefined shapes", {"broadcast"}, [=] { return allclose(m, zeros({4})); }),
      });
  CHECK(from_buffer<float>(nullptr, {0}).size() == 0);
}

TEST_CASE("devices that are not there are DeviceErrors that say why", "[negative]") {
  Rows rows = {
      row<DeviceError>("a tpu", {"[device]", "tpu:0"}, [] { return Device("tpu:0"); }),
      row<DeviceError>("no name", {"[device]", "''"}, [] { return Device(""); }),
      row<DeviceError>("null", {"[device]", "''"}, [] { return Device(static_cast<const char*>(nullptr)); }),
      row<DeviceError>("a number that is none", {"[device]", "cpu:x"}, [] { return Device("cpu:x"); }),
      row<DeviceError>("a negative number", {"[device]", "cpu:-1"}, [] { return Device("cpu:-1"); }),
      row<DeviceError>("number 256", {"[device]", "gpu:256"}, [] { return Device("gpu:256"); }),
      row<DeviceError>("an empty number", {"[device]", "cpu:"}, [] { return Device("cpu:"); }),
      row<DeviceError>("a colon too many", {"[device]", "cpu:0:1"}, [] { return Device("cpu:0:1"); }),
      row<DeviceError>("cpu:7 for a creator", {"cpu:7", "cpu:0"}, [] { return zeros({2}, {.device = "cpu:7"}); }),
      row<DeviceError>(
          "cpu:7 as a scope", {"cpu:7"},
          [] {
            DeviceScope scope("cpu:7");
            return 0;
          }),
      row<DeviceError>("moving to cpu:1", {"cpu:1"}, [] { return constant(1.f).to("cpu:1"); }),
      row<DeviceError>("statistics of gpu:200", {"gpu:200"}, [] { return memory_stats("gpu:200"); }),
      row<DeviceError>("moving to gpu:200", {"gpu:200"}, [] { return constant(1.f).gpu(200); }),
      row<DeviceError>(
          "a literal on gpu:200", {"gpu:200"},
          [] {
            return constant({1, 2}, {.device = "gpu:200"});
          }),
      row<DeviceError>("a draw on gpu:200", {"gpu:200"}, [] { return random::normal({2}, {.device = "gpu:200"}); }),
      row<DeviceError>("how many tpus", {"[device_count]", "tpu"}, [] { return device_count("tpu"); }),
      row<UsageError>(
          "no threads", {"[set_num_threads]", "0"},
          [] {
            set_num_threads(0);
            return 0;
          }),
      row<UsageError>(
          "a hundred thousand threads", {"[set_num_threads]", "1024"},
          [] {
            const int before = num_threads();
            set_num_threads(100'000);
            set_num_threads(before);
            return 0;
          }),
      row<UsageError>(
          "-2 threads", {"[set_num_threads]", "-2"},
          [] {
            set_num_threads(-2);
            return 0;
          }),
  };
  if (device_count("gpu") == 0) {
    rows.push_back(
        row<DeviceError>("gpu:0 without a GPU", {"gpu:0", why_no_gpu(), "cpu:0"}, [] { return constant(1.f).gpu(); }));
    rows.push_back(row<DeviceError>("a scope on gpu:0 without a GPU", {"gpu:0", why_no_gpu()}, [] {
      DeviceScope scope("gpu:0");
      return 0;
    }));
    rows.push_back(
        row<DeviceError>("zeros on cuda:0 without a GPU", {"gpu:0"}, [] { return zeros({2}, {.device = "cuda:0"}); }));
  }
  check_rows("devices", rows);
}

TEST_CASE("variables reject values that do not fit and stay as they were", "[negative]") {
  Variable v(constant({{1.f, 2.f}, {3.f, 4.f}}), {.name = "w"}), flag(constant({true, false}), {.name = "flag"}), none;
  check_rows(
      "variables",
      {
          row<ShapeError>(
              "assign another shape", {"[assign]", "'w'", "(2, 2)", "(3,)"},
              [=] {
                v.assign(zeros({3}));
                return 0;
              }),
          row<ShapeError>(
              "assign a number", {"[assign]", "(2, 2)", "()"},
              [=] {
                v.assign(1);
                return 0;
              }),
          row<DTypeError>(
              "assign another dtype", {"[assign]", "'w'", "float32", "float64"},
              [=] {
                v.assign(zeros({2, 2}, {.dtype = float64}));
                return 0;
              }),
          row<UsageError>(
              "assign nothing", {"[assign]", "undefined"},
              [=] {
                v.assign(Tensor());
                return 0;
              }),
          row<ShapeError>(
              "add an unfitting shape", {"[assign_add]", "(2, 2)", "(3,)"},
              [=] {
                v.assign_add(zeros({3}));
                return 0;
              }),
          row<ShapeError>(
              "add a larger shape", {"[assign_add]", "'w'", "(2, 2, 2)"},
              [=] {
                v.assign_add(zeros({2, 2, 2}));
                return 0;
              }),
          row<DTypeError>(
              "subtract another dtype", {"[assign_sub]", "int32"},
              [=] {
                v.assign_sub(ones({2, 2}, {.dtype = int32}));
                return 0;
              }),
          row<DTypeError>(
              "subtract from bool", {"[assign_sub]", "bool"},
              [=] {
                flag.assign_sub(constant({true, true}));
                return 0;
              }),
          row<DTypeError>(
              "scatter another dtype", {"[scatter_add]", "int32"},
              [=] {
                v.scatter_add(constant({0}), ones({1, 2}, {.dtype = int32}));
                return 0;
              }),
          row<DTypeError>(
              "scatter at floats", {"[scatter_add]", "float32"},
              [=] {
                v.scatter_add(constant({0.f}), ones({1, 2}));
                return 0;
              }),
          row<ShapeError>(
              "scatter unfitting rows", {"[scatter_sub]", "(1, 3)", "'w'"},
              [=] {
                v.scatter_sub(constant({0}), ones({1, 3}));
                return 0;
              }),
          row<ShapeError>(
              "scatter at a matrix", {"[scatter_update]", "(1, 1)"},
              [=] {
                v.scatter_update(constant({{0}}), ones({1, 2}));
                return 0;
              }),
          row<IndexError>(
              "scatter one good row and one bad", {"[scatter_update]", "2", "'w'"},
              [=] {
                v.scatter_update(constant({0, 2}), ones({2, 2}));
                return 0;
              }),
          row<UsageError>("a variable from nothing", {"[Variable]", "undefined"}, [] { return Variable(Tensor()); }),
          row<UsageError>("value of an empty handle", {"[value]", "empty"}, [=] { return none.value(); }),
          row<UsageError>("shape of an empty handle", {"[shape]", "empty"}, [=] { return none.shape(); }),
          row<UsageError>(
              "assigning to an empty handle", {"[assign]", "empty"},
              [=] {
                none.assign(1);
                return 0;
              }),
          row<UsageError>("adding an empty handle", {"empty"}, [=] { return none + 1; }),
          row<UsageError>(
              "scattering into an empty handle", {"[scatter_add]", "empty"},
              [=] {
                none.scatter_add(constant({0}), constant({1.f}));
                return 0;
              }),
      });
  CHECK(v.to_vector<float>() == std::vector<float>{1, 2, 3, 4});
  CHECK(flag.to_vector<bool>() == std::vector<bool>{true, false});
}

TEST_CASE("tapes used wrongly are typed errors", "[negative]") {
  Tensor x = constant({1.f, 2.f});
  check_rows(
      "tapes",
      {
          row<UsageError>(
              "a spent tape", {"[gradient]", "{.persistent = true}"},
              [=] {
                GradientTape tape;
                tape.watch(x);
                Tensor y = sum(x * x);
                tape.gradient(y, x);
                return tape.gradient(y, x);
              }),
          row<UsageError>(
              "an undefined source", {"undefined"},
              [=] {
                GradientTape tape;
                return tape.gradient(x, Tensor());
              }),
          row<UsageError>(
              "an undefined target", {"undefined"},
              [=] {
                GradientTape tape;
                tape.watch(x);
                return tape.gradient(Tensor(), x);
              }),
          row<UsageError>(
              "watching nothing", {"undefined"},
              [] {
                GradientTape tape;
                tape.watch(Tensor());
                return 0;
              }),
          row<ShapeError>(
              "a seed of another shape", {"[gradient]", "(3,)", "(2,)"},
              [=] {
                GradientTape tape;
                tape.watch(x);
                Tensor y = x * x;
                return tape.gradient(y, x, {.output_gradients = {zeros({3})}});
              }),
          row<UsageError>(
              "too many seeds", {"[gradient]", "2", "1"},
              [=] {
                GradientTape tape;
                tape.watch(x);
                Tensor y = x * x;
                return tape.gradient(y, x, {.output_gradients = {y, y}});
              }),
          row<UsageError>(
              "a custom gradient that gives too few", {"[custom_gradient]", "1", "2"},
              [=] {
                auto f = custom_gradient([](const std::vector<Tensor>& in) {
                  return std::pair(in[0] * in[1], CustomGradient([](const Tensor& dy) { return std::vector{dy}; }));
                });
                GradientTape tape;
                tape.watch(x);
                return tape.gradient(f({x, x * 2}), x);
              }),
          row<DTypeError>(
              "a custom gradient of integers", {"[custom_gradient]", "gradient 0", "int32", "float32"},
              [=] {
                auto f = custom_gradient([](const std::vector<Tensor>& in) {
                  return std::pair(
                      in[0] * 2, CustomGradient([](const Tensor& dy) { return std::vector{dy.cast(int32)}; }));
                });
                GradientTape tape;
                tape.watch(x);
                return tape.gradient(f({x}), x);
              }),
          row<DTypeError>(
              "a custom gradient of complex numbers", {"[custom_gradient]", "complex64", "float32"},
              [=] {
                auto f = custom_gradient([](const std::vector<Tensor>& in) {
                  return std::pair(
                      in[0] * 2, CustomGradient([](const Tensor& dy) { return std::vector{dy.cast(complex64)}; }));
                });
                GradientTape tape;
                tape.watch(x);
                return tape.gradient(f({x}), x);
              }),
          row<DTypeError>(
              "a seed of integers", {"[gradient]", "output gradient 0", "int64"},
              [=] {
                GradientTape tape;
                tape.watch(x);
                Tensor y = x * x;
                return tape.gradient(y, x, {.output_gradients = {ones({2}, {.dtype = int64})}});
              }),
          row<UsageError>(
              "an empty custom function", {"[custom_gradient]", "empty"}, [] { return custom_gradient(nullptr); }),
          row<UsageError>(
              "nothing to compute again", {"[recompute_grad]", "empty"}, [] { return recompute_grad(nullptr); }),
          row<UsageError>(
              "a custom function without a result", {"[custom_gradient]", "undefined"},
              [=] {
                return custom_gradient([](const std::vector<Tensor>&) {
                  return std::pair(Tensor(), CustomGradient([](const Tensor& dy) { return std::vector{dy}; }));
                })({x});
              }),
          row<DTypeError>(
              "gradient_check of float32", {"[gradient_check]", "float32", "float64"},
              [=] { return gradient_check([](const std::vector<Tensor>& in) { return in[0]; }, {x}); }),
      });
}

TEST_CASE("random draws reject parameters that make no sense", "[negative]") {
  check_rows(
      "random draws",
      {
          row<UsageError>("a negative stddev", {"[normal]", "-1"}, [] { return random::normal({2}, {.stddev = -1}); }),
          row<UsageError>(
              "an infinite stddev", {"[normal]", "inf"}, [] { return random::normal({2}, {.stddev = INFINITY}); }),
          row<UsageError>(
              "a mean of NaN", {"[normal]", "mean", "nan"}, [] { return random::normal({2}, {.mean = NAN}); }),
          row<UsageError>(
              "a mean beyond float32", {"[truncated_normal]", "1e+300", "float32"},
              [] { return random::truncated_normal({2}, {.mean = 1e300}); }),
          row<UsageError>(
              "an infinite low", {"[uniform]", "low", "inf"}, [] { return random::uniform({2}, {.low = -INFINITY}); }),
          row<UsageError>(
              "an infinite high", {"[uniform]", "high", "inf"},
              [] { return random::uniform({2}, {.high = INFINITY}); }),
          row<UsageError>(
              "a range wider than float32", {"[uniform]", "high - low"},
              [] { return random::uniform({2}, {.low = -3e38, .high = 3e38}); }),
          row<UsageError>(
              "a seed and a generator", {"[uniform]", "seed", "generator"},
              [] { return random::uniform({2}, {.seed = 1, .generator = Generator(2)}); }),
          row<UsageError>(
              "a seed and a generator of integers", {"[integers]", "seed", "generator"},
              [] { return random::integers(0, 5, {2}, {.seed = 1, .generator = Generator(2)}); }),
          row<UsageError>("low far above high", {"[integers]", "5", "-5"}, [] { return random::integers(5, -5, {2}); }),
          row<UsageError>("a stddev of NaN", {"[normal]", "nan"}, [] { return random::normal({2}, {.stddev = NAN}); }),
          row<UsageError>(
              "a negative stddev, truncated", {"[truncated_normal]", "-2"},
              [] { return random::truncated_normal({2}, {.stddev = -2}); }),
          row<UsageError>(
              "low above high", {"[uniform]", "2", "1"}, [] { return random::uniform({2}, {.low = 2, .high = 1}); }),
          row<UsageError>("low of NaN", {"[uniform]", "nan"}, [] { return random::uniform({2}, {.low = NAN}); }),
          row<UsageError>("no integer between", {"[integers]", "5"}, [] { return random::integers(5, 5, {2}); }),
          row<DTypeError>(
              "normal integers", {"[normal]", "int32"}, [] { return random::normal({2}, {.dtype = int32}); }),
          row<DTypeError>(
              "uniform bools", {"[uniform]", "bool"}, [] { return random::uniform({2}, {.dtype = bool_}); }),
          row<DTypeError>(
              "floating integers", {"[integers]", "float32"},
              [] { return random::integers(0, 5, {2}, {.dtype = float32}); }),
          row<DTypeError>(
              "integers that do not fit int8", {"[integers]", "999", "int8"},
              [] { return random::integers(0, 1000, {2}, {.dtype = int8}); }),
          row<DTypeError>(
              "negative unsigned integers", {"[integers]", "-1", "uint8"},
              [] { return random::integers(-1, 5, {2}, {.dtype = uint8}); }),
          row<DTypeError>(
              "a floating permutation", {"[permutation]", "float64"},
              [] { return random::permutation(5, {.dtype = float64}); }),
      });
}

TEST_CASE("optimizers check everything before the first write", "[negative]") {
  Variable a(constant({1.f, 2.f}), {.name = "a"}), b(constant({3.f}), {.name = "b"});
  optimizers::SGD sgd(0.1);
  optimizers::Adam adam(0.1);
  std::vector<Variable> both{a, b};
  Tensor good = ones({2});
  adam.apply_gradients(
      {zeros({2}), zeros({1})}, both);  // makes the slots, so that the rows below allocate nothing lasting
  check_rows(
      "optimizers",
      {
          row<UsageError>(
              "too few gradients", {"1", "2"},
              [=] {
                sgd.apply_gradients({good}, both);
                return 0;
              }),
          row<ShapeError>(
              "a gradient of another shape", {"'b'", "(2,)", "(1,)"},
              [=] {
                sgd.apply_gradients({good, good}, both);
                return 0;
              }),
          row<DTypeError>(
              "a gradient of another dtype", {"'b'", "float64", "float32"},
              [=] {
                adam.apply_gradients({good, ones({1}, {.dtype = float64})}, both);
                return 0;
              }),
          row<ShapeError>(
              "Adam with another shape", {"'b'", "(2,)"},
              [=] {
                adam.apply_gradients({good, good}, both);
                return 0;
              }),
          row<UsageError>(
              "an empty handle", {},
              [=] {
                sgd.apply_gradients({good}, {Variable()});
                return 0;
              }),
          row<UsageError>(
              "no gradient at all", {"[apply_gradients]", "no gradient for any variable", "'a', 'b'"},
              [=] {
                sgd.apply_gradients({Tensor(), Tensor()}, both);
                return 0;
              }),
          row<UsageError>(
              "no variables", {"[apply_gradients]", "there are none"},
              [=] {
                sgd.apply_gradients(std::vector<Tensor>{}, {});
                return 0;
              }),
          row<DTypeError>(
              "an integer variable", {"[apply_gradients]", "'n'", "int32", "float32"},
              [=] {
                sgd.apply_gradients({constant(1)}, {Variable(1, {.name = "n"})});
                return 0;
              }),
          row<UsageError>(
              "a learning rate of NaN", {"[sgd]", "learning_rate", "nan"}, [] { return optimizers::SGD(NAN); }),
          row<UsageError>(
              "a negative learning rate", {"[adam]", "learning_rate", "-1"}, [] { return optimizers::Adam(-1); }),
          row<UsageError>("an infinite learning rate", {"[adam]", "inf"}, [] { return optimizers::Adam(INFINITY); }),
          row<UsageError>(
              "a beta of NaN", {"[adam]", "beta", "nan"}, [] { return optimizers::Adam(0.1, {.beta_2 = NAN}); }),
          row<UsageError>(
              "an infinite epsilon", {"[adam]", "epsilon", "inf"},
              [] { return optimizers::Adam(0.1, {.epsilon = INFINITY}); }),
          row<UsageError>(
              "a momentum of NaN", {"[sgd]", "momentum", "nan"},
              [] { return optimizers::SGD(0.1, {.momentum = NAN}); }),
          row<UsageError>("momentum of plain SGD", {"momentum"}, [=] { return sgd.momentum(); }),
      });
  CHECK(a.to_vector<float>() == std::vector<float>{1, 2});
  CHECK(b.item<float>() == 3);
}
