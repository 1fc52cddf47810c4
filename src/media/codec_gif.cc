// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gif_lib.h>

#include <cstring>
#include <memory>
#include <vector>

#include "intarsia/error.h"
#include "media/codecs.h"

namespace intarsia {
namespace {

constexpr std::string_view kFormat = "GIF";

struct Source {
  std::string_view rest;
};

int read_some(GifFileType* file, GifByteType* out, int count) {
  auto* source = static_cast<Source*>(file->UserData);
  const std::size_t size = std::min(static_cast<std::size_t>(count), source->rest.size());
  std::memcpy(out, source->rest.data(), size);
  source->rest.remove_prefix(size);
  return static_cast<int>(size);
}

struct CloseGif {
  void operator()(GifFileType* file) const { DGifCloseFile(file, nullptr); }
};
using Gif = std::unique_ptr<GifFileType, CloseGif>;

[[noreturn]] void fail_gif(int code) {
  const bool ended = code == D_GIF_ERR_READ_FAILED || code == D_GIF_ERR_EOF_TOO_SOON;
  const char* reason = ended ? nullptr : GifErrorString(code);
  fail_decode(kFormat, reason == nullptr ? "the file is truncated" : reason);
}

Gif open_gif(Source& source) {
  int failure = 0;
  Gif file(DGifOpen(&source, read_some, &failure));
  if (file == nullptr) fail_gif(failure);
  check_image_size(kFormat, file->SWidth, file->SHeight);
  return file;
}

/// Reads up to the first frame; gives the index that is transparent, or -1.
int read_to_frame(GifFileType& file) {
  int transparent = -1;
  for (;;) {
    GifRecordType record = UNDEFINED_RECORD_TYPE;
    if (DGifGetRecordType(&file, &record) == GIF_ERROR) fail_gif(file.Error);
    if (record == TERMINATE_RECORD_TYPE) fail_decode(kFormat, "there is no picture in it");
    if (record == IMAGE_DESC_RECORD_TYPE) {
      if (DGifGetImageDesc(&file) == GIF_ERROR) fail_gif(file.Error);
      return transparent;
    }
    int code = 0;
    GifByteType* extension = nullptr;
    if (DGifGetExtension(&file, &code, &extension) == GIF_ERROR) fail_gif(file.Error);
    GraphicsControlBlock control;
    if (code == GRAPHICS_EXT_FUNC_CODE && extension != nullptr &&
        DGifExtensionToGCB(extension[0], extension + 1, &control) == GIF_OK)
      transparent = control.TransparentColor;
    while (extension != nullptr)
      if (DGifGetExtensionNext(&file, &extension) == GIF_ERROR) fail_gif(file.Error);
  }
}

std::vector<std::uint8_t> palette_of(const GifFileType& file) {
  const ColorMapObject* colours = file.Image.ColorMap != nullptr ? file.Image.ColorMap : file.SColorMap;
  std::vector<std::uint8_t> palette;
  for (int i = 0; colours != nullptr && i < colours->ColorCount; ++i)
    for (const GifByteType sample : {colours->Colors[i].Red, colours->Colors[i].Green, colours->Colors[i].Blue})
      palette.push_back(sample);
  return palette;
}

/// A palette that is its own index is no palette, but grey.
bool is_grey_ramp(const std::vector<std::uint8_t>& palette) {
  for (std::size_t i = 0; i < palette.size(); ++i)
    if (palette[i] != i / 3) return false;
  return true;
}

void read_rows(GifFileType& file, Image& image) {
  const GifImageDesc& frame = file.Image;
  if (frame.Width == 0) return;
  std::vector<GifPixelType> row(static_cast<std::size_t>(frame.Width));
  constexpr int kStarts[] = {0, 4, 2, 1}, kSteps[] = {8, 8, 4, 2};
  for (int pass = frame.Interlace ? 0 : 3; pass < 4; ++pass)
    for (int y = frame.Interlace ? kStarts[pass] : 0; y < frame.Height; y += frame.Interlace ? kSteps[pass] : 1) {
      if (DGifGetLine(&file, row.data(), frame.Width) == GIF_ERROR) fail_gif(file.Error);
      std::memcpy(image.mutable_row(frame.Top + y) + frame.Left, row.data(), row.size());
    }
}

bool is_gif(std::string_view head) {
  return head.starts_with("GIF87a") || head.starts_with("GIF89a");
}

/// The screen, enlarged where the frame reaches beyond it.
std::pair<int, int> canvas_of(const GifFileType& file) {
  const GifImageDesc& frame = file.Image;
  const int width = std::max(file.SWidth, frame.Left + frame.Width);
  const int height = std::max(file.SHeight, frame.Top + frame.Height);
  check_image_size(kFormat, width, height);
  return {width, height};
}

ImageInfo probe_gif(std::string_view head, std::uint64_t) {
  Source source{head};
  const Gif file = open_gif(source);
  read_to_frame(*file);
  const PixelMode mode = is_grey_ramp(palette_of(*file)) ? PixelMode::kL : PixelMode::kP;
  const auto [width, height] = canvas_of(*file);
  return {std::string(kFormat), mode, width, height, std::nullopt};
}

Image decode_gif(std::string_view bytes) {
  Source source{bytes};
  const Gif file = open_gif(source);
  const int transparent = read_to_frame(*file);
  std::vector<std::uint8_t> palette = palette_of(*file);
  const bool grey = is_grey_ramp(palette);
  const auto [width, height] = canvas_of(*file);
  Image image(grey ? PixelMode::kL : PixelMode::kP, width, height);
  if (transparent > 0) std::memset(image.mutable_row(0), transparent, image.byte_size());  // around the frame
  read_rows(*file, image);
  if (grey) return image;
  std::vector<std::uint8_t> alpha;
  if (transparent >= 0) {
    alpha.assign(static_cast<std::size_t>(transparent) + 1, 255);
    alpha.back() = 0;
  }
  image.set_palette(std::move(palette), std::move(alpha));
  return image;
}

}  // namespace

const ImageCodec kGifCodec{kFormat, is_gif, probe_gif, decode_gif};

}  // namespace intarsia
