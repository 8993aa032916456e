// Keys of signatures: written leaf by leaf, and read back to say in words what a call brought.
#include "function/signature.h"

#include "core/message.h"
#include "core/tensor_impl.h"
#include "keen/function/tensor_spec.h"

namespace keen::detail {

void MakeDense::operator()(Tensor& tensor) { tensor = densify(tensor); }

Tensor with_parts(const Tensor& form, const Tensor& values, const Tensor& indices) {
  return make_sparse(form.shape(), values, indices);
}

void Signature::operator()(const Tensor& tensor) {
  if (!tensor.defined()) return mark('U');
  if (tensor.is_sparse()) return sparse(tensor);
  const TensorImpl& t = *tensor.impl();
  const Shape& shape = t.shape;
  const char head[] = {
      forms_ ? 'T' : 't', static_cast<char>(t.device.type), static_cast<char>(t.device.index),
      static_cast<char>(t.dtype), static_cast<char>(shape.rank())};
  append(head, forms_ ? 5 : 3);
  if (forms_) append(shape.data(), static_cast<std::size_t>(shape.rank()) * sizeof(std::int64_t));
  if (many_.empty() && count_ < std::size(few_)) {
    few_[count_++] = tensor;
    return;
  }
  if (many_.empty()) many_.assign(few_, few_ + count_);
  many_.push_back(tensor);
}

/// The dense shape, then the parts as tensors of their own. What fits an input_signature is dense.
void Signature::sparse(const Tensor& tensor) {
  if (!forms_) return (*this)(densify(tensor));
  const Shape& shape = tensor.shape();
  const char head[] = {'P', static_cast<char>(shape.rank())};
  append(head, sizeof head);
  append(shape.data(), static_cast<std::size_t>(shape.rank()) * sizeof(std::int64_t));
  (*this)(tensor.values());
  (*this)(tensor.indices());
}

void Signature::operator()(const Variable& variable) {
  const void* identity = variable.state().get();
  mark('V');
  append(&identity, sizeof identity);
  variables_.push_back(variable);
}

void Signature::operator()(const std::string& value) {
  mark('S');
  size(value.size());
  append(value.data(), value.size());
}

void Signature::append_long(const void* bytes, std::size_t n) {
  if (long_.empty()) long_.assign(short_, length_);
  long_.append(static_cast<const char*>(bytes), n);
}

namespace {

/// Takes a key apart.
class KeyReader {
 public:
  explicit KeyReader(std::string_view key) : rest_(key) {}
  bool done() const { return rest_.empty(); }
  std::size_t left() const { return rest_.size(); }
  template <class T>
  T take() {
    T value;
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view take(std::size_t n) {
    const auto head = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return head;
  }

 private:
  std::string_view rest_;
};

template <class T>
T read_as(std::string_view bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), std::min(sizeof value, bytes.size()));
  return value;
}

std::int64_t integer_of(char kind, std::string_view bytes) {
  const auto bits = read_as<std::uint64_t>(bytes);
  const auto unused = 64 - 8 * bytes.size();
  return kind == 'I' ? static_cast<std::int64_t>(bits << unused) >> unused : static_cast<std::int64_t>(bits);
}

Shape shape_of(KeyReader& reader) {
  Shape shape;
  shape.resize(reader.take<unsigned char>());
  for (auto& dim : shape) dim = reader.take<std::int64_t>();
  return shape;
}

Leaf tensor_leaf(KeyReader& reader, bool forms) {
  Leaf leaf{.kind = 'T'};
  leaf.device.type = static_cast<DeviceType>(reader.take<char>());
  leaf.device.index = reader.take<char>();
  if (!forms) return leaf;
  leaf.spec.dtype = static_cast<DType>(reader.take<char>());
  leaf.spec.shape = shape_of(reader);
  leaf.has_spec = true;
  return leaf;
}

Leaf read_leaf(KeyReader& reader) {
  const char kind = reader.take<char>();
  Leaf leaf{.kind = kind};
  if (kind == 'T' || kind == 't') return tensor_leaf(reader, kind == 'T');
  if (kind == 'A' || kind == 'U') return leaf;
  if (kind == 'P') {
    leaf.text = text(shape_of(reader));
  } else if (kind == 'N') {
    leaf.integer = reader.take<std::int64_t>();
  } else if (kind == 'V') {
    leaf.identity = reader.take<const void*>();
  } else if (kind == 'S') {
    reader.take<char>();  // the mark before its size
    leaf.text = reader.take(reader.take<std::size_t>());
  } else {
    const auto bytes = reader.take(reader.take<unsigned char>());
    if (kind == 'F' || kind == 'D') leaf.real = read_as<double>(bytes);
    else leaf.integer = integer_of(kind, bytes);
  }
  return leaf;
}

}  // namespace

