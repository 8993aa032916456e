#include "data/staged.h"

#include <algorithm>

#include "core/context.h"
#include "core/message.h"
#include "data/stream.h"
#include "keen/ops/indexing.h"
#include "keen/ops/shape.h"

namespace keen::detail {
namespace {

[[noreturn]] void refuse(const char* what) {
  fail<UsageError>(
      "reduce", what,
      ": inside a compiled function a dataset is one loop over elements that are the same at every call. Slices of "
      "tensors, take, skip, batch and prefetch give such, and map and repeat behind these. Walk others outside, and "
      "compile what happens to an element");
}

std::int64_t row_count(const StagedData& data) { return data.rows[0].shape().raw(0); }

/// f(), which is part of the trace for a tensor of the trace alone, and not seen by tapes.
template <class F>
Tensor of(const Tensor& t, F&& f) {
  Interpreter* const interpreter = t.is_symbolic() ? thread_context.interpreter : nullptr;
  const EagerScope unseen;
  thread_context.interpreter = interpreter;
  return f();
}

/// Hides the tapes of this thread while it lives.
struct Unobserved {
  Observer* const observers = std::exchange(thread_context.observers, nullptr);
  ~Unobserved() { thread_context.observers = observers; }
};

Tensor cut(const Tensor& t, std::int64_t from, std::int64_t to) {
  return of(t, [&] { return t(slice(from, to)); });
}

}  // namespace

StagedData DataSource::staged() const {
  refuse("this dataset (shuffled, or of files or a generator) changes from pass to pass");
}

// Parts of a number of rows that each call brings. A last batch may then have none.
StagedData open_rows_of(StagedData from, std::int64_t drop, std::int64_t keep) {
  if (!from.last.empty()) refuse("take or skip behind batches of a number that is open in this trace");
  for (Tensor& t : from.rows)
    t = of(t, [&] { return t(slice(drop, keep > INT64_MAX - drop ? INT64_MAX : drop + keep)); });
  return from;
}

StagedData open_batches_of(const StagedData& from, std::int64_t size, bool drop_remainder) {
  StagedData out;
  for (const Tensor& t : from.rows) {
    const Size full = t.dim(0) / size;
    Shape shape = t.shape();
    shape[0] = size;
    shape.insert(0, full.symbol());
    out.rows.push_back(of(t, [&] { return reshape(t(slice(0, full * size)), shape); }));
    if (!drop_remainder) out.last.push_back(of(t, [&] { return t(slice(full * size, {})); }));
  }
  return out;
}

StagedData rows_of(StagedData from, std::int64_t drop, std::int64_t keep) {
  if (from.passes != 1) refuse("take or skip behind repeat");
  if (row_count(from) < 0) return open_rows_of(std::move(from), drop, keep);
  const std::int64_t rows = row_count(from), count = rows + !from.last.empty();
  const std::int64_t first = std::min(drop, count), end = first + std::min(keep, count - first);
  if (end <= rows || first == count) from.last.clear();
  for (Tensor& t : from.rows) t = cut(t, std::min(first, rows), std::min(end, rows));
  return from;
}

StagedData batches_of(StagedData from, std::int64_t size, bool drop_remainder) {
  if (from.passes != 1) refuse("batch behind repeat");
  if (!from.maps.empty()) refuse("batch behind map");
  if (!from.last.empty()) refuse("a batch of batches of different sizes");
  if (row_count(from) < 0) return open_batches_of(from, size, drop_remainder);
  const std::int64_t rows = row_count(from), full = rows / size;
  StagedData out;
  for (const Tensor& t : from.rows) {
    Shape shape = t.shape();
    shape[0] = size;
    shape.insert(0, full);
    out.rows.push_back(of(t, [&] { return reshape(t(slice(0, full * size)), shape); }));
    if (rows % size && !drop_remainder) out.last.push_back(cut(t, full * size, rows));
  }
  return out;
}

Element StagedData::element(Element slice) const {
  const Unobserved scope;
  for (const auto& map : maps) slice = map(slice);
  return slice;
}

StagedData stage_data(const DataSource& source) { return source.staged(); }

void fail_on_host_state() {
  fail<UsageError>("reduce", "the state is a number of the host, which a trace cannot change: begin with a Tensor");
}

}  // namespace keen::detail
