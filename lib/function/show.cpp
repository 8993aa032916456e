// What a trace shows of itself: its segments with the answers that lead to them, their graphs, what became of them.
#include <unordered_set>

#include "core/message.h"
#include "function/print.h"
#include "function/trace.h"

namespace keen::detail {
namespace {

/// A segment on the way from the beginning.
struct Shown {
  const Segment* segment;
  std::string course;  // "true, 3": the answers that lead here
  int like = -1;       // the first segment that runs the same program
};

std::string in_words(Question question, std::int64_t answer) {
  return question == Question::truth ? answer ? "true" : "false" : text(answer);
}

/// All segments, each before those behind it. (Without recursion: a loop of many turns is a deep tree.)
std::vector<Shown> segments_of(const Trace& trace) {
  std::vector<Shown> out, left{{&trace, ""}};
  std::unordered_map<const Program*, int> first;
  while (!left.empty()) {
    Shown at = std::move(left.back());
    left.pop_back();
    const auto [place, is_new] = first.try_emplace(at.segment->program.get(), static_cast<int>(out.size()));
    if (!is_new) at.like = place->second;
    for (auto next = at.segment->next.rbegin(); next != at.segment->next.rend(); ++next)
      left.push_back(
          {next->second.get(),
           text(at.course, at.course.empty() ? "" : ", ", in_words(at.segment->question, next->first))});
    out.push_back(std::move(at));
  }
  return out;
}

std::string heading(const std::vector<Shown>& all, std::size_t i) {
  return i ? text("segment ", i, ", after ", all[i].course) : "segment 0";
}

constexpr const char* kinds[] = {"the truth", "an integer", "the value"};

/// "asks for the truth of %3"
std::string question_of(const Segment& segment) {
  const Graph& graph = segment.program->graph();
  return text("asks for ", kinds[static_cast<int>(segment.question)], " of %", graph.results[segment.asked]);
}

std::string explain(const std::string& name, const Segment& segment) {
  const Graph &before = *segment.recorded, &after = segment.program->graph();
  std::unordered_set<int> made;
  for (const Node& node : after.nodes) made.insert(node.outputs.begin(), node.outputs.end());
  std::string out = text(
      name, ": ", before.nodes.size(), " operations traced, ", before.nodes.size() - after.nodes.size(), " pruned, ",
      after.nodes.size(), " run\n");
  for (const Node& node : before.nodes) {
    if (node.outputs.empty() || made.contains(node.outputs[0])) continue;
    const Value& value = before.values[static_cast<std::size_t>(node.outputs[0])];
    out += text(
        "pruned: ", node.op->name, value.name.empty() ? "" : text(" '", value.name, "'"), ": ", keen::name(value.dtype),
        value.shape, '\n');
  }
  return out + segment.program->explain();
}

}  // namespace

std::string explain(const std::string& name, const Trace& trace) {
  if (!trace.asks) return explain(name, static_cast<const Segment&>(trace));
  const auto all = segments_of(trace);
  std::string out =
      text(name, ": decisions of the host: ", all.size(), " segments, ", trace.programs.size(), " different ones\n");
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string title = heading(all, i);
    out += all[i].like < 0 ? explain(title, *all[i].segment) : text(title, ": as segment ", all[i].like, '\n');
  }
  return out;
}

std::string text_of(const Trace& trace) {
  if (!trace.asks) return trace.program->graph().to_string();
  const auto all = segments_of(trace);
  std::string out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Segment& segment = *all[i].segment;
    out += heading(all, i) + ':';
    if (all[i].like >= 0) out += text(" as segment ", all[i].like, '\n');
    else out += '\n' + indented(segment.program->graph().to_string());
    if (segment.asks) out += "  " + question_of(segment) + '\n';
  }
  return out;
}

std::string dot_of(const Trace& trace) {
  if (!trace.asks) return trace.program->graph().to_dot();
  const auto all = segments_of(trace);
  std::unordered_map<const Segment*, std::size_t> numbers;
  for (std::size_t i = 0; i < all.size(); ++i) numbers[all[i].segment] = i;
  std::string clusters, edges;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Segment& segment = *all[i].segment;
    const std::string label = heading(all, i) + (all[i].like < 0 ? "" : text("\nas segment ", all[i].like)) +
                              (segment.asks ? "\n" + question_of(segment) : "");
    clusters += dot_cluster(text('s', i), label, all[i].like < 0 ? &segment.program->graph() : nullptr);
    for (const auto& [answer, next] : segment.next)
      edges += dot_edge(text('s', i), text('s', numbers.at(next.get())), in_words(segment.question, answer));
  }
  return dot_document(clusters + edges);
}

std::vector<std::string> kernel_ir(const Trace& trace) {
  std::vector<std::string> out;
  for (const Shown& shown : segments_of(trace))
    if (shown.like < 0)
      for (std::string& code : shown.segment->program->kernel_ir()) out.push_back(std::move(code));
  return out;
}

}  // namespace keen::detail
