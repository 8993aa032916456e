// Datasets inside traces: what steps do to all elements at once.
#pragma once
#include "keen/data/dataset.h"

namespace keen::detail {

/// All but the first `drop`, and of these at most `keep`.
StagedData rows_of(StagedData from, std::int64_t drop, std::int64_t keep);
StagedData batches_of(StagedData from, std::int64_t size, bool drop_remainder);

}  // namespace keen::detail
