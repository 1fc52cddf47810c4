// SPDX-License-Identifier: Apache-2.0
#include <tiffio.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "media/codecs.h"
#include "media/tiff_layout.h"
#include "media/tiff_pixels.h"
#include "media/transform.h"

namespace intarsia {
namespace {

constexpr std::string_view kFormat = "TIFF";
constexpr tmsize_t kMaxAllocation = tmsize_t{1} << 30;

// ---- libtiff reads from memory

struct Source {
  std::string_view bytes;
  std::uint64_t at = 0;
};

Source& source_of(thandle_t handle) {
  return *static_cast<Source*>(handle);
}

tmsize_t read_some(thandle_t handle, void* out, tmsize_t count) {
  Source& source = source_of(handle);
  const std::uint64_t left = source.at < source.bytes.size() ? source.bytes.size() - source.at : 0;
  const auto size = std::min<std::uint64_t>(static_cast<std::uint64_t>(count), left);
  if (size > 0) std::memcpy(out, source.bytes.data() + source.at, size);
  source.at += size;
  return static_cast<tmsize_t>(size);
}
tmsize_t refuse_to_write(thandle_t, void*, tmsize_t) {
  return 0;
}
toff_t seek(thandle_t handle, toff_t offset, int whence) {
  Source& source = source_of(handle);
  source.at = offset + (whence == SEEK_CUR ? source.at : whence == SEEK_END ? source.bytes.size() : 0);
  return source.at;
}
int close_nothing(thandle_t) {
  return 0;
}
toff_t size_of(thandle_t handle) {
  return source_of(handle).bytes.size();
}
int stay_silent(TIFF*, void*, const char*, const char*, va_list) {
  return 1;
}

struct CloseTiff {
  void operator()(TIFF* file) const { TIFFClose(file); }
};
using Tiff = std::unique_ptr<TIFF, CloseTiff>;

Tiff open_tiff(Source& source) {
  const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(TIFFOpenOptionsAlloc(),
                                                                                 TIFFOpenOptionsFree);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), stay_silent, nullptr);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), stay_silent, nullptr);
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), kMaxAllocation);
  Tiff file(TIFFClientOpenExt("memory", "rm", &source, read_some, refuse_to_write, seek, close_nothing, size_of,
                              nullptr, nullptr, options.get()));
  if (file == nullptr) fail_decode(kFormat, "the directory cannot be read");
  return file;
}

// ---- pixels

Image read_by_libtiff(TIFF* file, const TiffLayout& layout) {
  std::vector<std::uint32_t> pixels(static_cast<std::size_t>(layout.width) * layout.height);
  // Asked for in the orientation of the file, libtiff leaves it to us.
  if (TIFFReadRGBAImageOriented(file, layout.width, layout.height, pixels.data(), layout.orientation, 1) != 1)
    fail_decode(kFormat, "the pixels are damaged, truncated or of an unknown kind");
  Image image = Image::uninitialized(layout.mode, static_cast<int>(layout.width), static_cast<int>(layout.height));
  std::uint8_t* out = image.mutable_row(0);
  for (const std::uint32_t pixel : pixels) {
    *out++ = static_cast<std::uint8_t>(TIFFGetR(pixel));
    *out++ = static_cast<std::uint8_t>(TIFFGetG(pixel));
    *out++ = static_cast<std::uint8_t>(TIFFGetB(pixel));
  }
  return image;
}

Image upright(const Image& image, std::uint16_t orientation) {
  switch (orientation) {
    case ORIENTATION_TOPRIGHT:
      return transpose(image, Transpose::kFlipLeftRight);
    case ORIENTATION_BOTRIGHT:
      return transpose(image, Transpose::kRotate180);
    case ORIENTATION_BOTLEFT:
      return transpose(image, Transpose::kFlipTopBottom);
    case ORIENTATION_LEFTTOP:
      return transpose(image, Transpose::kTranspose);
    case ORIENTATION_RIGHTTOP:
      return transpose(image, Transpose::kRotate270);
    case ORIENTATION_RIGHTBOT:
      return transpose(image, Transpose::kTransverse);
    case ORIENTATION_LEFTBOT:
      return transpose(image, Transpose::kRotate90);
    default:
      return image;
  }
}

bool is_tiff(std::string_view head) {
  return head.starts_with(std::string_view("II*\0", 4)) || head.starts_with(std::string_view("MM\0*", 4)) ||
         head.starts_with(std::string_view("II+\0", 4)) || head.starts_with(std::string_view("MM\0+", 4));
}

ImageInfo probe_tiff(std::string_view head, std::uint64_t) {
  Source source{head};
  const Tiff file = open_tiff(source);
  const TiffLayout layout = read_tiff_layout(file.get());
  auto width = static_cast<int>(layout.width), height = static_cast<int>(layout.height);
  if (layout.swaps_sides()) std::swap(width, height);
  return {std::string(kFormat), layout.mode, width, height, std::nullopt};
}

Image decode_tiff(std::string_view bytes) {
  Source source{bytes};
  const Tiff file = open_tiff(source);
  const TiffLayout layout = read_tiff_layout(file.get());
  return upright(layout.by_libtiff ? read_by_libtiff(file.get(), layout) : read_tiff_pixels(file.get(), layout),
                 layout.orientation);
}

}  // namespace

const ImageCodec kTiffCodec{kFormat, is_tiff, probe_tiff, decode_tiff};

}  // namespace intarsia
