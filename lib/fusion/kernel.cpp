// Builds, checks and encodes fused kernels.
#include "fusion/kernel.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "core/message.h"
#include "keen/error.h"

namespace keen::detail::fusion {
namespace {

struct FunctionInfo {
  const char* name;
  scalar::Kind kind;
  int cost;
};
constexpr FunctionInfo functions[] = {
#define KEEN_UNARY(name, types, cost, body) {#name, scalar::Kind::unary, cost},
#define KEEN_BINARY(name, types, cost, body) {#name, scalar::Kind::binary, cost},
#define KEEN_PREDICATE(name, types, cost, body) {#name, scalar::Kind::predicate, cost},
#define KEEN_COMPARISON(name, types, cost, body) {#name, scalar::Kind::comparison, cost},
#include "scalar/functions.def"
#undef KEEN_UNARY
#undef KEEN_BINARY
#undef KEEN_PREDICATE
#undef KEEN_COMPARISON
    {"none", scalar::Kind::unary, 1},
};

// Content is an array of these, behind a header.
struct NodeRecord {
  std::uint8_t kind, dtype, function, access;
  std::int16_t operands[3];
  std::uint16_t unused;
  std::int32_t unused_too;
  std::int64_t bits;
};
struct Header {
  std::uint32_t version, nodes, stores, kept, most_elements, unused;
};
constexpr std::uint32_t content_version = 3;

template <class T>
std::int64_t bits_of(T value) {
  std::int64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}

}  // namespace

const char* name(scalar::Function function) noexcept { return functions[static_cast<int>(function)].name; }
scalar::Kind kind(scalar::Function function) noexcept { return functions[static_cast<int>(function)].kind; }
int cost(scalar::Function function) noexcept { return functions[static_cast<int>(function)].cost; }

std::int64_t constant_bits(DType dtype, double value) {
  switch (dtype) {
    case DType::bool_:
      return value != 0;
    case DType::float32:
      return bits_of(static_cast<float>(value));
    case DType::float64:
      return bits_of(value);
    case DType::uint64:
      return value < 0 ? static_cast<std::int64_t>(value)
                       : static_cast<std::int64_t>(static_cast<std::uint64_t>(value));
    default:
      break;
  }
  if (!is_integer(dtype)) fail<InternalError>("fusion", "constants of ", keen::name(dtype), " do not exist");
  const auto wide = static_cast<std::int64_t>(value);
  const int bytes = static_cast<int>(size_of(dtype));
  return bytes == 8 ? wide : wide & ((std::int64_t{1} << (8 * bytes)) - 1);
}

std::int64_t identity_bits(scalar::Function function, DType dtype) {
  using F = scalar::Function;
  const int width = 8 * static_cast<int>(size_of(dtype));
  const std::int64_t sign = static_cast<std::int64_t>(std::uint64_t{1} << (width - 1));
  const bool low = function == F::maximum;
  if (function == F::add) return 0;
  if (function == F::multiply) return constant_bits(dtype, 1);
  if (function != F::maximum && function != F::minimum)
    fail<InternalError>("fusion", name(function), " does not reduce");
  if (is_floating(dtype)) return constant_bits(dtype, (low ? -1 : 1) * std::numeric_limits<double>::infinity());
  if (dtype == DType::bool_) return low ? 0 : 1;
  if (is_unsigned_integer(dtype)) return low ? 0 : width == 64 ? -1 : (sign << 1) - 1;
  return low ? sign : static_cast<std::int64_t>(static_cast<std::uint64_t>(sign) - 1);
}

int Kernel::append(const Node& node) {
  const int number = static_cast<int>(nodes_.size());
  nodes_.push_back(node);
  if (node.kind == NodeKind::input) inputs_.push_back(number);
  return number;
}

int Kernel::input(DType dtype, Access access) {
  return append({.kind = NodeKind::input, .dtype = dtype, .access = access});
}

int Kernel::constant(DType dtype, double value) {
  return append({.kind = NodeKind::constant, .dtype = dtype, .bits = constant_bits(dtype, value)});
}

int Kernel::apply(scalar::Function function, int a, int b) {
  const auto form = kind(function);
  const bool truth = form == scalar::Kind::predicate || form == scalar::Kind::comparison;
  const DType dtype = truth ? DType::bool_ : (*this)[a].dtype;
  return append({.kind = NodeKind::function, .dtype = dtype, .function = function, .operands = {a, b, -1}});
}

int Kernel::cast(int a, DType dtype) {
  return (*this)[a].dtype == dtype ? a : append({.kind = NodeKind::cast, .dtype = dtype, .operands = {a, -1, -1}});
}

int Kernel::select(int condition, int a, int b) {
  return append({.kind = NodeKind::select, .dtype = (*this)[a].dtype, .operands = {condition, a, b}});
}

int Kernel::reduce(scalar::Function function, int a) {
  return append({.kind = NodeKind::reduce, .dtype = (*this)[a].dtype, .function = function, .operands = {a, -1, -1}});
}

void Kernel::store(int node) { stores_.push_back(node); }
void Kernel::keep(int node) { kept_.push_back(node); }

std::size_t Kernel::operand_of(int input) const {
  return static_cast<std::size_t>(std::find(inputs_.begin(), inputs_.end(), input) - inputs_.begin());
}

Kernel Kernel::with_access(std::span<const Access> accesses) const {
  Kernel result = *this;
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    result.nodes_[static_cast<std::size_t>(inputs_[i])].access = accesses[i];
  return result;
}

void Kernel::check() const {
  const auto require = [&](bool holds, std::size_t node, const char* what) {
    if (!holds) fail<InternalError>("fusion", "node %", node, ": ", what, "\n", to_string());
  };
  constexpr std::size_t most_nodes = std::numeric_limits<std::int16_t>::max();
  require(nodes_.size() <= most_nodes, 0, "too many nodes");
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    const auto operand = [&](int k) -> const Node& { return nodes_[static_cast<std::size_t>(node.operands[k])]; };
    int count = 0;
    switch (node.kind) {
      case NodeKind::input:
      case NodeKind::constant:
        break;
      case NodeKind::cast:
      case NodeKind::reduce:
        count = 1;
        break;
      case NodeKind::select:
        count = 3;
        break;
      case NodeKind::function:
        require(node.function < scalar::Function::none, i, "no function");
        count = kind(node.function) == scalar::Kind::unary || kind(node.function) == scalar::Kind::predicate ? 1 : 2;
    }
    for (int k = 0; k < 3; ++k) {
      const bool used = k < count;
      require(
          used ? node.operands[k] >= 0 && node.operands[k] < static_cast<int>(i) : node.operands[k] == -1, i,
          "operands must come before it, and be as many as it takes");
    }
    if (node.kind == NodeKind::function && count == 2)
      require(operand(0).dtype == operand(1).dtype, i, "operands of two dtypes");
    if (node.kind == NodeKind::select)
      require(operand(0).dtype == DType::bool_ && operand(1).dtype == operand(2).dtype, i, "select needs bool, T, T");
    if (node.kind == NodeKind::reduce) identity_bits(node.function, node.dtype);
    require(!is_complex(node.dtype), i, "complex values do not fuse");
    if (node.dtype == DType::float16 || node.dtype == DType::bfloat16)
      require(node.kind == NodeKind::input || node.kind == NodeKind::cast, i, "half floats are storage: cast first");
  }
  require(!stores_.empty(), 0, "nothing is stored");
  const auto exists = [&](int node) { return node >= 0 && node < static_cast<int>(nodes_.size()); };
  for (int node : stores_) require(exists(node), 0, "stores what is not there");
  for (int node : kept_) {
    require(exists(node), 0, "keeps what is not there");
    require(nodes_[static_cast<std::size_t>(node)].kind != NodeKind::input, 0, "keeps an input");
  }
}

