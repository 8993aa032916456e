// Philox 4x32-10: a 64-bit key and a 128-bit counter give four random words. One text for the host and for CUDA.
// Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
#pragma once

#ifdef __CUDACC__
#define KEEN_HOST_DEVICE __host__ __device__
#else
#define KEEN_HOST_DEVICE
#endif

namespace keen::random_bits {

using Word = unsigned int;        // 32 bits
using Long = unsigned long long;  // 64 bits

/// Four words: block i of a draw has the counter position + i.
struct Block {
  Word word[4];
  KEEN_HOST_DEVICE Long low() const { return word[0] | static_cast<Long>(word[1]) << 32; }
  KEEN_HOST_DEVICE Long high() const { return word[2] | static_cast<Long>(word[3]) << 32; }
};

inline constexpr Word philox_multiplier[2] = {0xD2511F53u, 0xCD9E8D57u};
inline constexpr Word philox_weyl[2] = {0x9E3779B9u, 0xBB67AE85u};  // what the key grows by, a round
inline constexpr int philox_rounds = 10;

KEEN_HOST_DEVICE inline Block philox(Long key, Long counter_low, Long counter_high = 0) {
  constexpr Word m0 = philox_multiplier[0], m1 = philox_multiplier[1];
  Word k0 = static_cast<Word>(key), k1 = static_cast<Word>(key >> 32);
  Block c{
      {static_cast<Word>(counter_low), static_cast<Word>(counter_low >> 32), static_cast<Word>(counter_high),
       static_cast<Word>(counter_high >> 32)}};
  for (int round = 0; round < philox_rounds; ++round) {
    const Long p0 = static_cast<Long>(m0) * c.word[0], p1 = static_cast<Long>(m1) * c.word[2];
    c = {
        {static_cast<Word>(p1 >> 32) ^ c.word[1] ^ k0, static_cast<Word>(p1),
         static_cast<Word>(p0 >> 32) ^ c.word[3] ^ k1, static_cast<Word>(p0)}};
    k0 += philox_weyl[0];
    k1 += philox_weyl[1];
  }
  return c;
}

}  // namespace keen::random_bits
