// SPDX-License-Identifier: Apache-2.0
#include "media/png_filters.h"

#include <cstdlib>
#include <cstring>
#include <vector>

namespace intarsia {
namespace {

enum Filter : std::uint8_t { kNone, kSub, kUp, kAverage, kPaeth };

/// The neighbour (left, above, above left) nearest to left + above - above left. Written so that compilers select
/// instead of branch.
inline int paeth(int left, int above, int corner) {
  const int to_left = std::abs(above - corner);
  const int to_above = std::abs(left - corner);
  const int to_corner = std::abs(left + above - 2 * corner);
  const int upper = to_above <= to_corner ? above : corner;
  return to_left <= to_above && to_left <= to_corner ? left : upper;
}

template <int kStep>
void undo_sub(std::uint8_t* row, std::size_t size) {
  for (std::size_t i = kStep; i < size; ++i) row[i] = static_cast<std::uint8_t>(row[i] + row[i - kStep]);
}

void undo_up(std::uint8_t* row, const std::uint8_t* above, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) row[i] = static_cast<std::uint8_t>(row[i] + above[i]);
}

template <int kStep>
void undo_average(std::uint8_t* row, const std::uint8_t* above, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    const int left = i >= kStep ? row[i - kStep] : 0;
    row[i] = static_cast<std::uint8_t>(row[i] + ((left + (above ? above[i] : 0)) >> 1));
  }
}

template <int kStep>
void undo_paeth(std::uint8_t* row, const std::uint8_t* above, std::size_t size) {
  int left[kStep] = {};
  int corner[kStep] = {};
  std::size_t i = 0;
  for (; i + kStep <= size; i += kStep) {
    for (int c = 0; c < kStep; ++c) {
      const int up = above[i + c];
      left[c] = (row[i + c] + paeth(left[c], up, corner[c])) & 255;
      corner[c] = up;
      row[i + c] = static_cast<std::uint8_t>(left[c]);
    }
  }
}

template <int kStep>
bool undo(int type, std::uint8_t* row, const std::uint8_t* above, std::size_t size) {
  if (type == kNone || (type == kUp && above == nullptr)) return true;
  if (type == kSub || (type == kPaeth && above == nullptr)) {  // with nothing above, Paeth predicts the left pixel
    undo_sub<kStep>(row, size);
  } else if (type == kUp) {
    undo_up(row, above, size);
  } else if (type == kAverage) {
    undo_average<kStep>(row, above, size);
  } else if (type == kPaeth) {
    undo_paeth<kStep>(row, above, size);
  } else {
    return false;
  }
  return true;
}

/// Sum of the distances to zero of bytes taken as signed.
std::size_t cost(const std::uint8_t* bytes, std::size_t size) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < size; ++i) sum += static_cast<std::size_t>(bytes[i] < 128 ? bytes[i] : 256 - bytes[i]);
  return sum;
}

void sub(const std::uint8_t* row, std::size_t size, std::size_t step, std::uint8_t* to) {
  std::memcpy(to, row, step);
  for (std::size_t i = step; i < size; ++i) to[i] = static_cast<std::uint8_t>(row[i] - row[i - step]);
}

void up(const std::uint8_t* row, const std::uint8_t* above, std::size_t size, std::uint8_t* to) {
  for (std::size_t i = 0; i < size; ++i) to[i] = static_cast<std::uint8_t>(row[i] - above[i]);
}

void paeth_row(const std::uint8_t* row, const std::uint8_t* above, std::size_t size, std::size_t step,
               std::uint8_t* to) {
  for (std::size_t i = 0; i < step; ++i) to[i] = static_cast<std::uint8_t>(row[i] - above[i]);
  for (std::size_t i = step; i < size; ++i) {
    to[i] = static_cast<std::uint8_t>(row[i] - paeth(row[i - step], above[i], above[i - step]));
  }
}

}  // namespace

bool undo_png_filter(int type, std::uint8_t* row, const std::uint8_t* above, std::size_t size, int step) {
  switch (step) {
    case 1:
      return undo<1>(type, row, above, size);
    case 2:
      return undo<2>(type, row, above, size);
    case 3:
      return undo<3>(type, row, above, size);
    case 4:
      return undo<4>(type, row, above, size);
    case 6:
      return undo<6>(type, row, above, size);
    default:
      return undo<8>(type, row, above, size);
  }
}

void apply_png_filter(bool filtered, const std::uint8_t* row, const std::uint8_t* above, std::size_t size, int step,
                      std::uint8_t* to) {
  to[0] = kNone;
  if (!filtered) {
    std::memcpy(to + 1, row, size);
    return;
  }
  const auto pixel = static_cast<std::size_t>(step);
  to[0] = kSub;
  sub(row, size, pixel, to + 1);
  if (above == nullptr) return;
  std::size_t best = cost(to + 1, size);
  std::vector<std::uint8_t> candidate(size);
  const auto offer = [&](Filter type) {
    const std::size_t sum = cost(candidate.data(), size);
    if (sum >= best) return;
    best = sum;
    to[0] = type;
    std::memcpy(to + 1, candidate.data(), size);
  };
  up(row, above, size, candidate.data());
  offer(kUp);
  paeth_row(row, above, size, pixel, candidate.data());
  offer(kPaeth);
}

}  // namespace intarsia
