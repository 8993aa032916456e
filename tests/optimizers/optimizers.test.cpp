// Optimizers: first steps against other software, sparse gradients, checks before the first write, slots.
#include "catch.h"
#include "keen/keen.h"

using namespace keen;

namespace {

using Steps = std::vector<std::array<double, 2>>;

// Ten steps down Σ s(w − c)² from (0.25, −0.5).
void check_steps(const optimizers::Optimizer& optimizer, const Steps& expected) {
  const Tensor c = constant(std::vector<double>{1, -2}), s = constant(std::vector<double>{0.5, 3});
  Variable w(constant(std::vector<double>{0.25, -0.5}));
  for (const auto& step : expected) {
    optimizer.minimize([&] { return sum(s * square(w - c)); }, {w});
    const auto got = w.to_vector<double>();
    CHECK(got[0] == Approx(step[0]).epsilon(1e-6));
    CHECK(got[1] == Approx(step[1]).epsilon(1e-6));
  }
  CHECK(optimizer.iterations().item<int>() == 10);
}

// Rows 0 and 2 of a (4, 2) variable, row 2 twice: what a gather's gradient looks like.
struct Sparse {
  Variable w{constant({{1.f, 2.f}, {3.f, 4.f}, {5.f, 6.f}, {7.f, 8.f}})};
  Tensor gradient(float scale = 1) const {
    GradientTape tape;
    Tensor rows = gather(w, constant({2, 0, 2}));
    Tensor y = sum(rows * constant({{1.f, 1.f}, {2.f, 3.f}, {10.f, 10.f}}) * scale);
    return tape.gradient(y, w);
  }
};

}  // namespace

// Expected values of SGD: PyTorch 2's torch.optim.SGD in float64. Of Adam: its formula in NumPy, which agrees with
// torch.optim.Adam to 2e-16 where epsilon does not matter.
TEST_CASE("SGD takes the steps of the reference", "[optimizers]") {
  check_steps(
      optimizers::SGD(0.05), {{0.287500000, -0.950000000},
                              {0.323125000, -1.265000000},
                              {0.356968750, -1.485500000},
                              {0.389120313, -1.639850000},
                              {0.419664297, -1.747895000},
                              {0.448681082, -1.823526500},
                              {0.476247028, -1.876468550},
                              {0.502434677, -1.913527985},
                              {0.527312943, -1.939469590},
                              {0.550947296, -1.957628713}});
}

TEST_CASE("SGD with momentum takes the steps of the reference", "[optimizers]") {
  check_steps(
      optimizers::SGD(0.05, {.momentum = 0.9}), {{0.287500000, -0.950000000},
                                                 {0.356875000, -1.670000000},
                                                 {0.451468750, -2.417000000},
                                                 {0.564029688, -2.964200000},
                                                 {0.687133047, -3.167420000},
                                                 {0.813569418, -3.000092000},
                                                 {0.936683681, -2.549469200},
                                                 {1.050652334, -1.979067920},
                                                 {1.150691505, -1.471986392},
                                                 {1.233192183, -1.174017099}});
}

TEST_CASE("SGD with Nesterov's momentum takes the steps of the reference", "[optimizers]") {
  check_steps(
      optimizers::SGD(0.05, {.momentum = 0.9, .nesterov = true}), {{0.321250000, -1.355000000},
                                                                   {0.416106250, -2.087150000},
                                                                   {0.526403031, -2.522259500},
                                                                   {0.644386628, -2.639700635},
                                                                   {0.763043271, -2.521778360},
                                                                   {0.876342538, -2.290953818},
                                                                   {0.979396284, -2.058248212},
                                                                   {1.068537423, -1.894169216},
                                                                   {1.141326225, -1.822548684},
                                                                   {1.196494340, -1.830663144}});
}

