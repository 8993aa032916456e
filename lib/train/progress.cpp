// The progress bar's line.
#include "keen/train/progress.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace keen::train {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::string clock_text(double seconds) {
  char text[32];
  const auto whole = static_cast<long>(std::fmin(seconds, 359999) + 0.5);
  if (whole < 3600) std::snprintf(text, sizeof text, "%ld:%02ld", whole / 60, whole % 60);
  else std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  return text;
}

}  // namespace

struct ProgressBar::State {
  std::int64_t total;
  ProgressOptions options;
  std::int64_t done = 0;
  std::string note = {};
  Clock::time_point start = Clock::now();
  double drawn_at = -1;  // seconds after the start

  std::string line() const {
    const double elapsed = seconds_since(start);
    std::string text = options.label.empty() ? "" : options.label + ' ';
    char count[64];
    if (total > 0) {
      const double share = std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0);
      const int full = static_cast<int>(share * options.width);
      text += '[' + std::string(static_cast<std::size_t>(full), '=') +
              std::string(static_cast<std::size_t>(options.width - full), ' ') + ']';
      std::snprintf(count, sizeof count, " %lld/%lld ", static_cast<long long>(done), static_cast<long long>(total));
      text +=
          count + (done < total && done > 0 ? clock_text(elapsed * (1 / share - 1)) + " left" : clock_text(elapsed));
    } else {
      std::snprintf(count, sizeof count, "%lld ", static_cast<long long>(done));
      text += count + clock_text(elapsed);
    }
    return note.empty() ? text : text + "  " + note;
  }

  void draw(const char* end) {
    drawn_at = seconds_since(start);
    // Back to the line's start, the text, and the rest of an older, longer line cleared.
    std::fprintf(stderr, "\r%s\x1b[K%s", line().c_str(), end);
    std::fflush(stderr);
  }
};

ProgressBar::ProgressBar(std::int64_t total, const ProgressOptions& options) {
  if (!isatty(STDERR_FILENO) || std::getenv("KEEN_NO_PROGRESS")) return;
  state_.reset(new State{total, options});
  state_->options.width = std::clamp(options.width, 1, 200);
}

ProgressBar::~ProgressBar() {
  if (!state_) return;
  try {
    state_->draw("\n");
  } catch (...) {
    // No memory for a line of text: then without it.
  }
}

void ProgressBar::advance(std::int64_t steps) {
  if (!state_) return;
  state_->done += steps;
  if (state_->drawn_at < 0 || seconds_since(state_->start) - state_->drawn_at > 0.1) state_->draw("");
}

void ProgressBar::note(std::string text) {
  if (state_) state_->note = std::move(text);
}

}  // namespace keen::train
