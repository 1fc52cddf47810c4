// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>

#include <cstring>
#include <memory>

#include "intarsia/error.h"
#include "media/codecs.h"
#include "media/convert.h"

namespace intarsia {
namespace {

constexpr std::string_view kFormat = "WEBP";
constexpr float kDefaultQuality = 80.0F;

const std::uint8_t* data_of(std::string_view bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

WebPBitstreamFeatures read_features(std::string_view bytes) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data_of(bytes), bytes.size(), &features) != VP8_STATUS_OK) {
    fail_decode(kFormat, "the header is damaged or truncated");
  }
  check_image_size(kFormat, features.width, features.height);
  return features;
}

PixelMode mode_of(const WebPBitstreamFeatures& features) {
  return features.has_alpha != 0 ? PixelMode::kRGBA : PixelMode::kRGB;
}

bool is_webp(std::string_view head) {
  return head.size() >= 12 && head.starts_with("RIFF") && head.substr(8, 4) == "WEBP";
}

ImageInfo probe_webp(std::string_view head, std::uint64_t total) {
  const WebPBitstreamFeatures features = read_features(head);
  std::uint32_t riff_size = 0;
  for (int i = 3; i >= 0; --i) riff_size = riff_size << 8 | data_of(head)[4 + i];
  if (total < 8ULL + riff_size) fail_decode(kFormat, "the file is truncated");
  return {std::string(kFormat), mode_of(features), features.width, features.height, {}};
}

/// The first frame on its canvas.
Image decode_animation(std::string_view bytes, PixelMode mode) {
  WebPAnimDecoderOptions options;
  WebPAnimDecoderOptionsInit(&options);
  options.color_mode = MODE_RGBA;
  const WebPData data{data_of(bytes), bytes.size()};
  const std::unique_ptr<WebPAnimDecoder, decltype(&WebPAnimDecoderDelete)> decoder(WebPAnimDecoderNew(&data, &options),
                                                                                   WebPAnimDecoderDelete);
  WebPAnimInfo info;
  std::uint8_t* frame = nullptr;
  int timestamp = 0;
  if (!decoder || WebPAnimDecoderGetInfo(decoder.get(), &info) == 0 ||
      WebPAnimDecoderGetNext(decoder.get(), &frame, &timestamp) == 0) {
    fail_decode(kFormat, "the animation is damaged or truncated");
  }
  Image image = Image::uninitialized(mode, static_cast<int>(info.canvas_width), static_cast<int>(info.canvas_height));
  const std::size_t pixel = bytes_per_pixel(mode);
  std::uint8_t* to = image.mutable_row(0);
  for (std::size_t i = 0; i < image.byte_size() / pixel; ++i) std::memcpy(to + i * pixel, frame + i * 4, pixel);
  return image;
}

Image decode_webp(std::string_view bytes) {
  const WebPBitstreamFeatures features = read_features(bytes);
  const PixelMode mode = mode_of(features);
  if (features.has_animation != 0) return decode_animation(bytes, mode);
  Image image = Image::uninitialized(mode, features.width, features.height);
  const auto decode = mode == PixelMode::kRGBA ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  const auto stride = static_cast<int>(image.byte_size() / static_cast<std::size_t>(features.height));
  if (decode(data_of(bytes), bytes.size(), image.mutable_row(0), image.byte_size(), stride) == nullptr) {
    fail_decode(kFormat, "the pixels are damaged or truncated");
  }
  return image;
}

/// Owns an encoder's picture.
struct Picture {
  Picture() { ok = WebPPictureInit(&picture) != 0; }
  ~Picture() { WebPPictureFree(&picture); }
  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;
  WebPPicture picture;
  bool ok;
};

int append_bytes(const std::uint8_t* bytes, std::size_t size, const WebPPicture* picture) {
  static_cast<std::string*>(picture->custom_ptr)->append(reinterpret_cast<const char*>(bytes), size);
  return 1;
}

}  // namespace

std::string encode_webp(const Image& image, int quality) {
  const bool alpha = image.mode() == PixelMode::kRGBA;
  if (!alpha && image.mode() != PixelMode::kRGB) {
    return encode_webp(convert(image, image.has_alpha() ? PixelMode::kRGBA : PixelMode::kRGB), quality);
  }
  WebPConfig config;
  Picture holder;
  WebPPicture& picture = holder.picture;
  if (!holder.ok || WebPConfigPreset(&config, WEBP_PRESET_DEFAULT,
                                     quality < 0 ? kDefaultQuality : static_cast<float>(quality)) == 0) {
    throw Error(ErrorCode::kInternal, "the libwebp in use has another interface than the one compiled against");
  }
  std::string output;
  picture.width = image.width();
  picture.height = image.height();
  picture.writer = append_bytes;
  picture.custom_ptr = &output;
  const int stride = image.width() * (alpha ? 4 : 3);
  const auto import = alpha ? WebPPictureImportRGBA : WebPPictureImportRGB;
  if (import(&picture, image.data(), stride) == 0 || WebPEncode(&config, &picture) == 0) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("cannot write the image of {}x{} pixels as WebP: libwebp error {}", image.width(),
                            image.height(), static_cast<int>(picture.error_code)));
  }
  return output;
}

const ImageCodec kWebpCodec{kFormat, is_webp, probe_webp, decode_webp};

}  // namespace intarsia