TEST_CASE("Adam takes the steps of the reference", "[optimizers]") {
  check_steps(
      optimizers::Adam(0.1), {{0.349999578, -0.599999965},
                              {0.449373684, -0.699760878},
                              {0.547542347, -0.799097049},
                              {0.643768181, -0.897800964},
                              {0.737129722, -0.995641715},
                              {0.826505708, -1.092363639},
                              {0.910584272, -1.187685345},
                              {0.987914154, -1.281299291},
                              {1.057010666, -1.372872180},
                              {1.116512089, -1.462046408}});
  check_steps(
      optimizers::Adam(0.1, {.beta_1 = 0.8, .beta_2 = 0.99, .epsilon = 1e-2}), {{0.338235294, -0.598901099},
                                                                                {0.428344114, -0.697677313},
                                                                                {0.518021232, -0.795842649},
                                                                                {0.605859956, -0.892998879},
                                                                                {0.690583681, -0.988751902},
                                                                                {0.770895048, -1.082697029},
                                                                                {0.845458750, -1.174417159},
                                                                                {0.912946887, -1.263485458},
                                                                                {0.972127779, -1.349470504},
                                                                                {1.021981743, -1.431943252}});
}

TEST_CASE("hyperparameters are variables that act from the next step on", "[optimizers]") {
  optimizers::SGD opt(1.0);
  Variable w(0.f);
  opt.apply_gradients({constant(1.f)}, {w});
  opt.learning_rate().assign(0.25f);
  opt.apply_gradients({constant(1.f)}, {w});
  CHECK(w.item<float>() == -1.25f);
  CHECK_FALSE(opt.learning_rate().trainable());
  optimizers::SGD copy = opt;
  CHECK(copy.learning_rate().is(opt.learning_rate()));
  CHECK(opt.iterations() % 2 == 0);
  CHECK_THROWS_AS(opt.momentum(), UsageError);
}

TEST_CASE("slots belong to their variables and are listed in order", "[optimizers]") {
  optimizers::Adam opt;
  nn::Dense dense(2);
  dense(ones({1, 3}));
  Variable other(1.f, {.name = "other"});
  opt.apply_gradients({ones({3, 2}), ones({2}), Tensor()}, {dense.kernel(), dense.bias(), other});
  std::vector<std::string> names;
  for (const auto& v : opt.variables()) names.push_back(v.name());
  CHECK(
      names == std::vector<std::string>{
                   "adam/iterations", "adam/learning_rate", "adam/beta_1", "adam/beta_2", "adam/epsilon",
                   "adam/dense/kernel/m", "adam/dense/kernel/v", "adam/dense/bias/m", "adam/dense/bias/v"});
}

TEST_CASE("slots go when their variable goes", "[optimizers]") {
  optimizers::Adam opt;
  std::weak_ptr<detail::VariableState> state;
  {
    Variable w(1.f);
    state = w.state();
    opt.apply_gradients({constant(1.f)}, {w});
  }
  CHECK(state.expired());
  Variable next(1.f);
  opt.apply_gradients({constant(1.f)}, {next});
  CHECK(opt.variables().size() == 5 + 2);
}

TEST_CASE("an undefined gradient leaves its variable alone", "[optimizers]") {
  optimizers::SGD opt(1.0);
  Variable a(1.f), b(1.f);
  opt.apply_gradients({Tensor(), constant(1.f)}, {a, b});
  CHECK(a.item<float>() == 1.f);
  CHECK(b.item<float>() == 0.f);
}

TEST_CASE("a sparse gradient touches its rows only", "[optimizers]") {
  Sparse sgd;
  const Tensor g = sgd.gradient();
  REQUIRE(g.is_sparse());
  optimizers::SGD(0.5).apply_gradients({g}, {sgd.w});
  CHECK(sgd.w.to_vector<float>() == std::vector<float>{0, 0.5, 3, 4, -0.5, 0.5, 7, 8});

  // Rows without a gradient keep their slots: the second step moves rows 0 and 2 only, as a dense step on those would.
  Sparse adam, dense;
  optimizers::Adam sparse_opt(0.1), dense_opt(0.1);
  for (int i = 0; i < 3; ++i) {
    sparse_opt.apply_gradients({adam.gradient(float(i + 1))}, {adam.w});
    dense_opt.apply_gradients({dense.gradient(float(i + 1)) + zeros({4, 2})}, {dense.w});
  }
  CHECK(allclose(adam.w, dense.w));
  Sparse momentum;
  optimizers::SGD(0.5, {.momentum = 0.9}).apply_gradients({momentum.gradient()}, {momentum.w});
  CHECK(array_equal(momentum.w, sgd.w));
}

