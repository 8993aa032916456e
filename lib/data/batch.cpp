// Batch: stacks consecutive elements; rows of in-memory tensors are gathered without making a tensor for each.
#include <algorithm>
#include <cstring>

#include "core/message.h"
#include "core/tensor_impl.h"
#include "data/staged.h"
#include "data/stream.h"
#include "keen/creation.h"
#include "keen/ops/indexing.h"
#include "keen/ops/shape.h"

namespace keen::detail {

namespace {

class BatchStream final : public DataStream {
 public:
  BatchStream(std::unique_ptr<DataStream> from, std::int64_t size, bool drop_remainder)
      : from_(std::move(from)), size_(size), drop_remainder_(drop_remainder) {}

  bool next(Item& out) override {
    rows_.clear();
    items_.clear();
    const Slices* common = nullptr;
    for (Item item; count() < size_ && from_->next(item); item = {}) {
      if (count() == 0) common = item.slices;
      if (common && item.slices == common) {
        rows_.push_back(item.row);
        continue;
      }
      if (common) unpack_rows(*common);  // elements of several origins: one by one
      common = nullptr;
      items_.push_back(std::move(item.materialise()));
    }
    if (count() == 0 || (drop_remainder_ && count() < size_)) return false;
    out.slices = nullptr;
    out.tensors.clear();
    if (common) {
      for (const Tensor& t : common->tensors) out.tensors.push_back(gather_rows(t));
    } else {
      stack_items(out.tensors);
    }
    return true;
  }

 private:
  std::int64_t count() const { return static_cast<std::int64_t>(rows_.size() + items_.size()); }

  void unpack_rows(const Slices& slices) {
    for (std::int64_t row : rows_) {
      Item item{&slices, row, {}};
      items_.push_back(std::move(item.materialise()));
    }
    rows_.clear();
  }

  bool consecutive() const {
    return rows_.back() - rows_.front() == count() - 1 && std::is_sorted(rows_.begin(), rows_.end());
  }

  // `t` is contiguous.
  Tensor gather_rows(const Tensor& t) const {
    const std::int64_t n = count();
    if (consecutive()) return t(slice(rows_.front(), rows_.front() + n));
    if (!t.device().is_cpu()) return gather(t, constant(rows_, {.device = "cpu:0"}).to(t.device()));
    Shape shape = t.shape();
    shape[0] = n;
    Tensor out = make_tensor(t.dtype(), shape, t.device());
    const std::size_t bytes = t.dim(0) == 0 ? 0 : t.nbytes() / static_cast<std::size_t>(t.dim(0));
    const char* from = impl(t).as<char>();
    char* to = impl(out).as<char>();
    for (std::int64_t row : rows_) {
      std::memcpy(to, from + static_cast<std::size_t>(row) * bytes, bytes);
      to += bytes;
    }
    return out;
  }

  void stack_items(Element& out) {
    const std::size_t width = items_.front().size();
    std::vector<Tensor> column;
    for (std::size_t i = 0; i < width; ++i) {
      column.clear();
      for (Element& e : items_) {
        if (e[i].shape() != items_.front()[i].shape() && !column.empty())
          fail<ShapeError>(
              "batch", "elements of shapes ", column[0].shape(), " and ", e[i].shape(),
              " do not stack: map them to one shape first");
        column.push_back(e[i]);
      }
      out.push_back(stack(column));
    }
  }

  const std::unique_ptr<DataStream> from_;
  const std::int64_t size_;
  const bool drop_remainder_;
  std::vector<std::int64_t> rows_;  // of one Slices, or
  std::vector<Element> items_;      // elements as they came
};

class BatchSource final : public DataSource {
 public:
  BatchSource(DataHandle from, std::int64_t size, bool drop_remainder)
      : from_(std::move(from)), size_(size), drop_remainder_(drop_remainder) {}
  std::int64_t size() const override {
    const std::int64_t n = from_->size();
    return n < 0 ? n : n / size_ + (!drop_remainder_ && n % size_ != 0);
  }
  std::unique_ptr<DataStream> open() const override {
    return std::make_unique<BatchStream>(from_->open(), size_, drop_remainder_);
  }
  StagedData staged() const override { return batches_of(from_->staged(), size_, drop_remainder_); }

 private:
  const DataHandle from_;
  const std::int64_t size_;
  const bool drop_remainder_;
};

}  // namespace

DataHandle batch_source(DataHandle from, std::int64_t size, bool drop_remainder) {
  if (size < 1) fail<UsageError>("batch", "size ", size, ": wants at least 1");
  return std::make_shared<BatchSource>(std::move(from), size, drop_remainder);
}

}  // namespace keen::detail
