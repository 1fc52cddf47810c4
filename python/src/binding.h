// SPDX-License-Identifier: Apache-2.0
// What the files of the binding share. The binding stands on the public headers only.
#pragma once

#include <nanobind/nanobind.h>

#include <utility>

#include "intarsia/intarsia.h"

namespace intarsia::python {

namespace nb = nanobind;

void bind_errors(nb::module_& m);
void bind_types(nb::module_& m);
void bind_exprs(nb::module_& m);
void bind_functions(nb::module_& m);
void bind_results(nb::module_& m);
void bind_queries(nb::module_& m);
void bind_tables(nb::module_& m);
void bind_database(nb::module_& m);
void bind_telemetry(nb::module_& m);

/// A call from Python into the engine, for interruption.h.
class EngineCall {
 public:
  EngineCall();
  ~EngineCall();
  EngineCall(const EngineCall&) = delete;
  EngineCall& operator=(const EngineCall&) = delete;
};

/// Runs `work` while other Python threads may run.
template <typename Work>
auto without_gil(Work&& work) {
  const EngineCall call;
  const nb::gil_scoped_release released;
  return std::forward<Work>(work)();
}

/// An attribute of a Python module: imported at first use, kept until the process ends. Requires the GIL.
class LazyObject {
 public:
  constexpr LazyObject(const char* module, const char* name) : module_(module), name_(name) {}
  PyObject* get();

 private:
  const char* module_;
  const char* name_;
  PyObject* object_ = nullptr;
};

/// Throws the Python exception that is set.
[[noreturn]] inline void raise_python() {
  throw nb::python_error();
}

/// A new reference, or the Python exception that is set.
inline nb::object owned(PyObject* object) {
  if (object == nullptr) raise_python();
  return nb::steal<nb::object>(object);
}

}  // namespace intarsia::python
