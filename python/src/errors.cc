// SPDX-License-Identifier: Apache-2.0
#include "binding.h"

namespace intarsia::python {
namespace {

LazyObject make_error("intarsia.exceptions", "_error_from_engine");

void set_python_error(const Error& failure) {
  const nb::object error = nb::borrow(make_error.get())(
      static_cast<int>(failure.code()), std::string_view(failure.what()).data(), failure.detail().c_str());
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
}

}  // namespace

void bind_errors(nb::module_&) {
  nb::register_exception_translator([](const std::exception_ptr& failure, void*) {
    try {
      std::rethrow_exception(failure);
    } catch (const Error& error) {
      try {
        set_python_error(error);
      } catch (nb::python_error& broken) {  // the package itself cannot be imported
        broken.restore();
      }
    }
  });
}

}  // namespace intarsia::python
