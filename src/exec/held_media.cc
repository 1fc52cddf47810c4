// SPDX-License-Identifier: Apache-2.0
#include "exec/held_media.h"

#include <cstring>
#include <string>

#include "intarsia/media.h"
#include "type/column_data.h"

namespace intarsia {

namespace {

/// Before the pixels of an image, or before encoded bytes: then all of it is 0.
struct Header {
  std::int32_t is_image;
  std::int32_t mode;
  std::int32_t width;
  std::int32_t height;
  std::int32_t palette;        ///< bytes
  std::int32_t palette_alpha;  ///< bytes
};

void append_bytes(std::string& out, const void* bytes, std::size_t size) {
  if (size > 0) out.append(static_cast<const char*>(bytes), size);
}

std::string raw_image(const Image& image) {
  const Header header{1,
                      static_cast<std::int32_t>(image.mode()),
                      image.width(),
                      image.height(),
                      static_cast<std::int32_t>(image.palette().size()),
                      static_cast<std::int32_t>(image.palette_alpha().size())};
  std::string raw;
  raw.reserve(sizeof(header) + image.palette().size() + image.palette_alpha().size() + image.byte_size());
  append_bytes(raw, &header, sizeof(header));
  append_bytes(raw, image.palette().data(), image.palette().size());
  append_bytes(raw, image.palette_alpha().data(), image.palette_alpha().size());
  append_bytes(raw, image.data(), image.byte_size());
  return raw;
}

Image image_of(const Header& header, std::string_view raw) {
  Image image = Image::uninitialized(static_cast<PixelMode>(header.mode), header.width, header.height);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(raw.data());
  const std::uint8_t *alpha = bytes + header.palette, *pixels = alpha + header.palette_alpha;
  if (header.palette > 0) image.set_palette({bytes, alpha}, {alpha, pixels});
  if (image.byte_size() > 0) std::memcpy(image.mutable_row(0), pixels, image.byte_size());
  return image;
}

}  // namespace

bool holds_media(const Column& cells) {
  if (!cells.type().is_media()) return false;
  for (std::int64_t row = 0; row < cells.length(); ++row)
    if (cells.holds_media(row)) return true;
  return false;
}

Column held_media(const Column& cells) {
  ColumnBuilder held(Type(TypeKind::kBinary, true));
  for (std::int64_t row = 0; row < cells.length(); ++row) {
    if (!cells.holds_media(row)) {
      held.append_null();
    } else if (cells.type().kind() == TypeKind::kImage) {
      held.append_text(raw_image(cells.image_at(row)));
    } else {
      const Header encoded{};
      std::string raw;
      append_bytes(raw, &encoded, sizeof(encoded));
      held.append_text(raw + cells.media_bytes_at(row));
    }
  }
  return held.finish();
}

Column with_held_media(const Column& cells, const Column& held) {
  ColumnBuilder out(cells.type());
  for (std::int64_t row = 0; row < cells.length(); ++row) {
    if (held.is_null(row)) {
      out.append_cell(cells, row);
      continue;
    }
    const std::string_view raw = held.text_at(row);
    Header header{};
    std::memcpy(&header, raw.data(), sizeof(header));
    const std::string_view rest = raw.substr(sizeof(header));
    if (header.is_image != 0)
      out.append_image(image_of(header, rest));
    else
      out.append_media_bytes(std::string(rest));
  }
  return out.finish();
}

}  // namespace intarsia
