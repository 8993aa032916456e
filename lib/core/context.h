// What belongs to a thread: its interpreter, observers, device scope and the next tensor identity.
#pragma once
#include <cstdint>

#include "core/dispatch.h"
#include "keen/device.h"

namespace keen::detail {

struct ThreadContext {
  Interpreter* interpreter = nullptr;
  Observer* observers = nullptr;  // innermost first
  Interpreter* maker = nullptr;   // whose program makes a variable now
  bool has_device = false;        // inside a DeviceScope
  bool unseen = false;            // what a trace records now, later tapes shall not see either
  Device device;
  std::uint64_t next_id = 0, end_id = 0;
};

// constinit and initial-exec: a read is one instruction, also from inside a shared library.
#define KEEN_THREAD_LOCAL __attribute__((tls_model("initial-exec"))) thread_local
extern constinit KEEN_THREAD_LOCAL ThreadContext thread_context;

/// What follows is asked for in this line of the user's: errors of a trace name it.
inline void note_line(Where where) {
  if (thread_context.interpreter) [[unlikely]]
    thread_context.interpreter->note_line(where);
}

/// Takes a new block of identities from the process's counter.
void refill_ids(ThreadContext& context) noexcept;
inline std::uint64_t next_id() noexcept {
  auto& c = thread_context;
  if (c.next_id == c.end_id) [[unlikely]]
    refill_ids(c);
  return c.next_id++;
}

/// The device of the innermost DeviceScope, else the default one.
Device current_device();

/// Hides interpreter and observers while it lives: what runs inside is eager and unrecorded.
class EagerScope {
 public:
  EagerScope() noexcept
      : interpreter_(thread_context.interpreter), observers_(thread_context.observers), unseen_(thread_context.unseen) {
    thread_context.interpreter = nullptr;
    thread_context.observers = nullptr;
    thread_context.unseen = false;
  }
  ~EagerScope() {
    thread_context.interpreter = interpreter_;
    thread_context.observers = observers_;
    thread_context.unseen = unseen_;
  }
  EagerScope(const EagerScope&) = delete;
  EagerScope& operator=(const EagerScope&) = delete;

 private:
  Interpreter* interpreter_;
  Observer* observers_;
  bool unseen_;
};

/// Hides observers while it lives, from what runs inside and from what a trace records of it.
class UnseenScope {
 public:
  UnseenScope() noexcept : observers_(thread_context.observers), unseen_(thread_context.unseen) {
    thread_context.observers = nullptr;
    thread_context.unseen = true;
  }
  ~UnseenScope() {
    thread_context.observers = observers_;
    thread_context.unseen = unseen_;
  }
  UnseenScope(const UnseenScope&) = delete;
  UnseenScope& operator=(const UnseenScope&) = delete;

 private:
  Observer* observers_;
  bool unseen_;
};

struct CreationCheck {
  CreationCheck() {
    if (thread_context.interpreter) thread_context.interpreter->check_creation();
  }
};
/// Remembers which trace makes variables.
class MakerScope {
 public:
  MakerScope() noexcept : maker_(thread_context.maker) {
    if (thread_context.interpreter) thread_context.maker = thread_context.interpreter;
  }
  ~MakerScope() { thread_context.maker = maker_; }
  MakerScope(const MakerScope&) = delete;
  MakerScope& operator=(const MakerScope&) = delete;

 private:
  Interpreter* maker_;
};
/// An EagerScope to make variables in. Throws UsageError in a trace that may make none.
class CreationScope : CreationCheck, MakerScope, EagerScope {};

}  // namespace keen::detail
