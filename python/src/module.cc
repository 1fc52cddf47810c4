// SPDX-License-Identifier: Apache-2.0
#include "binding.h"
#include "interruption.h"

namespace intarsia::python {

PyObject* LazyObject::get() {
  if (object_ == nullptr) {
    const nb::object module = owned(PyImport_ImportModule(module_));
    object_ = owned(PyObject_GetAttrString(module.ptr(), name_)).release().ptr();
  }
  return object_;
}

}  // namespace intarsia::python

NB_MODULE(_native, m) {
  using namespace intarsia::python;
  m.doc() = "The engine, as the Python package uses it. Not an interface for programs: use the package.";
  nanobind::set_leak_warnings(false);  // registered functions live until the process ends
  bind_errors(m);
  bind_interruption(m);
  bind_types(m);
  bind_exprs(m);
  bind_functions(m);
  bind_results(m);
  bind_queries(m);
  bind_tables(m);
  bind_database(m);
  bind_telemetry(m);
}
