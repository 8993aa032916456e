// The sizes that workloads run at, the same in every program, and how names spell them.
#pragma once
#include <string>

namespace bench {

inline constexpr long elementwise_sizes[] = {10'000, 1'000'000, 10'000'000};
inline constexpr long dot_sizes[] = {1'000, 100'000, 10'000'000};
inline constexpr long gemm_sizes[] = {64, 256, 1024, 2048};
inline constexpr int mlp_batches[] = {32, 256};
inline constexpr long growth_sizes[] = {1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000};
inline constexpr int lstm_units = 128, lstm_features = 64, lstm_steps = 32, lstm_batch = 32;
inline constexpr int growth_graphs[] = {10, 100, 1'000, 10'000};
inline constexpr int growth_batches[] = {1, 4, 16, 64, 256, 1024};

/// Of every training workload: so small that thousands of steps on one batch do not lead into denormal numbers.
inline constexpr float learning_rate = 1e-5f;

/// "1e6" for a power of ten.
inline std::string size_name(long n) {
  int exponent = 0;
  for (; n >= 10; n /= 10) ++exponent;
  return "1e" + std::to_string(exponent);
}

}  // namespace bench
