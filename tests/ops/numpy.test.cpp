// Every operation in every dtype and layout against NumPy's own results; the list of operations is the descriptions'.
#include <iostream>
#include <set>

#include "calls.h"
#include "catch.h"
#include "core/op.h"
#include "keen/device.h"

using namespace keen;
using namespace keen::test;

namespace {

// Operations without cases in reference.txt, and where they are tested instead.
const std::map<std::string, const char*> without_reference = {
    {"assign", "an effect on a variable: tests/core/variable.test.cpp"},
    {"assign_add", "an effect on a variable: tests/core/variable.test.cpp"},
    {"assign_sub", "an effect on a variable: tests/core/variable.test.cpp"},
    {"scatter_assign", "an effect on a variable: tests/core/variable.test.cpp"},
    {"assert_true", "an effect: tests/function/effects.test.cpp"},
    {"check_numerics", "an effect, else the identity: tests/function/effects.test.cpp"},
    {"print", "an effect: tests/function/effects.test.cpp"},
    {"branch", "holds parts of a program: tests/function/control_flow.test.cpp"},
    {"branch_with_effects", "holds parts of a program: tests/function/control_flow.test.cpp"},
    {"loop", "holds parts of a program: tests/function/control_flow.test.cpp"},
    {"loop_with_effects", "holds parts of a program: tests/function/control_flow.test.cpp"},
    {"largest", "max, also of nothing: tests/ops/reduce.test.cpp, tests/function/open_axes.test.cpp"},
    {"ensure_shape", "its operand: tests/function/open_sizes.test.cpp"},
    {"same", "only to tapes: tests/function/host_control.test.cpp"},
    {"set_row", "of tensor arrays: tests/function/tensor_array.test.cpp"},
    {"get_row", "of tensor arrays: tests/function/agreement.test.cpp"},
    {"no_turns", "only to tapes: tests/function/agreement.test.cpp"},
    {"sum_to", "only in traces: tests/function/open_sizes.test.cpp"},
    {"staged", "branches and loops, to a tape: tests/function/control_flow.test.cpp"},
    {"read_variable", "only in traces: tests/function"},
    {"size", "only in traces: tests/function/open_sizes.test.cpp"},
    {"positions", "only in traces: tests/function/open_axes.test.cpp"},
    {"adam_update", "an effect on variables: tests/optimizers"},
    {"momentum_update", "an effect on variables: tests/optimizers"},
    {"sgd_update", "an effect on a variable: tests/optimizers"},
    {"adam_update_rows", "an effect on variables: tests/optimizers"},
    {"momentum_update_rows", "an effect on variables: tests/optimizers"},
    {"sgd_update_rows", "an effect on a variable: tests/optimizers"},
    {"row_numbers", "of sparse gradients: tests/function/sparse.test.cpp"},
    {"first_occurrences", "of sparse gradients: tests/ops/clip.test.cpp"},
    {"own_gradient", "the identity, in traces: tests/function/custom_gradients.test.cpp"},
    {"custom_function", "the user's own function: tests/autodiff/custom_gradient.test.cpp"},
    {"compiled_call", "a compiled function as a tape sees it: tests/function/gradients.test.cpp"},
    {"random_uniform", "a random draw: tests/random"},
    {"random_normal", "a random draw: tests/random"},
    {"random_truncated_normal", "a random draw: tests/random"},
    {"random_integers", "a random draw: tests/random"},
    {"random_permutation", "a random draw: tests/random"},
};

// Layouts or dtypes that an operation cannot meet, although its description does not say so.
struct Exempt {
  const char *operation, *layouts;
  detail::DTypeSet dtypes;
  const char* why;
};
const Exempt exemptions[] = {
    {"matmul", "0-d", 0, "a product needs an axis"},
    {"softmax", "0-d", 0, "it runs along an axis"},
    {"log_softmax", "0-d", 0, "it runs along an axis"},
    {"concat", "0-d", 0, "there is no axis to join along"},
    {"gather", "0-d", 0, "indices count along an axis"},
    {"take_along_axis", "0-d", 0, "indices count along an axis"},
    {"put_along_axis", "0-d", detail::booleans, "updates are added, along an axis"},
    {"scatter", "0-d", detail::booleans, "updates are added, to rows"},
    {"one_hot", "", detail::booleans | detail::floats, "indices are integers"},
    {"sparse_softmax_cross_entropy", "0-d", detail::booleans | detail::integers, "logits are a floating matrix"},
    {"sparse_cross_entropy_gradient", "0-d", detail::booleans | detail::integers, "logits are a floating matrix"},
    {"full", "contiguous transposed strided broadcast empty", 0, "the operand is a number"},
    {"axis_count", "broadcast strided 0-d empty", 0, "counts, reads no element"},
    {"conv2d", "0-d", 0, "images have four axes"},
    {"conv2d_input_gradient", "0-d", 0, "images have four axes"},
    {"conv2d_filter_gradient", "0-d", 0, "images have four axes"},
    {"max_pool2d", "0-d", 0, "images have four axes"},
    {"max_pool2d_gradient", "0-d", 0, "images have four axes"},
    {"max_pool2d_second", "0-d", 0, "images have four axes"},
    {"avg_pool2d", "0-d", 0, "images have four axes"},
    {"avg_pool2d_gradient", "0-d", 0, "images have four axes"},
};

bool exempt(const std::string& operation, const std::string& layout, int dtype) {
  for (auto& e : exemptions)
    if (operation == e.operation && (e.dtypes >> dtype & 1 || std::string(e.layouts).find(layout) != std::string::npos))
      return true;
  return false;
}

constexpr const char* layout_names[] = {"contiguous", "transposed", "strided", "broadcast", "0-d", "empty"};

std::string layout_of(const std::string& spec) {
  Shape shape = shape_from(parts(spec, ':')[0]);
  if (shape.rank() == 0) return "0-d";
  for (auto d : shape)
    if (d == 0) return "empty";
  for (auto* name : layout_names)
    if (name[0] == parts(spec, ':')[1][0]) return name;
  return "?";
}

bool names_dtype(const std::string& spec) { return parts(spec, ':').size() > 3; }

std::vector<Group> read_groups() {
  std::ifstream in(KEEN_TESTS_DIR "/ops/reference.txt");
  std::vector<Group> groups;
  for (std::string line; std::getline(in, line);) groups.push_back(parse_group(line, groups.size()));
  return groups;
}
const std::vector<Group>& all_groups() {
  static const std::vector<Group> groups = read_groups();
  return groups;
}

const Group* first_group_of(const std::string& name) {
  for (auto& g : all_groups())
    if (g.name == name) return &g;
  return nullptr;
}

// The dtypes of the eleven Keen computes with that an operation takes.
detail::DTypeSet taken(const detail::Op& op) {
  return static_cast<detail::DTypeSet>(
      (op.inputs == detail::Inputs::promote_floating ? detail::real_numbers : op.dtypes) & detail::real_numbers);
}

}  // namespace

