#include "function/layout.h"

#include "ops/helpers.h"

namespace keen::detail {

extern const Op reshape_op, to_device_op;

namespace {

/// Follows views with a tensor that has a shape and strides, but elements nobody reads.
class Follower {
 public:
  Follower() : ghost_(make_tensor(DType::bool_, Shape{0}, Device())) {}

  Tensor like(const Value& value, const Layout& layout) const {
    Tensor t = make_view(*ghost_.impl(), value.shape, layout.strides, 0);
    t.impl()->dtype = value.dtype;
    return t;
  }
  Layout view(const Node& node, const Value& from, const Layout& layout, const Value& to) const {
    const Tensor in = like(from, layout), out = node.op->view(*in.impl(), node.attributes, {to.dtype, to.shape});
    const std::int64_t bytes = out.impl()->as<char>() - in.impl()->as<char>();
    return {layout.root, layout.offset + bytes / static_cast<std::int64_t>(size_of(from.dtype)), out.strides()};
  }

 private:
  Tensor ghost_;
};

/// A reshape of scattered elements copies them.
bool must_copy(const Follower& follower, const Node& node, const Value& from, const Layout& layout, const Value& to) {
  Shape strides;
  return node.op == &reshape_op && !strides_for(*follower.like(from, layout).impl(), to.shape, strides);
}

}  // namespace

bool is_view(const Graph&, std::span<const Layout> layouts, const Node& node) {
  return node.op->view && layouts[static_cast<std::size_t>(node.outputs[0])].root != node.outputs[0];
}

std::vector<Layout> lay_out(const Graph& graph, std::span<const Shape> argument_strides) {
  std::vector<Layout> layouts(graph.values.size());
  const auto at = [](int value) { return static_cast<std::size_t>(value); };
  const auto own = [&](int value) {
    layouts[at(value)] = {value, 0, contiguous_strides(graph.values[at(value)].shape)};
  };
  for (std::size_t i = 0; i < graph.inputs.size(); ++i)
    layouts[at(graph.inputs[i])] = {graph.inputs[i], 0, argument_strides[i]};
  for (const auto& constant : graph.constants)
    layouts[at(constant.value)] = {constant.value, 0, constant.tensor.strides()};
  const Follower follower;
  for (const auto& node : graph.nodes) {
    // A move copies; on the host as well, where it has nothing else to do.
    if (!node.op->view || node.op == &to_device_op) {
      for (int value : node.outputs) own(value);
      continue;
    }
    const Value &from = graph.values[at(node.inputs[0])], &to = graph.values[at(node.outputs[0])];
    const Layout& layout = layouts[at(node.inputs[0])];
    if (must_copy(follower, node, from, layout, to)) own(node.outputs[0]);
    else layouts[at(node.outputs[0])] = follower.view(node, from, layout, to);
  }
  return layouts;
}

}  // namespace keen::detail
