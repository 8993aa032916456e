// Sparse gradients in compiled functions: steps of optimizers, clipping, results, arguments, tapes around and inside.
#include "catch.h"
#include "keen/keen.h"

using namespace keen;

namespace {

// A table of which few rows are read, and a layer behind it.
struct Model {
  Variable table{random::normal({1000, 8}, {.seed = 1})}, weight{random::normal({8, 3}, {.seed = 2})};
  std::vector<Variable> variables() const { return {table, weight}; }
  Tensor loss(const Tensor& ids) const { return mean(square(matmul(gather(table, ids), weight))); }
};

// Different rows in each step, some of them several times, and some counted from the end.
Tensor batch(int step) {
  return constant(std::vector<std::int64_t>{3, 500 + step, 3, -1, 999, 7 * step, -1000, 0, 500 + step, -2});
}

struct Quiet {
  Quiet() {
    set_log_handler([](LogLevel, std::string_view) {});
  }
  ~Quiet() { set_log_handler({}); }
};

bool same(const Tensor& a, const Tensor& b) { return allclose(a, b, 1e-5, 1e-6); }

// Variables and slots after five steps, eagerly and compiled.
template <class M, class MakeOptimizer, class Gradients>
void check_steps(const MakeOptimizer& make_optimizer, const Gradients& gradients, FunctionOptions options = {}) {
  std::vector<Tensor> ends[2];
  for (const bool compiled : {false, true}) {
    const M model;
    const auto optimizer = make_optimizer();
    const auto step = [&](const Tensor& ids) {
      optimizer.apply_gradients(gradients(model, ids), model.variables());
      return sum(ids);
    };
    const auto compiled_step = function(step, options);
    for (int i = 0; i < 5; ++i) compiled ? compiled_step(batch(i)) : step(batch(i));
    for (const auto& v : model.variables()) ends[compiled].push_back(v.value());
    for (const auto& v : optimizer.variables()) ends[compiled].push_back(v.value());
  }
  REQUIRE(ends[0].size() == ends[1].size());
  for (std::size_t i = 0; i < ends[0].size(); ++i) {
    INFO("variable " << i << " differs by " << max(abs(cast(ends[0][i] - ends[1][i], float64))).item<double>());
    CHECK(same(ends[0][i], ends[1][i]));
  }
}

template <class M = Model, class Gradients>
void check_optimizers(const Gradients& gradients, const FunctionOptions& options = {}) {
  check_steps<M>([] { return optimizers::SGD(0.5); }, gradients, options);
  check_steps<M>([] { return optimizers::SGD(0.5, {.momentum = 0.9}); }, gradients, options);
  check_steps<M>([] { return optimizers::SGD(0.5, {.momentum = 0.9, .nesterov = true}); }, gradients, options);
  check_steps<M>([] { return optimizers::Adam(0.01); }, gradients, options);
}

std::vector<Tensor> gradients_of(const Model& model, const Tensor& ids) {
  GradientTape tape;
  const Tensor loss = model.loss(ids);
  return tape.gradient(loss, model.variables());
}

}  // namespace

TEST_CASE("the gradient of gather is sparse in a trace, with symbolic parts", "[sparse]") {
  const Model model;
  bool sparse = false, symbolic = false;
  const auto f = function([&](const Tensor& ids) {
    const Tensor g = gradients_of(model, ids)[0];
    sparse = g.is_sparse();
    symbolic = g.is_symbolic() && g.values().is_symbolic() && g.indices().is_symbolic();
    return g + 0;
  });
  const Tensor g = f(batch(1));
  CHECK(sparse);
  CHECK(symbolic);
  CHECK_FALSE(g.is_sparse());
  CHECK(same(g, gradients_of(model, batch(1))[0] + 0));
}

