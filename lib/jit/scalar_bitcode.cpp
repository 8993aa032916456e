// lib/scalar as bitcode: compiled by clang once per instruction set, every function for one register of elements.
// What must be known here beside functions.def is only how elements lie in memory.
#include "scalar/functions.h"

namespace {

using namespace keen::scalar;

// KEEN_EACH_<types>(define, name) defines a function for every dtype of that class.
#define KEEN_EACH_floating(define, name) define(name, float32, float) define(name, float64, double)
#define KEEN_EACH_integral(define, name)                                                             \
  define(name, int8, std::int8_t) define(name, int16, std::int16_t) define(name, int32, std::int32_t) \
  define(name, int64, std::int64_t) define(name, uint8, std::uint8_t) define(name, uint16, std::uint16_t) \
  define(name, uint32, std::uint32_t) define(name, uint64, std::uint64_t)
#define KEEN_EACH_boolean(define, name) define(name, bool, bool)
#define KEEN_EACH_numeric(define, name) KEEN_EACH_integral(define, name) KEEN_EACH_floating(define, name)
#define KEEN_EACH_any(define, name) KEEN_EACH_numeric(define, name) KEEN_EACH_boolean(define, name)
}
