// ProgressBar: shows on a terminal how far long work has come.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

namespace keen::train {

struct ProgressOptions {
  std::string label = {};
  int width = 30;  ///< of the bar, in characters
};

/// Draws one line on stderr, at most ten times a second, with the share done, the time left and a note of the caller's.
/// Writes nothing at all when stderr is no terminal or KEEN_NO_PROGRESS is set. The line is finished when the bar goes.
///
///     train::ProgressBar bar(steps, {.label = "epoch 1"});
///     for (…) { …; bar.advance(); bar.note("loss " + …); }
class ProgressBar {
 public:
  /// `total` steps; 0 or less when that is not known.
  explicit ProgressBar(std::int64_t total, const ProgressOptions& options = {});
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void advance(std::int64_t steps = 1);
  void note(std::string text);

 private:
  struct State;
  std::unique_ptr<State> state_;  // null without a terminal
};

}  // namespace keen::train
