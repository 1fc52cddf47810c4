// SPDX-License-Identifier: Apache-2.0
//
// Two grids over the colours, a fine one and a coarse one. Each coarse cell that is used gets a palette entry, so that
// no colour is far from one; what is left of the palette goes to the fine cells with most pixels, which the coarse
// cells around them then do without.
#include "media/quantize.h"

#include <algorithm>
#include <array>
#include <vector>

namespace intarsia {
namespace {

using Colour = std::array<std::uint8_t, 4>;

/// The pixels that fell into a cell.
struct Cell {
  std::int64_t count = 0;
  std::array<std::int64_t, 4> sums{};

  void add(const Cell& other, int sign = 1) {
    count += sign * other.count;
    for (std::size_t c = 0; c < 4; ++c) sums[c] += sign * other.sums[c];
  }
  [[nodiscard]] Colour mean() const {
    Colour mean{};
    const auto divisor = static_cast<float>(count);
    for (std::size_t c = 0; count != 0 && c < 4; ++c)
      mean[c] = static_cast<std::uint8_t>(std::clamp(static_cast<int>(static_cast<float>(sums[c]) / divisor), 0, 255));
    return mean;
  }
};

/// How many of the upper bits of r, g, b, a tell the cells of a grid apart.
struct Levels {
  std::array<int, 4> bits;

  [[nodiscard]] std::size_t cells() const { return std::size_t{1} << (bits[0] + bits[1] + bits[2] + bits[3]); }
  [[nodiscard]] std::size_t cell_of(const Colour& colour) const {
    std::size_t index = 0;
    for (std::size_t c = 0; c < 4; ++c) index = index << bits[c] | static_cast<std::size_t>(colour[c] >> (8 - bits[c]));
    return index;
  }
  /// The lowest colour of a cell.
  [[nodiscard]] Colour colour_of(std::size_t index) const {
    Colour colour{};
    for (std::size_t c = 4; c-- > 0; index >>= bits[c])
      colour[c] = static_cast<std::uint8_t>((index & ((std::size_t{1} << bits[c]) - 1)) << (8 - bits[c]));
    return colour;
  }
};

constexpr Levels kFine{{3, 4, 3, 3}};
constexpr Levels kCoarse{{2, 2, 2, 2}};

/// The image's pixels; all that are fully transparent count as the first of them.
std::vector<Colour> pixels_of(const Image& image) {
  std::vector<Colour> pixels(image.byte_size() / 4);
  const Colour* clear = nullptr;
  const std::uint8_t* from = image.data();
  for (Colour& pixel : pixels) {
    std::copy_n(from, 4, pixel.begin());
    from += 4;
    if (pixel[3] != 0) continue;
    if (clear == nullptr) clear = &pixel;
    pixel = *clear;
  }
  return pixels;
}

std::size_t used(const std::vector<Cell>& cells) {
  return static_cast<std::size_t>(std::count_if(cells.begin(), cells.end(), [](const Cell& c) { return c.count > 0; }));
}

std::vector<Cell> by_count(std::vector<Cell> cells) {
  std::stable_sort(cells.begin(), cells.end(), [](const Cell& a, const Cell& b) { return a.count > b.count; });
  return cells;
}

/// The palette's cells, the coarse ones first.
struct Palette {
  std::vector<Cell> cells;
  std::size_t coarse = 0;
};

Palette choose_palette(const std::vector<Cell>& fine, std::size_t colours) {
  std::vector<Cell> coarse(kCoarse.cells());
  for (std::size_t i = 0; i < fine.size(); ++i) coarse[kCoarse.cell_of(kFine.colour_of(i))].add(fine[i]);
  const std::vector<Cell> largest = by_count(fine);
  std::size_t for_coarse = std::min(used(coarse), colours), taken = 0;
  for (;;) {
    for (; taken < colours - for_coarse; ++taken)
      if (largest[taken].count > 0) coarse[kCoarse.cell_of(largest[taken].mean())].add(largest[taken], -1);
    const std::size_t still_used = used(coarse);
    if (still_used >= for_coarse) break;
    for_coarse = still_used;  // emptied cells give their entries to fine ones
  }
  Palette palette{by_count(std::move(coarse)), for_coarse};
  palette.cells.resize(for_coarse);
  palette.cells.insert(palette.cells.end(), largest.begin(), largest.begin() + static_cast<long>(colours - for_coarse));
  return palette;
}

/// The palette entry of each fine cell.
std::vector<std::uint8_t> entries_of(const Palette& palette) {
  std::vector<std::uint8_t> of_coarse(kCoarse.cells()), of_fine(kFine.cells());
  for (std::size_t i = 0; i < palette.coarse; ++i)
    of_coarse[kCoarse.cell_of(palette.cells[i].mean())] = static_cast<std::uint8_t>(i);
  for (std::size_t i = 0; i < of_fine.size(); ++i) of_fine[i] = of_coarse[kCoarse.cell_of(kFine.colour_of(i))];
  for (std::size_t i = palette.coarse; i < palette.cells.size(); ++i)
    of_fine[kFine.cell_of(palette.cells[i].mean())] = static_cast<std::uint8_t>(i);
  return of_fine;
}

}  // namespace

Image quantize_octree(const Image& image, int colours) {
  const std::vector<Colour> pixels = pixels_of(image);
  std::vector<Cell> fine(kFine.cells());
  for (const Colour& pixel : pixels) {
    Cell& cell = fine[kFine.cell_of(pixel)];
    ++cell.count;
    for (std::size_t c = 0; c < 4; ++c) cell.sums[c] += pixel[c];
  }
  const Palette palette = choose_palette(fine, static_cast<std::size_t>(colours));
  const std::vector<std::uint8_t> entries = entries_of(palette);
  Image indexed = Image::uninitialized(PixelMode::kP, image.width(), image.height());
  std::uint8_t* to = indexed.mutable_row(0);
  for (const Colour& pixel : pixels) *to++ = entries[kFine.cell_of(pixel)];
  std::vector<std::uint8_t> rgb, alpha;
  for (const Cell& cell : palette.cells) {
    const Colour mean = cell.mean();
    rgb.insert(rgb.end(), mean.begin(), mean.begin() + 3);
    alpha.push_back(mean[3]);
  }
  if (std::count(alpha.begin(), alpha.end(), 255) == std::ssize(alpha)) alpha.clear();
  indexed.set_palette(std::move(rgb), std::move(alpha));
  return indexed;
}

}  // namespace intarsia