TEST_CASE("every operation gives NumPy's results", "[numpy]") {
  auto calls = all_calls();
  Results results(KEEN_TESTS_DIR "/ops/reference.bin");
  std::size_t comparisons = 0, elements = 0;
  std::map<std::string, int> failures;
  for (auto& group : all_groups()) {
    for (auto& dtype : group.dtypes) {
      Tensor wanted = results.next();
      std::string problem;
      try {
        auto call = calls.find(group.name);
        problem = call == calls.end()
                      ? "no call in calls.h"
                      : difference(call->second(group.attributes, group.inputs(dtype)), wanted, group.tolerance);
      } catch (const Error& e) {
        problem = std::string("throws ") + e.what();
      }
      ++comparisons;
      elements += static_cast<std::size_t>(wanted.size());
      if (problem.empty() || ++failures[group.name] > 5) continue;  // five of an operation tell enough
      std::string operands;
      for (auto& o : group.operands) operands += ' ' + o;
      UNSCOPED_INFO(group.name << operands << " in " << dtype << " (line " << group.seed / 16 + 1 << "): " << problem);
      CHECK(problem.empty());
    }
  }
  CHECK(results.at_end());
  for (auto& [name, count] : failures) UNSCOPED_INFO(name << ": " << count << " of its comparisons fail");
  CHECK(failures.empty());
  std::cout << comparisons << " comparisons with NumPy's results, " << elements << " elements\n";
}

