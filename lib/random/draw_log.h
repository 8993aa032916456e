// DrawLog: what a call that may fail midway has drawn from shared streams.
#pragma once
#include <memory>
#include <vector>

#include "random/generator.h"

namespace keen::detail {

/// Remembers what its thread draws while it lives, and gives that back at its end unless it was told to keep it. What
/// others have drawn behind it stays drawn, so that no two draws are ever given the same numbers: then nothing goes back
/// of what lies before theirs.
class DrawLog {
 public:
  DrawLog() noexcept;
  ~DrawLog();
  DrawLog(const DrawLog&) = delete;
  DrawLog& operator=(const DrawLog&) = delete;

  void keep() noexcept { kept_ = true; }

  /// Blocks from `position` on were taken.
  static void note(const std::shared_ptr<GeneratorState>& state, std::uint64_t position, std::uint64_t blocks);

 private:
  // Of one stream: the last blocks in a row that this thread alone took.
  struct Stretch {
    std::shared_ptr<GeneratorState> state;
    std::uint64_t begin = 0, end = 0;
    void add(std::uint64_t position, std::uint64_t blocks) noexcept;
    void give_back() const noexcept;
  };
  void add(const std::shared_ptr<GeneratorState>& state, std::uint64_t position, std::uint64_t blocks);

  Stretch first_;              // most calls draw from one stream
  std::vector<Stretch> more_;  // the others
  bool kept_ = false;
  DrawLog* outer_;
};

}  // namespace keen::detail
