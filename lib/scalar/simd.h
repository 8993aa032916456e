// xsimd, renamed per instruction set: several files compiled for different processors meet in one library, and the
// linker must never take one's inline function for another's.
#pragma once

#ifndef KEEN_ISA
#define KEEN_ISA portable  // what the including file's own compiler flags allow
#endif

#define KEEN_JOIN_NAMES(a, b) a##b
#define KEEN_XSIMD_NAME(isa) KEEN_JOIN_NAMES(xsimd_, isa)
#define xsimd KEEN_XSIMD_NAME(KEEN_ISA)

#pragma GCC diagnostic push
#if defined(__GNUC__) && !defined(__clang__)  // g++ 12 warns of its own AVX-512 intrinsics (GCC bug 105593)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <xsimd/xsimd.hpp>
#pragma GCC diagnostic pop