std::vector<Leaf> leaves_of(std::string_view key) {
  KeyReader reader(key);
  std::vector<Leaf> leaves;
  int argument = -1;
  while (!reader.done()) {
    Leaf leaf = read_leaf(reader);
    if (leaf.kind == 'A') {
      ++argument;
      continue;
    }
    leaf.argument = argument;
    leaves.push_back(std::move(leaf));
  }
  return leaves;
}

std::string Leaf::to_string() const {
  switch (kind) {
    case 'T':
      return has_spec ? spec.to_string() : "a tensor";
    case 'P':
      return detail::text("a sparse tensor of shape ", text, " of");
    case 'U':
      return "an undefined tensor";
    case 'V':
      return detail::text("the variable at ", identity);
    case 'S':
      return detail::text('"', text, '"');
    case 'B':
      return integer ? "true" : "false";
    case 'F':
    case 'D':
      return detail::text("the number ", real);
    case 'N':
      return detail::text(integer, integer == 1 ? " element" : " elements");
    case 'E':
      return detail::text("the enumerator ", integer);
    default:
      return detail::text("the number ", integer);
  }
}

bool same_but_for_shapes(const std::vector<Leaf>& a, const std::vector<Leaf>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Leaf &x = a[i], &y = b[i];
    if (x.kind != y.kind || x.argument != y.argument || x.integer != y.integer || x.text != y.text ||
        x.identity != y.identity || x.device != y.device || x.spec.dtype != y.spec.dtype ||
        x.spec.shape.rank() != y.spec.shape.rank() || std::memcmp(&x.real, &y.real, sizeof x.real))
      return false;
  }
  return true;
}

std::string key_with(std::string_view key, const std::vector<TensorSpec>& specs) {
  std::string out(key);
  KeyReader reader(key);
  std::size_t next = 0;
  while (!reader.done()) {
    const std::size_t at = key.size() - reader.left();
    if (!read_leaf(reader).has_spec) continue;
    const Shape& shape = specs[next++].shape;
    std::memcpy(out.data() + at + 5, shape.data(), static_cast<std::size_t>(shape.rank()) * sizeof(std::int64_t));
  }
  return out;
}

bool is_open(const std::vector<TensorSpec>& specs) noexcept {
  for (const auto& spec : specs)
    if (!spec.shape.is_known()) return true;
  return false;
}

bool fits(const Shape& shape, const Shape& wanted) noexcept {
  bool fit = shape.rank() == wanted.rank();
  for (int i = 0; fit && i < shape.rank(); ++i) fit = wanted[i] < 0 || wanted[i] == shape[i];
  return fit;
}

Shape common_shape(const Shape& a, const Shape& b) {
  Shape common = a;
  for (int i = 0; i < a.rank(); ++i)
    if (a[i] != b[i]) common[i] = unknown;
  return common;
}

Change first_change(std::string_view before, std::string_view after) {
  const auto a = leaves_of(before), b = leaves_of(after);
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const Leaf &was = a[i], &is = b[i];
    if (was.kind == is.kind && was.to_string() == is.to_string()) continue;
    if (was.is_number() && is.is_number()) return Change::number;
    if (was.kind == 'V' && is.kind == 'V') return Change::variable;
    const bool alike = was.has_spec && is.has_spec && was.spec.dtype == is.spec.dtype && was.device == is.device;
    return alike && was.spec.shape.rank() == is.spec.shape.rank() ? Change::sizes : Change::form;
  }
  return Change::form;
}

std::string describe_change(std::string_view before, std::string_view after) {
  const auto a = leaves_of(before), b = leaves_of(after);
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const std::string was = a[i].to_string(), is = b[i].to_string();
    if (was != is) return text("argument ", b[i].argument, " was ", was, " and is ", is);
  }
  return text("the call before had ", a.size(), " values in its arguments, this one has ", b.size());
}

}  // namespace keen::detail
