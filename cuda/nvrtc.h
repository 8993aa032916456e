// NVRTC, NVIDIA's run-time compiler, opened when first needed: nothing of CUDA is linked.
#pragma once
#include <string>
#include <vector>

namespace keen::detail::cuda {

class Nvrtc {
 public:
  /// The compiler of this machine. Throws DeviceError, with the reason, where there is none.
  static const Nvrtc& get();
  /// Why there is none, in one sentence; empty where there is one.
  static const std::string& why_not();

  /// Compiles generated source to a cubin for an architecture, "sm_90". A compiler error is an InternalError with its log.
  std::vector<char> compile(const std::string& source, const std::string& architecture) const;
  /// "13.0".
  std::string version() const;

 private:
  struct Functions;
  explicit Nvrtc(const Functions& functions) : f_(functions) {}
  static const Functions& functions();
  const Functions& f_;
};

}  // namespace keen::detail::cuda
