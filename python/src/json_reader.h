// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <array>
#include <string_view>

namespace intarsia::python {

/// Makes Python objects of JSON texts; remembers the keys that it met. Requires the GIL.
class JsonReader {
 public:
  JsonReader() = default;
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;
  ~JsonReader();

  /// A new reference; throws nb::python_error (ValueError) when the text is no JSON.
  PyObject* read(std::string_view text);

 private:
  PyObject* value(int depth);
  PyObject* object(int depth);
  PyObject* array(int depth);
  PyObject* number();
  PyObject* string();
  PyObject* key();
  PyObject* word(std::string_view expected, PyObject* result);
  PyObject* escaped_string(const char* begin);
  void skip_space();
  bool take(char c);
  [[noreturn]] void fail() const;

  std::string_view text_;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  std::array<PyObject*, 256> keys_{};
};

}  // namespace intarsia::python
