// Reads of what the same call has written: they become the written value, so that writes may wait until the end.
#include <unordered_map>
#include <unordered_set>

#include "core/variable_state.h"
#include "function/passes/passes.h"
#include "ops/helpers.h"

namespace keen::detail {

extern const Op assign_sub_op, assign_add_op;

namespace {

const void* variable_of(const Node& node) { return std::get_if<std::shared_ptr<void>>(&node.attributes[0])->get(); }

bool is_sum(const Node& node) { return node.op == &assign_add_op || node.op == &assign_sub_op; }

/// Walks the nodes and knows, as far as the graph tells, what each variable holds.
class Forwarder {
 public:
  explicit Forwarder(Graph& graph) : graph_(graph), names_(graph), read_later_(graph.nodes.size()) {
    std::unordered_set<const void*> read;
    for (std::size_t i = graph.nodes.size(); i-- > 0;) {
      const Node& node = graph.nodes[i];
      if (node.op == &read_variable_op) read.insert(variable_of(node));
      else if (is_sum(node)) read_later_[i] = read.contains(variable_of(node));
    }
  }

  int run() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      Node& node = graph_.nodes[i];
      names_.rename_inputs(node);
      if (node.op == &read_variable_op) read(std::move(node));
      else if (node.op == &assign_op) assign(std::move(node));
      else if (is_sum(node)) add(std::move(node), read_later_[i]);
      else other(std::move(node));
    }
    std::erase_if(kept_, [](const Node& node) { return node.op == nullptr; });
    graph_.nodes = std::move(kept_);
    names_.rename_results(graph_);
    return changed_;
  }

 private:
  void keep(Node node) { kept_.push_back(std::move(node)); }

  void read(Node node) {
    const void* variable = variable_of(node);
    if (const auto known = value_.find(variable); known != value_.end() && is_same_form(known->second, node)) {
      names_.rename(node.outputs[0], known->second);
      ++changed_;
      return;
    }
    unseen_.erase(variable);
    value_[variable] = node.outputs[0];
    keep(std::move(node));
  }
  bool is_same_form(int value, const Node& read) const {
    const Value &a = graph_.values[static_cast<std::size_t>(value)],
                &b = graph_.values[static_cast<std::size_t>(read.outputs[0])];
    return a.dtype == b.dtype && a.shape == b.shape && a.device == b.device;
  }

  /// An assignment that nothing saw before the next one need not be made.
  void assign(Node node) {
    const void* variable = variable_of(node);
    if (const auto earlier = unseen_.find(variable); earlier != unseen_.end()) {
      kept_[earlier->second].op = nullptr;
      ++changed_;
    }
    value_[variable] = node.inputs[0];
    unseen_[variable] = kept_.size();
    keep(std::move(node));
  }

  /// Adding in place is best, unless what comes out is read again here: then it is a sum and an assignment.
  void add(Node node, bool is_read_later) {
    const void* variable = variable_of(node);
    if (!is_read_later && !unseen_.contains(variable)) {
      value_.erase(variable);
      return keep(std::move(node));
    }
    if (!value_.contains(variable)) {
      Node before{&read_variable_op, {}, node.attributes, {}};
      before.outputs = {graph_.add_value(form_of(node))};
      read(std::move(before));
    }
    Node sum{node.op == &assign_add_op ? &add_op : &subtract_op, {value_[variable], node.inputs[0]}, {}, {}};
    sum.outputs = {graph_.add_value(form_of(node))};
    Node write{&assign_op, sum.outputs, std::move(node.attributes), {}, node.origin};
    keep(std::move(sum));
    ++changed_;
    assign(std::move(write));
  }
  static Value form_of(const Node& write) {
    const auto& variable = resource<VariableState>(write.attributes[0]);
    return {variable.dtype, variable.shape, variable.device, {}};
  }

  /// Another write leaves what nobody knows; a part of the program may read and write whatever it names.
  void other(Node node) {
    if (node.op->composite) {
      unseen_.clear();
      if (node.op->effect) value_.clear();
    } else if (node.op->effect) {
      for (const auto& attribute : node.attributes)
        if (const auto* object = std::get_if<std::shared_ptr<void>>(&attribute)) {
          unseen_.erase(object->get());
          value_.erase(object->get());
        }
    }
    keep(std::move(node));
  }

  Graph& graph_;
  Renaming names_;
  std::vector<bool> read_later_;
  std::vector<Node> kept_;
  std::unordered_map<const void*, int> value_;           // what a variable holds
  std::unordered_map<const void*, std::size_t> unseen_;  // its last assignment, while nothing has looked
  int changed_ = 0;
};

}  // namespace

int reads_of_writes(Graph& graph) { return Forwarder(graph).run(); }

}  // namespace keen::detail
