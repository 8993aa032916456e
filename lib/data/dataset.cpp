// The simple steps of a dataset: slices, take, skip, repeat, map; and the cursor that runs a pass.
#include "keen/data/dataset.h"

#include <algorithm>

#include "core/context.h"
#include "core/message.h"
#include "data/staged.h"
#include "data/stream.h"

namespace keen::detail {

namespace {

using data::infinite;
using data::unknown_size;

// --- slices

class SliceSource final : public DataSource {
 public:
  explicit SliceSource(Slices slices) : slices_(std::move(slices)) {}
  std::int64_t size() const override { return slices_.rows; }
  StagedData staged() const override {
    StagedData out;
    out.rows = slices_.tensors;
    return out;
  }
  std::unique_ptr<DataStream> open() const override {
    struct Stream final : DataStream {
      explicit Stream(std::shared_ptr<const DataSource> s, const Slices& of) : source(std::move(s)), slices(of) {}
      bool next(Item& item) override {
        if (at >= slices.rows) return false;
        item.slices = &slices;
        item.row = at++;
        return true;
      }
      const std::shared_ptr<const DataSource> source;
      const Slices& slices;
      std::int64_t at = 0;
    };
    if (slices_.rows < 0)
      fail<UsageError>(
          "from_tensor_slices",
          "the number of slices is open in this trace, so that no for of the host can walk them: reduce does");
    return std::make_unique<Stream>(shared_from_this(), slices_);
  }

 private:
  const Slices slices_;
};

// --- take and skip

struct WindowStream final : DataStream {
  WindowStream(std::unique_ptr<DataStream> s, std::int64_t drop, std::int64_t keep)
      : from(std::move(s)), to_drop(drop), to_keep(keep) {}
  bool next(Item& item) override {
    for (; to_drop > 0; --to_drop) {
      if (!from->next(item)) to_drop = to_keep = 0;
    }
    return to_keep > 0 && from->next(item) ? (--to_keep, true) : (to_keep = 0, false);
  }
  const std::unique_ptr<DataStream> from;
  std::int64_t to_drop, to_keep;
};

class WindowSource final : public DataSource {
 public:
  WindowSource(DataHandle from, std::int64_t drop, std::int64_t keep)
      : from_(std::move(from)), drop_(drop), keep_(keep) {}
  std::int64_t size() const override {
    const std::int64_t n = from_->size();
    if (n == infinite) return keep_ == unlimited ? infinite : keep_;
    return n < 0 ? n : std::min(keep_, std::max<std::int64_t>(0, n - drop_));
  }
  std::unique_ptr<DataStream> open() const override {
    return std::make_unique<WindowStream>(from_->open(), drop_, keep_);
  }

  StagedData staged() const override { return rows_of(from_->staged(), drop_, keep_); }

  static constexpr std::int64_t unlimited = INT64_MAX;

 private:
  const DataHandle from_;
  const std::int64_t drop_, keep_;
};

// --- repeat

class RepeatSource final : public DataSource {
 public:
  RepeatSource(DataHandle from, std::int64_t count) : from_(std::move(from)), count_(count) {}
  std::int64_t size() const override {
    const std::int64_t n = from_->size();
    if (n == 0 || count_ == 0) return 0;
    if (count_ < 0 || n == infinite) return infinite;
    std::int64_t total;
    return n < 0 ? n : __builtin_mul_overflow(n, count_, &total) ? unknown_size : total;
  }
  std::unique_ptr<DataStream> open() const override {
    struct Stream final : DataStream {
      Stream(DataHandle f, std::int64_t count) : from(std::move(f)), passes_left(count) {}
      bool next(Item& item) override {
        for (;;) {
          if (pass) {
            if (pass->next(item)) return has_elements = true;
            pass.reset();
            // A pass without elements would be repeated for ever.
            if (!has_elements) passes_left = 0;
          }
          if (passes_left == 0) return false;
          if (passes_left > 0) --passes_left;
          has_elements = false;
          pass = from->open();
        }
      }
      const DataHandle from;
      std::unique_ptr<DataStream> pass;
      std::int64_t passes_left;  // negative: for ever
      bool has_elements = false;
    };
    return std::make_unique<Stream>(from_, count_);
  }
  StagedData staged() const override {
    StagedData out = from_->staged();
    if (count_ < 0) fail<UsageError>("reduce", "the dataset is repeated for ever: say how often, or take some of it");
    if (__builtin_mul_overflow(out.passes, count_, &out.passes))
      fail<UsageError>("reduce", "the dataset is repeated more often than 63 bits can count");
    return out;
  }

