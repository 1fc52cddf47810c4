// SPDX-License-Identifier: Apache-2.0
// Arrays and media as Python holds them become cells.
#pragma once

#include <Python.h>

#include <string_view>

#include "intarsia/batch.h"

namespace intarsia::python {

/// The memory of a Python object; released with this. Throws nb::python_error when it has none of that form.
class BufferView {
 public:
  BufferView(PyObject* object, int flags);
  BufferView(const BufferView&) = delete;
  BufferView& operator=(const BufferView&) = delete;
  ~BufferView() { PyBuffer_Release(&view_); }
  [[nodiscard]] const Py_buffer& view() const { return view_; }
  [[nodiscard]] std::string_view bytes() const {
    return {static_cast<const char*>(view_.buf), static_cast<std::size_t>(view_.len)};
  }

 private:
  Py_buffer view_{};
};

/// A NumPy array, or nested lists that make one. Throws UnfitCell.
void append_array(ColumnBuilder& out, const Type& type, PyObject* object);

/// A path or URL (str or Path), bytes of a file, and for an Image also a PIL image or a NumPy array of pixels.
void append_media(ColumnBuilder& out, const Type& type, PyObject* object);

[[nodiscard]] bool is_pil_image(PyObject* object);

}  // namespace intarsia::python