TEST_CASE("compiled steps of optimizers touch the rows that eager ones touch", "[sparse]") {
  check_optimizers(gradients_of);
  check_optimizers(gradients_of, {.input_signature = {TensorSpec({unknown}, int64)}});
  const Model model;
  const Tensor before = model.table.value();
  const optimizers::Adam adam(0.1);
  const auto step =
      function([&](const Tensor& ids) { adam.apply_gradients(gradients_of(model, ids), model.variables()); });
  for (int i = 0; i < 3; ++i) step(batch(i));
  const auto changed = any(model.table.value() != before, 1).to_vector<bool>();
  std::vector<bool> expected(1000);
  for (const int row : {0, 3, 7, 14, 500, 501, 502, 998, 999}) expected[static_cast<std::size_t>(row)] = true;
  CHECK(changed == expected);
}

TEST_CASE("updates by rows and dense ones stay one step", "[sparse]") {
  const Model model;
  const optimizers::Adam adam(0.1);
  const auto step = function([&](const Tensor& ids) {
    adam.apply_gradients(gradients_of(model, ids), model.variables());
    return sum(ids);
  });
  step(batch(0));
  CHECK(step.graph().find("adam_update_rows") != std::string::npos);
  CHECK(step.explain().find("adam_update_rows of 2 variables") != std::string::npos);
  CHECK(step.graph().find("scatter") == std::string::npos);
}

TEST_CASE("two reads of one table add up, and one that is used as a whole has a dense gradient", "[sparse]") {
  check_optimizers([](const Model& model, const Tensor& ids) {
    GradientTape tape;
    const Tensor loss = model.loss(ids) + mean(gather(model.table, ids * 0 + 2) * model.table[5]);
    return tape.gradient(loss, model.variables());
  });
  check_optimizers([](const Model& model, const Tensor& ids) {
    GradientTape tape;
    const Tensor loss = model.loss(ids) + mean(square(gather(model.table, reshape(ids, {2, -1}))));
    const auto gradients = tape.gradient(loss, model.variables());
    CHECK(gradients[0].is_sparse());
    return gradients;
  });
  check_optimizers([](const Model& model, const Tensor& ids) {
    GradientTape tape;
    const Tensor loss = model.loss(ids) + mean(square(model.table));
    const auto gradients = tape.gradient(loss, model.variables());
    CHECK_FALSE(gradients[0].is_sparse());
    return gradients;
  });
}

TEST_CASE("many reads of a table are joined once", "[sparse]") {
  const Model model;
  const auto gradient = [&](const Tensor& ids) {
    GradientTape tape;
    Tensor y = zeros({8});
    for (int i = 0; i < 6; ++i) y = y + mean(gather(model.table, ids + i * (ids < 900)) * float(i), 0);
    return tape.gradient(sum(square(y)), model.table);
  };
  const auto compiled = function(gradient);
  const Tensor got = compiled(batch(1)), expected = gradient(batch(1));
  CHECK(array_equal(got.indices(), expected.indices()));
  CHECK(same(got.values(), expected.values()));
  const std::string told = compiled.explain();
  std::size_t steps = 0;
  for (auto at = told.find("\n  concat"); at != std::string::npos; at = told.find("\n  concat", at + 1)) ++steps;
  CHECK(steps == 2);  // values and indices
}

TEST_CASE("clipped sparse gradients are the same eagerly and compiled", "[sparse]") {
  const auto clip = [](const Model& model, const Tensor& ids) {
    return clip_by_global_norm(gradients_of(model, ids), 0.1).first;
  };
  check_optimizers(clip);
  check_optimizers(clip, {.input_signature = {TensorSpec({unknown}, int64)}});
  check_optimizers([](const Model& model, const Tensor& ids) {
    auto gradients = gradients_of(model, ids);
    gradients[0] = clip_by_norm(gradients[0], global_norm(gradients) * 0.1);
    CHECK(gradients[0].is_sparse());
    return gradients;
  });
}

TEST_CASE("a custom gradient may be sparse in a trace", "[sparse]") {
  const auto gradients = [](const Model& model, const Tensor& ids) {
    const auto twice = custom_gradient([&](const std::vector<Tensor>& in) {
      return std::pair{gather(in[0], ids) * 2, CustomGradient([=, table = in[0]](const Tensor& dy) {
                         GradientTape tape;
                         tape.watch(table);
                         const Tensor y = gather(table, ids);
                         return std::vector{tape.gradient(y, table, {.output_gradients = {dy}})};
                       })};
    });
    GradientTape tape;
    const Tensor loss = mean(square(matmul(twice({model.table.value()}), model.weight)));
    const auto out = tape.gradient(loss, model.variables());
    CHECK(out[0].is_sparse());
    return out;
  };
  check_optimizers(gradients);
}

