// SPDX-License-Identifier: Apache-2.0
#include "media/dither.h"

#include <algorithm>
#include <vector>

namespace intarsia {

namespace {

/// Hands the error of each pixel of one channel on: 7/16 to the right, 3/16, 5/16 and 1/16 to the row below.
class ErrorDiffusion {
 public:
  explicit ErrorDiffusion(int width) : below_(static_cast<std::size_t>(width) + 1) {}

  void begin_row() { right_ = below_left_ = below_here_ = 0; }
  /// The sample at `x` with the errors that have reached it.
  [[nodiscard]] int corrected(int x, int sample) const {
    return std::clamp(sample + (right_ + below_[static_cast<std::size_t>(x) + 1]) / 16, 0, 255);
  }
  void spread(int x, int error) {
    below_[static_cast<std::size_t>(x)] = error * 3 + below_left_;
    below_left_ = error * 5 + below_here_;
    below_here_ = error;
    right_ = error * 7;
  }
  void end_row() { end_row(below_left_); }
  /// What the row leaves for the last pixel below it.
  void end_row(int left) { below_.back() = left; }
  [[nodiscard]] int below_left() const { return below_left_; }
  [[nodiscard]] int below_here() const { return below_here_; }

 private:
  std::vector<int> below_;  // what the row above left for each pixel, one to the right
  int right_ = 0, below_left_ = 0, below_here_ = 0;
};

/// The level of the web palette for a sample. Pillow looks colours up in cells of 4 x 4 x 4, by their lower corner.
int nearest_level(int sample) {
  return ((sample & ~3) + 25) / 51;
}

}  // namespace

Image dither_to_bilevel(const Image& image) {
  Image out = Image::uninitialized(PixelMode::kBilevel, image.width(), image.height());
  ErrorDiffusion diffusion(image.width());
  const bool colour = image.mode() == PixelMode::kRGB;
  for (int y = 0; y < image.height(); ++y) {
    diffusion.begin_row();
    const std::uint8_t* in = image.row(y);
    for (int x = 0; x < image.width(); ++x, in += colour ? 3 : 1) {
      const int grey = colour ? (in[0] * 299 + in[1] * 587 + in[2] * 114) / 1000 : in[0];
      const int sample = diffusion.corrected(x, grey);
      const int level = sample > 128 ? 255 : 0;
      out.mutable_row(y)[x] = static_cast<std::uint8_t>(level);
      diffusion.spread(x, sample - level);
    }
    diffusion.end_row();
  }
  return out;
}

Image dither_to_web_palette(const Image& image) {
  constexpr int kFirst = 10;  // the cube begins at this index; black is found before it, at 0
  Image out = Image::uninitialized(PixelMode::kP, image.width(), image.height());
  std::vector<std::uint8_t> palette(kFirst * 3, 0);
  for (int b = 0; b < 256; b += 51)
    for (int g = 0; g < 256; g += 51)
      for (int r = 0; r < 256; r += 51)
        for (const int sample : {r, g, b}) palette.push_back(static_cast<std::uint8_t>(sample));
  std::vector<ErrorDiffusion> channels(3, ErrorDiffusion(image.width()));
  for (int y = 0; y < image.height(); ++y) {
    for (ErrorDiffusion& channel : channels) channel.begin_row();
    const std::uint8_t* in = image.row(y);
    for (int x = 0; x < image.width(); ++x, in += 3) {
      int index = kFirst, weight = 1;
      for (int c = 0; c < 3; ++c, weight *= 6) {
        const int sample = channels[static_cast<std::size_t>(c)].corrected(x, in[c]);
        const int level = nearest_level(sample);
        index += level * weight;
        channels[static_cast<std::size_t>(c)].spread(x, sample - level * 51);
      }
      out.mutable_row(y)[x] = static_cast<std::uint8_t>(index == kFirst ? 0 : index);
    }
    // Pillow hands the last column's errors of blue to all channels; its pixels are the reference.
    const ErrorDiffusion& blue = channels[2];
    channels[0].end_row(blue.below_left());
    channels[1].end_row(blue.below_here());
    channels[2].end_row(blue.below_here());
  }
  out.set_palette(std::move(palette));
  return out;
}

}  // namespace intarsia
