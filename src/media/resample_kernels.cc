// SPDX-License-Identifier: Apache-2.0
//
// The two inner loops of resampling. A weight w is kept as high * 2^15 + low: one pmaddwd for each half sums pairs of
// products exactly, and (sum_high << 15) + sum_low is, modulo 2^32, the sum that 32-bit multiplications would give.
#include "media/resample_kernels.h"

#include <algorithm>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace intarsia {
namespace {

constexpr int kShift = FixedWeights::kPrecisionBits;
constexpr int kLow = FixedWeights::kLowBits;
constexpr int kRound = 1 << (kShift - 1);

std::uint8_t to_byte(int sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kShift, 0, 255));
}

int joined(int high, int low) {
  return static_cast<int>((static_cast<unsigned>(high) << kLow) + static_cast<unsigned>(low) + kRound);
}

template <int kChannels>
void convolve_row_plain(const std::uint8_t* from, std::uint8_t* to, const FixedWeights& weights) {
  const std::size_t outputs = weights.starts.size();
  for (std::size_t i = 0; i < outputs; ++i) {
    const std::uint8_t* pixel = from + static_cast<std::ptrdiff_t>(weights.starts[i]) * kChannels;
    const std::int16_t* high = weights.high.data() + i * static_cast<std::size_t>(weights.taps);
    const std::int16_t* low = weights.low.data() + i * static_cast<std::size_t>(weights.taps);
    int highs[kChannels] = {};
    int lows[kChannels] = {};
    for (int k = 0; k < weights.counts[i]; ++k, pixel += kChannels) {
      for (int c = 0; c < kChannels; ++c) {
        highs[c] += pixel[c] * high[k];
        lows[c] = static_cast<int>(static_cast<unsigned>(lows[c]) + static_cast<unsigned>(pixel[c] * low[k]));
      }
    }
    for (int c = 0; c < kChannels; ++c) *to++ = to_byte(joined(highs[c], lows[c]));
  }
}

void convolve_column_plain(const std::uint8_t* from, std::size_t row_bytes, std::uint8_t* to, const std::int16_t* high,
                           const std::int16_t* low, int count, std::size_t begin) {
  for (std::size_t x = begin; x < row_bytes; ++x) {
    unsigned sum = kRound;
    for (int k = 0; k < count; ++k) {
      const unsigned weight = (static_cast<unsigned>(high[k]) << kLow) + static_cast<unsigned>(low[k]);
      sum += from[static_cast<std::size_t>(k) * row_bytes + x] * weight;
    }
    to[x] = to_byte(static_cast<int>(sum));
  }
}

#if defined(__x86_64__)

#define INTARSIA_AVX2 __attribute__((target("avx2")))

/// For one channel count: how 16 loaded bytes become 16-bit lanes in which neighbours are the same channel of two
/// neighbouring pixels, and which weights go with them. Byte 0x80 in a shuffle gives zero.
template <int kChannels>
struct Lanes;

template <>
struct Lanes<4> {
  static constexpr int kPixels = 4;
  static INTARSIA_AVX2 __m256i pixels(const std::uint8_t* at) {
    const __m256i order = _mm256_setr_epi8(0, -1, 4, -1, 1, -1, 5, -1, 2, -1, 6, -1, 3, -1, 7, -1,  //
                                           8, -1, 12, -1, 9, -1, 13, -1, 10, -1, 14, -1, 11, -1, 15, -1);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))),
                               order);
  }
  static INTARSIA_AVX2 __m256i weights(const std::int16_t* at) {
    const __m256i order = _mm256_setr_epi8(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3,  //
                                           4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7);
    long long four;
    std::memcpy(&four, at, sizeof four);
    return _mm256_shuffle_epi8(_mm256_set1_epi64x(four), order);
  }
  static INTARSIA_AVX2 __m128i fold(__m256i sums) {
    return _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  }
};

template <>
struct Lanes<3> : Lanes<4> {
  static INTARSIA_AVX2 __m256i pixels(const std::uint8_t* at) {
    const __m256i order = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,  //
                                           6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))),
                               order);
  }
};