TEST_CASE("sparse results stay sparse, and sparse arguments arrive so", "[sparse]") {
  const Model model;
  const auto gradient = function([&](const Tensor& ids) { return gradients_of(model, ids); });
  const auto eager = gradients_of(model, batch(2)), compiled = gradient(batch(2));
  REQUIRE(compiled[0].is_sparse());
  CHECK(compiled[0].shape() == Shape{1000, 8});
  CHECK(array_equal(compiled[0].indices(), eager[0].indices()));
  CHECK(same(compiled[0].values(), eager[0].values()));
  CHECK(same(compiled[1], eager[1]));

  bool arrives = false;
  const auto scale = function([&](const std::vector<Tensor>& gradients, const Tensor& by) {
    arrives = gradients[0].is_sparse();
    return clip_by_global_norm(gradients, by).first;
  });
  const auto clipped = scale(compiled, constant(0.5f)), expected = clip_by_global_norm(eager, 0.5).first;
  CHECK(arrives);
  REQUIRE(clipped[0].is_sparse());
  CHECK(same(clipped[0] + 0, expected[0] + 0));
  scale(gradient(batch(3)), constant(0.5f));
  CHECK(scale.trace_count() == 1);
  scale({compiled[0] + 0, compiled[1]}, constant(0.5f));
  CHECK(scale.trace_count() == 2);

  const auto concrete = scale.get_concrete_function(compiled, constant(0.5f));
  CHECK(same(concrete(compiled, constant(0.5f))[0] + 0, expected[0] + 0));
  CHECK_THROWS_AS(concrete(std::vector{compiled[0] + 0, compiled[1]}, constant(0.5f)), UsageError);

  const auto dense =
      function([](const Tensor& g) { return g * 2; }, {.input_signature = {TensorSpec({unknown, 8}, float32)}});
  CHECK(same(dense(compiled[0]), eager[0] * 2));
}

TEST_CASE("a step that takes gradients touches their rows only", "[sparse]") {
  check_optimizers([](const Model& model, const Tensor& ids) { return gradients_of(model, ids); });
  std::vector<Tensor> ends;
  for (const bool compiled : {false, true}) {
    const Model model;
    const optimizers::Adam adam(0.1);
    const auto apply = [&](const std::vector<Tensor>& gradients) {
      adam.apply_gradients(gradients, model.variables());
      return Tensor(0);
    };
    const auto compiled_apply = function(apply);
    for (int i = 0; i < 3; ++i) {
      const auto gradients = gradients_of(model, batch(i));
      compiled ? compiled_apply(gradients) : apply(gradients);
    }
    ends.push_back(model.table.value());
  }
  CHECK(same(ends[0], ends[1]));
}

TEST_CASE("the gradient of a compiled call is sparse for the tables it reads", "[sparse]") {
  const auto gradients = [](const Model& model, const Tensor& ids) {
    const auto loss = function([&](const Tensor& rows) { return model.loss(rows); });
    GradientTape tape;
    const Tensor y = loss(ids);
    return tape.gradient(y, model.variables());
  };
  const Model model;
  const auto got = gradients(model, batch(1)), expected = gradients_of(model, batch(1));
  REQUIRE(got[0].is_sparse());
  CHECK(array_equal(got[0].indices(), expected[0].indices()));
  CHECK(same(got[0].values(), expected[0].values()));
  CHECK(same(got[1], expected[1]));

  // To the second order: through the values of the first.
  const auto second = [&](const auto& loss) {
    GradientTape outer;
    GradientTape inner;
    const Tensor y = loss(batch(1));
    const Tensor g = inner.gradient(y, model.table);
    return outer.gradient(sum(square(g)), model.weight);
  };
  const auto eager = [&](const Tensor& ids) { return model.loss(ids); };
  CHECK(same(second(function(eager)), second(eager)));
}

