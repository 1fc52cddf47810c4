// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <libheif/heif.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
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
  void operator()(heif_decoding_options* options) const { heif_decoding_options_free(options); }
};
template <typename T>
using Owned = std::unique_ptr<T, Release>;

void check(const heif_error& error) {
  if (error.code != heif_error_Ok) fail_decode(kFormat, error.message == nullptr ? "damaged" : error.message);
}

bool has_brand(std::string_view head, std::initializer_list<std::string_view> brands) {
  if (head.size() < 12 || head.substr(4, 4) != "ftyp") return false;
  return std::find(brands.begin(), brands.end(), head.substr(8, 4)) != brands.end();
}

/// AV1 without colours, by the third byte of its configuration record. libheif 1.15 does not tell before it has
/// decoded.
bool is_grey_av1(std::string_view bytes) {
  const std::size_t at = bytes.find("av1C");
  return at != std::string_view::npos && at + 7 <= bytes.size() && (bytes[at + 6] & 0x10) != 0;
}

/// The main picture of a file, whose bytes must outlive it. As with Pillow and its plug-in for HEIF, what the file says
/// about turning the picture holds for HEIC and is left to the viewer in AVIF.
struct Picture {
  explicit Picture(std::string_view bytes) : context(heif_context_alloc()) {
    check(heif_context_read_from_memory_without_copy(context.get(), bytes.data(), bytes.size(), nullptr));
    heif_image_handle* found = nullptr;
    check(heif_context_get_primary_image_handle(context.get(), &found));
    handle.reset(found);
    avif = has_brand(bytes, {"avif", "avis"});
    width = avif ? heif_image_handle_get_ispe_width(found) : heif_image_handle_get_width(found);
    height = avif ? heif_image_handle_get_ispe_height(found) : heif_image_handle_get_height(found);
    const bool alpha = heif_image_handle_has_alpha_channel(found) != 0;
    mode = alpha ? PixelMode::kRGBA : avif && is_grey_av1(bytes) ? PixelMode::kL : PixelMode::kRGB;
    check_image_size(kFormat, width, height);
  }

  Owned<heif_context> context;
  Owned<heif_image_handle> handle;
  bool avif = false;
  int width = 0, height = 0;
  PixelMode mode = PixelMode::kRGB;
};

bool is_heif(std::string_view head) {
  return has_brand(head, {"heic", "heix", "hevc", "heim", "heis", "mif1", "msf1", "avif", "avis"});
}

ImageInfo probe_heif(std::string_view head, std::uint64_t) {
  const Picture picture(head);
  return {picture.avif ? "AVIF" : std::string(kFormat), picture.mode, picture.width, picture.height, std::nullopt};
}

Image decode_heif(std::string_view bytes) {
  const Picture picture(bytes);
  const bool alpha = picture.mode == PixelMode::kRGBA, grey = picture.mode == PixelMode::kL;
  const Owned<heif_decoding_options> options(heif_decoding_options_alloc());
  options->ignore_transformations = picture.avif ? 1 : 0;
  options->convert_hdr_to_8bit = 1;
  heif_image* decoded = nullptr;
  const heif_chroma chroma = grey    ? heif_chroma_monochrome
                             : alpha ? heif_chroma_interleaved_RGBA
                                     : heif_chroma_interleaved_RGB;
  check(heif_decode_image(picture.handle.get(), &decoded, grey ? heif_colorspace_monochrome : heif_colorspace_RGB,
                          chroma, options.get()));
  const Owned<heif_image> pixels(decoded);
  const heif_channel channel = grey ? heif_channel_Y : heif_channel_interleaved;
  int stride = 0;
  const std::uint8_t* rows = heif_image_get_plane_readonly(decoded, channel, &stride);
  if (rows == nullptr) fail_decode(kFormat, "there are no pixels in it");
  Image image = Image::uninitialized(picture.mode, heif_image_get_width(decoded, channel),
                                     heif_image_get_height(decoded, channel));
  for (int y = 0; y < image.height(); ++y)
    std::memcpy(image.mutable_row(y), rows + static_cast<std::ptrdiff_t>(y) * stride, image.row_bytes());
  return image;
}

}  // namespace

const ImageCodec kHeifCodec{kFormat, is_heif, probe_heif, decode_heif};

}  // namespace intarsia