template <>
struct Lanes<2> {
  static constexpr int kPixels = 8;
  static INTARSIA_AVX2 __m256i pixels(const std::uint8_t* at) {
    const __m256i order = _mm256_setr_epi8(0, -1, 2, -1, 1, -1, 3, -1, 4, -1, 6, -1, 5, -1, 7, -1,  //
                                           8, -1, 10, -1, 9, -1, 11, -1, 12, -1, 14, -1, 13, -1, 15, -1);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))),
                               order);
  }
  static INTARSIA_AVX2 __m256i weights(const std::int16_t* at) {
    const __m256i order = _mm256_setr_epi8(0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7,  //
                                           8, 9, 10, 11, 8, 9, 10, 11, 12, 13, 14, 15, 12, 13, 14, 15);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))),
                               order);
  }
  static INTARSIA_AVX2 __m128i fold(__m256i sums) {
    const __m128i half = Lanes<4>::fold(sums);
    return _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4E));
  }
};

template <>
struct Lanes<1> {
  static constexpr int kPixels = 16;
  static INTARSIA_AVX2 __m256i pixels(const std::uint8_t* at) {
    return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
  }
  static INTARSIA_AVX2 __m256i weights(const std::int16_t* at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  }
  static INTARSIA_AVX2 __m128i fold(__m256i sums) {
    const __m128i half = Lanes<2>::fold(sums);
    return _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xB1));
  }
};

/// kRows rows at once share the loads of the weights.
template <int kChannels, int kRows>
INTARSIA_AVX2 void convolve_rows_avx2(const std::uint8_t* from, std::size_t from_stride, std::uint8_t* to,
                                      std::size_t to_stride, const FixedWeights& weights) {
  using L = Lanes<kChannels>;
  const std::size_t outputs = weights.starts.size();
  for (std::size_t i = 0; i < outputs; ++i) {
    const std::uint8_t* pixel = from + static_cast<std::ptrdiff_t>(weights.starts[i]) * kChannels;
    const std::int16_t* high = weights.high.data() + i * static_cast<std::size_t>(weights.taps);
    const std::int16_t* low = weights.low.data() + i * static_cast<std::size_t>(weights.taps);
    __m256i highs[kRows];
    __m256i lows[kRows];
    for (int r = 0; r < kRows; ++r) highs[r] = lows[r] = _mm256_setzero_si256();
    for (int k = 0; k < weights.counts[i]; k += L::kPixels) {
      const __m256i h = L::weights(high + k);
      const __m256i l = L::weights(low + k);
      for (int r = 0; r < kRows; ++r) {
        const __m256i p = L::pixels(pixel + static_cast<std::size_t>(r) * from_stride + k * kChannels);
        highs[r] = _mm256_add_epi32(highs[r], _mm256_madd_epi16(p, h));
        lows[r] = _mm256_add_epi32(lows[r], _mm256_madd_epi16(p, l));
      }
    }
    for (int r = 0; r < kRows; ++r) {
      const __m256i sums = _mm256_add_epi32(_mm256_slli_epi32(highs[r], kLow), lows[r]);
      const __m128i total = _mm_srai_epi32(_mm_add_epi32(L::fold(sums), _mm_set1_epi32(kRound)), kShift);
      const __m128i words = _mm_packs_epi32(total, total);
      const int packed = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
      std::memcpy(to + static_cast<std::size_t>(r) * to_stride + i * kChannels, &packed, kChannels);
    }
  }
}

template <int kChannels>
void convolve_all_rows_avx2(const std::uint8_t* from, std::size_t from_stride, std::uint8_t* to, std::size_t to_stride,
                            int rows, const FixedWeights& weights) {
  int y = 0;
  for (; y + 4 <= rows; y += 4, from += 4 * from_stride, to += 4 * to_stride) {
    convolve_rows_avx2<kChannels, 4>(from, from_stride, to, to_stride, weights);
  }
  for (; y < rows; ++y, from += from_stride, to += to_stride) {
    convolve_rows_avx2<kChannels, 1>(from, from_stride, to, to_stride, weights);
  }
}

