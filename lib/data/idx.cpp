// IDX files, and MNIST's four of them.
#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>

#include "core/context.h"
#include "core/message.h"
#include "core/tensor_impl.h"
#include "data/file.h"
#include "keen/data/files.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/shape.h"

namespace keen::data {

namespace {

constexpr const char* operation = "read_idx";

DType dtype_of_code(std::uint8_t code, const std::string& path) {
  switch (code) {
    case 0x08:
      return DType::uint8;
    case 0x09:
      return DType::int8;
    case 0x0b:
      return DType::int16;
    case 0x0c:
      return DType::int32;
    case 0x0d:
      return DType::float32;
    case 0x0e:
      return DType::float64;
    default:
      keen::detail::fail<FormatError>(
          operation, "'", path, "' has element type ", int{code}, ", which IDX does not know");
  }
}

// IDX is big-endian.
void to_native(char* data, std::size_t bytes, std::size_t width) {
  if constexpr (std::endian::native == std::endian::big) return;
  if (width == 1) return;
  for (std::size_t i = 0; i < bytes; i += width) std::reverse(data + i, data + i + width);
}

Shape read_shape(keen::detail::ContentReader& in, int rank, std::size_t width, const std::string& path) {
  Shape shape;
  std::uint64_t bytes = width;
  for (int i = 0; i < rank; ++i) {
    std::uint8_t b[4];
    in.read(b, 4);
    const std::uint64_t dim = std::uint64_t{b[0]} << 24 | std::uint64_t{b[1]} << 16 | std::uint64_t{b[2]} << 8 | b[3];
    if (__builtin_mul_overflow(bytes, dim, &bytes) || bytes > in.largest_content())
      keen::detail::fail<FormatError>(
          operation, "'", path, "' says it has more elements than a file of its size can hold");
    shape.push_back(static_cast<std::int64_t>(dim));
  }
  return shape;
}

Tensor read_digits_file(const std::string& folder, const std::string& name) {
  namespace fs = std::filesystem;
  for (const char* ending : {"", ".gz"}) {
    const fs::path path = fs::path(folder) / (name + ending);
    std::error_code ignored;
    if (fs::is_regular_file(path, ignored)) return read_idx(path.string());
  }
  keen::detail::fail<IoError>("mnist", "'", folder, "' has no ", name, " or ", name, ".gz");
}

Dataset<2> read_part(const std::string& folder, const std::string& prefix) {
  const Tensor images = read_digits_file(folder, prefix + "-images-idx3-ubyte");
  const Tensor labels = read_digits_file(folder, prefix + "-labels-idx1-ubyte");
  const std::int64_t n = images.rank() > 0 ? images.dim(0) : 0;
  if (images.shape() != Shape{n, 28, 28} || labels.shape() != Shape{n} || images.dtype() != DType::uint8 ||
      labels.dtype() != DType::uint8)
    keen::detail::fail<FormatError>(
        "mnist", "'", folder, "' has ", prefix, " images ", images.shape(), " and labels ", labels.shape(),
        ": wants uint8 (n, 28, 28) and (n,)");
  return from_tensor_slices(
      divide(images.cast(DType::float32), 255.f).reshape({n, 28, 28, 1}), labels.cast(DType::int32));
}

}  // namespace

Tensor read_idx(const std::string& path) {
  keen::detail::ContentReader in(operation, path);
  std::uint8_t magic[4];
  in.read(magic, 4);
  if (magic[0] != 0 || magic[1] != 0)
    keen::detail::fail<FormatError>(operation, "'", path, "' is no IDX file: it does not begin with two zero bytes");
  const DType dtype = dtype_of_code(magic[2], path);
  const std::size_t width = size_of(dtype);
  const Shape shape = read_shape(in, magic[3], width, path);
  Tensor out = keen::detail::make_tensor(dtype, shape, Device());
  const std::size_t bytes = out.nbytes();
  char* data = keen::detail::impl(out).as<char>();
  in.read(data, bytes);
  in.expect_end();
  to_native(data, bytes, width);
  return out.to(keen::detail::current_device());
}

Digits mnist(const std::string& folder) {
  keen::detail::EagerScope outside_tapes_and_traces;
  return {read_part(folder, "train"), read_part(folder, "t10k")};
}

}  // namespace keen::data
