// The table of C functions through which libkeen uses libkeen_jit.so, and the interface of the code it generates.
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "cpu/isa.h"

namespace keen::detail::fusion {

using cpu::Isa;

/// Bytes of a vector register.
constexpr int register_bytes(Isa isa) { return isa == Isa::avx512 ? 64 : isa == Isa::avx2 ? 32 : 16; }

/// What generated code knows of an operand; strides in bytes.
struct CodeOperand {
  void* data;
  std::int64_t row_stride, stride;
};
/// A compiled kernel: inputs, then stores; element stores are contiguous along a row. Outputs may be inputs too, if they
/// are exactly the same elements. Then, for each kept value, scratch memory of a row and `row_slack` elements more, aligned
/// as registers are.
using Code = void (*)(const CodeOperand* operands, std::int64_t rows, std::int64_t n);
inline constexpr std::int64_t row_slack = 64;
inline constexpr char code_symbol[] = "keen_kernel";

/// Changes with the list of scalar functions, which kernels name by their places in it (FNV-1a of the names).
consteval std::uint32_t hash_of_functions() {
  std::uint32_t hash = 2166136261u;
  for (const char* name : {
#define KEEN_UNARY(name, types, cost, body) #name,
#define KEEN_BINARY(name, types, cost, body) #name,
#define KEEN_PREDICATE(name, types, cost, body) #name,
#define KEEN_COMPARISON(name, types, cost, body) #name,
#include "scalar/functions.def"
#undef KEEN_UNARY
#undef KEEN_BINARY
#undef KEEN_PREDICATE
#undef KEEN_COMPARISON
       })
    do hash = (hash ^ static_cast<unsigned char>(*name)) * 16777619u;
    while (*name++);
  return hash;
}
inline constexpr std::uint32_t jit_abi = 2 + hash_of_functions();
inline constexpr char jit_entry[] = "keen_jit_plugin";

/// Where a compilation puts its result: `done` or `failed` is called once, before compile returns.
struct JitSink {
  void* state;
  void (*done)(void* state, const void* bytes, std::size_t size);
  void (*failed)(void* state, const char* why);
};

struct JitTable {
  std::uint32_t abi;
  /// Compiles a kernel (its `content`) to a relocatable ELF object that defines code_symbol.
  void (*compile)(const void* content, std::size_t bytes, Isa isa, const JitSink* sink);
  /// The optimised LLVM IR of a kernel, as text.
  void (*print)(const void* content, std::size_t bytes, Isa isa, const JitSink* sink);
};

}  // namespace keen::detail::fusion