TEST_CASE("a sparse gradient counts negative rows from the end, as gather does", "[optimizers]") {
  Variable w(zeros({4, 2}));
  GradientTape tape;
  const Tensor y = sum(gather(w.value(), constant({-1, 0, 3})) * constant({{1.f}, {2.f}, {3.f}}));
  const Tensor g = tape.gradient(y, w);
  REQUIRE(g.is_sparse());
  optimizers::SGD(1).apply_gradients({g}, {w});
  CHECK(w.to_vector<float>() == std::vector<float>{-2, -2, 0, 0, 0, 0, -4, -4});
}

TEST_CASE("nothing is written when one gradient does not fit", "[optimizers]") {
  Variable a(ones({2})), b(ones({3}));
  optimizers::Adam opt;
  CHECK_THROWS_AS(opt.apply_gradients({ones({2})}, {a, b}), UsageError);
  CHECK_THROWS_AS(opt.apply_gradients({ones({2}), ones({2})}, {a, b}), ShapeError);
  CHECK_THROWS_AS(opt.apply_gradients({ones({2}), ones({3, 1})}, {a, b}), ShapeError);
  CHECK_THROWS_AS(opt.apply_gradients({ones({2}), ones({3}, {.dtype = float64})}, {a, b}), DTypeError);
  CHECK_THROWS_AS(opt.apply_gradients({ones({2}), ones({3})}, {a, Variable()}), UsageError);
  Variable counts(constant({1, 2}));
  CHECK_THROWS_AS(opt.apply_gradients({constant({1, 2})}, {counts}), DTypeError);
  CHECK(a.to_vector<float>() == std::vector<float>{1, 1});
  CHECK(opt.iterations().item<int>() == 0);
}

TEST_CASE("values read before a step do not change with it", "[optimizers]") {
  Variable w(ones({4}));
  const Tensor before = w.value();
  optimizers::SGD(1.0).apply_gradients({w.value()}, {w});  // the gradient is the value itself
  CHECK(before.to_vector<float>() == std::vector<float>{1, 1, 1, 1});
  CHECK(w.to_vector<float>() == std::vector<float>{0, 0, 0, 0});
}

TEST_CASE("gradients of any layout are taken", "[optimizers]") {
  Variable w(zeros({2, 3}));
  const Tensor g = constant({{1.f, 2.f}, {3.f, 4.f}, {5.f, 6.f}});
  optimizers::SGD(1.0).apply_gradients({transpose(g)}, {w});
  CHECK(w.to_vector<float>() == std::vector<float>{-1, -3, -5, -2, -4, -6});
  optimizers::SGD(1.0).apply_gradients({broadcast_to(constant(1.f), {2, 3})}, {w});
  CHECK(w.to_vector<float>()[0] == -2);
  Variable empty(zeros({0, 3}));
  optimizers::Adam().apply_gradients({zeros({0, 3})}, {empty});
}

TEST_CASE("large variables take the same step as small ones", "[optimizers]") {
  const std::int64_t n = 200'003;
  Variable large(zeros({n})), small(zeros({1}));
  optimizers::Adam a, b;
  for (int i = 0; i < 2; ++i) {
    a.apply_gradients({full({n}, 0.5f)}, {large});
    b.apply_gradients({full({1}, 0.5f)}, {small});
  }
  CHECK(min(large.value()).item<float>() == small.item<float>());
  CHECK(max(large.value()).item<float>() == small.item<float>());
}