TEST_CASE("no operation lacks a reference in a dtype it takes or a layout", "[numpy]") {
  std::map<std::string, std::set<std::pair<std::string, std::string>>> covered;  // (dtype, layout)
  for (auto& group : all_groups())
    for (auto& dtype : group.dtypes)
      for (std::size_t i = 0; i < group.operands.size(); ++i) {
        if (names_dtype(group.operands[i]) && group.operands.size() > 1) continue;  // an index or a condition
        if (dtype.find('+') == std::string::npos) covered[group.name].insert({dtype, layout_of(group.operands[i])});
      }
  for (const detail::Op* op : detail::all_ops()) {
    bool has_cases = covered.contains(op->name);
    INFO(op->name);
    CHECK(has_cases != without_reference.contains(op->name));  // cases in make_reference.py, or a reason above
    if (!has_cases) continue;
    for (int d = 0; d < dtype_count; ++d)
      for (const char* layout : layout_names) {
        if (!(taken(*op) >> d & 1) || exempt(op->name, layout, d)) continue;
        INFO(name(static_cast<DType>(d)) << ' ' << layout);
        CHECK(covered[op->name].contains({name(static_cast<DType>(d)), layout}));
      }
  }
}

TEST_CASE("a dtype that an operation does not take is a DTypeError that names it", "[numpy]") {
  auto calls = all_calls();
  int rejected = 0;
  for (const detail::Op* op : detail::all_ops()) {
    const Group* group = first_group_of(op->name);
    if (!group || names_dtype(group->operands[0])) continue;
    for (int d = 0; d < dtype_count; ++d) {
      DType dtype = static_cast<DType>(d);
      if (taken(*op) >> d & 1 || op->dtypes >> d & 1) continue;
      std::string rounding = " floor ceil round ";  // which give whole numbers back as they are
      if ((is_integer(dtype) || dtype == bool_) &&
          rounding.find(' ' + std::string(op->name) + ' ') != std::string::npos)
        continue;
      INFO(op->name << " of " << name(dtype));
      try {
        calls.at(op->name)(group->attributes, group->inputs(name(dtype)));
        FAIL_CHECK("no error");
      } catch (const DTypeError& e) {
        CHECK(std::string(e.what()).find('[' + std::string(op->name) + ']') == 0);
        CHECK(std::string(e.what()).find(name(dtype)) != std::string::npos);
        ++rejected;
      }
    }
  }
  std::cout << rejected << " dtypes rejected\n";
}

TEST_CASE("what only moves elements works in every dtype", "[numpy]") {
  auto calls = all_calls();
  int moved = 0;
  for (const detail::Op* op : detail::all_ops())
    for (DType dtype : {float16, bfloat16, complex64, complex128}) {
      if (!(op->dtypes & detail::bit(dtype)) || op->inputs == detail::Inputs::promote_floating) continue;
      for (auto& group : all_groups()) {
        if (group.name != op->name || group.name == "cast" || group.name == "one_hot" ||
            names_dtype(group.operands[0]) || parts(group.operands[0], ':')[2] == "wide")
          continue;
        INFO(op->name << ' ' << group.operands[0] << " in " << name(dtype));
        auto in = group.inputs("float32");
        auto converted = in;
        for (auto& t : converted)
          if (t.dtype() == float32) t = t.cast(dtype);
        Tensor wanted = calls.at(op->name)(group.attributes, in), got = calls.at(op->name)(group.attributes, converted);
        if (group.name != "axis_count") wanted = wanted.cast(dtype);
        CHECK(difference(got, wanted, {}) == "");
        ++moved;
      }
    }
  CHECK(moved > 100);
}
