// What a dataset is made of: sources describe, streams run one pass.
#pragma once
#include <cstdint>
#include <memory>

#include "keen/data/dataset.h"

namespace keen::detail {

/// Tensors whose first dimensions agree; row i of each makes element i.
struct Slices {
  std::vector<Tensor> tensors;  // contiguous
  std::int64_t rows;
};

/// An element on its way: its tensors, or a row of slices not yet cut out. Rows travel through shuffle, take, skip and
/// repeat as numbers, and a batch gathers them at once, so that no tensor per element is ever made.
struct Item {
  const Slices* slices = nullptr;  // kept alive by the source, which the stream holds
  std::int64_t row = 0;
  Element tensors;

  /// Cuts the row out.
  Element& materialise();
};

/// One pass over a source.
class DataStream {
 public:
  virtual ~DataStream() = default;
  /// The next element; false at the end, and again ever after.
  virtual bool next(Item& item) = 0;
};

/// A step of a dataset's description. Immutable, shared by datasets and their streams.
class DataSource : public std::enable_shared_from_this<DataSource> {
 public:
  virtual ~DataSource() = default;
  virtual std::unique_ptr<DataStream> open() const = 0;
  /// A count, data::infinite or data::unknown_size.
  virtual std::int64_t size() const = 0;
  /// How a trace walks it. Throws UsageError, as here, where elements differ from call to call or come one by one.
  virtual StagedData staged() const;
};

}  // namespace keen::detail