TEST_CASE("many variables take the steps they would take one at a time, eagerly and compiled", "[optimizers]") {
  const std::vector<Shape> shapes{{3}, {}, {0}, {70000}, {5, 7}, {1}, {33000}, {64, 64}};
  const auto run = [&](const auto& make_optimizer, int mode) {
    std::vector<Variable> variables;
    for (std::size_t i = 0; i < shapes.size(); ++i)
      variables.emplace_back(random::normal(shapes[i], {.dtype = i % 3 == 2 ? float64 : float32, .seed = i}));
    const auto optimizer = make_optimizer();
    const auto gradients = [&] {
      std::vector<Tensor> out;
      for (std::size_t i = 0; i < shapes.size(); ++i) out.push_back(tanh(variables[i].value()) * 0.5f);
      return out;
    };
    const auto compiled = function([&](const Tensor& x) {
      optimizer.apply_gradients(gradients(), variables);
      return x + 1;
    });
    // One at a time each has an optimizer of its own, which counts its steps.
    std::vector<decltype(make_optimizer())> own;
    for (std::size_t i = 0; i < variables.size(); ++i) own.push_back(make_optimizer());
    for (int step = 0; step < 3; ++step) {
      const auto g = gradients();
      if (mode == 0) optimizer.apply_gradients(g, variables);
      else if (mode == 1) compiled(zeros({2}));
      else
        for (std::size_t i = 0; i < variables.size(); ++i) own[i].apply_gradients(std::vector{g[i]}, {variables[i]});
    }
    std::vector<Tensor> out;
    for (const auto& v : variables) out.push_back(v.value());
    return out;
  };
  const auto check = [&](const auto& make_optimizer) {
    const auto together = run(make_optimizer, 0), compiled = run(make_optimizer, 1), alone = run(make_optimizer, 2);
    for (std::size_t i = 0; i < alone.size(); ++i) {
      INFO("variable of shape " << shapes[i]);
      CHECK(allclose(together[i], alone[i], 0, 0));
      CHECK(allclose(compiled[i], alone[i], 0, 0));
    }
  };
  check([] { return optimizers::SGD(0.1); });
  check([] { return optimizers::SGD(0.1, {.momentum = 0.9, .nesterov = true}); });
  check([] { return optimizers::Adam(0.1); });
}

TEST_CASE("a variable that is named twice takes two updates, dense and sparse ones mix", "[optimizers]") {
  Variable w(constant({1.f, 2.f})), other(constant({5.f}));
  const optimizers::SGD sgd(1);
  sgd.apply_gradients(std::vector{constant({0.5f, 0.25f}), constant({1.f}), constant({0.5f, 0.25f})}, {w, other, w});
  CHECK(w.to_vector<float>() == std::vector<float>{0, 1.5f});
  CHECK(other.to_vector<float>() == std::vector<float>{4});
  const Sparse sparse, expected;
  sgd.apply_gradients(std::vector{constant({1.f, 1.f}), sparse.gradient()}, {w, sparse.w});
  sgd.apply_gradients(std::vector{expected.gradient()}, {expected.w});
  CHECK(w.to_vector<float>() == std::vector<float>{-1, 0.5f});
  CHECK(sparse.w.to_vector<float>() == expected.w.to_vector<float>());
}

TEST_CASE("minimize asks for the variables once the layers have made them", "[optimizers]") {
  nn::Sequential model{nn::Dense(1)};
  optimizers::SGD opt(0.1);
  const Tensor x = constant({{1.f}, {2.f}, {3.f}}), y = x * 2.f;
  float first = 0, last = 0;
  for (int i = 0; i < 200; ++i) {
    last = opt.minimize([&] { return mean(square(model(x) - y)); }, [&] { return model.trainable_variables(); })
               .item<float>();
    if (i == 0) first = last;
  }
  CHECK(last < 1e-3f);
  CHECK(first > last);
}

TEST_CASE("optimizers reject impossible hyperparameters", "[optimizers]") {
  CHECK_THROWS_AS(optimizers::SGD(0.1, {.momentum = -1}), UsageError);
  CHECK_THROWS_AS(optimizers::SGD(0.1, {.nesterov = true}), UsageError);
  CHECK_THROWS_AS(optimizers::Adam(0.1, {.beta_1 = 1}), UsageError);
  CHECK_THROWS_AS(optimizers::Adam(0.1, {.epsilon = -1}), UsageError);
}

TEST_CASE("variables without a gradient are named in the log, once", "[optimizers]") {
  std::vector<std::string> lines;
  set_log_handler([&](LogLevel, std::string_view line) { lines.emplace_back(line); });
  optimizers::SGD opt(1.0);
  Variable a(1.f, {.name = "a"}), b(1.f, {.name = "b"}), c(1.f, {.name = "c"});
  for (int step = 0; step < 3; ++step) opt.apply_gradients({Tensor(), constant(1.f), Tensor()}, {a, b, c});
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("'a', 'c'") != std::string::npos);
  opt.apply_gradients({constant(1.f), Tensor(), constant(1.f)}, {a, b, c});
  CHECK(lines.size() == 2);
  CHECK_THROWS_AS(opt.apply_gradients({Tensor()}, {a}), UsageError);
  set_log_handler({});
  CHECK(opt.iterations().item<int>() == 4);
}
