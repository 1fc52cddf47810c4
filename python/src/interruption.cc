// SPDX-License-Identifier: Apache-2.0
#include "interruption.h"

#include <unistd.h>

namespace intarsia::python {
namespace {

std::atomic<int> interrupts{0};

thread_local const std::atomic<bool>* cancelled = nullptr;
thread_local int calls = 0;
thread_local int interrupts_before = 0;

bool is_main_thread() {
  return gettid() == getpid();
}

}  // namespace

EngineCall::EngineCall() {
  if (calls++ == 0) interrupts_before = interrupts;
}

EngineCall::~EngineCall() {
  --calls;
}

bool is_interrupted() {
  if (cancelled != nullptr && *cancelled) return true;
  return calls > 0 && interrupts != interrupts_before && !is_main_thread();
}

void check_interrupted() {
  const bool interrupted = is_interrupted();
  if (!interrupted && !is_main_thread()) return;
  const nb::gil_scoped_acquire acquired;
  if (interrupted) PyErr_SetNone(PyExc_KeyboardInterrupt);
  if (interrupted || PyErr_CheckSignals() != 0) raise_python();
}

void interrupt_threads() {
  ++interrupts;
}

nb::object Cancellation::run(nb::callable function, nb::args args, nb::kwargs kwargs) {
  struct Current {
    explicit Current(const std::atomic<bool>* flag) : before(std::exchange(cancelled, flag)) {}
    ~Current() { cancelled = before; }
    const std::atomic<bool>* before;
  };
  const Current current(&cancelled_);
  check_interrupted();  // cancelled before it began
  return function(*args, **kwargs);
}

void bind_interruption(nb::module_& m) {
  nb::class_<Cancellation>(m, "Cancellation", "Ends a call that runs on one thread from another one.")
      .def(nb::init<>())
      .def("cancel", &Cancellation::cancel)
      .def("run", &Cancellation::run, nb::arg("function"), nb::arg("args"), nb::arg("kwargs"),
           nb::sig("def run(self, function: collections.abc.Callable[..., typing.Any], *args: typing.Any, **kwargs: "
                   "typing.Any) -> typing.Any"),
           "Calls the function; a KeyboardInterrupt ends what it does with the engine after cancel().");
  m.def("check_interrupted", &check_interrupted, "Raises KeyboardInterrupt when the thread's work should end.");
  m.def("interrupt_threads", &interrupt_threads, "Ends what all threads but the main one do with the engine.");
}

}  // namespace intarsia::python
