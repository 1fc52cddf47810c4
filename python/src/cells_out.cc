// SPDX-License-Identifier: Apache-2.0
#include "cells_out.h"

#include <cstring>
#include <string>

#include "binding.h"
#include "times.h"

namespace intarsia::python {
namespace {

LazyObject image_of_bytes("intarsia._media", "image_of_bytes");
LazyObject image_of_pixels("intarsia._media", "image_of_pixels");
LazyObject array_of_bytes("intarsia._media", "array_of_bytes");

PyObject* checked(PyObject* object) {
  if (object == nullptr) raise_python();
  return object;
}

PyObject* text_object(std::string_view text) {
  return checked(PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
}

PyObject* bytes_object(std::string_view bytes) {
  return checked(PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
}

/// What uuid.UUID(bytes=...) makes, without its checks.
PyObject* uuid_object(const Uuid& uuid) {
  static LazyObject uuid_class("uuid", "UUID");
  static LazyObject safe_class("uuid", "SafeUUID");
  static PyObject* const unknown = PyObject_GetAttrString(safe_class.get(), "unknown");
  static PyObject* const int_name = PyUnicode_InternFromString("int");
  static PyObject* const safe_name = PyUnicode_InternFromString("is_safe");
  auto* const type = reinterpret_cast<PyTypeObject*>(uuid_class.get());
  nb::object result = owned(type->tp_alloc(type, 0));
  const nb::object number = owned(_PyLong_FromByteArray(uuid.bytes.data(), uuid.bytes.size(), 0, 0));
  if (PyObject_GenericSetAttr(result.ptr(), int_name, number.ptr()) != 0 ||
      PyObject_GenericSetAttr(result.ptr(), safe_name, unknown) != 0)
    raise_python();
  return result.release().ptr();
}

PyObject* array_object(const Array& array) {
  const nb::object shape = owned(PyTuple_New(static_cast<Py_ssize_t>(array.shape.size())));
  for (std::size_t i = 0; i < array.shape.size(); ++i)
    PyTuple_SET_ITEM(shape.ptr(), static_cast<Py_ssize_t>(i), checked(PyLong_FromLongLong(array.shape[i])));
  const nb::object data =
      owned(PyByteArray_FromStringAndSize(array.data.data(), static_cast<Py_ssize_t>(array.data.size())));
  return nb::borrow(array_of_bytes.get())(data, std::string(dtype_name(array.dtype)).c_str(), shape).release().ptr();
}

PyObject* image_object(const Image& image) {
  const nb::object data =
      nb::steal<nb::object>(bytes_object({reinterpret_cast<const char*>(image.data()), image.byte_size()}));
  const auto part = [](const std::vector<std::uint8_t>& bytes) {
    return nb::steal<nb::object>(bytes_object({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  };
  return nb::borrow(image_of_pixels.get())(std::string(mode_name(image.mode())).c_str(), image.width(), image.height(),
                                           data, part(image.palette()), part(image.palette_alpha()))
      .release()
      .ptr();
}

/// An image that is in a file is read by PIL, which keeps its format and its metadata, and decodes it when needed.
PyObject* image_cell(const Column& column, std::int64_t row) {
  if (!column.holds_media(row)) {
    const std::string bytes = without_gil([&] { return column.media_bytes_at(row); });
    nb::object image = nb::borrow(image_of_bytes.get())(nb::steal<nb::object>(bytes_object(bytes)));
    if (!image.is_none()) return image.release().ptr();  // None: a format that PIL does not read
  }
  return image_object(without_gil([&] { return column.image_at(row); }));
}

}  // namespace

PyObject* CellReader::present(std::int64_t row) {
  switch (kind_) {
    case TypeKind::kInt:
      return checked(PyLong_FromLongLong(column_.int_at(row)));
    case TypeKind::kFloat:
      return checked(PyFloat_FromDouble(column_.float_at(row)));
    case TypeKind::kString:
      return text_object(column_.text_at(row));
    case TypeKind::kBool:
      return Py_NewRef(column_.bool_at(row) ? Py_True : Py_False);
    case TypeKind::kTimestamp:
      return datetime_object(column_.timestamp_at(row));
    case TypeKind::kDate:
      return date_object(column_.date_at(row));
    case TypeKind::kUuid:
      return uuid_object(column_.uuid_at(row));
    case TypeKind::kJson:
      return json_.read(column_.text_at(row));
    case TypeKind::kArray:
      return array_object(column_.array_at(row));
    case TypeKind::kBinary:
      return bytes_object(column_.text_at(row));
    case TypeKind::kImage:
      return image_cell(column_, row);
    default:
      return text_object(without_gil([&] { return column_.media_path_at(row); }));
  }
}

PyObject* object_of(const Value& value) {
  if (value.is_null()) return Py_NewRef(Py_None);
  if (const auto* url = std::get_if<MediaUrl>(&value)) return text_object(url->url);
  return CellReader(Column::constant(value.type(), value, 1)).at(0);
}

}  // namespace intarsia::python
