// SPDX-License-Identifier: Apache-2.0
// What the Python tests, which compare with Pillow, cannot reach: boxes of resize, limits of the decoders.
#include <gtest/gtest.h>

#include <numeric>

#include "intarsia/error.h"
#include "media/codecs.h"
#include "media/convert.h"
#include "media/resample.h"
#include "media/transform.h"

namespace intarsia {
namespace {

Image gradient(PixelMode mode, int width, int height) {
  Image image(mode, width, height);
  for (std::size_t i = 0; i < image.byte_size(); ++i)
    image.mutable_row(0)[i] = static_cast<std::uint8_t>(i * 37 + i / 7);
  return image;
}

bool same_pixels(const Image& a, const Image& b) {
  return a.mode() == b.mode() && a.width() == b.width() && a.height() == b.height() &&
         std::equal(a.data(), a.data() + a.byte_size(), b.data());
}

template <typename Call>
std::string message_of(Call call) {
  try {
    static_cast<void>(call());
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string little_endian(std::uint32_t value, int bytes = 4) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

std::string bmp_header(std::int32_t width, std::int32_t height, std::uint32_t bits, std::uint32_t compression) {
  return "BM" + std::string(8, '\0') + little_endian(54) + little_endian(40) +
         little_endian(static_cast<std::uint32_t>(width)) + little_endian(static_cast<std::uint32_t>(height)) +
         little_endian(1, 2) + little_endian(bits, 2) + little_endian(compression) + std::string(20, '\0');
}

struct Tag {
  std::uint32_t id, value;
};

/// A grey TIFF of 8 bits without its pixels.
std::string tiff_header(std::vector<Tag> tags) {
  std::string text =
      std::string("II*\0", 4) + little_endian(8) + little_endian(static_cast<std::uint32_t>(tags.size()), 2);
  for (const Tag& tag : tags)
    text += little_endian(tag.id, 2) + little_endian(4, 2) + little_endian(1) + little_endian(tag.value);
  return text + little_endian(0);
}

TEST(ImageLimits, AGiantSizeIsRefusedBeforeAnythingIsAllocated) {
  const std::string giant = "60000x60000 pixels exceed the limit";
  for (const std::string& file :
       {bmp_header(60000, 60000, 8, 1),
        tiff_header({{256, 60000}, {257, 60000}, {258, 8}, {262, 1}, {273, 8}, {277, 1}, {278, 60000}, {279, 1}}),
        "GIF89a" + little_endian(60000, 2) + little_endian(60000, 2) + std::string(3, '\0')}) {
    EXPECT_NE(message_of([&] { return decode_image(file); }).find(giant), std::string::npos);
    EXPECT_NE(message_of([&] { return probe_image(file); }).find(giant), std::string::npos);
  }
}

TEST(ImageLimits, ABmpCannotBeUpsideDownBeyondItsRange) {
  EXPECT_NE(message_of([] { return decode_image(bmp_header(1, INT32_MIN, 8, 0)); }).find("exceed the limit"),
            std::string::npos);
  EXPECT_NE(message_of([] { return decode_image(bmp_header(-4, 4, 8, 0)); }).find("is empty"), std::string::npos);
  EXPECT_NE(message_of([] { return decode_image(bmp_header(4, 4, 7, 0)); }).find("7 bits is not supported"),
            std::string::npos);
}

TEST(ImageLimits, TiffTilesAreHeldToTheSizeOfImages) {
  const std::string file = tiff_header(
      {{256, 16}, {257, 16}, {258, 8}, {262, 1}, {277, 1}, {322, 1U << 20}, {323, 1U << 20}, {324, 8}, {325, 1}});
  EXPECT_NE(message_of([&] { return decode_image(file); }).find("TIFF image:"), std::string::npos);
}

TEST(ImageLimits, ResultsAreHeldToTheSameLimit) {
  const Image image = gradient(PixelMode::kRGB, 4, 3);
  EXPECT_NE(message_of([&] { return resize(image, 1 << 20, 1 << 20); }).find("resize: 1048576x1048576"),
            std::string::npos);
  EXPECT_NE(message_of([&] {
              return crop(image, {-2000000000, 0, 2000000000, 1});
            }).find("crop: 4000000000x1"),
            std::string::npos);
}

TEST(Resize, AWholeBoxIsACrop) {
  for (const PixelMode mode : {PixelMode::kL, PixelMode::kRGB, PixelMode::kCMYK, PixelMode::kLAB, PixelMode::kI16}) {
    const Image image = gradient(mode, 40, 30);
    const Image part = crop(image, {8, 4, 24, 28});
    for (int filter = 0; filter <= 5; ++filter)  // at the same size nothing outside of the box has a weight
      EXPECT_TRUE(same_pixels(resize(image, 16, 24, parse_resample(filter), ResizeBox{8, 4, 24, 28}), part))
          << mode_name(mode) << " " << filter;
  }
}

TEST(Resize, AnEmptyBoxTakesThePixelsAroundIt) {
  Image image(PixelMode::kL, 8, 8);
  std::fill_n(image.mutable_row(0), image.byte_size(), std::uint8_t{9});
  for (const std::optional<double> gap : {std::optional<double>(), std::optional<double>(1.0)}) {
    const Image result = resize(image, 3, 3, Resample::kBilinear, ResizeBox{2, 2, 2, 4}, gap);
    EXPECT_EQ(std::accumulate(result.data(), result.data() + 9, 0), 81);
  }
}

TEST(Resize, AnEmptyImageGivesBlack) {
  const Image result = resize(Image(PixelMode::kRGB, 0, 5), 3, 2);
  EXPECT_EQ(std::accumulate(result.data(), result.data() + result.byte_size(), 0), 0);
  EXPECT_NE(message_of([] { return thumbnail(Image(PixelMode::kL, 5, 0), 3, 3); }).find("the image is empty"),
            std::string::npos);
}

TEST(Resize, BoxesAndGapsAreChecked) {
  const Image image = gradient(PixelMode::kL, 8, 8);
  EXPECT_NE(message_of([&] {
              return resize(image, 3, 3, Resample::kBox, ResizeBox{0, 0, 9, 8});
            }).find("must lie inside"),
            std::string::npos);
  EXPECT_NE(message_of([&] { return resize(image, 3, 3, Resample::kBox, {}, 0.5); }).find("reducing_gap"),
            std::string::npos);
  EXPECT_NE(message_of([] { return parse_resample(8); }).find("7 MKS2021"), std::string::npos);
}

TEST(Convert, GoesThroughEveryModeThatHasAWay) {
  const Image image = gradient(PixelMode::kRGB, 31, 17);
  for (const std::string_view name : {"1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I", "F", "I;16"}) {
    const Image there = convert(image, parse_mode(name));
    EXPECT_EQ(mode_name(there.mode()), name);
    EXPECT_EQ(convert(there, PixelMode::kRGB).byte_size(), image.byte_size()) << name;
  }
  EXPECT_NE(
      message_of([] { return convert(Image(PixelMode::kLAB, 1, 1), PixelMode::kL); }).find("from mode 'LAB' to 'L'"),
      std::string::npos);
}

TEST(Png, HoldsWhatItIsGiven) {
  for (const PixelMode mode : {PixelMode::kL, PixelMode::kLA, PixelMode::kRGB, PixelMode::kRGBA, PixelMode::kI16})
    for (const auto& [width, height] : {std::pair{1, 1}, {3, 200}, {200, 3}, {33, 33}}) {
      const Image image = gradient(mode, width, height);
      EXPECT_TRUE(same_pixels(decode_image(encode_image(image, "png")), image)) << mode_name(mode);
    }
}

}  // namespace
}  // namespace intarsia
