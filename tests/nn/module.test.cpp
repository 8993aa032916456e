// Modules: members, paths, order, sharing, freezing.
#include "catch.h"
#include "keen/keen.h"

using namespace keen;

namespace {

std::vector<std::string> names(const std::vector<Variable>& variables) {
  std::vector<std::string> out;
  for (const auto& v : variables) out.push_back(v.name());
  return out;
}

struct Net : nn::Module {
  nn::Sequential trunk = member("trunk", nn::Sequential{nn::Flatten(), nn::Dense(3, {.activation = relu})});
  nn::Dense head = member("head", nn::Dense(2));
  Variable scale = member("scale", Variable(2.f));
  Tensor operator()(const Tensor& x) const { return head(trunk(x)) * scale; }
};

}  // namespace

TEST_CASE("a module finds its variables through its members and names them by path", "[nn]") {
  Net net;
  CHECK(names(net.variables()) == std::vector<std::string>{"scale"});  // layers are built by their first call
  CHECK(net(ones({4, 5})).shape() == Shape{4, 2});
  CHECK(
      names(net.variables()) ==
      std::vector<std::string>{"trunk/dense/kernel", "trunk/dense/bias", "head/kernel", "head/bias", "scale"});
  CHECK(net.count_parameters() == 5 * 3 + 3 + 3 * 2 + 2 + 1);
  CHECK(net.trunk.path() == "trunk");
}

TEST_CASE("copies of a module share its parts", "[nn]") {
  Net net, copy = net;
  net(ones({1, 5}));
  CHECK(copy.head.kernel().is(net.head.kernel()));
  CHECK(copy.variables().size() == net.variables().size());
}

TEST_CASE("a part that is shared by two models is one part", "[nn]") {
  nn::Sequential trunk{nn::Flatten(), nn::Dense(3)};
  nn::Dense head1(2), head2(2);
  nn::Sequential path1{trunk, head1}, path2{trunk, head2};
  path1(ones({1, 4}));
  path2(ones({1, 4}));
  CHECK(path1.variables()[0].is(path2.variables()[0]));
  nn::Sequential twice{head1, head1};
  CHECK(twice.variables().size() == 2);
}

TEST_CASE("joining a module late renames what is in it", "[nn]") {
  nn::Dense dense(2);
  dense(ones({1, 3}));
  CHECK(dense.kernel().name() == "dense/kernel");
  struct Outer : nn::Module {
    explicit Outer(const nn::Dense& d) : inner(member("inner", d)) {}
    nn::Dense inner;
  } outer(dense);
  CHECK(dense.kernel().name() == "inner/kernel");
  struct Top : nn::Module {
    explicit Top(const Outer& o) { member("outer", o); }
  } top(outer);
  CHECK(dense.kernel().name() == "outer/inner/kernel");
}

TEST_CASE("Sequential numbers parts of the same kind and keeps given names", "[nn]") {
  nn::Sequential model{nn::Dense(2), nn::Dense(2), nn::Dense(2, {.name = "logits"})};
  model(ones({1, 2}));
  const auto found = names(model.variables());
  REQUIRE(found.size() == 6);
  CHECK(found[0] == "sequential/dense/kernel");
  CHECK(found[2] == "sequential/dense_1/kernel");
  CHECK(found[4] == "sequential/logits/kernel");
}

TEST_CASE("freezing a module takes its variables out of training", "[nn]") {
  Net net;
  net.trunk.set_trainable(false);
  net(ones({1, 5}));
  CHECK(names(net.trainable_variables()) == std::vector<std::string>{"head/kernel", "head/bias", "scale"});
  GradientTape tape;
  Tensor loss = sum(net(ones({1, 5})));
  CHECK_FALSE(tape.gradient(loss, net.trunk.variables()[0]).defined());
  net.set_trainable(true);
  CHECK(net.trainable_variables().size() == 5);
}

TEST_CASE("freeing a module leaves variables alone that never were trainable", "[nn]") {
  struct Counter : nn::Module {
    Variable count = member("count", Variable(0.f, {.trainable = false}));
    Variable weight = member("weight", Variable(1.f));
  } counter;
  counter.set_trainable(false);
  counter.set_trainable(true);
  CHECK(names(counter.trainable_variables()) == std::vector<std::string>{"weight"});
}

TEST_CASE("vectors of parts are numbered", "[nn]") {
  struct Tower : nn::Module {
    std::vector<nn::Dense> layers = member("layer", std::vector<nn::Dense>{nn::Dense(2), nn::Dense(1)});
  } tower;
  for (auto& layer : tower.layers) layer.build({1, 2});
  CHECK(tower.variables()[2].name() == "layer_1/kernel");
}

TEST_CASE("member rejects bad names and cycles", "[nn]") {
  struct Open : nn::Module {
    using nn::Module::member;
  } a, b;
  a.member("w", Variable(1.f));
  CHECK_THROWS_AS(a.member("w", Variable(1.f)), UsageError);
  CHECK_THROWS_AS(a.member("", Variable(1.f)), UsageError);
  CHECK_THROWS_AS(a.member("x/y", Variable(1.f)), UsageError);
  CHECK_THROWS_AS(a.member("empty", Variable()), UsageError);
  CHECK_THROWS_AS(a.member("self", a), UsageError);
  a.member("b", b);
  CHECK_THROWS_AS(b.member("a", a), UsageError);
  CHECK(a.variables().size() == 1);
}

TEST_CASE("variables are freed when nothing holds their module", "[nn]") {
  std::weak_ptr<detail::VariableState> state;
  {
    Net net;
    net(ones({1, 5}));
    state = net.head.kernel().state();
    CHECK_FALSE(state.expired());
  }
  CHECK(state.expired());
}

TEST_CASE("towers of modules, and rows of equal parts, take time in proportion", "[nn]") {
  constexpr int floors = 3000;  // minutes when each new floor renamed all below it
  nn::Dense dense(1);
  dense(ones({1, 1}));
  nn::Sequential tower{dense};
  for (int i = 1; i < floors; ++i) {
    nn::Sequential next;
    next.add(tower);
    tower = next;
  }
  std::string path = "sequential/";
  for (int i = 1; i < floors; ++i) path += "sequential/";
  CHECK(dense.path() == path + "dense");
  CHECK(dense.kernel().name() == path + "dense/kernel");
  CHECK(tower(ones({1, 1})).shape() == Shape{1, 1});
  CHECK(tower.variables().size() == 2);
  nn::Sequential row;
  for (int i = 0; i < floors; ++i) row.add(nn::Flatten());
  CHECK(row(ones({1, 1})).shape() == Shape{1, 1});
}

TEST_CASE("variables that a module makes late are named below what it has joined", "[nn]") {
  nn::Dense dense(1);
  nn::Sequential inner{dense}, outer;
  outer.add(inner);
  dense(ones({1, 1}));
  CHECK(dense.kernel().name() == "sequential/sequential/dense/kernel");
  struct Top : nn::Module {
    explicit Top(const nn::Sequential& s) { member("top", s); }
  } top(outer);
  CHECK(dense.kernel().name() == "top/sequential/dense/kernel");
}