TEST_CASE("a tape around a function sees through its sparse results", "[sparse]") {
  const Model model;
  const auto norm = [&](const auto& gradient) {
    GradientTape tape;
    const Tensor g = gradient(batch(1));
    REQUIRE(g.is_sparse());
    return tape.gradient(sum(square(g.values())), model.weight);
  };
  const auto gradient = [&](const Tensor& ids) { return gradients_of(model, ids)[0]; };
  CHECK(same(norm(gradient), norm(function(gradient))));
}

TEST_CASE("sparse gradients cross decisions of the host", "[sparse]") {
  const Quiet quiet;  // of decisions that are not followed
  const auto decide = [](const Model& model, const Tensor& ids) {
    auto gradients = gradients_of(model, ids);
    if (global_norm(gradients) > 0.1f) gradients = clip_by_global_norm(gradients, 0.1).first;
    return gradients;
  };
  check_optimizers(decide);
  const auto look = [](const Model& model, const Tensor& ids) {
    auto gradients = gradients_of(model, ids);
    if (gradients[0].to_vector<float>()[24] > 0) gradients[1] = gradients[1] * 2;
    return gradients;
  };
  check_optimizers(look);
}

TEST_CASE("steps inside branches and loops touch the rows that eager ones touch", "[sparse]") {
  std::vector<Tensor> ends;
  for (const bool compiled : {false, true}) {
    const Model model;
    const optimizers::Adam adam(0.1);
    adam.apply_gradients(gradients_of(model, batch(9)), model.variables());
    const auto train = [&](const Tensor& ids) {
      return while_loop(
          [](const Tensor& i) { return i < 3; },
          [&](const Tensor& i) {
            adam.apply_gradients(gradients_of(model, ids + i), model.variables());
            return i + 1;
          },
          Tensor(0));
    };
    const auto compiled_train = function(train);
    const Tensor ids = constant(std::vector<std::int64_t>{5, 900, 5, -10});
    compiled ? compiled_train(ids) : train(ids);
    ends.push_back(model.table.value());
  }
  CHECK(same(ends[0], ends[1]));
}

TEST_CASE("gradients through branches name the rows that the branch taken reads", "[sparse]") {
  const Quiet quiet;  // of variables that are left as they are
  const auto taken = [](const Model& model, const Tensor& ids, const auto& otherwise) {
    GradientTape tape;
    const Tensor rows = cond(
        ids[5] % 2 == 0, [&] { return gather(model.table, ids) * 2; }, [&] { return otherwise(model, ids); });
    const Tensor loss = mean(square(matmul(rows, model.weight)));
    return tape.gradient(loss, model.variables(), {.unconnected = Unconnected::none});
  };
  check_optimizers([&](const Model& model, const Tensor& ids) {  // both read rows
    auto out = taken(model, ids, [](const Model& m, const Tensor& i) { return gather(m.table, i + 1 - (i > 0) * 2); });
    CHECK(out[0].is_sparse());
    return out;
  });
  check_optimizers([&](const Model& model, const Tensor& ids) {  // different numbers of rows
    return taken(model, ids, [](const Model& m, const Tensor& i) { return gather(m.table, i(slice(0, 3))); });
  });
  check_optimizers([&](const Model& model, const Tensor& ids) {  // one reads none
    return taken(model, ids, [](const Model& m, const Tensor&) { return transpose(m.weight * 1)(slice(0, 2)); });
  });
  check_optimizers([&](const Model& model, const Tensor& ids) {  // one needs all of them
    return taken(model, ids, [](const Model& m, const Tensor&) { return m.table.value() * 3; });
  });
}

