// SPDX-License-Identifier: Apache-2.0
#include "json_writer.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "binding.h"
#include "cells_in.h"

namespace intarsia::python {
namespace {

constexpr int kDeepest = 500;

/// Characters that a JSON string does not hold as they are.
constexpr std::array<bool, 256> kEscaped = [] {
  std::array<bool, 256> escaped{};
  for (int c = 0; c < 0x20; ++c) escaped[static_cast<std::size_t>(c)] = true;
  escaped['"'] = escaped['\\'] = true;
  return escaped;
}();

void write_escape(std::string& out, char c) {
  constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\0':
      throw UnfitCell("holds a NUL character, which a Json cell cannot");
    default:
      out += "\\u00";
      out += kHex[(c >> 4) & 15];
      out += kHex[c & 15];
  }
}

void write_int(std::string& out, PyObject* number) {
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
  if (overflow != 0) {
    const nb::object digits = owned(PyObject_Str(number));
    out += PyUnicode_AsUTF8(digits.ptr());
    return;
  }
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

void write_float(std::string& out, double number) {
  if (!std::isfinite(number)) throw UnfitCell("holds nan or infinity, which a Json cell cannot");
  char text[40];
  char* const end = std::to_chars(text, text + sizeof text, number).ptr;
  out.append(text, end);
  if (std::memchr(text, '.', static_cast<std::size_t>(end - text)) == nullptr &&
      std::memchr(text, 'e', static_cast<std::size_t>(end - text)) == nullptr)
    out += ".0";  // so that it is read back as a float
}

void write(std::string& out, PyObject* object, int depth);

void write_dict(std::string& out, PyObject* dict, int depth) {
  PyObject *key = nullptr, *value = nullptr;
  Py_ssize_t at = 0;
  char before = '{';
  while (PyDict_Next(dict, &at, &key, &value)) {
    if (!PyUnicode_Check(key)) throw UnfitCell("has a key that is no str: " + described(key));
    out += before;
    write_json_string(out, key);
    out += ':';
    write(out, value, depth + 1);
    before = ',';
  }
  out += before == '{' ? "{}" : "}";
}

void write_items(std::string& out, PyObject* sequence, int depth) {
  char before = '[';
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sequence); ++i) {
    out += before;
    write(out, PySequence_Fast_GET_ITEM(sequence, i), depth + 1);
    before = ',';
  }
  out += before == '[' ? "[]" : "]";
}

/// numpy's arrays and scalars as the Python objects that they stand for.
void write_foreign(std::string& out, PyObject* object, int depth) {
  if (!PyObject_HasAttrString(object, "tolist"))
    throw UnfitCell("cannot hold " + described(object) +
                    "; it takes None, bool, int, float, str, list, tuple and dict");
  const nb::object plain = owned(PyObject_CallMethod(object, "tolist", nullptr));
  write(out, plain.ptr(), depth + 1);
}

void write(std::string& out, PyObject* object, int depth) {
  if (depth > kDeepest) throw UnfitCell("is nested more than 500 levels deep");
  if (PyUnicode_Check(object))
    write_json_string(out, object);
  else if (object == Py_None)
    out += "null";
  else if (object == Py_True)
    out += "true";
  else if (object == Py_False)
    out += "false";
  else if (PyLong_Check(object))
    write_int(out, object);
  else if (PyFloat_Check(object))
    write_float(out, PyFloat_AS_DOUBLE(object));
  else if (PyDict_Check(object))
    write_dict(out, object, depth);
  else if (PyList_Check(object) || PyTuple_Check(object))
    write_items(out, object, depth);
  else
    write_foreign(out, object, depth);
}

}  // namespace

void write_json_string(std::string& out, PyObject* text) {
  const std::string_view utf8 = utf8_of(text);
  out += '"';
  std::size_t plain = 0;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    if (!kEscaped[static_cast<unsigned char>(utf8[i])]) continue;
    out.append(utf8, plain, i - plain);
    write_escape(out, utf8[i]);
    plain = i + 1;
  }
  out.append(utf8, plain, utf8.size() - plain);
  out += '"';
}

void write_json(std::string& out, PyObject* object) {
  write(out, object, 0);
}

}  // namespace intarsia::python
