// SPDX-License-Identifier: Apache-2.0
#include "media_in.h"

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "binding.h"
#include "cells_in.h"

namespace intarsia::python {
namespace {

LazyObject make_array("intarsia._media", "array_of");
LazyObject pixels_of("intarsia._media", "pixels_of");

/// The element type that a buffer's format says; nullopt for one that an Array cannot hold.
std::optional<DType> dtype_of(const Py_buffer& view) {
  const std::string_view format = view.format == nullptr ? "B" : view.format;
  const std::string_view code =
      format.size() == 2 && (format[0] == '<' || format[0] == '=' || format[0] == '@') ? format.substr(1) : format;
  if (code.size() != 1) return std::nullopt;
  const bool is_signed = std::strchr("bhilq", code[0]) != nullptr,
             is_unsigned = std::strchr("BHILQ", code[0]) != nullptr;
  if (code == "?") return DType::kBool;
  if (code == "e") return DType::kFloat16;
  if (code == "f") return DType::kFloat32;
  if (code == "d") return DType::kFloat64;
  if (!is_signed && !is_unsigned) return std::nullopt;
  switch (view.itemsize) {
    case 1:
      return is_signed ? DType::kInt8 : DType::kUInt8;
    case 2:
      return is_signed ? DType::kInt16 : DType::kUInt16;
    case 4:
      return is_signed ? DType::kInt32 : DType::kUInt32;
    default:
      return is_signed ? DType::kInt64 : DType::kUInt64;
  }
}

bool shape_fits(const std::vector<std::int64_t>& wanted, const std::vector<std::int64_t>& got) {
  if (wanted.empty()) return true;
  if (wanted.size() != got.size()) return false;
  for (std::size_t i = 0; i < got.size(); ++i)
    if (wanted[i] != kAnyLength && wanted[i] != got[i]) return false;
  return true;
}

bool is_ndarray(PyObject* object) {
  return std::strcmp(Py_TYPE(object)->tp_name, "numpy.ndarray") == 0;
}

/// `object` as a C-contiguous array in native byte order, of the wanted dtype when it is not an array yet.
nb::object contiguous(const Type& type, PyObject* object) {
  const std::string dtype = type.dtype() ? std::string(dtype_name(*type.dtype())) : std::string();
  nb::object array =
      nb::borrow(make_array.get())(nb::borrow(object), dtype.empty() ? nb::none() : nb::object(nb::str(dtype.c_str())));
  if (array.is_none()) throw UnfitCell("needs " + with_article(type) + ", got " + described(object));
  return array;
}

std::string absolute_url(std::string_view text) {
  if (text.find("://") != std::string_view::npos || text.empty() || text[0] == '/') return std::string(text);
  return std::filesystem::absolute(text).lexically_normal().string();
}

Image image_from(PyObject* pil) {
  const nb::object parts =
      nb::borrow(pixels_of.get())(nb::borrow(pil));  // (mode, width, height, bytes, palette, alpha)
  const auto mode = parse_mode(nb::cast<nb::str>(parts[0]).c_str());
  Image image = Image::uninitialized(mode, nb::cast<int>(parts[1]), nb::cast<int>(parts[2]));
  const nb::bytes bytes = nb::cast<nb::bytes>(parts[3]);
  if (bytes.size() != image.byte_size()) throw UnfitCell("has an image whose pixels do not fit its size");
  if (image.byte_size() > 0) std::memcpy(image.mutable_row(0), bytes.c_str(), image.byte_size());
  const auto numbers = [&parts](int i) {
    const nb::bytes raw = nb::cast<nb::bytes>(parts[i]);
    const auto* const begin = reinterpret_cast<const std::uint8_t*>(raw.c_str());
    return std::vector<std::uint8_t>(begin, begin + raw.size());
  };
  if (mode == PixelMode::kP) image.set_palette(numbers(4), numbers(5));
  return image;
}

}  // namespace

BufferView::BufferView(PyObject* object, int flags) {
  if (PyObject_GetBuffer(object, &view_, flags) != 0) raise_python();
}

void append_array(ColumnBuilder& out, const Type& type, PyObject* object) {
  const nb::object array = contiguous(type, object);
  const BufferView buffer(array.ptr(), PyBUF_C_CONTIGUOUS | PyBUF_FORMAT);
  const Py_buffer& view = buffer.view();
  const std::vector<std::int64_t> shape(view.shape, view.shape + view.ndim);
  const auto dtype = dtype_of(view);
  if (!dtype) throw UnfitCell("needs an array of numbers, got one of format '" + std::string(view.format) + "'");
  if ((type.dtype() && type.dtype() != dtype) || !shape_fits(type.shape(), shape))
    throw UnfitCell("needs " + with_article(type) + ", got " + with_article(Type::array(*dtype, shape)));
  out.append_array(*dtype, shape, view.buf);
}

bool is_pil_image(PyObject* object) {
  for (const PyTypeObject* type = Py_TYPE(object); type != nullptr; type = type->tp_base)
    if (std::strcmp(type->tp_name, "Image") == 0 && PyObject_HasAttrString(object, "tobytes")) return true;
  return false;
}

void append_media(ColumnBuilder& out, const Type& type, PyObject* object) {
  if (PyUnicode_Check(object)) return out.append_text(absolute_url(utf8_of(object)));
  if (PyBytes_Check(object) || PyByteArray_Check(object))
    return out.append_media_bytes(std::string(BufferView(object, PyBUF_SIMPLE).bytes()));
  if (PyObject_HasAttrString(object, "__fspath__")) {
    const nb::object path = owned(PyOS_FSPath(object));
    if (PyUnicode_Check(path.ptr())) return out.append_text(absolute_url(utf8_of(path.ptr())));
  }
  if (type.kind() == TypeKind::kImage && (is_pil_image(object) || is_ndarray(object)))
    return out.append_image(image_from(object));
  throw UnfitCell("needs " + with_article(type) + " (a path, a URL" +
                  (type.kind() == TypeKind::kImage ? ", bytes or a PIL image" : " or bytes") + "), got " +
                  described(object));
}

}  // namespace intarsia::python
