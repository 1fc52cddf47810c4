// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <libheif/heif.h>

#include <cstring>
#include <memory>

#include "intarsia/error.h"
#include "media/codecs.h"

namespace intarsia {
namespace {

constexpr std::string_view kFormat = "HEIF";

struct Release {
  void operator()(heif_context* context) const { heif_context_free(context); }
  void operator()(heif_image_handle* handle) const { heif_image_handle_release(handle); }
  void operator()(heif_image* image) const { heif_image_release(image); }
};
template <typename T>
using Owned = std::unique_ptr<T, Release>;

void check(const heif_error& error) {
  if (error.code != heif_error_Ok) fail_decode(kFormat, error.message == nullptr ? "damaged" : error.message);
}

/// The main picture of a file, whose bytes must outlive it.
struct Picture {
  explicit Picture(std::string_view bytes) : context(heif_context_alloc()) {
    check(heif_context_read_from_memory_without_copy(context.get(), bytes.data(), bytes.size(), nullptr));
    heif_image_handle* found = nullptr;
    check(heif_context_get_primary_image_handle(context.get(), &found));
    handle.reset(found);
    width = heif_image_handle_get_width(found);
    height = heif_image_handle_get_height(found);
    mode = heif_image_handle_has_alpha_channel(found) != 0 ? PixelMode::kRGBA : PixelMode::kRGB;
    check_image_size(kFormat, width, height);
  }

  Owned<heif_context> context;
  Owned<heif_image_handle> handle;
  int width = 0, height = 0;
  PixelMode mode = PixelMode::kRGB;
};

bool is_heif(std::string_view head) {
  if (head.size() < 12 || head.substr(4, 4) != "ftyp") return false;
  const std::string_view brand = head.substr(8, 4);
  for (const std::string_view known : {"heic", "heix", "hevc", "heim", "heis", "mif1", "msf1", "avif", "avis"})
    if (brand == known) return true;
  return false;
}

ImageInfo probe_heif(std::string_view head, std::uint64_t) {
  const Picture picture(head);
  return {std::string(kFormat), picture.mode, picture.width, picture.height, std::nullopt};
}

Image decode_heif(std::string_view bytes) {
  const Picture picture(bytes);
  const bool alpha = picture.mode == PixelMode::kRGBA;
  heif_image* decoded = nullptr;
  check(heif_decode_image(picture.handle.get(), &decoded, heif_colorspace_RGB,
                          alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, nullptr));
  const Owned<heif_image> pixels(decoded);
  int stride = 0;
  const std::uint8_t* rows = heif_image_get_plane_readonly(decoded, heif_channel_interleaved, &stride);
  if (rows == nullptr) fail_decode(kFormat, "there are no pixels in it");
  Image image = Image::uninitialized(picture.mode, heif_image_get_width(decoded, heif_channel_interleaved),
                                     heif_image_get_height(decoded, heif_channel_interleaved));
  for (int y = 0; y < image.height(); ++y)
    std::memcpy(image.mutable_row(y), rows + static_cast<std::ptrdiff_t>(y) * stride, image.row_bytes());
  return image;
}

}  // namespace

const ImageCodec kHeifCodec{kFormat, is_heif, probe_heif, decode_heif};

}  // namespace intarsia
