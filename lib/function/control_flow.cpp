// cond, switch_case, while_loop and scan inside traces.
#include "keen/function/control_flow.h"

#include "core/message.h"
#include "function/no_turns.h"
#include "function/staged_loop.h"
#include "keen/ops/shape.h"

namespace keen::detail {

bool is_tracing(Where where) {
  note_line(where);
  return thread_context.interpreter;
}
bool is_recorded() noexcept { return thread_context.observers && !thread_context.interpreter; }

bool goes_on(const Tensor& condition) {
  return in_the_name_of("while_loop", [&] { return static_cast<bool>(condition); });
}

namespace {

std::string structure_in_words(const std::string& key) {
  std::string out;
  for (const Leaf& leaf : leaves_of(key)) out += (out.empty() ? "" : ", ") + leaf.to_string();
  return '(' + out + ')';
}

/// The same structure and dtypes, and the same values of what is no tensor?
bool match(const std::string& a, const std::string& b) {
  const auto x = leaves_of(a), y = leaves_of(b);
  bool same = x.size() == y.size();
  for (std::size_t i = 0; same && i < x.size(); ++i) {
    const bool tensors = x[i].has_spec && y[i].has_spec;
    same = tensors ? x[i].spec.dtype == y[i].spec.dtype && x[i].spec.shape.rank() == y[i].spec.shape.rank()
                   : x[i].to_string() == y[i].to_string();
  }
  return same;
}

void check_choice(const char* operation, const Tensor& index) {
  const TensorImpl& t = checked(index, operation);
  if (!t.shape.is_known() || t.shape.num_elements() != 1 || (t.dtype != DType::bool_ && !is_integer(t.dtype)))
    fail<UsageError>(operation, "the branch is chosen by ", in_words({index}), ": one bool or integer is wanted");
}

/// What `stage` gives; none where a body asks for values. Then its nodes are dropped, and the host decides in its stead.
template <class Stage>
std::optional<Leaves> unless_host_decides(const char* operation, Stage&& stage) {
  try {
    return stage();
  } catch (const HostDecision&) {
    Tracer* tracer = current_tracer();
    if (!tracer) throw;
    if (!tracer->outer()) tracer->unstage(operation);
    return std::nullopt;
  }
}

}  // namespace

std::int64_t branch_number(const char* operation, const Tensor& index, std::int64_t count, Where where) {
  check_choice(operation, index);
  const auto i = index.item<std::int64_t>(where);
  return i < 0 || i >= count ? count - 1 : i;
}

namespace {

Leaves trace_branches(
    const char* operation, const Tensor& index, const std::vector<std::function<PartResult()>>& branches, Where where) {
  Tracer& outer = *current_tracer();
  check_choice(operation, index);
  std::vector<std::unique_ptr<PartTracer>> parts;
  std::vector<PartInputs> inputs;
  std::string first;
  for (const auto& branch : branches) {
    PartTracer& part = *parts.emplace_back(std::make_unique<PartTracer>(outer));
    part.begin();
    const PartResult result = branch();
    part.finish(result.tensors);
    inputs.push_back({&part, 0});
    note_line(where);
    if (parts.size() == 1) first = result.key;
    else if (!match(first, result.key))
      fail<UsageError>(
          operation, "one branch gives ", structure_in_words(first), ", another ", structure_in_words(result.key),
          ": they must agree in structure, dtypes and ranks");
  }
  const Leaves operands = align_captures(inputs);
  std::vector<std::shared_ptr<Graph>> graphs;
  for (const auto& part : parts) graphs.push_back(part->graph());
  return stage_branch(outer, index, graphs, operands);
}

Leaves trace_while(
    const std::function<Tensor(const Leaves&)>& condition, const std::function<PartResult(const Leaves&)>& body,
    const PartResult& initial, const WhileOptions& options, Where where) {
  if (!current_tracer())
    return after_no_turns(initial.tensors, {}, [&](const Leaves& found) { return body(found).tensors; });
  StagedLoop loop(*current_tracer(), initial.tensors, options.shape_invariants, {});
  const PartResult result = body(loop.open());
  note_line(where);
  if (!match(initial.key, result.key))
    fail<UsageError>(
        "while_loop", "a turn finds ", structure_in_words(initial.key), " and leaves ", structure_in_words(result.key),
        ": the state keeps its structure, and what changes in it must be tensors");
  loop.close(result.tensors);
  const Shape limit = options.maximum_iterations < 0 ? Shape{} : Shape{options.maximum_iterations};
  return loop.stage(condition, limit, false);
}

Leaves trace_scan(
    const char* operation, const std::function<PartResult(const Leaves&, const Leaves&)>& body,
    const PartResult& initial, const Leaves& xs, std::size_t& count, const ScanOptions& options, Where where) {
  scan_length(operation, xs);
  count = initial.tensors.size();
  const auto turn = [&](const Leaves& found) {
    const auto slices = found.begin() + static_cast<std::ptrdiff_t>(count);
    const PartResult result = body({found.begin(), slices}, {slices, found.end()});
    note_line(where);
    if (!match(initial.key, result.key))
      fail<UsageError>(
          operation, "a turn finds the state ", structure_in_words(initial.key), " and leaves ",
          structure_in_words(result.key));
    return result.tensors;
  };
  if (!current_tracer()) return after_no_turns(initial.tensors, xs, turn);
  StagedLoop loop(*current_tracer(), initial.tensors, {}, xs);
  loop.close(turn(loop.open()));
  return loop.stage(nullptr, {}, options.reverse);
}

}  // namespace

std::optional<Leaves> stage_branches(
    const char* operation, const Tensor& index, const std::vector<std::function<PartResult()>>& branches, Where where) {
  return unless_host_decides(operation, [&] { return trace_branches(operation, index, branches, where); });
}

std::optional<Leaves> stage_while(
    const std::function<Tensor(const Leaves&)>& condition, const std::function<PartResult(const Leaves&)>& body,
    const PartResult& initial, const WhileOptions& options, Where where) {
  return unless_host_decides("while_loop", [&] { return trace_while(condition, body, initial, options, where); });
}

std::optional<Leaves> stage_scan(
    const char* operation, const std::function<PartResult(const Leaves&, const Leaves&)>& body,
    const PartResult& initial, const Leaves& xs, std::size_t& count, const ScanOptions& options, Where where) {
  return unless_host_decides(
      operation, [&] { return trace_scan(operation, body, initial, xs, count, options, where); });
}

std::int64_t unstaged_length(const char* operation, const Leaves& xs) {
  const std::int64_t length = scan_length(operation, xs);
  if (length <= 0)
    fail<UsageError>(
        operation, "its body asks for the value of a tensor, so that the host must take the turns, and ",
        length ? "their number is open" : "there are none", ": decide with where or cond");
  return length;
}

std::int64_t scan_length(const char* operation, const Leaves& xs) {
  if (xs.empty()) fail<UsageError>(operation, "there is no tensor to scan");
  for (const Tensor& x : xs)
    if (checked(x, operation).shape.rank() == 0) fail<ShapeError>(operation, "a 0-d tensor has no slices");
  for (const Tensor& x : xs)
    if (const std::int64_t a = xs[0].shape().raw(0), b = x.shape().raw(0); a != b && a >= 0 && b >= 0)
      fail<ShapeError>(operation, "tensors of ", a, " and of ", b, " slices do not go together");
  return xs[0].shape().raw(0);
}

Leaves stack_leaves(std::vector<Leaves>& turns, bool reverse) {
  Leaves out;
  for (std::size_t i = 0; !turns.empty() && i < turns[0].size(); ++i) {
    std::vector<Tensor> column;
    for (auto& turn : turns) column.push_back(turn[i]);
    if (reverse) column = {column.rbegin(), column.rend()};
    out.push_back(stack(column));
  }
  return out;
}

}  // namespace keen::detail
