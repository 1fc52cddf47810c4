// SPDX-License-Identifier: Apache-2.0
// Cells become Python objects.
#pragma once

#include <Python.h>

#include "intarsia/batch.h"
#include "json_reader.h"

namespace intarsia::python {

/// Makes a Python object of any cell of a column: images are PIL images, arrays are NumPy arrays, other media are paths
/// of local files. Requires the GIL.
class CellReader {
 public:
  explicit CellReader(Column column) : column_(std::move(column)), kind_(column_.type().kind()) {}

  /// A new reference; a null is None.
  [[nodiscard]] PyObject* at(std::int64_t row) { return column_.is_null(row) ? Py_NewRef(Py_None) : present(row); }
  [[nodiscard]] const Column& column() const { return column_; }

 private:
  PyObject* present(std::int64_t row);

  Column column_;
  TypeKind kind_;
  JsonReader json_;
};

/// A new reference.
[[nodiscard]] PyObject* object_of(const Value& value);

}  // namespace intarsia::python
