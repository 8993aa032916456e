// What the oneDNN parts of the plugin share.
#pragma once
#include <omp.h>

namespace keen::math {

/// oneDNN is built on OpenMP and asks it for the number of threads: one, here and now. The setting belongs to the
/// calling thread alone, and is put back.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) {
    if (before_ != 1) omp_set_num_threads(1);
  }
  ~OneThread() {
    if (before_ != 1) omp_set_num_threads(before_);
  }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

}  // namespace keen::math