TEST_CASE("gradients through loops name the rows that the turns read", "[sparse]") {
  check_optimizers([](const Model& model, const Tensor& ids) {
    GradientTape tape;
    const Tensor end = scan(
        [&](const Tensor& state, const Tensor& pair) { return tanh(state + sum(gather(model.table, pair), 0)); },
        zeros({8}), reshape(ids, {5, 2}))[-1];
    const Tensor loss = mean(square(matmul(reshape(end, {1, 8}), model.weight)));
    auto out = tape.gradient(loss, model.variables());
    CHECK(out[0].is_sparse());
    return out;
  });
  check_optimizers([](const Model& model, const Tensor& ids) {
    GradientTape tape;
    const auto [i, end] = while_loop(
        [](const Tensor& turn, const Tensor&) { return turn < 4; },
        [&](const Tensor& turn, const Tensor& state) {
          return std::tuple{turn + 1, tanh(state * 0.5f + sum(gather(model.table, ids + turn - (ids > 900) * 4), 0))};
        },
        std::tuple{Tensor(0), zeros({8})});
    const Tensor loss = mean(square(matmul(reshape(end, {1, 8}), model.weight)));
    return tape.gradient(loss, model.variables());
  });
  check_optimizers([](const Model& model, const Tensor& ids) {  // a branch in a loop
    GradientTape tape;
    const Tensor end = scan(
        [&](const Tensor& state, const Tensor& id) {
          return cond(
              id > 2, [&] { return tanh(state + gather(model.table, id)); }, [&] { return state * 0.5f; });
        },
        zeros({8}), ids)[-1];
    const Tensor loss = mean(square(matmul(reshape(end, {1, 8}), model.weight)));
    return tape.gradient(loss, model.variables());
  });
}

TEST_CASE("a loop that does not turn names no rows", "[sparse]") {
  std::vector<Tensor> ends;
  for (const bool compiled : {false, true}) {
    const Model model;
    const optimizers::Adam adam(0.1);
    const auto step = [&](const Tensor& pairs) {
      GradientTape tape;
      const Tensor end = scan(
                             [&](const Tensor& state, const Tensor& pair) {
                               return std::pair{tanh(state + sum(gather(model.table, pair), 0)), state};
                             },
                             ones({8}), pairs)
                             .first;
      const Tensor loss = mean(square(matmul(reshape(end, {1, 8}), model.weight)));
      adam.apply_gradients(tape.gradient(loss, model.variables()), model.variables());
      return loss;
    };
    const auto compiled_step = function(step, {.input_signature = {TensorSpec({unknown, 2}, int64)}});
    for (const int turns : {4, 0, 2}) {
      const Tensor pairs = reshape(range(2 * turns, {.dtype = int64}), {turns, 2});
      compiled ? compiled_step(pairs) : step(pairs);
    }
    ends.push_back(model.table.value());
  }
  CHECK(same(ends[0], ends[1]));
}

TEST_CASE("a row that a table does not have is found before anything is written", "[sparse]") {
  const Variable a(ones({4, 2})), b(ones({3, 2}));
  const optimizers::SGD sgd(1);
  const auto step = [&](const Tensor& ids) {
    GradientTape tape;
    const Tensor loss = sum(gather(a, ids)) + sum(gather(b, ids));
    sgd.apply_gradients(tape.gradient(loss, std::vector{a, b}), {a, b});
  };
  const auto compiled = function(step);
  compiled(constant({0, 1}));
  CHECK_THROWS_AS(compiled(constant({0, 3})), IndexError);
  CHECK_THROWS_AS(step(constant({0, 3})), IndexError);
  CHECK(a.to_vector<float>() == std::vector<float>{0, 0, 0, 0, 1, 1, 1, 1});
  CHECK(b.to_vector<float>() == std::vector<float>{0, 0, 0, 0, 1, 1});
  CHECK(sgd.iterations().item<int>() == 1);
}

TEST_CASE("a sparse tensor that escapes its trace is an error that says so", "[sparse]") {
  const Model model;
  Tensor escaped;
  function([&](const Tensor& ids) {
    escaped = gradients_of(model, ids)[0];
    return sum(ids);
  })(batch(0));
  CHECK(escaped.to_string() == "<symbolic>");
  CHECK_THROWS_AS(escaped.to_vector<float>(), UsageError);
  CHECK_THROWS_AS(escaped + 1, UsageError);
  CHECK_THROWS_AS(function([](const Tensor& x) { return x + 1; })(escaped), UsageError);
}
