// Reading data files: IDX (MNIST's format) and CSV; and cutting data into training and test parts.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "keen/data/dataset.h"

namespace keen::data {

/// The array of an IDX file, plain or gzip-compressed, in its own shape and dtype (uint8, int8, int16, int32, float32
/// or float64), on the current device. Throws IoError when it cannot be read, FormatError when it is damaged: a wrong magic number, a size that
/// does not fit, missing or surplus bytes, a bad checksum. Format: http://yann.lecun.com/exdb/mnist.
Tensor read_idx(const std::string& path);

/// Images float32 (28, 28, 1) in 0…1 with labels int32 ().
struct Digits {
  Dataset<2> train, test;
};
/// The MNIST files of a folder under their own names (train-images-idx3-ubyte, with or without .gz, …).
Digits mnist(const std::string& folder);

struct CsvOptions {
  char delimiter = ',';
};
/// A table of text: named columns and rows of cells.
class Table {
 public:
  Table(std::vector<std::string> names, std::vector<std::vector<std::string>> rows, std::string source);
  const std::vector<std::string>& names() const noexcept { return names_; }
  std::int64_t rows() const noexcept { return static_cast<std::int64_t>(rows_.size()); }
  const std::string& cell(std::int64_t row, const std::string& column) const;
  /// The numbers of a column, float32 (rows,); of several, (rows, columns). An unknown name is an IndexError, a cell
  /// that is no number a FormatError that says where.
  Tensor column(const std::string& name) const;
  Tensor columns(const std::vector<std::string>& names) const;

 private:
  std::size_t find(const std::string& name) const;
  float number(std::size_t row, std::size_t column) const;

  std::vector<std::string> names_;
  std::vector<std::vector<std::string>> rows_;
  std::string source_;
};
/// Reads a CSV file whose first line names the columns (RFC 4180: quoted cells may hold delimiters, line breaks and
/// doubled quotes). Rows of other lengths and open quotes are a FormatError.
Table read_csv(const std::string& path, const CsvOptions& options = {});

struct SplitOptions {
  double test_size = 0.25;                 ///< share of the rows, rounded up
  std::optional<std::uint64_t> seed = {};  ///< absent: drawn from the process's generator
};
/// x_train, x_test, y_train, y_test: the rows of x and y, in one random order, cut in two.
std::array<Tensor, 4> train_test_split(const Tensor& x, const Tensor& y, const SplitOptions& options = {});

}  // namespace keen::data
