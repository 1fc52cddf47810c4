// SPDX-License-Identifier: Apache-2.0
// What an image's header says, and its bytes as text.
#include "function/base64.h"
#include "function/define.h"
#include "function/image_arguments.h"
#include "media/codecs.h"

namespace intarsia {
namespace {

const Type kImage(TypeKind::kImage);

/// The header of an image cell. A file that has not been decoded yet is not decoded for it.
ImageInfo header_of(const Column& column, std::int64_t row) {
  if (!column.text_at(row).empty() && !column.holds_media(row)) return probe_image_file(column.media_path_at(row));
  const Image image = column.image_at(row);
  ImageInfo info;
  info.mode = image.mode();
  info.width = image.width();
  info.height = image.height();
  return info;
}

/// A kernel that only needs the header.
template <typename Append>
Kernel header_kernel(Append append) {
  return [append](std::span<const Column> args, std::int64_t rows, ColumnBuilder& out) {
    out.reserve(rows);
    for (std::int64_t row = 0; row < rows; ++row) {
      if (args[0].is_null(row))
        out.append_null();
      else
        detail::append_cell_or_error(out, [&] { append(out, header_of(args[0], row)); });
    }
  };
}

void metadata_kernel(std::span<const Column> args, std::int64_t rows, ColumnBuilder& out) {
  out.reserve(rows);
  for (std::int64_t row = 0; row < rows; ++row) {
    if (args[0].is_null(row)) {
      out.append_null();
      continue;
    }
    detail::append_cell_or_error(out, [&] {
      const bool in_file = !args[0].text_at(row).empty();
      out.append_text(in_file ? image_metadata(args[0].media_bytes_at(row)) : image_metadata(args[0].image_at(row)));
    });
  }
}

void define_header_property(const std::string& name, const Type& returns, std::string doc, Kernel kernel) {
  Function property =
      image_function(name, {{"self", kImage}}, returns, std::move(doc), "t.img." + name, std::move(kernel));
  property.is_property = true;
  register_function(std::move(property));
}

}  // namespace

void register_image_properties() {
  define_header_property("width", TypeKind::kInt, "The width in pixels; read from the header of the file.",
                         header_kernel([](ColumnBuilder& out, const ImageInfo& info) { out.append_int(info.width); }));
  define_header_property("height", TypeKind::kInt, "The height in pixels; read from the header of the file.",
                         header_kernel([](ColumnBuilder& out, const ImageInfo& info) { out.append_int(info.height); }));
  define_header_property(
      "mode", TypeKind::kString, "The pixel layout: 'RGB', 'L', ...; read from the header of the file.",
      header_kernel([](ColumnBuilder& out, const ImageInfo& info) { out.append_text(mode_name(info.mode)); }));
  define_header_property("size", TypeKind::kJson, "[width, height]; read from the header of the file.",
                         header_kernel([](ColumnBuilder& out, const ImageInfo& info) {
                           out.append_text(JsonValue{info.width, info.height}.dump());
                         }));
  Function metadata =
      image_function("get_metadata", {{"self", kImage}}, TypeKind::kJson,
                     "{'width', 'height', 'mode', 'bits', 'format'}; bits and format are null where the "
                     "file does not tell, or the image is in no file.",
                     "t.img.get_metadata()", metadata_kernel);
  metadata.is_method = true;
  register_function(std::move(metadata));
  Function encode = image_function(
      "b64_encode", {{"img", kImage}, optional_parameter("image_format", TypeKind::kString, "png")}, TypeKind::kString,
      "The image as a file of that format ('png', 'jpeg', 'webp') in base64.", "t.img.b64_encode('jpeg')",
      scalar_kernel([](const Image& image, std::string_view format) { return base64(encode_image(image, format)); }));
  encode.is_method = true;
  register_function(std::move(encode));
}

}  // namespace intarsia