/// 32 bytes of the output row from pairs of source rows; an odd last row is paired with itself and weight zero.
INTARSIA_AVX2 void convolve_block_avx2(const std::uint8_t* from, std::size_t row_bytes, std::uint8_t* to,
                                       const std::int16_t* high, const std::int16_t* low, int count) {
  const __m256i zero = _mm256_setzero_si256();
  __m256i highs[4] = {zero, zero, zero, zero};
  __m256i lows[4] = {zero, zero, zero, zero};
  for (int k = 0; k < count; k += 2) {
    const std::uint8_t* first = from + static_cast<std::size_t>(k) * row_bytes;
    const std::uint8_t* second = k + 1 < count ? first + row_bytes : first;
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(first));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(second));
    int pair;
    std::memcpy(&pair, high + k, sizeof pair);
    const __m256i h = _mm256_set1_epi32(pair);
    std::memcpy(&pair, low + k, sizeof pair);
    const __m256i l = _mm256_set1_epi32(pair);
    const __m256i even = _mm256_unpacklo_epi8(a, b);
    const __m256i odd = _mm256_unpackhi_epi8(a, b);
    const __m256i parts[4] = {_mm256_unpacklo_epi8(even, zero), _mm256_unpackhi_epi8(even, zero),
                              _mm256_unpacklo_epi8(odd, zero), _mm256_unpackhi_epi8(odd, zero)};
    for (int j = 0; j < 4; ++j) {
      highs[j] = _mm256_add_epi32(highs[j], _mm256_madd_epi16(parts[j], h));
      lows[j] = _mm256_add_epi32(lows[j], _mm256_madd_epi16(parts[j], l));
    }
  }
  __m256i sums[4];
  for (int j = 0; j < 4; ++j) {
    const __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(highs[j], kLow), lows[j]);
    sums[j] = _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(kRound)), kShift);
  }
  const __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(sums[0], sums[1]), _mm256_packs_epi32(sums[2], sums[3]));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bytes);
}

bool has_avx2() {
  static const bool has = __builtin_cpu_supports("avx2");
  return has;
}

#endif

template <int kChannels>
void convolve_rows_of(const std::uint8_t* from, std::size_t from_stride, std::uint8_t* to, std::size_t to_stride,
                      int rows, const FixedWeights& weights) {
#if defined(__x86_64__)
  if (has_avx2()) return convolve_all_rows_avx2<kChannels>(from, from_stride, to, to_stride, rows, weights);
#endif
  for (int y = 0; y < rows; ++y, from += from_stride, to += to_stride) {
    convolve_row_plain<kChannels>(from, to, weights);
  }
}

}  // namespace

void convolve_rows(const std::uint8_t* from, std::size_t from_stride, std::uint8_t* to, std::size_t to_stride, int rows,
                   int channels, const FixedWeights& weights) {
  switch (channels) {
    case 1:
      return convolve_rows_of<1>(from, from_stride, to, to_stride, rows, weights);
    case 2:
      return convolve_rows_of<2>(from, from_stride, to, to_stride, rows, weights);
    case 3:
      return convolve_rows_of<3>(from, from_stride, to, to_stride, rows, weights);
    default:
      return convolve_rows_of<4>(from, from_stride, to, to_stride, rows, weights);
  }
}

void convolve_column(const std::uint8_t* from, std::size_t row_bytes, std::uint8_t* to, const FixedWeights& weights,
                     int output) {
  const std::size_t at = static_cast<std::size_t>(output) * static_cast<std::size_t>(weights.taps);
  const std::int16_t* high = weights.high.data() + at;
  const std::int16_t* low = weights.low.data() + at;
  const int count = weights.counts[static_cast<std::size_t>(output)];
  std::size_t x = 0;
#if defined(__x86_64__)
  if (has_avx2()) {
    for (; x + 32 <= row_bytes; x += 32) convolve_block_avx2(from + x, row_bytes, to + x, high, low, count);
    if (x > 0 && x < row_bytes) {  // the last block overlaps the one before
      x = row_bytes - 32;
      convolve_block_avx2(from + x, row_bytes, to + x, high, low, count);
      return;
    }
  }
#endif
  convolve_column_plain(from, row_bytes, to, high, low, count, x);
}

}  // namespace intarsia