 private:
  const DataHandle from_;
  const std::int64_t count_;
};

// --- map

class MapSource final : public DataSource {
 public:
  using Function = std::function<Element(const Element&)>;
  MapSource(DataHandle from, Function f) : from_(std::move(from)), f_(std::move(f)) {}
  std::int64_t size() const override { return from_->size(); }
  std::unique_ptr<DataStream> open() const override {
    struct Stream final : DataStream {
      Stream(std::unique_ptr<DataStream> s, const Function& function) : from(std::move(s)), f(function) {}
      bool next(Item& item) override {
        if (!from->next(item)) return false;
        item.tensors = f(item.materialise());
        return true;
      }
      const std::unique_ptr<DataStream> from;
      Function f;
    };
    return std::make_unique<Stream>(from_->open(), f_);
  }
  StagedData staged() const override {
    StagedData out = from_->staged();
    out.maps.push_back(f_);
    return out;
  }

 private:
  const DataHandle from_;
  const Function f_;
};

void check_count(const char* step, std::int64_t count, std::int64_t least) {
  if (count < least) fail<UsageError>(step, "count ", count, ": wants ", least, " or more");
}

}  // namespace

Element& Item::materialise() {
  if (slices) {
    tensors.clear();
    for (const Tensor& t : slices->tensors) tensors.push_back(t[row]);
    slices = nullptr;
  }
  return tensors;
}

DataHandle slice_source(std::vector<Tensor> tensors) {
  Slices slices{{}, 0};
  for (const Tensor& t : tensors) {
    if (!t.defined()) fail<UsageError>("from_tensor_slices", "a tensor is undefined");
    if (t.rank() == 0) fail<ShapeError>("from_tensor_slices", "a 0-d tensor has no slices");
    const std::int64_t rows = is_symbol(t.shape().raw(0)) ? unknown_size : t.shape().raw(0);
    if (!slices.tensors.empty() && rows != slices.rows && rows >= 0 && slices.rows >= 0)
      fail<ShapeError>("from_tensor_slices", "first dimensions differ: ", slices.rows, " and ", rows);
    slices.rows = rows;
    if (t.is_symbolic()) {  // of a trace, which may reduce it
      slices.tensors.push_back(t);
      continue;
    }
    EagerScope outside_tapes_and_traces;
    slices.tensors.push_back(t.contiguous());
  }
  return std::make_shared<SliceSource>(std::move(slices));
}

DataHandle take_source(DataHandle from, std::int64_t count) {
  check_count("take", count, 0);
  return std::make_shared<WindowSource>(std::move(from), 0, count);
}
DataHandle skip_source(DataHandle from, std::int64_t count) {
  check_count("skip", count, 0);
  return std::make_shared<WindowSource>(std::move(from), count, WindowSource::unlimited);
}
DataHandle repeat_source(DataHandle from, std::int64_t count) {
  check_count("repeat", count, -1);
  return std::make_shared<RepeatSource>(std::move(from), count);
}
DataHandle map_source(DataHandle from, std::function<Element(const Element&)> f) {
  return std::make_shared<MapSource>(std::move(from), std::move(f));
}
std::int64_t size_of(const DataSource& source) { return source.size(); }

// --- a pass

// What steps compute is data, for the tape and for a trace: it runs outside them.
DataCursor::DataCursor(const DataHandle& source) {
  EagerScope outside_tapes_and_traces;
  stream_ = source->open();
}
DataCursor::DataCursor(DataCursor&&) noexcept = default;
DataCursor& DataCursor::operator=(DataCursor&&) noexcept = default;
DataCursor::~DataCursor() = default;

bool DataCursor::next(std::span<Tensor> tensors) {
  EagerScope outside_tapes_and_traces;
  Item item;
  if (!stream_->next(item)) return false;
  Element& element = item.materialise();
  if (element.size() != tensors.size())
    fail<InternalError>("dataset", "an element of ", element.size(), " tensors where ", tensors.size(), " are due");
  std::move(element.begin(), element.end(), tensors.begin());
  return true;
}

}  // namespace keen::detail
