// SPDX-License-Identifier: Apache-2.0
#include "json_reader.h"

#include <charconv>
#include <string>

#include "binding.h"

namespace intarsia::python {
namespace {

constexpr int kDeepest = 1000;

void append_utf8(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 63));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 63));
    out += static_cast<char>(0x80 | (code & 63));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 63));
    out += static_cast<char>(0x80 | (code >> 6 & 63));
    out += static_cast<char>(0x80 | (code & 63));
  }
}

PyObject* text_object(std::string_view utf8) {
  PyObject* const text = PyUnicode_DecodeUTF8(utf8.data(), static_cast<Py_ssize_t>(utf8.size()), "surrogatepass");
  if (text == nullptr) raise_python();
  return text;
}

}  // namespace

JsonReader::~JsonReader() {
  for (PyObject* const key : keys_) Py_XDECREF(key);
}

PyObject* JsonReader::read(std::string_view text) {
  text_ = text;
  at_ = text.data();
  end_ = at_ + text.size();
  nb::object result = nb::steal<nb::object>(value(0));
  skip_space();
  if (at_ != end_) fail();
  return result.release().ptr();
}

void JsonReader::fail() const {
  PyErr_Format(PyExc_ValueError, "not a JSON document (at byte %zd): %.200s",
               static_cast<Py_ssize_t>(at_ - text_.data()), std::string(text_.substr(0, 200)).c_str());
  raise_python();
}

void JsonReader::skip_space() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
}

bool JsonReader::take(char c) {
  skip_space();
  if (at_ == end_ || *at_ != c) return false;
  ++at_;
  return true;
}

PyObject* JsonReader::value(int depth) {
  skip_space();
  if (at_ == end_ || depth > kDeepest) fail();
  switch (*at_) {
    case '{':
      return object(depth);
    case '[':
      return array(depth);
    case '"':
      return string();
    case 't':
      return word("true", Py_True);
    case 'f':
      return word("false", Py_False);
    case 'n':
      return word("null", Py_None);
    default:
      return number();
  }
}

PyObject* JsonReader::word(std::string_view expected, PyObject* result) {
  if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).substr(0, expected.size()) != expected) fail();
  at_ += expected.size();
  return Py_NewRef(result);
}

PyObject* JsonReader::object(int depth) {
  ++at_;
  nb::object dict = owned(PyDict_New());
  if (take('}')) return dict.release().ptr();
  do {
    skip_space();
    if (at_ == end_ || *at_ != '"') fail();
    const nb::object name = nb::steal<nb::object>(key());
    if (!take(':')) fail();
    const nb::object item = nb::steal<nb::object>(value(depth + 1));
    if (PyDict_SetItem(dict.ptr(), name.ptr(), item.ptr()) != 0) raise_python();
  } while (take(','));
  if (!take('}')) fail();
  return dict.release().ptr();
}

PyObject* JsonReader::array(int depth) {
  ++at_;
  nb::object list = owned(PyList_New(0));
  if (take(']')) return list.release().ptr();
  do {
    const nb::object item = nb::steal<nb::object>(value(depth + 1));
    if (PyList_Append(list.ptr(), item.ptr()) != 0) raise_python();
  } while (take(','));
  if (!take(']')) fail();
  return list.release().ptr();
}

PyObject* JsonReader::number() {
  const char* const begin = at_;
  bool whole = true;
  while (at_ != end_ &&
         ((*at_ >= '0' && *at_ <= '9') || *at_ == '-' || *at_ == '+' || *at_ == '.' || *at_ == 'e' || *at_ == 'E')) {
    whole = whole && *at_ != '.' && *at_ != 'e' && *at_ != 'E';
    ++at_;
  }
  if (begin == at_) fail();
  if (!whole) {
    double number = 0;
    const auto [end, error] = std::from_chars(begin, at_, number);
    if (error == std::errc::result_out_of_range) {
      number = PyOS_string_to_double(std::string(begin, at_).c_str(), nullptr, nullptr);
      if (PyErr_Occurred() != nullptr) raise_python();
    } else if (error != std::errc() || end != at_) {
      fail();
    }
    return owned(PyFloat_FromDouble(number)).release().ptr();
  }
  long long number = 0;
  const auto [end, error] = std::from_chars(begin, at_, number);
  if (error == std::errc() && end == at_) return owned(PyLong_FromLongLong(number)).release().ptr();
  return owned(PyLong_FromString(std::string(begin, at_).c_str(), nullptr, 10)).release().ptr();
}

PyObject* JsonReader::string() {
  const char* const begin = ++at_;
  while (at_ != end_ && *at_ != '"' && *at_ != '\\') ++at_;
  if (at_ == end_) fail();
  if (*at_ == '\\') return escaped_string(begin);
  return text_object({begin, static_cast<std::size_t>(at_++ - begin)});
}

PyObject* JsonReader::escaped_string(const char* begin) {
  std::string text(begin, at_);
  const auto hex = [this] {
    unsigned code = 0;
    if (end_ - at_ < 4 || std::from_chars(at_, at_ + 4, code, 16).ptr != at_ + 4) fail();
    at_ += 4;
    return code;
  };
  while (at_ != end_ && *at_ != '"') {
    if (*at_ != '\\') {
      text += *at_++;
      continue;
    }
    if (++at_ == end_) fail();
    const char c = *at_++;
    switch (c) {
      case 'n':
        text += '\n';
        break;
      case 't':
        text += '\t';
        break;
      case 'r':
        text += '\r';
        break;
      case 'b':
        text += '\b';
        break;
      case 'f':
        text += '\f';
        break;
      case 'u': {
        unsigned code = hex();
        if (code >= 0xD800 && code < 0xDC00 && end_ - at_ >= 6 && at_[0] == '\\' && at_[1] == 'u') {
          at_ += 2;
          code = 0x10000 + ((code - 0xD800) << 10) + (hex() - 0xDC00);
        }
        append_utf8(text, code);
        break;
      }
      default:
        text += c;
    }
  }
  if (at_ == end_) fail();
  ++at_;
  return text_object(text);
}

/// The same keys come again and again: one object each, found by their bytes.
PyObject* JsonReader::key() {
  const char* const begin = at_ + 1;
  const char* end = begin;
  unsigned hash = 0;
  while (end != end_ && *end != '"' && *end != '\\') hash = hash * 31 + static_cast<unsigned char>(*end++);
  if (end == end_ || *end == '\\') return string();
  const std::string_view bytes(begin, static_cast<std::size_t>(end - begin));
  PyObject*& slot = keys_[(hash ^ hash >> 8) & 255];
  if (slot != nullptr) {
    Py_ssize_t size = 0;
    const char* const known = PyUnicode_AsUTF8AndSize(slot, &size);
    if (known != nullptr && std::string_view(known, static_cast<std::size_t>(size)) == bytes) {
      at_ = end + 1;
      return Py_NewRef(slot);
    }
    PyErr_Clear();
  }
  PyObject* const fresh = string();
  Py_XDECREF(slot);
  slot = Py_NewRef(fresh);
  return fresh;
}

}  // namespace intarsia::python
