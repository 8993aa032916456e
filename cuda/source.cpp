#include "cuda/source.h"

#include <algorithm>

#include "core/message.h"
#include "cuda/spelling.h"

namespace keen::detail::cuda {
namespace {

using fusion::Access;
using fusion::Kernel;
using fusion::Node;
using fusion::NodeKind;

class Writer {
 public:
  Writer(const Kernel& kernel, const Form& form) : kernel_(kernel), form_(form), facts_(fusion::analyse(kernel)) {
    for (int node : kernel.inputs()) operands_.push_back(node);
    for (int node : kernel.stores()) operands_.push_back(node);
  }

  std::string run() {
    out_ =
        "#include \"keen/launch.h\"\n#include \"scalar/cast.h\"\n#include \"scalar/functions.h\"\nusing namespace "
        "keen::scalar;\n";
    out_ += text("using Index = ", form_.wide_index ? "long long" : "int", ";\n");
    out_ += text("using Launch = Parameters<Index, ", operands_.size(), ", ", form_.outer_rank, ">;\n\n");
    out_ += text(
        "extern \"C\" __global__ void __launch_bounds__(", block_threads, ") ", kernel_name,
        "(const __grid_constant__ Launch p) {\n");
    if (form_.rows) write_rows();
    else if (form_.vectors) write_vectors();
    else write_elements();
    return out_ + "}\n";
  }

 private:
  const Node& node(int i) const { return kernel_[i]; }
  bool per_element(int i) const { return facts_.per_element[static_cast<std::size_t>(i)]; }
  int pass_of(int i) const { return facts_.pass[static_cast<std::size_t>(i)]; }
  bool is_input(std::size_t operand) const { return operand < kernel_.inputs().size(); }

  void line(int depth, const std::string& statement) {
    out_ += std::string(static_cast<std::size_t>(2 * depth), ' ') + statement + '\n';
  }

  static std::string value(int i) { return text('v', i); }
  static std::string element(const char* type, const std::string& address) {
    return text("*reinterpret_cast<", type, "*>(", address, ')');
  }

  std::string expression(const Node& n) const {
    const auto operand = [&](int k) { return value(n.operands[k]); };
    switch (n.kind) {
      case NodeKind::constant:
        return constant(n.dtype, n.bits);
      case NodeKind::function:
        return text(functor(n.function), '(', operand(0), n.operands[1] >= 0 ? ", " + operand(1) : "", ')');
      case NodeKind::cast:
        return text("keen::scalar::cast<", type_of(n.dtype), ">(", operand(0), ')');
      case NodeKind::select:
        return text(operand(0), " ? ", operand(1), " : ", operand(2));
      default:
        return {};
    }
  }
  void define(int depth, int i, const std::string& right) {
    line(depth, text("const ", type_of(node(i).dtype), ' ', value(i), " = ", right, ';'));
  }

  bool is_computed(int i) const { return node(i).kind != NodeKind::input && node(i).kind != NodeKind::reduce; }

  /// Values that all elements share: numbers, constants and what follows from them.
  void write_row_values(int depth, int pass, const char* address) {
    for (std::size_t k = 0; pass == 0 && k < kernel_.inputs().size(); ++k) {
      const int i = operands_[k];
      if (!per_element(i)) define(depth, i, element(type_of(node(i).dtype), text(address, k)));
    }
    for (int i = 0; i < static_cast<int>(kernel_.nodes().size()); ++i)
      if (is_computed(i) && !per_element(i) && pass_of(i) == pass) define(depth, i, expression(node(i)));
  }

  void write_computed(int depth, const std::vector<bool>& needed) {
    for (int i = 0; i < static_cast<int>(kernel_.nodes().size()); ++i)
      if (needed[static_cast<std::size_t>(i)] && is_computed(i) && per_element(i))
        define(depth, i, expression(node(i)));
  }

  std::vector<bool> all() const { return std::vector<bool>(kernel_.nodes().size(), true); }

  // --- elementwise, whatever the layout

  void write_elements() {
    line(1, "const Index elements = p.rows * p.n, step = static_cast<Index>(gridDim.x) * blockDim.x;");
    line(1, "for (Index at = static_cast<Index>(blockIdx.x) * blockDim.x + threadIdx.x; at < elements; at += step) {");
    line(2, "const Index row = at / p.n, i = at - row * p.n;");
    for (std::size_t k = 0; k < operands_.size(); ++k) line(2, text("char* const r", k, " = row_of(p, ", k, ", row);"));
    write_row_values(2, 0, "r");
    for (std::size_t k = 0; k < operands_.size(); ++k)
      if (is_input(k) && per_element(operands_[k]))
        define(
            2, operands_[k],
            element(type_of(node(operands_[k]).dtype), text('r', k, " + i * p.operand[", k, "].stride")));
    write_computed(2, all());
    for (std::size_t k = 0; k < operands_.size(); ++k)
      if (!is_input(k))
        line(
            2, text(
                   element(type_of(node(operands_[k]).dtype), text('r', k, " + i * p.operand[", k, "].stride")), " = ",
                   value(operands_[k]), ';'));
    line(1, "}");
  }

  // --- elementwise over contiguous operands

  int pack_elements() const {
    std::size_t widest = 1;
    for (int i : operands_)
      if (per_element(i)) widest = std::max(widest, size_of(node(i).dtype));
    return static_cast<int>(16 / widest);
  }

