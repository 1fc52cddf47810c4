// SPDX-License-Identifier: Apache-2.0
// Python objects become cells and values.
#pragma once

#include <Python.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include "intarsia/batch.h"

namespace intarsia::python {

/// A Python object that is no cell of the wanted type. The message continues "column 'x' ...".
class UnfitCell : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Appends `object`; None is null. Throws UnfitCell, and then has appended nothing. Requires the GIL.
void append_object(ColumnBuilder& out, const Type& type, PyObject* object);

/// The literal that `object` is; throws UnfitCell when it is none.
[[nodiscard]] Value value_of(PyObject* object);
/// `object` as a value of `type`.
[[nodiscard]] Value value_of(PyObject* object, const Type& type);

/// "int 5", "str 'abc'", "None": at most about 80 characters.
[[nodiscard]] std::string described(PyObject* object);
/// "an Int", "a Float | None".
[[nodiscard]] std::string with_article(const Type& type);
/// UTF-8 of a str, which owns it; throws UnfitCell when it has lone surrogates.
[[nodiscard]] std::string_view utf8_of(PyObject* text);

}  // namespace intarsia::python