std::string Kernel::content() const {
  std::string bytes;
  const auto put = [&](const auto& record) { bytes.append(reinterpret_cast<const char*>(&record), sizeof record); };
  put(Header{
      content_version, static_cast<std::uint32_t>(nodes_.size()), static_cast<std::uint32_t>(stores_.size()),
      static_cast<std::uint32_t>(kept_.size()), static_cast<std::uint32_t>(most_elements_), 0});
  for (const Node& n : nodes_) {
    NodeRecord record{};
    record.kind = static_cast<std::uint8_t>(n.kind);
    record.dtype = static_cast<std::uint8_t>(n.dtype);
    record.function = static_cast<std::uint8_t>(n.function);
    record.access = static_cast<std::uint8_t>(n.access);
    for (int k = 0; k < 3; ++k) record.operands[k] = static_cast<std::int16_t>(n.operands[k]);
    record.bits = n.bits;
    put(record);
  }
  for (const auto& list : {stores_, kept_})
    for (int node : list) put(static_cast<std::int32_t>(node));
  return bytes;
}

Kernel Kernel::from_content(std::string_view bytes) {
  const auto take = [&](auto& record) {
    if (bytes.size() < sizeof record) fail<InternalError>("fusion", "a kernel's content ends early");
    std::memcpy(&record, bytes.data(), sizeof record);
    bytes.remove_prefix(sizeof record);
  };
  Kernel kernel;
  Header header{};
  take(header);
  if (header.version != content_version)
    fail<InternalError>("fusion", "a kernel's content of version ", header.version);
  for (std::uint32_t i = 0; i < header.nodes; ++i) {
    NodeRecord record{};
    take(record);
    Node node{
        .kind = static_cast<NodeKind>(record.kind),
        .dtype = static_cast<DType>(record.dtype),
        .function = static_cast<scalar::Function>(record.function),
        .access = static_cast<Access>(record.access),
        .bits = record.bits};
    for (int k = 0; k < 3; ++k) node.operands[k] = record.operands[k];
    kernel.append(node);
  }
  const auto take_list = [&](std::vector<int>& list, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      std::int32_t node = 0;
      take(node);
      list.push_back(node);
    }
  };
  take_list(kernel.stores_, header.stores);
  take_list(kernel.kept_, header.kept);
  kernel.limit_rows(static_cast<int>(header.most_elements));
  kernel.check();
  return kernel;
}

}  // namespace keen::detail::fusion