  void write_vectors() {
    const int pack = pack_elements();
    for (std::size_t k = 0; k < operands_.size(); ++k) line(1, text("char* const r", k, " = p.operand[", k, "].data;"));
    write_row_values(1, 0, "r");
    line(
        1, text(
               "const Index packs = p.n / ", pack,
               ", first = static_cast<Index>(blockIdx.x) * blockDim.x + threadIdx.x,"));
    line(1, "            step = static_cast<Index>(gridDim.x) * blockDim.x;");
    line(1, "for (Index at = first; at < packs; at += step) {");
    const auto packed = [&](std::size_t k) {
      return text("Pack<", type_of(node(operands_[k]).dtype), ", ", pack, '>');
    };
    for (std::size_t k = 0; k < operands_.size(); ++k) {
      if (!per_element(operands_[k])) continue;
      if (is_input(k))
        line(2, text("const ", packed(k), " x", k, " = reinterpret_cast<const ", packed(k), "*>(r", k, ")[at];"));
      else line(2, text(packed(k), " y", k, ';'));
    }
    line(0, "#pragma unroll");
    line(2, text("for (int i = 0; i < ", pack, "; ++i) {"));
    write_lane(3, "x", ".at[i]", "y", ".at[i]");
    line(2, "}");
    for (std::size_t k = 0; k < operands_.size(); ++k)
      if (!is_input(k)) line(2, text("reinterpret_cast<", packed(k), "*>(r", k, ")[at] = y", k, ';'));
    line(1, "}");
    line(1, text("for (Index i = packs * ", pack, " + first; i < p.n; i += step) {"));
    write_lane(2, nullptr, nullptr, nullptr, nullptr);
    line(1, "}");
  }

  /// One element: from packs where these have names, else from memory at index i.
  void write_lane(int depth, const char* in, const char* in_end, const char* to, const char* to_end) {
    const auto place = [&](std::size_t k) {
      return text("reinterpret_cast<", type_of(node(operands_[k]).dtype), "*>(r", k, ")[i]");
    };
    for (std::size_t k = 0; k < operands_.size(); ++k)
      if (is_input(k) && per_element(operands_[k])) define(depth, operands_[k], in ? text(in, k, in_end) : place(k));
    write_computed(depth, all());
    for (std::size_t k = 0; k < operands_.size(); ++k)
      if (!is_input(k)) line(depth, text(to ? text(to, k, to_end) : place(k), " = ", value(operands_[k]), ';'));
  }

  // --- one block a row

  void write_rows() {
    line(1, "for (Index row = blockIdx.x; row < p.rows; row += gridDim.x) {");
    for (std::size_t k = 0; k < operands_.size(); ++k) line(2, text("char* const r", k, " = row_of(p, ", k, ", row);"));
    for (int pass = 0; pass < facts_.passes; ++pass) {
      write_row_values(2, pass, "r");
      write_pass(pass);
    }
    for (std::size_t k = 0; k < operands_.size(); ++k)
      if (!is_input(k) && !per_element(operands_[k]))
        line(
            2, text(
                   "if (threadIdx.x == 0) ", element(type_of(node(operands_[k]).dtype), text('r', k)), " = ",
                   value(operands_[k]), ';'));
    line(1, "}");
  }

  void write_pass(int pass) {
    const auto needed = fusion::needed_in(kernel_, facts_, pass);
    if (std::find(needed.begin(), needed.end(), true) == needed.end()) return;
    std::vector<int> reductions;
    for (int i = 0; i < static_cast<int>(needed.size()); ++i)
      if (needed[static_cast<std::size_t>(i)] && node(i).kind == NodeKind::reduce) reductions.push_back(i);
    for (int i : reductions)
      line(
          2, text(
                 type_of(node(i).dtype), " part", i, " = ",
                 constant(node(i).dtype, fusion::identity_bits(node(i).function, node(i).dtype)), ';'));
    line(2, "for (Index i = threadIdx.x; i < p.n; i += blockDim.x) {");
    const auto place = [&](std::size_t k) {
      return element(type_of(node(operands_[k]).dtype), text('r', k, " + i * p.operand[", k, "].stride"));
    };
    for (std::size_t k = 0; k < operands_.size(); ++k)
      if (is_input(k) && per_element(operands_[k]) && needed[static_cast<std::size_t>(operands_[k])])
        define(3, operands_[k], place(k));
    write_computed(3, needed);
    for (int i : reductions)
      line(3, text("part", i, " = ", functor(node(i).function), "(part", i, ", ", value(node(i).operands[0]), ");"));
    for (std::size_t k = 0; k < operands_.size(); ++k)
      if (!is_input(k) && per_element(operands_[k]) && pass_of(operands_[k]) == pass)
        line(3, text(place(k), " = ", value(operands_[k]), ';'));
    line(2, "}");
    for (int i : reductions)
      define(2, i, text("join_block<", block_threads, ">(", functor(node(i).function), ", part", i, ')'));
  }

  const Kernel& kernel_;
  const Form& form_;
  fusion::Analysis facts_;
  std::vector<int> operands_;  // nodes: inputs, then stores
  std::string out_;
};

}  // namespace

Form form_of(const Kernel& kernel, int outer_rank, bool aligned, bool wide_index) {
  Form form{.rows = fusion::analyse(kernel).has_reduction, .wide_index = wide_index, .outer_rank = outer_rank};
  bool flat = !form.rows && outer_rank == 0 && aligned;
  for (int input : kernel.inputs()) flat = flat && kernel[input].access != Access::strided;
  form.vectors = flat && fusion::analyse(kernel).stores_elements;
  return form;
}

std::string source(const Kernel& kernel, const Form& form) { return Writer(kernel, form).run(); }

}  // namespace keen::detail::cuda
