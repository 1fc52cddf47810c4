// SPDX-License-Identifier: Apache-2.0
#include "cells_in.h"

#include <cstring>

#include "binding.h"
#include "json_writer.h"
#include "media_in.h"
#include "times.h"

namespace intarsia::python {
namespace {

[[noreturn]] void refuse(const Type& type, PyObject* object) {
  throw UnfitCell("needs " + with_article(type) + ", got " + described(object));
}

bool is_numpy(PyObject* object, const char* prefix) {
  return std::strncmp(Py_TYPE(object)->tp_name, prefix, std::strlen(prefix)) == 0;
}

std::int64_t int_of(const Type& type, PyObject* object) {
  nb::object index;
  if (!PyLong_Check(object)) {  // numpy's integers
    if (PyFloat_Check(object) || !PyIndex_Check(object)) refuse(type, object);
    index = nb::steal<nb::object>(PyNumber_Index(object));
    PyErr_Clear();
    if (!index.is_valid()) refuse(type, object);
    object = index.ptr();
  } else if (PyBool_Check(object)) {
    refuse(type, object);
  }
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
  if (overflow != 0) throw UnfitCell("needs an Int of 64 bits, got " + described(object));
  return value;
}

double float_of(const Type& type, PyObject* object) {
  if (PyFloat_Check(object)) return PyFloat_AS_DOUBLE(object);
  const PyNumberMethods* const number = Py_TYPE(object)->tp_as_number;
  if (!PyLong_Check(object) && (number == nullptr || number->nb_float == nullptr || is_numpy(object, "numpy.ndarray")))
    refuse(type, object);
  const double value = PyFloat_AsDouble(object);
  if (value == -1.0 && PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    refuse(type, object);
  }
  return value;
}

bool bool_of(const Type& type, PyObject* object) {
  if (object == Py_True || object == Py_False) return object == Py_True;
  if (PyLong_Check(object)) {
    const long value = PyLong_AsLong(object);
    PyErr_Clear();
    if (value == 0 || value == 1) return value == 1;
  }
  if (!is_numpy(object, "numpy.bool")) refuse(type, object);
  return PyObject_IsTrue(object) == 1;
}

std::string_view text_of(const Type& type, PyObject* object) {
  if (!PyUnicode_Check(object)) refuse(type, object);
  const std::string_view text = utf8_of(object);
  if (std::memchr(text.data(), 0, text.size()) != nullptr)
    throw UnfitCell("cannot hold a NUL character, got " + described(object));
  return text;
}

Uuid uuid_of(const Type& type, PyObject* object) {
  static LazyObject uuid_class("uuid", "UUID");
  if (PyUnicode_Check(object)) {
    try {
      return Uuid::parse(utf8_of(object));
    } catch (const Error&) {
      refuse(type, object);
    }
  }
  if (PyObject_IsInstance(object, uuid_class.get()) != 1) refuse(type, object);
  const nb::object bytes = owned(PyObject_GetAttrString(object, "bytes"));
  Uuid uuid;
  std::memcpy(uuid.bytes.data(), PyBytes_AS_STRING(bytes.ptr()), uuid.bytes.size());
  return uuid;
}

void append_binary(ColumnBuilder& out, const Type& type, PyObject* object) {
  if (!PyBytes_Check(object) && !PyByteArray_Check(object) && !PyMemoryView_Check(object)) refuse(type, object);
  const BufferView view(object, PyBUF_SIMPLE);
  out.append_text(view.bytes());
}

void append_json(ColumnBuilder& out, PyObject* object) {
  thread_local std::string text;
  text.clear();
  write_json(text, object);
  out.append_text(text);
}

}  // namespace

std::string described(PyObject* object) {
  if (object == Py_None) return "None";
  std::string kind = Py_TYPE(object)->tp_name;
  nb::object repr = nb::steal<nb::object>(PyObject_Repr(object));
  const char* const text = repr.is_valid() ? PyUnicode_AsUTF8(repr.ptr()) : nullptr;
  PyErr_Clear();
  if (text == nullptr || text[0] == '<') return kind;
  std::string shown = text;
  constexpr std::size_t kLongest = 60;
  if (shown.size() > kLongest) {
    std::size_t cut = kLongest;
    while (cut > 0 && (static_cast<unsigned char>(shown[cut]) & 0xC0) == 0x80) --cut;
    shown = shown.substr(0, cut) + "...";
  }
  return kind + " " + shown;
}

std::string with_article(const Type& type) {
  const std::string text = type.text();
  return (std::string_view("AIU").find(text[0]) != std::string_view::npos && type.kind() != TypeKind::kUuid ? "an "
                                                                                                            : "a ") +
         text;
}

std::string_view utf8_of(PyObject* text) {
  Py_ssize_t size = 0;
  const char* const utf8 = PyUnicode_AsUTF8AndSize(text, &size);
  if (utf8 == nullptr) {
    PyErr_Clear();
    throw UnfitCell("has text that UTF-8 cannot hold (a lone surrogate): " + described(text));
  }
  return {utf8, static_cast<std::size_t>(size)};
}

void append_object(ColumnBuilder& out, const Type& type, PyObject* object) {
  if (object == Py_None) {
    if (!type.nullable()) refuse(type, object);
    return out.append_null();
  }
  switch (type.kind()) {
    case TypeKind::kInt:
      return out.append_int(int_of(type, object));
    case TypeKind::kFloat:
      return out.append_float(float_of(type, object));
    case TypeKind::kString:
      return out.append_text(text_of(type, object));
    case TypeKind::kBool:
      return out.append_bool(bool_of(type, object));
    case TypeKind::kTimestamp:
      return out.append_timestamp(timestamp_of(type, object));
    case TypeKind::kDate:
      return out.append_date(date_of(type, object));
    case TypeKind::kUuid:
      return out.append_uuid(uuid_of(type, object));
    case TypeKind::kJson:
      return append_json(out, object);
    case TypeKind::kArray:
      return append_array(out, type, object);
    case TypeKind::kBinary:
      return append_binary(out, type, object);
    default:
      return append_media(out, type, object);
  }
}

Value value_of(PyObject* object, const Type& type) {
  ColumnBuilder builder(type);
  append_object(builder, type, object);
  return builder.finish().value_at(0);
}

Value value_of(PyObject* object) {
  if (object == Py_None) return {};
  if (PyBool_Check(object)) return Value(object == Py_True);
  if (PyLong_Check(object)) return value_of(object, TypeKind::kInt);
  if (PyFloat_Check(object)) return Value(PyFloat_AS_DOUBLE(object));
  if (PyUnicode_Check(object)) return Value(text_of(TypeKind::kString, object));
  if (PyList_Check(object) || PyTuple_Check(object) || PyDict_Check(object)) return value_of(object, TypeKind::kJson);
  if (PyBytes_Check(object) || PyByteArray_Check(object)) return value_of(object, TypeKind::kBinary);
  if (is_datetime(object)) return value_of(object, TypeKind::kTimestamp);
  if (is_date(object)) return value_of(object, TypeKind::kDate);
  if (is_numpy(object, "numpy.ndarray")) return value_of(object, TypeKind::kArray);
  if (is_numpy(object, "numpy.")) {  // its scalars
    const nb::object plain = owned(PyObject_CallMethod(object, "item", nullptr));
    if (!is_numpy(plain.ptr(), "numpy.")) return value_of(plain.ptr());
  }
  if (std::strcmp(Py_TYPE(object)->tp_name, "UUID") == 0) return value_of(object, TypeKind::kUuid);
  if (is_pil_image(object)) return value_of(object, TypeKind::kImage);
  throw UnfitCell("is no literal: " + described(object));
}

}  // namespace intarsia::python
